"""The trained tagger on marked public texts, beside the patterns alone: exact spans, same split, same run.

    python benchmarks/tagging.py --data FOLDER [--sets restaurant8k,sgd,crosswoz,shipped] [--minutes 5] [--seed 1]
                                 [--json FILE]

restaurant8k and crosswoz: a part split off by seed is measured, the rest is learned. sgd: a sample of
``train.jsonl.gz`` is learned, ``dev.jsonl`` measured. Training ends after a fixed number of epochs, or the minutes. Of
sgd and crosswoz, a value counts where the state changes and the new value stands literally in the customer's turn
(letters large or small; blanks within Chinese mean nothing); the share of such changes is printed. ``shipped`` trains
nothing: it asks the tagger that comes with the package about texts that it was not made from, its kinds of values
mapped to those of the sets.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import torch

from benchmarks.datasets import DataError, Folders
from benchmarks.spans import Finder, found_by, score_of, speed
from benchmarks.tagging_sets import (
    patterns_crosswoz,
    patterns_restaurant,
    patterns_sgd,
    restaurants,
    services,
    travellers,
)
from benchmarks.tagging_shipped import shipped
from engine.base import base
from engine.base.values import TAGGER
from engine.errors import EngineError
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.tagging import Marked, Pace, TaggerTrainer
from engine.understand.sentence import Trunk

_EPOCHS = 12  # the rate falls to its least by then; the last weights are kept
SETS = ("restaurant8k", "sgd", "crosswoz", "shipped")


def main() -> int:
    """Print the tables; 1 where a set cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold restaurant8k/, sgd/ …")
    parser.add_argument("--sets", default=",".join(SETS), help=f"by comma, all by default: {', '.join(SETS)}")
    parser.add_argument("--minutes", type=float, default=5.0, help="bound of each training, wall clock")
    parser.add_argument("--seed", type=int, default=1, help="of splits and training")
    parser.add_argument("--tagger", type=Path, default=TAGGER, help="the file that is measured as shipped")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    wanted = [name.strip() for name in options.sets.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in SETS]
    if unknown:
        parser.error(f"there is no set {unknown[0]!r}; known: {', '.join(SETS)}")
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"seed": options.seed}
    try:
        folders = Folders(options.data)
        for name in wanted:
            figures[name] = (
                shipped(folders, options.seed, options.tagger)
                if name == "shipped"
                else _trained(name, folders, options)
            )
            if options.json is not None:
                options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False), "utf-8")
    except (DataError, EngineError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


def _trained(name: str, folders: Folders, options: argparse.Namespace) -> dict[str, Any]:
    split = {"restaurant8k": restaurants, "sgd": services, "crosswoz": travellers}[name](folders, options.seed)
    print(f"\n{name}: {split.note}", flush=True)
    own = base.shipped()
    trunk = Trunk(own.weights)
    began, wall = time.process_time(), time.monotonic()
    pace = Pace(epochs=_EPOCHS, deadline=wall + 60 * options.minutes, unasked=0.0)  # it is always told
    trainer = TaggerTrainer(own.tokenizer, trunk, seed=options.seed)
    tagger, weights, outcome = trainer.fit(split.learned, (), pace, Running(report=_told))
    spent = time.process_time() - began
    print(
        f"  {len(split.learned):,} texts learned, {len(split.asked):,} measured; "
        f"{len(tagger.names)} kinds; {outcome.epochs} epochs; {spent:.0f} CPU s; "
        f"{sum(values.size for values in weights.values()):,} weights"
    )
    known = {one.text for one in split.learned}
    every = tuple(
        replace(one, marked=replace(one.marked, values=tuple(v for v in one.marked.values if v[2] in tagger.names)))
        for one in split.asked
    )
    parts = {
        "all": every,
        "texts not learned word for word": tuple(one for one in every if one.marked.text not in known),
        "services met in training": tuple(one for one in every if one.seen) if name == "sgd" else (),
        "services never met": tuple(one for one in every if not one.seen),
    }
    facts: dict[str, Any] = {"cpu_seconds": round(spent, 1), "epochs": outcome.epochs, "note": split.note}
    for part, asked in parts.items():
        if asked:
            facts[part] = _table(part, [one.marked for one in asked], found_by(tagger), per_slot=part == "all")
    patterns = {"restaurant8k": patterns_restaurant, "sgd": patterns_sgd, "crosswoz": patterns_crosswoz}[name]
    covered = [one.marked for one in every]
    facts["patterns"] = _table("patterns alone", covered, patterns, per_slot=True)
    facts["milliseconds"] = speed(tagger, covered)
    return facts


def _told(progress: Progress) -> None:
    print(f"    epoch {progress.epoch}: {progress.loss:.3f}", flush=True)


def _table(title: str, asked: Sequence[Marked], finder: Finder, *, per_slot: bool) -> dict[str, Any]:
    score, slots = score_of(asked, finder)
    mean = statistics.fmean(one.f1 for one in slots.values() if one.marked) if slots else 0.0
    print(f"  {title}: {score}; mean F1 of the slots {mean:.3f}; {len(asked):,} texts", flush=True)
    if per_slot:
        for name, one in sorted(slots.items()):
            if one.marked or one.found:
                print(f"    {name:<24} {one}")
    facts: dict[str, Any] = {"f1": round(score.f1, 4), "mean_f1": round(mean, 4), "texts": len(asked)}
    facts |= {"precision": round(score.precision, 4), "recall": round(score.recall, 4)}
    return facts | {"slots": {name: round(one.f1, 4) for name, one in sorted(slots.items())}}


if __name__ == "__main__":
    sys.exit(main())
