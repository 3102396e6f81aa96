"""What the bot asks of a channel, and what a channel gets from the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol, Self

from engine.dialogue import ConversationKey, Message, Reply
from storage.ports import StoredTurn

Handle = Callable[[Message], Awaitable[Reply]]
"""Message in, reply out; it never raises."""


class Desk(Protocol):
    """What an adapter may ask of the house besides handing it messages."""

    @property
    def name(self) -> str:
        """How the bot calls itself."""

    @property
    def ready(self) -> str:
        """Empty when the bot can answer; else what is missing, in words for the operator."""

    def history(self, key: ConversationKey, *, limit: int) -> Sequence[StoredTurn]:
        """The last turns of a conversation, oldest first; empty where they cannot be read."""

    def say(self, wording: str) -> str:
        """A fixed sentence in the main language, such as ``welcome``."""

    def remembered(self, key: ConversationKey) -> Sequence[str]:
        """What is remembered of a conversation, in lines for people; empty where that is nothing."""


class Adapter(Protocol):
    """A channel. It translates messages and replies; it never thinks.

    Used as ``async with adapter: await adapter.serve(handle)``.
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


AdapterFactory = Callable[[Mapping[str, Any], Desk], Adapter]
"""What an entry point of ``attendant.adapters`` names: the adapter's own settings and the desk in, adapter out."""
