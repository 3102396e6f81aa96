"""A linear model over hashed words and character n-grams: kernel ridge regression on class codes.

With few questions an entry it beats any network trained from nothing. Its leave-one-out predictions have a closed form,
so that held-out evidence for every question costs nothing (Rifkin, Lippert 2007: Notes on Regularized Least Squares).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.text.features import BUCKETS, mixed

Floats = NDArray[np.float32]

MOST_WEIGHTS = 30_000_000  # beyond this the weights would outgrow all the rest of a checkpoint


class Vectoriser:
    """Text to a unit vector of TF-IDF weights over the features that occurred in training."""

    def __init__(self, buckets: NDArray[np.int64], rarity: Floats) -> None:
        self.buckets = buckets
        self.rarity = rarity

    @classmethod
    def fit(cls, texts: Sequence[str]) -> Vectoriser:
        """Count in how many texts each feature occurs; those that occur once carry little and are kept all the same."""
        counts = np.zeros(BUCKETS, np.int32)
        for text in texts:
            counts[np.unique(np.asarray(mixed(text), np.int64))] += 1
        buckets = np.flatnonzero(counts).astype(np.int64)
        rarity = np.log((1 + len(texts)) / (1 + counts[buckets])) + 1
        return cls(buckets, rarity.astype(np.float32))

    def vector(self, text: str) -> tuple[NDArray[np.int64], Floats]:
        """Columns and weights of the known features of a text; the weights have length 1."""
        found, counts = np.unique(np.asarray(mixed(text), np.int64), return_counts=True)
        if not len(found) or not len(self.buckets):
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        at = np.minimum(np.searchsorted(self.buckets, found), len(self.buckets) - 1)
        known = self.buckets[at] == found
        columns = at[known]
        weights = (1 + np.log(counts[known])) * self.rarity[columns]
        length = float(np.sqrt((weights**2).sum()))
        return columns.astype(np.int64), (weights / length if length else weights).astype(np.float32)


class LinearModel:
    """Scores every entry for a text: about 1 for the right one and 0 for the others."""

    def __init__(self, vectoriser: Vectoriser, weights: NDArray[np.float16]) -> None:
        self._vectoriser = vectoriser
        self._weights = weights

    @property
    def classes(self) -> int:
        """How many entries it knows."""
        return int(self._weights.shape[1])

    def scores(self, text: str) -> Floats:
        """Score of every entry. Shape: (classes,)."""
        columns, weights = self._vectoriser.vector(text)
        return weights @ self._weights[columns].astype(np.float32)

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The model as named arrays, for a checkpoint."""
        return {
            f"{prefix}.buckets": self._vectoriser.buckets,
            f"{prefix}.rarity": self._vectoriser.rarity,
            f"{prefix}.weights": self._weights,
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> LinearModel:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        vectoriser = Vectoriser(arrays[f"{prefix}.buckets"], arrays[f"{prefix}.rarity"])  # type: ignore[arg-type]  # dtypes are as written
        return cls(vectoriser, arrays[f"{prefix}.weights"])  # type: ignore[arg-type]


def fit_linear(texts: Sequence[str], places: Sequence[int], *, classes: int, strength: float = 0.3) -> tuple[LinearModel, Floats]:
    """Train on questions and the places of their entries; place -1 is a question that belongs to none.

    Returns:
        The model, and for every question the scores of a model that did not see it, shape (N, classes).
    """
    vectoriser = Vectoriser.fit(texts)
    rows = np.zeros((len(texts), len(vectoriser.buckets)), np.float32)
    for row, text in enumerate(texts):
        columns, weights = vectoriser.vector(text)
        rows[row, columns] = weights
    target = np.zeros((len(texts), classes), np.float32)
    inside = np.asarray(places) >= 0
    target[np.flatnonzero(inside), np.asarray(places)[inside]] = 1.0
    inverse = np.linalg.inv(rows @ rows.T + strength * np.eye(len(texts), dtype=np.float32))
    dual = inverse @ target
    held_out = target - dual / np.diag(inverse)[:, None]
    return LinearModel(vectoriser, (rows.T @ dual).astype(np.float16)), held_out.astype(np.float32)
