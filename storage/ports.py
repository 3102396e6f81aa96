"""What the bot asks of storage. SQLite, PostgreSQL and the store in memory keep the same promises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from engine.dialogue import ChannelEvent, ConversationKey, Message, Reply, Speaker, Turn
from engine.memory import WorkingMemory


@dataclass(frozen=True, slots=True)
class Conversation:
    """A conversation as it stands between two turns.

    ``owner`` is who may speak (see ``bot.ownership``); ``version`` counts the writes and is 0 for a
    conversation that was never stored.
    """

    key: ConversationKey
    owner: str = "bot"
    memory: WorkingMemory = field(default_factory=WorkingMemory)
    version: int = 0

    def with_memory(self, memory: WorkingMemory) -> Conversation:
        """The same conversation with another memory."""
        return replace(self, memory=memory)


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """A turn with its place in the conversation; ``reply`` is there for turns of the bot.

    ``sender`` is who wrote, as the channel names them, and on a turn of the bot whom it answered; None where the
    channel names nobody.
    """

    position: int
    turn: Turn
    at: datetime
    message_id: str | None = None
    reply: Reply | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """One line of the list of conversations."""

    key: ConversationKey
    owner: str
    turns: int
    updated_at: datetime


class DeliveryKind(StrEnum):
    """What is delivered: the reply to a message; what the person reads who takes a conversation over, right after the
    reply that says so; or a text for the company's own people.
    """

    REPLY = "reply"
    HANDOFF = "handoff"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A reply on its way to a channel. ``idempotency_key`` is the same at every attempt.

    ``due`` is when the next attempt may be made; ``parked`` says that there is none until somebody asks for it, and
    ``error`` what went wrong at the last one.
    """

    id: int
    key: ConversationKey
    idempotency_key: str
    reply: Reply
    attempts: int
    message_id: str
    kind: DeliveryKind = DeliveryKind.REPLY
    due: datetime | None = None
    parked: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event of a channel that is not done; ``due``, ``parked`` and ``error`` as for a delivery."""

    id: int
    event: ChannelEvent
    received_at: datetime
    attempts: int = 0
    due: datetime | None = None
    parked: bool = False
    error: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody thought of the reply to ``message_id``."""

    message_id: str
    verdict: str
    at: datetime


class By(StrEnum):
    """Who wanted something forgotten."""

    CUSTOMER = "customer"
    OPERATOR = "operator"


class Scope(StrEnum):
    """How much was to be forgotten: one conversation, or all of one person's."""

    CONVERSATION = "conversation"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What stays of what was forgotten: when (aware UTC), how many turns, by whom and how; no word of it."""

    at: datetime
    turns: int
    by: By
    scope: Scope


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model in the list of models; the folders that the list is made from are the truth.

    ``kind`` is ``train`` or ``finetune``; ``parent`` the fingerprint of the model it was made from, ``data`` that of
    what it learned; ``status`` is ``candidate``, ``current``, ``retired`` or ``rejected``; times are aware UTC.
    """

    fingerprint: str
    created: datetime
    kind: str = "train"
    parent: str = ""
    data: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    status: str = "candidate"
    promoted_at: datetime | None = None
    note: str = ""


