"""The generic webhook as a channel: whoever can send an HTTP request has it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from adapters.webhook import identity
from adapters.webhook.settings import read
from bot.clock import Clock, now
from bot.errors import NotNow
from bot.ports import AdapterFactory, Desk, Handle
from storage.ports import Delivery, DeliveryKind

if TYPE_CHECKING:
    from aiohttp import web

    from adapters.webhook.callback import Callback

_EVENTS = {
    DeliveryKind.REPLY: "reply.created",
    DeliveryKind.HANDOFF: "conversation.handed_off",
    DeliveryKind.ALERT: "alert.raised",
}


class WebhookAdapter:
    """Messages by HTTP.

    Args:
        table: The settings of the channel.
        desk: The house.
        clock: Tells the time.

    Raises:
        ValueError: If a setting is unknown, missing or of no use.
    """

    name = "webhook"

    def __init__(self, table: Mapping[str, Any], desk: Desk, *, clock: Clock = now) -> None:
        self._settings = read(table)
        self._desk = desk
        self._clock = clock
        self._handle: Handle | None = None
        self._callback: Callback | None = None
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Open the HTTP session for callbacks; nothing is connected to yet."""
        from adapters.webhook.callback import Callback

        self._callback = await self._open.enter_async_context(Callback(self._settings, self._clock))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self._callback = None
        await self._open.aclose()

    def routes(self) -> Sequence[web.RouteDef]:
        """The routes, for the HTTP server of the house."""
        from adapters.webhook.door import Door
        from adapters.webhook.receiver import Receiver

        door = Door(self._settings, self._clock)
        return Receiver(self.name, self._settings, self._desk, door, lambda: self._handle, self._clock).routes()

    async def serve(self, handle: Handle) -> None:
        """Answer by ``handle`` until cancelled."""
        self._handle = handle
        try:
            await asyncio.Event().wait()
        finally:
            self._handle = None

    async def send(self, delivery: Delivery) -> None:
        """Send a delivery to the callback.

        Raises:
            NotNow: If it was not taken, or nobody knows whether it was.
            Refused: If there is no callback, or it says that it is gone.
        """
        if self._callback is None:
            raise NotNow("the channel is not open")
        data = {"conversation": delivery.key.thread, "message_id": identity.own(delivery.message_id)}
        await self._callback.send(delivery.idempotency_key, _EVENTS[delivery.kind], {**data, **_said(delivery)})


def _said(delivery: Delivery) -> dict[str, Any]:
    if delivery.kind is not DeliveryKind.REPLY:
        return {"text": delivery.reply.text}
    from adapters.webhook.receiver import shown

    return {"reply": shown(delivery.reply)}


_FACTORY: AdapterFactory = WebhookAdapter  # what the entry point promises, for mypy
