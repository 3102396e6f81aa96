"""A house that serves the webhook at a real port, somebody who calls it, and somebody who is called back."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from standardwebhooks.webhooks import Webhook

from adapters.webhook.adapter import WebhookAdapter
from adapters.webhook.signature import sign
from bot.compose import House
from bot.config import ServeConfig
from bot.serving import Serving
from tests.builders import a_whole_house

SECRET = b"s" * 32
OLDER = b"o" * 32
KEY = "k" * 32
ENVIRONMENT = {
    "SHOP_SECRET": " ".join("whsec_" + base64.b64encode(one).decode() for one in (SECRET, OLDER)),
    "SHOP_KEY": KEY,
}
GUARDED = {"secret_env": "SHOP_SECRET", "api_key_env": "SHOP_KEY"}


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def data(self) -> Any:
        return json.loads(self.text)


@dataclass
class Caller:
    """Somebody who calls the webhook of a house."""

    house: House
    session: aiohttp.ClientSession
    port: int

    async def post(self, path: str, body: Any, name: str | None = None, **headers: str) -> Answer:
        """With the API key; ``name`` is the id of the request."""
        sent = {"Authorization": f"Bearer {KEY}", **({} if name is None else {"webhook-id": name}), **headers}
        return await self.raw("POST", path, json.dumps(body).encode(), sent)

    async def signed(
        self,
        path: str,
        body: Any,
        name: str = "msg_1",
        *,
        secret: bytes = SECRET,
        at: int = 0,
        more: Mapping[str, str] | None = None,
    ) -> Answer:
        """With a signature; ``at`` is by how many seconds its time is off, ``more`` are other headers."""
        data, stamp = json.dumps(body).encode(), int(time.time()) + at
        headers = {
            **({} if more is None else more),
            "webhook-id": name,
            "webhook-timestamp": str(stamp),
            "webhook-signature": sign([secret], name, stamp, data),
        }
        return await self.raw("POST", path, data, headers)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.raw("GET", path, None, {"Authorization": f"Bearer {KEY}", **headers})

    async def delete(self, path: str) -> Answer:
        return await self.raw("DELETE", path, None, {"Authorization": f"Bearer {KEY}"})

    async def raw(self, method: str, path: str, body: Any, headers: Mapping[str, str]) -> Answer:
        kind = {} if body is None else {"Content-Type": "application/json"}
        body = io.BytesIO(body) if isinstance(body, bytes) else body
        async with self.session.request(method, path, data=body, headers={**kind, **headers}) as answer:
            return Answer(answer.status, answer.headers, await answer.text())

    async def owner(self, conversation: str) -> str | None:
        answer = await self.get(f"/v1/conversations/{conversation}")
        return answer.data["owner"] if answer.status == 200 else None


@asynccontextmanager
async def serving(
    monkeypatch: pytest.MonkeyPatch, house: House | None = None, *, joining: float = 0.0, **settings: Any
) -> AsyncIterator[Caller]:
    """A house that serves the webhook with these settings."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    house = a_whole_house() if house is None else house
    adapter = WebhookAdapter({**GUARDED, "rate": 10_000, "burst": 100_000, **settings}, house)
    running = Serving(house, [adapter], ServeConfig(port=0, burst_seconds=joining, drain_seconds=5.0))
    task = asyncio.ensure_future(running.run())
    try:
        async with asyncio.timeout(120):
            await until(lambda: task.done() or not running.missing())
            base = f"http://127.0.0.1:{running.front.port}"
            async with aiohttp.ClientSession(base) as session:
                yield Caller(house, session, running.front.port)
    finally:
        running.stop()
        await asyncio.wait([task])
        task.result()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 - what happens elsewhere rings no bell here
            await asyncio.sleep(0.01)


@dataclass
class Shop:
    """Somebody who is called back: verifies every signature, and answers what ``answers`` says, then 200."""

    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    came: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    refused: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?token=of-the-shop"

    async def _hook(self, request: web.Request) -> web.Response:
        body = await request.read()
        event = Webhook(SECRET).verify(body, dict(request.headers))
        if self.answers:
            self.refused += 1
            status, headers = self.answers.pop(0)
            return web.Response(status=status, headers=headers)
        self.came.append((request.headers["webhook-id"], event))
        return web.Response()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Shop]:
        app = web.Application()
        app.router.add_post("/hook", self._hook)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True).start()  # the same port when opened again
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            await runner.cleanup()
