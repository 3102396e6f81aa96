"""The trained tagger on marked public texts, beside the patterns alone: exact spans, same split, same run.

    python benchmarks/tagging.py --data FOLDER [--sets restaurant8k,sgd,crosswoz,shipped] [--minutes 5] [--seed 1]
                                 [--json FILE]

restaurant8k and crosswoz: a part split off by seed is measured, another one ends training, the rest is learned. sgd:
``train.jsonl.gz`` is learned but for a part that ends training, ``dev.jsonl`` measured. Of sgd and crosswoz, a value
counts where the state changes and the new value stands literally in the customer's turn (letters large or small);
the share of such changes is printed. ``shipped`` trains nothing: it asks the tagger that comes with the package about
texts that it was not made from, its kinds of values mapped to those of the sets.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import torch

from benchmarks.datasets import DataError, Folders
from engine.base import base
from engine.base.values import TAGGER, shipped_tagger
from engine.checks.personal import find as find_personal
from engine.errors import EngineError
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.tagging import Marked, Pace, TaggerTrainer
from engine.understand.sentence import Trunk
from engine.understand.slots import BUILT_IN
from engine.understand.tagger import Tagger

Place = tuple[int, int, str]
"""A value: its first character, the one behind it, its kind."""

SETS = ("restaurant8k", "sgd", "crosswoz", "shipped")
THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)
_TEST, _STOPPING = 0.15, 0.1  # shares that are split off
_MOST_WITH, _MOST_WITHOUT = 16_000, 8_000  # texts of sgd that are learned, with values and without
_TIMED = 300  # texts whose time is taken
_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Asked:
    """A text to be measured, and whether its service was met in training."""

    marked: Marked
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """What is learned, what ends training, what is measured, and a line about how it was made."""

    learned: tuple[Marked, ...]
    stopping: tuple[Marked, ...]
    asked: tuple[Asked, ...]
    note: str


@dataclass(frozen=True, slots=True)
class Score:
    """Exact spans: how many were found and right, found at all, and marked."""

    right: int = 0
    found: int = 0
    marked: int = 0

    @property
    def precision(self) -> float:
        """Share of what was found that is right."""
        return self.right / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """Share of what is marked that was found."""
        return self.right / self.marked if self.marked else 0.0

    @property
    def f1(self) -> float:
        """Harmonic mean of both."""
        return 2 * self.right / (self.found + self.marked) if self.found + self.marked else 0.0

    def __str__(self) -> str:
        counts = f"({self.right:,} right of {self.found:,} found, {self.marked:,} marked)"
        return f"P {self.precision:.3f}  R {self.recall:.3f}  F1 {self.f1:.3f}  {counts}"


Finder = Callable[[str, Sequence[str]], Iterable[Place]]


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
            figures[name] = _shipped(folders, options) if name == "shipped" else _trained(name, folders, options)
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
    pace = Pace(epochs=30, deadline=wall + 60 * options.minutes)
    trainer = TaggerTrainer(own.tokenizer, trunk, seed=options.seed)
    tagger, weights, outcome = trainer.fit(split.learned, split.stopping, pace, Running(report=_told))
    spent = time.process_time() - began
    print(
        f"  {len(split.learned):,} texts learned, {len(split.stopping):,} to stop by, {len(split.asked):,} measured; "
        f"{len(tagger.names)} kinds; {outcome.epochs} epochs, best {outcome.kept}; {spent:.0f} CPU s; "
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
            facts[part] = _table(part, [one.marked for one in asked], _by(tagger), per_slot=part == "all")
    patterns = {"restaurant8k": _patterns_restaurant, "sgd": _patterns_sgd, "crosswoz": _patterns_crosswoz}[name]
    covered = [one.marked for one in every]
    facts["patterns"] = _table("patterns alone", covered, patterns, per_slot=True)
    facts["milliseconds"] = _speed(tagger, covered)
    return facts


def _told(progress: Progress) -> None:
    print(f"    epoch {progress.epoch}: {progress.loss:.3f}, held out {progress.validation:.3f}", flush=True)


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


def score_of(asked: Sequence[Marked], finder: Finder) -> tuple[Score, dict[str, Score]]:
    """Exact spans over all texts, and the same for each kind."""
    right: Counter[str] = Counter()
    found: Counter[str] = Counter()
    marked: Counter[str] = Counter()
    for one in asked:
        places, truth = set(finder(one.text, one.requested)), set(one.values)
        right.update(name for _, _, name in places & truth)
        found.update(name for _, _, name in places)
        marked.update(name for _, _, name in truth)
    slots = {name: Score(right[name], found[name], marked[name]) for name in sorted({*found, *marked})}
    return Score(right.total(), found.total(), marked.total()), slots


def _by(tagger: Tagger, threshold: float = 0.0) -> Finder:
    def find(text: str, requested: Sequence[str]) -> Iterator[Place]:
        for span in tagger.find(text, requested):
            if span.confidence >= threshold:
                yield span.start, span.end, span.name

    return find


def _speed(tagger: Tagger, asked: Sequence[Marked]) -> dict[str, float]:
    """CPU milliseconds a text, with what the base makes of it and without."""
    whole, own = [], []
    for one in [marked for marked in asked if marked.text.strip()][:_TIMED]:
        began = time.process_time()
        tagger.find(one.text)
        whole.append(1000 * (time.process_time() - began))
        began = time.process_time()
        tagger.find(one.text)  # the base keeps what it has just read
        own.append(1000 * (time.process_time() - began))
    facts = {
        "whole_median": round(statistics.median(whole), 2),
        "own_median": round(statistics.median(own), 2),
        "own_p95": round(statistics.quantiles(own, n=20)[-1], 2),
    }
    print(
        f"  CPU ms a text: median {facts['whole_median']} with the base, {facts['own_median']} (95 %: "
        f"{facts['own_p95']}) beside it"
    )
    return facts


def _json(path: Path) -> Any:
    try:
        if path.suffix == ".json":
            return json.loads(path.read_text("utf-8"))
        text = gzip.decompress(path.read_bytes()).decode("utf-8") if path.suffix == ".gz" else path.read_text("utf-8")
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, OSError, EOFError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error


def _parts(groups: Sequence[list[Marked]], seed: int) -> tuple[list[Marked], list[Marked], list[Marked]]:
    """What is learned, what ends training, and what is measured; a group stays together."""
    order = list(groups)
    random.Random(seed).shuffle(order)
    test, stopping = round(len(order) * _TEST), round(len(order) * (_TEST + _STOPPING))
    ways = order[stopping:], order[test:stopping], order[:test]
    learned, stop, asked = ([one for group in way for one in group] for way in ways)
    return learned, stop, asked


def restaurants(folders: Folders, seed: int) -> Split:
    """restaurant8k: turns of customers who book a table."""
    path = folders.need("restaurant8k/train.json")
    texts = []
    try:
        for item in _json(path):
            text = item["userInput"]["text"]
            spans = [(label["valueSpan"], label["slot"]) for label in item.get("labels", ())]
            values = tuple((span.get("startIndex", 0), span.get("endIndex", len(text)), slot) for span, slot in spans)
            requested = tuple(dict.fromkeys(item.get("context", {}).get("requestedSlots", ())))
            texts.append([Marked(text, values, requested)])
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is not as restaurant8k has it: {error!r}") from error
    learned, stopping, asked = _parts(texts, seed)
    note = f"train.json split by seed {seed}: {_TEST:.0%} measured, {_STOPPING:.0%} to stop by"
    plain = [replace(one, values=tuple(_apart(one.values))) for one in learned]  # a few lie over one another
    return Split(tuple(plain), tuple(stopping), tuple(map(Asked, asked)), note)


@dataclass(frozen=True, slots=True)
class Turn:
    """A customer's turn: what changed in the state and stands in it, and whose services that is."""

    marked: Marked
    services: frozenset[str]
    changed: int
    literal: int


