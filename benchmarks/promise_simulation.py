"""Whether the promised rate of wrong answers is kept on questions that were not used, and what keeping it costs.

    python benchmarks/promise_simulation.py [--pools 20] [--splits 200]

Made-up questions with a known curve of confidence are halved at random, again and again: a threshold is chosen on one
half and the wrong answers are counted on the other. Side by side: the observed rate alone, selection with guaranteed
risk (SGR; Geifman, El-Yaniv 2017), Learn then Test with a bound on the true rate alone (LTT; Angelopoulos et al. 2021),
and what the engine uses.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.calibration import Outcome, fit_answer
from engine.promise import binomial_tail, promised_threshold

Floats = NDArray[np.float64]
DOUBT = 0.05


@dataclass(frozen=True)
class Scene:
    """In-scope questions, the share with the best candidate right, questions out of scope, and the promised rate.

    A calibrated confidence is raised to ``power``: below 1 it is too sure of itself.
    """

    inside: int
    right: float
    outside: int
    rate: float
    power: float = 1.0


SCENES = (
    Scene(3000, 0.97, 100, 0.01),
    Scene(3000, 0.97, 100, 0.02),
    Scene(3000, 0.95, 300, 0.02),
    Scene(3000, 0.95, 300, 0.02, power=0.5),
    Scene(3000, 0.95, 1000, 0.05),
    Scene(3000, 0.95, 300, 0.1),
    Scene(300, 0.96, 30, 0.05),
    Scene(300, 0.96, 30, 0.1),
)


def main() -> None:
    """Print one table a scene."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pools", type=int, default=20, help="sets of questions drawn for each scene")
    parser.add_argument("--splits", type=int, default=200, help="random halvings of each set")
    options = parser.parse_args()
    for scene in SCENES:
        chance = np.random.default_rng(1)
        pools = [draw(scene, chance) for _ in range(options.pools)]
        print(
            f"{scene.inside} in scope, {scene.right:.0%} right, {scene.outside} out of scope, power {scene.power}: "
            f"at most {scene.rate:.0%} wrong"
        )
        print(f"  {'':<24}{'promised':>9}{'kept':>8}{'kept, worst set':>17}{'answered':>10}")
        for name, choose in METHODS.items():
            print(f"  {name:<24}" + row(pools, choose, scene.rate, options.splits))


def draw(scene: Scene, chance: np.random.Generator) -> list[Outcome]:
    """One set of questions; right and wrong answers are told apart with an AUROC of .9."""
    spread, best = 1.7, 3.5
    gap = 1.81 * spread
    right = np.append(chance.random(scene.inside) < scene.right, np.zeros(scene.outside, bool))
    centre = np.where(right, best, best - gap)
    centre[scene.inside :] = best - 1.25 * gap
    scores = chance.normal(centre, spread)

    def density(middle: float) -> Floats:
        return np.exp(-((scores - middle) ** 2) / 2 / spread**2)

    for_right = scene.inside * scene.right * density(best)
    for_wrong = scene.inside * (1 - scene.right) * density(best - gap) + scene.outside * density(best - 1.25 * gap)
    confidences = (for_right / (for_right + for_wrong)) ** scene.power
    return [Outcome(float(sure), bool(good), 0.0, bool(good)) for sure, good in zip(confidences, right, strict=True)]


Choose = Callable[[Sequence[Outcome], float], float | None]


def row(pools: Sequence[Sequence[Outcome]], choose: Choose, rate: float, splits: int) -> str:
    """Shares over all halvings: promised at all, kept (nothing promised is kept too), of the worst set; coverage."""
    chance = np.random.default_rng(2)
    promised, answered = [], []
    kept: list[list[bool]] = []
    for pool in pools:
        kept.append([])
        for _ in range(splits):
            places = chance.permutation(len(pool))
            half = len(pool) // 2
            threshold = choose([pool[place] for place in places[:half]], rate)
            least = math.inf if threshold is None else threshold
            unseen = [pool[place] for place in places[half:] if pool[place].confidence >= least]
            wrong = sum(not one.right for one in unseen)
            promised.append(threshold is not None)
            kept[-1].append(wrong <= rate * len(unseen) + 1e-9)
            answered.append(len(unseen) / (len(pool) - half))
    worst = min(map(np.mean, kept))
    return f"{np.mean(promised):>9.1%}{np.mean(kept):>8.1%}{worst:>17.1%}{np.mean(answered):>10.1%}"


def observed(held_out: Sequence[Outcome], rate: float) -> float | None:
    """The lowest threshold that kept the rate on the held-out questions themselves."""
    return fit_answer(held_out, max_wrong_rate=rate)


def guaranteed_risk(held_out: Sequence[Outcome], rate: float) -> float | None:
    """SGR: binary search over all confidences, the doubt shared evenly by its steps."""
    ordered = sorted(held_out, key=lambda one: one.confidence)
    confidences = np.asarray([one.confidence for one in ordered])
    wrong = np.append(np.cumsum([not one.right for one in ordered][::-1])[::-1], 0)
    steps = math.ceil(math.log2(len(ordered)))
    low, high, found = 0, len(ordered) - 1, None
    for _ in range(steps):
        middle = (low + high + 1) // 2
        first = int(np.searchsorted(confidences, confidences[middle]))
        if rate_proved(int(wrong[first]), len(ordered) - first, rate, DOUBT / steps):
            found, high = float(confidences[middle]), middle
        else:
            low = middle
    return found


def true_rate_only(held_out: Sequence[Outcome], rate: float) -> float | None:
    """LTT: one fixed sequence of thresholds, from the confidence at which twice the rate is wrong."""
    thresholds = np.append(1 / (1 + np.exp(-np.linspace(9, -3, 121))), 0.0)
    found = None
    for threshold in thresholds[int(np.abs(thresholds - (1 - 2 * rate)).argmin()) :]:
        answered = [one for one in held_out if one.confidence >= threshold]
        if not rate_proved(sum(not one.right for one in answered), len(answered), rate, DOUBT):
            break
        found = float(threshold)
    return found


def rate_proved(wrong: int, answered: int, rate: float, doubt: float) -> bool:
    """Whether so many wrong ones are unlikely enough at ``rate``."""
    return answered > 0 and binomial_tail(wrong, answered, rate) <= doubt


def in_use(held_out: Sequence[Outcome], rate: float) -> float | None:
    """What the engine does."""
    return promised_threshold(held_out, max_wrong_rate=rate)


METHODS: dict[str, Choose] = {
    "observed rate": observed,
    "SGR": guaranteed_risk,
    "LTT, true rate only": true_rate_only,
    "in use": in_use,
}


if __name__ == "__main__":
    main()
