"""Events of channels in a SQL database, from the moment they are acknowledged until they are done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, update

from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.errors import Damaged, TakenUp
from storage.outbox import shortened
from storage.ports import StoredEvent
from storage.rows import at_most, aware, event_from_json, event_to_json, safe_key, safe_message_id
from storage.schema import DONE, PARKED, PENDING, inbox

_log = logging.getLogger("attendant.storage")


def row_of(event: ChannelEvent, now: datetime) -> dict[str, Any]:
    """The row of a new event.

    Raises:
        StorageError: If a name of it is too long to be indexed.
    """
    key = safe_key(event.key)
    return {
        "channel": key.channel,
        "thread": key.thread,
        "event_id": safe_message_id(event.event_id),
        "event": event_to_json(event),
        "state": PENDING,
        "attempts": 0,
        "error": "",
        "next_attempt_at": now,
        "received_at": now,
    }


def conversations_waiting(limit: int) -> Select[Any]:
    """Conversations with events that are neither done nor parked."""
    wanted = select(inbox.c.channel, inbox.c.thread).where(inbox.c.state == PENDING)
    return wanted.group_by(inbox.c.channel, inbox.c.thread).order_by(func.min(inbox.c.id)).limit(at_most(limit))


def waiting(key: ConversationKey | None, limit: int | None, *, parked: bool) -> Select[Any]:
    """Events that are not done, in the order in which they came."""
    wanted = select(inbox).where(inbox.c.state.in_((PENDING, PARKED) if parked else (PENDING,)))
    if key is not None:
        named = safe_key(key)
        wanted = wanted.where(inbox.c.channel == named.channel, inbox.c.thread == named.thread)
    return wanted.order_by(inbox.c.id).limit(at_most(limit))


def done(connection: Connection, events: Sequence[int]) -> None:
    """Mark events as done and forget their words.

    Raises:
        TakenUp: If one of them was done, or removed, by somebody else.
    """
    if not events:
        return
    taken = update(inbox).where(inbox.c.id.in_(list(events)), inbox.c.state == PENDING)
    if connection.execute(taken.values(state=DONE, event={}, error="")).rowcount != len(set(events)):
        raise TakenUp("somebody else took up these events; look again")


def put_off(connection: Connection, number: int, until: datetime, error: str) -> None:
    """Count a failed attempt; the next one is not due before ``until``."""
    later = {"attempts": inbox.c.attempts + 1, "next_attempt_at": aware(until), "error": shortened(error)}
    connection.execute(update(inbox).where(inbox.c.id == number, inbox.c.state == PENDING).values(**later))


def park(connection: Connection, number: int, error: str) -> None:
    """Count a failed attempt and make no other."""
    parked = {"attempts": inbox.c.attempts + 1, "state": PARKED, "error": shortened(error)}
    connection.execute(update(inbox).where(inbox.c.id == number, inbox.c.state == PENDING).values(**parked))


def retry(connection: Connection, number: int, now: datetime) -> bool:
    """Make an event due now."""
    fresh = {"state": PENDING, "attempts": 0, "next_attempt_at": now}
    return connection.execute(update(inbox).where(inbox.c.id == number, _open()).values(**fresh)).rowcount > 0


def drop(connection: Connection, number: int) -> bool:
    """Take up an event no more."""
    gone = {"state": DONE, "event": {}, "error": ""}
    return connection.execute(update(inbox).where(inbox.c.id == number, _open()).values(**gone)).rowcount > 0


def forget(connection: Connection, key: ConversationKey) -> None:
    """Remove every trace of what happened in a conversation."""
    connection.execute(delete(inbox).where(inbox.c.channel == key.channel, inbox.c.thread == key.thread))


def empty_parked(connection: Connection, key: ConversationKey) -> None:
    """Forget the words of events that nobody takes up; those that wait came later than what is forgotten."""
    here = (inbox.c.channel == key.channel, inbox.c.thread == key.thread, inbox.c.state == PARKED)
    connection.execute(update(inbox).where(*here).values(state=DONE, event={}, error=""))


def forget_old(connection: Connection, before: datetime, *, only_done: bool) -> int:
    """Remove events that came long ago: what is left of those that were done, or all."""
    old = delete(inbox).where(inbox.c.received_at < aware(before))
    return connection.execute(old.where(inbox.c.state == DONE) if only_done else old).rowcount


def event_of(row: Row[Any]) -> StoredEvent | None:
    """The event that a row says; None, with a log line, where it cannot be read; one without a word if it is parked."""
    key = ConversationKey(row.channel, row.thread)
    try:
        event = event_from_json(row.event, key, row.event_id)
    except Damaged as error:
        if row.state != PARKED:
            _log.error("%s", error)
            return None
        event = ChannelEvent(key, row.event_id, EventKind.MESSAGE, row.received_at)
    return StoredEvent(
        row.id, event, row.received_at, row.attempts, row.next_attempt_at, row.state == PARKED, row.error
    )


def _open() -> Any:
    return inbox.c.state.in_((PENDING, PARKED))
