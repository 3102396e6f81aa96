"""One writing transaction on a SQL database."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, false, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from engine.dialogue import ChannelEvent, ConversationKey, Message, Reply, Speaker
from engine.memory import WorkingMemory
from storage import inbox as incoming
from storage import outbox as outgoing
from storage.errors import AlreadyAnswered, Conflict, StorageError
from storage.models import drop_model, put_model
from storage.ports import By, Conversation, Delivery, DeliveryKind, Scope, StoredModel, Tombstone
from storage.rows import aware, idempotency_key, reply_to_json, safe, safe_key, safe_message_id, safe_sender, storable
from storage.schema import PENDING, conversations, feedback, inbox, outbox, states, tombstones, turns


class SqlWork:
    """A ``UnitOfWork`` on one connection, whose transaction the store began and ends.

    The row of a conversation is locked before anything of it is written, so that two processes on PostgreSQL
    take turns in one conversation; on SQLite the whole database is locked already.
    """

    def __init__(self, connection: Connection, clock: Callable[[], datetime]) -> None:
        self._held: Connection | None = connection
        self._clock = clock
        self._ids: dict[ConversationKey, int] = {}
        self._removed = False

    @property
    def erased(self) -> bool:
        """Whether this unit of work was committed and removed text."""
        return self._removed and self._held is None

    @property
    def _connection(self) -> Connection:
        if self._held is None:
            raise StorageError("this unit of work was committed; begin another one")
        return self._held

    def append(self, message: Message, reply: Reply, at: datetime) -> None:
        """Add the customer's turn and the bot's.

        Raises:
            AlreadyAnswered: If this message of the conversation has a reply already.
        """
        message_id = safe_message_id(message.message_id)
        conversation = self._lock(message.key, create=True)
        known = and_(turns.c.conversation_id == conversation, turns.c.message_id == message_id)
        if self._connection.execute(select(turns.c.id).where(known)).first() is not None:
            raise AlreadyAnswered(f"message {message_id!r} of {message.key} has its reply")
        position = self._next_position(conversation)
        sender = safe_sender(message.sender)
        shared = {"conversation_id": conversation, "message_id": message_id, "sender": sender}
        customer = {
            "speaker": Speaker.CUSTOMER.value,
            "text": safe(message.text),
            "at": aware(message.sent_at),
        }
        bot = {"speaker": Speaker.BOT.value, "text": safe(reply.text), "at": aware(at)}
        try:
            self._connection.execute(insert(turns).values(**shared, **customer, position=position))
            self._connection.execute(
                insert(turns).values(**shared, **bot, position=position + 1, reply=reply_to_json(reply))
            )
        except IntegrityError as error:
            raise Conflict(f"{message.key} was written by somebody else; load it again") from error
        self._touch(conversation)

    def hear(self, event: ChannelEvent, speaker: Speaker) -> None:
        """Add a turn that nobody answers, once for each event."""
        conversation = self._begun(event.key)
        row = {
            "conversation_id": conversation,
            "position": self._next_position(conversation),
            "speaker": speaker.value,
            "text": safe(event.text),
            "at": aware(event.at),
            "message_id": safe_message_id(event.event_id),
            "sender": safe_sender(event.sender),
        }
        self._insert_new(turns, row)
        self._touch(conversation)

    def save(self, conversation: Conversation) -> None:
        """Write owner and memory, raising the version by one.

        Raises:
            Conflict: If the stored version is another one.
        """
        row = self._lock(conversation.key, create=conversation.version == 0)
        written = self._connection.execute(
            update(conversations)
            .where(conversations.c.id == row, conversations.c.version == conversation.version)
            .values(
                owner=safe(conversation.owner),
                memory=storable(conversation.memory.to_json()),
                version=conversation.version + 1,
                updated_at=self._clock(),
            )
        )
        if written.rowcount != 1:
            raise Conflict(f"{conversation.key} is not of version {conversation.version} any more; load it again")

    def enqueue(self, message: Message, reply: Reply, kind: DeliveryKind = DeliveryKind.REPLY) -> None:
        """Put a reply in the outbox, once of each kind for each message."""
        key, message_id = safe_key(message.key), safe_message_id(message.message_id)
        now = self._clock()
        row = {
            "conversation_id": self._lock(key, create=True),
            "channel": key.channel,
            "message_id": message_id,
            "idempotency_key": idempotency_key(key, message_id, kind),
            "reply": reply_to_json(reply),
            "kind": kind.value,
            "state": PENDING,
            "attempts": 0,
            "next_attempt_at": now,
            "created_at": now,
        }
        self._insert_new(outbox, row)

    def claim(self, channel: str, *, until: datetime, limit: int = 100) -> Sequence[Delivery]:
        """Take up what is due on a channel, at most one delivery of each conversation, its oldest."""
        return outgoing.claim(self._connection, channel, now=self._clock(), until=until, limit=limit)

    def delivered(self, delivery: int) -> None:
        """Take a delivery out of the outbox; its row stays, so that it is never put there again."""
        outgoing.delivered(self._connection, delivery)

    def postpone(self, delivery: int, until: datetime, error: str = "") -> None:
        """Count a failed attempt to deliver; the next one is not due before ``until``."""
        outgoing.postpone(self._connection, delivery, until, error)

    def park(self, delivery: int, error: str) -> None:
        """Count a failed attempt and make no other."""
        outgoing.park(self._connection, delivery, error)

    def withdraw(self, key: ConversationKey) -> None:
        """Take the replies of a conversation out of the outbox that nobody is sending just now."""
        outgoing.withdraw(self._connection, self._lock(key, create=False), self._clock())

    def retry(self, delivery: int) -> bool:
        """Make a delivery due now; False where there is none."""
        return outgoing.retry(self._connection, delivery, self._clock())

    def drop(self, delivery: int) -> bool:
        """Take a delivery out of the outbox for good; False where there is none."""
        return outgoing.drop(self._connection, delivery)

    def receive(self, event: ChannelEvent) -> bool:
        """Keep an event until it is done; False where its channel has sent one of this id before."""
        return self._insert_new(inbox, incoming.row_of(event, self._clock()))

    def done(self, events: Sequence[int]) -> None:
        """Events were taken up; no word of them stays.

        Raises:
            TakenUp: If one of them was done, or removed, by somebody else.
        """
        incoming.done(self._connection, events)

    def put_off(self, event: int, until: datetime, error: str) -> None:
        """Count a failed attempt to take up an event; the next one is not due before ``until``."""
        incoming.put_off(self._connection, event, until, error)

    def park_event(self, event: int, error: str) -> None:
        """Count a failed attempt to take up an event and make no other."""
        incoming.park(self._connection, event, error)

    def retry_event(self, event: int) -> bool:
        """Make an event due now; False where there is none."""
        return incoming.retry(self._connection, event, self._clock())

    def drop_event(self, event: int) -> bool:
        """Take up an event no more; False where there is none."""
        return incoming.drop(self._connection, event)

    def keep_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep a small state under a name, in place of the one before."""
        row = {"state": storable(state), "at": self._clock()}
        kept = self._connection.execute(update(states).where(states.c.name == name).values(**row))
        if not kept.rowcount:
            self._insert_new(states, {"name": name, **row})

    def feedback(self, key: ConversationKey, message_id: str, verdict: str, at: datetime) -> None:
        """Keep a verdict on the reply to ``message_id``; nothing happens where there is no such reply."""
        conversation = self._lock(key, create=False)
        message_id = safe_message_id(message_id)
        answered = select(turns.c.id).where(
            turns.c.conversation_id == conversation,
            turns.c.message_id == message_id,
            turns.c.speaker == Speaker.BOT.value,
        )
        if conversation is not None and self._connection.execute(answered).first() is not None:
            row = {"message_id": message_id, "verdict": safe(verdict), "at": aware(at)}
            self._connection.execute(insert(feedback).values(conversation_id=conversation, **row))

    def forget(self, key: ConversationKey) -> bool:
        """Remove every trace of the conversation; False where there was none."""
        key = safe_key(key)
        self._ids.pop(key, None)
        self._removed = True
        incoming.forget(self._connection, key)
        # Turns, outbox and feedback go with it by their foreign keys.
        gone = self._connection.execute(delete(conversations).where(_is(key)))
        return gone.rowcount > 0

    def erase(self, key: ConversationKey, *, by: By, at: datetime) -> int:
        """Remove the text of a conversation; what stays is a tombstone."""
        incoming.empty_parked(self._connection, safe_key(key))
        return self._erase(self._begun(key), None, Tombstone(aware(at), 0, by, Scope.CONVERSATION))

    def erase_person(
        self, channel: str, sender: str, *, by: By, at: datetime, also: ConversationKey | None = None
    ) -> Mapping[ConversationKey, int]:
        """Remove the text of every conversation in which the sender wrote, but what is known to be another's."""
        named = safe_sender(sender)
        theirs = of_sender(channel, sender)
        # One order for everybody, so that two persons who are forgotten at once do not wait for each other.
        wanted = select(conversations.c.id, conversations.c.channel, conversations.c.thread)
        wanted = wanted.where(theirs if also is None else or_(theirs, _is(safe_key(also))))
        found = self._connection.execute(wanted.order_by(conversations.c.id).with_for_update()).all()
        rows = {ConversationKey(row.channel, row.thread): row.id for row in found}
        if also is not None and safe_key(also) not in rows:
            rows[safe_key(also)] = self._begun(also)
        stone = Tombstone(aware(at), 0, by, Scope.PERSON)
        for key in rows:
            incoming.empty_parked(self._connection, key)
        return {key: self._erase(row, named, stone) for key, row in rows.items()}

    def _erase(self, row: int, sender: str | None, stone: Tombstone) -> int:
        self._removed = True
        here = turns.c.conversation_id == row
        # A message that was answered by forgetting has no word in it, and its redelivery must still find its reply.
        wordless = select(turns.c.message_id).where(here, turns.c.message_id.is_not(None)).group_by(turns.c.message_id)
        wordless = wordless.having(func.max(func.length(turns.c.text)) == 0)
        gone = delete(turns).where(here, or_(turns.c.message_id.is_(None), turns.c.message_id.not_in(wordless)))
        if sender is not None:
            gone = gone.where(or_(turns.c.sender.is_(None), turns.c.sender == sender))
        count = self._connection.execute(gone).rowcount
        left = select(turns.c.message_id).where(here, turns.c.message_id.is_not(None))
        for table in (outbox, feedback):
            self._connection.execute(
                delete(table).where(table.c.conversation_id == row, table.c.message_id.not_in(left))
            )
        self._connection.execute(
            update(conversations)
            .where(conversations.c.id == row)
            .values(memory=WorkingMemory().to_json(), version=conversations.c.version + 1, updated_at=self._clock())
        )
        kept = {"at": stone.at, "turns": count, "by": stone.by.value, "scope": stone.scope.value}
        self._connection.execute(insert(tombstones).values(conversation_id=row, **kept))
        return count

    def keep_model(self, model: StoredModel) -> None:
        """Put a model in the list, in place of what the list says of this fingerprint."""
        put_model(self._connection, model)

    def drop_model(self, fingerprint: str) -> bool:
        """Remove a model from the list; False where it was not there."""
        return drop_model(self._connection, fingerprint)

    def commit(self) -> None:
        """Make all of it lasting."""
        self._connection.commit()
        self._held = None

    def _lock(self, key: ConversationKey, *, create: bool) -> int | None:
        key = safe_key(key)
        if key in self._ids:
            return self._ids[key]
        # On SQLite, FOR UPDATE compiles to nothing; there the transaction holds the database.
        wanted = select(conversations.c.id).where(_is(key)).with_for_update()
        found = self._connection.execute(wanted).scalar()
        if found is None and create:
            self._insert_new(conversations, self._fresh(key))
            found = self._connection.execute(wanted).scalar()
            if found is None:
                raise Conflict(f"{key} was forgotten by somebody else; load it again")
        if found is not None:
            self._ids[key] = found
        return found

    def _begun(self, key: ConversationKey) -> int:
        found = self._lock(key, create=True)
        if found is None:
            raise Conflict(f"{key} was forgotten by somebody else; load it again")
        return found

    def _fresh(self, key: ConversationKey) -> dict[str, Any]:
        empty, now = Conversation(key, memory=WorkingMemory()), self._clock()
        return {
            "channel": key.channel,
            "thread": key.thread,
            "owner": empty.owner,
            "memory": empty.memory.to_json(),
            "version": empty.version,
            "created_at": now,
            "updated_at": now,
        }

    def _insert_new(self, table: Any, row: dict[str, Any]) -> bool:
        """Insert the row, or leave the one that is there; True where it was inserted."""
        dialect = sqlite if self._connection.dialect.name == "sqlite" else postgresql
        insertion = dialect.insert(table).values(row).on_conflict_do_nothing().returning(*table.primary_key.columns)
        return self._connection.execute(insertion).first() is not None

    def _next_position(self, conversation: int | None) -> int:
        last = select(func.max(turns.c.position)).where(turns.c.conversation_id == conversation)
        newest = self._connection.execute(last).scalar()
        return 0 if newest is None else int(newest) + 1

    def _touch(self, conversation: int | None) -> None:
        changed = update(conversations).where(conversations.c.id == conversation)
        self._connection.execute(changed.values(updated_at=self._clock()))


def _is(key: ConversationKey) -> Any:
    return and_(conversations.c.channel == key.channel, conversations.c.thread == key.thread)


def of_sender(channel: str, sender: str) -> Any:
    """A condition on conversations: of this channel, and this sender wrote in it."""
    named = safe_sender(sender)
    if named is None:
        return false()
    wrote = select(turns.c.conversation_id).where(turns.c.sender == named)
    return and_(conversations.c.channel == safe(channel), conversations.c.id.in_(wrote))
