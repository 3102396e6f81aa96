"""Values found in marked texts: exact spans, what patterns find, and what a tagger takes for it."""

from __future__ import annotations

import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from benchmarks.states import Place
from engine.checks.personal import find as find_personal
from engine.training.tagging import Marked
from engine.understand.slots import BUILT_IN
from engine.understand.tagger import Tagger

_TIMED = 300  # texts whose time is taken

Finder = Callable[[str, Sequence[str]], Iterable[Place]]
"""Finds values in a text, told what was asked for just before."""


@dataclass(frozen=True, slots=True)
class Score:
    """Exact spans: how many were found and right, found at all, and marked."""

    right: int = 0
    found: int = 0
    marked: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of what is marked that was found."""
        return self.right / self.marked if self.marked else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.right / (self.found + self.marked) if self.found + self.marked else 0.0

    def __str__(self) -> str:
        counts = f"({self.right:,} right of {self.found:,} found, {self.marked:,} marked)"
        return f"P {self.precision:.3f}  R {self.recall:.3f}  F1 {self.f1:.3f}  {counts}"


def score_of(asked: Sequence[Marked], finder: Finder) -> tuple[Score, dict[str, Score]]:
    """Exact spans over all texts, and the same for each kind."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for one in asked:
        places, truth = set(finder(one.text, one.requested)), set(one.values)
        right.update(name for _, _, name in places & truth)
        found.update(name for _, _, name in places)
        marked.update(name for _, _, name in truth)
    slots = {name: Score(right[name], found[name], marked[name]) for name in sorted({*found, *marked})}
    return Score(right.total(), found.total(), marked.total()), slots


def found_by(tagger: Tagger, threshold: float = 0.0) -> Finder:
    """What a tagger is sure of by at least ``threshold``."""

    def find(text: str, requested: Sequence[str]) -> Iterator[Place]:
        for span in tagger.find(text, requested):
            if span.confidence >= threshold:
                yield span.start, span.end, span.name

    return find


def by_patterns(text: str) -> list[Place]:
    """What the patterns and the checksums find."""
    found = [
        (*match.span(next((at for at, group in enumerate(match.groups(), 1) if group), 0)), name)
        for name, pattern in BUILT_IN.items()
        for match in pattern.finditer(text)
    ]
    return [*found, *((one.start, one.end, one.kind) for one in find_personal(text) if one.kind != "email")]


def speed(tagger: Tagger, asked: Sequence[Marked]) -> dict[str, float]:
    """CPU milliseconds a text, with what the base makes of it and without."""
    whole, own = [], []
    for one in [marked for marked in asked if marked.text.strip()][:_TIMED]:
        began = time.process_time()
        tagger.find(one.text)
        whole.append(1000 * (time.process_time() - began))
        began = time.process_time()
        tagger.find(one.text)  # the base keeps what it has just read
        own.append(1000 * (time.process_time() - began))
    facts = {
        "whole_median": round(statistics.median(whole), 2),
        "own_median": round(statistics.median(own), 2),
        "own_p95": round(statistics.quantiles(own, n=20)[-1], 2),
    }
    print(
        f"  CPU ms a text: median {facts['whole_median']} with the base, {facts['own_median']} (95 %: "
        f"{facts['own_p95']}) beside it"
    )
    return facts
