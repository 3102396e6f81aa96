"""JSON from outside, parsed within bounds of depth and of numbers. Standard library alone."""

# ruff: noqa: N818 - an error is named after what happened
from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

DEEPEST = 64
"""Levels of lists and objects."""

_STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


class Unreadable(ValueError):
    """A body is not what it should be; nothing of it is in the text."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(f"expected {expected}, found {found}")


def parse(body: bytes) -> Any:
    """The JSON in ``body``; of a name that stands in an object twice, the last value counts.

    Raises:
        Unreadable: If it is no JSON in UTF-8, is nested deeper than ``DEEPEST`` or holds a number that is not finite.
    """
    if max(accumulate(_brackets(body)), default=0) > DEEPEST:
        raise Unreadable(f"JSON of at most {DEEPEST} levels", "more")
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise Unreadable("JSON in UTF-8, with finite numbers", "something else") from error


def _brackets(body: bytes) -> Iterator[int]:
    return map(_STEPS.__getitem__, _STRINGS.sub(b"", body).translate(None, _NOT_BRACKETS))


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError("a number out of range")
    return number
