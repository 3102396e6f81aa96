"""The one HTTP server of the house: health, readiness, metrics, and the routes that adapters hang in."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from bot.errors import AdapterError

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

log = logging.getLogger("attendant.web")
MOST_BYTES = 1024 * 1024
_HEADERS = {
    "Server": "attendant",  # and not which versions of what
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class Front:
    """Listens while it is open.

    Args:
        host: The address to listen at.
        port: The port; 0 takes a free one, and ``port`` then says which.
        routes: What adapters hang in.
        missing: Gives what keeps the house from being ready, by part; empty when it is.
        registry: What is counted; None where nothing is.
        drain: Seconds that requests have to end when it closes.
    """

    def __init__(
        self,
        host: str,
        port: int,
        routes: Sequence[web.RouteDef],
        missing: Callable[[], Mapping[str, str]],
        registry: CollectorRegistry | None = None,
        *,
        drain: float = 5.0,
    ) -> None:
        self.host, self.port = host, port
        self._missing = missing
        self._registry = registry
        self._drain = drain
        self._routes = routes
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        """Open the port.

        Raises:
            AdapterError: If it cannot be opened, or two adapters want one path.
        """
        app = web.Application(client_max_size=MOST_BYTES, middlewares=[_guarded])
        app.router.add_get("/healthz", self._healthy)
        app.router.add_get("/readyz", self._ready)
        app.router.add_get("/metrics", self._metrics)
        try:
            app.add_routes(self._routes)
            self._runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=self._drain, access_log=None)
            await self._runner.setup()
            site = web.TCPSite(self._runner, self.host, self.port)
            await site.start()
        except (OSError, RuntimeError) as error:
            raise AdapterError(f"cannot listen at {self.host}:{self.port}: {error}") from error
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the port; requests that have begun may end."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _healthy(self, _request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _ready(self, _request: web.Request) -> web.Response:
        missing = self._missing()
        return web.json_response({"ready": not missing, "missing": dict(missing)}, status=503 if missing else 200)

    async def _metrics(self, _request: web.Request) -> web.Response:
        if self._registry is None:
            raise web.HTTPNotFound
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})


@web.middleware
async def _guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers that a browser needs, and an error of ours never shows more than that there was one."""
    try:
        response = await handler(request)
    except web.HTTPException as refused:
        refused.headers.update({name: value for name, value in _HEADERS.items() if name not in refused.headers})
        raise
    except Exception:
        log.exception("a request to %s failed", request.path)
        response = web.json_response(
            {"type": "about:blank", "title": "Internal Server Error", "status": 500},
            status=500,
            content_type="application/problem+json",
        )
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response
