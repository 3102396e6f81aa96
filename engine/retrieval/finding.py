"""What a search of one segment comes to, whichever way it is done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.query import Query
from engine.retrieval.runs import Runs
from engine.retrieval.segment import Segment

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

COMPARED = 8  # questions of an entry that are looked at closely


@dataclass(frozen=True, slots=True)
class Looked:
    """Entries that were looked at: their rows, ascending (E,), and the questions of each that are nearest.

    ``scores`` (E, 2) are those of the best questions by words and by n-grams.
    """

    rows: Integers
    scores: Floats
    questions: Runs


class Finding(Protocol):
    """What was found for a query."""

    @property
    def exact(self) -> bool:
        """True where every question was scored, not the likeliest alone."""

    def look(self, limit: int, also: Integers) -> Looked:
        """At least the best entries, as many as ``limit``, and those in the rows ``also``, which are ascending."""

    def promises(self, rows: Integers) -> Floats:
        """The most that any question of some entries holds, or an estimate of it; rows are ascending. Shape: (N,)."""

    def told(self, rows: Integers) -> tuple[Floats, Floats]:
        """Share of the query's words in the answers of some entries (N,), and of all of it in whole entries (N, 2)."""


class Finder(Protocol):
    """Searches a segment; ``alive`` (E,) says which of its entries are in force."""

    @property
    def segment(self) -> Segment:
        """What is searched."""

    @property
    def alive(self) -> Flags:
        """Which of its entries are in force (E,)."""

    def find(self, query: Query) -> Finding:
        """Look for a query."""