def turns(path: Path) -> list[list[Turn]]:
    """The customers' turns of each conversation.

    Raises:
        DataError: If the file is not as it should be.
    """
    found = []
    try:
        for conversation in _json(path):
            before: Mapping[str, str] = {}
            own = []
            for turn in conversation["turns"]:
                if turn["role"] == "customer":
                    own.append(_turn(turn, before))
                    before = turn["slots"]
            found.append(own)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is no file of conversations: {error!r}") from error
    return found


def _turn(turn: Mapping[str, Any], before: Mapping[str, str]) -> Turn:
    text = turn["text"]
    new = {slot: value for slot, value in turn["slots"].items() if before.get(slot) != value}
    places: list[Place] = []
    literal = 0
    for slot, value in new.items():
        wordings = dict.fromkeys([value, *turn.get("slots_any_of", {}).get(slot, ())])
        spans = [span for wording in wordings for span in occurrences(text, wording)]
        literal += bool(spans)
        places.extend((start, end, slot.partition(".")[2]) for start, end in spans[:1])
    services = frozenset(slot.partition(".")[0] for slot in new)
    return Turn(Marked(text, tuple(_apart(places))), services, len(new), literal)


def occurrences(text: str, value: str) -> list[tuple[int, int]]:
    """Where a value stands in a text, letters large or small, not within a word or number."""
    if not value.strip():
        return []
    before = r"(?<![A-Za-z0-9])" if value[:1].isascii() and _WORD.match(value) else ""
    after = r"(?![A-Za-z0-9])" if value[-1:].isascii() and _WORD.match(value[-1:]) else ""
    found = re.finditer(before + re.escape(value) + after, text, re.IGNORECASE)
    return [match.span() for match in found]


