"""The understanding head at work: the encoder of the checkpoint, run with numpy.

A question is a dozen steps of a small LSTM; numpy does them in about a millisecond and does not need the two seconds
that importing PyTorch takes. A test holds the two to the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.ports import Reading, Understanding
from engine.understand.reader import QuestionReader

Floats = NDArray[np.float32]


class HeadUnderstander:
    """Entry probabilities from the trained encoder and head.

    Args:
        reader: Turns questions into pieces.
        weights: The weights of the checkpoint by name.

    Raises:
        KeyError: If a weight is missing.
    """

    def __init__(self, reader: QuestionReader, weights: Mapping[str, NDArray[np.generic]]) -> None:
        self._reader = reader
        get = {name: np.ascontiguousarray(weights[name], np.float32) for name in _NAMES}
        width = get["embedding.weight"].shape[1]
        self._directions = [
            _Direction(get["embedding.weight"] * width**0.5, *(get[f"encoder.{way}_lstm.{name}_l0"] for name in _PARTS))
            for way in ("forward", "backward")
        ]
        self._score, self._score_bias = get["pooling.score.weight"], get["pooling.score.bias"]
        self._head, self._head_bias = get["head.weight"], get["head.bias"]

    def understand(self, readings: Sequence[Reading]) -> list[Understanding]:
        """One understanding a reading, in order."""
        if not readings:
            return []
        pieces = self._reader.all_pieces([reading.text for reading in readings])
        table = self.log_probabilities([text or [0] for text in pieces])
        return [Understanding(row[:-1], float(row[-1])) for row in table]

    def log_probabilities(self, pieces: Sequence[Sequence[int]]) -> Floats:
        """Log-probabilities of the entries and, last, of "none of them". Shape: (B, entries + 1)."""
        lengths = np.asarray([len(text) for text in pieces])
        size = int(lengths.max())
        padded = np.zeros((len(pieces), size), np.int64)
        for row, text in enumerate(pieces):
            padded[row, : len(text)] = text
        places = np.arange(size)[None]
        turned = np.where(places < lengths[:, None], lengths[:, None] - 1 - places, places)
        onward = self._directions[0].run(padded)
        backward = np.take_along_axis(
            self._directions[1].run(np.take_along_axis(padded, turned, 1)), turned[..., None], 1
        )
        mask = (places < lengths[:, None])[..., None]
        values = np.concatenate([onward, backward], axis=-1) * mask
        weights = _softmax(np.where(mask, values @ self._score.T + self._score_bias, -np.inf), axis=1)
        attended = np.einsum("bsh,bsd->bhd", weights, values).reshape(len(pieces), -1)
        highest = np.where(mask, values, -np.inf).max(axis=1)
        scores = np.concatenate([attended, highest], axis=-1) @ self._head.T + self._head_bias
        return np.asarray(np.log(np.maximum(_softmax(scores, axis=1), 1e-12)), np.float32)


_PARTS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_NAMES = (
    "embedding.weight",
    *(f"encoder.{way}_lstm.{part}_l0" for way in ("forward", "backward") for part in _PARTS),
    "pooling.score.weight",
    "pooling.score.bias",
    "head.weight",
    "head.bias",
)


class _Direction:
    """One direction of the LSTM; what the embeddings add to the gates is folded into one table."""

    def __init__(
        self, embedding: Floats, weight_ih: Floats, weight_hh: Floats, bias_ih: Floats, bias_hh: Floats
    ) -> None:
        self._table = embedding @ weight_ih.T + (bias_ih + bias_hh)
        self._recurrent = np.ascontiguousarray(weight_hh.T)

    def run(self, pieces: NDArray[np.int64]) -> Floats:
        """States after each piece. Shape: (B, S) to (B, S, H)."""
        rows, size = pieces.shape
        units = self._recurrent.shape[0]
        hidden = np.zeros((rows, units), np.float32)
        cell = np.zeros((rows, units), np.float32)
        states = np.empty((rows, size, units), np.float32)
        for step in range(size):
            gates = self._table[pieces[:, step]] + hidden @ self._recurrent
            enter, forget, new, out = np.split(gates, 4, axis=1)
            cell = _sigmoid(forget) * cell + _sigmoid(enter) * np.tanh(new)
            hidden = _sigmoid(out) * np.tanh(cell)
            states[:, step] = hidden
        return states


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * values) + 1), np.float32)  # never overflows


def _softmax(values: Floats, axis: int) -> Floats:
    powers = np.exp(values - values.max(axis=axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis=axis, keepdims=True), np.float32)
