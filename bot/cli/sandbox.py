"""``attendant sandbox``: a service that runs here, to try one's own set-up against."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self
from urllib.parse import urlsplit

import click

from bot.cli.options import CONTEXT
from bot.cli.output import say, show, show_table

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "attendant.sandboxes"
PORT = 8090


class Sandbox(Protocol):
    """What an entry point of the group makes: a server that runs as long as its context is open."""

    title: str

    @property
    def url(self) -> str:
        """Where it answers."""

    def particulars(self) -> Mapping[str, str]:
        """What the settings of the bot need."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def _service(_context: click.Context, _parameter: click.Parameter, value: str) -> EntryPoint:
    from importlib.metadata import entry_points

    points = {point.name: point for point in entry_points(group=GROUP)}
    if value not in points:
        raise click.BadParameter(f"there is no {value!r}; there are: {', '.join(sorted(points)) or 'none'}")
    return points[value]


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and (urlsplit(value).scheme not in ("http", "https") or not urlsplit(value).hostname):
        raise click.BadParameter("expected an address that begins with http:// or https://")
    return value


@click.command(context_settings=CONTEXT, short_help="Start a stand-in for Telegram or a support desk.")
@click.argument("service", callback=_service, metavar="SERVICE")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=PORT, show_default=True, help="The port; 0 takes a free one."
)
@click.option("--url", callback=_address, metavar="URL", help="Where the bot takes the events of the service.")
@click.option("--seed", type=int, default=0, show_default=True, help="Decides the chances of its bad days.")
@click.option("--unsigned", is_flag=True, help="Send events without a signature, as older servers do.")
def command(service: EntryPoint, port: int, url: str | None, seed: int, unsigned: bool) -> None:
    """Start a stand-in for SERVICE: telegram, chatwoot, sunshine or intercom.

    It listens on this machine only, speaks as the real service does, and reaches nobody. Its page shows what was
    sent in both directions; there one writes as the customer or as a colleague, and disturbs the connection.
    """
    import asyncio

    make: Callable[..., Any] = service.load()
    sandbox = make(port=port, bot_url=url, seed=seed)
    if unsigned:
        if not hasattr(sandbox, "signed"):
            raise click.UsageError(f"{service.name} knows no signatures")
        sandbox.signed = False
    asyncio.run(serve(sandbox))


async def serve(sandbox: Sandbox) -> None:
    """Run it until SIGINT or SIGTERM comes.

    Raises:
        OSError: If the port is taken.
    """
    import asyncio

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        async with sandbox:
            show(f"{sandbox.title}: {sandbox.url}/")
            show_table(sandbox.particulars().items())
            say("open the first address in a browser; Ctrl-C ends it")
            await ended.wait()
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
