"""The index of stored questions: segments that never change, of which the latest that speaks of an entry is in force.

Adding is writing one more small segment, and removing an entry is adding it without questions; what a query weighs is
counted over all segments, so that nothing has to be built again. Small segments are joined as they come (O'Neil et al.
1996: log-structured merge).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.dense import DenseFinder, small
from engine.retrieval.finding import Finder, Finding, Looked
from engine.retrieval.query import Query, codes, damping, rarity, saturated, shares, table_of
from engine.retrieval.segment import Contents, Item, Segment, join
from engine.retrieval.sorting import distinct, highest
from engine.retrieval.sparse import SparseFinder
from engine.text.features import BUCKETS, grams, words

Flags = NDArray[np.bool_]
Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]

_TOGETHER = 50_000  # questions that are read before they are packed
_COLUMNS = ("places", "words", "grams", "answers", "covered_words", "covered_grams")
_GROWTH = 2  # a segment is joined with the one after it unless it is so many times larger


@dataclass(frozen=True, slots=True)
class Shown:
    """What entries hold of a text, one number an entry, see ``engine.ports.Evidence``; ``places`` are ascending.

    ``questions`` are the matching forms of the questions of each that are nearest to the text, the nearest first.
    """

    places: Integers
    words: Floats
    grams: Floats
    answers: Floats
    covered_words: Floats
    covered_grams: Floats
    questions: list[list[str]]


class QuestionIndex:
    """Finds stored questions by their words and character n-grams.

    Args:
        segments: The oldest first.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self.segments = tuple(segments)
        entries = sum(int(_asked(segment).sum()) for segment in segments)
        self._sizes = (sum(len(segment.question_keys) for segment in segments), entries, entries)
        lengths = sum((segment.question_lengths.sum(axis=0) for segment in segments), np.zeros(2, np.int64))
        told = sum(int(segment.answer_lengths.sum()) for segment in segments)
        questions, answers, _ = self._sizes
        self._averages = np.where(lengths > 0, lengths / max(questions, 1), 1.0)
        self._answer_average = told / answers if told else 1.0

    @classmethod
    def build(cls, items: Iterable[Item]) -> QuestionIndex:
        """Index entries, in one segment.

        Raises:
            ValueError: If two items have the same place.
        """
        parts: list[Contents] = []
        some: list[Item] = []
        waiting = 0
        for item in items:
            some.append(item)
            waiting += max(1, len(item.questions))
            if waiting >= _TOGETHER:
                parts.append(Contents.read(some))
                some, waiting = [], 0
        parts.append(Contents.read(some))
        contents = join(parts, [np.ones(len(part.entries), np.bool_) for part in parts])
        parts.clear()  # a million questions are a few hundred megabytes
        return cls([Segment.of(contents)])

    def put(self, items: Iterable[Item]) -> QuestionIndex:
        """The index with more entries; they take the place of what was at the same places."""
        segments = [*self.segments, Segment.of(Contents.read(items))]
        joined = 1
        while joined < len(segments) and _size(segments[-joined - 1]) <= _GROWTH * sum(map(_size, segments[-joined:])):
            joined += 1
        if joined == 1:
            return QuestionIndex(segments)
        return QuestionIndex([*segments[:-joined], _joined(segments[-joined:])])

    def compacted(self) -> QuestionIndex:
        """The same index in one segment, without what is no longer in force."""
        return QuestionIndex([_joined(self.segments)]) if len(self.segments) > 1 else self

    @cached_property
    def finders(self) -> Sequence[Finder]:
        """What searches each segment; made when it is first needed, since adding needs none."""
        newest = zip(self.segments, _in_force(self.segments), strict=True)
        return [self._finder(segment, flags & _asked(segment)) for segment, flags in newest]

    def _finder(self, segment: Segment, alive: Flags) -> Finder:
        if small(segment):
            return DenseFinder(segment, alive, self._averages, self._answer_average)
        return SparseFinder(segment, alive)

    def __len__(self) -> int:
        """How many questions are stored; the same question of several entries counts once."""
        return self._sizes[0]

    @property
    def places(self) -> int:
        """One more than the highest place that the index speaks of."""
        return max((int(segment.entries[-1]) + 1 for segment in self.segments if len(segment.entries)), default=0)

    def first(self) -> NDArray[np.int64]:
        """The place of the first entry with questions; empty where there is none. Shape: (0 or 1,)."""
        places = [one.segment.entries[one.alive.argmax()] for one in self.finders if one.alive.any()]
        return np.asarray(places[:1], np.int64)

    def holds(self, places: Integers) -> Flags:
        """Which places have an entry with questions."""
        return np.asarray(self.located(places)[0] >= 0)

    def search(self, text: str) -> Search:
        """Look for a text."""
        query = self.query(text)
        return Search(self, query, [finder.find(query) for finder in self.finders])

    def query(self, text: str) -> Query:
        """What a text weighs, by how rare its features are in all segments together."""
        wanted = codes(text)
        words = int(np.searchsorted(wanted, BUCKETS))
        spread = np.zeros((3, len(wanted)), np.int64)
        for segment in self.segments:
            if len(segment.features):
                at = np.minimum(np.searchsorted(segment.features, wanted), len(segment.features) - 1)
                spread += np.where(segment.features[at] == wanted, segment.spread[:, at], 0)
        answers, entries = rarity(spread[1], self._sizes[1]), rarity(spread[2], self._sizes[2])
        # Answers count too: the words of the trade, in every answer, are rare among a few dozen questions by accident.
        questions = rarity(spread[0] + spread[2], self._sizes[0] + self._sizes[2])
        seen, total = questions[words:][spread[0, words:] > 0].sum(), questions[words:].sum()
        return Query(
            codes=wanted,
            words=words,
            questions=shares(questions, words),
            answers=np.concatenate([shares(answers[:words], words), np.zeros(len(wanted) - words)]),
            entries=shares(entries, words),
            averages=self._averages,
            answer_average=self._answer_average,
            known=float(seen / total) if total else 0.0,
            table=table_of(wanted),
        )

    def located(self, places: Integers) -> tuple[Integers, Integers]:
        """The number of the segment that has each place, -1 where none has questions for it, and the row there."""
        segments, rows = np.full(len(places), -1), np.zeros(len(places), np.int64)
        for number, finder in enumerate(self.finders):
            entries = finder.segment.entries
            if len(entries):
                at = np.minimum(np.searchsorted(entries, places), len(entries) - 1)
                here = (entries[at] == places) & finder.alive[at]
                segments[here], rows[here] = number, at[here]
        return segments, rows


