"""The objects of a JSON file, one at a time: a line each, a list, or a list inside an object, as exports have it.

A file of any size is read without ever holding more of it than one object and one piece.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import SPEAKER, TEXT

_LONGEST = 1 << 26  # characters of one object
_DEEPEST = 200
_ENVELOPES = ("tickets", "results", "payload", "conversations", "entries", "faqs", "faq", "data", "items")
_CONTENT = frozenset(
    ("turns", "messages", "comments", "question", "questions", "message_type", "requester_id", *TEXT, *SPEAKER)
)
_BLANK = re.compile(r"[ \t\r\n]*")
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["{}\[\]]', re.DOTALL)
_STEPS = {"{": 1, "[": 1, "}": -1, "]": -1}
_BARE = re.compile(r"[^\s,\]}]*")


def items(raw: Raw, notes: Notes) -> Iterator[tuple[int, Any]]:
    """Every object with the line on which it begins; what is no JSON is noted, and where lines tell, passed over.

    Raises:
        KnowledgeError: As ``Raw.pieces`` does, or when too much is wrong.
    """
    if one_a_line(raw.head):
        yield from _of_lines(raw, notes)
    else:
        yield from _Document(raw.pieces(), notes).items()


def one_a_line(head: str) -> bool:
    """True where a text has one JSON value a line, false where it is one value, or several over many lines."""
    first, _, rest = head.lstrip().partition("\n")
    try:
        found = json.loads(first)
    except (ValueError, RecursionError):
        goes_on = first.startswith("[") or first.rstrip().endswith(("{", "[", ",", ":"))
        return not first.startswith(("{", "[")) or (rest.lstrip().startswith("{") and not goes_on)
    return not isinstance(found, list) or bool(rest.strip())


def _of_lines(raw: Raw, notes: Notes) -> Iterator[tuple[int, Any]]:
    for number, line in raw.lines():
        if line.strip():
            for found in _parsed(line.rstrip(), number, notes):
                yield from ((number, item) for item in _unpacked(found))


def _parsed(text: str, line: int, notes: Notes) -> list[Any]:
    """The value in a list, or nothing after noting what is wrong with it."""
    try:
        return [json.loads(text)]
    except json.JSONDecodeError as error:
        place = error.lineno - 1 + line
        notes.wrong(place, "", f"not JSON: {error.msg} at character {error.colno}; mend the line or take it out")
    except RecursionError:
        notes.wrong(line, "", "not a usable object: brackets are nested too deeply")
    except ValueError:  # a number of thousands of digits
        notes.wrong(line, "", "not a usable object: it holds a number that is too long")
    return []


def _unpacked(found: Any) -> Iterator[Any]:
    """The objects that an envelope holds, or the object itself."""
    inner = found
    while isinstance(inner, dict) and not any(key in inner for key in _CONTENT):
        key = next((key for key in _ENVELOPES if isinstance(inner.get(key), list | dict)), None)
        if key is None:
            break
        inner = inner[key]
    if isinstance(inner, list) and inner is not found:
        yield from inner
    else:
        yield found if not isinstance(inner, dict) else inner


class _Document:
    """Walks through JSON that is one value, or several over many lines, and parses object by object."""

    def __init__(self, pieces: Iterator[str], notes: Notes) -> None:
        self._pieces = pieces
        self._notes = notes
        self._text, self._at, self._line = "", 0, 1
        self._broken = False

    def items(self) -> Iterator[tuple[int, Any]]:
        """Every object; after a text whose brackets do not fit, nothing more can be told and reading ends."""
        while sign := self._next():
            if sign == "[":
                yield from self._list()
            elif sign == "{":
                yield from self._object()
            else:
                self._wrong(f"not JSON: {sign!r} where an object or a list should begin")
                return

    def _list(self) -> Iterator[tuple[int, Any]]:
        self._at += 1
        while (sign := self._next()) not in ("", "]"):
            if sign == ",":
                self._at += 1
                continue
            line, text = self._line, self._value()
            if text is None:
                return
            yield from ((line, found) for found in _parsed(text, line, self._notes))
        if not sign and not self._broken:
            self._wrong("not JSON: the list that begins before is never closed; the file was not written whole")
        self._at += 1

    def _object(self) -> Iterator[tuple[int, Any]]:
        """An object of the file: unpacked where one of its first keys says that it is an envelope."""
        key = self._envelope()
        if key is None:
            line, text = self._line, self._value()
            if text is not None:
                for found in _parsed(text, line, self._notes):
                    yield from ((line, item) for item in _unpacked(found))
            return
        yield from self._members()

    def _members(self) -> Iterator[tuple[int, Any]]:
        self._at += 1
        while (sign := self._next()) not in ("", "}"):
            if sign == ",":
                self._at += 1
                continue
            key = self._value()
            if key is None or self._next() != ":":
                self._wrong("not JSON: a key and a colon are expected here")
                self._end()
                return
            self._at += 1
            sign = self._next()
            if sign == "[" and key.strip('"') in _ENVELOPES:
                yield from self._list()
            elif sign == "{" and key.strip('"') in _ENVELOPES:
                yield from self._members()
            elif self._value() is None:
                return
        if not sign and not self._broken:
            self._wrong("not JSON: the object that begins before is never closed; the file was not written whole")
        self._at += 1

    def _envelope(self) -> str | None:
        """The key that makes the object which begins here an envelope, looked for as far as one piece reaches."""
        depth, place = 0, self._at
        while found := _TOKEN.search(self._text, place):
            mark, place = found.group(), found.end()
            depth += _STEPS.get(mark, 0)
            if depth == 0:
                return None
            if depth == 1 and len(mark) > 1:
                after = _BLANK.match(self._text, place)
                rest = self._text[after.end() if after else place :][:40]
                if not rest.startswith(":"):
                    continue
                if mark[1:-1] in _CONTENT:
                    return None
                if mark[1:-1] in _ENVELOPES and rest[1:].lstrip().startswith(("[", "{")):
                    return mark
        return None

    def _value(self) -> str | None:
        """The text of the value that begins here; None, after a note, where it never ends."""
        self._next()
        end = self._end_of_value()
        if end is None:
            self._end()
            return None
        text = self._text[self._at : end]
        self._line += text.count("\n")
        self._at = end
        return text

    def _end_of_value(self) -> int | None:
        depth, place = 0, self._at
        if self._text[place] not in '{["':
            found = _BARE.match(self._text, place)
            return max(found.end() if found else place, place + 1)
        while True:
            found = _TOKEN.search(self._text, place)
            if found is None or found.group() == '"':
                kept = (found.start() if found else len(self._text)) - self._at
                if not self._more():
                    return None
                place = self._at + kept
                continue
            mark, place = found.group(), found.end()
            depth += _STEPS.get(mark, 0)
            if depth <= 0:
                return place
            if depth > _DEEPEST:
                self._wrong("not a usable object: brackets are nested too deeply")
                return None

    def _next(self) -> str:
        """The next sign that is not blank, without taking it; empty at the end."""
        while True:
            found = _BLANK.match(self._text, self._at)
            end = found.end() if found else self._at
            self._line += self._text.count("\n", self._at, end)
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if not self._more(quiet=True):
                return ""

    def _more(self, *, quiet: bool = False) -> bool:
        if len(self._text) - self._at > _LONGEST:
            self._wrong(f"an object is longer than {_LONGEST:,} characters; export in smaller parts")
            return False
        piece = next(self._pieces, None)
        if piece is None:
            if not quiet:
                self._wrong("not JSON: what begins here is never closed; the file was not written whole")
            return False
        self._text, self._at = self._text[self._at :] + piece, 0
        return True

    def _end(self) -> None:
        self._text, self._at, self._pieces, self._broken = "", 0, iter(()), True

    def _wrong(self, message: str) -> None:
        self._notes.wrong(self._line, "", message)
