"""What is wrong with a request, as problem details (RFC 9457); no secret and no value from outside stands in them."""

# ruff: noqa: N818 - a problem is what the standard calls it
from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from aiohttp import web

MEDIA_TYPE = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Wrong:
    """One field that is wrong; ``pointer`` is where it stands, a JSON pointer (RFC 6901) as a fragment."""

    pointer: str
    detail: str


class Problem(Exception):
    """A request that is turned away.

    Args:
        status: With which status.
        detail: Why, in words; empty where that is nobody's business.
        errors: The fields that are wrong.
        headers: What else is answered.
        last: Whether the connection ends with it, since not all of the request was read.
    """

    def __init__(
        self,
        status: HTTPStatus,
        detail: str = "",
        errors: Sequence[Wrong] = (),
        headers: Mapping[str, str] | None = None,
        *,
        last: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = {} if headers is None else headers
        self.last = last

    def response(self) -> web.Response:
        """The answer."""
        told: dict[str, object] = {
            "type": "about:blank",
            "title": self.status.phrase,
            "status": self.status.value,
        }
        if self.detail:
            told["detail"] = self.detail
        if self.errors:
            told["errors"] = [{"pointer": one.pointer, "detail": one.detail} for one in self.errors]
        made = web.Response(
            status=self.status, body=json.dumps(told).encode(), content_type=MEDIA_TYPE, headers=self.headers
        )
        if self.last:
            made.force_close()
        return made


def later(status: HTTPStatus, detail: str, seconds: float) -> Problem:
    """A problem that is gone after some seconds."""
    return Problem(status, detail, headers={"Retry-After": str(max(1, math.ceil(seconds)))})
