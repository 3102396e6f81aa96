"""Whether the promised rate of wrong answers is kept: many random splits of questions that no model was trained on.

    python benchmarks/promise.py --data FOLDER [--sets clinc150,banking77] [--splits 200] [--rates 0.02,0.05]

A model is trained once a set, on a part of its training questions; the others join the measured ones, so that there
are enough to judge by. Then, in every split, one half of the held-out questions fits the ranker and the
threshold, just as training does, and the other half is answered. A promise is kept where at most the promised share of
those answers is wrong; answers to questions that are out of scope are wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks.datasets import DataError, Folders, hold_out, trial
from benchmarks.peers import Attendant, Terms
from engine.ports import Reading
from engine.promise import promised_threshold
from engine.respond import Engine
from engine.training.rehearsal import Case, cases, fit, outcomes

HELD_OUT = 0.4  # of the training questions of a set


@dataclass(frozen=True, slots=True)
class Half:
    """What became of one split: whether a promise could be made, and how the other half was then answered."""

    promised: bool
    answered: int = 0
    wrong: int = 0
    asked: int = 0

    def kept(self, rate: float) -> bool:
        """True where the promised rate holds on the unseen half."""
        return self.wrong <= rate * self.answered


def main() -> None:
    """Print one line a set and rate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with the public data sets")
    parser.add_argument("--sets", default="clinc150,banking77", help="trials by name, parted by commas")
    parser.add_argument("--splits", type=int, default=200)
    parser.add_argument("--rates", default="0.02,0.05")
    parser.add_argument("--minutes", type=float, default=20.0, help="time that a training may take")
    parser.add_argument("--models", type=Path, help="folder that keeps trained models for the next run")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rates = [float(rate) for rate in options.rates.split(",")]
    with tempfile.TemporaryDirectory() as scratch:
        print(
            f"{'set':<14}{'questions':>10}{'rate':>7}{'promised':>10}{'kept':>8}{'worst':>8}{'wrong':>8}{'answered':>10}"
        )
        for name in options.sets.split(","):
            try:
                pool = held_out(name, options.data, options.models or Path(scratch), options.minutes, options.seed)
            except DataError as error:
                sys.exit(str(error))
            for rate, found in zip(rates, split_all(pool, rates, options.splits, options.seed), strict=True):
                print(row(name, len(pool), rate, found), flush=True)


def held_out(name: str, data: Path, models: Path, minutes: float, seed: int) -> list[Case]:
    """The evidence for every measured question of a set, from a model of its training questions.

    Raises:
        DataError: If a file of the set is missing.
    """
    made = trial(name, Folders([data]), seed)
    kept, others = hold_out(zip(made.stored.texts, made.stored.labels, strict=True), HELD_OUT, seed)
    stored = replace(made.stored, texts=tuple(text for text, _ in kept), labels=tuple(label for _, label in kept))
    folder = models / name.replace("/", "-")
    if not (folder / "model" / "manifest.json").exists():
        Attendant(Terms(folder=folder, minutes=minutes, seed=seed)).fit(stored)
    engine = Engine.load(folder / "model")
    held = [*((one.text, one.right) for one in made.asked), *((text, (label,)) for text, label in others)]
    asked = [
        (Reading(text, stored.language), frozenset(engine.knowledge.place(label) for label in right))
        for text, right in held
    ]
    return cases(engine.knowledge, engine.understander, engine.retriever, asked)


def split_all(pool: Sequence[Case], rates: Sequence[float], splits: int, seed: int) -> list[list[Half]]:
    """Every split under every rate, one list a rate."""
    chance = random.Random(seed)
    found: list[list[Half]] = [[] for _ in rates]
    for _ in range(splits):
        order = chance.sample(range(len(pool)), len(pool))
        middle = len(pool) // 2
        weights, seen = fit([pool[place] for place in order[:middle]])
        unseen = outcomes([pool[place] for place in order[middle:]], weights)
        for rate, halves in zip(rates, found, strict=True):
            threshold = promised_threshold(seen, max_wrong_rate=rate)
            if threshold is None:
                halves.append(Half(promised=False))
                continue
            answered = [one for one in unseen if one.confidence >= threshold]
            halves.append(Half(True, len(answered), sum(not one.right for one in answered), len(unseen)))
    return found


def row(name: str, questions: int, rate: float, halves: Sequence[Half]) -> str:
    """One line of the table; all shares are of the splits in which a promise could be made."""
    promised = [half for half in halves if half.promised]
    head = f"{name:<14}{questions:>10,}{rate:>7.1%}{len(promised) / len(halves):>10.1%}"
    if not promised:
        return f"{head}{'-':>8}{'-':>8}{'-':>8}{'-':>10}"
    kept = sum(half.kept(rate) for half in promised) / len(promised)
    wrong = [half.wrong / max(1, half.answered) for half in promised]
    covered = sum(half.answered / half.asked for half in promised) / len(promised)
    return f"{head}{kept:>8.1%}{max(wrong):>8.2%}{sum(wrong) / len(wrong):>8.2%}{covered:>10.1%}"


if __name__ == "__main__":
    main()
