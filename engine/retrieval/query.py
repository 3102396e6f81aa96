"""BM25 over hashed features: what a query weighs, and how much of it a text holds.

Robertson, Walker 1994. A score is divided by the weight of the whole query, so that it is 0 where a text holds nothing
of it and about 1 where it holds all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.sorting import distinct, firsts
from engine.text.features import BUCKETS, grams, words

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

_SATURATION = 1.2  # k1: how soon a repeated word stops to count
_LENGTH = 0.5  # b: questions are short, so their length says less than a document's
_FEWEST_BITS, _MOST_BITS = 15, 20  # so that a table is soon made, and few features meet in it


def codes(text: str) -> Integers:
    """Codes of the features of a text, distinct and ascending: a word has its bucket, an n-gram ``BUCKETS`` more."""
    found = (np.asarray(words(text), np.int32), np.asarray(grams(text), np.int32) + BUCKETS)
    return np.concatenate([distinct(kind) for kind in found])


@dataclass(frozen=True, slots=True)
class Query:
    """A text to be found.

    ``codes`` (Q,) are its distinct features, the first ``words`` of them words. ``questions``, ``answers`` and
    ``entries`` (Q,) say which share of the query's weight each has among its kind, as rare as it is in questions, in
    answers (words alone) and in whole entries. ``averages`` (2,) are the mean lengths of questions in words and
    n-grams, ``answer_average`` that of answers in words. ``known`` is the share of the n-grams' weight that occurs in
    any question, ``table`` leads from codes to their numbers.
    """

    codes: Integers
    words: int
    questions: Floats
    answers: Floats
    entries: Floats
    averages: Floats
    answer_average: float
    known: float
    table: Integers

    @property
    def bits(self) -> int:
        """So many bits hold the number of a feature."""
        return max(1, len(self.codes).bit_length())

    def matches(self, codes: Integers) -> tuple[Integers, Integers]:
        """Places in ``codes`` of those that are the query's, ascending, and their numbers in the query."""
        if not len(self.codes):
            return np.zeros(0, np.int64), np.zeros(0, np.int32)
        numbers = self.table[codes & (len(self.table) - 1)]
        crowded = np.flatnonzero(numbers < 0)
        numbers[crowded] = np.minimum(np.searchsorted(self.codes, codes[crowded]), len(self.codes) - 1)
        places = np.flatnonzero(self.codes[numbers] == codes)
        return places, numbers[places]


def table_of(codes: Integers) -> Integers:
    """A table that has the number of each code at the place of its last bits, and -1 where several have theirs."""
    bits = min(_MOST_BITS, max(_FEWEST_BITS, 2 * len(codes).bit_length()))
    table = np.zeros(1 << bits, np.int32)
    places, numbers = codes & (len(table) - 1), np.arange(len(codes))
    table[places] = numbers
    table[places[table[places] != numbers]] = -1
    return table


def rarity(spread: Integers, size: int) -> Floats:
    """Inverse document frequency of features that occur in ``spread`` of ``size`` texts."""
    return np.asarray(np.log1p((size - spread + 0.5) / (spread + 0.5)))


def shares(weights: Floats, words: int) -> Floats:
    """Weights as shares of those of their kind: the first ``words`` of them are of words, the others of n-grams."""
    kinds = (weights[:words], weights[words:])
    return np.concatenate([kind / kind.sum() if len(kind) else kind for kind in kinds])


def held(query: Query, keys: Integers) -> tuple[Integers, Integers, Integers, Integers]:
    """Which features occur where, and how often.

    Args:
        query: The query.
        keys: One number for each occurrence of a feature of the query in a text: the number of the text, shifted by
            ``query.bits``, and that of the feature. They are sorted in place.

    Returns:
        The texts that hold anything, ascending (N,); and for each pair of a text and a feature of it twice its place
        among these texts, one more for an n-gram, the feature, and how often it occurs, (P,).
    """
    keys.sort()
    first = firsts(keys)
    counts = np.diff(first, append=len(keys))
    pairs = keys[first]
    owners = pairs >> query.bits
    features = pairs & ((1 << query.bits) - 1)
    starts = firsts(owners)
    slots = np.repeat(np.arange(0, 2 * len(starts), 2), np.diff(starts, append=len(owners)))
    slots += features >= query.words
    return owners[starts], slots, features, counts


def sums(size: int, slots: Integers, values: Floats) -> Floats:
    """Sums of values by text, those of words beside those of n-grams. Shape: (size, 2)."""
    return np.asarray(np.bincount(slots, values, minlength=2 * size).reshape(size, 2), np.float64)


def damping(lengths: Floats) -> Floats:
    """What keeps repeated features from counting in full; ``lengths`` of texts are shares of the average."""
    return np.asarray(_SATURATION * (1 - _LENGTH + _LENGTH * lengths))


def saturated(counts: Integers, dampings: Floats) -> Floats:
    """How much so many occurrences count, 1 for one in a text of average length."""
    return np.asarray((_SATURATION + 1) * counts / (counts + dampings))
