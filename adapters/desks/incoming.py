"""The webhook of a desk: bytes in, events stored, and only then acknowledged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web

from adapters.desks.ports import DeskProtocol, Malformed, Unverified
from adapters.desks.returns import Returns
from adapters.shared import bodies, bounded
from adapters.shared.compare import same
from adapters.shared.problems import Problem, Wrong, later

if TYPE_CHECKING:
    from bot.ports import Desk
    from engine.dialogue import ChannelEvent

STORE_SECONDS = 3.0  # Chatwoot gives up after 5, and does not try again
SOON = 3.0
"""Seconds after which what could not be stored is worth another attempt."""

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
    read_seconds: float = bodies.SECONDS
    store_seconds: float = STORE_SECONDS

    def routes(self) -> list[web.RouteDef]:
        """Where the desk calls; the HEAD is how Intercom tries an address."""
        path = f"/desks/{self.protocol.name}" + ("/{token}" if self.token else "")
        return [web.post(path, self._post), web.head(path, self._head)]

    async def _head(self, request: web.Request) -> web.Response:
        return web.Response() if self._is_expected(request) else Problem(HTTPStatus.NOT_FOUND).response()

    async def _post(self, request: web.Request) -> web.Response:
        try:
            if not self._is_expected(request):
                raise Problem(HTTPStatus.NOT_FOUND)
            body = await bodies.read(request, self.read_seconds)
            events = self._understand({name.lower(): value for name, value in request.headers.items()}, body)
            await self._store(events)
        except Problem as problem:
            return problem.response()
        return web.json_response({"events": len(events)})

    def _understand(self, headers: Mapping[str, str], body: bytes) -> Sequence[ChannelEvent]:
        """What a webhook says.

        Raises:
            Problem: If nothing proves that the desk sent it, or it is not what the desk promises.
        """
        try:
            self.protocol.verify(headers, body, self.clock())
            data = bounded.parse(body)
            events, marks = self.protocol.events(data), self.protocol.echoes(data)
        except Unverified as error:
            log.warning("%s: a webhook was turned away: %s", self.protocol.name, error)
            raise Problem(HTTPStatus.UNAUTHORIZED) from None
        except (Malformed, bounded.Unreadable) as error:
            log.warning("%s: a webhook cannot be read: %s", self.protocol.name, error)
            wrong = [Wrong(error.pointer, str(error))] if isinstance(error, Malformed) else []
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), wrong) from None
        for mark in marks:
            self.came_back(mark)
        return events

    async def _store(self, events: Sequence[ChannelEvent]) -> None:
        """Store what happened.

        Raises:
            Problem: If it cannot be stored just now, with a status after which the desk tries again.
        """
        try:
            async with asyncio.timeout(self.store_seconds):
                for event in filter(self.returns.is_news, events):
                    await self.desk.receive(event)
                    self.returns.stored(event)
        except TimeoutError:
            log.error("%s: an event was not stored within %g seconds", self.protocol.name, self.store_seconds)
            raise later(HTTPStatus.TOO_MANY_REQUESTS, "try again", SOON) from None
        except Exception:
            log.exception("%s: an event cannot be stored", self.protocol.name)
            raise later(HTTPStatus.INTERNAL_SERVER_ERROR, "try again", SOON) from None

    def _is_expected(self, request: web.Request) -> bool:
        return same(request.match_info.get("token", ""), self.token)
