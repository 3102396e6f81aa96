"""The tables, as the newest migration leaves them, in types that SQLite and PostgreSQL keep alike."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeDecorator, TypeEngine

REVISION = "0004"
"""The newest revision under ``migrations/versions``, here so that opening a database loads no Alembic."""

PENDING = "pending"
DELIVERED = "delivered"
DONE = "done"
PARKED = "parked"


class Moment(TypeDecorator[datetime]):
    """An aware time in UTC. SQLite knows no time zones; it gets UTC without one and hands it back aware."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """PostgreSQL keeps the zone, SQLite a plain time."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse a time that does not say where on earth it was taken."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value.isoformat()} has no time zone, expected an aware time")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The same moment, aware and in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)


# SQLite numbers rows by itself only in a column declared INTEGER, not BIGINT.
_Number = BigInteger().with_variant(Integer(), "sqlite")
_Document = JSON().with_variant(JSONB(), "postgresql")

# Without names, a constraint could not be changed by a later migration on SQLite.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def _of_conversation() -> Column[int]:
    return Column("conversation_id", _Number, ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False)


conversations = Table(
    "conversations",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("memory", _Document, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("updated_at", Moment, nullable=False),
    UniqueConstraint("channel", "thread"),
    Index(None, "updated_at"),
)

turns = Table(
    "turns",
    metadata,
    Column("id", _Number, primary_key=True),
    _of_conversation(),
    Column("position", Integer, nullable=False),
    Column("speaker", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("message_id", Text),
    Column("reply", _Document),
    # Who wrote, as the channel names them; on a turn of the bot, whom it answered.
    Column("sender", Text),
    UniqueConstraint("conversation_id", "position"),
    # One customer's turn and one answer for each message: the guard behind every redelivery.
    UniqueConstraint("conversation_id", "message_id", "speaker"),
)
# Channels that name nobody pay nothing for it.
_known_sender = turns.c.sender.is_not(None)
Index("ix_turns_sender", turns.c.sender, sqlite_where=_known_sender, postgresql_where=_known_sender)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Number, primary_key=True),
    _of_conversation(),
    Column("channel", Text, nullable=False),
    Column("message_id", Text, nullable=False),
    Column("idempotency_key", Text, nullable=False),
    Column("reply", _Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("kind", Text, nullable=False, server_default="reply"),
    Column("error", Text, nullable=False, server_default=""),
    # Until then a delivery belongs to the process that took it up; whoever dies loses it then.
    Column("leased_until", Moment),
    UniqueConstraint("idempotency_key"),
    Index(None, "conversation_id"),
    Index(None, "channel", "state", "id"),
    # Else SQLite gives the number of a row that was removed to the next one, and whoever still holds it means another.
    sqlite_autoincrement=True,
)
_open_delivery = outbox.c.state == PENDING
Index(
    "ix_outbox_pending",
    outbox.c.conversation_id,
    outbox.c.id,
    sqlite_where=_open_delivery,
    postgresql_where=_open_delivery,
)

# What happened on a channel, stored before the channel is told so. Those that are done keep their ids, as a guard
# against redelivery, and no word. No foreign key: the conversation begins when the first event is taken up.
inbox = Table(
    "inbox",
    metadata,
    Column("id", _Number, primary_key=True),
    Column("channel", Text, nullable=False),
    Column("thread", Text, nullable=False),
    Column("event_id", Text, nullable=False),
    Column("event", _Document, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("error", Text, nullable=False),
    Column("next_attempt_at", Moment, nullable=False),
    Column("received_at", Moment, nullable=False),
    UniqueConstraint("channel", "event_id"),
    Index(None, "state", "id"),
    Index(None, "channel", "thread"),
    sqlite_autoincrement=True,
)

# Small things that parts of the house remember over a restart, by name.
states = Table(
    "states",
    metadata,
    Column("name", Text, primary_key=True),
    Column("state", _Document, nullable=False),
    Column("at", Moment, nullable=False),
)

feedback = Table(
    "feedback",
    metadata,
    Column("id", _Number, primary_key=True),
    _of_conversation(),
    Column("message_id", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Index(None, "conversation_id"),
)

# What stays of what was forgotten: that it was, and when; no word of it.
tombstones = Table(
    "tombstones",
    metadata,
    Column("id", _Number, primary_key=True),
    _of_conversation(),
    Column("at", Moment, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("by", Text, nullable=False),
    Column("scope", Text, nullable=False),
    Index(None, "conversation_id"),
)

# An index of what lies in the folders of the registry, which are the truth; it can be made anew from them.
models = Table(
    "models",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("created", Moment, nullable=False),
    Column("kind", Text, nullable=False),
    Column("parent", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("metrics", _Document, nullable=False),
    Column("status", Text, nullable=False),
    Column("promoted_at", Moment),
    Column("note", Text, nullable=False),
)
