"""What an adapter's author tests an adapter with: a desk that keeps what it received, and the laws of every adapter.

Subclass ``AdapterContract`` in your tests and say how your channel is used from outside; pytest with pytest-asyncio
collects the laws::

    class TestLine(AdapterContract):
        settings = {"port": 0}
        def build(self, settings, desk): return LineAdapter(settings, desk)
        async def write(self, adapter, text): ...
        async def read(self, adapter): ...
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, ClassVar

from bot.ports import Adapter, Desk
from engine.dialogue import ChannelEvent, Choice, ConversationKey, Message, Provenance, Reply, Source
from storage.ports import Delivery, DeliveryKind, StoredTurn

PATIENCE = 10.0
"""Seconds that a channel has for anything."""


class RecordingDesk:
    """A desk without a house: it keeps events and answers none; ``receive`` raises what ``failing`` is set to."""

    name = "Fern"
    ready = ""

    def __init__(self) -> None:
        self.events: list[ChannelEvent] = []
        self.messages: list[Message] = []
        self.failing: Exception | None = None
        self._came = asyncio.Condition()

    def history(self, key: ConversationKey, *, limit: int) -> Sequence[StoredTurn]:  # noqa: ARG002 - the port's
        """Nothing was said before."""
        return ()

    def say(self, wording: str, locale: str | None = None) -> str:
        """A sentence that names its wording and, where one was asked for, its language."""
        return f"{wording}: I am {self.name}." if locale is None else f"{wording} ({locale}): I am {self.name}."

    def remembered(self, key: ConversationKey) -> Sequence[str]:  # noqa: ARG002 - the port's
        """Nothing is remembered."""
        return ()

    def owner(self, key: ConversationKey) -> str:  # noqa: ARG002 - the port's
        """The bot has every conversation."""
        return "bot"

    def conversation(self, key: ConversationKey) -> Mapping[str, Any] | None:  # noqa: ARG002 - the port's
        """Nothing is known."""
        return None

    def forget(self, key: ConversationKey) -> int:  # noqa: ARG002 - the port's
        """Nothing was kept."""
        return 0

    async def receive(self, event: ChannelEvent) -> bool:
        """Keep an event, once for each id."""
        if self.failing is not None:
            raise self.failing
        async with self._came:
            new = all(one.event_id != event.event_id for one in self.events)
            if new:
                self.events.append(event)
            self._came.notify_all()
        return new

    async def handle(self, message: Message) -> Reply:
        """Keep a message, and answer with its text."""
        async with self._came:
            self.messages.append(message)
            self._came.notify_all()
        return Reply(f"You said: {message.text}", Provenance(Source.FIXED, "test", "an echo"), 1.0)

    async def heard(self, count: int) -> list[ChannelEvent | Message]:
        """The first ``count`` events and messages, as soon as there are so many.

        Raises:
            TimeoutError: If they do not come.
        """
        async with asyncio.timeout(PATIENCE), self._came:
            await self._came.wait_for(lambda: len(self.events) + len(self.messages) >= count)
            heard: list[ChannelEvent | Message] = [*self.events, *self.messages]
            return heard[:count]


def a_delivery(
    key: ConversationKey,
    text: str,
    *,
    number: int = 1,
    choices: Sequence[str] = (),
    kind: DeliveryKind = DeliveryKind.REPLY,
) -> Delivery:
    """Something to deliver in a conversation."""
    offered = tuple(Choice(f"entry-{place}", choice) for place, choice in enumerate(choices))
    reply = Reply(text, Provenance(Source.RETRIEVED, "entry", "sure"), 0.9, "entry", offered)
    return Delivery(number, key, f"{number:064d}", reply, 0, f"m{number}", kind)


class AdapterContract:
    """The laws of every adapter that ``attendant serve`` serves."""

    settings: ClassVar[Mapping[str, Any]] = {}

    def build(self, settings: Mapping[str, Any], desk: Desk) -> Adapter:
        """Your adapter."""
        raise NotImplementedError

    async def write(self, adapter: Adapter, text: str) -> None:
        """Write to the channel as a customer does; the first and each later time in the same conversation."""
        raise NotImplementedError

    async def read(self, adapter: Adapter) -> str:
        """The next thing that the customer gets to read, waiting for it."""
        raise NotImplementedError

    @asynccontextmanager
    async def serving(self, desk: RecordingDesk) -> AsyncIterator[Adapter]:
        """Your adapter, open and served."""
        async with self.build(self.settings, desk) as adapter:
            served = asyncio.ensure_future(adapter.serve(desk.handle))
            try:
                async with asyncio.timeout(6 * PATIENCE):
                    yield adapter
            finally:
                served.cancel()
                done, _ = await asyncio.wait([served], timeout=PATIENCE)
                if not done:
                    raise AssertionError(f"serve goes on {PATIENCE} s after it was cancelled")

    def test_an_unknown_setting_is_refused(self) -> None:
        """A mistyped setting must not be passed over."""
        try:
            self.build({**self.settings, "no_such_setting": 1}, RecordingDesk())
        except ValueError as error:
            if "no_such_setting" not in str(error):
                raise AssertionError(f"the error does not name the setting: {error}") from error
        else:
            raise AssertionError("an unknown setting is passed over")

    async def test_what_a_customer_writes_arrives_whole_with_an_id_and_an_aware_time(self) -> None:
        """In one conversation of the channel, in order, each with an id of its own."""
        desk = RecordingDesk()
        async with self.serving(desk) as adapter:
            for text in ("where is my order?", "订单在哪里？ 👍"):
                await self.write(adapter, text)
            first, second = await desk.heard(2)
        texts = [first.text.strip(), second.text.strip()]
        _same(texts, ["where is my order?", "订单在哪里？ 👍"])
        _same(first.key, second.key)
        _same(first.key.channel, adapter.name)
        for one in (first, second):
            moment = one.at if isinstance(one, ChannelEvent) else one.sent_at
            _true(moment.tzinfo is not None, "a time without a zone")
        _true(_id(first) != _id(second), "two messages under one id")

    async def test_what_is_delivered_is_read(self) -> None:
        """Text of any length and script, and the choices that are offered with it."""
        desk = RecordingDesk()
        async with self.serving(desk) as adapter:
            await self.write(adapter, "hello")
            (heard,) = await desk.heard(1)
            if isinstance(heard, Message):
                await self.read(adapter)  # the answer that the channel waited for
            await adapter.send(a_delivery(heard.key, "Within 14 days. 十四天内。"))
            _true("Within 14 days. 十四天内。" in await self.read(adapter), "the reply does not arrive as it is")
            await adapter.send(a_delivery(heard.key, "Which?", number=2, choices=["Delivery time", "退款"]))
            asked = await self.read(adapter)
            _true("Which?" in asked and "Delivery time" in asked and "退款" in asked, "choices are not shown")

    async def test_other_deliveries_do_not_reach_the_customer(self) -> None:
        """A note for the person who takes over is not for the customer."""
        desk = RecordingDesk()
        async with self.serving(desk) as adapter:
            await self.write(adapter, "hello")
            (heard,) = await desk.heard(1)
            if isinstance(heard, Message):
                await self.read(adapter)
            await adapter.send(a_delivery(heard.key, "angry customer", kind=DeliveryKind.HANDOFF))
            await adapter.send(a_delivery(heard.key, "the next", number=2))
            read = await self.read(adapter)
            _true("the next" in read and "angry customer" not in read, f"the customer read {read!r}")

    async def test_it_can_be_opened_again(self) -> None:
        """After a failure it is opened again, in the same process."""
        desk = RecordingDesk()
        for count in (1, 2):
            async with self.serving(desk) as adapter:
                await self.write(adapter, f"message {count}")
                await desk.heard(count)


def _id(heard: ChannelEvent | Message) -> str:
    return heard.event_id if isinstance(heard, ChannelEvent) else heard.message_id


def _same(found: object, expected: object) -> None:
    _true(found == expected, f"{found!r}, expected {expected!r}")


def _true(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
