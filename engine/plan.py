"""A plan: what is done with a message, as values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from engine.arbiter import Decision, Verdict, answered
from engine.dialogue import Candidate, Choice
from engine.knowledge.entries import Entry
from engine.memory import WorkingMemory
from engine.ports import Reading


@dataclass(frozen=True, slots=True)
class Heard:
    """One message as the engine takes it: cleaned text, memory before it, moment (aware UTC) and language.

    Once it was listened to, memory has the slots that it gives: ``given`` are their names, ``corrected`` that of one
    which it puts right.
    """

    text: str
    memory: WorkingMemory
    heard: datetime
    locale: str
    given: frozenset[str] = frozenset()
    corrected: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with what comes into question for it, best first.

    ``leaning`` is a later question of a message, read as one that leans on an answered question before it.
    """

    reading: Reading
    candidates: tuple[Candidate, ...]
    leaning: Asked | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """One question of a message, and what is done with it."""

    reading: Reading
    decision: Decision


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done with a message: its questions in the order asked, at least one; of several each is answered.

    ``left`` are the parts that stay open, ``took`` the choices that the customer took of those offered; ``about`` is
    the question that choices are offered for, in its matching form, empty where it leans on another. ``dropped`` says
    that a form waits no more. ``memory`` is the memory after it, but for what is said now.
    """

    steps: tuple[Step, ...]
    candidates: tuple[Candidate, ...]
    left: tuple[str, ...] = ()
    took: tuple[Choice, ...] = ()
    about: str = ""
    dropped: bool = False
    memory: WorkingMemory = field(default_factory=WorkingMemory)


def one_step(whole: Asked, decision: Decision, *, took: tuple[Choice, ...] = (), about: str = "") -> Plan:
    """A plan that takes a message as one question."""
    return Plan((Step(whole.reading, decision),), whole.candidates, took=took, about=about)


def answers(whole: Asked, entries: Sequence[Entry], reason: str) -> Plan:
    """A plan that answers with entries that are sure."""
    return Plan(tuple(Step(whole.reading, answered(entry, 1.0, reason)) for entry in entries), whole.candidates)


def is_answered(decision: Decision) -> bool:
    """True where an entry answers, or is for people."""
    return decision.verdict in (Verdict.ANSWER, Verdict.PERSON)
