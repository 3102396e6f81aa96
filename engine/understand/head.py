"""Understanding at work: the sentence encoder of the checkpoint and its scores, run with numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.knowledge.entries import Knowledge
from engine.ports import Reading, Understanding
from engine.understand.reader import TextReader
from engine.understand.sentence import SHARPNESS, SentenceNetwork, Trunk, Weights, softmax
from engine.understand.stored import Stored, shared_out

Floats = NDArray[np.float32]


class HeadUnderstander:
    """Entry probabilities and dense vectors from the trained sentence encoder.

    Args:
        reader: Turns questions into words or pieces.
        weights: The weights of the encoder by name.
        stored: Dense vectors of stored questions; without them nothing is near.
        trunk: See ``SentenceNetwork``.

    Raises:
        KeyError: If a weight is missing.
    """

    def __init__(
        self, reader: TextReader, weights: Weights, stored: Stored | None = None, trunk: Trunk | None = None
    ) -> None:
        self.reader = reader
        self._stored = stored
        self._network = SentenceNetwork(weights, trunk)
        self._head = np.ascontiguousarray(np.asarray(weights["head.weight"], np.float32).T)
        self._head_bias = np.asarray(weights["head.bias"], np.float32)

    def understand(self, readings: Sequence[Reading]) -> list[Understanding]:
        """One understanding a reading, in order."""
        if not readings:
            return []
        pooled = self._network.encode(self.reader.read_all([reading.text for reading in readings])).pooled
        vectors = self._network.vectors(pooled)
        scores = self.scores(pooled, vectors)
        near = np.zeros((len(readings), scores.shape[1] - 1), np.float32)
        if self._stored:
            near = self._stored.nearest(vectors)
        return [Understanding(row[:-1], float(row[-1]), one) for row, one in zip(scores, near, strict=True)]

    def scores(self, pooled: Floats, vectors: Floats) -> Floats:
        """Log-probabilities of the entries and, last, of "none of them".

        Shape:
            pooled: (B, P)
            vectors: (B, V)
            result: (B, entries + 1)
        """
        seen = vectors * SHARPNESS if len(self._head) == vectors.shape[1] else pooled
        chances = softmax(np.asarray(seen @ self._head + self._head_bias, np.float32), axis=1)
        return np.asarray(np.log(np.maximum(chances, 1e-12)), np.float32)

    def store(self, knowledge: Knowledge) -> Stored:
        """Keep the dense vectors of the questions of a knowledge, and find by them from now on.

        Of more than ``stored.MOST_STORED`` questions every entry keeps an even share.
        """
        kept = shared_out([entry.questions for entry in knowledge])
        texts = [question for questions in kept for question in questions]
        vectors = self._network.vectors_of(self.reader.read_all(texts))
        self._stored = Stored.of([len(questions) for questions in kept], vectors)
        return self._stored

    def attention(self, text: str) -> list[tuple[str, float]]:
        """The words of a text as they are read, and the share of the attention that each gets."""
        shares = iter(self._network.encode(self.reader.read_all([text])).attention[0].tolist())
        return [(word, sum(next(shares) for _ in range(count))) for word, count in self.reader.split(text)]
