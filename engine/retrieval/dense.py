"""Finding questions in a small segment: postings of every feature, and a score for every question."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.finding import COMPARED, Looked
from engine.retrieval.query import Query, damping, saturated
from engine.retrieval.runs import Runs
from engine.retrieval.segment import Segment
from engine.retrieval.sorting import distinct, firsts, highest, ranks
from engine.text.features import BUCKETS

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

_MOST_OF_QUESTIONS = 1_500_000
_MOST_OF_ENTRIES = 4_000_000


def small(segment: Segment) -> bool:
    """True where postings of every feature fit well into memory and are soon summed up."""
    questions, _, entries = segment.spread.sum(axis=1, dtype=np.int64).tolist()
    return bool(questions <= _MOST_OF_QUESTIONS and entries <= _MOST_OF_ENTRIES)


class DenseFinder:
    """Searches a segment that is small.

    Args:
        segment: What is searched.
        alive: Which of its entries are in force (E,).
        averages: Mean lengths of questions in words and n-grams, (2,).
        answer_average: Mean length of answers in words.
    """

    def __init__(self, segment: Segment, alive: Flags, averages: Floats, answer_average: float) -> None:
        self.segment = segment
        self.alive = alive
        numbers = np.searchsorted(segment.features, segment.unit_features.values)
        features = Runs(segment.unit_features.starts, numbers)
        of_words = int(np.searchsorted(segment.features, BUCKETS))
        questions = damping(segment.question_lengths / averages)
        answers = damping(np.stack([segment.answer_lengths, segment.answer_lengths], axis=1) / answer_average)
        self.questions = _Postings(segment.question_units, features, len(segment.features), of_words, questions)
        self.answers = _Postings(segment.answer_units, features, len(segment.features), of_words, answers)
        self.entries = _Postings(segment.entry_units, features, len(segment.features), of_words, None)
        self.rows = np.flatnonzero(alive)
        self.owned = segment.entry_questions.rows(self.rows)

    def find(self, query: Query) -> DenseFinding:
        """Score every question."""
        features = self.segment.features
        if not len(features):
            return DenseFinding(self, query, np.zeros(0, np.int64), np.zeros(0, np.int64))
        at = np.minimum(np.searchsorted(features, query.codes), len(features) - 1)
        numbers = np.flatnonzero(features[at] == query.codes)
        return DenseFinding(self, query, at[numbers], numbers)


class DenseFinding:
    """The scores of all questions. Made by ``DenseFinder.find``."""

    exact = True

    def __init__(self, finder: DenseFinder, query: Query, features: Integers, numbers: Integers) -> None:
        self._finder = finder
        self._query = query
        self._features = features
        self._numbers = numbers
        self._words = int(np.searchsorted(numbers, query.words))
        self._scores = [
            finder.questions.sums(features[kind], query.questions[numbers[kind]])
            for kind in (slice(self._words), slice(self._words, None))
        ]

    def look(self, limit: int, also: Integers) -> Looked:
        """The best entries and those in the rows ``also``."""
        finder, best = self._finder, self._best()
        total = best.sum(axis=0)
        top = highest(total, limit)
        chosen = distinct(np.concatenate([top[total[top] > 0], np.searchsorted(finder.rows, also)]))
        return Looked(finder.rows[chosen], best[:, chosen].T, self._nearest(finder.owned.rows(chosen)))

    def promises(self, rows: Integers) -> Floats:
        """The most that any question of some entries holds."""
        return np.asarray(self._best().sum(axis=0)[np.searchsorted(self._finder.rows, rows)])

    def told(self, rows: Integers) -> tuple[Floats, Floats]:
        """What answers and whole entries hold."""
        finder, query, words = self._finder, self._query, slice(self._words)
        answers = finder.answers.sums(self._features[words], query.answers[self._numbers[words]])
        whole = [
            finder.entries.sums(self._features[kind], query.entries[self._numbers[kind]])
            for kind in (words, slice(self._words, None))
        ]
        return answers[rows], np.stack([kind[rows] for kind in whole], axis=1)

    def _best(self) -> Floats:
        """The best scores of the entries in force, by words and by n-grams. Shape: (2, E)."""
        owned = self._finder.owned
        if not len(owned):
            return np.zeros((2, 0))
        return np.stack([np.maximum.reduceat(kind[owned.values], owned.starts[:-1]) for kind in self._scores])

    def _nearest(self, questions: Runs) -> Runs:
        """Of each list of questions the best, the very best first."""
        lengths = np.diff(questions.starts)
        owners = np.repeat(np.arange(len(lengths)), lengths)
        order = np.lexsort((-(self._scores[0] + self._scores[1])[questions.values], owners))
        order = order[ranks(owners[order]) < COMPARED]
        return Runs.of(np.minimum(lengths, COMPARED), questions.values[order])


class _Postings:
    """In which texts every feature occurs, and what it counts there.

    Args:
        texts: The units of each text.
        features: The numbers of the features of each unit.
        size: How many features there are, the first ``of_words`` of them words.
        of_words: How many are words.
        dampings: Of each text for words and n-grams (N, 2); None where presence alone counts.
    """

    def __init__(self, texts: Runs, features: Runs, size: int, of_words: int, dampings: Floats | None) -> None:
        lengths = features.lengths(texts.values)
        owners = np.repeat(np.repeat(np.arange(len(texts)), np.diff(texts.starts)), lengths)
        keys = features.taken(texts.values, lengths).astype(np.int64) * max(len(texts), 1) + owners
        keys.sort()
        first = firsts(keys)
        found, self._texts = np.divmod(keys[first], max(len(texts), 1))
        self._starts = np.searchsorted(found, np.arange(size + 1))
        self._size = len(texts)
        self._weights: Floats | None = None
        if dampings is not None:
            counts = np.diff(first, append=len(keys))
            kinds = (found >= of_words).astype(np.int64)
            self._weights = saturated(counts, dampings[self._texts, kinds]).astype(np.float32)

    def sums(self, features: Integers, weights: Floats) -> Floats:
        """For every text the sum of what its features count, times their weights. Shape: (N,)."""
        if not len(features):
            return np.zeros(self._size)
        starts, ends = self._starts[features], self._starts[features + 1]
        spans = [slice(*pair) for pair in zip(starts.tolist(), ends.tolist(), strict=True)]
        values = np.repeat(weights, ends - starts)
        if self._weights is not None:
            values *= np.concatenate([self._weights[span] for span in spans])
        texts = np.concatenate([self._texts[span] for span in spans])
        return np.asarray(np.bincount(texts, values, minlength=self._size), np.float64)
