"""What the bot asks of a channel, and what a channel gets from the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Protocol, Self

from engine.dialogue import ConversationKey, Message, Reply


Handle = Callable[[Message], Awaitable[Reply]]


class Adapter(Protocol):
    """A channel. It translates messages and replies; it never thinks.

    Used as ``async with adapter: await adapter.serve(handle)``. ``handle`` never raises.
    """

    name: str

    async def __aenter__(self) -> Self:
        """Open what the channel needs (a port, a session)."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it again."""

    async def serve(self, handle: Handle) -> None:
        """Carry messages until cancelled, or until the channel ends by itself (a terminal that is closed)."""

    async def send(self, key: ConversationKey, reply: Reply) -> None:
        """Deliver a reply that nobody is waiting for."""
