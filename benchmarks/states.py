"""Conversations whose customers' turns carry a state: what was said, which values are known by then, where they stand.

A slot is named ``service.slot``; its wordings are all that count as its right value, the first as the set has it.
"""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets import DataError

Place = tuple[int, int, str]
"""A value: its first character, the one behind it, its kind."""
State = Mapping[str, tuple[str, ...]]
"""Wordings by slot."""

NUMBERS: Mapping[str, str] = dict(
    zip(
        map(str, range(1, 11)),
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        strict=True,
    )
)
"""Small numbers as they are spelt out."""
_WORD = re.compile(r"\w")
_CHINESE = re.compile(r"[\u3400-\u9fff]")
_BLANKS = r"\s*"
_FEWEST = 5  # changes of a slot from which its share is told


@dataclass(frozen=True, slots=True)
class Said:
    """A customer's turn: ``before`` is what the agent said just before, empty at the beginning; ``state`` is all that
    is known with this turn.
    """

    text: str
    before: str
    state: State


@dataclass(frozen=True, slots=True)
class Step:
    """A customer's turn in its conversation: the state before it, what it changes, and the services of the latest
    change before it.
    """

    said: Said
    known: State
    changed: State
    latest: frozenset[str]


def lines(path: Path) -> Any:
    """The content of a JSON file, or of each line of a file of JSON lines, packed or not.

    Raises:
        DataError: If it cannot be read.
    """
    try:
        if path.suffix == ".json":
            return json.loads(path.read_text("utf-8"))
        text = gzip.decompress(path.read_bytes()).decode("utf-8") if path.suffix == ".gz" else path.read_text("utf-8")
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def talks(path: Path, *, spelt: bool = False) -> list[tuple[Said, ...]]:
    """The customers' turns of each conversation of a file.

    Args:
        path: The file.
        spelt: Let a number count that is spelt out in English, as *two* for *2*.

    Raises:
        DataError: If the file is not as it should be.
    """
    try:
        return [tuple(_said(conversation["turns"], NUMBERS if spelt else {})) for conversation in lines(path)]
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is no file of conversations: {error!r}") from error


def _said(turns: Iterable[Mapping[str, Any]], words: Mapping[str, str]) -> Iterator[Said]:
    before: list[str] = []
    for turn in turns:
        if turn["role"] == "customer":
            others = turn.get("slots_any_of") or {}
            every = {slot: [value, *others.get(slot, ())] for slot, value in turn["slots"].items()}
            state = {
                slot: tuple(dict.fromkeys([*own, *(words[value] for value in own if value in words)]))
                for slot, own in every.items()
            }
            yield Said(turn["text"], " ".join(before), state)
            before = []
        else:
            before.append(turn["text"])


def steps(talk: Iterable[Said]) -> Iterator[Step]:
    """The turns of a conversation with what each of them changes."""
    known: State = {}
    latest: frozenset[str] = frozenset()
    for said in talk:
        changed = {slot: own for slot, own in said.state.items() if known.get(slot, ("",))[0] != own[0]}
        yield Step(said, known, changed, latest)
        known, latest = said.state, frozenset(map(service_of, changed)) or latest


def service_of(slot: str) -> str:
    """The service of a slot."""
    return slot.partition(".")[0]


def services_of(talk: Iterable[Said]) -> frozenset[str]:
    """The services that a conversation fills slots of."""
    return frozenset(service_of(slot) for said in talk for slot in said.state)


def covered(conversations: Iterable[Sequence[Said]], least: float) -> frozenset[str]:
    """Slots whose new values stand literally in what was said so far, by either side, in a share of ``least``."""
    changed: Counter[str] = Counter()
    literal: Counter[str] = Counter()
    for talk in conversations:
        text = ""
        for step in steps(talk):
            text += f"\n{step.said.before}\n{step.said.text}"
            for slot, wordings in step.changed.items():
                changed[slot] += 1
                literal[slot] += bool(places_of(text, wordings))
    return frozenset(slot for slot, count in changed.items() if count >= _FEWEST and literal[slot] >= least * count)


def occurrences(text: str, value: str) -> list[tuple[int, int]]:
    """Where a value stands in a text, letters large or small, not within a word or number."""
    if not value.strip():
        return []
    found = re.finditer(_edged(value), text, re.IGNORECASE)
    return [match.span() for match in found]


def any_of(values: Iterable[str]) -> re.Pattern[str]:
    """Finds the longest of several values at a place, as ``occurrences`` finds one."""
    longest = sorted((value for value in set(values) if value.strip()), key=lambda value: (-len(value), value))
    return re.compile("|".join(map(_edged, longest)) or r"(?!)", re.IGNORECASE)


def _edged(value: str) -> str:
    before = r"(?<![A-Za-z0-9])" if value[:1].isascii() and _WORD.match(value) else ""
    after = r"(?![A-Za-z0-9])" if value[-1:].isascii() and _WORD.match(value[-1:]) else ""
    return (
        before
        + (_BLANKS.join(map(re.escape, "".join(value.split()))) if spaceless(value) else re.escape(value))
        + after
    )


def spaceless(value: str) -> bool:
    """Whether blanks within a value mean nothing, as in Chinese, but for those between several values."""
    return _CHINESE.search(value) is not None


def same(value: str, wordings: Iterable[str]) -> bool:
    """Whether a value is one of some wordings; letters may be large or small, in Chinese blanks are left out."""
    return _plain(value) in map(_plain, wordings)


def _plain(value: str) -> str:
    return "".join(value.split()).casefold() if spaceless(value) else value.casefold()


def first_place(text: str, wordings: Iterable[str]) -> tuple[int, int] | None:
    """Where the first of some wordings that stands in a text stands for the first time."""
    return next((places[0] for wording in wordings if (places := occurrences(text, wording))), None)


def places_of(text: str, wordings: Sequence[str]) -> list[tuple[int, int]]:
    """Where a value stands in a text for the first time; of several Chinese ones, where all of them stand."""
    whole = first_place(text, wordings)
    if whole is not None:
        return [whole]
    for parts in (wording.split() for wording in wordings if spaceless(wording)):
        found = [place for part in parts if (place := first_place(text, [part])) is not None]
        if len(found) == len(parts) > 1:
            return sorted(found)
    return []


def apart(places: Iterable[Place]) -> list[Place]:
    """The longest of those that overlap, the first of equal ones."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda one: one[0] - one[1]):
        if all(place[1] <= start or place[0] >= end for start, end, _ in kept):
            kept.append(place)
    return sorted(kept)
