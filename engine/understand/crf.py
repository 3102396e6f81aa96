"""A linear-chain CRF at work, and the labels that it chooses: ``B`` begins a value of a kind, ``I`` goes on
with it, and ``O`` is none (Lafferty et al. 2001). numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

OUTSIDE = 0
IMPOSSIBLE = -1e4
"""Score of what no sequence of labels may do, such as going on with a value that never began."""


class Crf:
    """A linear-chain CRF at work.

    Args:
        moves: Score of going from one label to another. Shape: (labels, labels).
        starts: Score of beginning with a label. Shape: (labels,).
        ends: Score of ending with a label. Shape: (labels,).
    """

    def __init__(self, moves: Floats, starts: Floats, ends: Floats) -> None:
        allowed = allowed_moves((len(starts) - 1) // 2)
        self._moves = np.asarray(moves, np.float64) + allowed[0]
        self._starts = np.asarray(starts, np.float64) + allowed[1]
        self._ends = np.asarray(ends, np.float64)
        self._towards = np.ascontiguousarray(self._moves.T)
        self._powers = np.exp(self._moves)
        self._end_powers = np.exp(self._ends)

    def best(self, scores: Floats) -> list[int]:
        """The likeliest labels of all units together (Viterbi 1967). Shape: (U, labels) to U labels."""
        best = self._starts + scores[0]
        came = np.zeros(scores.shape, np.int64)
        for at in range(1, len(scores)):
            ways = self._towards + best
            came[at] = ways.argmax(axis=1)
            best = ways.max(axis=1) + scores[at]
        path = [int((best + self._ends).argmax())]
        for at in range(len(scores) - 1, 0, -1):
            path.append(int(came[at, path[-1]]))
        return path[::-1]

    def sure(self, scores: Floats, spans: Sequence[tuple[int, int, int]]) -> list[float]:
        """Probability that just this value stands there: it begins, goes on and ends where the span says.

        Args:
            scores: Scores of the labels. Shape: (U, labels).
            spans: First unit, last unit, number of the kind.
        """
        if not spans:
            return []
        powers = np.exp(scores - scores.max(axis=1, keepdims=True)).astype(np.float64)
        ahead, scale = np.empty_like(powers), np.empty(len(powers))
        for at, power in enumerate(powers):
            now = (np.exp(self._starts) if at == 0 else ahead[at - 1] @ self._powers) * power
            scale[at] = now.sum()
            ahead[at] = now / scale[at]
        behind = np.empty_like(powers)
        behind[-1] = self._end_powers
        for at in range(len(powers) - 2, -1, -1):
            behind[at] = self._powers @ (behind[at + 1] * powers[at + 1]) / scale[at + 1]
        total = float(ahead[-1] @ self._end_powers)
        found = []
        for first, last, number in spans:
            within = 2 * number + 2
            share, label = float(ahead[first, within - 1]), within - 1
            for at in range(first + 1, last + 1):
                share *= float(self._powers[label, within] * powers[at, within] / scale[at])
                label = within
            if last + 1 < len(powers):
                after = self._powers[label] * powers[last + 1] * behind[last + 1]
                share *= float((after.sum() - after[within]) / scale[last + 1])
            else:
                share *= float(self._end_powers[label])
            found.append(min(1.0, max(0.0, share / total)))
        return found


def allowed_moves(kinds: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is added to the scores of moves and starts so that nothing goes on that has not begun.

    Shape: (labels, labels), (labels,).
    """
    labels = 2 * kinds + 1
    moves, starts = np.zeros((labels, labels)), np.zeros(labels)
    within = np.arange(2, labels, 2)
    moves[:, within] = IMPOSSIBLE
    moves[within, within] = moves[within - 1, within] = 0.0
    starts[within] = IMPOSSIBLE
    return moves, starts


def spans_of(labels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Values of a sequence of labels: first unit, last unit, number of the kind.

    Label 0 is none, 2k + 1 begins kind k, 2k + 2 goes on with it; what goes on without a beginning is passed over.
    """
    found: list[tuple[int, int, int]] = []
    for at, label in enumerate(labels):
        if label % 2:
            found.append((at, at, label // 2))
        elif label and found and found[-1][1] == at - 1 and found[-1][2] == label // 2 - 1:
            found[-1] = (found[-1][0], at, found[-1][2])
    return found


def labels_of(units: Sequence[tuple[int, int]], spans: Iterable[tuple[int, int, int]]) -> list[int]:
    """Labels of units; a span (start, end, number of the kind) takes in every unit that it touches."""
    found = [OUTSIDE] * len(units)
    for start, end, number in spans:
        touched = [at for at, (first, last) in enumerate(units) if first < end and last > start]
        for at in touched:
            found[at] = 2 * number + (1 if at == touched[0] else 2)
    return found
