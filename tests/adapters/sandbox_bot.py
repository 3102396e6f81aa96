"""A bot behind a webhook, and requests of a bot, for tests of the stand-ins."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import aiohttp
from aiohttp import web


@dataclass(frozen=True, slots=True)
class Got:
    """One request that arrived."""

    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Keeps what it gets; answers with ``statuses`` while there are any, then with 200, after ``delay`` seconds."""

    def __init__(self) -> None:
        self.got: list[Got] = []
        self.statuses: list[int] = []
        self.delay = 0.0
        self.url = ""

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.add_routes([web.post("/", self._take)])
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def bodies(self) -> list[Any]:
        """What JSON said in each request."""
        return [json.loads(got.body) for got in self.got]

    async def _take(self, request: web.Request) -> web.Response:
        self.got.append(Got(dict(request.headers), await request.read()))
        await asyncio.sleep(self.delay)
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@dataclass(frozen=True, slots=True)
class Said:
    """An answer of the service."""

    status: int
    headers: Mapping[str, str]
    body: Any


async def ask(
    url: str, body: Any = None, headers: Mapping[str, str] | None = None, method: str = "POST", **more: Any
) -> Said:
    """One request to the service; its answer is read as JSON where it is."""
    given = {"json": body, **more} if "data" not in more else more
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers, **given) as answer:
        text = await answer.text()
        data = json.loads(text) if text and "json" in answer.content_type else text
        return Said(answer.status, dict(answer.headers), data)
