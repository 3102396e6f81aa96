"""Asking a desk's API: one request at a time, every failure said as what to do about it."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Self

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

from adapters.desks.ports import Request
from adapters.desks.settings import is_private
from adapters.desks.wording import shortened
from bot.errors import NotNow, Refused

TIMEOUT_SECONDS = 10.0
LONGEST_WAIT = 3600.0
LONGEST_ANSWER = 64 * 1024  # bytes that are read of an answer
LONGEST_REASON = 200  # characters of a service's words that are passed on

SHORTEST_SECRET = 8  # shorter values of headers, such as versions, are none

_PASSING = frozenset((408, 425, 429))


class Sender:
    """An HTTP session with a desk, used as ``async with``.

    Args:
        allow_private: Whether names may lead into private networks.
        timeout: Seconds for one request, from connecting to the end of the answer.
        pause: Of a refusal's status and words, the seconds after which it may be asked again; None for never.
    """

    def __init__(
        self, *, allow_private: bool, timeout: float = TIMEOUT_SECONDS, pause: Callable[[int, str], float | None]
    ) -> None:
        self._allow_private = allow_private
        self._timeout = timeout
        self._pause = pause
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; nothing is connected to yet."""
        resolver = DefaultResolver() if self._allow_private else _PublicResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=resolver, limit=32, limit_per_host=16),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": "Attendant", "Accept": "application/json"},
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, with every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def ask(self, request: Request) -> None:
        """Make a request.

        Raises:
            NotNow: If it may succeed later; it may have been taken nevertheless, where the answer got lost.
            Refused: If it never will.
        """
        if self._session is None:
            raise NotNow(f"cannot {request.what}: the channel is not open")
        data = json.dumps(request.body, ensure_ascii=True).encode("ascii")
        headers = {**request.headers, "Content-Type": "application/json"}
        try:
            async with self._session.request(
                request.method, request.url, data=data, headers=headers, allow_redirects=False
            ) as answer:
                self._judge(request, answer, await _words(answer))
        except TimeoutError as error:
            raise NotNow(f"cannot {request.what}: no answer within {self._timeout:g} seconds") from error
        except aiohttp.InvalidURL:
            raise Refused(f"cannot {request.what}: its address is none") from None
        except aiohttp.ClientError as error:
            # Texts of these errors may hold the address and what was sent.
            raise NotNow(f"cannot {request.what}: {_named(error)}") from None

    def _judge(self, request: Request, answer: aiohttp.ClientResponse, words: str) -> None:
        status = answer.status
        if 200 <= status < 300:
            return
        said = f"cannot {request.what}: the service answers {status}"
        reason = _reason(words, request)
        if status >= 500 or status in _PASSING:
            raise NotNow(f"{said}{reason}", seconds=_asked_to_wait(answer))
        if status < 400:
            raise Refused(f"{said}, which leads elsewhere; the address in base_url is not the final one")
        seconds = self._pause(status, words)
        raise Refused(f"{said}{reason}") if seconds is None else NotNow(f"{said}{reason}", seconds=seconds)


class _PublicResolver(AbstractResolver):
    """Looks names up and keeps only addresses on the public network."""

    def __init__(self) -> None:
        self._inner = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Addresses of a name.

        Raises:
            OSError: If there are none, or none that is public.
        """
        found = [one for one in await self._inner.resolve(host, port, family) if not is_private(one["host"])]
        if not found:
            raise OSError("the name leads into a private network; allow_private = true allows it")
        return found

    async def close(self) -> None:
        """Let go of what the look-up holds."""
        await self._inner.close()


async def _words(answer: aiohttp.ClientResponse) -> str:
    if answer.status < 400:
        return ""
    return (await answer.content.read(LONGEST_ANSWER)).decode("utf-8", "replace")


def _reason(words: str, request: Request) -> str:
    """What the service said, without what only the two of us know."""
    secrets = {part for value in request.headers.values() for part in (value, value.rpartition(" ")[2])}
    for secret in sorted((one for one in secrets if len(one) >= SHORTEST_SECRET), key=len, reverse=True):
        words = words.replace(secret, "***")
    words = re.sub(r"\s+", " ", "".join(char if char.isprintable() else " " for char in words)).strip()
    return f": {shortened(words, LONGEST_REASON)}" if words else ""


def _asked_to_wait(answer: aiohttp.ClientResponse) -> float | None:
    """Seconds, as Retry-After says them or Intercom's X-RateLimit-Reset."""
    for header, read in (("Retry-After", _after), ("X-RateLimit-Reset", _until)):
        seconds = read(answer.headers.get(header, "").strip())
        if seconds is not None:
            return min(max(0.0, seconds), LONGEST_WAIT)
    return None


def _after(text: str) -> float | None:
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        then = parsedate_to_datetime(text)
        return (then.replace(tzinfo=then.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    except (ValueError, OverflowError):
        return None


def _until(text: str) -> float | None:
    return float(text[:12]) - datetime.now(UTC).timestamp() if text.isascii() and text.isdigit() else None


def _named(error: aiohttp.ClientError) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return "its certificate is not trusted"
    if isinstance(error, aiohttp.ClientConnectorError):
        inner = error.os_error
        return f"no connection: {inner.strerror or inner}"
    return f"the connection failed ({type(error).__name__})"
