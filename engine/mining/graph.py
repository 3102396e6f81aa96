"""Who is near whom: the nearest neighbours of each vector as a graph with weights.

Similarities are made a block of rows at a time and only the nearest are kept, so that memory grows with the number of
vectors and not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isqrt

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

FLOOR = 0.4
"""The cosine from which on two texts have something to do with each other; two of them at random reach 0.1."""
_FEWEST, _MOST = 5, 15  # neighbours; more of them in more texts, or every topic would fall apart into its wordings
_AT_A_TIME = 1 << 24  # similarities, 64 MB


@dataclass(frozen=True, slots=True)
class Graph:
    """Edges of ``size`` nodes: ``first`` < ``second`` (E,) and ``weights`` (E,), above 0."""

    size: int
    first: Integers
    second: Integers
    weights: NDArray[np.float64]


def neighbourhood(vectors: Floats) -> Graph:
    """The graph of nearest neighbours; an edge weighs more where the two are near, and where each is near the other.

    Args:
        vectors: Unit vectors, shape (N, V).
    """
    size = len(vectors)
    count = min(max(_FEWEST, min(_MOST, isqrt(size) // 10)), size - 1)
    if count < 1:
        nothing = np.zeros(0, np.int64)
        return Graph(size, nothing, nothing, np.zeros(0))
    places, cosines = nearest(vectors, count)
    rows = np.repeat(np.arange(size), count)
    columns, strength = places.ravel(), cosines.ravel().astype(np.float64)
    near = strength > FLOOR
    rows, columns, strength = rows[near], columns[near], ((strength[near] - FLOOR) / (1 - FLOOR)) ** 2
    both = np.minimum(rows, columns) * size + np.maximum(rows, columns)
    edges, places_of = np.unique(both, return_inverse=True)
    weights = np.bincount(places_of, strength, minlength=len(edges)).astype(
        np.float64
    )  # twice what is near from both sides
    return Graph(size, edges // size, edges % size, weights)


def nearest(vectors: Floats, count: int) -> tuple[Integers, Floats]:
    """The nearest others of each vector, in no order, with their cosines. Shape: (N, count) twice; count < N."""
    size = len(vectors)
    places = np.zeros((size, count), np.int64)
    cosines = np.zeros((size, count), np.float32)
    step = max(1, _AT_A_TIME // size)
    for start in range(0, size, step):
        block = vectors[start : start + step] @ vectors.T
        own = np.arange(len(block))
        block[own, start + own] = -np.inf  # nobody is a neighbour of itself
        found = np.argpartition(block, -count, axis=1)[:, -count:]
        places[start : start + step] = found
        cosines[start : start + step] = np.take_along_axis(block, found, 1)
    return places, cosines


def nearest_of(vectors: Floats, others: Floats) -> tuple[Integers, Floats]:
    """Which of ``others`` is nearest to each vector, and its cosine. Shape: (N,) twice; there is at least one other."""
    places = np.zeros(len(vectors), np.int64)
    cosines = np.zeros(len(vectors), np.float32)
    step = max(1, _AT_A_TIME // len(others))
    for start in range(0, len(vectors), step):
        block = vectors[start : start + step] @ others.T
        places[start : start + step] = block.argmax(axis=1)
        cosines[start : start + step] = block.max(axis=1)
    return places, cosines
