"""The terminal as a channel: settings in, one conversation on the screen."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from bot.errors import AdapterError
from bot.ports import AdapterFactory, Desk, Handle
from engine.dialogue import ConversationKey
from storage.ports import Delivery, DeliveryKind

if TYPE_CHECKING:
    from adapters.tui.app import TerminalApp

CHANNEL = "terminal"


class TerminalAdapter:
    """One conversation in the terminal that the process runs in.

    Args:
        settings: ``conversation`` is the thread to go on with, ``default`` where it is not given.
        desk: The house.

    Raises:
        ValueError: If a setting is unknown or of no use.
    """

    name = "tui"

    def __init__(self, settings: Mapping[str, Any], desk: Desk) -> None:
        for setting in settings:
            if setting != "conversation":
                raise ValueError(f"unknown setting {setting}; the only one is conversation")
        thread = settings.get("conversation", "default")
        if not isinstance(thread, str) or not thread:
            raise ValueError(f"conversation must be the name of a thread, not {thread!r}")
        self.key = ConversationKey(CHANNEL, thread)
        self._desk = desk
        self._app: TerminalApp | None = None

    async def __aenter__(self) -> Self:
        """Make sure that there is a terminal.

        Raises:
            AdapterError: If input or output goes elsewhere.
        """
        # Textual reads the one and draws on the other, whatever sys.stdin and sys.stderr have become since.
        if not all(stream is not None and stream.isatty() for stream in (sys.__stdin__, sys.__stderr__)):
            raise AdapterError("the tui needs a terminal, and standard input or error is none")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing stays open after ``serve``."""

    async def serve(self, handle: Handle) -> None:
        """Show the conversation until the user leaves, or until cancelled; both end quietly.

        Raises:
            AdapterError: If the screen failed; it has printed why.
        """
        from adapters.tui.app import TerminalApp

        app = TerminalApp(self._desk, self.key, handle)
        loop = asyncio.get_running_loop()
        factory = loop.get_task_factory()
        self._app = app
        try:
            await app.run_async()
        except asyncio.CancelledError:
            return
        finally:
            self._app = None
            loop.set_task_factory(factory)  # Textual leaves its own on a loop that others use too
        if app.return_code:
            raise AdapterError("the screen failed")

    async def send(self, delivery: Delivery) -> None:
        """Show a reply that nobody is waiting for.

        Where its conversation is not on the screen nothing happens: it stands in the history, and is seen
        when the conversation is next opened.
        """
        if self._app is not None and delivery.key == self.key and delivery.kind is DeliveryKind.REPLY:
            self._app.deliver(delivery.reply)


_FACTORY: AdapterFactory = TerminalAdapter  # what the entry point promises, for the type checker to see
