"""All evidence about a question joined into one calibrated probability for each candidate, and for "none of them".

A conditional logit (McFadden 1974): every candidate gets a weighted sum of its features, "none of them" one of its own,
and a softmax over both makes probabilities. The three dozen weights are fitted on questions that none of the evidence
was trained on, so that the probabilities mean what they say. One of the features, ``goes_on``, is how well an entry
follows the conversation so far; it is nothing where nothing was said, or nobody learned what follows on what.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.dialogue import Candidate
from engine.knowledge.entries import Knowledge
from engine.ports import Evidence, Reading, Understanding

Floats = NDArray[np.float32]

CANDIDATE_FEATURES = (
    "understanding", "understanding_lead", "dense", "dense_lead", "linear", "linear_lead", "meaning", "meaning_lead",
    "meaning_of_answer", "words", "grams", "grams_lead", "answers", "covered_words", "covered_grams", "fuzzy",
    "fuzzy_set", "other_language", "same_topic", "near_topic", "together", "before", "goes_on",
)  # fmt: skip
NONE_FEATURES = (
    "always", "outside", "understanding", "dense", "linear", "meaning", "words", "grams", "covered", "lead", "fuzzy",
    "known", "length",
)  # fmt: skip
_FLOOR = -8.0
_BEFORE_MEMORY = len(CANDIDATE_FEATURES) - 1  # weights of models that knew nothing of the conversation so far


@dataclass(frozen=True, slots=True)
class Features:
    """What the ranker sees of one reading: places of the candidates (N,), their features (N, F), those of none (G,)."""

    places: NDArray[np.int64]
    candidates: Floats
    none: Floats


@dataclass(frozen=True, slots=True)
class RankerWeights:
    """Weights of candidate features and of the features of "none of them"."""

    candidate: tuple[float, ...]
    none: tuple[float, ...]

    def forgetful(self) -> RankerWeights:
        """The same, but that the conversation so far counts for nothing."""
        return RankerWeights((*self.candidate[:-1], 0.0), self.none)

    def to_json(self) -> dict[str, list[float]]:
        """The weights as plain data."""
        return {"candidate": list(self.candidate), "none": list(self.none)}

    @classmethod
    def from_json(cls, data: Mapping[str, Sequence[float]]) -> RankerWeights:
        """Read what ``to_json`` wrote.

        Raises:
            KeyError, ValueError: If weights are missing or of another number than the features of this version.
        """
        candidate = tuple(map(float, data["candidate"]))
        if len(candidate) == _BEFORE_MEMORY:
            candidate = (*candidate, 0.0)
        weights = cls(candidate, tuple(map(float, data["none"])))
        if (len(weights.candidate), len(weights.none)) != (len(CANDIDATE_FEATURES), len(NONE_FEATURES)):
            raise ValueError("the ranker was fitted by another version; train the model again")
        return weights


class LearnedRanker:
    """Joins understanding and the evidence of retrieval.

    Args:
        knowledge: The entries that are ranked.
        weights: Fitted weights, see ``engine.training.fusion``.
        follow_up: The weights for follow-ups: what they say by themselves counts for less.
    """

    def __init__(self, knowledge: Knowledge, weights: RankerWeights, follow_up: RankerWeights) -> None:
        self._entries = knowledge.entries
        self._weights = weights
        self._follow_up = follow_up

    def rank(self, reading: Reading, understanding: Understanding, evidence: Evidence) -> list[Candidate]:
        """Candidates, best first; their confidences and that of "none of them" add up to at most 1."""
        if not len(evidence.places):
            return []
        features = self.features(reading, understanding, evidence)
        chances = probabilities(features, self.weights_of(reading))[:-1]
        order = np.argsort(-chances, kind="stable")
        return [
            Candidate(self._entries[place].id, self._entries[place].answer, float(chances[at]))
            for at, place in ((at, int(features.places[at])) for at in order)
        ]

    def weights_of(self, reading: Reading) -> RankerWeights:
        """The weights for a reading: a follow-up has its own."""
        return self._weights if reading.topic is None else self._follow_up

    def features(self, reading: Reading, understanding: Understanding, evidence: Evidence) -> Features:
        """What the weights are applied to. The evidence has at least one entry."""
        places = evidence.places
        read = _of(understanding.log_probabilities, places, _FLOOR)
        dense = _of(understanding.nearest, places, 0.0)
        rows = np.stack(
            [
                read,
                _lead(read),
                dense,
                _lead(dense),
                evidence.linear,
                _lead(evidence.linear),
                evidence.meaning,
                _lead(evidence.meaning),
                evidence.meaning_of_answer,
                evidence.words,
                evidence.grams,
                _lead(evidence.grams),
                evidence.answers,
                evidence.covered_words,
                evidence.covered_grams,
                evidence.fuzzy,
                evidence.fuzzy_set,
                *self._relations(reading, places),
                evidence.together,
                evidence.before,
                np.zeros(len(places), np.float32) if reading.goes_on is None else reading.goes_on[places],
            ],
            axis=1,
        )
        none = np.asarray(
            [
                1.0,
                max(understanding.outside, _FLOOR),
                read.max(),
                dense.max(),
                evidence.linear.max(),
                evidence.meaning.max(),
                evidence.words.max(),
                evidence.grams.max(),
                evidence.covered_grams.max(),
                _lead(evidence.linear).max(),
                evidence.fuzzy.max(),
                evidence.known,
                np.log1p(len(reading.text)),
            ],
            np.float32,
        )
        return Features(places, rows.astype(np.float32), none)

    def _relations(self, reading: Reading, places: NDArray[np.int64]) -> tuple[Floats, Floats, Floats]:
        """Other language than the question, entry of the topic, entry that shares a tag with the topic."""
        entries = [self._entries[int(place)] for place in places]
        topic = reading.topic
        tags = set(topic.tags) if topic else set()
        other = [float(bool(entry.locale) and entry.locale != reading.locale) for entry in entries]
        same = [float(topic is not None and entry.id == topic.id) for entry in entries]
        near = [float(bool(tags & set(entry.tags))) for entry in entries]
        return np.asarray(other, np.float32), np.asarray(same, np.float32), np.asarray(near, np.float32)


def probabilities(features: Features, weights: RankerWeights) -> Floats:
    """Chances of the candidates and, last, of "none of them". Shape: (N + 1,)."""
    scores = np.append(
        features.candidates @ np.asarray(weights.candidate, np.float32),
        features.none @ np.asarray(weights.none, np.float32),
    )
    powers = np.exp(scores - scores.max())
    return np.asarray(powers / powers.sum(), np.float32)


def _of(scores: Floats, places: NDArray[np.int64], least: float) -> Floats:
    """Scores of some entries; one that came after training has the least."""
    found = np.full(len(places), least, np.float32)
    known = places < len(scores)
    found[known] = np.maximum(scores[places[known]], least)
    return found


def _lead(scores: Floats) -> Floats:
    """How far each score is ahead of the best other one; behind, how far below the best."""
    if len(scores) < 2:
        return np.zeros_like(scores)
    order = np.argsort(-scores, kind="stable")
    best, second = scores[order[0]], scores[order[1]]
    lead = scores - best
    lead[order[0]] = best - second
    return np.asarray(lead, np.float32)
