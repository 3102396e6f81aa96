"""A promised rate of wrong answers: the lowest threshold from which on held-out questions prove the rate.

The operator names a rate. Of the questions that the bot answers at most that share is answered wrongly, with 95 %
confidence; a question that no entry answers counts as wrong when it is answered.

**How.** Learn then Test (Angelopoulos, Bates, Candès, Jordan, Lei 2021) with fixed-sequence testing. For each threshold
of a grid that does not depend on the data stands the hypothesis "answers from here on are wrong more often than
promised". From each of five starts, which depend on the rate alone, thresholds are tested from strict to lax until the
first hypothesis that cannot be rejected; the laxest rejected one of all five is used. A hypothesis is rejected where
both of these hold:

- The exact binomial tail (Clopper, Pearson 1934) is at most a fifth of the 5 % of doubt (Bonferroni over the starts).
  So, whatever the questions and the model are, the true rate at the threshold is above the promised one in at most 5 %
  of all draws of held-out questions, provided that they are drawn like those to come.
- It would also show. Who counts the next answers counts with noise of the same size as that of the held-out ones, and
  a bound on the true rate alone is seen to be broken in up to a tenth of the counts. Take as many answers again: if the
  next ones broke the rate, there are at least ``wrong + allowed + 1`` wrong ones in both halves together, and of so
  many at most ``wrong`` fell into the first half. Fewer or more wrong ones in total make that no likelier, so this
  hypergeometric tail bounds, for a threshold given beforehand, the probability that held-out answers pass and the next
  as many break the rate. It assumes only that both come in random order. It must be at most 3.1 %: the most with which
  200 random halvings of one set of questions show the rate kept in 95 % of them, in 95 % of such checks.

Selection with guaranteed risk (Geifman, El-Yaniv 2017) promises the same; its correction for a binary search over all
thresholds costs more coverage than five starts do, above all with few questions (``benchmarks/promise_simulation.py``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.calibration import Outcome, fit_answer

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

DOUBT = 0.05
_STARTS = (0.25, 0.5, 1.0, 2.0, 4.0)  # of the rate; a calibrated confidence of 1 - rate is wrong that often
_SEEN_DOUBT = 0.031
_GRID: Floats = np.append(1 / (1 + np.exp(-np.linspace(9, -3, 121))), 0.0)  # even in log-odds, strict to lax
_RATES = [*(step / 200 for step in range(1, 20)), *(step / 100 for step in range(10, 51))]
_POWER = 0.84  # standard deviations for a chance of 80 %
_MOST = 200_000  # answers beyond which nobody collects questions


@dataclass(frozen=True, slots=True)
class Promise:
    """What can be promised about wrong answers, and the threshold that goes with it.

    ``rate`` is the share that may be wrong, ``kept`` whether it can be promised with probability ``level``. Where it
    can, ``threshold`` is the promised one; else it is the lowest at which the held-out answers were within the rate,
    which proves nothing. ``bound`` is the upper bound of the true rate at that threshold, for this one threshold by
    itself; ``questions``, ``answered`` and ``wrong`` are counts of held-out questions there. ``promisable`` is the
    lowest round rate up to 50 % that could be promised with these questions, ``promisable_coverage`` the share that
    would then be answered; None and 0 where there is none. ``needed`` estimates with how many held-out questions like
    these ``rate`` could be promised in four tries of five; None where even the surest answers are wrong too often, or
    the rate is so low that nobody collects as many.
    """

    rate: float
    level: float
    threshold: float
    kept: bool
    bound: float
    questions: int
    answered: int
    wrong: int
    promisable: float | None
    promisable_coverage: float
    needed: int | None

    @property
    def coverage(self) -> float:
        """The share of the held-out questions that is answered, those out of scope included, in [0, 1]."""
        return self.answered / self.questions if self.questions else 0.0

    def sentence(self) -> str:
        """What is promised or why nothing is, and what would help, for whoever runs the support desk."""
        if self.kept:
            return (
                f"of the questions it answers at most {_percent(self.rate)} will be wrong, with {_percent(self.level)} "
                f"confidence; it answered {self.coverage:.1%} of {_held_out(self.questions)}"
            )
        source = f" from {_held_out(self.questions)}" if self.questions else ""
        parts = [f"{_percent(self.rate)} wrong answers cannot be promised{source}: {self._why()}", *self._instead()]
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """The promise as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Promise:
        """Read what ``to_json`` wrote.

        Raises:
            KeyError, TypeError, ValueError: If something is missing or of another kind.
        """
        kept = data["kept"]
        if not isinstance(kept, bool):
            raise TypeError(f"kept must be true or false, not {kept!r}")
        promisable, needed = data["promisable"], data["needed"]
        return cls(
            rate=float(data["rate"]),
            level=float(data["level"]),
            threshold=float(data["threshold"]),
            kept=kept,
            bound=float(data["bound"]),
            questions=int(data["questions"]),
            answered=int(data["answered"]),
            wrong=int(data["wrong"]),
            promisable=None if promisable is None else float(promisable),
            promisable_coverage=float(data["promisable_coverage"]),
            needed=None if needed is None else int(needed),
        )

    def _why(self) -> str:
        if self.needed is None:
            return (
                "no number of such questions that anyone collects would do; more ways to ask for the entries that it "
                "confuses help, or a higher rate"
            )
        number = f"{_rounded(self.needed):,}"
        if not self.questions:
            return f"there are none to judge by; at least {number} real questions with known answers are needed"
        return (
            f"that is too few to be sure; about {number} would do if it goes on as on these, so give more questions an "
            "entry, or real questions with known answers for validation"
        )

    def _instead(self) -> list[str]:
        if not self.questions:
            return []
        found = []
        if self.promisable is not None:
            found.append(f"{_percent(self.promisable)} could be promised, answering {self.promisable_coverage:.1%}")
        if self.answered:
            found.append(
                f"for now it answers where the rate was met on these questions ({self.wrong:,} wrong of "
                f"{self.answered:,} answered), without a promise"
            )
        else:
            found.append("for now it answers nothing by itself")
        return found


