"""A linear model over hashed words and character n-grams: kernel ridge regression on class codes.

With few questions an entry it beats any network trained from nothing, and it trains in seconds (Rifkin, Lippert 2007:
Notes on Regularized Least Squares).
"""

from __future__ import annotations

import warnings
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
        buckets = arrays[f"{prefix}.buckets"].astype(np.int64, copy=False)
        vectoriser = Vectoriser(buckets, arrays[f"{prefix}.rarity"].astype(np.float32, copy=False))
        return cls(vectoriser, arrays[f"{prefix}.weights"].astype(np.float16, copy=False))


def fit_linear(
    texts: Sequence[str], places: Sequence[int], *, classes: int, strength: float = 0.5, steps: int = 60
) -> LinearModel | None:
    """Train on questions and the places of their entries; place -1 is a question that belongs to none.

    The dual problem is solved by conjugate gradients over a sparse matrix, for all entries at once (Hestenes, Stiefel
    1952); ``strength`` is the ridge. None where the weights would be more than ``MOST_WEIGHTS``.
    """
    import torch

    vectoriser = Vectoriser.fit(texts)
    if len(vectoriser.buckets) * classes > MOST_WEIGHTS:
        return None
    vectors = [vectoriser.vector(text) for text in texts]
    starts = np.cumsum([0, *(len(columns) for columns, _ in vectors)])
    columns = torch.from_numpy(np.concatenate([columns for columns, _ in vectors]))
    weights = torch.from_numpy(np.concatenate([values for _, values in vectors]))
    shape = (len(texts), len(vectoriser.buckets))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse ")
        rows = torch.sparse_csr_tensor(torch.from_numpy(starts), columns, weights, shape, check_invariants=False)
        turned = rows.to_sparse_coo().t().to_sparse_csr()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
    target = torch.zeros(len(texts), classes)
    inside = np.flatnonzero(np.asarray(places) >= 0)
    target[torch.from_numpy(inside), torch.from_numpy(np.asarray(places)[inside])] = 1.0
    dual = torch.zeros_like(target)
    rest = target.clone()
    direction = rest.clone()
    size = (rest**2).sum(dim=0)
    for _ in range(steps):
        image = rows @ (turned @ direction) + strength * direction
        pace = size / (direction * image).sum(dim=0).clamp_min(1e-12)
        dual += pace * direction
        rest -= pace * image
        smaller = (rest**2).sum(dim=0)
        if float(smaller.max()) < 1e-6:
            break
        direction = rest + smaller / size.clamp_min(1e-12) * direction
        size = smaller
    return LinearModel(vectoriser, (turned @ dual).numpy().astype(np.float16))
