"""What the stand-ins of support desks have in common: webhooks that a courier carries, and an eye on interruptions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from typing import Any, Protocol

from adapters.sandbox.post import Courier, Policy
from adapters.sandbox.server import Sandbox


class Interruptible(Protocol):
    """A conversation that knows what the bot said in it while it was somebody else's."""

    interrupted: list[str]


class DeskSandbox(Sandbox):
    """A support desk.

    Attributes:
        conversations: By id, the newest at the end.
    """

    conversations: Mapping[Any, Interruptible]
    _courier: Courier

    def post_by(self, policy: Policy) -> None:
        """Say how often a webhook is tried, and when it counts as taken."""
        self._courier = Courier(self.postman, lambda: self.bot_url, policy, self.faults, self.journal, self.scale)

    @property
    def interruptions(self) -> Sequence[str]:
        """What the bot told customers while a person had the conversation."""
        return [text for talk in self.conversations.values() for text in talk.interrupted]

    @property
    def idle(self) -> bool:
        """True where no webhook is on its way any more."""
        return self._courier.idle

    async def open(self, stack: AsyncExitStack) -> None:
        """Begin to deliver webhooks."""
        await stack.enter_async_context(self._courier)
