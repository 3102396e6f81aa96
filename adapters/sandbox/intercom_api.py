"""The part of Intercom's API that a bot needs: replies, notes, assignment, closing and opening."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.sandbox import intercom_payloads as payloads
from adapters.sandbox.intercom_payloads import Conversation, Data
from adapters.sandbox.server import Refusal

if TYPE_CHECKING:
    from adapters.sandbox.intercom import IntercomSandbox

NOBODY = "0"
_VERSION = re.compile(r"[12]\.\d{1,2}|Unstable|Preview")
_REPLIES = ("comment", "note", "quick_reply")
_PARTS = ("assignment", "close", "open", "snoozed")
_FILES_LIMIT = 10
_CODES = {401: "unauthorized", 404: "not_found", 422: "parameter_invalid", 429: "rate_limit_exceeded"}

Handler = Callable[[Conversation, Data], None]


def refused(status: int, message: str, headers: Mapping[str, str] | None = None, code: str = "") -> Refusal:
    """An error as the API says it."""
    said = {"code": code or _CODES.get(status, "server_error"), "message": message}
    return Refusal(status, {"type": "error.list", "request_id": "sandbox", "errors": [said]}, headers)


class Api:
    """Routes that act on one desk; all answer with the whole conversation."""

    def __init__(self, desk: IntercomSandbox) -> None:
        self._desk = desk

    def routes(self) -> Iterable[web.RouteDef]:
        """All of them."""
        root = "/conversations/{conversation}"
        return (
            web.get(root, self._guarded(lambda _talk, _given: None)),
            web.post(f"{root}/reply", self._guarded(self._reply)),
            web.post(f"{root}/parts", self._guarded(self._part)),
        )

    def _guarded(self, handler: Handler) -> Callable[[web.Request], Any]:
        async def handle(request: web.Request) -> web.Response:
            self._authenticate(request)
            talk = self._desk.conversations.get(request.match_info["conversation"])
            if talk is None:
                raise refused(404, "Resource Not Found")
            handler(talk, await _given(request))
            headers = {"Intercom-Version": request.headers.get("Intercom-Version", "2.16")}
            return web.json_response(payloads.conversation_data(talk, talk.parts), headers=headers)

        return handle

    def _authenticate(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self._desk.token}":
            raise refused(401, "Access Token Invalid")
        version = request.headers.get("Intercom-Version")
        if version is not None and not _VERSION.fullmatch(version):
            raise refused(400, f"The requested version {version[:20]!r} is invalid", code="intercom_version_invalid")

    def _reply(self, talk: Conversation, given: Data) -> None:
        kind, author = given.get("message_type"), self._author(given)
        if kind not in _REPLIES:
            raise refused(422, f"message_type must be one of {', '.join(_REPLIES)}")
        body, files = given.get("body"), given.get("attachment_urls") or []
        if not isinstance(body, str | None) or not isinstance(files, list) or len(files) > _FILES_LIMIT:
            raise refused(422, f"body must be a string, attachment_urls a list of at most {_FILES_LIMIT}")
        if kind == "quick_reply":
            body = _options(given)
        elif not body and not files:
            raise refused(422, "body can't be blank")
        if kind != "note" and talk.assignee not in (None, self._desk.admin):
            talk.interrupted.append(str(body))
        self._desk.add(talk, kind, body, author, self._topic(kind))

    def _topic(self, kind: str) -> str:
        return "conversation.admin.noted" if kind == "note" else "conversation.admin.replied"

    def _part(self, talk: Conversation, given: Data) -> None:
        kind, author = given.get("message_type"), self._author(given)
        if kind == "assignment":
            assignee = given.get("assignee_id")
            if assignee is None or not str(assignee).isdecimal():
                raise refused(422, "assignee_id is required")
            self._desk.assign(talk, None if str(assignee) == NOBODY else str(assignee), author)
        elif kind == "close":
            self._desk.close(talk, author, given.get("body"))
        elif kind == "open":
            self._desk.reopen(talk, author)
        else:
            raise refused(422, f"message_type must be one of {', '.join(_PARTS[:3])}; snoozing is not there")

    def _author(self, given: Data) -> Data:
        number = str(given.get("admin_id", ""))
        if given.get("type") != "admin":
            raise refused(422, "type must be admin")
        if number not in self._desk.admins:
            raise refused(404, "Admin for admin_id not found", code="admin_not_found")
        return payloads.admin(number, self._desk.admins[number])


def _options(given: Data) -> str:
    options = given.get("reply_options")
    if not isinstance(options, list) or not options:
        raise refused(422, "reply_options is required for a quick_reply")
    if not all(isinstance(option, dict) and option.get("text") and option.get("uuid") for option in options):
        raise refused(422, "each of reply_options needs text and uuid")
    return json.dumps([option["text"] for option in options], ensure_ascii=False)


async def _given(request: web.Request) -> Data:
    body = await request.read()
    try:
        found = json.loads(body) if body else {}
    except ValueError:
        raise refused(400, "the body is no JSON", code="bad_request") from None
    if not isinstance(found, dict):
        raise refused(400, "expected an object", code="bad_request")
    return found
