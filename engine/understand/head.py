"""Understanding at work: the sentence encoder of the checkpoint, run with numpy.

A question is a dozen steps of a small recurrent layer; numpy does them in about a millisecond and does not need the two
seconds that importing PyTorch takes. A test holds the two to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.knowledge.entries import Knowledge
from engine.ports import Reading, Understanding
from engine.understand.words import ReadWord, WordReader, together

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

MOST_STORED = 20_000  # questions that are compared one by one; a hundredth of a millisecond for every hundred
_SIDE_BY_SIDE = 64
_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_DIRECTIONS = ("onward", "backward_")


@dataclass(frozen=True, slots=True)
class Read:
    """What the encoder makes of a batch: log-probabilities ``scores`` (B, entries + 1), unit ``vectors`` (B, V), and
    ``attention`` (B, S), the mean of the heads over the words.
    """

    scores: Floats
    vectors: Floats
    attention: Floats


@dataclass(frozen=True, slots=True)
class Stored:
    """Dense vectors of stored questions ``vectors`` (Q, V), and where those of each entry begin ``starts`` (E,)."""

    vectors: Floats
    starts: Integers

    def nearest(self, vectors: Floats) -> Floats:
        """Cosine of each vector with the nearest question of each entry. Shape: (B, V) to (B, E)."""
        return np.asarray(np.maximum.reduceat(vectors @ self.vectors.T, self.starts, axis=1), np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The vectors as named arrays, for a checkpoint."""
        return {"stored.vectors": self.vectors.astype(np.float16), "stored.starts": self.starts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> Stored:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        return cls(arrays["stored.vectors"].astype(np.float32), arrays["stored.starts"].astype(np.int64))


class HeadUnderstander:
    """Entry probabilities and dense vectors from the trained sentence encoder.

    Args:
        reader: Turns questions into words.
        weights: The weights of the encoder by name.
        cell: ``lstm`` or ``gru``.
        stored: Dense vectors of stored questions; without them nothing is near.

    Raises:
        KeyError: If a weight is missing.
    """

    def __init__(
        self, reader: WordReader, weights: Mapping[str, NDArray[np.generic]], cell: str, stored: Stored | None = None
    ) -> None:
        self.reader = reader
        self._stored = stored
        get = {
            name: np.ascontiguousarray(value, np.float32)
            for name, value in weights.items()
            if not name.startswith("stored.")
        }
        scale = np.float32(get["words.weight"].shape[1] ** 0.5)
        self._words, self._grams = get["words.weight"] * scale, get["grams.weight"] * scale
        layers = [[get[f"{way}.{part}"] for part in _PARTS] for way in _DIRECTIONS]
        self._layer = (_Gru if cell == "gru" else _Lstm)(layers)
        self._score, self._score_bias = get["pooling.score.weight"].T, get["pooling.score.bias"]
        self._head, self._head_bias = np.ascontiguousarray(get["head.weight"].T), get["head.bias"]
        self._vector, self._vector_bias = np.ascontiguousarray(get["vector.weight"].T), get["vector.bias"]

    def understand(self, readings: Sequence[Reading]) -> list[Understanding]:
        """One understanding a reading, in order."""
        if not readings:
            return []
        read = self.read([self.reader.read(reading.text) for reading in readings])
        entries = read.scores.shape[1] - 1
        near = self._stored.nearest(read.vectors) if self._stored else np.zeros((len(readings), entries), np.float32)
        return [
            Understanding(scores[:-1], float(scores[-1]), row) for scores, row in zip(read.scores, near, strict=True)
        ]

    def store(self, knowledge: Knowledge) -> Stored:
        """Keep the dense vectors of the questions of a knowledge, and find by them from now on.

        Of more than ``MOST_STORED`` questions every entry keeps an even share.
        """
        most = max(1, MOST_STORED // max(1, len(knowledge)))
        kept = [entry.questions[:most] for entry in knowledge]
        texts = [question for questions in kept for question in questions]
        rows = [self.read([self.reader.read(text) for text in part]).vectors for part in _parts(texts)]
        counts = np.asarray([len(questions) for questions in kept], np.int64)
        vectors = np.concatenate(rows) if rows else np.zeros((0, len(self._vector_bias)), np.float32)
        self._stored = Stored(vectors, np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64))
        return self._stored

    def attention(self, text: str) -> list[tuple[str, float]]:
        """The words of a text as they are read, and the share of the attention that each gets."""
        words = self.reader.split(text)
        return list(zip(words, self.read([self.reader.read(text)]).attention[0].tolist(), strict=True))

    def read(self, texts: Sequence[list[ReadWord]]) -> Read:
        """Run the encoder over a batch."""
        words = together(texts)
        rows, size = words.words.shape
        embedded = self._words[words.words] + self._bags(words.grams, words.starts).reshape(rows, size, -1)
        places = np.arange(size)[None]
        lengths = words.lengths[:, None]
        turned = np.where(places < lengths, lengths - 1 - places, places)[..., None]
        both = self._layer.run(np.stack([embedded, np.take_along_axis(embedded, turned, 1)]))
        mask = (places < lengths)[..., None]
        values = np.concatenate([both[0], np.take_along_axis(both[1], turned, 1)], axis=-1)
        weights = _softmax(np.where(mask, values @ self._score + self._score_bias, -np.inf), axis=1)
        attended = np.matmul(weights.transpose(0, 2, 1), values).reshape(rows, -1)
        pooled = np.concatenate([attended, np.where(mask, values, -np.inf).max(axis=1)], axis=-1)
        scores = np.log(np.maximum(_softmax(pooled @ self._head + self._head_bias, axis=1), 1e-12))
        vectors = pooled @ self._vector + self._vector_bias
        vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
        return Read(np.asarray(scores, np.float32), np.asarray(vectors, np.float32), weights.mean(axis=2))

    def _bags(self, grams: Integers, starts: Integers) -> Floats:
        """Mean of the n-grams of each place; the padding row is all zeros and stands alone in its place."""
        counts = np.diff(np.append(starts, len(grams)))
        return np.asarray(np.add.reduceat(self._grams[grams], starts, axis=0) / counts[:, None], np.float32)


class _Lstm:
    """Both directions side by side; ``run`` gives the states after each word, (2, B, S, E) to (2, B, S, H)."""

    def __init__(self, layers: Sequence[Sequence[Floats]]) -> None:
        self._input = np.stack([layer[0].T for layer in layers])
        self._recurrent = np.stack([layer[1].T for layer in layers])
        self._bias = np.stack([layer[2] + layer[3] for layer in layers])[:, None, None]

    def run(self, embedded: Floats) -> Floats:
        ways, rows, size, width = embedded.shape
        gates = np.matmul(embedded.reshape(ways, -1, width), self._input).reshape(ways, rows, size, -1) + self._bias
        units = self._recurrent.shape[1]
        hidden = np.zeros((ways, rows, units), np.float32)
        cell = np.zeros_like(hidden)
        states = np.empty((ways, rows, size, units), np.float32)
        for step in range(size):
            now = gates[:, :, step] + np.matmul(hidden, self._recurrent)
            now[..., : 2 * units] = _sigmoid(now[..., : 2 * units])
            out = _sigmoid(now[..., 3 * units :])
            cell = now[..., units : 2 * units] * cell + now[..., :units] * np.tanh(now[..., 2 * units : 3 * units])
            hidden = out * np.tanh(cell)
            states[:, :, step] = hidden
        return states


class _Gru:
    """Both directions side by side; ``run`` gives the states after each word, (2, B, S, E) to (2, B, S, H)."""

    def __init__(self, layers: Sequence[Sequence[Floats]]) -> None:
        self._input = np.stack([layer[0].T for layer in layers])
        self._recurrent = np.stack([layer[1].T for layer in layers])
        self._bias = np.stack([layer[2] for layer in layers])[:, None, None]
        self._recurrent_bias = np.stack([layer[3] for layer in layers])[:, None]

    def run(self, embedded: Floats) -> Floats:
        ways, rows, size, width = embedded.shape
        gates = np.matmul(embedded.reshape(ways, -1, width), self._input).reshape(ways, rows, size, -1) + self._bias
        units = self._recurrent.shape[1]
        hidden = np.zeros((ways, rows, units), np.float32)
        states = np.empty((ways, rows, size, units), np.float32)
        for step in range(size):
            fresh = gates[:, :, step]
            back = np.matmul(hidden, self._recurrent) + self._recurrent_bias
            both = _sigmoid(fresh[..., : 2 * units] + back[..., : 2 * units])
            reset, update = both[..., :units], both[..., units:]
            new = np.tanh(fresh[..., 2 * units :] + reset * back[..., 2 * units :])
            hidden = (1 - update) * new + update * hidden
            states[:, :, step] = hidden
        return states


def _parts(texts: Sequence[str]) -> list[Sequence[str]]:
    return [texts[at : at + _SIDE_BY_SIDE] for at in range(0, len(texts), _SIDE_BY_SIDE)]


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * values) + 1), np.float32)  # never overflows


def _softmax(values: Floats, axis: int) -> Floats:
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True), np.float32)
