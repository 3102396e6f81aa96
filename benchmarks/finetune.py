"""What fine-tuning teaches, and what it lets be forgotten.

    python -m benchmarks.finetune --data FOLDER [--model DIR] [--entries 20] [--each 10] [--seed 1]

The sample's model (trained first where ``--model`` names none) learns entries that are new to it, each with some
questions of one intent of clinc150 and an invented answer. It is asked before and after: the sample's test questions,
which are old to it, and questions about the new entries that it never saw.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import defaultdict
from pathlib import Path

from benchmarks.datasets import Folders, Trial, trial
from engine.knowledge.entries import Entry, Knowledge
from engine.respond import Engine
from engine.training.data import TrainingData, read_training_data, sample, sample_sources, sample_validation
from engine.training.earlier import Earlier
from engine.training.evaluate import evaluate, read_questions
from engine.training.options import Progress, TrainingOptions, Tuning
from engine.training.questions import Question
from engine.training.school import finetune, gathered, train


def main() -> None:
    """Train, tune, ask, and print a table."""
    asked = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        model = asked.model or Path(scratch) / "model"
        if not (model / "manifest.json").exists():
            data = read_training_data(sample_sources(), validation=sample_validation())
            summary = train(data, model, TrainingOptions(seed=asked.seed), _quiet)
            print(f"the sample: {summary.cpu_seconds:.0f} CPU s")
        earlier = Earlier.read(model)
        new, tests = new_entries(trial("clinc150", Folders([asked.data]), 1), asked.entries, asked.each, asked.seed)
        old = read_questions(sample("test_questions.csv"), earlier.knowledge)
        print(f"{len(new.examples())} new pairs in {len(new)} entries; {len(old)} old questions, {len(tests)} new ones")
        _show("before", Engine.load(model), old, tests)
        together = gathered(earlier, TrainingData(new))
        for tuning in (Tuning(), Tuning(replayed=0.0), Tuning(rate=1.0)):
            folder = Path(scratch) / "tuned"
            summary = finetune(earlier, together, folder, TrainingOptions(seed=asked.seed), tuning, _quiet)
            took = f"{summary.seconds:.0f} s, {summary.cpu_seconds:.0f} CPU s"
            name = f"replay {tuning.replayed}, rate {tuning.rate}: {took}"
            _show(name, Engine.load(folder), old, tests)


def new_entries(source: Trial, count: int, each: int, seed: int) -> tuple[Knowledge, list[Question]]:
    """Entries about intents drawn at random, and other questions about them."""
    chance = random.Random(seed)
    texts: dict[str, list[str]] = defaultdict(list)
    for text, label in zip(source.stored.texts, source.stored.labels, strict=True):
        texts[label].append(text)
    drawn = set(chance.sample(sorted(texts), count))
    entries = tuple(
        Entry(
            f"new-{label}",
            f"This is how we help with {label.replace('_', ' ')}: write to the team, they answer soon.",
            tuple(chance.sample(texts[label], each)),
            label,
            "en",
        )
        for label in sorted(drawn)
    )
    right = [(one.text, one.right) for one in source.asked if one.right and one.right <= drawn]
    return Knowledge(entries), [Question(text, frozenset(f"new-{label}" for label in some)) for text, some in right]


def _show(name: str, engine: Engine, old: list[Question], new: list[Question]) -> None:
    for what, questions in (("old", old), ("new", new)):
        found = evaluate(engine, questions).to_json()
        shares = ", ".join(f"{key} {found['in_scope'][key]:.1%}" for key in ("best", "right", "wrong"))
        print(f"{name:<40} {what}: {shares}", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="What fine-tuning teaches, and what it lets be forgotten.")
    parser.add_argument("--data", type=Path, required=True, help="the folder with clinc150")
    parser.add_argument("--model", type=Path, help="a model of the sample; else one is trained")
    parser.add_argument("--entries", type=int, default=20)
    parser.add_argument("--each", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    return parser


def _quiet(_: Progress) -> None:
    """Nothing is shown while it trains."""


if __name__ == "__main__":
    main()
