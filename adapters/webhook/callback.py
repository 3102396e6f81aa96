"""Replies on their way out: signed, to one address, which is never in a private network unless that was allowed."""

from __future__ import annotations

import json
import socket
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from adapters.webhook import addresses, signature
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
        self._looking: AbstractResolver | None = None
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; nothing is connected to yet."""
        self._looking = DefaultResolver() if self._resolver is None else self._resolver
        resolver = self._looking if self._settings.allow_private else PublicResolver(self._looking)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, limit=32),
            timeout=aiohttp.ClientTimeout(total=self._seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Attendant", "Content-Type": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, with every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None
        if self._looking is not None:
            await self._looking.close()
            self._looking = None

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
            raise NotNow(_named(error)) from None  # texts of these errors may hold the address, and a token in it


class PublicResolver(AbstractResolver):
    """Looks names up, and gives addresses only where every one of them is on the public network.

    What it gives is what is connected to, so that a name cannot lead elsewhere between look and leap.
    """

    def __init__(self, inner: AbstractResolver) -> None:
        self._inner = inner

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a name.

        Raises:
            OSError: If there are none, or one is not public.
        """
        found = await self._inner.resolve(host, port, family)
        if not found or not all(addresses.is_public(one["host"]) for one in found):
            raise OSError("the name leads into a private network; allow_private = true allows it")
        return found

    async def close(self) -> None:
        """Let go of what the look-up holds."""
        await self._inner.close()


def _judge(answer: aiohttp.ClientResponse) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status == _GONE:
        raise Refused("the callback answers 410: it is gone")
    hint = ", which leads elsewhere; redirects are not followed" if 300 <= answer.status < 400 else ""
    seconds = _after(answer.headers.get("Retry-After", "").strip())
    raise NotNow(f"the callback answers {answer.status}{hint}", seconds=seconds)


def _after(text: str) -> float | None:
    """Seconds that ``Retry-After`` asks for, in digits or as a date; None where it asks for nothing."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), LONGEST_WAIT)
    try:
        then = parsedate_to_datetime(text)
        seconds = (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, seconds), LONGEST_WAIT)


def _named(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        return f"no connection to the callback: {inner.strerror or inner}"
    return f"the connection to the callback failed ({type(error).__name__})"
