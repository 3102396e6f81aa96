"""Replies on their way out: signed, to one address, which is never in a private network unless that was allowed."""

from __future__ import annotations

import json
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver

from adapters.shared import client
from adapters.webhook import signature
from adapters.webhook.settings import Settings
from bot.clock import Clock
from bot.errors import NotNow, Refused

SECONDS = 15.0
LONGEST_WAIT = 24 * 3600.0
"""Seconds that a service may ask to be left alone."""

_GONE = 410


class Callback:
    """Sends to the callback, used as ``async with``.

    Args:
        settings: Where to, and the secrets that sign it.
        clock: Tells the time.
        seconds: How long one attempt may take.
        resolver: Looks names up; None for the system's own.
    """

    def __init__(
        self, settings: Settings, clock: Clock, *, seconds: float = SECONDS, resolver: AbstractResolver | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._seconds = seconds
        self._resolver = resolver
        self._open = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; nothing is connected to yet."""
        private = self._settings.allow_private
        opening = client.session(allow_private=private, seconds=self._seconds, resolver=self._resolver)
        self._session = await self._open.enter_async_context(opening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, with every connection."""
        self._session = None
        await self._open.aclose()

    async def send(self, name: str, kind: str, data: dict[str, Any]) -> None:
        """Send ``data`` as an event of a kind, under an id that is the same at every attempt.

        Raises:
            NotNow: If it was not taken, or nobody knows whether it was.
            Refused: If there is no callback, or it says that it is gone.
        """
        if not self._settings.callback_url:
            raise Refused("callback_url is not set: there is nowhere to send it")
        if self._session is None:
            raise NotNow("the channel is not open")
        now = self._clock()
        event = {"type": kind, "timestamp": now.isoformat(), "data": data}
        body = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
        stamp = int(now.timestamp())
        headers = {
            "Content-Type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(stamp),
            "webhook-signature": signature.sign(self._settings.callback_secrets, name, stamp, body),
        }
        try:
            async with self._session.post(
                self._settings.callback_url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                _judge(answer)
        except TimeoutError:
            raise NotNow(f"the callback did not answer within {self._seconds:g} seconds") from None
        except aiohttp.InvalidURL:
            raise Refused("callback_url is no address") from None
        except aiohttp.ClientError as error:
            raise NotNow(f"the callback was not reached: {client.failure(error)}") from None


def _judge(answer: aiohttp.ClientResponse) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status == _GONE:
        raise Refused("the callback answers 410: it is gone")
    hint = ", which leads elsewhere; redirects are not followed" if 300 <= answer.status < 400 else ""
    asked = client.wait_of(answer.headers.get("Retry-After", ""))
    seconds = None if asked is None else min(asked, LONGEST_WAIT)
    raise NotNow(f"the callback answers {answer.status}{hint}", seconds=seconds)
