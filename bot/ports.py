"""What the bot asks of a channel, and what a channel gets from the bot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

from engine.dialogue import ChannelEvent, ConversationKey, Message, Reply
from storage.ports import Delivery, StoredTurn

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

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

    def say(self, wording: str, locale: str | None = None) -> str:
        """A fixed sentence, such as ``welcome``.

        Args:
            wording: Its name.
            locale: The language of who reads it, as their app names it (``zh-hans``, ``pt-BR``). For None, and for a
                language that the bot does not speak, it is the main one.
        """

    def remembered(self, key: ConversationKey) -> Sequence[str]:
        """What is remembered of a conversation, in lines for people; empty where that is nothing."""

    async def receive(self, event: ChannelEvent) -> bool:
        """Store an event; then the channel may be told that it arrived. What comes of it goes to ``send``.

        Returns:
            False where the channel has sent an event of this id before.

        Raises:
            StorageError: If it could not be stored; the channel should send it again.
        """

    def owner(self, key: ConversationKey) -> str:
        """Who may speak in a conversation, as ``bot.ownership`` names them; ``bot`` in a new one.

        Raises:
            StorageError: If it cannot be read.
        """

    def conversation(self, key: ConversationKey) -> Mapping[str, Any] | None:
        """Turns, owner and memory as plain data; None where there is no such conversation.

        Raises:
            StorageError: If they cannot be read.
        """

    def forget(self, key: ConversationKey) -> int:
        """Remove the text of a conversation and count the turns that went; a tombstone stays.

        Raises:
            StorageError: If it cannot be written.
        """


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

    async def send(self, delivery: Delivery) -> None:
        """Deliver what nobody is waiting for; one conversation's deliveries come one after the other.

        Raises:
            NotNow: If the service wants to be asked later.
            Refused: If the service will never take it. Any other error counts as a failed attempt.
        """


@runtime_checkable
class Typing(Protocol):
    """An adapter whose channel can show that an answer is being written."""

    async def typing(self, key: ConversationKey) -> None:
        """Show it for a few seconds; a failure is nobody's business."""


@runtime_checkable
class Warns(Protocol):
    """An adapter that works as it is set, and yet has something to say about it, which ``attendant doctor`` shows."""

    def warnings(self) -> Sequence[str]:
        """What the operator should know; nothing where all is well."""


@runtime_checkable
class Routed(Protocol):
    """An adapter that is called by others: its routes hang in the one HTTP server of the house."""

    def routes(self) -> Sequence[RouteDef]:
        """The routes."""


AdapterFactory = Callable[[Mapping[str, Any], Desk], Adapter]
"""What an entry point of ``attendant.adapters`` names: the adapter's own settings and the desk in, adapter out."""