def _apart(places: Iterable[Place]) -> list[Place]:
    """The longest of those that overlap, the first of equal ones."""
    kept: list[Place] = []
    for place in sorted(places, key=lambda one: one[0] - one[1]):
        if all(place[1] <= start or place[0] >= end for start, end, _ in kept):
            kept.append(place)
    return sorted(kept)


def _literal(conversations: Iterable[Iterable[Turn]]) -> str:
    changed = sum(turn.changed for own in conversations for turn in own)
    literal = sum(turn.literal for own in conversations for turn in own)
    return (
        f"{literal:,} of {changed:,} changes of the state ({literal / max(1, changed):.1%}) stand literally in the turn"
    )


def services(folders: Folders, seed: int) -> Split:
    """sgd: train to learn from, dev measured, which has services that train lacks."""
    learned, measured = turns(folders.need("sgd/train.jsonl.gz")), turns(folders.need("sgd/dev.jsonl"))
    known = frozenset(name for own in learned for turn in own for name in turn.services)
    chance = random.Random(seed)
    chance.shuffle(learned)
    cut = len(learned) // 20
    every = [turn.marked for own in learned[cut:] for turn in own]
    filled = [one for one in every if one.values]
    empty = [one for one in every if not one.values]
    own = chance.sample(filled, min(_MOST_WITH, len(filled))) + chance.sample(empty, min(_MOST_WITHOUT, len(empty)))
    stopping = chance.sample([turn.marked for own in learned[:cut] for turn in own], 2000)
    asked = [Asked(turn.marked, turn.services <= known) for own in measured for turn in own]
    note = f"train.jsonl.gz (a sample) → dev.jsonl, where {_literal(measured)}"
    return Split(tuple(own), tuple(stopping), tuple(asked), note)


def travellers(folders: Folders, seed: int) -> Split:
    """crosswoz: Chinese travellers; whole conversations are split off."""
    every = turns(folders.need("crosswoz/train.jsonl"))
    learned, stopping, asked = _parts([[turn.marked for turn in own] for own in every], seed)
    note = f"train.jsonl split by seed {seed}: {_TEST:.0%} measured, {_STOPPING:.0%} to stop by; {_literal(every)}"
    return Split(tuple(learned), tuple(stopping), tuple(map(Asked, asked)), note)


def by_patterns(text: str) -> list[Place]:
    """What the patterns and the checksums find."""
    found = [
        (*match.span(next((at for at, group in enumerate(match.groups(), 1) if group), 0)), name)
        for name, pattern in BUILT_IN.items()
        for match in pattern.finditer(text)
    ]
    return [*found, *((one.start, one.end, one.kind) for one in find_personal(text) if one.kind != "email")]


def _patterns_restaurant(text: str, _: Sequence[str]) -> Iterator[Place]:
    for start, end, name in by_patterns(text):
        if name == "date":
            yield start, end, name
        elif name == "name":
            first = text[start:end].split(" ")[0]
            yield start, start + len(first), "first_name"
            if start + len(first) < end:
                yield start + len(first) + 1, end, "last_name"


def _patterns_sgd(text: str, _: Sequence[str]) -> Iterator[Place]:
    named = {"date": "date", "amount": "amount"}
    return ((start, end, named[name]) for start, end, name in by_patterns(text) if name in named)


def _patterns_crosswoz(text: str, _: Sequence[str]) -> Iterator[Place]:
    return ((start, end, "价格") for start, end, name in by_patterns(text) if name == "amount")


_RESTAURANT = {"date": "date", "time": "time", "people": "people", "first_name": "name", "last_name": "name"}
_SGD = {
    "place": r"city|location|area|origin|destination|where_to",
    "date": r"date",
    "time": r"time",
    "people": r"party_size|number_of_seats|number_of_riders|passengers|travelers|group_size|number_of_adults",
    "amount": r"amount",
    "person": r"recipient_name|recipient_account_name|therapist_name|director|directed_by|starring|actors|artist",
}
_CROSSWOZ = {"place": r"出发地|目的地|名称|周边", "amount": r"价格|人均消费|门票"}


