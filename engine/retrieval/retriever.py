"""Lexical evidence for every entry: words, character n-grams, the answer's own words, and the linear model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.knowledge.entries import Knowledge
from engine.ports import Evidence, Reading
from engine.retrieval.lexical import LexicalIndex
from engine.retrieval.linear import LinearModel
from engine.text.features import grams, words

Floats = NDArray[np.float32]

_INDEXES = ("words", "grams", "answers", "whole_words", "whole_grams")


class HybridRetriever:
    """Ranks by several kinds of lexical evidence over the questions of a knowledge.

    Args:
        knowledge: The entries; their questions, in order, are the documents of ``by_words`` and ``by_grams``.
        by_words: Index over words of questions.
        by_grams: Index over character n-grams of questions.
        by_answers: Index over words of answers.
        in_words: Presence of words in whole entries, questions and answer together.
        in_grams: The same of character n-grams.
        linear: The linear model, None where there are too many entries for one.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        by_words: LexicalIndex,
        by_grams: LexicalIndex,
        by_answers: LexicalIndex,
        in_words: LexicalIndex,
        in_grams: LexicalIndex,
        linear: LinearModel | None,
    ) -> None:
        self._by_words = by_words
        self._by_grams = by_grams
        self._by_answers = by_answers
        self._in_words = in_words
        self._in_grams = in_grams
        self._linear = linear
        counts = [len(entry.questions) for entry in knowledge]
        self._starts = np.cumsum([0, *counts])[:-1].astype(np.int64)
        self._size = len(counts)

    @classmethod
    def build(cls, knowledge: Knowledge, linear: LinearModel | None) -> HybridRetriever:
        """Index the questions and answers of a knowledge in which every entry has a question."""
        questions = [question for entry in knowledge for question in entry.questions]
        whole = [" ".join((*entry.questions, entry.answer)) for entry in knowledge]
        return cls(
            knowledge,
            LexicalIndex.build(words(question) for question in questions),
            LexicalIndex.build(grams(question) for question in questions),
            LexicalIndex.build(words(entry.answer) for entry in knowledge),
            LexicalIndex.build((words(text) for text in whole), presence=True),
            LexicalIndex.build((grams(text) for text in whole), presence=True),
            linear,
        )

    def retrieve(self, readings: Sequence[Reading]) -> list[Evidence]:
        """The evidence for each reading, in order."""
        return [self._evidence(reading) for reading in readings]

    def _evidence(self, reading: Reading) -> Evidence:
        text = reading.text
        of_words, of_grams = words(text), grams(text)
        by_words = self._by_words.scores(of_words)
        by_grams = self._by_grams.scores(of_grams)
        linear = self._linear.scores(text) if self._linear else np.zeros(self._size, np.float32)
        return Evidence(
            words=self._best(by_words),
            grams=self._best(by_grams),
            answers=self._by_answers.scores(of_words),
            covered_words=self._in_words.scores(of_words),
            covered_grams=self._in_grams.scores(of_grams),
            linear=linear,
            known=self._by_grams.known_share(of_grams),
            questions=by_words + by_grams,
            together=self._leaning(reading, f"{reading.before} {text}"),
            before=self._leaning(reading, reading.before),
        )

    def _leaning(self, reading: Reading, text: str) -> Floats:
        if reading.topic is None or self._linear is None:
            return np.zeros(self._size, np.float32)
        return self._linear.scores(text)

    def _best(self, scores: Floats) -> Floats:
        """The best question of every entry."""
        return np.maximum.reduceat(scores, self._starts) if len(scores) else scores

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The indexes as named arrays, for a checkpoint."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for name, index in zip(_INDEXES, self._indexes(), strict=True):
            arrays |= index.arrays(name)
        return arrays | (self._linear.arrays("linear") if self._linear else {})

    def _indexes(self) -> tuple[LexicalIndex, ...]:
        return self._by_words, self._by_grams, self._by_answers, self._in_words, self._in_grams

    @classmethod
    def from_arrays(cls, knowledge: Knowledge, arrays: Mapping[str, NDArray[np.generic]]) -> HybridRetriever:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        linear = LinearModel.from_arrays(arrays, "linear") if "linear.weights" in arrays else None
        by_words, by_grams, by_answers, in_words, in_grams = (
            LexicalIndex.from_arrays(arrays, name) for name in _INDEXES
        )
        return cls(knowledge, by_words, by_grams, by_answers, in_words, in_grams, linear)