class Search:
    """What was found for one text. Made by ``QuestionIndex.search``."""

    def __init__(self, index: QuestionIndex, query: Query, found: Sequence[Finding]) -> None:
        self._index = index
        self._query = query
        self._found = found

    @property
    def known(self) -> float:
        """Share of the weight of the text's n-grams that occurs in any question, in [0, 1]."""
        return self._query.known

    @property
    def exact(self) -> bool:
        """True where every question that holds anything of the text was scored, not the likeliest alone."""
        return all(found.exact for found in self._found)

    def promises(self, places: Integers) -> Floats:
        """The most that any question of some entries holds of the text, or an estimate of it; places are ascending."""
        numbers, rows = self._index.located(places)
        best = np.zeros(len(places))
        for number in np.unique(numbers[numbers >= 0]):
            here = numbers == number
            best[here] = self._found[number].promises(rows[here])
        return best

    def shown(self, limit: int, also: Integers) -> Shown:
        """The entries whose questions hold the most of the text, and some besides.

        Args:
            limit: How many entries.
            also: Places of other entries, in any order; those that the index has not are left out.
        """
        numbers, rows = self._index.located(also)
        looked = [found.look(limit, distinct(rows[numbers == number])) for number, found in enumerate(self._found)]
        total = np.concatenate([one.scores.sum(axis=1) for one in looked]) if looked else np.zeros(0)
        best = highest(total, limit)
        best = best[total[best] > 0]
        parts = []
        end = 0
        for number, one in enumerate(looked):
            begin, end = end, end + len(one.rows)
            own = best[(best >= begin) & (best < end)] - begin
            chosen = distinct(np.concatenate([own, np.searchsorted(one.rows, rows[numbers == number])]))
            if len(chosen):
                parts.append(self._part(number, one, chosen))
        return _merged(parts)

    def shares(self, questions: Sequence[str]) -> Floats:
        """What questions in their matching form hold of the text, by words and by n-grams, as stored ones are scored.

        Shape: (N, 2).
        """
        found = np.zeros((len(questions), 2))
        for row, question in zip(found, questions, strict=True):
            kinds = (np.asarray(words(question), np.int64), np.asarray(grams(question), np.int64) + BUCKETS)
            for kind, own in enumerate(kinds):
                numbers, counts = np.unique(self._query.matches(own)[1], return_counts=True)
                dampings = damping(np.asarray(len(own) / self._query.averages[kind]))
                row[kind] = (self._query.questions[numbers] * saturated(counts, dampings)).sum()
        return found

    def _part(self, number: int, looked: Looked, chosen: Integers) -> Shown:
        """Some of the entries of a segment that were looked at."""
        finder = self._index.finders[number]
        rows, scores = looked.rows[chosen], looked.scores[chosen]
        answers, covered = self._found[number].told(rows)
        questions = looked.questions.rows(chosen)
        texts = finder.segment.texts(questions.values)
        return Shown(
            places=finder.segment.entries[rows],
            words=scores[:, 0],
            grams=scores[:, 1],
            answers=answers,
            covered_words=covered[:, 0],
            covered_grams=covered[:, 1],
            questions=[texts[begin:end] for begin, end in pairwise(questions.starts.tolist())],
        )


def _merged(parts: Sequence[Shown]) -> Shown:
    """Several in one, by ascending place."""
    if len(parts) == 1:
        return parts[0]
    empty = np.zeros(0, np.int64)
    order = np.argsort(np.concatenate([empty, *(part.places for part in parts)]))
    columns: dict[str, Any] = {
        name: np.concatenate([empty, *(getattr(part, name) for part in parts)])[order] for name in _COLUMNS
    }
    questions = [some for part in parts for some in part.questions]
    return Shown(**columns, questions=[questions[at] for at in order])


def _in_force(segments: Sequence[Segment]) -> list[Flags]:
    """Which entries of each segment no later one speaks of."""
    found = []
    later = np.zeros(0, np.int64)
    for segment in reversed(segments):
        entries = segment.entries
        newest = np.ones(len(entries), np.bool_)
        if len(entries):
            at = np.minimum(np.searchsorted(entries, later), len(entries) - 1)
            newest[at[entries[at] == later]] = False
        found.append(newest)
        later = np.concatenate([later, entries])
    return found[::-1]


def _asked(segment: Segment) -> Flags:
    """Which entries of a segment have questions: the others were removed."""
    return np.asarray(np.diff(segment.entry_questions.starts) > 0)


def _joined(segments: Sequence[Segment]) -> Segment:
    """Several segments in one. Entries that were removed stay as such, since earlier segments may have them still."""
    return Segment.of(join(segments, _in_force(segments)))


def _size(segment: Segment) -> int:
    return len(segment.question_keys) + len(segment.entries)
