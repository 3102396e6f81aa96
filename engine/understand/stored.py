"""Dense vectors of stored texts, entry by entry, and which of each is nearest to a question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

MOST_STORED = 20_000  # texts that are compared one by one; a hundredth of a millisecond for every hundred


@dataclass(frozen=True, slots=True)
class Stored:
    """Unit vectors ``vectors`` (Q, V), and where those of each entry begin ``starts`` (E,); every entry has one."""

    vectors: Floats
    starts: Integers

    @classmethod
    def of(cls, counts: Sequence[int], vectors: Floats) -> Stored:
        """Vectors of the texts of each entry, one entry after the other; ``counts`` says how many each has."""
        return cls(vectors, np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.int64))

    def nearest(self, vectors: Floats) -> Floats:
        """Cosine of each vector with the nearest text of each entry. Shape: (B, V) to (B, E)."""
        return np.asarray(np.maximum.reduceat(vectors @ self.vectors.T, self.starts, axis=1), np.float32)

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The vectors as named arrays, for a checkpoint."""
        return {f"{prefix}.vectors": self.vectors.astype(np.float16), f"{prefix}.starts": self.starts}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> Stored:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        return cls(arrays[f"{prefix}.vectors"].astype(np.float32), arrays[f"{prefix}.starts"].astype(np.int64))


def shared_out(texts: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """The texts of each entry, of more than ``MOST_STORED`` in all an even share."""
    most = max(1, MOST_STORED // max(1, len(texts)))
    return [some[:most] for some in texts]
