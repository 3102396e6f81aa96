"""Cross-origin requests: allowed to the origins that were set, to nobody else."""

from __future__ import annotations

from collections.abc import Collection

from aiohttp import hdrs, web

_HEADERS = "Authorization, Content-Type, webhook-id, webhook-timestamp, webhook-signature"
_SECONDS = "600"  # for which a browser remembers the answer


class Cors:
    """What browsers are told.

    Args:
        origins: Who may ask, as browsers write it.
    """

    def __init__(self, origins: Collection[str]) -> None:
        self._origins = origins

    def allow(self, request: web.Request, response: web.Response) -> None:
        """Let the page that asked read the answer, if it may."""
        if not self._origins:
            return
        response.headers[hdrs.VARY] = hdrs.ORIGIN
        if request.headers.get(hdrs.ORIGIN) in self._origins:
            response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = request.headers[hdrs.ORIGIN]
            response.headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = hdrs.RETRY_AFTER

    def preflight(self, methods: str) -> web.Response:
        """What a browser asks before it asks."""
        return web.Response(
            status=204,
            headers={
                hdrs.ACCESS_CONTROL_ALLOW_METHODS: methods,
                hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _HEADERS,
                hdrs.ACCESS_CONTROL_MAX_AGE: _SECONDS,
            },
        )
