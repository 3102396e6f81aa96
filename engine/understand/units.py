"""A text cut into units for the tagger: words, numbers, single Chinese characters, single signs; what the base makes of
each, hashed parts of how it is written, and its looks, which the base does not see since it folds case.
"""

from __future__ import annotations

import re
import unicodedata
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.text.normalise import matching
from engine.text.tokenise import PieceTokenizer, without_marks
from engine.understand.reader import LONGEST_QUESTION
from engine.understand.sentence import Trunk
from engine.understand.words import Integers, ReadWord

Floats = NDArray[np.float32]

GRAM_ROWS = 4096
GRAMS = 5  # parts of how a unit is written
LOOKS = 14  # what can be seen of a unit
_CHINESE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_CHINESE}]|\d+|(?:[^\W\d_{_CHINESE}][\u0300-\u036f]*)+|\S")
_IS_CHINESE = re.compile(rf"[{_CHINESE}]")
_LAST_HOUR, _LAST_DAY, _LAST_MINUTE = 24, 31, 60
_YEARS = range(1900, 2100)
_LONGEST_WORD = 32  # characters of a unit that are looked at
_LONG_NUMBER = 5


@dataclass(frozen=True, slots=True)
class Read:
    """A text as it is read: where its units lie, its pieces, and for each unit the first and the last of its pieces,
    rows of ``grams`` (U, GRAMS) and ``looks`` (U, LOOKS).
    """

    units: tuple[tuple[int, int], ...]
    pieces: tuple[int, ...]
    first: Integers
    last: Integers
    grams: Integers
    looks: Floats


class UnitReader:
    """Cuts texts into units and says which pieces of the base each of them has.

    Args:
        tokenizer: The tokenizer of the base.
    """

    def __init__(self, tokenizer: PieceTokenizer) -> None:
        self._tokenizer = tokenizer
        self._bytes = np.asarray([len(tokenizer.piece(piece)) for piece in range(tokenizer.size)], np.int64)

    def read(self, text: str) -> Read:
        """A text of any length; one without a unit has none and no pieces."""
        units = tuple(match.span() for match in _UNIT.finditer(text))
        if not units:
            nothing = np.zeros(0, np.int64)
            return Read((), (), nothing, nothing, np.zeros((0, GRAMS), np.int64), np.zeros((0, LOOKS), np.float32))
        form, begins = folded(text)
        pieces = self._tokenizer.encode(f" {form}")  # the same as the encoders of questions read
        first, last = self._places(form, begins, pieces, units)
        words = [text[start:end] for start, end in units]
        return Read(units, tuple(pieces), first, last, grams_of(words), looks_of(text, units))

    def _places(
        self, form: str, begins: Sequence[int], pieces: Sequence[int], units: Sequence[tuple[int, int]]
    ) -> tuple[Integers, Integers]:
        """First and last piece of each unit. Of byte-level pieces, the length in bytes is that of their name."""
        sizes = np.fromiter(map(_bytes_of, form), np.int64, len(form))
        at = np.concatenate([[1], 1 + np.cumsum(sizes)])  # a blank stands before the form
        ends = np.cumsum(self._bytes[list(pieces)])
        bounds = np.minimum(np.asarray([(begins[start], begins[end]) for start, end in units], np.int64), len(form))
        start, stop = at[bounds[:, 0]], at[bounds[:, 1]]
        most = len(pieces) - 1
        first = np.minimum(np.searchsorted(ends, start, "right"), most)
        last = np.minimum(np.searchsorted(ends, np.maximum(stop - 1, start), "right"), most)
        return first, last


