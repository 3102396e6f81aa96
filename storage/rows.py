"""Values of the house as plain data, and back; text made safe for both databases."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from engine.dialogue import (
    Candidate,
    ChannelEvent,
    Choice,
    ConversationKey,
    EventKind,
    Grade,
    Mark,
    Provenance,
    Reply,
    Source,
)
from storage.errors import Damaged, StorageError
from storage.ports import DeliveryKind

REPLY_FORMAT = 1
LONGEST_NAME = 255
LONGEST_MESSAGE_ID = 512

# PostgreSQL refuses NUL in text, and no database takes half of a surrogate pair.
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def safe(text: str) -> str:
    """The text with every character that a database refuses replaced by U+FFFD; its length stays the same."""
    return _UNSTORABLE.sub("\ufffd", text)


def storable(data: Any) -> Any:
    """Plain data with all its text made safe.

    Raises:
        ValueError: If a number in it is infinite or not a number, which JSON cannot say.
    """
    if isinstance(data, str):
        return safe(data)
    if isinstance(data, float) and not math.isfinite(data):
        raise ValueError(f"{data} cannot be stored, expected a finite number")
    if isinstance(data, Mapping):
        return {safe(str(name)): storable(value) for name, value in data.items()}
    if isinstance(data, list | tuple):
        return [storable(value) for value in data]
    return data


def safe_key(key: ConversationKey) -> ConversationKey:
    """The key as it is stored.

    Raises:
        StorageError: If a part of it is too long to be indexed.
    """
    return ConversationKey(_name(key.channel, LONGEST_NAME, "channel"), _name(key.thread, LONGEST_NAME, "thread"))


def safe_message_id(message_id: str) -> str:
    """The message id as it is stored.

    Raises:
        StorageError: If it is too long to be indexed.
    """
    return _name(message_id, LONGEST_MESSAGE_ID, "message id")


def safe_sender(sender: str | None) -> str | None:
    """The sender as stored: None for nobody, and a digest in place of a name too long to be indexed."""
    if not sender:
        return None
    if len(sender) > LONGEST_NAME:
        return "sha256:" + hashlib.sha256(sender.encode("utf-8", "surrogatepass")).hexdigest()
    return safe(sender)


def _name(text: str, longest: int, what: str) -> str:
    if len(text) > longest:
        raise StorageError(f"a {what} of {len(text)} characters, expected at most {longest}")
    return safe(text)


def idempotency_key(key: ConversationKey, message_id: str, kind: DeliveryKind = DeliveryKind.REPLY) -> str:
    """A name for what is delivered of a kind for one message: the same at every attempt, and fit for a header.

    Returns:
        64 characters.
    """
    kinds = [] if kind is DeliveryKind.REPLY else [kind.value]
    parts = json.dumps([key.channel, key.thread, message_id, *kinds])
    return hashlib.sha256(parts.encode("ascii")).hexdigest()


def aware(moment: datetime) -> datetime:
    """The moment in UTC.

    Raises:
        ValueError: If it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{moment.isoformat()} has no time zone, expected an aware time")
    return moment.astimezone(UTC)


def at_most(limit: int | None) -> int | None:
    """The limit, checked.

    Raises:
        ValueError: If it is below zero, which one database reads as "all" and the other refuses.
    """
    if limit is not None and limit < 0:
        raise ValueError(f"a limit of {limit}, expected 0 or more")
    return limit


def dumps(data: Any) -> str:
    """JSON text as it is written to a column."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def loads(text: str | bytes) -> Any:
    """Data read from a column; None where the text is not JSON, for the reader of the row to judge."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def reply_to_json(reply: Reply) -> dict[str, Any]:
    """The reply as plain data, safe to store, that ``reply_from_json`` reads back."""
    data: dict[str, Any] = storable(
        {
            "format": REPLY_FORMAT,
            "text": reply.text,
            "source": reply.provenance.source.value,
            "origin": reply.provenance.origin,
            "reason": reply.provenance.reason,
            "grade": reply.provenance.grade,
            "marks": sorted(reply.provenance.marks),
            "confidence": float(reply.confidence),
            "entry": reply.entry,
            "choices": [{"entry": choice.entry, "text": choice.text} for choice in reply.choices],
            "candidates": [
                {"entry": item.entry, "text": item.text, "confidence": float(item.confidence)}
                for item in reply.candidates
            ],
            "handoff": reply.handoff,
        }
    )
    return data


def reply_from_json(data: Any) -> Reply:
    """Read what ``reply_to_json`` wrote.

    Raises:
        Damaged: If the data are of a later format or damaged.
    """
    if not isinstance(data, Mapping):
        raise Damaged(f"a stored reply is damaged: {type(data).__name__}, expected an object")
    if data.get("format") != REPLY_FORMAT:
        raise Damaged(f"a stored reply is of format {data.get('format')!r}, expected {REPLY_FORMAT}")
    try:
        return Reply(
            text=_text(data["text"]),
            provenance=Provenance(
                Source(data["source"]),
                _text(data["origin"]),
                _text(data["reason"]),
                None if data.get("grade") is None else Grade(data["grade"]),
                frozenset(Mark(mark) for mark in data.get("marks", ())),
            ),
            confidence=_number(data["confidence"]),
            entry=None if data["entry"] is None else _text(data["entry"]),
            choices=tuple(Choice(_text(item["entry"]), _text(item["text"])) for item in data["choices"]),
            candidates=tuple(
                Candidate(_text(item["entry"]), _text(item["text"]), _number(item["confidence"]))
                for item in data["candidates"]
            ),
            handoff=_truth(data["handoff"]),
        )
    except KeyError as error:
        raise Damaged(f"a stored reply is damaged: {error} is missing") from error
    except (TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Damaged(f"a stored reply is damaged: {error}") from error


def event_to_json(event: ChannelEvent) -> dict[str, Any]:
    """An event as plain data, safe to store, but for its conversation and id, which have columns of their own."""
    data: dict[str, Any] = storable(
        {
            "kind": event.kind.value,
            "at": aware(event.at).isoformat(),
            "text": event.text,
            "sender": event.sender,
            "attachments": list(event.attachments),
            "about": event.about,
        }
    )
    return data


def event_from_json(data: Any, key: ConversationKey, event_id: str) -> ChannelEvent:
    """Read what ``event_to_json`` wrote.

    Raises:
        Damaged: If the data are damaged or of a later version.
    """
    try:
        return ChannelEvent(
            key,
            event_id,
            EventKind(data["kind"]),
            aware(datetime.fromisoformat(data["at"])),
            _text(data["text"]),
            None if data["sender"] is None else _text(data["sender"]),
            tuple(_text(one) for one in data["attachments"]),
            None if data["about"] is None else _text(data["about"]),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Damaged(f"stored event {event_id!r} of {key} is damaged: {error}") from error


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} stands where text was expected")
    return value


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{value!r} stands where a finite number was expected")
    return float(value)


def _truth(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} stands where true or false was expected")
    return value
