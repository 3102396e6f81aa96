"""Texts of one language in groups of one meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.mining.communities import communities
from engine.mining.graph import FLOOR, nearest_of, neighbourhood
from engine.mining.vectors import Joined
from engine.ports import TextEncoder

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

MOST_COMPARED = 60_000
"""Texts that are compared with each other; of more, the others join the group whose middle is nearest."""
ALONE = -1
"""The group of a text that was not compared and is near no middle."""
_AT_A_TIME = 20_000


@dataclass(frozen=True, slots=True)
class Grouping:
    """The group of each text, ``labels`` (N,), and of the compared texts numbers ``rows`` (C,) and ``vectors``."""

    labels: Integers
    rows: Integers
    vectors: Floats

    @property
    def groups(self) -> int:
        """How many groups there are."""
        return int(self.labels.max(initial=ALONE)) + 1


def grouped(texts: Sequence[str], encoder: TextEncoder, *, most: int = MOST_COMPARED) -> Grouping:
    """Groups of texts, the same ones for the same texts in the same order.

    Args:
        texts: Different texts of one language.
        encoder: Knows what they mean.
        most: How many are compared with each other; time grows with its square, memory with itself.
    """
    size = len(texts)
    rows = np.unique(np.linspace(0, size - 1, min(size, most)).astype(np.int64)) if size else np.zeros(0, np.int64)
    compared = [texts[row] for row in rows]
    joined = Joined(encoder, compared)
    vectors = joined.vectors(compared) if compared else np.zeros((0, encoder.width), np.float32)
    labels = np.full(size, ALONE, np.int64)
    labels[rows] = communities(neighbourhood(vectors))
    others = np.setdiff1d(np.arange(size), rows)
    middles = _middles(vectors, labels[rows]) if len(others) else vectors
    for start in range(0, len(others), _AT_A_TIME):
        some = others[start : start + _AT_A_TIME]
        places, cosines = nearest_of(joined.vectors([texts[row] for row in some]), middles)
        labels[some] = np.where(cosines > FLOOR, places, ALONE)
    return Grouping(labels, rows, vectors)


def _middles(vectors: Floats, labels: Integers) -> Floats:
    """The direction of the mean of each group, shape (groups, V)."""
    sums = np.zeros((int(labels.max()) + 1, vectors.shape[1]), np.float32)
    np.add.at(sums, labels, vectors)
    return np.asarray(sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12), np.float32)
