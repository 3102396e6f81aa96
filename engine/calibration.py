"""From confidences to decisions: thresholds fitted on held-out questions, and how far confidence can be believed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

LEAST_OFFERED = 0.5
NEVER = 1.01  # a threshold that no confidence reaches


@dataclass(frozen=True, slots=True)
class Outcome:
    """What happened to one held-out question: confidence of the best candidate, and whether it was right.

    ``offered`` is the probability that the best few candidates hold the right one, ``among`` whether they did.
    """

    confidence: float
    right: bool
    offered: float
    among: bool


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From which confidence on the bot answers, asks back, and lets the generator speak.

    ``follow_up`` is what a follow-up must reach besides ``answer``.
    """

    answer: float
    clarify: float
    generate: float
    follow_up: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """The thresholds as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Thresholds:
        """Read what ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: If one is missing or no number.
        """
        return cls(*(float(data[name]) for name in ("answer", "clarify", "generate", "follow_up")))


def fit_answer(outcomes: Sequence[Outcome], *, max_wrong_rate: float) -> float:
    """The lowest confidence from which on at most ``max_wrong_rate`` of the answers are wrong.

    ``NEVER`` where no confidence is high enough. Questions that no entry answers count as wrong when answered.
    """
    ordered = sorted(outcomes, key=lambda outcome: -outcome.confidence)
    best = NEVER
    wrong = 0
    for count, outcome in enumerate(ordered, 1):
        wrong += not outcome.right
        last_of_equals = count == len(ordered) or ordered[count].confidence < outcome.confidence
        if last_of_equals and wrong <= max_wrong_rate * count:
            best = outcome.confidence
    return best


def fit_clarify(outcomes: Sequence[Outcome], *, answer: float, useful: float = 0.55) -> float:
    """The lowest offered probability from which on asking back holds the right entry in ``useful`` of the cases.

    Never below ``LEAST_OFFERED``: who offers what is likelier wrong than right wastes the customer's time. Only
    questions below ``answer`` count: the others are answered.
    """
    asked = sorted(
        (outcome for outcome in outcomes if outcome.confidence < answer), key=lambda outcome: -outcome.offered
    )
    best = NEVER
    hits = 0
    for count, outcome in enumerate(asked, 1):
        hits += outcome.among
        last_of_equals = count == len(asked) or asked[count].offered < outcome.offered
        if last_of_equals and hits >= useful * count:
            best = max(outcome.offered, LEAST_OFFERED)
    return best


def calibration_error(outcomes: Sequence[Outcome], *, bins: int = 10) -> float:
    """Expected calibration error: mean gap between confidence and share of right, over bins of equal width.

    Naeini, Cooper, Hauskrecht 2015.
    """
    if not outcomes:
        return 0.0
    confidence = np.asarray([outcome.confidence for outcome in outcomes])
    right = np.asarray([outcome.right for outcome in outcomes], float)
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [abs(confidence[places == place].sum() - right[places == place].sum()) for place in range(bins)]
    return float(sum(gaps) / len(outcomes))