def unit_states(trunk: Trunk, reads: Sequence[Read]) -> list[Floats]:
    """What the base made of each unit: the state onward at its last piece, backward at its first, its embeddings.

    Long texts are read in parts, so that a part has as many pieces as the base has ever seen.

    Shape: (U, 2H + E) for each text
    """
    parts = [
        [ReadWord(piece, ()) for piece in read.pieces[at : at + LONGEST_QUESTION]]
        for read in reads
        for at in range(0, len(read.pieces), LONGEST_QUESTION)
    ]
    if not parts:
        return [np.zeros((0, 0), np.float32) for _ in reads]
    states = trunk.states(parts)
    half = states.values.shape[-1] // 2
    found, row = [], 0
    for read in reads:
        rows = -(-len(read.pieces) // LONGEST_QUESTION)
        mask = states.mask[row : row + rows]
        values, embedded = states.values[row : row + rows][mask], states.embedded[row : row + rows][mask]
        mean = (embedded[read.first] + embedded[read.last]) / 2
        found.append(np.concatenate([values[read.last, :half], values[read.first, half:], mean], axis=-1))
        row += rows
    return found


def folded(text: str) -> tuple[str, list[int]]:
    """The form in which the base reads a text, and where in it each character of the text begins.

    The form is that of ``engine.text.normalise.matching``, character by character; marks that combine with a character
    are folded together with it. The list has one more number, where the text ends.
    """
    form: list[str] = []
    begins: list[int] = []
    size, at = 0, 0
    while at < len(text):
        stop = at + 1
        while stop < len(text) and not text[stop].isascii() and unicodedata.combining(text[stop]):
            stop += 1
        part = _fold(text[at:stop])
        if part == " " and (not form or form[-1] == " "):
            part = ""
        begins.append(size)
        size += len(part)
        begins.extend([size] * (stop - at - 1))
        if part:
            form.append(part)
        at = stop
    if form and form[-1] == " ":
        form.pop()
        size -= 1
    begins.append(size)
    return "".join(form), begins


@lru_cache(maxsize=8192)
def _fold(cluster: str) -> str:
    return " " if cluster.isspace() else without_marks(matching(without_marks(cluster)))


def _bytes_of(character: str) -> int:
    code = ord(character)
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def grams_of(units: Sequence[str]) -> Integers:
    """Rows of hashed parts of how units are written, Chinese ones with their neighbours. Shape: (U, GRAMS)."""
    found = np.empty((len(units), GRAMS), np.int64)
    last = len(units) - 1
    for at, unit in enumerate(units):
        if _IS_CHINESE.match(unit):
            found[at] = _chinese_grams(units[at - 1][-1] if at else "", unit, units[at + 1][0] if at < last else "")
        else:
            found[at] = _grams(unit)
    return found


@lru_cache(maxsize=65536)
def _chinese_grams(before: str, own: str, after: str) -> tuple[int, ...]:
    return tuple(map(_row, (f"c{own}", f"b{before}{own}", f"a{own}{after}", f"t{before}{own}{after}", f"s{after}")))


@lru_cache(maxsize=16384)
def _grams(unit: str) -> tuple[int, ...]:
    word = matching(unit[:_LONGEST_WORD])
    if unit[0].isdecimal():
        size = min(len(unit), _LONG_NUMBER * 2)
        value = int(unit) if len(unit) < _LONG_NUMBER else -1
        kind = next(
            (f"up to {most}" for most in (_LAST_HOUR // 2, _LAST_HOUR, _LAST_DAY, _LAST_MINUTE) if 0 <= value <= most),
            "a year" if value in _YEARS else "more",
        )
        known = word if size < _LONG_NUMBER else "long"
        return tuple(map(_row, (f"d{known}", f"n{size}", f"v{kind}", f"z{word[:1] == '0'}", "number")))
    parts = (f"w{word}", f"p{word[:2]}", f"q{word[:3]}", f"s{word[-2:]}", f"u{word[-3:]}")
    return tuple(map(_row, parts))


def _row(part: str) -> int:
    return zlib.crc32(part.encode("utf-8", "replace")) % GRAM_ROWS


def looks_of(text: str, units: Sequence[tuple[int, int]]) -> Floats:
    """What can be seen of units and the base does not see. Shape: (U, LOOKS)."""
    found = np.zeros((len(units), LOOKS), np.float32)
    for at, (start, end) in enumerate(units):
        found[at, :10] = _looks(text[start:end])
        found[at, 10] = start > 0 and text[start - 1].isspace()
    found[0, 11] = found[-1, 12] = len(units) > 0
    found[:, 13] = len(units) <= 3  # an answer of a word or two is mostly a value
    return found


@lru_cache(maxsize=16384)
def _looks(unit: str) -> tuple[bool, ...]:
    digits, size = unit[0].isdecimal(), len(unit)
    return (
        unit[0].isupper(),
        size > 1 and unit.isupper(),
        unit.islower(),
        digits and size == 1,
        digits and size == 2,
        digits and 2 < size < _LONG_NUMBER,
        digits and size >= _LONG_NUMBER,
        bool(_IS_CHINESE.match(unit)),
        not unit[0].isalnum(),
        unicodedata.category(unit[0]) == "Sc",
    )


def without_case(looks: Floats) -> Floats:
    """The looks of units as if everything had been typed in lower case."""
    found = looks.copy()
    found[:, 2] = np.maximum(found[:, 2], found[:, 0])
    found[:, :2] = 0.0
    return found
