"""The sentence encoder in numpy: what ``engine.understand.network`` is at work, without PyTorch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from engine.understand.recurrent import Gru, Lstm
from engine.understand.words import Integers, ReadWord, together

Floats = NDArray[np.float32]
Weights = Mapping[str, NDArray[np.generic]]

SHARPNESS = np.float32(10.0)
"""Length of the dense vector where entries are scored by it: of unit vectors, scores would be too much alike."""
_SIDE_BY_SIDE = 64
_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_DIRECTIONS = ("onward", "backward_")
_POOLING = ("salience.weight", "pooling.score.weight", "pooling.score.bias", "vector.weight", "vector.bias")
NEEDED = ("words.weight", *(f"{way}.{part}" for way in _DIRECTIONS for part in _PARTS), *_POOLING)
"""The weights without which no text can be read, by name; ``grams.weight`` may be among them too."""
_LSTM_GATES = 4
_FEW, _KEPT = 16, 4  # texts that are read together at most, and how many such batches, where the states are kept


@dataclass(frozen=True, slots=True)
class Encoded:
    """Texts after reading: ``pooled`` (B, P) and ``attention`` (B, S), the mean of the heads over the words."""

    pooled: Floats
    attention: Floats


@dataclass(frozen=True, slots=True)
class States:
    """Texts word by word: ``embedded`` (B, S, E), ``values`` (B, S, 2H) of the recurrent layers, ``rows`` (B, S) of the
    words, and ``mask`` (B, S), True where a word stands.
    """

    embedded: Floats
    values: Floats
    rows: Integers
    mask: NDArray[np.bool_]


class Trunk:
    """Embeds words and runs the recurrent layers. What is read of a few texts is kept a while.

    Understanding and meaning look at the same question one after the other; where both stand on the same trunk, it is
    read once.

    Args:
        weights: The weights of the encoder by name.

    Raises:
        KeyError: If a weight is missing.
    """

    def __init__(self, weights: Weights) -> None:
        self._words = np.asarray(weights["words.weight"], np.float32)
        self._scale = np.float32(self._words.shape[1] ** 0.5)
        self._grams = np.asarray(weights["grams.weight"], np.float32) if "grams.weight" in weights else None
        layers = [[np.asarray(weights[f"{way}.{part}"], np.float32) for part in _PARTS] for way in _DIRECTIONS]
        gates = layers[0][1].shape[0] // layers[0][1].shape[1]
        self._layer = (Lstm if gates == _LSTM_GATES else Gru)(layers)
        self._kept = lru_cache(maxsize=_KEPT)(self._read)

    def states(self, texts: Sequence[list[ReadWord]]) -> States:
        """Read texts."""
        key = tuple(map(tuple, texts))
        return self._kept(key) if len(key) <= _FEW else self._read(key)

    def _read(self, texts: Sequence[Sequence[ReadWord]]) -> States:
        words = together(texts)
        rows, size = words.words.shape
        embedded = self._words[words.words]
        if self._grams is not None:
            embedded += self._bags(self._grams, words.grams, words.starts).reshape(rows, size, -1)
        embedded *= self._scale
        places = np.arange(size)[None]
        lengths = words.lengths[:, None]
        turned = np.where(places < lengths, lengths - 1 - places, places)[..., None]
        both = self._layer.run(np.stack([embedded, np.take_along_axis(embedded, turned, 1)]))
        values = np.concatenate([both[0], np.take_along_axis(both[1], turned, 1)], axis=-1)
        return States(embedded, values, words.words, places < lengths)

    @staticmethod
    def _bags(rows: Floats, grams: Integers, starts: Integers) -> Floats:
        """Mean of the n-grams of each place; the padding row is all zeros and stands alone in its place."""
        counts = np.diff(np.append(starts, len(grams)))
        return np.asarray(np.add.reduceat(rows[grams], starts, axis=0) / counts[:, None], np.float32)


class SentenceNetwork:
    """Reads texts with the weights of a trained sentence encoder.

    Args:
        weights: The weights of the encoder by name.
        trunk: Embeds and runs the recurrent layers; made of the weights where it is not given.

    Raises:
        KeyError: If a weight is missing.
    """

    def __init__(self, weights: Weights, trunk: Trunk | None = None) -> None:
        get = {name: np.asarray(values, np.float32) for name, values in weights.items() if name in _POOLING}
        self._trunk = trunk or Trunk(weights)
        self._salience = get["salience.weight"][:, 0]
        self._score, self._score_bias = get["pooling.score.weight"].T, get["pooling.score.bias"]
        self._vector, self._vector_bias = np.ascontiguousarray(get["vector.weight"].T), get["vector.bias"]

    @property
    def width(self) -> int:
        """Width of the vectors, V."""
        return len(self._vector_bias)

    def encode(self, texts: Sequence[list[ReadWord]]) -> Encoded:
        """Read texts."""
        states = self._trunk.states(texts)
        values, mask = states.values, states.mask[..., None]
        weights = softmax(np.where(mask, values @ self._score + self._score_bias, -np.inf), axis=1)
        attended = np.matmul(weights.transpose(0, 2, 1), values).reshape(len(values), -1)
        salience = softmax(np.where(states.mask, self._salience[states.rows], -np.inf), axis=1)
        mean = np.matmul(salience[:, None], states.embedded)[:, 0]
        pooled = np.concatenate([attended, np.where(mask, values, -np.inf).max(axis=1), mean], axis=-1)
        return Encoded(np.asarray(pooled, np.float32), np.asarray(weights.mean(axis=2), np.float32))

    def vectors(self, pooled: Floats) -> Floats:
        """Dense vectors of length 1. Shape: (B, P) to (B, V)."""
        vectors = pooled @ self._vector + self._vector_bias
        return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)

    def vectors_of(self, texts: Sequence[list[ReadWord]]) -> Floats:
        """Dense vectors of any number of texts; those of like length are read side by side. Shape: (texts, V)."""
        if 0 < len(texts) <= _FEW:  # in their order, in which they may just have been read
            return self.vectors(self.encode(texts).pooled)
        found = np.zeros((len(texts), self.width), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
        for start in range(0, len(order), _SIDE_BY_SIDE):
            rows = order[start : start + _SIDE_BY_SIDE]
            found[rows] = self.vectors(self.encode([texts[row] for row in rows]).pooled)
        return found


def softmax(values: Floats, axis: int) -> Floats:
    """Powers of ``values``, adding up to 1 along an axis."""
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True), np.float32)
