"""Conversations in a SQL database: reading them, and beginning to write."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Engine, Row, Select, and_, func, select

from engine.dialogue import ConversationKey, Reply, Speaker, Turn
from engine.memory import MemoryFormatError, WorkingMemory
from storage.database import empty_log, open_database
from storage.errors import Damaged
from storage.faults import translated
from storage.inbox import conversations_waiting, event_of, forget_old, waiting
from storage.models import from_row
from storage.outbox import delivery_of, undelivered
from storage.ports import (
    By,
    Conversation,
    Delivery,
    Scope,
    StoredEvent,
    StoredModel,
    StoredTurn,
    Summary,
    Tombstone,
    UnitOfWork,
    Verdict,
)
from storage.retention import forget_older_than
from storage.rows import at_most, reply_from_json, safe_key, safe_message_id
from storage.schema import conversations, feedback, models, states, tombstones, turns
from storage.upgrade import WRITES
from storage.work import SqlWork, of_sender

_log = logging.getLogger("attendant.storage")


def utc_now() -> datetime:
    """The time on the wall, aware."""
    return datetime.now(UTC)


def open_store(url: str) -> SqlStore:
    """Open the database that ``url`` names, creating or migrating it where needed; see ``open_database``."""
    return SqlStore(open_database(url))


class SqlStore:
    """A ``Store`` in SQLite or PostgreSQL, safe to use from many threads and processes.

    Args:
        engine: What ``open_database`` returned.
        clock: Tells when a conversation was written; aware UTC.
    """

    def __init__(self, engine: Engine, *, clock: Callable[[], datetime] = utc_now) -> None:
        self._engine = engine
        self._writing = engine.execution_options(**{WRITES: True})
        self._clock = clock

    @property
    def engine(self) -> Engine:
        """The database behind the store."""
        return self._engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def load(self, key: ConversationKey) -> Conversation:
        """The conversation as stored last; a new one where there is none."""
        columns = select(conversations.c.owner, conversations.c.memory, conversations.c.version)
        rows = self._read(columns.where(_is(safe_key(key))))
        if not rows:
            return Conversation(key)
        row = rows[0]
        return Conversation(key, row.owner, read_memory(row.memory, key), row.version)

    def find_reply(self, key: ConversationKey, message_id: str) -> Reply | None:
        """The reply given to this message, None where it was not answered yet.

        Raises:
            Damaged: If there is one that cannot be read.
        """
        wanted = (
            select(turns.c.reply)
            .join(conversations, conversations.c.id == turns.c.conversation_id)
            .where(
                _is(safe_key(key)),
                turns.c.message_id == safe_message_id(message_id),
                turns.c.speaker == Speaker.BOT.value,
            )
        )
        rows = self._read(wanted)
        return reply_from_json(rows[0].reply) if rows else None

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Begin a writing transaction; leaving the block without ``commit`` undoes it."""
        # Closing the connection rolls back whatever was not committed.
        with translated(self._engine.url), self._writing.connect() as connection:
            connection.begin()
            work = SqlWork(connection, self._clock)
            yield work
        if work.erased:
            empty_log(self._engine)

    def history(self, key: ConversationKey, *, limit: int | None = None) -> Sequence[StoredTurn]:
        """The last ``limit`` turns, oldest first; a reply that cannot be read is left out with a log line."""
        columns = (
            turns.c.position,
            turns.c.speaker,
            turns.c.text,
            turns.c.at,
            turns.c.message_id,
            turns.c.reply,
            turns.c.sender,
        )
        wanted = (
            select(*columns)
            .join(conversations, conversations.c.id == turns.c.conversation_id)
            .where(_is(safe_key(key)))
            .order_by(turns.c.position.desc())
            .limit(at_most(limit))
        )
        return [_stored_turn(row) for row in reversed(self._read(wanted))]

    def conversations(self, *, limit: int = 100) -> Sequence[Summary]:
        """Conversations, the one written last first."""
        count = (
            select(func.count()).where(turns.c.conversation_id == conversations.c.id).scalar_subquery().label("turns")
        )
        c = conversations.c
        wanted = (
            select(c.channel, c.thread, c.owner, c.updated_at, count)
            .order_by(c.updated_at.desc(), c.id.desc())
            .limit(at_most(limit))
        )
        return [
            Summary(ConversationKey(row.channel, row.thread), row.owner, row.turns, row.updated_at)
            for row in self._read(wanted)
        ]

    def pending(
        self,
        channel: str | None = None,
        *,
        key: ConversationKey | None = None,
        limit: int = 100,
        due: datetime | None = None,
    ) -> Sequence[Delivery]:
        """What is not delivered yet, oldest first; what cannot be read is logged."""
        rows = self._read(undelivered(channel, key, limit=limit, due=due))
        return [delivery for row in rows if (delivery := delivery_of(row)) is not None]

    def events(
        self, *, key: ConversationKey | None = None, limit: int = 100, parked: bool = True
    ) -> Sequence[StoredEvent]:
        """Events that are not done, in the order in which they came; what cannot be read is parked."""
        found = [(row.id, event_of(row)) for row in self._read(waiting(key, limit, parked=parked))]
        damaged = [number for number, event in found if event is None]
        if damaged:
            with self.write() as work:
                for number in damaged:
                    work.park_event(number, "the stored event is damaged")
                work.commit()
        return [event for _, event in found if event is not None]

    def waiting(self, *, limit: int = 1000) -> Sequence[ConversationKey]:
        """Conversations with events that are neither done nor parked."""
        return [ConversationKey(row.channel, row.thread) for row in self._read(conversations_waiting(limit))]

    def forget_done(self, before: datetime) -> int:
        """Remove what is left of events that were done and came before a moment."""
        with translated(self._engine.url), self._writing.begin() as connection:
            return forget_old(connection, before, only_done=True)

    def state(self, name: str) -> Mapping[str, Any] | None:
        """The state that was kept under a name."""
        rows = self._read(select(states.c.state).where(states.c.name == name))
        return rows[0].state if rows and isinstance(rows[0].state, Mapping) else None

    def verdicts(self, key: ConversationKey) -> Sequence[Verdict]:
        """All verdicts on replies of the conversation, oldest first."""
        wanted = (
            select(feedback.c.message_id, feedback.c.verdict, feedback.c.at)
            .join(conversations, conversations.c.id == feedback.c.conversation_id)
            .where(_is(safe_key(key)))
            .order_by(feedback.c.id)
        )
        return [Verdict(row.message_id, row.verdict, row.at) for row in self._read(wanted)]

    def tombstones(self, key: ConversationKey) -> Sequence[Tombstone]:
        """What was forgotten of the conversation, oldest first."""
        t = tombstones.c
        wanted = (
            select(t.at, t.turns, t.by, t.scope)
            .join(conversations, conversations.c.id == t.conversation_id)
            .where(_is(safe_key(key)))
            .order_by(t.id)
        )
        return [Tombstone(row.at, row.turns, By(row.by), Scope(row.scope)) for row in self._read(wanted)]

    def of_person(self, channel: str, sender: str) -> Sequence[ConversationKey]:
        """The conversations of ``channel`` in which ``sender`` wrote, the oldest first."""
        wanted = select(conversations.c.channel, conversations.c.thread).where(of_sender(channel, sender))
        rows = self._read(wanted.order_by(conversations.c.id))
        return [ConversationKey(row.channel, row.thread) for row in rows]

    def forget_older_than(self, moment: datetime) -> int:
        """Remove every trace of conversations last written before ``moment`` (aware UTC), and count them."""
        return forget_older_than(self._engine, moment)

    def models(self) -> Sequence[StoredModel]:
        """The list of models, the newest first."""
        wanted = select(models).order_by(models.c.created.desc(), models.c.fingerprint)
        return [from_row(row) for row in self._read(wanted)]

    def close(self) -> None:
        """Let go of connections."""
        self._engine.dispose()

    def _read(self, wanted: Select[Any]) -> Sequence[Row[Any]]:
        with translated(self._engine.url), self._engine.connect() as connection:
            return connection.execute(wanted).all()


def read_memory(data: Any, key: ConversationKey) -> WorkingMemory:
    """The stored memory; a fresh one, with a log line, where it is damaged or of a later format."""
    try:
        return WorkingMemory.from_json(data)
    except (MemoryFormatError, OverflowError) as error:
        _log.warning("the memory of %s was dropped: %s", key, error)
        return WorkingMemory()


def _is(key: ConversationKey) -> Any:
    return and_(conversations.c.channel == key.channel, conversations.c.thread == key.thread)


def _stored_turn(row: Row[Any]) -> StoredTurn:
    reply = None
    if row.speaker == Speaker.BOT.value:
        try:
            reply = reply_from_json(row.reply)
        except Damaged as error:
            _log.warning("the origin of turn %s was dropped: %s", row.position, error)
    said = Turn(Speaker(row.speaker), row.text)
    return StoredTurn(row.position, said, row.at, row.message_id, reply, row.sender)
