"""Asking a desk's API: one request at a time, every failure said as what to do about it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

import aiohttp

from adapters.desks.ports import Request
from adapters.desks.wording import shortened
from adapters.shared import client
from bot.errors import NotNow, Refused

TIMEOUT_SECONDS = 10.0
UNSURE_SECONDS = 5.0
AT_ONCE = 16  # connections
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
        self._open = AsyncExitStack()
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Open the session; nothing is connected to yet."""
        opening = client.session(allow_private=self._allow_private, seconds=self._timeout, at_once=AT_ONCE)
        self._session = await self._open.enter_async_context(opening)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it, with every connection."""
        self._session = None
        await self._open.aclose()

    async def ask(self, request: Request) -> None:
        """Make a request.

        Raises:
            NotNow: If it may succeed later; it may have been taken nevertheless, where the answer got lost.
            Refused: If it never will.
        """
        if self._session is None:
            raise NotNow(f"cannot {request.what}: the channel is not open")
        data = json.dumps(request.body, ensure_ascii=True).encode("ascii")
        headers = {**request.headers, "Content-Type": "application/json", "Accept": "application/json"}
        try:
            async with self._session.request(
                request.method, request.url, data=data, headers=headers, allow_redirects=False
            ) as answer:
                self._judge(request, answer, await _words(answer))
        except TimeoutError as error:
            said = f"cannot {request.what}: no answer within {self._timeout:g} seconds"
            raise NotNow(said, seconds=_until_known(request)) from error
        except aiohttp.InvalidURL:
            raise Refused(f"cannot {request.what}: its address is none") from None
        except aiohttp.ClientError as error:
            unsure = not isinstance(error, aiohttp.ClientConnectorError)
            seconds = _until_known(request) if unsure else None
            raise NotNow(f"cannot {request.what}: {client.failure(error)}", seconds=seconds) from None

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


def _until_known(request: Request) -> float | None:
    """How long to wait after a message that may have arrived: if it did, the desk sends it back by its webhook."""
    return UNSURE_SECONDS if request.mark else None


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
    for header, read in (("Retry-After", client.wait_of), ("X-RateLimit-Reset", _until)):
        seconds = read(answer.headers.get(header, "").strip())
        if seconds is not None:
            return min(max(0.0, seconds), LONGEST_WAIT)
    return None


def _until(text: str) -> float | None:
    return float(text[:12]) - datetime.now(UTC).timestamp() if text.isascii() and text.isdigit() else None
