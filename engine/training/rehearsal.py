"""Held-out evidence: how the engine fares on questions that it was not trained on.

With validation questions at hand they are asked of the finished model. Without, a rehearsal comes first: understanding
and retrieval are trained on a part of the questions and asked the rest, together with questions of entries that were
hidden from them and of the background: what out of scope looks like.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from engine.calibration import Outcome
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Reading, Retriever, Understander
from engine.ranker import Features, LearnedRanker, RankerWeights, probabilities
from engine.training.fusion import fit_ranker

Case = tuple[Features, frozenset[int]]
"""Features of a held-out question and the places of the entries that answer it; empty: none does."""

HELD_OUT = 5  # one question of so many is held out
HIDDEN = 16  # one entry of so many is hidden
OFFERED = 3
FOLDS = 8
SIDE_BY_SIDE = 64


@dataclass(frozen=True, slots=True)
class Split:
    """A knowledge for the rehearsal, background to train on, and what it is asked: texts with places, -1 for none."""

    knowledge: Knowledge
    background: tuple[str, ...]
    asked: tuple[tuple[str, int], ...]


def split(knowledge: Knowledge, background: Sequence[str], *, seed: int) -> Split:
    """Hold out questions of entries that have at least three, hide some entries, and hold out some background."""
    chance = random.Random(seed)
    hidden = set(chance.sample(range(len(knowledge)), len(knowledge) // HIDDEN)) if len(knowledge) >= HIDDEN else set()
    kept: list[Entry] = []
    asked: list[tuple[str, int]] = []
    unknown: list[str] = []
    for place, entry in enumerate(knowledge):
        questions = list(entry.questions)
        chance.shuffle(questions)
        if place in hidden:
            unknown.extend(questions[:HELD_OUT])
            continue
        size = max(1, len(questions) // HELD_OUT) if len(questions) > 2 else 0
        asked.extend((question, len(kept)) for question in questions[:size])
        kept.append(replace(entry, questions=tuple(questions[size:])))
    others = list(background)
    chance.shuffle(others)
    third = min(len(others) // 3, max(20, len(asked) // 3))
    outside = [(text, -1) for text in (*unknown, *others[:third])]
    return Split(Knowledge(tuple(kept)), tuple(others[third:]), (*asked, *outside))


def cases(
    knowledge: Knowledge,
    understander: Understander,
    retriever: Retriever,
    asked: Sequence[tuple[Reading, frozenset[int]]],
) -> list[Case]:
    """Ask every question and keep what the ranker would see."""
    ranker = LearnedRanker(knowledge, RankerWeights((), ()), RankerWeights((), ()))
    found: list[Case] = []
    for at in range(0, len(asked), SIDE_BY_SIDE):
        group = asked[at : at + SIDE_BY_SIDE]
        part = [reading for reading, _ in group]
        both = zip(part, understander.understand(part), retriever.retrieve(part), group, strict=True)
        found.extend((ranker.features(reading, head, words), right) for reading, head, words, (_, right) in both)
    return found


def fit(found: Sequence[Case], *, towards: RankerWeights | None = None) -> tuple[RankerWeights, list[Outcome]]:
    """Weights from all cases, and the outcome of each under weights that were fitted without it.

    Every part is judged by weights from the other parts, so that thresholds are not fitted to what the weights saw.

    Args:
        found: The cases.
        towards: Where the weights are pulled to.
    """
    judged: list[Outcome] = [Outcome(0.0, right=False, offered=0.0, among=False)] * len(found)
    labelled = _labelled(found)
    for part in range(FOLDS):
        others = [case for place, case in enumerate(labelled) if place % FOLDS != part]
        judged[part::FOLDS] = outcomes(found[part::FOLDS], fit_ranker(others, towards=towards))
    return fit_ranker(labelled, towards=towards), judged


def outcomes(found: Sequence[Case], weights: RankerWeights) -> list[Outcome]:
    """What each case comes to under some weights."""
    return [_outcome(features, right, weights) for features, right in found]


def _outcome(features: Features, right: frozenset[int], weights: RankerWeights) -> Outcome:
    chances = probabilities(features, weights)[:-1]
    order = chances.argsort()[::-1][:OFFERED]
    best = [int(features.places[at]) for at in order]
    return Outcome(float(chances[order[0]]), best[0] in right, float(chances[order].sum()), bool(right & set(best)))


def _labelled(found: Sequence[Case]) -> list[tuple[Features, int]]:
    """Of several right entries the one with the most evidence stands for all."""
    return [(features, max(right, key=partial(_strength, features), default=-1)) for features, right in found]


def _strength(features: Features, place: int) -> float:
    at = (features.places == place).nonzero()[0]
    return float(features.candidates[int(at[0])].sum()) if len(at) else float("-inf")