class UnitOfWork(Protocol):
    """One short writing transaction. Leaving the block without ``commit`` undoes everything.

    Every method may raise ``StorageError``.
    """

    def append(self, message: Message, reply: Reply, at: datetime) -> None:
        """Add the customer's turn and the bot's; ``at`` is when the reply was made (aware UTC).

        Raises:
            AlreadyAnswered: If this message of the conversation has a reply already.
        """

    def save(self, conversation: Conversation) -> None:
        """Write owner and memory, raising the version by one; version 0 creates the conversation.

        Raises:
            Conflict: If the stored version is not ``conversation.version``: somebody else wrote first.
        """

    def enqueue(self, message: Message, reply: Reply, kind: DeliveryKind = DeliveryKind.REPLY) -> None:
        """Put a reply in the outbox, once of each kind for each message: delivered, it is not put there again."""

    def claim(self, channel: str, *, until: datetime, limit: int = 100) -> Sequence[Delivery]:
        """Take up what is due on a channel, oldest first, at most one delivery of each conversation, its oldest.

        Nobody else gets them before ``until`` (aware UTC), or before they were postponed.
        """

    def delivered(self, delivery: int) -> None:
        """Take a delivery out of the outbox, by its id; nothing happens where it is not there."""

    def postpone(self, delivery: int, until: datetime, error: str = "") -> None:
        """Count a failed attempt to deliver; the next one is not due before ``until`` (aware UTC)."""

    def park(self, delivery: int, error: str) -> None:
        """Count a failed attempt and make no other; those behind it in the conversation go on."""

    def withdraw(self, key: ConversationKey) -> None:
        """Take the replies of a conversation out of the outbox that nobody is sending just now."""

    def retry(self, delivery: int) -> bool:
        """Make a delivery that nobody sends just now due, with its attempts forgotten; False where there is none."""

    def drop(self, delivery: int) -> bool:
        """Take a delivery out of the outbox undelivered, for good; False where there is none."""

    def receive(self, event: ChannelEvent) -> bool:
        """Keep an event until it is done; False where its channel has sent one of this id before."""

    def done(self, events: Sequence[int]) -> None:
        """Events were taken up, by their ids; no word of them stays.

        Raises:
            TakenUp: If one of them was done, or removed, by somebody else.
        """

    def put_off(self, event: int, until: datetime, error: str) -> None:
        """Count a failed attempt to take up an event; the next one is not due before ``until`` (aware UTC)."""

    def park_event(self, event: int, error: str) -> None:
        """Count a failed attempt to take up an event and make no other."""

    def retry_event(self, event: int) -> bool:
        """Make an event due now, with its attempts forgotten; False where there is none."""

    def drop_event(self, event: int) -> bool:
        """Take up an event no more; False where there is none."""

    def hear(self, event: ChannelEvent, speaker: Speaker) -> None:
        """Add a turn that nobody answers, such as what a person of the company wrote; once for each event."""

    def keep_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep a small state under a name, in place of the one before."""

    def feedback(self, key: ConversationKey, message_id: str, verdict: str, at: datetime) -> None:
        """Keep a customer's or operator's verdict (``good``, ``bad``) on the reply to ``message_id``.

        Nothing happens where there is no such reply, so that a late verdict does not bring a forgotten
        conversation back.
        """

    def forget(self, key: ConversationKey) -> bool:
        """Remove every trace of the conversation; False where there was none."""

    def erase(self, key: ConversationKey, *, by: By, at: datetime) -> int:
        """Remove the text of a conversation: turns, memory, undelivered replies and verdicts.

        The conversation itself stays, with its owner, under a new version, so that a turn which was being thought
        about meanwhile is a conflict and brings nothing back. A tombstone is kept; turns without a word, customer's
        and bot's, stay too: they guard messages that were answered by forgetting against their redelivery. Where
        there is no such conversation it is begun.

        Args:
            key: The conversation.
            by: Who wants it.
            at: When (aware UTC).

        Returns:
            How many turns were removed.
        """

    def erase_person(
        self, channel: str, sender: str, *, by: By, at: datetime, also: ConversationKey | None = None
    ) -> Mapping[ConversationKey, int]:
        """Remove, as ``erase`` does, the text of every conversation of ``channel`` in which ``sender`` wrote.

        Turns that are known to be somebody else's, and the replies to them, stay; memory goes wholly, since nobody
        can tell whose it was.

        Args:
            channel: The channel that names the person so.
            sender: The person, as messages of the channel name them.
            by: Who wants it.
            at: When (aware UTC).
            also: A conversation of the channel that is included though nothing in it names the sender.

        Returns:
            How many turns were removed, by conversation.
        """

    def keep_model(self, model: StoredModel) -> None:
        """Put a model in the list, in place of what the list says of this fingerprint."""

    def drop_model(self, fingerprint: str) -> bool:
        """Remove a model from the list; False where it was not there."""

    def commit(self) -> None:
        """Make all of it lasting."""


class Store(Protocol):
    """Conversations that survive a restart. Every method may raise ``StorageError``."""

    def load(self, key: ConversationKey) -> Conversation:
        """The conversation as stored last; a new one where there is none.

        A memory that is damaged or of a later format is dropped with a log line; the conversation goes on.
        """

    def find_reply(self, key: ConversationKey, message_id: str) -> Reply | None:
        """The reply given to this message, None where it was not answered yet.

        A message is known by its conversation and its id: an id that two threads of a channel share names two
        messages.
        """

    def write(self) -> AbstractContextManager[UnitOfWork]:
        """Begin a writing transaction. Until it ends, nobody else writes the conversations it touched."""

    def history(self, key: ConversationKey, *, limit: int | None = None) -> Sequence[StoredTurn]:
        """The last ``limit`` turns, oldest first; all of them where it is None."""

    def conversations(self, *, limit: int = 100) -> Sequence[Summary]:
        """Conversations, the one written last first."""

    def pending(
        self,
        channel: str | None = None,
        *,
        key: ConversationKey | None = None,
        limit: int = 100,
        due: datetime | None = None,
    ) -> Sequence[Delivery]:
        """What is not delivered yet of a channel, of one conversation, or of all, oldest first.

        With ``due``, only what is neither postponed beyond it nor parked.
        """

    def events(
        self, *, key: ConversationKey | None = None, limit: int = 100, parked: bool = True
    ) -> Sequence[StoredEvent]:
        """Events that are not done, of one conversation or of all, in the order in which they came.

        One that cannot be read is parked.
        """

    def waiting(self, *, limit: int = 1000) -> Sequence[ConversationKey]:
        """Conversations with events that are neither done nor parked."""

    def forget_done(self, before: datetime) -> int:
        """Remove what is left of events that were done and came before a moment (aware UTC), and count them."""

    def state(self, name: str) -> Mapping[str, Any] | None:
        """The state that was kept under a name; None where there is none, or none that can be read."""

    def verdicts(self, key: ConversationKey) -> Sequence[Verdict]:
        """All verdicts on replies of the conversation, oldest first."""

    def tombstones(self, key: ConversationKey) -> Sequence[Tombstone]:
        """What was forgotten of the conversation, oldest first."""

    def of_person(self, channel: str, sender: str) -> Sequence[ConversationKey]:
        """The conversations of ``channel`` in which ``sender`` wrote, the oldest first."""

    def forget_older_than(self, moment: datetime) -> int:
        """Remove every trace of conversations last written before ``moment`` (aware UTC), and count them."""

    def models(self) -> Sequence[StoredModel]:
        """The list of models, the newest first."""

    def close(self) -> None:
        """Let go of connections; the store is not used afterwards."""
