"""Deliveries in a SQL database: what is to be sent, who sends it, and what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, exists, or_, select, update

from engine.dialogue import ConversationKey
from storage.errors import Damaged
from storage.ports import Delivery, DeliveryKind
from storage.rows import at_most, aware, reply_from_json, safe, safe_key
from storage.schema import DELIVERED, PARKED, PENDING, conversations, outbox

_log = logging.getLogger("attendant.storage")
_LONGEST_ERROR = 1000


def undelivered(
    channel: str | None, key: ConversationKey | None, *, limit: int | None, due: datetime | None
) -> Select[Any]:
    """What is not delivered yet, oldest first; with ``due``, only what may be tried then."""
    states = (PENDING,) if due is not None else (PENDING, PARKED)
    wanted = _with_thread().where(outbox.c.state.in_(states))
    if channel is not None:
        wanted = wanted.where(outbox.c.channel == safe(channel))
    if key is not None:
        named = safe_key(key)
        wanted = wanted.where(conversations.c.channel == named.channel, conversations.c.thread == named.thread)
    if due is not None:
        wanted = wanted.where(outbox.c.next_attempt_at <= aware(due))
    return wanted.order_by(outbox.c.id).limit(at_most(limit))


def claim(connection: Connection, channel: str, *, now: datetime, until: datetime, limit: int) -> Sequence[Delivery]:
    """Take up what is due, at most one delivery of each conversation, its oldest, and lease it."""
    earlier = outbox.alias("earlier")
    behind = exists().where(
        earlier.c.conversation_id == outbox.c.conversation_id,
        earlier.c.state == PENDING,
        earlier.c.id < outbox.c.id,
    )
    wanted = (
        _with_thread()
        .where(outbox.c.channel == safe(channel), outbox.c.state == PENDING, outbox.c.next_attempt_at <= now, ~behind)
        .where(_free(now))
        .order_by(outbox.c.id)
        .limit(at_most(limit))
        # On SQLite this compiles to nothing; there the transaction holds the database.
        .with_for_update(skip_locked=True, of=outbox)
    )
    rows = connection.execute(wanted).all()
    if rows:
        taken = outbox.c.id.in_([row.id for row in rows])
        connection.execute(update(outbox).where(taken).values(leased_until=aware(until)))
    found = [(row.id, delivery_of(row)) for row in rows]
    for number in [number for number, delivery in found if delivery is None]:
        park(connection, number, "the stored reply is damaged")
    return [delivery for _, delivery in found if delivery is not None]


def delivered(connection: Connection, number: int) -> None:
    """Take a delivery out; its row stays without a word, so that it is never put there again."""
    connection.execute(update(outbox).where(outbox.c.id == number, _open()).values(state=DELIVERED, reply={}, error=""))


def postpone(connection: Connection, number: int, until: datetime, error: str) -> None:
    """Count a failed attempt; the next one is not due before ``until``."""
    later = {"attempts": outbox.c.attempts + 1, "next_attempt_at": aware(until), "leased_until": None}
    connection.execute(
        update(outbox).where(outbox.c.id == number, outbox.c.state == PENDING).values(error=shortened(error), **later)
    )


def park(connection: Connection, number: int, error: str) -> None:
    """Count a failed attempt and make no other."""
    parked = {"attempts": outbox.c.attempts + 1, "state": PARKED, "leased_until": None}
    connection.execute(
        update(outbox).where(outbox.c.id == number, outbox.c.state == PENDING).values(error=shortened(error), **parked)
    )


def withdraw(connection: Connection, conversation: int | None, now: datetime) -> None:
    """Take the replies of a conversation out that nobody is sending just now."""
    replies = (outbox.c.conversation_id == conversation, outbox.c.kind == DeliveryKind.REPLY.value)
    gone = {"state": DELIVERED, "reply": {}, "error": ""}
    connection.execute(update(outbox).where(*replies, outbox.c.state == PENDING, _free(now)).values(**gone))


def retry(connection: Connection, number: int, now: datetime) -> bool:
    """Make a delivery that nobody sends just now due."""
    fresh = {"state": PENDING, "attempts": 0, "next_attempt_at": now, "leased_until": None}
    wanted = update(outbox).where(outbox.c.id == number, _open(), _free(now))
    return connection.execute(wanted.values(**fresh)).rowcount > 0


def drop(connection: Connection, number: int) -> bool:
    """Take a delivery out for good."""
    gone = {"state": DELIVERED, "reply": {}, "error": ""}
    return connection.execute(update(outbox).where(outbox.c.id == number, _open()).values(**gone)).rowcount > 0


def delivery_of(row: Row[Any]) -> Delivery | None:
    """The delivery that a row says; None, with a log line, where it cannot be read."""
    key = ConversationKey(row.channel, row.thread)
    try:
        reply, kind = reply_from_json(row.reply), DeliveryKind(row.kind)
    except (Damaged, ValueError) as error:
        _log.error("the reply to message %s of %s cannot be delivered: %s", row.message_id, key, error)
        return None
    return Delivery(
        row.id,
        key,
        row.idempotency_key,
        reply,
        row.attempts,
        row.message_id,
        kind,
        row.next_attempt_at,
        row.state == PARKED,
        row.error,
    )


def shortened(error: str) -> str:
    """An error as it is kept."""
    return safe(error[:_LONGEST_ERROR])


def _with_thread() -> Select[Any]:
    return select(outbox, conversations.c.thread).join(conversations, conversations.c.id == outbox.c.conversation_id)


def _free(now: datetime) -> Any:
    return or_(outbox.c.leased_until.is_(None), outbox.c.leased_until <= now)


def _open() -> Any:
    return outbox.c.state.in_((PENDING, PARKED))
