"""The tagger of the package on texts that it was not made from, its kinds of values mapped to those of the sets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets import DataError, Folders
from benchmarks.spans import Finder, Score, by_patterns, found_by, score_of, speed
from benchmarks.states import Place, apart, lines, occurrences
from benchmarks.tagging_sets import restaurants
from engine.base import base
from engine.base.values import shipped_tagger
from engine.training.tagging import Marked
from engine.understand.sentence import Trunk
from engine.understand.tagger import Tagger

THRESHOLDS = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95)

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


def shipped(folders: Folders, seed: int, path: Path) -> dict[str, Any]:
    """The tagger of the package on texts that it was not made from, at several thresholds."""
    own = base.shipped()
    tagger = shipped_tagger(own, Trunk(own.weights), path)
    table = restaurants(folders, seed)
    sets = {
        "restaurant8k": [_restaurant(one) for one in table.learned],
        "sgd": _stated(folders.need("sgd/dev.jsonl"), _SGD),
        "crosswoz": _stated(folders.need("crosswoz/train.jsonl"), _CROSSWOZ),
    }
    facts: dict[str, Any] = {}
    for name, asked in sets.items():
        kinds = {kind for one in asked for _, _, kind in one.values}
        print(f"\nshipped on {name}: {len(asked):,} texts, {', '.join(sorted(kinds))}")
        finders = {"patterns": _only(kinds, lambda text, _: by_patterns(text))}
        finders |= {f"tagger ≥ {least}": _only(kinds, found_by(tagger, least)) for least in THRESHOLDS}
        finders |= {f"both ≥ {least}": _only(kinds, _both(tagger, least)) for least in THRESHOLDS[2:]}
        facts[name] = {title: _shipped_row(title, asked, finder) for title, finder in finders.items()}
        speed(tagger, asked)
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
    sure = found_by(tagger, threshold)

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
    for start, end, slot in sorted(apart(one.values)):
        kind = _RESTAURANT[slot]
        if kind == "name" and values and values[-1][2] == kind and not one.text[values[-1][1] : start].strip():
            values[-1] = (values[-1][0], end, kind)
        else:
            values.append((start, end, kind))
    return Marked(one.text, tuple(values), tuple({_RESTAURANT[slot] for slot in one.requested if slot in _RESTAURANT}))


def _stated(path: Path, kinds: Mapping[str, str]) -> list[Marked]:
    """Customers' turns with every value of the state that stands literally in them, old ones too."""
    found: list[Marked] = []
    try:
        for conversation in lines(path):
            said = [turn for turn in conversation["turns"] if turn["role"] == "customer"]
            found.extend(Marked(turn["text"], tuple(apart(_places(turn, kinds)))) for turn in said)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is no file of conversations: {error!r}") from error
    return found


def _places(turn: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Place]:
    for slot, value in turn["slots"].items():
        kind = next((kind for kind, names in kinds.items() if re.search(names, slot.partition(".")[2])), None)
        for wording in dict.fromkeys([value, *turn.get("slots_any_of", {}).get(slot, ())]):
            if kind is not None and (kind != "amount" or any(map(str.isdecimal, wording))):
                yield from ((start, end, kind) for start, end in occurrences(turn["text"], wording))
