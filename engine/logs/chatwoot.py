"""Conversations of Chatwoot: exports, answers of its API, and events of its webhooks.

A message is by the customer (``incoming``, 0) or by the desk (``outgoing``, 1). Left out and counted are private notes,
what the system says of itself (``activity``, 2), automatic messages (``template``, 3), and messages without text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.dialogue import Speaker
from engine.logs.conversation import LoggedConversation
from engine.logs.gathered import Gathered
from engine.logs.items import items
from engine.logs.mail import own_words
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import name, said

_TYPES = {0: "incoming", 1: "outgoing", 2: "activity", 3: "template"}
_SPEAKERS = {"incoming": Speaker.CUSTOMER, "outgoing": Speaker.AGENT}
_LEFT = {"activity": "remarks of the system (activity)", "template": "automatic messages (template)"}


def read_chatwoot(raw: Raw, notes: Notes) -> Iterator[LoggedConversation]:
    """Conversations with their ``messages``, or messages with the id of their conversation, in the order of time."""
    gathered = Gathered(notes)
    for line, item in items(raw, notes):
        if not isinstance(item, dict):
            notes.wrong(line, "", "not a conversation: an object with messages is needed")
        elif isinstance(item.get("messages"), list) and "message_type" not in item:
            id_ = name(item.get("id", item.get("display_id"))) or f"line {line}"
            for message in item["messages"]:
                _add(gathered, id_, message, line, notes)
        elif "message_type" in item:
            _add_single(gathered, item, line, notes)
        elif "event" in item:
            notes.leave("events that are no messages")
        else:
            notes.wrong(line, "messages", "not a conversation: neither messages nor message_type is there")
    yield from gathered.conversations()


def _add_single(gathered: Gathered, item: dict[str, Any], line: int, notes: Notes) -> None:
    if item.get("event", "message_created") != "message_created":
        notes.leave("events that are no new messages")
        return
    conversation = item.get("conversation")
    inner = conversation.get("id") if isinstance(conversation, dict) else conversation
    _add(gathered, name(item.get("conversation_id", inner)), item, line, notes)


def _add(gathered: Gathered, conversation: str, message: Any, line: int, notes: Notes) -> None:
    kind = _kind(message)
    if kind is None:
        shown = message.get("message_type") if isinstance(message, dict) else message
        notes.wrong(line, "message_type", f"{shown!r:.80} is none of incoming (0), outgoing (1), activity, template")
    elif message.get("private"):
        notes.leave("private notes")
    elif kind in _LEFT:
        notes.leave(_LEFT[kind])
    else:
        gathered.put(conversation, _SPEAKERS[kind], _text(message), message.get("created_at"), line)


def _kind(message: Any) -> str | None:
    found = message.get("message_type") if isinstance(message, dict) else None
    if isinstance(found, int) and not isinstance(found, bool):
        return _TYPES.get(found)
    return found if isinstance(found, str) and found in _TYPES.values() else None


def _text(message: dict[str, Any]) -> str:
    text = said(message.get("content"))
    return own_words(text) if message.get("content_type") == "incoming_email" else text
