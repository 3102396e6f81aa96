"""BM25 over hashed features, with every posting's weight computed when the index is built.

Robertson, Walker 1994 (BM25); Lù 2024 (bm25s: eager scoring).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

_SATURATION = 1.2  # k1: how soon a repeated word stops to count
_LENGTH = 0.5  # b: questions are short, so their length says less than a document's


class LexicalIndex:
    """An inverted index over documents given as lists of feature buckets.

    ``buckets`` (F,) holds the features that occur, sorted; ``starts`` (F + 1,) where the postings of each begin;
    ``documents`` and ``weights`` (P,) the postings; ``rarity`` (F,) the inverse document frequencies.
    """

    def __init__(
        self,
        buckets: Integers,
        starts: Integers,
        documents: NDArray[np.int32],
        weights: Floats,
        rarity: Floats,
        size: int,
    ) -> None:
        self._buckets = buckets
        self._starts = starts
        self._documents = documents
        self._weights = weights
        self._rarity = rarity
        self.size = size
        self._unseen = float(np.log1p((size + 0.5) / 0.5))

    @classmethod
    def build(cls, texts: Iterable[Sequence[int]], *, presence: bool = False) -> LexicalIndex:
        """Index documents; ``texts`` gives the feature buckets of each.

        With ``presence`` a feature counts once and alike in every document, however long: scores then say which share
        of the query's weight occurs in a document at all.
        """
        flat: list[int] = []
        lengths: list[int] = []
        for features in texts:
            flat.extend(features)
            lengths.append(len(features))
        size = len(lengths)
        length = np.asarray(lengths, np.float32)
        owner = np.repeat(np.arange(size, dtype=np.int64), lengths)
        pairs, counts = np.unique(np.asarray(flat, np.int64) * max(size, 1) + owner, return_counts=True)
        features_of, documents = np.divmod(pairs, max(size, 1))
        buckets, starts, spread = np.unique(features_of, return_index=True, return_counts=True)
        rarity = np.log1p((size - spread + 0.5) / (spread + 0.5)).astype(np.float32)
        average = float(length.mean()) if size and length.any() else 1.0
        damping = _SATURATION * (1 - _LENGTH + _LENGTH * length[documents] / average)
        weights = np.repeat(rarity, spread)
        if not presence:
            weights = weights * (counts * (_SATURATION + 1) / (counts + damping)).astype(np.float32)
        return cls(
            buckets.astype(np.int64),
            np.append(starts, len(documents)).astype(np.int64),
            documents.astype(np.int32),
            weights.astype(np.float32),
            rarity,
            size,
        )

    def scores(self, features: Sequence[int]) -> Floats:
        """How much of the query each document holds: 0 nothing, about 1 all of it. Shape: (size,)."""
        wanted = np.unique(np.asarray(features, np.int64))
        if not len(self._buckets) or not len(wanted):
            return np.zeros(self.size, np.float32)
        at = np.minimum(np.searchsorted(self._buckets, wanted), len(self._buckets) - 1)
        known = self._buckets[at] == wanted
        found = at[known]
        best = float(self._rarity[found].sum()) + self._unseen * int((~known).sum())
        spans = [slice(self._starts[place], self._starts[place + 1]) for place in found]
        if not spans:
            return np.zeros(self.size, np.float32)
        documents = np.concatenate([self._documents[span] for span in spans])
        weights = np.concatenate([self._weights[span] for span in spans])
        total = np.bincount(documents, weights, minlength=self.size)
        return (total / best).astype(np.float32)

    def known_share(self, features: Sequence[int]) -> float:
        """Share of the query's weight that occurs anywhere in the index, in [0, 1]."""
        wanted = np.unique(np.asarray(features, np.int64))
        if not len(self._buckets) or not len(wanted):
            return 0.0
        at = np.minimum(np.searchsorted(self._buckets, wanted), len(self._buckets) - 1)
        known = self._buckets[at] == wanted
        seen = float(self._rarity[at[known]].sum())
        return seen / (seen + self._unseen * int((~known).sum())) if seen else 0.0

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The index as named arrays, for a checkpoint."""
        return {
            f"{prefix}.buckets": self._buckets,
            f"{prefix}.starts": self._starts,
            f"{prefix}.documents": self._documents,
            f"{prefix}.weights": self._weights,
            f"{prefix}.rarity": self._rarity,
            f"{prefix}.size": np.asarray([self.size], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> LexicalIndex:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        return cls(
            arrays[f"{prefix}.buckets"].astype(np.int64, copy=False),
            arrays[f"{prefix}.starts"].astype(np.int64, copy=False),
            arrays[f"{prefix}.documents"].astype(np.int32, copy=False),
            arrays[f"{prefix}.weights"].astype(np.float32, copy=False),
            arrays[f"{prefix}.rarity"].astype(np.float32, copy=False),
            int(arrays[f"{prefix}.size"].astype(np.int64)[0]),
        )
