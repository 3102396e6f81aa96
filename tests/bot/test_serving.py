"""Many channels in one process: ready when all are, restarted one by one, drained, and seen from outside."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Self

import aiohttp
import pytest
from aiohttp import web

from bot import serving as serving_module
from bot.compose import House
from bot.config import ServeConfig
from bot.errors import AdapterError
from bot.metrics import Metrics
from bot.ports import Adapter, Desk, Handle
from bot.serving import Serving
from storage.ports import Delivery
from tests.builders import FAQ, KEY, a_house, a_whole_house, an_event
from tests.fakes import Lines

SETTINGS = ServeConfig(port=0, burst_seconds=0.0, drain_seconds=5.0)


class Channel(Lines):
    """A channel that takes events by HTTP and stays until it is cancelled."""

    def __init__(self, name: str, desk: Desk, *failures: Exception) -> None:
        super().__init__()
        self.name = name
        self._desk = desk
        self._failures = list(failures)
        self.opened = 0

    async def __aenter__(self) -> Self:
        self.opened += 1
        if self._failures:
            raise self._failures.pop(0)
        return await super().__aenter__()

    async def serve(self, handle: Handle) -> None:
        await super().serve(handle)
        await asyncio.Event().wait()

    def routes(self) -> Sequence[web.RouteDef]:
        return [web.post(f"/{self.name}", self._receive), web.get(f"/{self.name}/broken", self._break)]

    async def _receive(self, request: web.Request) -> web.Response:
        await self._desk.receive(an_event(await request.text()))
        return web.Response(text="stored")

    async def _break(self, _request: web.Request) -> web.Response:
        raise LookupError("a secret of the house")


@asynccontextmanager
async def served(house: House, *adapters: Adapter) -> AsyncIterator[tuple[Serving, aiohttp.ClientSession]]:
    running = Serving(house, adapters, SETTINGS)
    task = asyncio.ensure_future(running.run())
    try:
        async with asyncio.timeout(30):
            await until(lambda: bool(running.front.port))
            base = f"http://127.0.0.1:{running.front.port}"
            async with aiohttp.ClientSession(base) as session:
                yield running, session
                if "house" not in running.missing():  # the second time it ends at once, and this process with it
                    running.stop()
                await task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def ready(session: aiohttp.ClientSession) -> tuple[int, dict[str, str]]:
    async with session.get("/readyz") as response:
        return response.status, (await response.json())["missing"]


async def until_ready(session: aiohttp.ClientSession, missing: str = "{}") -> None:
    while str((await ready(session))[1]) != missing:  # noqa: ASYNC110 - as whoever watches a port does
        await asyncio.sleep(0.01)


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what happens elsewhere rings no bell here
        await asyncio.sleep(0.01)


def a_counted_house() -> House:
    taker = a_house()
    taker.metrics = Metrics()
    return a_whole_house(taker)


async def test_an_event_that_comes_in_goes_out_answered() -> None:
    house = a_counted_house()
    shop = Channel("shop", house)
    async with served(house, shop) as (_, session):
        await until_ready(session)
        async with session.post("/shop", data="refund") as response:
            assert (response.status, await response.text()) == (200, "stored")
        await until(lambda: bool(shop.sent))
        async with session.get("/metrics") as response:
            counted = await response.text()
    assert [delivery.reply.text for delivery in shop.sent] == [FAQ["refund"]]
    assert 'attendant_deliveries_total{channel="shop",outcome="delivered"} 1.0' in counted
    assert not shop.is_open


async def test_the_house_is_ready_when_all_are_and_one_that_fails_is_opened_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(serving_module, "_FIRST_PAUSE", 0.05)
    house = a_counted_house()
    good, bad = Channel("good", house), Channel("bad", house, AdapterError("no line"), OSError("no line"))
    async with served(house, good, bad) as (_, session):
        await until_ready(session)
        assert bad.opened == 3
        assert good.opened == 1
        async with session.get("/healthz") as response:
            assert response.status == 200


async def test_what_keeps_it_from_being_ready_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving_module, "_FIRST_PAUSE", 60.0)
    house = a_counted_house()
    house.ready = "there is no model"
    async with served(house, Channel("bad", house, AdapterError("the token is refused"))) as (_, session):
        problems = {"bad": "the token is refused", "model": "there is no model"}
        await until_ready(session, str(problems))
        assert await ready(session) == (503, problems)


async def test_what_was_received_is_answered_and_sent_before_the_end() -> None:
    house = a_counted_house()
    shop = Channel("shop", house)
    async with served(house, shop) as (running, session):
        await until_ready(session)
        for _ in range(5):
            async with session.post("/shop", data="refund"):
                pass
        running.stop()
    assert [delivery.reply.text for delivery in shop.sent] == [FAQ["refund"]] * 5
    assert list(house.store.events()) == []


async def test_what_cannot_be_sent_stays_for_the_next_start() -> None:
    class Closed(Channel):
        async def send(self, delivery: Delivery) -> None:
            raise AdapterError(f"closed: {delivery.id}")

    house = a_counted_house()
    async with served(house, Closed("shop", house)) as (_, session):
        await until_ready(session)
        async with session.post("/shop", data="refund"):
            pass
    assert [delivery.reply.text for delivery in house.store.pending()] == [FAQ["refund"]]
    shop = Channel("shop", house)
    with house.store.write() as work:
        work.retry(house.store.pending()[0].id)
        work.commit()
    async with served(house, shop) as (_, session):
        await until(lambda: bool(shop.sent))
    assert house.store.load(KEY).memory.turn == 1


async def test_an_error_of_ours_shows_nothing_and_every_answer_is_guarded() -> None:
    house = a_counted_house()
    async with served(house, Channel("shop", house)) as (_, session):
        async with session.get("/shop/broken") as response:
            assert (response.status, response.content_type) == (500, "application/problem+json")
            assert "secret" not in await response.text()
        for path in ("/healthz", "/nowhere", "/shop/broken"):
            async with session.get(path) as response:
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert "default-src 'none'" in response.headers["Content-Security-Policy"]
        async with session.post("/shop", data=io.BytesIO(b"x" * (1024 * 1024 + 1))) as response:
            assert response.status == 413


async def test_a_port_that_is_taken_is_an_error_in_words() -> None:
    house = a_counted_house()
    async with served(house, Channel("shop", house)) as (running, _):
        taken = Serving(house, [], ServeConfig(port=running.front.port))
        with pytest.raises(AdapterError, match="cannot listen at"):
            await taken.run()
