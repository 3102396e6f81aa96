"""What the house counts while it runs. No text and nothing about a customer is in a label."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from engine.dialogue import Mark, Reply

ANSWERED = "none"
"""The grade of a reply to a message that was not out of scope."""
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Counters of one process, in a registry of their own; safe to be used from several threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._replies = Counter(
            "attendant_replies",
            "Replies, by source and by how far out of scope the message was.",
            ("source", "grade"),
            registry=self.registry,
        )
        self._marks = {
            mark: Counter(name, what, registry=self.registry)
            for mark, name, what in (
                (Mark.SLIP, "attendant_slips", "Composed answers that were not faithful; the entry spoke instead."),
                (Mark.PARTS, "attendant_messages_in_parts", "Messages that were answered question by question."),
                (Mark.CHOICE, "attendant_choices_taken", "Messages that took something that was offered."),
            )
        }
        self._seconds = Histogram(
            "attendant_turn_seconds",
            "Seconds from taking a message to its stored reply.",
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._deliveries = Counter(
            "attendant_deliveries",
            "Attempts to deliver, by how they went.",
            ("channel", "outcome"),
            registry=self.registry,
        )
        self._failed = Counter("attendant_failed_turns", "Turns that failed; the log says why.", registry=self.registry)
        self._turned_away = Counter(
            "attendant_turned_away", "Messages turned away because too many waited.", registry=self.registry
        )

    def replied(self, reply: Reply, seconds: float) -> None:
        """Count a reply that was stored, ``seconds`` after its message was taken."""
        origin = reply.provenance
        self._replies.labels(origin.source.value, origin.grade.value if origin.grade else ANSWERED).inc()
        for mark in origin.marks:
            self._marks[mark].inc()
        self._seconds.observe(seconds)

    def sent(self, channel: str, outcome: str) -> None:
        """Count an attempt to deliver that was ``delivered``, ``postponed`` or ``parked``."""
        self._deliveries.labels(channel, outcome).inc()

    def failed(self) -> None:
        """Count a turn that failed."""
        self._failed.inc()

    def turned_away(self) -> None:
        """Count a message that was turned away."""
        self._turned_away.inc()
