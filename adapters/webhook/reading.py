"""Bodies from outside: only JSON, read and parsed within bounds, checked field by field."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel, ValidationError

from adapters.shared import bodies, bounded
from adapters.shared.problems import Problem, Wrong

Body = TypeVar("Body", bound=BaseModel)


async def read(request: web.Request, seconds: float = bodies.SECONDS) -> bytes:
    """The raw body of a request.

    Raises:
        Problem: If it is not JSON by its name, compressed, too long, too slow or cut short.
    """
    if request.content_type != "application/json":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected Content-Type: application/json", last=True)
    return await bodies.read(request, seconds)


def parse(body: bytes) -> Any:
    """The JSON in ``body``.

    Raises:
        Problem: If it is none within bounds.
    """
    try:
        return bounded.parse(body)
    except bounded.Unreadable as error:
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from None


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


def _pointer(path: tuple[int | str, ...]) -> str:
    return "#" + "".join(f"/{part}" for part in path)


def _words(kind: str, message: str) -> str:
    return "expected an object" if kind == "model_type" else message.removeprefix("Value error, ")
