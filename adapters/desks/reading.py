"""JSON from outside, read field by field, so that what is wrong is named by its path."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from adapters.desks.ports import Malformed

SKEW = timedelta(minutes=5)
"""How far ahead of ours a desk's clock is believed."""

_IDENTIFIER = re.compile(r"[A-Za-z0-9_.@+=-]{1,100}")
_NAMES: Final = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "nothing"}


class Node:
    """A value in a body, and where it stands. What is missing and what is null are the same: nothing.

    Every method that reads raises ``Malformed`` where the value is of another type.
    """

    __slots__ = ("path", "value")

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self.path = path

    def __getitem__(self, name: str) -> Node:
        """A field of an object; nothing where the object itself is nothing."""
        path = f"{self.path}.{name}" if self.path else name
        if self.value is None:
            return Node(None, path)
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return Node(self.value.get(name), path)

    @property
    def is_nothing(self) -> bool:
        """True where there is no value."""
        return self.value is None

    def wrong(self, expected: str) -> Malformed:
        """The error that says so."""
        number = isinstance(self.value, int | float) and not isinstance(self.value, bool)
        return Malformed(self.path, expected, "a number" if number else _NAMES[type(self.value)])

    def fields(self) -> Node:
        """The node itself, which has to be an object."""
        if not isinstance(self.value, dict):
            raise self.wrong("an object")
        return self

    def items(self) -> list[Node]:
        """The items of a list; none where there is nothing."""
        if self.value is None:
            return []
        if not isinstance(self.value, list):
            raise self.wrong("a list")
        return [Node(item, f"{self.path}[{number}]") for number, item in enumerate(self.value)]

    def text(self) -> str:
        """A text; empty where there is nothing."""
        if self.value is None:
            return ""
        if not isinstance(self.value, str):
            raise self.wrong("a text")
        return self.value

    def flag(self) -> bool:
        """True or false; false where there is nothing."""
        if self.value is not None and not isinstance(self.value, bool):
            raise self.wrong("true or false")
        return bool(self.value)

    def identifier(self) -> str:
        """An id, written as a text or a whole number, that may stand in a URL and in a log."""
        found = str(self.value) if type(self.value) is int else self.value
        if not isinstance(found, str):
            raise self.wrong("an id")
        if not _IDENTIFIER.fullmatch(found) or not found.strip("."):
            raise Malformed(self.path, "an id of 1 to 100 letters and digits", "another text")
        return found

    def moment(self, now: datetime) -> datetime:
        """A time (seconds since 1970, or ISO 8601) as aware UTC, ``now`` if there is none, ``SKEW`` ahead at most."""
        try:
            return min(_moment(self.value, now), now + SKEW)
        except TypeError:
            raise self.wrong("a time") from None
        except (ValueError, OverflowError, OSError):
            raise Malformed(self.path, "a time", "another value") from None


def _moment(value: Any, now: datetime) -> datetime:
    if value is None:
        return now
    if isinstance(value, str):
        found = datetime.fromisoformat(value)
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return datetime.fromtimestamp(value, UTC)
