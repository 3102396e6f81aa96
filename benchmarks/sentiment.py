"""Moods of texts beside linear models: one table a set, same splits, same run.

    python benchmarks/sentiment.py --data FOLDER [--sets en,waimai,hotel,turns] [--rows linear,votes,…] [--asked N]
                                    [--json FILE]

``en`` are sentences from film reviews (SST-2), ``waimai`` and ``hotel`` Chinese customers' reviews, two classes each.
Where the folder has no test file of them, 15 % held out by seed is measured (``en``: dev.csv). ``turns`` are the
hundred turns of customers in each language in tests/engine/moods.csv, which nothing is trained on. Rows:

- ``linear``: TF-IDF and logistic regression, words and pairs of words and 1- to 5-grams of characters (scikit-learn)
- ``frozen``: one BiLSTM on the states of the base; ``tuned``: the same with the embeddings taught too; ``pushed``:
  ``tuned`` with adversarial training; ``votes``: ``pushed`` with the votes of words and n-grams, which is
  what ``Recipe`` does unless it is told otherwise; ``three``: the same with three networks side by side
- ``joint``: ``votes``, one head taught on all three sets together
- ``shipped``: the head of the product, taught on none of them; ``patterns``: insults and anger by word lists
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks.datasets import DataError, Folders, Pairs, hold_out, pairs, rows
from benchmarks.measures import auroc
from benchmarks.understanding import chosen, machine
from engine.base import base
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.sentiment import DISPLEASED, PLEASED, MoodTrainer, Recipe, Sample
from engine.understand.mood import MoodReader, read_file
from engine.understand.reader import QuestionReader
from engine.understand.sentence import Trunk
from engine.understand.slots import SlotFinder
from engine.understand.tone import Tone, tone

Floats = NDArray[np.float64]

SETS = ("en", "waimai", "hotel", "turns")
ROWS = ("linear", "frozen", "tuned", "pushed", "votes", "three", "joint", "shipped", "patterns")
TURNS = Path(__file__).parents[1] / "tests" / "engine" / "moods.csv"
SHIPPED = Path(base.__file__).with_name("mood.safetensors")
MOODS = ("negative", "neutral", "positive")
NEAR = 1 / 3
"""A turn whose mood is nearer to 0 than this counts as neutral."""
_HELD_OUT, _VALIDATED = 0.15, 0.1
_UPSET = (Tone.UPSET, Tone.RUDE, Tone.HOSTILE)


@dataclass(frozen=True, slots=True)
class Trial:
    """A set: what is learned from and what is measured, texts with ``0`` or ``1``; ``note`` says how it was made."""

    name: str
    learned: Pairs
    measured: Pairs
    note: str


@dataclass(frozen=True, slots=True)
class Scored:
    """What a row gave: ``values`` of the measured texts, above 0 for pleased, and CPU seconds of both."""

    values: Floats
    training: float
    asking: float


class Bench:
    """Runs rows on trials.

    Args:
        folders: Where the sets lie.
        seed: Of splits and training.
        minutes: Bound of one training, wall clock.
        head: The file of the product's head.
        asked: How many texts of a set are measured at most, drawn by seed; 0 for all.
    """

    def __init__(self, folders: Folders, *, seed: int, minutes: float, head: Path = SHIPPED, asked: int = 0) -> None:
        self._folders = folders
        self._seed = seed
        self._minutes = minutes
        self._head = head
        self._asked = asked
        shipped = base.shipped()
        self._weights = shipped.weights
        self._questions = QuestionReader(shipped.tokenizer, SlotFinder())
        self._joint: MoodReader | None = None
        self._joint_seconds = 0.0

    def trial(self, name: str) -> Trial:
        """A set of two classes.

        Raises:
            DataError: If a file is missing or has other labels than 0 and 1.
        """
        folder = "sentiment_en" if name == "en" else f"sentiment_zh_{name}"
        learned = pairs(self._folders.need(f"{folder}/train.csv"), "text", "label")
        names = [f"{folder}/test.csv", *([f"{folder}/dev.csv"] if name == "en" else [])]
        path = self._folders.find(*names)
        if path is not None:
            measured, note = pairs(path, "text", "label"), f"measured on {path.name}"
        else:
            learned, measured = hold_out(learned, _HELD_OUT, self._seed)
            note = f"measured on {_HELD_OUT:.0%} of train.csv, held out by seed {self._seed}"
        odd = {label for _, label in (*learned, *measured)} - {"0", "1"}
        if odd:
            raise DataError(f"{folder}: labels are 0 and 1, and not {', '.join(sorted(odd))}")
        if 0 < self._asked < len(measured):
            measured = random.Random(self._seed).sample(measured, self._asked)
            note = f"{note}; a sample of {self._asked}"
        return Trial(name, learned, measured, note)

    def row(self, row: str, trial: Trial) -> Scored:
        """One row on one set."""
        texts = [text for text, _ in trial.measured]
        began = time.process_time()
        ask = self._taught(row, trial)
        middle = time.process_time()
        values = ask(texts)
        training = self._joint_seconds if row == "joint" else middle - began
        return Scored(values, training, time.process_time() - middle)

    def reader(self) -> MoodReader:
        """The head of the product.

        Raises:
            DataError: If it is not there.
        """
        if not self._head.is_file():
            raise DataError(f"{self._head}: is not there; make it with python -m benchmarks.pretrain.mood")
        return MoodReader(base.unpack(read_file(self._head)), self._questions, Trunk(self._weights))

    def _taught(self, row: str, trial: Trial) -> Callable[[Sequence[str]], Floats]:
        if row == "linear":
            return linear(trial.learned)
        if row == "patterns":
            return by_patterns
        if row == "shipped":
            return by_reader(self.reader())
        if row == "joint":
            if self._joint is None:
                began = time.process_time()
                learned = [pair for name in SETS[:3] for pair in self.trial(name).learned]
                self._joint = self._fit(learned, self.recipe("votes"))
                self._joint_seconds = time.process_time() - began
            return by_reader(self._joint)
        return by_reader(self._fit(trial.learned, self.recipe(row)))

    def recipe(self, row: str) -> Recipe:
        """How the head of a row is taught."""
        changes: Mapping[str, Mapping[str, Any]] = {
            "frozen": {"rows": 0, "pushed": 0.0, "tuned": False},
            "tuned": {"rows": 0, "pushed": 0.0},
            "pushed": {"rows": 0},
            "votes": {},
            "three": {"networks": 3},
        }
        return Recipe(epochs=8, deadline=time.monotonic() + 60 * self._minutes, **changes[row])

    def _fit(self, learned: Pairs, recipe: Recipe) -> MoodReader:
        learned, held_out = hold_out(learned, _VALIDATED, self._seed + 1)
        trainer = MoodTrainer(self._questions, self._weights, seed=self._seed)
        taught = trainer.fit(samples(learned), samples(held_out), recipe, Running(report=_told))
        return trainer.reader(taught)


def samples(learned: Pairs) -> list[Sample]:
    """Texts of two classes as they are taught."""
    return [Sample(text, PLEASED if label == "1" else DISPLEASED) for text, label in learned]


def by_reader(reader: MoodReader) -> Callable[[Sequence[str]], Floats]:
    """The moods of texts as numbers."""
    return lambda texts: np.asarray([mood.value for mood in reader.moods(texts)])


def by_patterns(texts: Sequence[str]) -> Floats:
    """-1 for texts whose tone is upset, rude or hostile, and a little above 0 for all others."""
    return np.asarray([-1.0 if tone(text) in _UPSET else 0.01 for text in texts])


def linear(learned: Pairs) -> Callable[[Sequence[str]], Floats]:
    """TF-IDF of words and characters under a logistic regression.

    Raises:
        DataError: If scikit-learn is not installed.
    """
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline, make_union
    except ImportError as error:
        raise DataError("scikit-learn is not installed: pip install scikit-learn") from error
    model = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, min_df=2),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 5), sublinear_tf=True, min_df=3),
        ),
        LogisticRegression(C=4.0, max_iter=300),
    )
    model.fit([text for text, _ in learned], [label == "1" for _, label in learned])
    return lambda texts: np.asarray(model.decision_function(list(texts)))


def accuracy(values: Floats, measured: Pairs) -> float:
    """The share of texts whose value is on the right side of 0; 0 itself is pleased."""
    return float(np.mean([(value >= 0) == (label == "1") for value, (_, label) in zip(values, measured, strict=True)]))


def told_apart(values: Floats, measured: Pairs) -> float:
    """The area under the ROC curve: how probable it is that a pleased text has the higher value."""
    right = np.asarray([label == "1" for _, label in measured])
    return auroc(values[right], values[~right])


@dataclass(frozen=True, slots=True)
class Turns:
    """How the turns of one language were judged: share right of three moods, and of the displeased ones the precision,
    the recall, and the area under the curve against all others.
    """

    right: float
    precision: float
    recall: float
    area: float


def judged(values: Floats, moods: Sequence[str]) -> Turns:
    """Values of turns against what people wrote beside them, one of ``MOODS``."""
    found = np.asarray([MOODS[0] if value <= -NEAR else MOODS[2] if value >= NEAR else MOODS[1] for value in values])
    true = np.asarray(moods)
    displeased, said = true == MOODS[0], found == MOODS[0]
    both = float((displeased & said).sum())
    return Turns(
        float((found == true).mean()),
        both / max(1.0, float(said.sum())),
        both / max(1.0, float(displeased.sum())),
        auroc(-values[displeased], -values[~displeased]),
    )


def main() -> int:
    """Print one table a set; 1 where a set could not be measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold sentiment_en/ …")
    parser.add_argument("--sets", default="", help=f"by comma, all by default: {', '.join(SETS)}")
    parser.add_argument("--rows", default="", help=f"by comma, all by default: {', '.join(ROWS)}")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--seed", type=int, default=1, help="of splits and training")
    parser.add_argument("--minutes", type=float, default=20.0, help="bound of one training, wall clock")
    parser.add_argument("--asked", type=int, default=0, help="measure a sample of so many texts; 0 for all")
    parser.add_argument("--head", type=Path, default=SHIPPED, help="the head of the row shipped")
    options = parser.parse_args()
    torch.set_num_threads(1)
    try:
        wanted, names = chosen(options.sets, SETS, "set"), chosen(options.rows, ROWS, "row")
        bench = Bench(
            Folders(options.data),
            seed=options.seed, minutes=options.minutes, head=options.head, asked=options.asked,
        )  # fmt: skip
        if options.json is not None:
            options.json.touch()
    except (DataError, ValueError, OSError) as error:
        parser.error(str(error))
    whole: dict[str, Any] = {"machine": machine(), "seed": options.seed, "sets": {}}
    failed = False
    for name in wanted:
        try:
            whole["sets"][name] = (
                turns_table(bench, names) if name == "turns" else table(bench.trial(name), bench, names)
            )
        except DataError as error:
            failed = True
            print(f"\n{name}: skipped: {error}")
        if options.json is not None:
            options.json.write_text(json.dumps(whole, indent=1), "utf-8")
    return int(failed)


