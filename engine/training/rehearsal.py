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

import numpy as np

from engine.calibration import Outcome
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Reading, Retriever, Understander
from engine.ranker import CANDIDATE_FEATURES, Features, LearnedRanker, RankerWeights, probabilities
from engine.text.features import tokens
from engine.training.fusion import fit_goes_on, fit_ranker
from engine.training.report import HeldOut

Case = tuple[Features, frozenset[int]]
"""Features of a held-out question and the places of the entries that answer it; empty: none does."""

HELD_OUT = 5  # one question of so many is held out
HIDDEN = 10  # one entry of so many is hidden
OFFERED = 3
FOLDS = 8
SIDE_BY_SIDE = 64
UNDERSTANDING = CANDIDATE_FEATURES.index("understanding")


@dataclass(frozen=True, slots=True)
class Split:
    """A knowledge for the rehearsal, background to train on, and what it is asked: texts with places, -1 for none."""

    knowledge: Knowledge
    background: tuple[str, ...]
    asked: tuple[tuple[str, int], ...]


def split(knowledge: Knowledge, background: Sequence[str], *, seed: int, turn: int = 0) -> Split:
    """Hold out questions of entries that have at least two, hide some entries, and hold out some background.

    Every ``turn`` holds out others, up to ``HELD_OUT`` turns; an entry with fewer questions than turns gives none away
    in the last ones.
    """
    chance = random.Random(seed)
    order = chance.sample(range(len(knowledge)), len(knowledge))
    most = len(knowledge) // HIDDEN
    hidden = set(order[turn * most : (turn + 1) * most])
    kept: list[Entry] = []
    asked: list[tuple[str, int]] = []
    unknown: list[str] = []
    for place, entry in enumerate(knowledge):
        questions = list(entry.questions)
        chance.shuffle(questions)
        if place in hidden:
            unknown.extend(questions[:HELD_OUT])
            continue
        size = max(1, len(questions) // HELD_OUT) if len(questions) > 1 else 0
        first = turn * size
        held = questions[first : first + size]
        asked.extend((question, len(kept)) for question in held)
        # an intent that is named like one of its questions would teach that question
        intent = entry.intent if all(tokens(one) != tokens(entry.topic) for one in held) else ""
        kept.append(replace(entry, questions=tuple(questions[:first] + questions[first + size :]), intent=intent))
    others = list(background)
    chance.shuffle(others)
    third = min(len(others) // 3, max(20, len(asked) // 3))
    first = turn * third % max(1, len(others) - third + 1)
    outside = [(text, -1) for text in (*unknown, *others[first : first + third])]
    return Split(Knowledge(tuple(kept)), tuple(others[:first] + others[first + third :]), (*asked, *outside))


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
        heard = understander.understand(part)
        both = zip(part, heard, retriever.retrieve(part, heard), group, strict=True)
        found.extend((ranker.features(reading, head, words), right) for reading, head, words, (_, right) in both)
    return found


@dataclass(frozen=True, slots=True)
class Evidence:
    """Held-out cases, and of each the language and the entry that answers it (empty: none)."""

    cases: tuple[Case, ...] = ()
    locales: tuple[str, ...] = ()
    entries: tuple[str, ...] = ()

    @classmethod
    def gather(
        cls,
        knowledge: Knowledge,
        understander: Understander,
        retriever: Retriever,
        asked: Sequence[tuple[Reading, frozenset[int]]],
    ) -> Evidence:
        """Ask every question; ``asked`` gives each with the places of the entries that answer it."""
        return cls(
            tuple(cases(knowledge, understander, retriever, asked)),
            tuple(reading.locale for reading, _ in asked),
            tuple(min((knowledge.entries[place].id for place in right), default="") for _, right in asked),
        )

    def __add__(self, other: Evidence) -> Evidence:
        return Evidence(self.cases + other.cases, self.locales + other.locales, self.entries + other.entries)

    def held_out(self, outcomes: Sequence[Outcome], threshold: float) -> list[HeldOut]:
        """What became of each case, for the report."""
        rows = zip(self.cases, self.locales, self.entries, outcomes, strict=True)
        return [
            HeldOut(
                entry,
                locale,
                bool(right),
                min(one.confidence, 1.0),
                one.right,
                one.confidence >= threshold,
                raw=float(np.exp(features.candidates[:, UNDERSTANDING].max())),
            )
            for (features, right), locale, entry, one in rows
        ]


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


def fit_following(found: Sequence[Case], weights: RankerWeights) -> RankerWeights:
    """The weights, and how much the conversation so far counts beside them; as they are where no case has one."""
    return fit_goes_on(_labelled(found), weights)


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
