"""The description of the webhook for programs, OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from adapters.shared.problems import MEDIA_TYPE
from adapters.webhook import payload
from adapters.webhook.settings import Settings

MESSAGES, AGENT_REPLIES, FEEDBACK = "/v1/messages", "/v1/agent-replies", "/v1/feedback"
CONVERSATION = "/v1/conversations/{conversation}"

_BODIES: tuple[type[BaseModel], ...] = (payload.NewMessage, payload.AgentReply, payload.Feedback)
_ANSWERS: tuple[type[BaseModel], ...] = (
    payload.Answer,
    payload.Accepted,
    payload.ConversationOut,
    payload.Forgotten,
    payload.ProblemOut,
)
_ABOUT = """\
Hand messages of your customers to the bot, and get its replies. A request is signed as
[Standard Webhooks](https://www.standardwebhooks.com) say, or carries an API key. What goes wrong is answered as problem
details (RFC 9457)."""
_ID = {
    "name": "webhook-id",
    "in": "header",
    "description": "Your id of the request. Sent again under it, it gets the same answer and does nothing twice.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_IN_PATH = {
    "name": "conversation",
    "in": "path",
    "required": True,
    "schema": {"type": "string", "pattern": payload.NAME},
}
_SIGNED: dict[str, list[str]] = {"signature": [], "id": [], "timestamp": []}
_SCHEMES = {
    "key": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-signature",
        "description": "`v1,` and the HMAC-SHA256 of `ID.TIMESTAMP.BODY` in base64; several with a space between.",
    },
    "id": {"type": "apiKey", "in": "header", "name": "webhook-id", "description": "Unique for each request."},
    "timestamp": {
        "type": "apiKey",
        "in": "header",
        "name": "webhook-timestamp",
        "description": "Seconds since 1970; five minutes at most from the clock of the house.",
    },
}
_BEFORE = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE)
_OF_BODIES = (
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
)


def described(settings: Settings) -> dict[str, Any]:
    """The document, as plain data; no secret and no address stands in it."""
    models = [*((one, "validation") for one in _BODIES), *((one, "serialization") for one in _ANSWERS)]
    _, schemas = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    return {
        "openapi": "3.1.0",
        "info": {"title": "Attendant", "version": _version(), "description": _ABOUT},
        "paths": _paths(settings),
        "components": {"schemas": schemas["$defs"], "securitySchemes": _schemes(settings)},
    }


def _paths(settings: Settings) -> dict[str, Any]:
    answered = {HTTPStatus.OK: (payload.Answer, "The reply")}
    accepted = {HTTPStatus.ACCEPTED: (payload.Accepted, "It was stored")}
    found = {HTTPStatus.OK: (payload.ConversationOut, "The conversation")}
    forgotten = {HTTPStatus.OK: (payload.Forgotten, "It was forgotten")}
    messages = answered | (accepted if settings.callback_url else {})
    return {
        MESSAGES: {"post": _post(settings, "message", "A customer wrote", payload.NewMessage, messages)},
        AGENT_REPLIES: {"post": _post(settings, "agentReply", "A person did something", payload.AgentReply, accepted)},
        FEEDBACK: {"post": _post(settings, "feedback", "A reply was judged", payload.Feedback, accepted)},
        CONVERSATION: {
            "parameters": [_IN_PATH],
            "get": _other(settings, "conversation", "See a conversation", found),
            "delete": _other(settings, "forget", "Forget a conversation", forgotten),
        },
    }


_Answers = Mapping[HTTPStatus, tuple[type[BaseModel], str]]


def _post(settings: Settings, name: str, summary: str, body: type[BaseModel], answers: _Answers) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "description": body.__doc__,
        "parameters": [_ID],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(body)}}},
        "security": _security(settings, signed=True),
        "responses": _responses(settings, answers, _OF_BODIES),
    }


def _other(settings: Settings, name: str, summary: str, answers: _Answers) -> dict[str, Any]:
    return {
        "operationId": name,
        "summary": summary,
        "security": _security(settings, signed=False),
        "responses": _responses(settings, answers, (HTTPStatus.NOT_FOUND,)),
    }


def _responses(settings: Settings, answers: _Answers, problems: Sequence[HTTPStatus]) -> dict[str, Any]:
    turned_away = HTTPStatus.FORBIDDEN if settings.open else HTTPStatus.UNAUTHORIZED
    problem = {MEDIA_TYPE: {"schema": _ref(payload.ProblemOut)}}
    return {
        **{
            str(status.value): {"description": words, "content": {"application/json": {"schema": _ref(model)}}}
            for status, (model, words) in answers.items()
        },
        **{
            str(status.value): {"description": status.phrase, "content": problem}
            for status in sorted((turned_away, *problems, *_BEFORE))
        },
    }


def _security(settings: Settings, *, signed: bool) -> list[dict[str, list[str]]]:
    if settings.open:
        return []
    # Where no key is set, what needs one is closed, and the description says which kind of key would open it.
    keys: list[dict[str, list[str]]] = [{"key": []}] if settings.keys or not signed else []
    return [*([_SIGNED] if signed and settings.secrets else []), *keys]


def _schemes(settings: Settings) -> dict[str, Any]:
    used = {name for signed in (True, False) for scheme in _security(settings, signed=signed) for name in scheme}
    return {name: scheme for name, scheme in _SCHEMES.items() if name in used}


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{model.__name__}"}


def _version() -> str:
    try:
        return version("attendant")
    except PackageNotFoundError:
        return "0"
