"""Logs of the common kind in JSON: one conversation an object, or one message an object."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from engine.dialogue import Speaker, Turn
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.logs.gathered import Gathered
from engine.logs.items import items
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import CONVERSATION, SPEAKER, TEXT, TIME, is_nobody, moment, name, plain, said, speaker, value

_TURNS = ("turns", "messages")


def read_conversations(raw: Raw, notes: Notes, labels: dict[str, int]) -> Iterator[LoggedConversation]:
    """One conversation an object: ``turns`` (or ``messages``) of ``role`` and ``text``.

    ``labels`` gets the line of the first turn for every entry that an agent's turn names.
    """
    for line, item in items(raw, notes):
        try:
            found = _conversation(item, line, notes)
        except (KeyError, TypeError, AttributeError) as error:
            notes.wrong(line, "turns", f"not a conversation: {error!r} is missing or of another type")
        except ValueError as error:
            notes.wrong(line, "turns", str(error))
        else:
            for turn in found.turns:
                if turn.entry is not None:
                    labels.setdefault(turn.entry, line)
            if not any(turn.turn.speaker is Speaker.CUSTOMER for turn in found.turns):
                notes.odd(line, "turns", "no turn is of the customer: kept, but there is nothing to learn from it")
            yield found


def _conversation(item: Any, line: int, notes: Notes) -> LoggedConversation:
    turns: list[LoggedTurn] = []
    for turn in value(item, _TURNS):
        role = str(value(turn, SPEAKER))
        if is_nobody(role):
            notes.leave("notes of the system between the turns")
            continue
        found = _turn(turn, role)
        if found.turn.speaker is not Speaker.CUSTOMER:
            notes.measure(found.turn.text, line, "text")
        turns.append(found)
    id_ = next((name(item[key]) for key in (*CONVERSATION, "id") if key in item), "")
    return LoggedConversation(id_, tuple(turns))


def _turn(item: Any, role: str) -> LoggedTurn:
    entry = item.get("entry")
    if entry is not None and not isinstance(entry, str):
        raise TypeError(f"entry {entry!r}")
    # names and values of slots are repeated on every turn of a conversation, so each is kept once
    slots = {
        sys.intern(str(key)): sys.intern(str(value))
        for key, value in (item.get("slots") or {}).items()
        if isinstance(value, str)
    }
    time = next((moment(item[key]) for key in TIME if key in item), None)
    return LoggedTurn(Turn(speaker(role), said(str(value(item, TEXT)))), entry, slots, time)


def read_messages(raw: Raw, notes: Notes) -> Iterator[LoggedConversation]:
    """One message an object, with the conversation that it belongs to, who speaks, the text, and perhaps the time."""
    gathered = Gathered(notes)
    for line, item in items(raw, notes):
        try:
            message = {plain(key): found for key, found in item.items()}
            conversation, role, text = (value(message, names) for names in (CONVERSATION, SPEAKER, TEXT))
        except (KeyError, AttributeError) as error:
            notes.wrong(line, "", f"not a message: {error!r} is missing; conversation, role and text are needed")
            continue
        time = next((message[key] for key in TIME if key in message), None)
        gathered.add(name(conversation), name(role), text, time, line)
    yield from gathered.conversations()
