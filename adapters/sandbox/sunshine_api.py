"""The part of the Sunshine Conversations API that a bot needs: messages, activity, and the switchboard."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.sandbox import sunshine_payloads as payloads
from adapters.sandbox.server import Refusal
from adapters.sandbox.sunshine_payloads import BOT, PEOPLE, Conversation, Data, Integration

if TYPE_CHECKING:
    from adapters.sandbox.sunshine import SunshineSandbox

BODY_LIMIT = 100_000
MESSAGE_LIMIT = 30_000
HTML_LIMIT = 4096
METADATA_LIMIT = 4096
_CONTENTS = ("text", "image", "file", "carousel", "form", "list", "location", "template")
_ACTIVITIES = ("typing:start", "typing:stop", "conversation:read")
_TEXTS = ("text", "markdownText", "htmlText")
_NEXT = {BOT.id: PEOPLE}
_TITLES = {400: "Bad request", 401: "Unauthorized", 404: "Not found", 413: "Payload too large", 423: "Locked",
           429: "Too many requests"}  # fmt: skip

Handler = Callable[[Conversation, Data], tuple[int, Data]]


def refused(status: int, code: str, title: str = "", headers: Mapping[str, str] | None = None) -> Refusal:
    """An error as the API says it."""
    said = title or _TITLES.get(status, "Internal server error")
    return Refusal(status, {"errors": [{"code": code, "title": said}]}, headers)


class Api:
    """Routes that act on one desk, under ``/sc`` as at Zendesk and without it as at the older address."""

    def __init__(self, desk: SunshineSandbox) -> None:
        self._desk = desk

    def routes(self) -> Iterable[web.RouteDef]:
        """All of them."""
        posts: Mapping[str, Handler] = {
            "messages": self._create,
            "activity": self._activity,
            "passControl": self._pass,
            "offerControl": self._offer,
            "acceptControl": self._accept,
            "releaseControl": self._release,
        }
        for root in ("/sc/v2", "/v2"):
            one = f"{root}/apps/{{app}}/conversations/{{conversation}}"
            for name, handler in posts.items():
                yield web.post(f"{one}/{name}", self._guarded(handler))
            yield web.get(one, self._guarded(lambda talk, _: (200, {"conversation": payloads.conversation_data(talk)})))
            yield web.get(f"{one}/messages", self._guarded(lambda talk, _: (200, {"messages": talk.messages})))

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            self._authenticate(request)
            talk = self._asked(request)
            status, answer = handler(talk, await _given(request))
            return web.json_response(answer, status=status)

        return handle

    def _authenticate(self, request: web.Request) -> None:
        kind, _, said = request.headers.get("Authorization", "").partition(" ")
        try:
            known = base64.b64decode(said, validate=True).decode() == f"{self._desk.key_id}:{self._desk.secret}"
        except (binascii.Error, UnicodeDecodeError):
            known = False
        if kind.lower() != "basic" or not known:
            raise refused(401, "unauthorized", "Authorization is required")

    def _asked(self, request: web.Request) -> Conversation:
        if request.match_info["app"] != payloads.APP_ID:
            raise refused(404, "app_not_found", "App not found")
        found = self._desk.conversations.get(request.match_info["conversation"])
        if found is None:
            raise refused(404, "conversation_not_found", "Conversation not found")
        return found

    def _create(self, talk: Conversation, given: Data) -> tuple[int, Data]:
        if len(talk.messages) >= self._desk.message_limit:
            raise refused(423, "conversation_locked")
        author, content = _section(given, "author"), _section(given, "content")
        if author.get("type") != "business":
            raise refused(400, "bad_request", "author.type: the stand-in takes messages of the business only")
        _check(content)
        _metadata(given)
        if talk.active is not BOT:
            talk.interrupted.append(str(content.get("text", content["type"])))
        said = self._desk.say(talk, author, content, "api:conversations", given.get("metadata"))
        return 201, {"messages": [said]}

    def _activity(self, talk: Conversation, given: Data) -> tuple[int, Data]:
        if _section(given, "author").get("type") != "business" or given.get("type") not in _ACTIVITIES:
            raise refused(400, "bad_request", f"type: expected one of {', '.join(_ACTIVITIES)}")
        talk.typing = given["type"] == "typing:start"
        return 200, {}

    def _pass(self, talk: Conversation, given: Data) -> tuple[int, Data]:
        target = _target(talk, given)
        self._desk.control(talk, "passControl", target, metadata=_metadata(given))
        return 200, {}

    def _offer(self, talk: Conversation, given: Data) -> tuple[int, Data]:
        talk.pending = _target(talk, given)
        self._desk.switched(talk, "offerControl", metadata=_metadata(given))
        return 200, {}

    def _accept(self, talk: Conversation, given: Data) -> tuple[int, Data]:
        if talk.pending is None:
            raise refused(404, "pending_switchboard_integration_not_found", "No switchboard integration is pending")
        self._desk.control(talk, "acceptControl", talk.pending, metadata=_metadata(given))
        return 200, {}

    def _release(self, talk: Conversation, given: Data) -> tuple[int, Data]:
        self._desk.control(talk, "releaseControl", None, metadata=_metadata(given), reason=given.get("reason"))
        return 200, {}


def _section(given: Data, name: str) -> Data:
    found = given.get(name)
    if not isinstance(found, dict):
        raise refused(400, "bad_request", f"{name}: is required")
    return found


def _check(content: Data) -> None:
    kind = content.get("type")
    if kind not in _CONTENTS:
        raise refused(400, "bad_request", f"content.type: expected one of {', '.join(_CONTENTS)}")
    if kind == "text" and not any(content.get(name) for name in (*_TEXTS, "actions")):
        raise refused(400, "bad_request", "content.text: is required")
    if len(str(content.get("htmlText", ""))) > HTML_LIMIT:
        raise refused(400, "bad_request", f"content.htmlText: at most {HTML_LIMIT} characters")
    actions = content.get("actions") or []
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        raise refused(400, "bad_request", "content.actions: expected a list of objects")
    for action in actions:
        needed = "text" if action.get("type") in ("reply", "postback", "link") else "type"
        if not action.get(needed):
            raise refused(400, "bad_request", f"content.actions: {needed} is required")


def _metadata(given: Data) -> Data:
    found = given.get("metadata")
    if found is None:
        return {}
    flat = isinstance(found, dict) and all(isinstance(value, str | int | float | bool) for value in found.values())
    if not flat:
        raise refused(400, "bad_request", "metadata: expected a flat object of strings, numbers and booleans")
    if len(json.dumps(found).encode()) > METADATA_LIMIT:
        raise refused(400, "bad_request", "metadata: at most 4 kB")
    return dict(found)


def _target(talk: Conversation, given: Data) -> Integration:
    asked = given.get("switchboardIntegration")
    if asked == "next":
        found = None if talk.active is None else _NEXT.get(talk.active.id)
    else:
        found = next((one for one in (BOT, PEOPLE) if asked in (one.id, one.name)), None)
    if found is None:
        raise refused(404, "switchboard_integration_not_found", f"switchboardIntegration {asked!r} not found")
    return found


async def _given(request: web.Request) -> Data:
    body = await request.read()
    if len(body) > BODY_LIMIT:
        raise refused(413, "payload_too_large", f"at most {BODY_LIMIT} bytes")
    if not body:
        return {}
    try:
        found = json.loads(body)
    except ValueError:
        raise refused(400, "bad_request", "the body is no JSON") from None
    if not isinstance(found, dict):
        raise refused(400, "bad_request", "expected an object")
    return found
