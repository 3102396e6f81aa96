"""Topics: what many customers asked, in whose words, what they were told, and how much the answers agree."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.checks.masking import mask
from engine.mining.groups import ALONE, grouped
from engine.mining.pairs import Pair
from engine.ports import TextEncoder
from engine.text.normalise import matching
from engine.understand.split import asks

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

Mask = Callable[[str], str]

MOST_PHRASINGS = 10
_MOST_ANSWERS = 300  # different answers of a topic that are compared
_SAME_ANSWER = 0.8  # cosine from which on two answers with the same numbers say about the same
_SAME_QUESTION = 0.95  # cosine from which on a further phrasing teaches nothing
_NUMBER = re.compile(r"\d+")


class Status(StrEnum):
    """How far the FAQ answers a topic already."""

    COVERED = "covered"
    PARTLY = "partly"
    NEW = "new"


@dataclass(frozen=True, slots=True)
class Cover:
    """The entry of the FAQ that answers a topic, empty where it is new.

    ``confidence`` is the probability of the likeliest entry where a model was asked, else the cosine with the nearest
    question; in [0, 1].
    """

    status: Status = Status.NEW
    entry: str = ""
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class Topic:
    """What ``conversations`` different conversations asked; no text of it holds personal data.

    ``answer`` is the most central one, empty where nobody answered, and ``share`` says how many of all the ``answers``
    say about the same, in [0, 1]. ``outcomes`` counts what the bot did, where it was the bot who was asked.
    """

    question: str
    phrasings: tuple[str, ...]
    answer: str
    share: float
    answers: int
    conversations: int
    locale: str
    outcomes: Mapping[str, int] = field(default_factory=dict)
    cover: Cover = Cover()

    def to_json(self) -> dict[str, Any]:
        """The topic as plain data."""
        return {
            "question": self.question,
            "phrasings": list(self.phrasings),
            "answer": self.answer,
            "share": round(self.share, 4),
            "answers": self.answers,
            "conversations": self.conversations,
            "locale": self.locale,
            "outcomes": dict(self.outcomes),
            "status": self.cover.status.value,
            "covered_by": self.cover.entry,
            "confidence": round(self.cover.confidence, 4),
        }


@dataclass(frozen=True, slots=True)
class Mined:
    """The ``topics`` that were asked for, the most frequent first; ``found`` counts all that are frequent enough."""

    topics: tuple[Topic, ...]
    found: int


@dataclass(frozen=True, slots=True)
class _Draft:
    """A group before it is put into words: its pairs, and its compared texts with their vectors."""

    pairs: list[Pair]
    texts: list[str]
    vectors: Floats
    conversations: int


def mine(pairs: Sequence[Pair], encoder: TextEncoder, *, most: int, least: int, masked: Mask = mask) -> Mined:
    """Gather pairs into topics, each of one language.

    Args:
        pairs: Questions and answers.
        encoder: Knows what texts mean.
        most: How many topics are described at most.
        least: In how many conversations a topic occurs at least.
        masked: Takes personal data out of a text.
    """
    by_locale: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_locale.setdefault(pair.locale, []).append(pair)
    drafts = [draft for some in by_locale.values() for draft in _drafts(some, encoder, least)]
    drafts.sort(key=lambda draft: (-draft.conversations, -len(draft.pairs), draft.texts[0]))
    return Mined(tuple(_topic(draft, encoder, masked) for draft in drafts[:most]), len(drafts))


def _drafts(pairs: Sequence[Pair], encoder: TextEncoder, least: int) -> Iterable[_Draft]:
    by_form: dict[str, list[Pair]] = {}
    for pair in pairs:
        by_form.setdefault(matching(pair.question), []).append(pair)
    texts = [same[0].question for same in by_form.values()]
    grouping = grouped(texts, encoder)
    members: dict[int, list[Pair]] = {}
    for label, same in zip(grouping.labels.tolist(), by_form.values(), strict=True):
        if label != ALONE:
            members.setdefault(label, []).extend(same)
    compared = grouping.labels[grouping.rows]
    for label, some in members.items():
        conversations = len({pair.conversation for pair in some})
        if conversations >= least:
            places = np.flatnonzero(compared == label)
            own = [texts[row] for row in grouping.rows[places]]
            yield _Draft(some, own, grouping.vectors[places], conversations)


def _topic(draft: _Draft, encoder: TextEncoder, masked: Mask) -> Topic:
    asked = Counter(matching(pair.question) for pair in draft.pairs)
    weights = np.array([asked[matching(text)] for text in draft.texts], np.float32)
    first, *others = _spread(draft.texts, draft.vectors, weights, masked)
    answer, share, answers = central([pair.answer for pair in draft.pairs if pair.answer], encoder, masked)
    return Topic(
        first,
        tuple(others),
        answer,
        share,
        answers,
        draft.conversations,
        draft.pairs[0].locale,
        dict(sorted(Counter(pair.outcome for pair in draft.pairs if pair.outcome).items())),
    )


def _spread(texts: Sequence[str], vectors: Floats, weights: Floats, masked: Mask) -> list[str]:
    """The most central text that asks, and further ones, each as far as can be from those before it.

    What lies at the rim of a group may belong to another one, so the outer two thirds of a large one are not looked at.
    """
    middle = weights @ vectors
    central_first = np.argsort(-(vectors @ (middle / max(float(np.linalg.norm(middle)), 1e-12))), kind="stable")
    core = central_first[: max(2 * MOST_PHRASINGS, len(texts) // 3)]
    first = next((place for place in core[: len(core) // 2 + 1] if asks(texts[place])), core[0])
    chosen = {matching(said): said for said in [masked(texts[first])]}
    near = vectors[core] @ vectors[first]
    while len(chosen) <= MOST_PHRASINGS and near.min() < _SAME_QUESTION:
        place = int(near.argmin())
        said = masked(texts[core[place]])
        chosen.setdefault(matching(said), said)
        near = np.maximum(near, vectors[core] @ vectors[core[place]])
        near[place] = 1.0
    return list(chosen.values())


def central(answers: Sequence[str], encoder: TextEncoder, masked: Mask = mask) -> tuple[str, float, int]:
    """The answer that most others agree with, the share of all that do, in [0, 1], and how many there are.

    Two agree if they mean about the same and hold the same numbers: 14 days are not 30 days. Personal data is masked
    first, so that two customers' order numbers are no disagreement.
    """
    if not answers:
        return "", 0.0, 0
    written: dict[str, str] = {}
    counts = Counter(_formed(written, masked(answer)) for answer in answers)
    looked_at = counts.most_common(_MOST_ANSWERS)
    texts = [written[form] for form, _ in looked_at]
    often = np.array([count for _, count in looked_at], np.float32)
    found = encoder.vectors(texts)
    cosines = found @ found.T
    numbers = [frozenset(_NUMBER.findall(text)) for text in texts]
    alike = np.array([[one == other for other in numbers] for one in numbers], bool)
    same = (cosines >= _SAME_ANSWER) & alike
    np.fill_diagonal(same, True)
    agreeing = same @ often
    best = int(np.lexsort((-(cosines @ often), -agreeing))[0])
    return texts[best], float(agreeing[best] / often.sum()), len(answers)


def _formed(known: dict[str, str], text: str) -> str:
    form = matching(text)
    known.setdefault(form, text)
    return form
