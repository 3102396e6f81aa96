"""One writing transaction in memory, on a copy of the records that takes their place at ``commit``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from engine.dialogue import ChannelEvent, ConversationKey, Message, Reply, Speaker, Turn
from engine.memory import WorkingMemory
from storage.errors import AlreadyAnswered, Conflict, StorageError
from storage.in_memory_queues import Queues, as_kept
from storage.ports import (
    By,
    Conversation,
    Delivery,
    DeliveryKind,
    Scope,
    StoredModel,
    StoredTurn,
    Tombstone,
    Verdict,
)
from storage.rows import (
    aware,
    dumps,
    loads,
    safe,
    safe_key,
    safe_message_id,
    safe_sender,
    storable,
)


@dataclass(frozen=True, slots=True)
class Record:
    """All that is kept of one conversation; the memory is text, as on disk, so that nothing is shared."""

    updated_at: datetime
    number: int
    owner: str = "bot"
    memory: str = dumps(WorkingMemory().to_json())
    version: int = 0
    turns: tuple[StoredTurn, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    tombstones: tuple[Tombstone, ...] = ()


class InMemoryWork:
    """A ``UnitOfWork`` on a copy of the records, which takes their place at ``commit``."""

    def __init__(
        self,
        records: dict[ConversationKey, Record],
        models: dict[str, StoredModel],
        queues: Queues,
        replace_all: Callable[[dict[ConversationKey, Record], dict[str, StoredModel], Queues], None],
        clock: Callable[[], datetime],
        numbers: Iterator[int],
    ) -> None:
        self._held: dict[ConversationKey, Record] | None = dict(records)
        self._models = dict(models)
        self._open_queues = queues
        self._replace_all = replace_all
        self._clock = clock
        self._numbers = numbers

    @property
    def _records(self) -> dict[ConversationKey, Record]:
        if self._held is None:
            raise StorageError("this unit of work was committed; begin another one")
        return self._held

    @property
    def _queues(self) -> Queues:
        self._check_open()
        return self._open_queues

    def _check_open(self) -> None:
        _ = self._records

    def append(self, message: Message, reply: Reply, at: datetime) -> None:
        """Add the customer's turn and the bot's."""
        key, message_id = safe_key(message.key), safe_message_id(message.message_id)
        record = self._record(key)
        if reply_in(record, message_id) is not None:
            raise AlreadyAnswered(f"message {message_id!r} of {message.key} has its reply")
        kept, sender = as_kept(reply), safe_sender(message.sender)
        position = record.turns[-1].position + 1 if record.turns else 0
        customer = Turn(Speaker.CUSTOMER, safe(message.text))
        self._records[key] = replace(
            record,
            updated_at=self._clock(),
            turns=(
                *record.turns,
                StoredTurn(position, customer, aware(message.sent_at), message_id, None, sender),
                StoredTurn(position + 1, Turn(Speaker.BOT, kept.text), aware(at), message_id, kept, sender),
            ),
        )

    def save(self, conversation: Conversation) -> None:
        """Write owner and memory, raising the version by one."""
        key = safe_key(conversation.key)
        stored = self._records.get(key)
        if conversation.version != (0 if stored is None else stored.version):
            raise Conflict(f"{conversation.key} is not of version {conversation.version} any more; load it again")
        self._records[key] = replace(
            self._record(key),
            owner=safe(conversation.owner),
            memory=dumps(storable(conversation.memory.to_json())),
            version=conversation.version + 1,
            updated_at=self._clock(),
        )

    def hear(self, event: ChannelEvent, speaker: Speaker) -> None:
        """Add a turn that nobody answers, once for each event."""
        key, event_id = safe_key(event.key), safe_message_id(event.event_id)
        record = self._record(key)
        if any(turn.message_id == event_id and turn.turn.speaker is speaker for turn in record.turns):
            return
        position = record.turns[-1].position + 1 if record.turns else 0
        turn = Turn(speaker, safe(event.text))
        heard = StoredTurn(position, turn, aware(event.at), event_id, None, safe_sender(event.sender))
        self._records[key] = replace(record, updated_at=self._clock(), turns=(*record.turns, heard))

    def enqueue(self, message: Message, reply: Reply, kind: DeliveryKind = DeliveryKind.REPLY) -> None:
        """Put a reply in the outbox, once of each kind for each message."""
        self._record(safe_key(message.key))
        self._queues.enqueue(message, reply, kind, self._clock())

    def claim(self, channel: str, *, until: datetime, limit: int = 100) -> Sequence[Delivery]:
        """Take up what is due on a channel, at most one delivery of each conversation, its oldest."""
        return self._queues.claim(channel, self._clock(), until, limit)

    def delivered(self, delivery: int) -> None:
        """Take a delivery out of the outbox."""
        self._queues.delivered(delivery)

    def postpone(self, delivery: int, until: datetime, error: str = "") -> None:
        """Count a failed attempt to deliver; the next one is not due before ``until``."""
        self._queues.try_later(delivery, error, until=until)

    def park(self, delivery: int, error: str) -> None:
        """Count a failed attempt and make no other."""
        self._queues.try_later(delivery, error, until=None)

    def withdraw(self, key: ConversationKey) -> None:
        """Take the replies of a conversation out of the outbox that nobody is sending just now."""
        self._queues.withdraw(safe_key(key), self._clock())

    def retry(self, delivery: int) -> bool:
        """Make a delivery due now; False where there is none."""
        return self._queues.retry(delivery, self._clock())

    def drop(self, delivery: int) -> bool:
        """Take a delivery out of the outbox for good; False where there is none."""
        return self._queues.delivered(delivery)

    def receive(self, event: ChannelEvent) -> bool:
        """Keep an event until it is done; False where its channel has sent one of this id before."""
        return self._queues.receive(event, self._clock())

    def done(self, events: Sequence[int]) -> None:
        """Events were taken up; no word of them stays."""
        self._queues.done(events)

    def put_off(self, event: int, until: datetime, error: str) -> None:
        """Count a failed attempt to take up an event; the next one is not due before ``until``."""
        self._queues.take_later(event, error, until=until)

    def park_event(self, event: int, error: str) -> None:
        """Count a failed attempt to take up an event and make no other."""
        self._queues.take_later(event, error, until=None)

    def retry_event(self, event: int) -> bool:
        """Make an event due now; False where there is none."""
        return self._queues.retry_event(event, self._clock())

    def drop_event(self, event: int) -> bool:
        """Take up an event no more; False where there is none."""
        return self._queues.drop_event(event)

    def keep_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep a small state under a name, in place of the one before."""
        self._queues.keep_state(name, state)

    def feedback(self, key: ConversationKey, message_id: str, verdict: str, at: datetime) -> None:
        """Keep a verdict on the reply to ``message_id``; nothing happens where there is no such reply."""
        key, message_id = safe_key(key), safe_message_id(message_id)
        record = self._records.get(key)
        if record is not None and reply_in(record, message_id) is not None:
            given = Verdict(message_id, safe(verdict), aware(at))
            self._records[key] = replace(record, verdicts=(*record.verdicts, given))

    def forget(self, key: ConversationKey) -> bool:
        """Remove every trace of the conversation; False where there was none."""
        self._queues.forget(safe_key(key))
        return self._records.pop(safe_key(key), None) is not None

    def erase(self, key: ConversationKey, *, by: By, at: datetime) -> int:
        """Remove the text of a conversation; what stays is a tombstone."""
        return self._erase(safe_key(key), None, Tombstone(aware(at), 0, by, Scope.CONVERSATION))

    def erase_person(
        self, channel: str, sender: str, *, by: By, at: datetime, also: ConversationKey | None = None
    ) -> Mapping[ConversationKey, int]:
        """Remove the text of every conversation in which the sender wrote, but what is known to be another's."""
        stone = Tombstone(aware(at), 0, by, Scope.PERSON)
        keys = [*of_person(self._records, channel, sender), *([] if also is None else [safe_key(also)])]
        return {key: self._erase(key, safe_sender(sender), stone) for key in dict.fromkeys(keys)}

    def _erase(self, key: ConversationKey, sender: str | None, stone: Tombstone) -> int:
        record = self._record(key)
        worded = {turn.message_id for turn in record.turns if turn.turn.text}
        left = tuple(
            turn
            for turn in record.turns
            if (turn.message_id is not None and turn.message_id not in worded)
            or (sender is not None and turn.sender not in (None, sender))
        )
        answered = {turn.message_id for turn in left}
        count = len(record.turns) - len(left)
        self._records[key] = replace(
            record,
            memory=dumps(WorkingMemory().to_json()),
            version=record.version + 1,
            updated_at=self._clock(),
            turns=left,
            verdicts=tuple(one for one in record.verdicts if one.message_id in answered),
            tombstones=(*record.tombstones, replace(stone, turns=count)),
        )
        self._queues.erase(key, answered)
        return count

    def keep_model(self, model: StoredModel) -> None:
        """Put a model in the list, in place of what the list says of this fingerprint."""
        self._check_open()
        kept = replace(
            model,
            fingerprint=safe(model.fingerprint),
            created=aware(model.created),
            kind=safe(model.kind),
            parent=safe(model.parent),
            data=safe(model.data),
            metrics=loads(dumps(storable(model.metrics))),
            status=safe(model.status),
            promoted_at=None if model.promoted_at is None else aware(model.promoted_at),
            note=safe(model.note),
        )
        self._models[kept.fingerprint] = kept

    def drop_model(self, fingerprint: str) -> bool:
        """Remove a model from the list; False where it was not there."""
        self._check_open()
        return self._models.pop(safe(fingerprint), None) is not None

    def commit(self) -> None:
        """Make all of it visible."""
        self._replace_all(self._records, self._models, self._queues)
        self._held = None

    def _record(self, key: ConversationKey) -> Record:
        if key not in self._records:
            self._records[key] = Record(self._clock(), next(self._numbers))
        return self._records[key]


def of_person(records: Mapping[ConversationKey, Record], channel: str, sender: str) -> list[ConversationKey]:
    """The conversations of a channel in which a sender wrote, the oldest first."""
    channel, named = safe(channel), safe_sender(sender)
    found = [
        (record.number, key)
        for key, record in records.items()
        if key.channel == channel and named is not None and any(turn.sender == named for turn in record.turns)
    ]
    return [key for _, key in sorted(found, key=lambda item: item[0])]


def reply_in(record: Record, message_id: str) -> Reply | None:
    """The reply given to a message, None where it was not answered yet."""
    return next((turn.reply for turn in record.turns if turn.reply and turn.message_id == message_id), None)
