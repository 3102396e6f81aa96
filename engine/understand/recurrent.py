"""The recurrent layers in numpy, both directions side by side.

A question is a dozen steps of a small layer; numpy does them in about a millisecond and does not need the two seconds
that importing PyTorch takes. A test holds both to the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


class Lstm:
    """Both directions side by side; ``run`` gives the states after each word, (2, B, S, E) to (2, B, S, H).

    The gates come in the order input, forget, output, new; those that are sigmoids get half of what they are given, so
    that one tanh does for all: sigmoid(x) = (tanh(x / 2) + 1) / 2.
    """

    def __init__(self, layers: Sequence[Sequence[Floats]]) -> None:
        self._input = np.stack([_halved(layer[0]).T for layer in layers])
        self._recurrent = np.stack([_halved(layer[1]).T for layer in layers])
        self._bias = np.stack([_halved(layer[2] + layer[3]) for layer in layers])[:, None, None]

    def run(self, embedded: Floats) -> Floats:
        """The states after each word. Shape: (2, B, S, E) to (2, B, S, H)."""
        ways, rows, size, width = embedded.shape
        gates = np.matmul(embedded.reshape(ways, -1, width), self._input).reshape(ways, rows, size, -1) + self._bias
        units = self._recurrent.shape[1]
        hidden = np.zeros((ways, rows, units), np.float32)
        cell = np.zeros_like(hidden)
        states = np.empty((ways, rows, size, units), np.float32)
        for step in range(size):
            now = np.matmul(hidden, self._recurrent)
            now += gates[:, :, step]
            np.tanh(now, out=now)
            open_ = now[..., : 3 * units]
            open_ *= 0.5
            open_ += 0.5
            cell = open_[..., units : 2 * units] * cell + open_[..., :units] * now[..., 3 * units :]
            hidden = open_[..., 2 * units :] * np.tanh(cell)
            states[:, :, step] = hidden
        return states


class Gru:
    """Both directions side by side; ``run`` gives the states after each word, (2, B, S, E) to (2, B, S, H)."""

    def __init__(self, layers: Sequence[Sequence[Floats]]) -> None:
        self._input = np.stack([layer[0].T for layer in layers])
        self._recurrent = np.stack([layer[1].T for layer in layers])
        self._bias = np.stack([layer[2] for layer in layers])[:, None, None]
        self._recurrent_bias = np.stack([layer[3] for layer in layers])[:, None]

    def run(self, embedded: Floats) -> Floats:
        """The states after each word. Shape: (2, B, S, E) to (2, B, S, H)."""
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


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * values) + 1), np.float32)  # never overflows


def _halved(weights: Floats) -> Floats:
    """Gates of PyTorch's order (input, forget, new, output) in ours, those that are sigmoids at half."""
    into, forget, new, out = np.split(weights, 4)
    return np.concatenate([into / 2, forget / 2, out / 2, new])
