"""What the webhook answers: a request in, the house asked, an answer out."""

from __future__ import annotations

import asyncio
import json
import logging
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from aiohttp import hdrs, web

from adapters.shared import bodies
from adapters.shared.problems import Problem, Wrong, later
from adapters.webhook import identity, page, payload, reading
from adapters.webhook.cors import Cors
from adapters.webhook.door import SIGNATURE, Door
from adapters.webhook.openapi import AGENT_REPLIES, CONVERSATION, FEEDBACK, MESSAGES, described
from bot.clock import Clock
from bot.ports import Desk, Handle
from engine.dialogue import ChannelEvent, ConversationKey, EventKind, Message, Reply
from storage.errors import StorageError

if TYPE_CHECKING:
    from adapters.webhook.settings import Settings

SOON = 5.0
"""Seconds after which what could not be done is worth another attempt."""

OLDEST = timedelta(days=30)
"""How long ago a message is believed to have been written."""

_Handler = Callable[[web.Request], Awaitable[web.Response]]

log = logging.getLogger("attendant.webhook")


class Receiver:
    """Answers requests.

    Args:
        name: The channel.
        settings: How.
        desk: The house.
        door: Who may come in.
        handle: Gives what answers messages; None while the house does not serve.
        clock: Tells the time.
        seconds: How long a body may take.
    """

    def __init__(
        self,
        name: str,
        settings: Settings,
        desk: Desk,
        door: Door,
        handle: Callable[[], Handle | None],
        clock: Clock,
        *,
        seconds: float = bodies.SECONDS,
    ) -> None:
        self._name = name
        self._settings = settings
        self._desk = desk
        self._door = door
        self._handle = handle
        self._clock = clock
        self._seconds = seconds
        self._cors = Cors(settings.origins)
        self._described = described(settings)
        self._shown, self._policy = page.rendered(self._described)

    def routes(self) -> Sequence[web.RouteDef]:
        """The routes."""
        return [
            *self._at(MESSAGES, {"POST": self._message}),
            *self._at(AGENT_REPLIES, {"POST": self._agent_reply}),
            *self._at(FEEDBACK, {"POST": self._feedback}),
            *self._at(CONVERSATION, {"GET": self._conversation, "DELETE": self._forget}),
            *self._at("/openapi.json", {"GET": self._document}),
            *self._at("/docs", {"GET": self._page}),
        ]

    def _at(self, path: str, handlers: Mapping[str, _Handler]) -> list[web.RouteDef]:
        """The routes of a path; what it does not know is a problem like any other."""
        allowed = ", ".join(handlers)

        async def other(request: web.Request) -> web.Response:
            if request.method == hdrs.METH_OPTIONS and self._settings.origins:
                return self._cors.preflight(allowed)
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, f"expected {allowed}", headers={hdrs.ALLOW: allowed})

        known = [web.route(method, path, self._guarded(handler)) for method, handler in handlers.items()]
        return [*known, web.route(hdrs.METH_ANY, path, self._guarded(other))]

    def _guarded(self, handler: _Handler) -> _Handler:
        async def answer(request: web.Request) -> web.Response:
            try:
                self._door.knock(request)
                response = await handler(request)
            except Problem as problem:
                response = problem.response()
            except StorageError as error:
                log.error("a request to %s failed: %s", request.path, error)
                response = later(HTTPStatus.SERVICE_UNAVAILABLE, "it could not be stored or read", SOON).response()
            self._cors.allow(request, response)
            return response

        return answer

    async def _message(self, request: web.Request) -> web.Response:
        said, own = await self._body(request, payload.NewMessage)
        own = own if said.message_id is None else said.message_id
        by_callback = self._settings.by_callback if said.callback is None else said.callback
        if by_callback and not self._settings.callback_url:
            wrong = Wrong("#/callback", "no callback_url is set in the configuration")
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not as expected", [wrong])
        key, name = self._key(said.conversation), identity.of(said.conversation, identity.MESSAGE, own)
        now = self._clock()
        at = now if said.sent_at is None else max(now - OLDEST, min(said.sent_at, now))
        files = tuple(said.attachments)
        if by_callback:
            event = ChannelEvent(key, name, EventKind.MESSAGE, at, said.text, said.sender, files)
            return await self._received([event], own)
        handle = self._handle()
        if handle is None:
            raise later(HTTPStatus.SERVICE_UNAVAILABLE, "the house does not serve just now", SOON)
        reply = await handle(Message(key, name, said.text, at, said.sender, files))
        owner = await self._owner(key)
        return _json({"reply": shown(reply), "message_id": own, "conversation": key.thread, "owner": owner})

    async def _agent_reply(self, request: web.Request) -> web.Response:
        done, own = await self._body(request, payload.AgentReply)
        key, now = self._key(done.conversation), self._clock()
        happened = [
            (EventKind.PERSON, identity.PERSON, done.text or "", done.text is not None),
            (EventKind.GIVEN_BACK, identity.GIVEN_BACK, "", done.give_back),
            (EventKind.CLOSED, identity.CLOSED, "", done.close),
        ]
        events = [
            ChannelEvent(key, identity.of(done.conversation, what, own), kind, now, text, done.agent)
            for kind, what, text, is_so in happened
            if is_so
        ]
        return await self._received(events, own)

    async def _feedback(self, request: web.Request) -> web.Response:
        said, own = await self._body(request, payload.Feedback)
        name = identity.of(said.conversation, identity.VERDICT, own)
        about = identity.of(said.conversation, identity.MESSAGE, said.message_id)
        key = self._key(said.conversation)
        event = ChannelEvent(key, name, EventKind.VERDICT, self._clock(), said.verdict, about=about)
        return await self._received([event], own)

    async def _conversation(self, request: web.Request) -> web.Response:
        found = await self._found(request)
        turns = [{**turn, "id": turn["id"] and identity.own(turn["id"])} for turn in found["turns"]]
        return _json({**found, "turns": turns})

    async def _forget(self, request: web.Request) -> web.Response:
        found = await self._found(request)
        key = self._key(found["conversation"])
        return _json({"conversation": key.thread, "turns": await asyncio.to_thread(self._desk.forget, key)})

    async def _found(self, request: web.Request) -> Mapping[str, Any]:
        # A signature does not cover the path, so that it cannot say which conversation is meant.
        self._door.by_key(request)
        name = request.match_info["conversation"]
        known = payload.is_conversation(name)
        found = await asyncio.to_thread(self._desk.conversation, self._key(name)) if known else None
        if found is None:
            raise Problem(HTTPStatus.NOT_FOUND, "there is no such conversation")
        return found

    async def _document(self, _request: web.Request) -> web.Response:
        return _json(self._described)

    async def _page(self, _request: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": self._policy}
        return web.Response(text=self._shown, content_type="text/html", charset="utf-8", headers=headers)

    async def _body(self, request: web.Request, model: type[reading.Body]) -> tuple[reading.Body, str]:
        """What was sent, by whom who may, and the id of the request."""
        signed = SIGNATURE in request.headers
        if not signed:
            self._door.by_key(request)
        body = await reading.read(request, self._seconds)
        if signed:
            self._door.by_signature(request, body)
        said = reading.checked(model, reading.parse(body))
        own = self._door.once(request, body)
        return said, uuid.uuid4().hex if own is None else own

    async def _received(self, events: Sequence[ChannelEvent], own: str) -> web.Response:
        new = [await self._desk.receive(event) for event in events]
        told = {"conversation": events[0].key.thread, "id": own, "repeated": not any(new)}
        return _json(told, HTTPStatus.ACCEPTED)

    async def _owner(self, key: ConversationKey) -> str | None:
        try:
            return await asyncio.to_thread(self._desk.owner, key)
        except StorageError:
            return None

    def _key(self, conversation: str) -> ConversationKey:
        return ConversationKey(self._name, conversation)


def shown(reply: Reply) -> dict[str, Any]:
    """A reply as it is answered and sent."""
    return {
        "text": reply.text,
        "source": reply.provenance.source.value,
        "confidence": round(reply.confidence, 4),
        "entry": reply.entry,
        "choices": [{"entry": choice.entry, "text": choice.text} for choice in reply.choices],
        "handoff": reply.handoff,
        "reason": reply.provenance.reason,
    }


def _json(data: Mapping[str, Any], status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    body = json.dumps(data, ensure_ascii=False).encode("utf-8", "replace")
    return web.Response(status=status, body=body, content_type="application/json")
