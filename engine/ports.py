"""The parts of the engine as the rest of it sees them: roles, and the values that pass between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from engine.dialogue import Candidate, Choice, Provenance
from engine.knowledge.entries import Entry
from engine.memory import WorkingMemory

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """A question as it is to be understood: its text and its language.

    ``topic`` is the entry that a follow-up leans on, None for a question that stands by itself; ``before`` is what the
    customer asked before it. ``goes_on`` (E,) says how much the conversation so far speaks for each entry, in nats,
    None where that is not known.
    """

    text: str
    locale: str
    topic: Entry | None = None
    before: str = ""
    goes_on: Floats | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Understanding:
    """What the understanding head makes of a reading.

    ``log_probabilities`` has one number an entry; ``outside`` is the log-probability that no entry is meant;
    ``nearest`` has for each entry the cosine of the text's dense vector with its nearest stored question's.
    """

    log_probabilities: Floats
    outside: float
    nearest: Floats


@dataclass(frozen=True, slots=True)
class Evidence:
    """What retrieval found for a reading: a short list of entries, and one number for each of them in each array.

    ``places`` (N,) are the entries, ascending: those that the understanding, the kernel model or the index put first.
    ``words`` and ``grams``: share of the query's weight that the best question of an entry holds, about [0, 1];
    ``answers``: the same for the answer's own words; ``covered_words`` and ``covered_grams``: share of the query's
    weight that occurs anywhere in the entry, in [0, 1]; ``linear``: the kernel model, about 1 for the right entry;
    ``meaning`` and ``meaning_of_answer``: cosine of the text's vector with the nearest question of an entry, and with
    the nearest sentence of its answer, 0 without a text encoder;
    ``fuzzy`` and ``fuzzy_set``: similarity of the nearest question in order and as a set of words, in [0, 1];
    ``together``: the kernel model over a follow-up joined to the question before it, ``before``: over that question
    alone; 0 for a question that stands by itself. ``known``: share of the query's weight that occurs in any question.
    """

    places: NDArray[np.int64]
    words: Floats
    grams: Floats
    answers: Floats
    covered_words: Floats
    covered_grams: Floats
    linear: Floats
    meaning: Floats
    meaning_of_answer: Floats
    fuzzy: Floats
    fuzzy_set: Floats
    together: Floats
    before: Floats
    known: float


@dataclass(frozen=True, slots=True)
class Context:
    """What the generator composes from: the question, the memory before it with the slots of the question, the entry
    that was chosen, and the topic in words.
    """

    question: str
    memory: WorkingMemory
    entry: Entry
    topic: str = ""


@dataclass(frozen=True, slots=True)
class Generation:
    """What the generator composed. ``confidence`` is the geometric mean of the pieces' probabilities, in [0, 1].

    ``finished`` is False where the length bound or the deadline cut it off.
    """

    text: str
    confidence: float
    finished: bool


@dataclass(frozen=True, slots=True)
class Response:
    """What the engine makes of one message, before the guard has looked at it; ``memory`` is the memory after it."""

    text: str
    provenance: Provenance
    confidence: float
    memory: WorkingMemory
    entry: str | None = None
    choices: tuple[Choice, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    handoff: bool = False


class Say(Protocol):
    """Gives a fixed sentence by name and language."""

    def __call__(self, name: str, locale: str | None = None, **values: str | int) -> str: ...


class TextEncoder(Protocol):
    """Turns texts into vectors that lie near each other where the texts mean the same."""

    @property
    def width(self) -> int:
        """Width of the vectors, V."""

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Unit vectors. Shape: (texts, V)."""


class Understander(Protocol):
    """Says which entry is meant, from the whole of what it learned in training."""

    def understand(self, readings: Sequence[Reading]) -> list[Understanding]:
        """One understanding a reading, in order."""


class Retriever(Protocol):
    """Finds entries by their words."""

    def retrieve(self, readings: Sequence[Reading], understandings: Sequence[Understanding]) -> list[Evidence]:
        """The evidence for each reading, in order; the understanding of each has a say in which entries it is for."""


class Ranker(Protocol):
    """Joins all evidence into candidates with calibrated confidence."""

    def rank(self, reading: Reading, understanding: Understanding, evidence: Evidence) -> list[Candidate]:
        """Candidates, best first; their confidences and that of "none of them" add up to at most 1."""


class Generator(Protocol):
    """Composes replies."""

    @property
    def fingerprint(self) -> str:
        """The checkpoint that it composes with."""

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        """One generation a context, in order; None for an entry that cannot be composed from.

        Args:
            contexts: What to compose from.
            deadline: A time of ``time.monotonic`` after which no further step is taken.

        Raises:
            GenerationError: If nothing at all can be composed.
        """
