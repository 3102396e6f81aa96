"""The part of Chatwoot's API that an agent bot's token opens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.sandbox import chatwoot_payloads as payloads
from adapters.sandbox.chatwoot_payloads import Conversation, Data
from adapters.sandbox.server import Refusal, is_form

if TYPE_CHECKING:
    from adapters.sandbox.chatwoot import ChatwootSandbox

STATUSES = ("open", "resolved", "pending", "snoozed")
_CONTENT_LIMIT = 150_000
_ATTACHMENTS_LIMIT = 15
_ROOT = "/api/v1/accounts/{account}/conversations/{conversation}"

Handler = Callable[[Conversation, Data], Any]


class Api:
    """Routes that act on one desk; a handler takes a conversation and what was sent, and returns what JSON can say."""

    def __init__(self, desk: ChatwootSandbox) -> None:
        self._desk = desk

    def routes(self) -> Iterable[web.RouteDef]:
        """What a bot may call, and 401 for everything else."""
        posts: Mapping[str, Handler] = {
            "messages": self._create,
            "toggle_status": self._toggle_status,
            "toggle_typing_status": self._toggle_typing,
            "assignments": self._assign,
            "labels": self._label,
            "custom_attributes": self._customise,
        }
        for name, handler in posts.items():
            yield web.post(f"{_ROOT}/{name}", self._guarded(handler))
        yield web.get(_ROOT, self._guarded(lambda talk, _: self._show(talk)))
        yield web.get(f"{_ROOT}/labels", self._guarded(lambda talk, _: {"payload": list(talk.labels)}))
        yield web.route("*", "/api/{path:.*}", self._forbidden)

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            self._authenticate(request)
            talk = self._asked(request)
            result = handler(talk, await _given(request))
            return web.Response() if result is None else web.json_response(result)

        return handle

    def _authenticate(self, request: web.Request) -> None:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._desk.token not in (request.headers.get("api_access_token", ""), bearer):
            raise Refusal(401, {"error": "Invalid Access Token"})

    def _asked(self, request: web.Request) -> Conversation:
        asked = request.match_info["conversation"]
        found = self._desk.conversations.get(int(asked)) if asked.isdecimal() else None
        if found is None or request.match_info["account"] != str(self._desk.account):
            raise Refusal(404, {"error": "Resource could not be found"})
        return found

    async def _forbidden(self, request: web.Request) -> web.Response:
        self._authenticate(request)
        raise Refusal(401, {"error": "Access to this endpoint is not authorized for bots"})

    def _create(self, talk: Conversation, given: Data) -> Data:
        content, private = given.get("content"), given.get("private") in (True, "true", "1")
        kind = given.get("message_type", "outgoing")
        self._check(talk, content, kind, given)
        message = self._desk.keep(talk, kind, content, payloads.BOT, private=private)
        message.content_type = given.get("content_type") or "text"
        message.attributes = _structure(given.get("content_attributes"))
        if not private and (talk.status != "pending" or talk.assignee is not None):
            talk.interrupted.append(str(content))
        self._desk.tell("message_created", talk, message)
        return payloads.pushed(self._desk.account, talk, message)

    def _check(self, talk: Conversation, content: Any, kind: Any, given: Data) -> None:
        since = self._desk.now() - timedelta(minutes=1)
        if sum(message.at > since for message in talk.messages if message.kind != "activity") >= self._desk.per_minute:
            raise Refusal(422, {"error": "Validation failed: Too many messages"})
        if not isinstance(content, str | None):
            raise Refusal(422, {"error": "Validation failed: Content is invalid"})
        if content is not None and len(content) > _CONTENT_LIMIT:
            raise Refusal(422, {"error": f"Validation failed: Content is too long (maximum is {_CONTENT_LIMIT})"})
        files = given.get("attachments")
        if isinstance(files, list) and len(files) > _ATTACHMENTS_LIMIT:
            raise Refusal(422, {"error": "Validation failed: Attachments exceeded maximum allowed"})
        if kind != "outgoing":
            raise Refusal(422, {"error": "Incoming messages are only allowed in Api inboxes"})

    def _toggle_status(self, talk: Conversation, given: Data) -> Data:
        status = given.get("status") or ("open" if talk.status == "resolved" else "resolved")
        if status not in STATUSES:
            raise Refusal(422, {"error": f"'{status}' is not a valid status"})
        self._desk.turn(talk, status)
        return {"meta": {}, "payload": {"success": True, "current_status": status, "conversation_id": talk.id}}

    def _toggle_typing(self, talk: Conversation, given: Data) -> None:
        talk.typing = given.get("typing_status") == "on"

    def _assign(self, talk: Conversation, given: Data) -> Data:
        number = given.get("assignee_id")
        if not isinstance(number, int | None):
            raise Refusal(404, {"error": "Resource could not be found"})
        talk.assignee = payloads.agent(number, f"Agent {number}") if number else None
        return {} if talk.assignee is None else dict(talk.assignee)

    def _label(self, talk: Conversation, given: Data) -> Data:
        labels = given.get("labels")
        talk.labels = [str(label) for label in labels] if isinstance(labels, list) else []
        return {"payload": list(talk.labels)}

    def _customise(self, talk: Conversation, given: Data) -> Data:
        talk.custom = _structure(given.get("custom_attributes"))
        return {"custom_attributes": dict(talk.custom)}

    def _show(self, talk: Conversation) -> Data:
        return payloads.conversation_data(self._desk.account, talk, talk.messages[-1] if talk.messages else None)


async def _given(request: web.Request) -> Data:
    if is_form(request):
        form = await request.post()
        return {**{name: form[name] for name in form}, "attachments": form.getall("attachments[]", [])}
    if not await request.read():
        return {}
    try:
        found = await request.json()
    except ValueError:
        raise Refusal(400, {"error": "There was a problem in the JSON you submitted"}) from None
    return found if isinstance(found, dict) else {}


def _structure(value: Any) -> Data:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    return dict(value) if isinstance(value, dict) else {}
