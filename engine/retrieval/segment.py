"""A part of the index that is never changed: questions and entries, and what is needed to find them.

A text is kept as its units (see ``engine.text.features``): its words, or what begins at each Chinese character. Units
lead to their features and back, and to the questions that hold them and back. That is an eighth of what postings of
every feature would be, and a word that is near to one of the query's is met once, not once for each n-gram in common.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any, Self, cast

import numpy as np
from numpy.typing import NDArray

from engine.retrieval.runs import Runs
from engine.retrieval.sorting import distinct, firsts, numbered
from engine.text.features import BUCKETS, grams_of, units_of, words_of
from engine.text.normalise import matching

Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]
Arrays = Mapping[str, NDArray[np.generic]]

_TOGETHER = 4_000_000  # so many features are sorted at a time


@dataclass(frozen=True, slots=True)
class Item:
    """What is indexed of an entry: its place among all entries, its questions, its answer; without any it is none."""

    place: int
    questions: tuple[str, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Contents:
    """What is indexed, in an order that depends on nothing but itself.

    ``unit_keys`` (U,) are hashes of the distinct units, first of those in questions, ``unit_features`` (U) the codes of
    each. ``question_keys`` (D,) are hashes of the distinct questions, ``question_units`` (D) the units of each and
    ``question_texts`` (D) its matching form in UTF-8; short questions come first. ``entries`` (E,) are the places of
    entries, ascending, ``entry_questions`` (E) the questions of each, ``answer_units`` (E) the units of its answer.
    """

    unit_keys: Integers
    unit_features: Runs
    question_keys: Integers
    question_units: Runs
    question_texts: Runs
    entries: Integers
    entry_questions: Runs
    answer_units: Runs

    @classmethod
    def read(cls, items: Iterable[Item]) -> Contents:
        """The contents of items.

        Raises:
            ValueError: If two items have the same place.
        """
        raw = _Raw()
        for item in items:
            raw.add(item)
        return join([raw.contents()], [np.ones(len(raw), np.bool_)])


class _Raw:
    """Collects items as they come."""

    def __init__(self) -> None:
        self._units: dict[str, int] = {}
        self._questions: dict[str, int] = {}
        self._question_units = array("i")
        self._question_lengths = array("i")
        self._places = array("q")
        self._owned = array("i")
        self._owned_lengths = array("i")
        self._answer_units = array("i")
        self._answer_lengths = array("i")

    def __len__(self) -> int:
        return len(self._places)

    def add(self, item: Item) -> None:
        """Take one more item."""
        owned = [self._question(matching(question)) for question in item.questions]
        self._owned.extend(owned)
        self._owned_lengths.append(len(owned))
        answer = self._numbers(matching(item.answer)) if owned else []  # what was removed has no answer either
        self._answer_units.extend(answer)
        self._answer_lengths.append(len(answer))
        self._places.append(item.place)

    def _question(self, form: str) -> int:
        number = self._questions.setdefault(form, len(self._questions))
        if number == len(self._question_lengths):
            numbers = self._numbers(form)
            self._question_units.extend(numbers)
            self._question_lengths.append(len(numbers))
        return number

    def _numbers(self, form: str) -> list[int]:
        known = self._units
        return [known.setdefault(unit, len(known)) for unit in units_of(form)]

    def contents(self) -> Contents:
        """All that was taken, in the order in which it came."""
        texts = [form.encode("utf-8") for form in self._questions]
        return Contents(
            unit_keys=_hashes(unit.encode("utf-8") for unit in self._units),
            unit_features=_features(self._units),
            question_keys=_hashes(texts),
            question_units=Runs.of(_array(self._question_lengths), _array(self._question_units)),
            question_texts=Runs.of(_lengths(texts), np.frombuffer(b"".join(texts), np.uint8)),
            entries=_array(self._places),
            entry_questions=Runs.of(_array(self._owned_lengths), _array(self._owned)),
            answer_units=Runs.of(_array(self._answer_lengths), _array(self._answer_units)),
        )


def join(parts: Sequence[Contents], kept: Sequence[Flags]) -> Contents:
    """Several contents in one: of each part the entries that are kept, and what these need.

    The same questions are stored once.

    Raises:
        ValueError: If two kept entries have the same place.
    """
    places = np.concatenate([part.entries for part in parts])
    rows = np.flatnonzero(np.concatenate(kept))
    rows = rows[np.argsort(places[rows], kind="stable")]
    if len(firsts(places[rows])) < len(rows):
        raise ValueError("two entries of an index have the same place")
    owned = _joined([part.entry_questions for part in parts], [len(part.question_keys) for part in parts]).rows(rows)
    answers = _joined([part.answer_units for part in parts], [len(part.unit_keys) for part in parts]).rows(rows)
    asked = _joined([part.question_units for part in parts], [len(part.unit_keys) for part in parts])
    features = Runs.joined([part.unit_features for part in parts])

    raw_keys = np.concatenate([part.question_keys for part in parts])
    used = _used(owned.values, len(raw_keys))
    keys, first = np.unique(raw_keys[used], return_index=True)
    chosen = used[first]
    order = np.lexsort((keys, asked.rows(chosen).sums(np.diff(features.starts))))
    chosen, numbers = chosen[order], _inverse(order)
    questions = asked.rows(chosen)
    owned = _distinct(Runs(owned.starts, numbers[np.searchsorted(keys, raw_keys[owned.values])]), len(keys))

    raw_units = np.concatenate([part.unit_keys for part in parts])
    used = _used(np.concatenate([questions.values, answers.values]), len(raw_units))
    unit_keys, first = np.unique(raw_units[used], return_index=True)
    at = np.searchsorted(unit_keys, raw_units)
    answered = np.ones(len(unit_keys), np.bool_)
    answered[at[questions.values]] = False
    order = np.argsort(answered, kind="stable")
    numbers = _inverse(order)[np.minimum(at, len(order) - 1)] if len(order) else at
    return Contents(
        unit_keys=unit_keys[order],
        unit_features=features.rows(used[first[order]]),
        question_keys=raw_keys[chosen],
        question_units=Runs(questions.starts, numbers[questions.values]),
        question_texts=Runs.joined([part.question_texts for part in parts]).rows(chosen),
        entries=places[rows].astype(np.int64),
        entry_questions=owned,
        answer_units=Runs(answers.starts, numbers[answers.values]),
    )


@dataclass(frozen=True)
class Segment(Contents):
    """Contents, and what is derived from them to find them.

    ``entry_units`` (E) are the distinct units of whole entries, questions and answer; ``question_entries`` (D) the rows
    of the entries that a question belongs to; ``unit_questions`` (U) the questions with a unit, as often as they have
    it. ``features`` (F,) are the codes that occur, ascending, ``feature_units`` (F) the units with each, ascending, of
    which the first ``feature_asked`` (F,) are units of questions, and ``spread`` (3, F) in how many questions, answers
    and whole entries each occurs, answers by their words alone. Lengths are those of questions in words and n-grams,
    ``question_lengths`` (D, 2), and of answers in words, ``answer_lengths`` (E,).
    """

    entry_units: Runs
    question_entries: Runs
    unit_questions: Runs
    features: Integers
    feature_units: Runs
    feature_asked: Integers
    spread: Integers
    question_lengths: Integers
    answer_lengths: Integers

    @classmethod
    def of(cls, contents: Contents) -> Self:
        """Derive what is needed for searching."""
        features, numbers = numbered(contents.unit_features.values)
        units = Runs(contents.unit_features.starts, numbers)
        of_words = int(np.searchsorted(features, BUCKETS))
        words, lengths = _counts(units, of_words), np.diff(units.starts)
        entry_units = _whole(contents)
        spread = [_spread(texts, units) for texts in (contents.question_units, contents.answer_units, entry_units)]
        spread[1][of_words:] = 0
        asked = int(contents.question_units.values.max(initial=-1)) + 1
        return cls(
            **{field.name: getattr(contents, field.name) for field in fields(contents)},
            entry_units=entry_units,
            question_entries=contents.entry_questions.inverted(len(contents.question_keys)),
            unit_questions=contents.question_units.inverted(len(units)),
            features=features,
            feature_units=units.inverted(len(features)),
            feature_asked=np.bincount(units.values[: units.starts[asked]], minlength=len(features)).astype(np.int32),
            spread=np.stack(spread).astype(np.int32),
            question_lengths=np.stack(
                [contents.question_units.sums(words), contents.question_units.sums(lengths - words)], axis=1
            ).astype(np.int32),
            answer_lengths=contents.answer_units.sums(words).astype(np.int32),
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The segment as named arrays, for a checkpoint."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            runs = isinstance(value, Runs)
            arrays |= {f"{field.name}.starts": value.starts, f"{field.name}.values": value.values} if runs else {}
            arrays |= {} if runs else {field.name: value}
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        integers = cast(Mapping[str, Integers], arrays)
        read: dict[str, Any] = {}
        for field in fields(cls):
            name = field.name
            runs = field.type == Runs.__name__
            read[name] = Runs(integers[f"{name}.starts"], integers[f"{name}.values"]) if runs else integers[name]
        return cls(**read)

    def texts(self, questions: Integers) -> list[str]:
        """The matching forms of some questions."""
        some = self.question_texts.rows(questions)
        data = some.values.tobytes()
        return [data[begin:end].decode("utf-8") for begin, end in pairwise(some.starts.tolist())]


def _whole(contents: Contents) -> Runs:
    """The distinct units of every entry."""
    owned, answers, size = contents.entry_questions, contents.answer_units, max(len(contents.unit_keys), 1)
    lengths = np.diff(contents.question_units.starts)
    parts = [Runs.of(np.zeros(0, np.int64), np.zeros(0, np.int32))]
    for rows in _portions(owned.sums(lengths) + np.diff(answers.starts)):
        some, told = owned.rows(rows), answers.rows(rows)
        asked = Runs.of(some.sums(lengths), contents.question_units.rows(some.values).values)
        keys = np.concatenate([_owners(asked), _owners(told)]) * size + np.concatenate([asked.values, told.values])
        entries, units = np.divmod(distinct(keys), size)
        parts.append(Runs.of(np.bincount(entries, minlength=len(rows)), units.astype(np.int32)))
    return Runs.joined(parts)


def _spread(texts: Runs, features: Runs) -> Integers:
    """In how many texts each feature occurs; ``features`` has those of each unit. Shape: (F,)."""
    size = int(features.values.max(initial=-1)) + 1
    spread = np.zeros(size, np.int64)
    counts = np.diff(features.starts)
    for rows in _portions(texts.sums(counts)):
        some = texts.rows(rows)
        lengths = counts[some.values]
        keys = features.taken(some.values, lengths).astype(np.int64) * len(rows)
        keys += np.repeat(_owners(some), lengths)
        spread += np.bincount(distinct(keys) // len(rows), minlength=size)
    return spread


def _portions(lengths: Integers) -> Iterable[Integers]:
    """Rows in groups of about ``_TOGETHER`` together."""
    if len(lengths):
        groups = np.cumsum(lengths) // _TOGETHER
        yield from np.split(np.arange(len(lengths)), np.flatnonzero(np.diff(groups)) + 1)


def _joined(parts: Sequence[Runs], sizes: Sequence[int]) -> Runs:
    """The lists of several parts whose values count up to ``sizes``, renumbered so that they follow each other."""
    offsets = np.cumsum([0, *sizes]).tolist()
    return Runs.joined(
        [Runs(part.starts, part.values + offset) for part, offset in zip(parts, offsets[:-1], strict=True)]
    )


def _distinct(runs: Runs, size: int) -> Runs:
    """Every list ascending and without repetitions; all values are below ``size``."""
    keys = distinct(_owners(runs).astype(np.int64) * max(size, 1) + runs.values)
    owners, values = np.divmod(keys, max(size, 1))
    return Runs.of(np.bincount(owners, minlength=len(runs)), values.astype(np.int32))


def _owners(runs: Runs) -> Integers:
    """For every value the row of its list."""
    return np.repeat(np.arange(len(runs)), np.diff(runs.starts))


def _counts(features: Runs, below: int) -> Integers:
    """How many features below a number each unit has."""
    counted = np.zeros(len(features.values) + 1, np.int64)
    np.cumsum(features.values < below, out=counted[1:])
    return np.asarray(counted[features.starts[1:]] - counted[features.starts[:-1]])


def _used(values: Integers, size: int) -> Integers:
    """The numbers below ``size`` that occur, ascending."""
    found = np.zeros(size, np.bool_)
    found[values] = True
    return np.flatnonzero(found)


def _inverse(order: Integers) -> Integers:
    """At which place each number stands in a permutation."""
    places = np.empty(len(order), np.int32)
    places[order] = np.arange(len(order))
    return places


def _features(units: Iterable[str]) -> Runs:
    """Codes of the features of each unit."""
    buckets, lengths = array("i"), array("i")
    for unit in units:
        for kind in (words_of(unit), grams_of(unit)):
            buckets.extend(kind)
            lengths.append(len(kind))
    both = _array(lengths).reshape(-1, 2)
    codes = _array(buckets) + np.repeat(np.tile([0, BUCKETS], len(both)), both.ravel()).astype(np.int32)
    return Runs.of(both.sum(axis=1), codes)


def _hashes(texts: Iterable[bytes]) -> Integers:
    """64 bits that stand for each text."""
    return np.frombuffer(b"".join(hashlib.blake2b(text, digest_size=8).digest() for text in texts), np.uint64)


def _lengths(texts: Sequence[Sequence[object]]) -> Integers:
    return np.fromiter(map(len, texts), np.int64, len(texts))


def _array(values: array[int]) -> Integers:
    return np.frombuffer(values, values.typecode) if len(values) else np.zeros(0, np.int32)
