"""Telegram's requests to the HTTP server of the house."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
from collections.abc import Callable, Sequence

from aiohttp import web

from adapters.telegram.line import Line
from adapters.telegram.reception import Reception
from adapters.telegram.settings import Webhook
from storage.errors import StorageError

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
_SLOWEST_BODY = 10.0  # seconds

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
        shown = request.headers.get(SECRET_HEADER, "")
        if not hmac.compare_digest(shown.encode("utf-8", "surrogateescape"), self._webhook.secret.encode()):
            return web.Response(status=403)
        inside = self._inside()
        if inside is None:
            return web.Response(status=503)  # Telegram keeps it and comes again
        try:
            async with asyncio.timeout(_SLOWEST_BODY):
                data = json.loads(await request.read())
        except TimeoutError:
            return web.Response(status=408)
        except (ValueError, RecursionError):
            return web.Response(status=400)
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
