"""Telegram's requests to the HTTP server of the house."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus

from aiohttp import web

from adapters.shared import bodies, bounded
from adapters.shared.compare import same
from adapters.shared.problems import Problem
from adapters.telegram.line import Line
from adapters.telegram.reception import Reception
from adapters.telegram.settings import Webhook
from storage.errors import StorageError

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header

log = logging.getLogger("attendant.telegram")


class Door:
    """Takes updates that are delivered.

    Args:
        webhook: Where, and the secret that Telegram shows.
        inside: Gives who takes them; None while the channel is not open.
    """

    def __init__(self, webhook: Webhook, inside: Callable[[], tuple[Line, Reception] | None]) -> None:
        self._webhook = webhook
        self._inside = inside

    def routes(self) -> Sequence[web.RouteDef]:
        """The one address that Telegram calls."""
        return (web.post(self._webhook.path, self._post),)

    async def _post(self, request: web.Request) -> web.Response:
        if not same(request.headers.get(SECRET_HEADER, ""), self._webhook.secret):
            return Problem(HTTPStatus.FORBIDDEN).response()
        inside = self._inside()
        if inside is None:
            return web.Response(status=503)  # Telegram keeps it and comes again
        try:
            data = bounded.parse(await bodies.read(request))
        except Problem as problem:
            return problem.response()
        except bounded.Unreadable as error:
            return Problem(HTTPStatus.BAD_REQUEST, str(error)).response()
        line, reception = inside
        update = line.parse(data)
        if update is None:
            return web.Response()  # it would be no clearer the next time
        try:
            await reception.take(update)
        except StorageError as error:
            log.error("update %s could not be stored, Telegram will send it again: %s", update.update_id, error)
            return web.Response(status=503)
        return web.Response()
