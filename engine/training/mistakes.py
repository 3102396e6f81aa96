"""What a model mistakes for what, how far down the right entry stood, and whether it was as sure as it was right."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.training.evaluate import Judged

DEPTHS = (1, 3, 5)
BINS = 10
_EXAMPLES = 3  # of a confusion
_ANSWERED = ("right", "wrong")


@dataclass(frozen=True, slots=True)
class Recall:
    """The share of the questions in scope whose right entry was among the best ``depth`` candidates, in [0, 1]."""

    depth: int
    share: float


@dataclass(frozen=True, slots=True)
class Confusion:
    """An entry that was asked for, the one that came first instead, how often, and a few of the questions."""

    wanted: str
    found: str
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Bin:
    """Questions whose confidence lies from ``begin`` to ``end``: how many, its mean, and the share of right ones."""

    begin: float
    end: float
    questions: int
    confidence: float
    right: float


@dataclass(frozen=True, slots=True)
class Example:
    """A question, what was wanted (nothing: out of scope), what came first, how sure that was, and what was said."""

    question: str
    locale: str
    wanted: tuple[str, ...]
    found: str
    confidence: float
    verdict: str
    reply: str


def recalls(judged: Iterable[Judged], depths: Sequence[int] = DEPTHS) -> tuple[Recall, ...]:
    """How far down the right entry stood, of the questions for which an entry is named; nothing where there are none.

    No more than ``engine.tell.MOST_CANDIDATES`` are looked at.
    """
    places = [_place(one) for one in judged if one.question.entries]
    if not places:
        return ()
    return tuple(Recall(depth, sum(place < depth for place in places) / len(places)) for depth in depths)


def confusions(judged: Iterable[Judged], most: int) -> tuple[Confusion, ...]:
    """The pairs of entries that are mistaken most often, the most frequent first."""
    found: dict[tuple[str, str], list[str]] = {}
    for one in judged:
        if one.question.entries and not one.best and one.response.candidates:
            pair = (min(one.question.entries), one.response.candidates[0].entry)
            found.setdefault(pair, []).append(one.question.text)
    ordered = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Confusion(*pair, len(texts), tuple(texts[:_EXAMPLES])) for pair, texts in ordered[:most])


def reliability(judged: Iterable[Judged], bins: int = BINS) -> tuple[Bin, ...]:
    """The bins of equal width that hold any question (DeGroot, Fienberg 1983), the unsure ones first."""
    groups: dict[int, list[tuple[float, bool]]] = {}
    for one in judged:
        sure = _confidence(one)
        groups.setdefault(min(int(sure * bins), bins - 1), []).append((sure, _is_right(one)))
    return tuple(_bin(place / bins, (place + 1) / bins, group) for place, group in sorted(groups.items()))


def worst(judged: Iterable[Judged], most: int) -> tuple[Example, ...]:
    """Wrong answers, the surest first; then what would have been one, had it been answered."""
    wrong = [one for one in judged if one.verdict == "wrong" or (one.question.entries and not one.best)]
    wrong.sort(key=lambda one: (one.verdict != "wrong", -_confidence(one)))
    return tuple(map(_example, wrong[:most]))


def longest(judged: Iterable[Judged], most: int) -> tuple[Example, ...]:
    """The longest questions, whatever became of them."""
    return tuple(map(_example, sorted(judged, key=lambda one: -len(one.question.text))[:most]))


def _place(one: Judged) -> float:
    """Where the right entry stands among the candidates, from 0; infinitely far down where it is none of them."""
    names = [candidate.entry for candidate in one.response.candidates]
    return next((place for place, name in enumerate(names) if name in one.question.entries), math.inf)


def _bin(begin: float, end: float, group: Sequence[tuple[float, bool]]) -> Bin:
    count = len(group)
    return Bin(begin, end, count, sum(sure for sure, _ in group) / count, sum(right for _, right in group) / count)


def _example(one: Judged) -> Example:
    question, response = one.question, one.response
    found = response.candidates[0].entry if response.candidates else response.entry or ""
    wanted = tuple(sorted(question.entries))
    return Example(question.text, question.locale, wanted, found, _confidence(one), one.verdict, response.text)


def _confidence(one: Judged) -> float:
    return min(max(one.response.confidence, 0.0), 1.0)


def _is_right(one: Judged) -> bool:
    return one.verdict == "right" if one.verdict in _ANSWERED else one.best
