"""Many short lists in one array: how an index stores what belongs to each of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Integers = NDArray[np.integer[Any]]

_TOGETHER = 1 << 16  # so many lists are copied at a time: beyond, the numbers of their places take more than they do


@dataclass(frozen=True, slots=True)
class Runs:
    """Lists of numbers; list ``row`` is ``values[starts[row] : starts[row + 1]]``.

    Shape:
        starts: (R + 1,)
        values: (sum of the lengths,)
    """

    starts: Integers
    values: Integers

    def __len__(self) -> int:
        return len(self.starts) - 1

    @classmethod
    def of(cls, lengths: Integers, values: Integers) -> Runs:
        """Lists of the given lengths, one after another in ``values``."""
        starts = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        return cls(starts, values)

    @classmethod
    def joined(cls, parts: Sequence[Runs]) -> Runs:
        """The lists of several, one after another."""
        lengths = np.concatenate([np.diff(part.starts) for part in parts])
        return cls.of(lengths, np.concatenate([part.values for part in parts]))

    def lengths(self, rows: Integers) -> Integers:
        """Lengths of some lists."""
        return np.asarray(self.starts[rows + 1] - self.starts[rows])

    def taken(self, rows: Integers, lengths: Integers) -> Integers:
        """The first so many values of some lists, joined; ``lengths`` has a number for each of ``rows``."""
        ends = np.cumsum(lengths)
        shifts = self.starts[rows] - ends + lengths
        places = np.arange(int(ends[-1]) if len(ends) else 0)
        places += np.repeat(shifts, lengths)
        return np.asarray(self.values[places])

    def rows(self, rows: Integers) -> Runs:
        """Some of the lists, in that order."""
        lengths = self.lengths(rows)
        if len(rows) <= _TOGETHER:
            return Runs.of(lengths, self.taken(rows, lengths))
        found = Runs.of(lengths, np.empty(int(lengths.sum()), self.values.dtype))
        for begin in range(0, len(rows), _TOGETHER):
            end = min(begin + _TOGETHER, len(rows))
            taken = self.taken(rows[begin:end], lengths[begin:end])
            found.values[found.starts[begin] : found.starts[end]] = taken
        return found

    def inverted(self, size: int) -> Runs:
        """For each value below ``size`` the rows in whose lists it stands, ascending, as often as it stands there."""
        rows = max(len(self), 1)
        keys = self.values.astype(np.int64)
        keys *= rows
        keys += np.repeat(np.arange(len(self)), np.diff(self.starts))
        keys.sort()
        owners = (keys % rows).astype(np.int32)
        keys //= rows
        return Runs.of(np.bincount(keys, minlength=size), owners)

    def sums(self, numbers: Integers) -> Integers:
        """For each list the sum of ``numbers`` at its values; ``numbers`` has one for each possible value."""
        running = np.zeros(len(self.values) + 1, np.int64)
        np.cumsum(numbers[self.values], out=running[1:])
        return np.asarray(running[self.starts[1:]] - running[self.starts[:-1]])
