"""Watching how customers sound: the monitor fed with every turn that was stored, its alerts in the log."""

from __future__ import annotations

import logging
import threading

from bot.mood_monitor import Alert, MoodMonitor
from engine.dialogue import Message, Reply
from engine.memory import WorkingMemory
from engine.understand.slots import SlotFinder

log = logging.getLogger("attendant.mood")


class MoodAlerts:
    """Safe to be used from several threads. What it has seen is kept while the process runs.

    Args:
        slots: Masks personal data before a text is kept as an example.
        monitor: Sees jumps.
    """

    def __init__(self, slots: SlotFinder, monitor: MoodMonitor | None = None) -> None:
        self._slots = slots
        self._monitor = monitor or MoodMonitor()
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
        if alert is not None:
            about = f"about {alert.topic}" if alert.topic else "over all topics"
            log.warning(
                "negative talk %s has risen from %.0f %% to %.0f %% of conversations (%d of them); examples: %s",
                about,
                100 * alert.before,
                100 * alert.now,
                alert.count,
                " | ".join(alert.examples),
            )
        return alert
