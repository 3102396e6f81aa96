"""What every stand-in is: an HTTP server on this machine with faults, a journal, a page, and a way to the bot."""

from __future__ import annotations

import asyncio
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, ClassVar, Self
from urllib.parse import urlencode, urlsplit

from aiohttp import web

from adapters.sandbox.acts import Act, Field, Form, Talk, fault_acts
from adapters.sandbox.faults import Answer, Faults, Hang, Reset, Rule
from adapters.sandbox.journal import Journal, Way
from adapters.sandbox.page import POLICY, Contents, page
from adapters.sandbox.post import Postman

HOST = "127.0.0.1"
_HOSTS = frozenset({HOST, "localhost", "[::1]"})
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_LARGEST_BODY = 60 * 1024 * 1024
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER with zero seconds: a reset instead of a goodbye

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Refusal(Exception):  # noqa: N818 - named after what it is
    """The service says no: a status, a body that JSON can say, and headers."""

    def __init__(self, status: int, body: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body
        self.headers: Mapping[str, str] = {} if headers is None else headers


class Sandbox(ABC):
    """A service that runs here, as an asynchronous context; ``url`` is known once it is entered.

    Args:
        port: The port on the loopback address; 0 takes a free one.
        bot_url: Where events go; it may be set later too.
        scale: What the service's own waiting times (not its time limits) are multiplied with.
        seed: Decides the chances of the faults.
    """

    title: ClassVar[str]

    def __init__(self, *, port: int = 0, bot_url: str | None = None, scale: float = 1.0, seed: int = 0) -> None:
        self.bot_url = bot_url
        self.scale = scale
        self.faults = Faults(seed)
        self.journal = Journal(self.now)
        self.postman = Postman(self.journal)
        self._port = port
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where it answers, without a slash at the end."""
        return f"http://{HOST}:{self._port}"

    def now(self) -> datetime:
        """The moment by the clock of the service, which may be off."""
        return datetime.now(UTC) + self.faults.clock

    @abstractmethod
    def routes(self) -> Iterable[web.RouteDef]:
        """The API of the service. Handlers may raise Refusal."""

    @abstractmethod
    def refusal(self, status: int, retry_after: int | None) -> Refusal:
        """How the service words an error that comes out of nowhere."""

    @abstractmethod
    def particulars(self) -> Mapping[str, str]:
        """What the settings of the bot need; made up, so it may be shown."""

    @abstractmethod
    def talks(self) -> Sequence[Talk]:
        """The conversations, the newest at the end."""

    @abstractmethod
    def acts(self) -> Sequence[Act]:
        """What the page lets people do."""

    @property
    @abstractmethod
    def idle(self) -> bool:
        """True where no event is on its way any more."""

    async def open(self, stack: AsyncExitStack) -> None:  # noqa: B027 - most services have nothing more to open
        """Begin what runs beside the server; it ends with ``stack``."""

    def address_act(self) -> Act:
        """A form that says where events go, for services that are told so by hand."""
        field = Field("url", "Address of the bot", "" if self.bot_url is None else self.bot_url)
        return Act("address", "Say where the bot takes events", (field,), self._set_address)

    def label(self, request: web.Request) -> str:
        """What the journal calls a request."""
        return f"{request.method} {request.path}"

    def routine(self, _request: web.Request) -> bool:
        """True for a request that needs no entry in the journal where nothing went wrong."""
        return False

    async def settled(self, seconds: float = 5.0) -> None:
        """Wait until every event was taken or given up.

        Raises:
            TimeoutError: If that takes longer.
        """
        await self.journal.until(lambda: self.idle, seconds)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            runner = await self._serve(stack)
            await stack.enter_async_context(self.postman)
            await self.open(stack)
            self._port = int(runner.addresses[0][1])
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def _serve(self, stack: AsyncExitStack) -> web.AppRunner:
        app = web.Application(middlewares=[self._meet], client_max_size=_LARGEST_BODY)
        app.add_routes([web.get("/", self._page), web.post("/do/{act}", self._do), *self.routes()])
        runner = web.AppRunner(app, handle_signals=False, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, HOST, self._port).start()
        return runner

    @web.middleware
    async def _meet(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/" or request.path.startswith("/do/"):
            return await handler(request)
        rule = self.faults.strike(request.path)
        try:
            shown = await readable(request)
        except ValueError:
            return worded(self.refusal(400, None))
        response = await self._answer(request, handler, rule)
        if rule is None and response.status == 200 and self.routine(request):
            return response
        outcome = _outcome(response) if rule is None else f"{rule.trouble} on purpose"
        if rule is not None and rule.after:
            outcome += ", and carried out"
        self.journal.write(Way.FROM_BOT, self.label(request), shown, outcome)
        return response

    async def _answer(self, request: web.Request, handler: Handler, rule: Rule | None) -> web.StreamResponse:
        if rule is None:
            return await self._carry_out(request, handler)
        carried_out = await self._carry_out(request, handler) if rule.after else None
        match rule.trouble:
            case Answer(status, retry_after):
                return worded(self.refusal(status, retry_after))
            case Reset():
                reset(request)
                return web.Response(status=500)
            case Hang(seconds):
                await asyncio.sleep(seconds)
        return await self._carry_out(request, handler) if carried_out is None else carried_out

    async def _carry_out(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return worded(refusal)

    async def _page(self, request: web.Request) -> web.Response:
        _only_from_here(request)
        return self._shown(request.query.get("problem", ""))

    async def _do(self, request: web.Request) -> web.Response:
        _only_from_here(request)
        form = {name: value for name, value in (await request.post()).items() if isinstance(value, str)}
        found = {act.name: act for act in self._all_acts()}.get(request.match_info["act"])
        if found is None:
            raise web.HTTPNotFound
        try:
            found.run(form)
        except ValueError as error:
            return web.Response(status=303, headers={"Location": f"/?{urlencode({'problem': str(error)[:300]})}"})
        return web.Response(status=303, headers={"Location": "/"})

    def _shown(self, problem: str) -> web.Response:
        contents = Contents(
            self.title,
            self.particulars(),
            self.talks(),
            self.acts(),
            fault_acts(self.faults),
            self.faults.in_words(),
            self.journal.entries,
            problem,
        )
        said = page(contents)
        return web.Response(text=said, content_type="text/html", headers=_HEADERS)

    def _set_address(self, form: Form) -> None:
        said = form.get("url", "").strip()
        parts = urlsplit(said)
        if said and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("url: expected an address that begins with http:// or https://")
        self.bot_url = said if said else None

    def _all_acts(self) -> Sequence[Act]:
        return (*self.acts(), *fault_acts(self.faults))


def _outcome(response: web.StreamResponse) -> str:
    if response.status < 400 or not isinstance(response, web.Response):
        return str(response.status)
    return f"{response.status} {(response.text or '')[:200]}".rstrip()


def worded(refusal: Refusal) -> web.Response:
    """A refusal as it goes over the wire."""
    return web.json_response(refusal.body, status=refusal.status, headers=refusal.headers)


def reset(request: web.Request) -> None:
    """Close the connection of a request with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    wire = transport.get_extra_info("socket")
    if wire is not None:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    transport.abort()


async def readable(request: web.Request) -> Any:
    """The body for the journal: JSON as data, a form as its fields, files by name; the query where there is none.

    Raises:
        ValueError: If a form is broken.
    """
    if is_form(request):  # a form is read once, as a form; reading its bytes first would leave nothing of it
        return {name: _field(value) for name, value in (await request.post()).items()}
    body = await request.read()
    if not body:
        return dict(request.query) or None
    try:
        return await request.json()
    except ValueError:
        return f"{len(body)} bytes"


def is_form(request: web.Request) -> bool:
    """True where the body is a form of either kind."""
    return request.content_type in ("multipart/form-data", "application/x-www-form-urlencoded")


def _field(value: str | bytes | bytearray | web.FileField) -> str:
    if isinstance(value, web.FileField):
        return f"file {value.filename!r}"
    return value if isinstance(value, str) else f"{len(value)} bytes"


def _only_from_here(request: web.Request) -> None:
    """Refuse what another page in the same browser sends, or asks for under another name of this machine."""
    name = request.host.rpartition(":")[0] or request.host
    origin = request.headers.get("Origin")
    if name not in _HOSTS or origin not in (None, f"http://{request.host}"):
        raise web.HTTPForbidden(text="only from this machine")
