"""The one adapter that carries every support desk: a webhook in, API requests out."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from adapters.desks.chatwoot import SIGNATURE, Chatwoot
from adapters.desks.intercom import NOBODY, Intercom
from adapters.desks.ports import DeskProtocol
from adapters.desks.returns import Returns
from adapters.desks.settings import Settings
from adapters.desks.sunshine import Sunshine
from bot.clock import now
from bot.errors import NotNow, Refused
from bot.ports import AdapterFactory, Desk, Handle
from storage.ports import DeliveryKind

if TYPE_CHECKING:
    from aiohttp import web

    from adapters.desks.outgoing import Sender
    from engine.dialogue import ConversationKey
    from storage.ports import Delivery

REMEMBERED = 10_000
"""Deliveries of which it is remembered how far they are, and marks that came back."""

log = logging.getLogger("attendant.desks")


class DeskAdapter:
    """A support desk as a channel.

    Args:
        desk: The house.
        protocol: How the desk speaks.
        token: The secret part of the webhook's path; empty where what comes is signed.
        allow_private: Whether the API may lie in a private network.
        signed: Whether the desk signs what it sends.
    """

    name: str

    def __init__(
        self, desk: Desk, protocol: DeskProtocol, *, token: str = "", allow_private: bool = False, signed: bool = True
    ) -> None:
        self.name = protocol.name
        self._desk = desk
        self._protocol = protocol
        self._token = token
        self._signed = signed
        self._allow_private = allow_private
        self._sender: Sender | None = None
        self._open = AsyncExitStack()
        self._done: OrderedDict[str, int] = OrderedDict()
        self._back: OrderedDict[str, int] = OrderedDict()
        self._returns = Returns()

    def warnings(self) -> Sequence[str]:
        """What protects the webhook where nothing is signed."""
        return (
            () if self._signed else ("webhooks are not signed: whoever knows their address can send some; use HTTPS",)
        )

    async def __aenter__(self) -> Self:
        """Open the HTTP session; nothing is connected to yet."""
        from adapters.desks.outgoing import Sender

        sender = Sender(allow_private=self._allow_private, pause=self._protocol.pause)
        self._sender = await self._open.enter_async_context(sender)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the session."""
        self._sender = None
        await self._open.aclose()

    def routes(self) -> Sequence[web.RouteDef]:
        """The webhook, ``/desks/NAME/TOKEN``, for the HTTP server of the house."""
        from adapters.desks.incoming import Receiver

        return Receiver(self._protocol, self._desk, self._token, now, self._returns, self._came_back).routes()

    async def serve(self, handle: Handle) -> None:  # noqa: ARG002 - nobody waits on a webhook for the reply
        """Wait until cancelled: what comes in comes by the webhook."""
        await asyncio.Event().wait()

    async def send(self, delivery: Delivery) -> None:
        """Deliver; requests that were taken are not made again, whatever failed after them.

        Raises:
            NotNow: If the desk cannot take it just now.
            Refused: If it never will.
        """
        if self._sender is None:
            raise NotNow(f"{self.name} is not open")
        try:
            requests = self._protocol.requests(delivery)
        except ValueError as error:
            raise Refused(f"not a conversation of {self.name}: {error}") from error
        key = delivery.idempotency_key
        for number, request in enumerate(requests[self._done.get(key, 0) :], start=self._done.get(key, 0) + 1):
            # A message whose answer got lost may be known to have arrived: it came back by the webhook.
            if not (request.mark and request.mark in self._back):
                await self._sender.ask(request)
            _remember(self._done, key, number)
        if delivery.kind is DeliveryKind.HANDOFF:
            self._returns.left(delivery.key)

    async def typing(self, key: ConversationKey) -> None:
        """Show that the bot is writing; where that fails nothing happens."""
        try:
            request = self._protocol.typing(key)
            if request is not None and self._sender is not None:
                await self._sender.ask(request)
        except (NotNow, Refused, ValueError) as error:
            log.debug("%s: %s", self.name, error)

    def _came_back(self, mark: str) -> None:
        _remember(self._back, mark, 1)


def _remember(kept: OrderedDict[str, int], key: str, value: int) -> None:
    kept[key] = value
    kept.move_to_end(key)
    while len(kept) > REMEMBERED:
        kept.popitem(last=False)


class ChatwootAdapter(DeskAdapter):
    """An agent bot of Chatwoot.

    Raises:
        ValueError: If a setting is unknown, missing or of no use.
    """

    name = "chatwoot"

    def __init__(self, table: Mapping[str, Any], desk: Desk) -> None:
        settings = Settings(table)
        private = settings.flag("allow_private")
        signature = settings.one_of("signature", SIGNATURE, "required")
        protocol = Chatwoot(
            base=settings.base_url("base_url", allow_private=private),
            token=settings.secret("token_env"),
            secret=settings.secret("secret_env", required=signature != "off"),
            signature=signature,
            tolerance=settings.number("tolerance_seconds", 900.0, 1.0, 86_400.0),
            account=settings.identifier("account", ""),
            buttons=settings.flag("buttons", True),
        )
        token = settings.token("path_token_env", required=signature != "required")
        settings.finish()
        super().__init__(desk, protocol, token=token, allow_private=private, signed=signature == "required")


class SunshineAdapter(DeskAdapter):
    """An integration of Zendesk's Sunshine Conversations.

    Raises:
        ValueError: If a setting is unknown, missing or of no use.
    """

    name = "sunshine"

    def __init__(self, table: Mapping[str, Any], desk: Desk) -> None:
        settings = Settings(table)
        private = settings.flag("allow_private")
        protocol = Sunshine(
            base=settings.base_url("base_url", allow_private=private),
            app=settings.identifier("app"),
            key_id=settings.secret("key_id_env"),
            key_secret=settings.secret("key_secret_env"),
            webhook_secret=settings.secret("webhook_secret_env"),
            integration=settings.text("integration"),
            hand_to=settings.text("hand_to", "next"),
            note_field=settings.identifier("note_field", ""),
            display_name=settings.text("display_name", desk.name),
            buttons=settings.flag("buttons", True),
        )
        token = settings.token("path_token_env", required=True)  # nothing is signed
        settings.finish()
        super().__init__(desk, protocol, token=token, allow_private=private, signed=False)


class IntercomAdapter(DeskAdapter):
    """A teammate of an Intercom workspace.

    Raises:
        ValueError: If a setting is unknown, missing or of no use.
    """

    name = "intercom"

    def __init__(self, table: Mapping[str, Any], desk: Desk) -> None:
        settings = Settings(table)
        private = settings.flag("allow_private")
        protocol = Intercom(
            base=settings.base_url("base_url", "https://api.intercom.io", allow_private=private),
            token=settings.secret("token_env"),
            secret=settings.secret("client_secret_env"),
            admin=settings.identifier("admin"),
            hand_to=settings.identifier("hand_to", NOBODY),
            hand_to_kind=settings.one_of("hand_to_kind", ("admin", "team"), "admin"),
            version=settings.identifier("version", "2.16"),
            buttons=settings.flag("buttons", True),
        )
        token = settings.token("path_token_env", required=False)
        settings.finish()
        super().__init__(desk, protocol, token=token, allow_private=private)


_FACTORIES: tuple[AdapterFactory, ...] = (ChatwootAdapter, SunshineAdapter, IntercomAdapter)  # for the type checker
