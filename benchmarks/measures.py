"""How good rankings with confidences are: accuracy, coverage at a wrong rate, telling out of scope, mean precision.

Everywhere ``confidence`` has the score of the first of each ranking, shape (Q,), and ``right`` whether it was right,
shape (Q,); a question out of scope is never right. A ranking without any label has the confidence minus infinity: it is
never answered.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import Asked

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ranking = list[tuple[str, float]]
"""Labels with their scores, best first."""


@dataclass(frozen=True, slots=True)
class Quality:
    """All shares in [0, 1]; None where the questions do not allow a measure (nothing out of scope was asked)."""

    accuracy: float
    coverage_2: float
    coverage_5: float
    auroc: float | None
    outside_recall: float | None
    reciprocal_rank: float
    precision: float

    def to_json(self) -> dict[str, float | None]:
        """The figures as plain data."""
        return asdict(self)


def quality(asked: Sequence[Asked], rankings: Sequence[Ranking]) -> Quality:
    """All figures of one row.

    Raises:
        ValueError: If there is not one ranking a question, or no question is in scope.
    """
    confidence, right, inside = outcomes(asked, rankings)
    if not inside.any():
        raise ValueError("no question is in scope, so nothing can be right")
    in_scope = [(ranking, one.right) for ranking, one in zip(rankings, asked, strict=True) if one.right]
    beyond = not inside.all()
    return Quality(
        accuracy=float(right[inside].mean()),
        coverage_2=coverage(confidence, right, 0.02),
        coverage_5=coverage(confidence, right, 0.05),
        auroc=auroc(confidence[inside], confidence[~inside]) if beyond else None,
        outside_recall=outside_recall(confidence[inside], confidence[~inside], kept=0.95) if beyond else None,
        reciprocal_rank=sum(reciprocal_rank(*pair) for pair in in_scope) / len(in_scope),
        precision=sum(average_precision(*pair) for pair in in_scope) / len(in_scope),
    )


def outcomes(asked: Sequence[Asked], rankings: Sequence[Ranking]) -> tuple[Floats, Flags, Flags]:
    """Confidence, whether the first was right, and whether it was in scope, each of shape (Q,)."""
    both = list(zip(asked, rankings, strict=True))
    confidence = np.array([ranking[0][1] if ranking else -np.inf for _, ranking in both], float)
    right = np.array([bool(ranking) and ranking[0][0] in one.right for one, ranking in both], bool)
    return confidence, right, np.array([bool(one.right) for one, _ in both], bool)


def coverage(confidence: Floats, right: Flags, wrong_rate: float) -> float:
    """The largest share of all questions that a threshold can let through with at most ``wrong_rate`` of them wrong.

    Questions of equal confidence are answered together or not at all. The threshold is the best in hindsight: what a
    row could reach, not what it promises.
    """
    able = np.isfinite(confidence)
    order = np.argsort(-confidence[able], kind="stable")
    ordered, wrong = confidence[able][order], np.cumsum(~right[able][order])
    counts = np.arange(1, len(ordered) + 1)
    last_of_equals = np.append(ordered[1:] < ordered[:-1], True) if len(ordered) else np.zeros(0, bool)
    allowed = counts[last_of_equals & (wrong <= wrong_rate * counts)]
    return float(allowed.max() / len(confidence)) if len(allowed) else 0.0


def auroc(inside: Floats, outside: Floats) -> float:
    """The probability that a question in scope has the higher confidence; equal ones count half.

    Raises:
        ValueError: If one side is empty.
    """
    if not len(inside) or not len(outside):
        raise ValueError("questions in scope and out of it are both needed")
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, "left")
    not_above = np.searchsorted(ordered, inside, "right")
    return float((below + not_above).sum() / (2 * len(inside) * len(outside)))


def outside_recall(inside: Floats, outside: Floats, *, kept: float) -> float:
    """The share of the questions out of scope below the highest threshold that keeps ``kept`` of those in scope."""
    lost = int(np.floor((1 - kept) * len(inside) + 1e-9))
    threshold = np.sort(inside)[lost]
    return float((outside < threshold).mean())


def reciprocal_rank(ranking: Ranking, right: Collection[str]) -> float:
    """One through the rank of the first right label, 0 where none is in the ranking."""
    return next((1 / rank for rank, (label, _) in enumerate(ranking, 1) if label in right), 0.0)


def average_precision(ranking: Ranking, right: Collection[str]) -> float:
    """Mean over all right labels of the precision at their ranks; those not in the ranking count 0.

    Raises:
        ValueError: If there is no right label.
    """
    if not right:
        raise ValueError("no label is right, so there is no precision")
    hits = [rank for rank, (label, _) in enumerate(ranking, 1) if label in right]
    return sum(count / rank for count, rank in enumerate(hits, 1)) / len(right)
