"""Finding questions in a large segment: the likeliest first, and these alone are scored.

They are found by the units that hold the most of the query's weight, the rarest features before the frequent ones and
never more postings than fit into the time. The idea is that of the maximum-score strategy (Turtle, Flood 1995), with
budgets in place of its bounds.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.finding import COMPARED, Looked
from engine.retrieval.query import Query, damping, held, saturated, sums
from engine.retrieval.runs import Runs
from engine.retrieval.segment import Segment
from engine.retrieval.sorting import distinct, firsts, highest, ranks

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

_UNITS = 30_000  # units with a feature of the query that are weighed
_HEAVY_UNITS = 1_000  # of these, units whose questions are looked up
_QUESTIONS = 120_000  # questions that are looked up in all
_KEPT = 4_000  # questions, the likeliest, that are remembered
_DEEP = 500  # of these, those among which entries are looked for first
_SCORED = 200  # questions that are scored
_OWNERS = 10  # entries of one question that are looked at
_TABLE = 4  # so many places for each number are still summed up in a table


class SparseFinder:
    """Searches a segment of any size.

    Args:
        segment: What is searched.
        alive: Which of its entries are in force (E,).
    """

    def __init__(self, segment: Segment, alive: Flags) -> None:
        self.segment = segment
        self.alive = alive

    def find(self, query: Query) -> SparseFinding:
        """Look for the questions with the units that hold the most of the query."""
        segment = self.segment
        at = np.minimum(np.searchsorted(segment.features, query.codes), len(segment.features) - 1)
        numbers = np.flatnonzero(segment.features[at] == query.codes)
        features = at[numbers]
        order = np.argsort(segment.spread[0, features], kind="stable")
        lengths = _within(segment.feature_asked[features[order]], _UNITS)
        units = segment.feature_units.taken(features[order], lengths)
        units, weights = _totals(units, lengths, query.questions[numbers[order]], len(segment.unit_keys))
        heavy = highest(weights, _HEAVY_UNITS)
        lengths = segment.unit_questions.lengths(units[heavy])
        postings = _within(lengths, _QUESTIONS)
        questions = segment.unit_questions.taken(units[heavy], postings)
        found, total = _totals(questions, postings, weights[heavy], len(segment.question_keys))
        promise = total * self._for_one(query, found)
        if len(found) > _KEPT:
            kept = np.flatnonzero(promise >= np.partition(promise, len(promise) - _KEPT)[len(promise) - _KEPT])
            found, promise = found[kept], promise[kept]
        if len(heavy) < len(units) or int(postings.sum()) < int(lengths.sum()):
            promise = self._completed(found, units, weights) * self._for_one(query, found)
        return SparseFinding(self, query, found, promise)

    def _completed(self, questions: Integers, units: Integers, weights: Floats) -> Floats:
        """What all units of some questions hold, those too whose questions were not looked up."""
        texts = self.segment.question_units.rows(questions)
        table = np.zeros(len(self.segment.unit_keys))
        table[units] = weights
        return np.asarray(np.add.reduceat(table[texts.values], texts.starts[:-1]))

    def _for_one(self, query: Query, questions: Integers) -> Floats:
        """What one occurrence of a feature counts in some questions."""
        lengths = self.segment.question_lengths[questions, 1] / query.averages[1]
        return saturated(np.ones(len(questions), np.int64), damping(lengths))


class SparseFinding:
    """Questions that promise something, and how much. Made by ``SparseFinder.find``."""

    exact = False

    def __init__(self, finder: SparseFinder, query: Query, questions: Integers, promise: Floats) -> None:
        self._finder = finder
        self._segment = finder.segment
        self._query = query
        self._promise = np.append(promise, 0.0)  # the last place is that of a question that was not found
        self._questions = questions
        owners = self._segment.question_entries.rows(questions)
        places = np.repeat(np.arange(len(questions)), np.diff(owners.starts))
        alive = np.flatnonzero(finder.alive[owners.values])
        self._rows, self._places = owners.values[alive], places[alive]

    def look(self, limit: int, also: Integers) -> Looked:
        """The entries of the likeliest questions and those in the rows ``also``."""
        rows, questions = self._pairs(limit, also)
        first = firsts(rows)
        scores = self._scores(questions)
        questions = questions[np.lexsort((-scores.sum(axis=1), rows))]
        best: Floats = np.maximum.reduceat(scores, first, axis=0) if len(first) else scores
        return Looked(rows[first], best, Runs(np.append(first, len(rows)), questions))

    def promises(self, rows: Integers) -> Floats:
        """The most that any question of some entries promises."""
        pairs = self._asked(rows)
        best = np.zeros(len(rows))
        np.maximum.at(best, np.searchsorted(rows, self._rows[pairs]), self._promise[self._places[pairs]])
        return best

    def told(self, rows: Integers) -> tuple[Floats, Floats]:
        """What answers and whole entries hold."""
        segment, query, size = self._segment, self._query, len(rows)
        texts = Runs.joined([segment.answer_units.rows(rows), segment.entry_units.rows(rows)])
        owners, slots, features, counts = held(query, self._occurrences(texts))
        dampings = damping(segment.answer_lengths[rows] / query.answer_average)
        own = owners[slots // 2]
        answered = own < size
        values = query.entries[features]
        values[answered] = query.answers[features[answered]] * saturated(counts[answered], dampings[own[answered]])
        shares = np.zeros((2 * size, 2))
        shares[owners] = sums(len(owners), slots, values)
        return shares[:size, 0], shares[size:]

    def _pairs(self, limit: int, also: Integers) -> tuple[Integers, Integers]:
        """The entries and questions to be scored, by ascending row, of each entry the likeliest questions."""
        pairs = np.concatenate([self._foremost(limit), self._asked(also)])
        first, lengths = self._first(also)
        rows = np.concatenate([self._rows[pairs], np.repeat(also, lengths)])
        places = np.concatenate([self._places[pairs], np.full(len(first), len(self._questions))])
        questions = np.concatenate([self._questions[self._places[pairs]], first])
        order = np.lexsort((places, questions, rows))
        keys = rows[order].astype(np.int64) * len(self._segment.question_keys) + questions[order]
        order = order[firsts(keys)]  # a pair may have been found and be the first of its entry as well
        order = order[np.lexsort((-self._promise[places[order]], rows[order]))]
        order = order[ranks(rows[order]) < COMPARED]
        return rows[order], questions[order]

    def _foremost(self, limit: int) -> Integers:
        """The likeliest pairs of an entry and a question, the best first, of one question or one entry not too many."""
        promise = self._promise[self._places]
        for count in (_DEEP, len(promise)):  # all, where an entry with very many questions takes up the best places
            pairs = highest(promise, count)
            pairs = pairs[ranks(self._places[pairs]) < _OWNERS]
            pairs = pairs[ranks(self._rows[pairs]) < COMPARED][:_SCORED]
            if count >= len(promise) or len(distinct(self._rows[pairs])) >= limit:
                break
        return pairs

    def _asked(self, rows: Integers) -> Integers:
        """The likeliest pairs of some entries."""
        wanted = np.zeros(len(self._finder.alive), np.bool_)
        wanted[rows] = True
        pairs = np.flatnonzero(wanted[self._rows])
        pairs = pairs[np.argsort(-self._promise[self._places[pairs]], kind="stable")]
        return pairs[ranks(self._rows[pairs]) < COMPARED]

    def _first(self, rows: Integers) -> tuple[Integers, Integers]:
        """The first questions of some entries, joined, and how many of each: for those where none was found."""
        owned = self._segment.entry_questions
        lengths = np.minimum(owned.lengths(rows), COMPARED)
        return owned.taken(rows, lengths), lengths

    def _scores(self, questions: Integers) -> Floats:
        """Scores of any questions by words and n-grams. Shape: (N, 2)."""
        segment, query = self._segment, self._query
        found, slots, features, counts = held(query, self._occurrences(segment.question_units.rows(questions)))
        dampings = damping(segment.question_lengths[questions[found]] / query.averages).ravel()
        values = query.questions[features] * saturated(counts, dampings[slots])
        scores = np.zeros((len(questions), 2))
        scores[found] = sums(len(found), slots, values)
        return scores

    def _occurrences(self, texts: Runs) -> Integers:
        """Keys of the query's features in texts that are given as units, see ``engine.retrieval.query.held``."""
        features = self._segment.unit_features
        lengths = features.lengths(texts.values)
        owners = np.repeat(np.repeat(np.arange(len(texts)), np.diff(texts.starts)), lengths)
        places, found = self._query.matches(features.taken(texts.values, lengths))
        return np.asarray((owners[places] << self._query.bits) | found)


def _totals(owners: Integers, lengths: Integers, weights: Floats, size: int) -> tuple[Integers, Floats]:
    """The owners that occur, ascending, and the sum of the weights of each.

    Args:
        owners: Several lists joined, of numbers below ``size``.
        lengths: How long each list is.
        weights: What a number of each list weighs.
        size: One more than the highest number there may be.
    """
    if size <= _TABLE * len(owners):
        totals = np.asarray(np.bincount(owners, np.repeat(weights, lengths), minlength=size), np.float64)
        found: Integers = np.flatnonzero(totals)
        return found, totals[found]
    bits = len(weights).bit_length()  # owner and list in one number: one array to sort, and no order to apply
    keys = (owners.astype(np.int64) << bits) | np.repeat(np.arange(len(weights)), lengths)
    keys.sort()
    owners = keys >> bits
    first = firsts(owners)
    values: Floats = weights[keys & ((1 << bits) - 1)]
    return owners[first], np.add.reduceat(values, first) if len(first) else values


def _within(lengths: Integers, budget: int) -> Integers:
    """Lengths cut so that together they are at most the budget; the first are served first."""
    before = np.cumsum(lengths) - lengths
    cut: Integers = np.clip(budget - before, 0, lengths)
    return cut