def table(trial: Trial, bench: Bench, names: Sequence[str]) -> dict[str, Any]:
    """Print the table of a set of two classes."""
    print(f"\n{trial.name}: {len(trial.learned):,} texts, asked {len(trial.measured):,}; {trial.note}")
    print(f"{'':<12}{'right':>9}{'AUROC':>9}{'training':>12}{'a text':>10}")
    found: dict[str, Any] = {}
    for name in names:
        scored = bench.row(name, trial)
        share, area = accuracy(scored.values, trial.measured), told_apart(scored.values, trial.measured)
        each = 1000 * scored.asking / len(trial.measured)
        print(f"{name:<12}{share:>9.1%}{area:>9.3f}{scored.training:>8.1f} CPU s{each:>7.2f} ms", flush=True)
        found[name] = {"right": share, "auroc": area, "training_seconds": scored.training, "milliseconds": each}
    return found


def turns_table(bench: Bench, names: Sequence[str]) -> dict[str, Any]:
    """Print how the turns of customers are judged by what needs no training."""
    every = rows(TURNS, "language", "mood", "text")
    print(f"\nturns: {len(every)} turns of customers, negative, neutral and positive, kept from all training")
    print(f"{'':<12}{'':>4}{'right':>9}{'precision':>11}{'recall':>9}{'AUROC':>9}   (the last three: negative)")
    found: dict[str, Any] = {}
    for name in (name for name in names if name in ("shipped", "patterns")):
        ask = by_patterns if name == "patterns" else by_reader(bench.reader())
        for language in ("en", "zh"):
            own = [(mood, text) for spoken, mood, text in every if spoken == language]
            one = judged(ask([text for _, text in own]), [mood for mood, _ in own])
            line = f"{one.right:>9.1%}{one.precision:>11.1%}{one.recall:>9.1%}{one.area:>9.3f}"
            print(f"{name:<12}{language:>4}{line}", flush=True)
            found[f"{name}/{language}"] = {
                "right": one.right, "precision": one.precision, "recall": one.recall, "auroc": one.area,
            }  # fmt: skip
    return found


def _told(progress: Progress) -> None:
    print(f"  epoch {progress.epoch}: loss {progress.loss:.3f}, held out {progress.validation:.3f}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
