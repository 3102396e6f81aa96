"""Asking services by HTTP: only public addresses unless that was allowed, and what an answer says of waiting."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from adapters.shared import addresses


@asynccontextmanager
async def session(
    *, allow_private: bool, seconds: float, at_once: int = 32, resolver: AbstractResolver | None = None
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that keeps no cookies, closed with every connection at the end.

    Args:
        allow_private: Whether names may lead into private networks.
        seconds: How long a request may take, from connecting to the end of the answer.
        at_once: The most connections at the same time.
        resolver: Looks names up, and is closed at the end; None for the system's own.
    """
    looking = DefaultResolver() if resolver is None else resolver
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=looking if allow_private else PublicResolver(looking), limit=at_once
            ),
            timeout=aiohttp.ClientTimeout(total=seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Attendant"},
        ) as made:
            yield made
    finally:
        await looking.close()


class PublicResolver(AbstractResolver):
    """Looks names up, and gives addresses only where every one of them is on the public network.

    What it gives is what is connected to, so that a name cannot lead elsewhere between look and leap. Addresses that
    stand in a URL themselves are not looked up: whoever sets one has to check it.
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


def wait_of(text: str) -> float | None:
    """Seconds that ``Retry-After`` asks for, in digits or as a date, never below 0; None where it asks for nothing."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
        return max(0.0, (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError):
        return None


def failure(error: aiohttp.ClientError) -> str:
    """Why a request failed, without the error's own text: that may hold the address, and what was sent."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        return f"no connection: {inner.strerror or inner}"
    return f"the connection failed ({type(error).__name__})"
