"""What led to a reply, as plain data; made by ``engine.explain``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.calibration import Thresholds
from engine.dialogue import Choice, Grade, Source
from engine.memory import Settled
from engine.understand.tone import Tone

MEANINGS: Mapping[str, str] = {
    "understanding": "the network takes it for this entry",
    "understanding_lead": "… by how far ahead of the next",
    "dense": "near one of its questions, as the network sees it",
    "dense_lead": "… by how far ahead of the next",
    "linear": "the kernel model takes it for this entry",
    "linear_lead": "… by how far ahead of the next",
    "meaning": "means nearly what one of its questions means",
    "meaning_lead": "… by how far ahead of the next",
    "meaning_of_answer": "means nearly what its answer says",
    "words": "words in common with its nearest question",
    "grams": "letters in common with its nearest question",
    "grams_lead": "… by how far ahead of the next",
    "answers": "words in common with its answer",
    "covered_words": "words that occur anywhere in the entry",
    "covered_grams": "letters that occur anywhere in the entry",
    "fuzzy": "spelt like its nearest question",
    "fuzzy_set": "… whatever the order of the words",
    "other_language": "it is in another language",
    "same_topic": "it is what the conversation is about",
    "near_topic": "it has to do with what the conversation is about",
    "together": "the kernel model, read with the question before",
    "before": "the kernel model, for the question before alone",
    "goes_on": "how much likelier what was said before makes it, as logged conversations went on",
}
"""What the ranker's features of a candidate say, by name."""
NONE_MEANINGS: Mapping[str, str] = {
    "always": "what is always added",
    "outside": "the network takes it for something else",
    "understanding": "the network on the best entry",
    "dense": "near some question, as the network sees it",
    "linear": "the kernel model on its best entry",
    "meaning": "means nearly what some question means",
    "words": "words in common with the nearest question",
    "grams": "letters in common with the nearest question",
    "covered": "letters that occur in the best entry",
    "lead": "how far the best one is ahead in the kernel model",
    "fuzzy": "spelt like the nearest question",
    "known": "letters that occur in the FAQ at all",
    "length": "how long the message is",
}
"""What the ranker's features of "none of them" say, by name."""
_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Value:
    """A value that the customer gave; one that is not ``read`` counts as its kind alone, such as an order number."""

    name: str
    value: str
    read: bool


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the encoder reads it, with its share of the attention, in [0, 1].

    One that is not ``known`` is read by its parts: several pieces, or, where training started from nothing, n-grams.
    """

    text: str
    attention: float
    known: bool


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature of the ranker: its value, and what it adds to the score, the value times its weight."""

    name: str
    value: float
    adds: float


@dataclass(frozen=True, slots=True)
class Contender:
    """An entry that came into question, or with ``entry`` None that none of them is meant.

    ``question`` is the first one of the entry. ``score`` is the sum of what the features add; the softmax of all scores
    gives the confidences, in [0, 1].
    """

    entry: str | None
    question: str
    confidence: float
    score: float
    features: tuple[Feature, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A word of the message and one of a stored question that is the same, or looks much like it.

    ``alike`` is 1 for the same, else the Dice coefficient of their n-grams, in [0, 1]. Of Chinese, what both texts have
    in common is one word.
    """

    typed: str
    stored: str
    alike: float


@dataclass(frozen=True, slots=True)
class Near:
    """A stored question; ``words`` and ``grams`` are the shares of the message's weight that it holds, about [0, 1]."""

    question: str
    entry: str
    words: float
    grams: float
    matches: tuple[Match, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """One reading of the message, and what came of it.

    ``kind`` is ``message`` for the whole, ``question`` for one of several questions in it, and ``follow-up`` for such a
    one read as leaning on the one before. ``topic`` is the entry that it leans on, None where it stands by itself, and
    ``before`` the question that was asked then. ``pieces`` are what the generator reads of it. ``contenders`` are the
    best, best first, and last "none of them"; ``nearest`` the stored questions that hold the most of it. ``verdict`` is
    what would be done with it if it were all there is.
    """

    kind: str
    text: str
    topic: str | None
    before: str
    words: tuple[Word, ...]
    pieces: tuple[str, ...]
    contenders: tuple[Contender, ...]
    nearest: tuple[Near, ...]
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Best:
    """The best candidate of a reading."""

    entry: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Remembered:
    """What memory holds before the message; ``best`` is the best candidate with it, ``alone`` the one without."""

    turn: int
    topic: str | None
    values: dict[str, str]
    offered: tuple[Choice, ...]
    about: str
    settled: tuple[Settled, ...]
    best: Best | None
    alone: Best | None


@dataclass(frozen=True, slots=True)
class Composed:
    """What the generator made of an entry, with placeholders, and how sure it was, in [0, 1]."""

    entry: str
    text: str
    confidence: float
    finished: bool


@dataclass(frozen=True, slots=True)
class Said:
    """The reply: its words, where they come from, and which rule decided so, see ``engine.dialogue``."""

    text: str
    source: Source
    origin: str
    reason: str
    grade: Grade | None
    entry: str | None
    confidence: float
    choices: tuple[Choice, ...]
    composed: tuple[Composed, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that led to a reply. ``memory`` is None where there was none, ``promise`` empty where none was made.

    ``parts`` are the readings in the order in which they were made, the whole message first.
    """

    text: str
    locale: str
    tone: Tone
    values: tuple[Value, ...]
    memory: Remembered | None
    parts: tuple[Part, ...]
    thresholds: Thresholds
    promise: str
    reply: Said

    def to_json(self) -> dict[str, Any]:
        """The explanation as plain data, with the meanings of the features beside it."""
        data = asdict(self) | {"tone": self.tone.name.lower()}
        meanings = {"candidate": dict(MEANINGS), "none": dict(NONE_MEANINGS)}
        return {**_rounded(data), "meanings": meanings}


def _rounded(data: Any) -> Any:
    """Plain data with numbers rounded: more digits than these are noise."""
    if isinstance(data, float):
        return round(data, _DIGITS)
    if isinstance(data, dict):
        return {name: _rounded(value) for name, value in data.items()}
    return [_rounded(value) for value in data] if isinstance(data, list | tuple) else data
