"""Watching how customers sound: the monitor fed with every turn that was stored, its alerts sent and in the log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from datetime import datetime

from bot.mood_monitor import Alert, MoodMonitor
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from engine.memory import WorkingMemory
from engine.understand.slots import SlotFinder
from storage.errors import StorageError
from storage.ports import DeliveryKind, Store

log = logging.getLogger("attendant.mood")
STATE = "mood monitor"
THREAD = "alerts"
"""The thread of a channel's own people, where alerts are delivered."""
_KEPT_EVERY = 60.0  # seconds


class MoodAlerts:
    """Safe to be used from several threads. What it has seen outlives the process, but for the texts of customers.

    Args:
        slots: Masks personal data before a text is kept as an example.
        monitor: Sees jumps; None goes on with the one that was kept.
        store: Keeps what was seen, and the outbox that alerts go to; None keeps and sends nothing.
        to: The channels that alerts are sent to.
    """

    def __init__(
        self,
        slots: SlotFinder,
        monitor: MoodMonitor | None = None,
        *,
        store: Store | None = None,
        to: Sequence[str] = (),
    ) -> None:
        self._slots = slots
        self._store = store
        self._to = to
        self._monitor = monitor or _kept(store)
        self._saved, self._changed = time.monotonic(), False
        self._one_at_a_time = threading.Lock()

    def heard(self, message: Message, reply: Reply, before: WorkingMemory, after: WorkingMemory) -> Alert | None:
        """Take in a turn; nothing happens where no mood was felt in it."""
        if not after.moods or after.moods is before.moods:
            return None
        text = self._slots.masked(message.text)
        with self._one_at_a_time:
            alert = self._monitor.observe(
                reply.entry, after.moods[-1], text, message.sent_at, conversation=str(message.key)
            )
            self._changed = True
            if alert is not None or time.monotonic() - self._saved > _KEPT_EVERY:
                self._save()
        if alert is not None:
            told = in_words(alert)
            log.warning(told)
            self._send(told, message.sent_at)
        return alert

    def forget(self) -> None:
        """Keep no text of anybody: somebody wants to be forgotten, and whose an example is nobody knows."""
        with self._one_at_a_time:
            self._monitor.forget_examples()

    def close(self) -> None:
        """Keep what was seen for the next start."""
        with self._one_at_a_time:
            self._save()

    def _save(self) -> None:
        self._saved = time.monotonic()
        if self._store is None or not self._changed:
            return
        self._changed = False
        try:
            with self._store.write() as work:
                work.keep_state(STATE, self._monitor.to_json())
                work.commit()
        except StorageError as error:
            log.error("what is known of moods could not be kept: %s", error)

    def _send(self, told: str, at: datetime) -> None:
        if self._store is None or not self._to:
            return
        reply = Reply(told, Provenance(Source.FIXED, "mood monitor", "negative talk has risen"), 1.0)
        try:
            with self._store.write() as work:
                for channel in self._to:
                    message = Message(ConversationKey(channel, THREAD), f"alert {at.isoformat()}", "", at)
                    work.enqueue(message, reply, DeliveryKind.ALERT)
                work.commit()
        except StorageError as error:
            log.error("an alert could not be sent: %s", error)


def in_words(alert: Alert) -> str:
    """An alert for the company's people: topic, shares and examples."""
    about = f"about {alert.topic}" if alert.topic else "over all topics"
    risen = f"from {alert.before:.0%} to {alert.now:.0%} of conversations ({alert.count} of them)"
    return f"negative talk {about} has risen {risen}; examples: {' | '.join(alert.examples)}"


def _kept(store: Store | None) -> MoodMonitor:
    try:
        state = None if store is None else store.state(STATE)
        return MoodMonitor() if state is None else MoodMonitor.from_json(state)
    except (StorageError, ValueError) as error:
        log.warning("%s", error)
        return MoodMonitor()