def fit_promise(outcomes: Sequence[Outcome], *, max_wrong_rate: float) -> Promise:
    """The threshold with which ``max_wrong_rate`` can be promised, or a sensible one and what is missing.

    Args:
        outcomes: Held-out questions, drawn like those to come, and seen by nothing that their confidence comes
            from; in any order.
        max_wrong_rate: The share of the answers that may be wrong, in [0, 1].

    Raises:
        ValueError: If the rate or a confidence is no number in [0, 1].
    """
    grid = _counted(outcomes, max_wrong_rate)
    place = _laxest(grid, max_wrong_rate)
    kept = place is not None
    threshold = fit_answer(outcomes, max_wrong_rate=max_wrong_rate) if place is None else float(_GRID[place])
    given = [one for one in outcomes if one.confidence >= threshold]
    answered, wrong = len(given), len([one for one in given if not one.right])
    promisable, at = _promisable(grid, max_wrong_rate, place)
    return Promise(
        rate=max_wrong_rate,
        level=1 - DOUBT,
        threshold=threshold,
        kept=kept,
        bound=binomial_bound(wrong, answered, doubt=DOUBT),
        questions=len(outcomes),
        answered=answered,
        wrong=wrong,
        promisable=promisable,
        promisable_coverage=0.0 if at is None else float(grid.answered[at]) / len(outcomes),
        needed=len(outcomes) if kept else _needed(grid, max_wrong_rate),
    )


def promised_threshold(outcomes: Sequence[Outcome], *, max_wrong_rate: float) -> float | None:
    """The lowest threshold with which ``max_wrong_rate`` can be promised; None where it cannot.

    Raises:
        ValueError: If the rate or a confidence is no number in [0, 1].
    """
    place = _laxest(_counted(outcomes, max_wrong_rate), max_wrong_rate)
    return None if place is None else float(_GRID[place])


def binomial_bound(wrong: int, answered: int, *, doubt: float) -> float:
    """Upper bound of the true rate after ``wrong`` of ``answered``, exceeded with probability ``doubt`` at most.

    Exact, one-sided (Clopper, Pearson 1934). 1 where nothing was answered.

    Raises:
        ValueError: If there are more wrong than answered, or ``doubt`` is not between 0 and 1.
    """
    if not 0 <= wrong <= answered:
        raise ValueError(f"{wrong} wrong of {answered} answered is no count")
    if not 0 < doubt < 1:
        raise ValueError(f"doubt must lie between 0 and 1, not {doubt}")
    if wrong == answered:
        return 1.0
    low, high = wrong / answered, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        if binomial_tail(wrong, answered, middle) > doubt:
            low = middle
        else:
            high = middle
    return high


def binomial_tail(wrong: int, answered: int, rate: float) -> float:
    """Probability of at most ``wrong`` in ``answered`` answers that are each wrong with probability ``rate``."""
    if wrong >= answered or rate <= 0:
        return 1.0
    if rate >= 1:
        return 0.0
    last = _log_choose(answered, wrong) + wrong * math.log(rate) + (answered - wrong) * math.log1p(-rate)
    down = np.arange(wrong, 0, -1)
    return _summed(last, np.log(down / (answered - down + 1)) + math.log1p(-rate) - math.log(rate))


def halving_tail(wrong: int, answered: int, allowed: int) -> float:
    """Largest probability that of two random halves one has at most ``wrong`` and the other more than ``allowed``.

    Both halves are ``answered`` answers. It is largest where just ``wrong + allowed + 1`` of all are wrong; a
    hypergeometric tail.
    """
    if allowed >= answered:
        return 0.0
    total = wrong + allowed + 1
    last = _log_choose(answered, wrong) + _log_choose(answered, allowed + 1) - _log_choose(2 * answered, total)
    down = np.arange(wrong, max(0, total - answered), -1)
    return _summed(last, np.log(down / (answered - down + 1) * (answered - total + down) / (total - down + 1)))


