"""Inbox, outbox and small states in memory, with the promises of the tables on disk."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Self

from engine.dialogue import ChannelEvent, ConversationKey, Message, Reply
from storage.errors import TakenUp
from storage.ports import Delivery, DeliveryKind, StoredEvent
from storage.rows import (
    at_most,
    aware,
    dumps,
    event_from_json,
    event_to_json,
    idempotency_key,
    loads,
    reply_from_json,
    reply_to_json,
    safe,
    safe_key,
    safe_message_id,
    storable,
)


@dataclass(frozen=True, slots=True)
class _Outgoing:
    delivery: Delivery
    leased_until: datetime | None = None


@dataclass
class Queues:
    """All that waits; a writer works on a copy, which takes the place of the original at commit.

    ``sent`` are the idempotency keys of what was ever put in the outbox, with the conversation of each, ``seen`` the
    events that ever came.
    """

    outgoing: dict[int, _Outgoing] = field(default_factory=dict)
    sent: dict[str, ConversationKey] = field(default_factory=dict)
    incoming: dict[int, StoredEvent] = field(default_factory=dict)
    seen: dict[tuple[str, str], ConversationKey] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def copy(self) -> Self:
        """A copy that can be changed while the original is read."""
        return replace(
            self,
            outgoing=dict(self.outgoing),
            sent=dict(self.sent),
            incoming=dict(self.incoming),
            seen=dict(self.seen),
            states=dict(self.states),
        )

    def pending(
        self, channel: str | None, key: ConversationKey | None, limit: int | None, due: datetime | None
    ) -> Sequence[Delivery]:
        """What is not delivered yet, oldest first."""
        named = None if channel is None else safe(channel)
        whose = None if key is None else safe_key(key)
        found = [
            one.delivery
            for _, one in sorted(self.outgoing.items())
            if named in (None, one.delivery.key.channel)
            and whose in (None, one.delivery.key)
            and (due is None or _is_due(one.delivery, aware(due)))
        ]
        return found[: at_most(limit)]

    def enqueue(self, message: Message, reply: Reply, kind: DeliveryKind, now: datetime) -> None:
        """Put a reply in the outbox, once of each kind for each message."""
        key, message_id = safe_key(message.key), safe_message_id(message.message_id)
        name = idempotency_key(key, message_id, kind)
        if name not in self.sent:
            self.sent[name] = key
            number = next(self.numbers)
            self.outgoing[number] = _Outgoing(Delivery(number, key, name, as_kept(reply), 0, message_id, kind, now))

    def claim(self, channel: str, now: datetime, until: datetime, limit: int) -> Sequence[Delivery]:
        """Take up what is due, at most one delivery of each conversation, its oldest."""
        heads: dict[ConversationKey, int] = {}
        for number, one in sorted(self.outgoing.items()):
            if one.delivery.key.channel == safe(channel) and not one.delivery.parked:
                heads.setdefault(one.delivery.key, number)
        free = [number for number in sorted(heads.values()) if self._is_free(self.outgoing[number], now)]
        taken = free[: at_most(limit)]
        for number in taken:
            self.outgoing[number] = replace(self.outgoing[number], leased_until=aware(until))
        return [self.outgoing[number].delivery for number in taken]

    @staticmethod
    def _is_free(one: _Outgoing, now: datetime) -> bool:
        return _is_due(one.delivery, now) and (one.leased_until is None or one.leased_until <= now)

    def delivered(self, number: int) -> bool:
        """Take a delivery out of the outbox."""
        return self.outgoing.pop(number, None) is not None

    def try_later(self, number: int, error: str, *, until: datetime | None) -> None:
        """Count a failed attempt; without ``until`` no other is made."""
        one = self.outgoing.get(number)
        if one is not None and not one.delivery.parked:
            counted = replace(one.delivery, attempts=one.delivery.attempts + 1, error=_shortened(error))
            changed = replace(counted, parked=True) if until is None else replace(counted, due=aware(until))
            self.outgoing[number] = _Outgoing(changed)

    def withdraw(self, key: ConversationKey, now: datetime) -> None:
        """Take the replies of a conversation out that nobody is sending just now."""
        for number, one in list(self.outgoing.items()):
            reply = one.delivery.key == key and one.delivery.kind is DeliveryKind.REPLY and not one.delivery.parked
            if reply and (one.leased_until is None or one.leased_until <= now):
                del self.outgoing[number]

    def retry(self, number: int, now: datetime) -> bool:
        """Make a delivery that nobody sends just now due."""
        one = self.outgoing.get(number)
        free = one is not None and (one.leased_until is None or one.leased_until <= now)
        if one is not None and free:
            self.outgoing[number] = _Outgoing(replace(one.delivery, attempts=0, due=now, parked=False))
        return free

    def events(self, key: ConversationKey | None, limit: int | None, *, parked: bool) -> Sequence[StoredEvent]:
        """Events that are not done, in the order in which they came."""
        named = None if key is None else safe_key(key)
        found = [
            one
            for _, one in sorted(self.incoming.items())
            if named in (None, one.event.key) and (parked or not one.parked)
        ]
        return found[: at_most(limit)]

    def conversations_waiting(self, limit: int | None) -> Sequence[ConversationKey]:
        """Conversations with events that are neither done nor parked."""
        found = dict.fromkeys(one.event.key for _, one in sorted(self.incoming.items()) if not one.parked)
        return list(found)[: at_most(limit)]

    def receive(self, event: ChannelEvent, now: datetime) -> bool:
        """Keep an event until it is done."""
        key, event_id = safe_key(event.key), safe_message_id(event.event_id)
        kept = event_from_json(loads(dumps(event_to_json(event))), key, event_id)
        if (key.channel, event_id) in self.seen:
            return False
        self.seen[key.channel, event_id] = key
        number = next(self.numbers)
        self.incoming[number] = StoredEvent(number, kept, now, due=now)
        return True

    def done(self, events: Collection[int]) -> None:
        """Events were taken up.

        Raises:
            TakenUp: If one of them was done, or removed, by somebody else.
        """
        if any(number not in self.incoming or self.incoming[number].parked for number in events):
            raise TakenUp("somebody else took up these events; look again")
        for number in set(events):
            del self.incoming[number]

    def take_later(self, number: int, error: str, *, until: datetime | None) -> None:
        """Count a failed attempt to take up an event; without ``until`` no other is made."""
        one = self.incoming.get(number)
        if one is not None and not one.parked:
            counted = replace(one, attempts=one.attempts + 1, error=_shortened(error))
            self.incoming[number] = (
                replace(counted, parked=True) if until is None else replace(counted, due=aware(until))
            )

    def retry_event(self, number: int, now: datetime) -> bool:
        """Make an event due now."""
        one = self.incoming.get(number)
        if one is not None:
            self.incoming[number] = replace(one, attempts=0, due=now, parked=False)
        return one is not None

    def drop_event(self, number: int) -> bool:
        """Take up an event no more."""
        return self.incoming.pop(number, None) is not None

    def forget(self, key: ConversationKey) -> None:
        """Remove every trace of a conversation."""
        self._keep(lambda delivery: delivery.key != key)
        self.sent = {name: owner for name, owner in self.sent.items() if owner != key}
        self.incoming = {number: one for number, one in self.incoming.items() if one.event.key != key}
        self.seen = {name: owner for name, owner in self.seen.items() if owner != key}

    def erase(self, key: ConversationKey, answered: Collection[str | None]) -> None:
        """Remove the words of a conversation but for replies to ``answered`` messages and events that wait."""
        gone = [one.delivery for one in self.outgoing.values() if one.delivery.key == key]
        left = {one.idempotency_key for one in gone if one.message_id in answered}
        self._keep(lambda delivery: delivery.key != key or delivery.idempotency_key in left)
        self.incoming = {number: one for number, one in self.incoming.items() if one.event.key != key or not one.parked}

    def _keep(self, wanted: Callable[[Delivery], bool]) -> None:
        self.outgoing = {number: one for number, one in self.outgoing.items() if wanted(one.delivery)}

    def keep_state(self, name: str, state: Mapping[str, Any]) -> None:
        """Keep a small state under a name."""
        self.states[name] = dumps(storable(state))

    def state(self, name: str) -> Mapping[str, Any] | None:
        """The state that was kept under a name."""
        found = loads(self.states[name]) if name in self.states else None
        return found if isinstance(found, Mapping) else None


def as_kept(reply: Reply) -> Reply:
    """The reply through the same text as on disk, so that what could not be stored there cannot be stored here."""
    return reply_from_json(loads(dumps(reply_to_json(reply))))


def _is_due(delivery: Delivery, now: datetime) -> bool:
    return not delivery.parked and (delivery.due is None or delivery.due <= now)


def _shortened(error: str) -> str:
    return safe(error[:1000])
