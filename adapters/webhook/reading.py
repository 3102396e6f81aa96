"""Bodies from outside: read within bounds of size and time, parsed within bounds of depth, checked field by field."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, NoReturn, TypeVar

from aiohttp import ClientPayloadError, web
from pydantic import BaseModel, ValidationError

from adapters.webhook.problems import Problem, Wrong

LONGEST = 1024 * 1024  # bytes
SECONDS = 10.0
DEEPEST = 64

Body = TypeVar("Body", bound=BaseModel)


async def read(request: web.Request, seconds: float = SECONDS) -> bytes:
    """The raw body of a request.

    Raises:
        Problem: If it is not JSON by its name, compressed, too long, too slow or cut short.
    """
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected Content-Type: application/json", last=True)
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected a body that is not compressed", last=True)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > LONGEST:
                    raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {LONGEST} bytes", last=True)
    except TimeoutError:
        slow = f"expected the whole body within {seconds:g} seconds"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, slow, last=True) from None
    except (ClientPayloadError, web.RequestPayloadError, ConnectionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "expected the whole body", last=True) from None
    return bytes(body)


def parse(body: bytes) -> Any:
    """The JSON in ``body``; of a name that stands there twice, the last value counts.

    Raises:
        Problem: If it is no JSON in UTF-8, is nested deeper than ``DEEPEST`` or holds a number that is not finite.
    """
    try:
        data = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        detail = f"expected JSON in UTF-8, of at most {DEEPEST} levels, with finite numbers"
        raise Problem(HTTPStatus.BAD_REQUEST, detail) from None
    inner = [data]
    for _level in range(DEEPEST):
        inner = [child for value in inner for child in _children(value)]
    if any(isinstance(value, dict | list) for value in inner):
        raise Problem(HTTPStatus.BAD_REQUEST, f"expected JSON of at most {DEEPEST} levels")
    return data


def checked(model: type[Body], data: Any) -> Body:
    """The body that ``data`` is; what the model does not know is ignored.

    Raises:
        Problem: If a field is missing or of another type; it names each by its place.
    """
    try:
        return model.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        wrong = [Wrong(_pointer(one["loc"]), _words(one["type"], one["msg"])) for one in found]
    raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "the body is not as expected", wrong)


def _children(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _pointer(path: tuple[int | str, ...]) -> str:
    return "#" + "".join(f"/{part}" for part in path)


def _words(kind: str, message: str) -> str:
    return "expected an object" if kind == "model_type" else message.removeprefix("Value error, ")


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number
