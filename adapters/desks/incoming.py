"""The webhook of a desk: bytes in, events stored, and only then acknowledged."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import ClientPayloadError, web

from adapters.desks.ports import DeskProtocol, Malformed, Unverified
from adapters.desks.reading import parse
from adapters.desks.returns import Returns

if TYPE_CHECKING:
    from bot.ports import Desk

LONGEST_BODY = 1024 * 1024
READ_SECONDS = 10.0
STORE_SECONDS = 3.0  # Chatwoot gives up after 5, and does not try again

log = logging.getLogger("attendant.desks")


@dataclass(frozen=True, slots=True)
class Receiver:
    """Takes the webhooks of one desk.

    ``token`` is the secret part of the path, empty where there is none; ``came_back`` is told the marks of messages of
    the bot's own.
    """

    protocol: DeskProtocol
    desk: Desk
    token: str
    clock: Callable[[], datetime]
    returns: Returns
    came_back: Callable[[str], None]
    read_seconds: float = READ_SECONDS
    store_seconds: float = STORE_SECONDS

    def routes(self) -> list[web.RouteDef]:
        """Where the desk calls; the HEAD is how Intercom tries an address."""
        path = f"/desks/{self.protocol.name}" + ("/{token}" if self.token else "")
        return [web.post(path, self._post), web.head(path, self._head)]

    async def _head(self, request: web.Request) -> web.Response:
        return web.Response() if self._is_expected(request) else _problem(HTTPStatus.NOT_FOUND)

    async def _post(self, request: web.Request) -> web.Response:
        if not self._is_expected(request):
            return _problem(HTTPStatus.NOT_FOUND)
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            return _problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected a body that is not compressed")
        try:
            async with asyncio.timeout(self.read_seconds):
                body = await _read(request)
        except TimeoutError:
            return _problem(HTTPStatus.REQUEST_TIMEOUT, f"expected the whole body within {self.read_seconds:g} seconds")
        except (ClientPayloadError, web.RequestPayloadError, ConnectionError):
            return _problem(HTTPStatus.BAD_REQUEST, "expected the whole body")
        if body is None:
            return _problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {LONGEST_BODY} bytes")
        return await self._take({name.lower(): value for name, value in request.headers.items()}, body)

    async def _take(self, headers: dict[str, str], body: bytes) -> web.Response:
        try:
            self.protocol.verify(headers, body, self.clock())
            data = parse(body)
            events, marks = self.protocol.events(data), self.protocol.echoes(data)
        except Unverified as error:
            log.warning("%s: a webhook was turned away: %s", self.protocol.name, error)
            return _problem(HTTPStatus.UNAUTHORIZED)
        except Malformed as error:
            log.warning("%s: a webhook cannot be read: %s", self.protocol.name, error)
            return _problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), error.path)
        for mark in marks:
            self.came_back(mark)
        try:
            async with asyncio.timeout(self.store_seconds):
                for event in filter(self.returns.is_news, events):
                    await self.desk.receive(event)
                    self.returns.stored(event)
        except TimeoutError:
            log.error("%s: an event was not stored within %g seconds", self.protocol.name, self.store_seconds)
            return _problem(HTTPStatus.TOO_MANY_REQUESTS, "try again", wait=True)
        except Exception:
            log.exception("%s: an event cannot be stored", self.protocol.name)
            return _problem(HTTPStatus.INTERNAL_SERVER_ERROR, "try again", wait=True)
        return web.json_response({"events": len(events)})

    def _is_expected(self, request: web.Request) -> bool:
        given = request.match_info.get("token", "")
        return hmac.compare_digest(given.encode("utf-8", "replace"), self.token.encode())


async def _read(request: web.Request) -> bytes | None:
    """The raw body; None where it is too long, whatever Content-Length says."""
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > LONGEST_BODY:
            return None
    return bytes(body)


def _problem(status: HTTPStatus, detail: str = "", field: str = "", *, wait: bool = False) -> web.Response:
    """Problem details (RFC 9457)."""
    told = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail, "field": field}
    return web.Response(
        status=status,
        body=json.dumps({name: value for name, value in told.items() if value}),
        content_type="application/problem+json",
        headers={"Retry-After": "3"} if wait else {},
    )
