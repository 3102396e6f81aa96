"""The sets of the tagging benchmark: what is learned, what ends training, what is measured."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.datasets import DataError, Folders
from benchmarks.spans import by_patterns
from benchmarks.states import Place, Step, apart, first_place, lines, service_of, steps, talks
from engine.training.tagging import Marked

_TEST = 0.15  # share that is split off
_MOST_WITH, _MOST_WITHOUT = 16_000, 8_000  # texts of sgd that are learned, with values and without


@dataclass(frozen=True, slots=True)
class Asked:
    """A text to be measured, and whether its service was met in training."""

    marked: Marked
    seen: bool = True


@dataclass(frozen=True, slots=True)
class Split:
    """What is learned, what is measured, and a line about how it was made."""

    learned: tuple[Marked, ...]
    asked: tuple[Asked, ...]
    note: str


def _parts(groups: Sequence[list[Marked]], seed: int) -> tuple[list[Marked], list[Marked]]:
    """What is learned and what is measured; a group stays together."""
    order = list(groups)
    random.Random(seed).shuffle(order)
    test = round(len(order) * _TEST)
    learned, asked = ([one for group in way for one in group] for way in (order[test:], order[:test]))
    return learned, asked


def restaurants(folders: Folders, seed: int) -> Split:
    """restaurant8k: turns of customers who book a table."""
    path = folders.need("restaurant8k/train.json")
    texts = []
    try:
        for item in lines(path):
            text = item["userInput"]["text"]
            spans = [(label["valueSpan"], label["slot"]) for label in item.get("labels", ())]
            values = tuple((span.get("startIndex", 0), span.get("endIndex", len(text)), slot) for span, slot in spans)
            requested = tuple(dict.fromkeys(item.get("context", {}).get("requestedSlots", ())))
            texts.append([Marked(text, values, requested)])
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{path}: is not as restaurant8k has it: {error!r}") from error
    learned, asked = _parts(texts, seed)
    note = f"train.json split by seed {seed}: {_TEST:.0%} measured"
    plain = [replace(one, values=tuple(apart(one.values))) for one in learned]  # a few lie over one another
    return Split(tuple(plain), tuple(map(Asked, asked)), note)


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
    return [[_turn(step) for step in steps(talk)] for talk in talks(path)]


def _turn(step: Step) -> Turn:
    text = step.said.text
    found = {slot: first_place(text, wordings) for slot, wordings in step.changed.items()}
    places = [(*place, slot.partition(".")[2]) for slot, place in found.items() if place is not None]
    services = frozenset(map(service_of, step.changed))
    return Turn(Marked(text, tuple(apart(places))), services, len(step.changed), len(places))


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
    every = [turn.marked for own in learned for turn in own]
    filled = [one for one in every if one.values]
    empty = [one for one in every if not one.values]
    own = chance.sample(filled, min(_MOST_WITH, len(filled))) + chance.sample(empty, min(_MOST_WITHOUT, len(empty)))
    asked = [Asked(turn.marked, turn.services <= known) for own in measured for turn in own]
    note = f"train.jsonl.gz (a sample) → dev.jsonl, where {_literal(measured)}"
    return Split(tuple(own), tuple(asked), note)


def travellers(folders: Folders, seed: int) -> Split:
    """crosswoz: Chinese travellers; whole conversations are split off."""
    every = turns(folders.need("crosswoz/train.jsonl"))
    learned, asked = _parts([[turn.marked for turn in own] for own in every], seed)
    note = f"train.jsonl split by seed {seed}: {_TEST:.0%} measured; {_literal(every)}"
    return Split(tuple(learned), tuple(map(Asked, asked)), note)


def patterns_restaurant(text: str, _: Sequence[str]) -> Iterator[Place]:
    for start, end, name in by_patterns(text):
        if name == "date":
            yield start, end, name
        elif name == "name":
            first = text[start:end].split(" ")[0]
            yield start, start + len(first), "first_name"
            if start + len(first) < end:
                yield start + len(first) + 1, end, "last_name"


def patterns_sgd(text: str, _: Sequence[str]) -> Iterator[Place]:
    named = {"date": "date", "amount": "amount"}
    return ((start, end, named[name]) for start, end, name in by_patterns(text) if name in named)


def patterns_crosswoz(text: str, _: Sequence[str]) -> Iterator[Place]:
    return ((start, end, "价格") for start, end, name in by_patterns(text) if name == "amount")