@dataclass(frozen=True, slots=True)
class _Counted:
    """Held-out questions counted at every threshold of the grid (T,): answered, and wrong of them."""

    questions: int
    answered: Counts
    wrong: Counts


def _counted(outcomes: Sequence[Outcome], rate: float) -> _Counted:
    if not 0 <= rate <= 1:
        raise ValueError(f"a rate of wrong answers lies between 0 and 1, not {rate}")
    confidences = np.asarray([one.confidence for one in outcomes], float)
    if not np.all((confidences >= 0) & (confidences < 1 + 1e-6)):  # a softmax in single precision may pass 1 by a hair
        raise ValueError("a held-out question has a confidence that is no number between 0 and 1")
    order = np.argsort(-confidences)
    answered = np.searchsorted(-confidences[order], -_GRID, side="right")
    right = np.asarray([one.right for one in outcomes], bool)[order]
    return _Counted(len(outcomes), answered, np.append(0, np.cumsum(~right))[answered])


def _laxest(grid: _Counted, rate: float) -> int | None:
    """The place of the laxest threshold that some start reaches without a failed test between; None for none."""
    best = None
    for start in _starts(rate):
        if best is not None and start <= best:
            continue  # the run of an earlier start passed here and ended where this one would
        place = start
        while place < len(_GRID) and _proves(int(grid.wrong[place]), int(grid.answered[place]), rate):
            best = place
            place += 1
    return best


def _starts(rate: float) -> list[int]:
    wanted = [max(0.0, 1 - share * rate) for share in _STARTS]
    return sorted({int(np.abs(_GRID - confidence).argmin()) for confidence in wanted})


def _proves(wrong: int, answered: int, rate: float) -> bool:
    if not answered or wrong > rate * answered:
        return False
    if rate >= 1:
        return True
    return (
        binomial_tail(wrong, answered, rate) <= DOUBT / len(_STARTS)
        and halving_tail(wrong, answered, _allowed(answered, rate)) <= _SEEN_DOUBT
    )


def _allowed(answered: int, rate: float) -> int:
    return math.floor(rate * answered + 1e-9)  # 0.29 * 100 is a hair below 29


def _promisable(grid: _Counted, rate: float, place: int | None) -> tuple[float | None, int | None]:
    """The lowest round rate that can be promised, and the place of its threshold.

    Only rates that are no answer to the question already asked: below the wanted rate where that is kept, else above.
    """
    for other in _RATES:
        if (other < rate) is (place is not None):
            found = _laxest(grid, other)
            if found is not None:
                return other, found
    return (None, None) if place is None else (rate, place)


def _needed(grid: _Counted, rate: float) -> int | None:
    """About how many questions prove ``rate``, with thresholds that go on answering and failing as they do now.

    Shares of wrong ones are shrunk a little (half a wrong one is added), or no wrong answer among three would promise
    anything. Where that leaves no threshold, one without any wrong answer still counts as one that might do.
    """
    least = _enough(rate, 0.0)
    if least is None or not grid.questions:
        return least
    best: float | None = None
    for answered, wrong in sorted({*zip(grid.answered.tolist(), grid.wrong.tolist(), strict=True)}, reverse=True):
        share = answered / grid.questions
        if answered and (best is None or least / share < best):
            enough = _enough(rate, (wrong + 0.5) / (answered + 1))
            best = enough / share if enough and (best is None or enough / share < best) else best
    clean = int(grid.answered[grid.wrong == 0].max(initial=0))
    if best is None and clean:
        best = least * grid.questions / clean
    return None if best is None else max(math.ceil(best), grid.questions + 1)


@lru_cache(maxsize=256)
def _enough(rate: float, wrong_rate: float) -> int | None:
    """With how many answers ``rate`` is proved four times in five where ``wrong_rate`` of them are wrong."""

    def proved(answered: int) -> bool:
        spread = math.sqrt(answered * wrong_rate * (1 - wrong_rate))
        return _proves(math.floor(answered * wrong_rate + _POWER * spread), answered, rate)

    if wrong_rate >= rate or not proved(_MOST):
        return None
    low, high = 0, _MOST
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if proved(middle) else (middle, high)
    return high


def _log_choose(total: int, chosen: int) -> float:
    return math.lgamma(total + 1) - math.lgamma(chosen + 1) - math.lgamma(total - chosen + 1)


def _summed(last: float, log_ratios: Floats) -> float:
    """The sum of terms of which the last is exp(``last``) and each one before is its follower times a ratio."""
    logs = last + np.append(0.0, np.cumsum(log_ratios))
    top = float(logs.max())
    return min(1.0, math.exp(top) * float(np.exp(logs - top).sum()))


def _percent(share: float) -> str:
    return f"{share * 100:.3g}%"


def _rounded(number: int) -> int:
    """Two figures: an estimate is no more exact than that."""
    return round(number, 2 - len(str(number)))


def _held_out(number: int) -> str:
    return f"{number:,} held-out {'question' if number == 1 else 'questions'}"