def _shipped(folders: Folders, options: argparse.Namespace) -> dict[str, Any]:
    """The tagger of the package on texts that it was not made from, at several thresholds."""
    own = base.shipped()
    tagger = shipped_tagger(own, Trunk(own.weights), options.tagger)
    table = restaurants(folders, options.seed)
    sets = {
        "restaurant8k": [_restaurant(one) for one in (*table.learned, *table.stopping)],
        "sgd": _stated(folders.need("sgd/dev.jsonl"), _SGD),
        "crosswoz": _stated(folders.need("crosswoz/train.jsonl"), _CROSSWOZ),
    }
    facts: dict[str, Any] = {}
    for name, asked in sets.items():
        kinds = {kind for one in asked for _, _, kind in one.values}
        print(f"\nshipped on {name}: {len(asked):,} texts, {', '.join(sorted(kinds))}")
        finders = {"patterns": _only(kinds, lambda text, _: by_patterns(text))}
        finders |= {f"tagger ≥ {least}": _only(kinds, _by(tagger, least)) for least in THRESHOLDS}
        finders |= {f"both ≥ {least}": _only(kinds, _both(tagger, least)) for least in THRESHOLDS[2:]}
        facts[name] = {title: _shipped_row(title, asked, finder) for title, finder in finders.items()}
        _speed(tagger, asked)
    return facts


def _shipped_row(title: str, asked: Sequence[Marked], finder: Finder) -> dict[str, Any]:
    score, slots = score_of(asked, finder)
    touching = _touching(asked, finder)
    print(f"  {title:<14} exact {score}; touching P {touching.precision:.3f} R {touching.recall:.3f}", flush=True)
    if title in ("patterns", "tagger ≥ 0.8"):
        for name, one in sorted(slots.items()):
            print(f"    {name:<12} {one}")
    return {
        "precision": round(score.precision, 4),
        "recall": round(score.recall, 4),
        "f1": round(score.f1, 4),
        "touching_precision": round(touching.precision, 4),
        "touching_recall": round(touching.recall, 4),
        "slots": {name: [round(one.precision, 4), round(one.recall, 4)] for name, one in slots.items()},
    }


def _touching(asked: Sequence[Marked], finder: Finder) -> Score:
    """The same where a value counts as right that shares a character with one of its kind."""
    right = met = found = marked = 0
    for one in asked:
        places = set(finder(one.text, one.requested))
        right += sum(any(_shares(place, truth) for truth in one.values) for place in places)
        met += sum(any(_shares(place, truth) for place in places) for truth in one.values)
        found += len(places)
        marked += len(one.values)
    return _Touched(right, found, marked, met)


@dataclass(frozen=True, slots=True)
class _Touched(Score):
    """Here several of what was found may touch one that is marked: ``met`` of the marked are touched."""

    met: int = 0

    @property
    def recall(self) -> float:
        return self.met / self.marked if self.marked else 0.0


def _shares(one: Place, other: Place) -> bool:
    return one[2] == other[2] and one[0] < other[1] and other[0] < one[1]


def _only(kinds: Iterable[str], finder: Finder) -> Finder:
    """What is of kinds that a set has; who is named and who calls are one kind where a set has one of both."""
    known = frozenset(kinds)
    people = {"name": "person", "person": "name"}

    def find(text: str, requested: Sequence[str]) -> Iterator[Place]:
        for start, end, name in finder(text, requested):
            kind = name if name in known else people.get(name, name)
            if kind in known:
                yield start, end, kind

    return find


def _both(tagger: Tagger, threshold: float) -> Finder:
    """Patterns first; beside them what the tagger is sure of."""
    sure = _by(tagger, threshold)

    def find(text: str, requested: Sequence[str]) -> Iterator[Place]:
        certain = by_patterns(text)
        yield from certain
        for place in sure(text, requested):
            if all(place[1] <= start or place[0] >= end for start, end, _ in certain):
                yield place

    return find


def _restaurant(one: Marked) -> Marked:
    """A first and a last name side by side are one name."""
    values: list[Place] = []
    for start, end, slot in sorted(_apart(one.values)):
        kind = _RESTAURANT[slot]
        if kind == "name" and values and values[-1][2] == kind and not one.text[values[-1][1] : start].strip():
            values[-1] = (values[-1][0], end, kind)
        else:
            values.append((start, end, kind))
    return Marked(one.text, tuple(values), tuple({_RESTAURANT[slot] for slot in one.requested if slot in _RESTAURANT}))


def _stated(path: Path, kinds: Mapping[str, str]) -> list[Marked]:
    """Customers' turns with every value of the state that stands literally in them, old ones too."""
    found = []
    try:
        for conversation in _json(path):
            said = [turn for turn in conversation["turns"] if turn["role"] == "customer"]
            found.extend(Marked(turn["text"], tuple(_apart(_places(turn, kinds)))) for turn in said)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is no file of conversations: {error!r}") from error
    return found


def _places(turn: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Place]:
    for slot, value in turn["slots"].items():
        kind = next((kind for kind, names in kinds.items() if re.search(names, slot.partition(".")[2])), None)
        for wording in dict.fromkeys([value, *turn.get("slots_any_of", {}).get(slot, ())]):
            if kind is not None and (kind != "amount" or any(map(str.isdecimal, wording))):
                yield from ((start, end, kind) for start, end in occurrences(turn["text"], wording))


if __name__ == "__main__":
    sys.exit(main())
