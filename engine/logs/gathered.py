"""Single messages put together into conversations, in the order in which they were said."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from engine.dialogue import Speaker, Turn
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.logs.notes import Notes
from engine.logs.words import is_nobody, moment, said, speaker

_NEVER = datetime.max.replace(tzinfo=UTC)


class Gathered:
    """Turns by conversation; those of a conversation may come in any order and between those of others."""

    def __init__(self, notes: Notes) -> None:
        self._notes = notes
        self._turns: dict[str, list[LoggedTurn]] = {}
        self._lines: dict[str, int] = {}
        self._unknown: set[str] = set()
        self._untimed = False

    def add(self, conversation: str, role: str, text: Any, time: Any, line: int) -> None:
        """Add a message by whoever is called ``role``; what cannot be used is noted."""
        if is_nobody(role):
            self._notes.leave("notes of the system between the turns")
            return
        try:
            self.put(conversation, speaker(role), said(text), time, line)
        except ValueError as error:
            if role not in self._unknown:  # a log of a million lines has the same role on every second one
                self._unknown.add(role)
                self._notes.wrong(line, "role", str(error))

    def put(self, conversation: str, who: Speaker, text: str, time: Any, line: int) -> None:
        """Add a message whose speaker is known; without text it is left out, and counted."""
        if not text:
            self._notes.leave("messages without text (attachments and the like)")
            return
        if not conversation:
            self._notes.wrong(line, "conversation", "is empty, so nobody can tell which conversation the text is of")
            return
        if who is not Speaker.CUSTOMER:
            self._notes.measure(text, line, "text")
        when = moment(time)
        if when is None and time not in (None, "") and not self._untimed:
            self._untimed = True
            message = f"time {time!r} is not understood; such a conversation keeps the order of the file. Use ISO 8601"
            self._notes.odd(line, "time", message)
        self._lines.setdefault(conversation, line)
        self._turns.setdefault(conversation, []).append(LoggedTurn(Turn(who, text), time=when))

    def conversations(self) -> Iterator[LoggedConversation]:
        """Every conversation in which a customer speaks, in the order of their first lines; each is then let go."""
        for id_ in list(self._turns):
            turns = self._turns.pop(id_)
            if any(turn.turn.speaker is Speaker.CUSTOMER for turn in turns):
                yield LoggedConversation(id_, tuple(in_order(turns)))
            else:
                self._notes.leave("conversations without a turn of the customer")


def in_order(turns: list[LoggedTurn]) -> list[LoggedTurn]:
    """Turns by time; in the order of the file where one of them has none."""
    if any(turn.time is None for turn in turns):
        return turns
    return sorted(turns, key=lambda turn: turn.time or _NEVER)
