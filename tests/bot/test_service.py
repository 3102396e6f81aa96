"""The bridge to asynchronous channels: in order, side by side, never beyond its strength, and it never raises."""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.service import Service
from bot.turn import TurnTaker
from bot.wording import BUILT_IN
from engine.dialogue import Source
from storage.errors import Unavailable
from tests.builders import FAQ, KEY, a_house, a_message, a_wording
from tests.fakes import FailingStore, TableEngine

ENGLISH = BUILT_IN["en"]


def thinking(before: Callable[[str], None]) -> TurnTaker:
    return a_house(engine=TableEngine(FAQ, a_wording().say, before=before))


@asynccontextmanager
async def serving(taker: TurnTaker, *, workers: int = 4, waiting: int = 100) -> AsyncIterator[Service]:
    service = Service(taker, workers=workers, waiting=waiting)
    try:
        yield service
    finally:
        await asyncio.to_thread(service.close)


async def test_a_message_gets_the_takers_reply() -> None:
    async with serving(a_house()) as service:
        assert (await service.handle(a_message("refund"))).text == "Within 14 days."


async def test_the_order_of_a_conversation_is_kept_whatever_takes_long() -> None:
    chance = random.Random(7)
    house = thinking(lambda _text: time.sleep(chance.random() / 200))
    said = {f"thread-{number}": [f"{number}: {place}" for place in range(8)] for number in range(4)}
    async with serving(house) as service:
        await asyncio.gather(
            *(
                service.handle(a_message(texts[place], key=replace(KEY, thread=thread)))
                for place in range(8)
                for thread, texts in said.items()
            )
        )
    for thread, texts in said.items():
        history = house.store.history(replace(KEY, thread=thread))
        assert [turn.turn.text for turn in history if turn.reply is None] == texts


async def test_different_conversations_are_thought_about_side_by_side() -> None:
    together = threading.Barrier(3)
    house = thinking(lambda _text: _meet(together))
    async with serving(house, workers=3) as service:
        replies = await asyncio.gather(
            *(service.handle(a_message("refund", key=replace(KEY, thread=str(number)))) for number in range(3))
        )
    assert [reply.text for reply in replies] == ["Within 14 days."] * 3
    assert not together.broken


def _meet(together: threading.Barrier) -> None:
    together.wait(timeout=10)


async def test_when_too_many_wait_the_next_is_told_at_once_and_later_served() -> None:
    gate, begun = threading.Event(), threading.Event()

    def hold(_text: str) -> None:
        begun.set()
        assert gate.wait(timeout=10)

    async with serving(thinking(hold), workers=1, waiting=2) as service:
        held = [
            asyncio.create_task(service.handle(a_message("refund", key=replace(KEY, thread=name)))) for name in "ab"
        ]
        await asyncio.to_thread(begun.wait, 10)
        turned_away = a_message("refund", key=replace(KEY, thread="c"))
        busy = await service.handle(turned_away)
        assert (busy.text, busy.provenance.source) == (ENGLISH["busy"], Source.FIXED)
        gate.set()
        assert [(await task).text for task in held] == ["Within 14 days."] * 2
        assert (await service.handle(turned_away)).text == "Within 14 days."


@pytest.mark.parametrize("error", [Unavailable("disk full"), RuntimeError("boom"), KeyError("x"), MemoryError()])
async def test_nothing_is_raised_when_the_taker_raises(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    def explode(_text: str) -> None:
        raise error

    async with serving(thinking(explode)) as service:
        reply = await service.handle(a_message("refund"))
    assert (reply.text, reply.provenance.source, reply.confidence) == (ENGLISH["trouble"], Source.FIXED, 0.0)
    (record,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert record.conversation == str(KEY)  # type: ignore[attr-defined]  # an extra of the record
    assert record.exc_info is not None


async def test_after_trouble_the_same_message_can_be_delivered_again() -> None:
    message = a_message("refund")
    async with serving(a_house(store=FailingStore(1))) as service:
        assert [(await service.handle(message)).text for _ in range(2)] == [ENGLISH["trouble"], "Within 14 days."]


async def test_a_failed_turn_does_not_stop_those_behind_it() -> None:
    def explode(text: str) -> None:
        if text == "bad":
            raise RuntimeError("boom")

    async with serving(thinking(explode)) as service:
        replies = await asyncio.gather(*(service.handle(a_message(text)) for text in ("refund", "bad", "hours")))
    assert [reply.text for reply in replies] == ["Within 14 days.", ENGLISH["trouble"], "From 9 to 17."]


async def test_after_closing_the_customer_still_gets_a_sentence() -> None:
    async with serving(a_house()) as service:
        pass
    assert (await service.handle(a_message("refund"))).text == ENGLISH["trouble"]


async def test_closing_waits_for_the_turn_in_flight() -> None:
    gate, begun = threading.Event(), threading.Event()

    def hold(_text: str) -> None:
        begun.set()
        assert gate.wait(timeout=10)

    house = thinking(hold)
    service = Service(house, workers=1, waiting=2)
    task = asyncio.create_task(service.handle(a_message("refund")))
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    closing = asyncio.create_task(asyncio.to_thread(service.close))
    gate.set()
    await closing
    assert [turn.turn.text for turn in house.store.history(KEY)] == ["refund", "Within 14 days."]


async def test_nothing_is_kept_of_conversations_that_are_silent() -> None:
    def explode(text: str) -> None:
        if text == "bad":
            raise RuntimeError("boom")

    async with serving(thinking(explode)) as service:
        messages = [a_message(text, key=replace(KEY, thread=str(n % 5))) for n in range(20) for text in ("a", "bad")]
        tasks = [asyncio.create_task(service.handle(message)) for message in messages]
        await asyncio.sleep(0)
        for task in tasks[::7]:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert service._locks == {}
        assert service._held == 0
