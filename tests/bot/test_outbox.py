"""Deliveries: tried until they are taken, in order within a conversation, parked where they never will be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from bot.clock import now
from bot.errors import AdapterError, NotNow, Refused
from bot.metrics import Metrics
from bot.outbox import Dispatcher, Patience
from engine.dialogue import ConversationKey
from storage.in_memory import InMemoryStore
from storage.ports import Delivery, Store
from tests.builders import KEY, a_message, a_reply
from tests.fakes import Lines

OTHER = ConversationKey("shop", "bela")
QUICK = Patience(attempts=4, first=0.01, longest=0.05, one=5.0, side_by_side=4)


class Shop(Lines):
    """Takes deliveries, or does what ``plan`` says for the next ones."""

    name = "shop"

    def __init__(self, *plan: Exception | None) -> None:
        super().__init__()
        self.plan = list(plan)
        self.tried: list[str] = []
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, delivery: Delivery) -> None:
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        self.tried.append(delivery.idempotency_key)
        try:
            await asyncio.sleep(0.01)
            trouble = self.plan.pop(0) if self.plan else None
            if trouble is not None:
                raise trouble
            await super().send(delivery)
        finally:
            self.at_once -= 1

    @property
    def texts(self) -> list[str]:
        return [f"{one.key.thread}: {one.reply.text}" for one in self.sent]


def enqueued(*texts: str, store: Store | None = None, key: ConversationKey = KEY) -> Store:
    kept = store or InMemoryStore()
    with kept.write() as work:
        for text in texts:
            work.enqueue(a_message(key=key), a_reply(text))
        work.commit()
    return kept


@asynccontextmanager
async def sending(store: Store, shop: Shop, patience: Patience = QUICK) -> AsyncIterator[Dispatcher]:
    dispatcher = Dispatcher(store, {"shop": shop}, now, patience, Metrics())
    running = asyncio.ensure_future(dispatcher.run())
    try:
        async with asyncio.timeout(30):
            yield dispatcher
    finally:
        running.cancel()
        await asyncio.wait([running])


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - a store in memory rings no bell
        await asyncio.sleep(0.01)


async def test_deliveries_of_a_conversation_go_in_order_and_conversations_side_by_side() -> None:
    store = enqueued("one", "two", "three")
    for number in range(6):
        enqueued("hello", store=store, key=ConversationKey("shop", f"t{number}"))
    shop = Shop()
    async with sending(store, shop):
        await until(lambda: not store.pending())
    assert [text for text in shop.texts if text.startswith("anna")] == ["anna: one", "anna: two", "anna: three"]
    assert len(shop.sent) == 9
    assert 1 < shop.most_at_once <= QUICK.side_by_side


async def test_what_fails_is_tried_again_under_the_same_key_before_what_comes_after_it() -> None:
    store, shop = enqueued("one", "two"), Shop(AdapterError("no line"), NotNow("busy", seconds=0.02))
    async with sending(store, shop):
        await until(lambda: len(shop.sent) == 2)
    assert shop.texts == ["anna: one", "anna: two"]
    assert len(set(shop.tried[:3])) == 1


async def test_a_service_that_wants_to_wait_is_left_alone_so_long() -> None:
    store, shop = enqueued("one"), Shop(NotNow("slow down", seconds=3600.0))
    async with sending(store, shop):
        await until(lambda: bool(store.pending()[0].attempts))
    (delivery,) = store.pending()
    assert delivery.due is not None
    assert delivery.due > now() + timedelta(seconds=3500)
    assert delivery.error == "slow down"


async def test_what_is_refused_is_parked_at_once_and_the_next_goes_out() -> None:
    store, shop = enqueued("one", "two"), Shop(Refused("blocked by the user"))
    async with sending(store, shop):
        await until(lambda: len(shop.sent) == 1)
    (parked,) = store.pending()
    assert (parked.parked, parked.attempts, parked.error, parked.reply.text) == (True, 1, "blocked by the user", "one")
    assert shop.texts == ["anna: two"]


async def test_what_failed_too_often_is_parked() -> None:
    store, shop = enqueued("one"), Shop(*[OSError("line dead")] * 9)
    async with sending(store, shop):
        await until(lambda: store.pending()[0].parked)
    assert len(shop.tried) == QUICK.attempts
    with store.write() as work:
        work.retry(store.pending()[0].id)
        work.commit()
    shop.plan.clear()
    async with sending(store, shop):
        await until(lambda: bool(shop.sent))
    assert shop.texts == ["anna: one"]


async def test_a_channel_that_hangs_holds_up_nobody_else() -> None:
    class Deaf(Shop):
        async def send(self, delivery: Delivery) -> None:
            if delivery.key == KEY:
                await asyncio.sleep(3600)
            await super().send(delivery)

    store = enqueued("one")
    enqueued("hello", store=store, key=OTHER)
    shop = Deaf()
    async with sending(store, shop, Patience(attempts=2, first=0.01, longest=0.01, one=0.05)):
        await until(lambda: store.pending()[0].parked)
    assert shop.texts == ["bela: hello"]
    assert store.pending()[0].error == "the channel did not take it in time"


async def test_several_channels_are_flushed_though_one_has_nothing_left() -> None:
    store = enqueued("one", key=ConversationKey("first", "anna"))
    shops = {name: Shop() for name in ("first", "second", "third")}
    assert await Dispatcher(store, shops, now, QUICK).flush(10)
    assert len(shops["first"].sent) == 1


async def test_what_is_still_written_down_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store, shop = enqueued("one"), Shop()
    monkeypatch.setattr("bot.outbox._SPARE", -QUICK.one)  # every lease is over at once
    async with sending(store, shop):
        await until(lambda: not store.pending())
        await asyncio.sleep(0.1)
    assert len(shop.tried) == 1


async def test_a_trouble_that_nobody_thought_of_stops_no_channel(monkeypatch: pytest.MonkeyPatch) -> None:
    store, shop, troubles = enqueued("one"), Shop(), [ValueError("no time")]
    claim = Dispatcher._claim

    def stumbling(self: Dispatcher, channel: str, limit: int) -> Sequence[Delivery]:
        if troubles:
            raise troubles.pop()
        return claim(self, channel, limit)

    monkeypatch.setattr(Dispatcher, "_claim", stumbling)
    async with sending(store, shop):
        await until(lambda: bool(shop.sent))


async def test_flushing_sends_what_is_due_and_leaves_the_rest() -> None:
    store, shop = enqueued("one", "two"), Shop()
    assert await Dispatcher(store, {"shop": shop}, now, QUICK).flush(10)
    assert shop.texts == ["anna: one", "anna: two"]
    enqueued("three", store=store)
    shop.plan = [NotNow("closed", seconds=3600.0)]
    assert await Dispatcher(store, {"shop": shop}, now, QUICK).flush(10)
    assert [one.reply.text for one in store.pending()] == ["three"]


async def test_what_cannot_be_sent_in_time_is_left_for_the_next_start() -> None:
    class Slow(Shop):
        async def send(self, delivery: Delivery) -> None:
            await asyncio.sleep(3600)
            await super().send(delivery)

    store = enqueued("one", "two")
    assert not await Dispatcher(store, {"shop": Slow()}, now, QUICK).flush(0.05)
    assert [one.reply.text for one in store.pending()] == ["one", "two"]


def test_pauses_grow_up_to_the_longest_and_are_no_shorter_than_the_service_wants() -> None:
    patience = Patience(first=1.0, longest=60.0)
    assert [round(patience.pause(n, None) / 1.2) <= 2**n for n in range(5)] == [True] * 5
    assert patience.pause(50, None) <= 60 * 1.2
    assert patience.pause(0, 30.0) == 30.0
    assert patience.pause(0, 1e12) == 24 * 3600.0
