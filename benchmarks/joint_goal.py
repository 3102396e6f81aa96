"""The state of a conversation, kept turn by turn by the tagger: slot F1 and joint goal accuracy.

    python benchmarks/joint_goal.py --data FOLDER [--sets sgd,crosswoz] [--minutes 5] [--conversations 2000] [--seed 1]
                                    [--json FILE]

A turn's joint goal is right if the state of all *covered* slots is just that of the set: no value missing, wrong or too
many. Covered are slots whose new values stand literally in what was said so far, by customer or agent, in three of four
cases of the training conversations; what is yes or no, or is put in other words, no tagger can find. Their share of all
values of the set is printed, and the joint goal over the whole state, where a slot that is not covered counts as wrong.
A value is right if it is one of the set's wordings, letters large or small, a small number spelt out or not, blanks
within Chinese left out.

sgd: a sample of ``train.jsonl.gz`` is learned, another part of it and ``dev.jsonl`` are measured, conversations with
services that training lacks apart. As in the task of the set, the services of the conversation are told, but not when
which of them is talked about. crosswoz: a part of the conversations by seed is measured; its domains are not told.

Rows: ``tracker`` takes values from the customer's turn, takes up what the agent put forward or another slot has, and
drops what has become void; ``said alone`` is without the latter three; ``known values`` is a floor without training: of
the values of a slot known from the training conversations, the last one that stands in the customer's turn.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import torch

from benchmarks.datasets import DataError, Folders
from benchmarks.states import Said, covered, same, service_of, services_of, talks
from benchmarks.taking_up import Candidate, taught
from benchmarks.tracking import RememberingFinder, Schema, Talk, Tracked, Tracker, judged, put_forward, spoken
from engine.base import base
from engine.errors import EngineError
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.tagging import Marked, Pace, TaggerTrainer
from engine.understand.sentence import Trunk

SETS = ("sgd", "crosswoz")
_LEAST = 0.75  # share of the changes of a covered slot that stand in what was said
_TEST, _STOPPING = 0.15, 0.1  # of the conversations of a set without a file to measure
_JUDGED, _STOPS, _SPLIT_OFF = (
    1200,
    150,
    300,
)  # conversations of sgd that teach what is taken up, end training, are measured
_CANDIDATES = 40_000  # that teach what is taken up, at most
_PLAIN = 0.3  # share of the texts without a value that are learned

Take = Callable[[Tracked, Said, frozenset[str]], Tracked]


@dataclass(frozen=True, slots=True)
class Parts:
    """A set: what the tagger learns, what teaches taking up, what ends training, what is measured, by title."""

    learned: Sequence[Talk]
    judged: Sequence[Talk]
    stopping: Sequence[Talk]
    measured: Mapping[str, Sequence[Talk]]
    told: bool
    variants: int


@dataclass(frozen=True, slots=True)
class Goals:
    """Turns, those whose covered or whole state is right, those with a covered value and right; values of covered slots
    that are right, found and in the set, and values of any slot in the set.
    """

    turns: int = 0
    right: int = 0
    whole: int = 0
    filled: int = 0
    filled_right: int = 0
    hits: int = 0
    found: int = 0
    marked: int = 0
    every: int = 0

    def and_(self, state: Mapping[str, tuple[str, ...]], values: Mapping[str, str], slots: frozenset[str]) -> Goals:
        """With one more turn."""
        marked = {slot: wordings for slot, wordings in state.items() if slot in slots}
        hits = sum(same(value, marked.get(slot, ())) for slot, value in values.items())
        right = hits == len(values) == len(marked)
        return Goals(
            self.turns + 1,
            self.right + right,
            self.whole + (right and len(marked) == len(state)),
            self.filled + bool(marked),
            self.filled_right + (right and bool(marked)),
            self.hits + hits,
            self.found + len(values),
            self.marked + len(marked),
            self.every + len(state),
        )

    def figures(self) -> dict[str, float]:
        """The shares, by name."""
        return {
            "joint_goal": round(self.right / max(1, self.turns), 4),
            "joint_goal_of_filled": round(self.filled_right / max(1, self.filled), 4),
            "joint_goal_whole": round(self.whole / max(1, self.turns), 4),
            "slot_f1": round(2 * self.hits / max(1, self.found + self.marked), 4),
            "covered": round(self.marked / max(1, self.every), 4),
            "turns": self.turns,
        }


def main() -> int:
    """Print the tables; 1 where a set cannot be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold sgd/, crosswoz/")
    parser.add_argument("--sets", default=",".join(SETS), help=f"by comma, all by default: {', '.join(SETS)}")
    parser.add_argument("--minutes", type=float, default=5.0, help="bound of each training, wall clock")
    parser.add_argument("--conversations", type=int, default=2000, help="of sgd that the tagger learns from")
    parser.add_argument("--seed", type=int, default=1, help="of splits and training")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    options = parser.parse_args()
    wanted = [name.strip() for name in options.sets.split(",") if name.strip()]
    unknown = [name for name in wanted if name not in SETS]
    if unknown:
        parser.error(f"there is no set {unknown[0]!r}; known: {', '.join(SETS)}")
    try:
        figures = measured(
            Folders(options.data), options.minutes, options.seed, sets=wanted, conversations=options.conversations
        )
        if options.json is not None:
            options.json.write_text(json.dumps(figures, indent=1, ensure_ascii=False), "utf-8")
    except (DataError, EngineError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        return 1
    return 0


def measured(
    folders: Folders, minutes: float, seed: int, *, sets: Sequence[str] = SETS, conversations: int = 2000
) -> dict[str, Any]:
    """Train and measure; prints the tables.

    Args:
        folders: Hold sgd/ and crosswoz/.
        minutes: Bound of each training, wall clock.
        seed: Of splits and training.
        sets: Of ``SETS``.
        conversations: Of sgd that the tagger learns from.

    Returns:
        Figures by set, measured part and row.

    Raises:
        DataError: If a file is missing or not what it should be.
        EngineError: If the base cannot be read or training fails.
    """
    torch.set_num_threads(1)
    figures: dict[str, Any] = {"seed": seed}
    for name in sets:
        parts = services(folders, seed, conversations) if name == "sgd" else travellers(folders, seed)
        figures[name] = _set(name, parts, minutes, seed)
    return figures


def services(folders: Folders, seed: int, conversations: int) -> Parts:
    """sgd: dev is measured, and a part of train."""
    every, dev = (talks(folders.need(f"sgd/{name}"), spelt=True) for name in ("train.jsonl.gz", "dev.jsonl"))
    random.Random(seed).shuffle(every)
    split, rest = every[:_SPLIT_OFF], every[_SPLIT_OFF:]
    stopping, rest = rest[:_STOPS], rest[_STOPS:]
    own, rest = rest[:conversations], rest[conversations:]
    known = frozenset(service for talk in own for service in services_of(talk))
    met = [talk for talk in dev if services_of(talk) <= known]
    measured_ = {
        "dev, services met in training": met,
        "dev, with services never met": [talk for talk in dev if not services_of(talk) <= known],
        "a part of train": split,
    }
    return Parts(own, rest[:_JUDGED] or own, stopping, measured_, told=True, variants=0)


def travellers(folders: Folders, seed: int) -> Parts:
    """crosswoz: whole conversations are split off."""
    every = talks(folders.need("crosswoz/train.jsonl"))
    random.Random(seed).shuffle(every)
    test, stopping = round(len(every) * _TEST), round(len(every) * (_TEST + _STOPPING))
    own = every[stopping:]
    return Parts(own, own, every[test:stopping], {"a part of train": every[:test]}, told=False, variants=1)


def _set(name: str, parts: Parts, minutes: float, seed: int) -> dict[str, Any]:
    began = time.process_time()
    slots = covered(parts.learned, _LEAST)
    schema = Schema(parts.learned, slots)
    seen = frozenset(slot for talk in parts.learned for said in talk for slot in said.state)
    print(f"\n{name}: {len(parts.learned):,} conversations learned; {len(slots)} of {len(seen)} slots are covered")
    tracker, said_alone, facts = trained(parts, schema, minutes, seed)
    facts |= {"cpu_seconds": round(time.process_time() - began, 1), "slots": len(slots), "slots_of_set": len(seen)}
    print(f"  training: {facts['cpu_seconds']:.0f} CPU s", flush=True)
    rows: dict[str, Take] = {
        "tracker": tracker.take,
        "said alone": said_alone.take,
        "known values": _floor(schema),
    }
    for title, conversations in parts.measured.items():
        every = sum(map(len, conversations))
        print(f"  {title}: {len(conversations):,} conversations, {every:,} turns")
        facts[title] = {}
        for row, take in rows.items():
            goals = _goals(conversations, take, slots, told=parts.told)
            facts[title][row] = goals.figures()
            print(_line(row, goals), flush=True)
    return facts


def trained(parts: Parts, schema: Schema, minutes: float, seed: int) -> tuple[Tracker, Tracker, dict[str, Any]]:
    """A tracker, the same without taking up, and how training ended.

    Raises:
        EngineError: If the base cannot be read or training fails.
    """
    own = base.shipped()
    trainer = TaggerTrainer(own.tokenizer, Trunk(own.weights), seed=seed)
    chance = random.Random(seed)
    learned = [one for one in marks(parts.learned, schema, told=parts.told) if one.values or chance.random() < _PLAIN]
    stopping = list(marks(parts.stopping, schema, told=parts.told))
    print(f"  {len(learned):,} texts learned, {len(stopping):,} to stop by", flush=True)
    pace = Pace(epochs=12, deadline=time.monotonic() + 60 * minutes, variants=parts.variants, room=2048)
    tagger, _, outcome = trainer.fit(learned, stopping, pace, Running(report=_told))
    finder = RememberingFinder(tagger)
    alone = Tracker(finder, schema)
    shown = [
        [pair for talk in part for pair in judged(alone, talk, schema, _services(talk, told=parts.told))]
        for part in (parts.judged, parts.stopping)
    ]
    shown = [_thinned(pairs, chance) for pairs in shown]
    judge, ended = taught(shown[0], shown[1], deadline=time.monotonic() + 60 * minutes, seed=seed)
    print(
        f"  {len(shown[0]):,} candidates learned, {sum(right for _, right in shown[0]):,} of them taken up; "
        f"best epoch {ended.kept}, held out {ended.validation:.3f}"
    )
    facts = {"texts": len(learned), "epochs": outcome.epochs, "kept": outcome.kept, "candidates": len(shown[0])}
    return Tracker(finder, schema, judge), alone, facts


def _thinned(pairs: Sequence[tuple[Candidate, bool]], chance: random.Random) -> list[tuple[Candidate, bool]]:
    """At most ``_CANDIDATES``, drawn."""
    return chance.sample(pairs, min(_CANDIDATES, len(pairs)))


def marks(conversations: Iterable[Talk], schema: Schema, *, told: bool) -> Iterable[Marked]:
    """What the tagger learns of conversations: turns of customers and of agents."""
    for talk in conversations:
        own = _services(talk, told=told)
        yield from spoken(talk, schema, own)
        yield from put_forward(talk, schema, own)


def _services(talk: Talk, *, told: bool) -> frozenset[str]:
    return services_of(talk) if told else frozenset()


def _told(progress: Progress) -> None:
    print(f"    epoch {progress.epoch}: {progress.loss:.3f}, held out {progress.validation:.3f}", flush=True)


def _floor(schema: Schema) -> Take:
    """The last value that is known from training and stands in the customer's turn, of services that are told."""

    def take(known: Tracked, said: Said, told: frozenset[str]) -> Tracked:
        values = dict(known.values)
        for slot in schema.slots:
            if not told or service_of(slot) in told:
                place = schema.known(said.text, slot)
                if place is not None:
                    values[slot] = said.text[slice(*place)]
        return replace(known, values=values)

    return take


def _goals(conversations: Iterable[Talk], take: Take, slots: frozenset[str], *, told: bool) -> Goals:
    goals = Goals()
    for talk in conversations:
        known, own = Tracked(), _services(talk, told=told)
        for said in talk:
            known = take(known, said, own)
            goals = goals.and_(said.state, known.values, slots)
    return goals


def _line(row: str, goals: Goals) -> str:
    figures = goals.figures()
    return (
        f"    {row:<14} joint goal {figures['joint_goal']:.1%} (of turns with a covered value "
        f"{figures['joint_goal_of_filled']:.1%}), whole state {figures['joint_goal_whole']:.1%}, "
        f"slot F1 {figures['slot_f1']:.3f}; covered are {figures['covered']:.1%} of the values"
    )


if __name__ == "__main__":
    sys.exit(main())
