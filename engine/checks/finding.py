"""The words of the checks: what was found, where, how bad it is, and what was looked at."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from engine.errors import Problem
from engine.knowledge.entries import Entry, Knowledge
from engine.knowledge.table import Origins, Row

if TYPE_CHECKING:
    from engine.training.data import LoggedConversation

_MOST_NAMED = 5


class Severity(StrEnum):
    """How bad it is: nothing can be learned so; it may be a mistake; it is worth knowing."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Kind(StrEnum):
    """What a finding is about, the most important first."""

    ONE_ENTRY = "one-entry"
    SAME_ANSWERS = "same-answers"
    CONFLICT = "conflict"
    DECLINED = "declined"
    ALIKE = "alike"
    LEAK = "leak"
    PERSONAL = "personal"
    LANGUAGE = "language"
    SEVERAL_IDS = "several-ids"
    LINK = "link"
    PLACEHOLDER = "placeholder"
    LENGTH = "length"
    FEW = "few"
    DUPLICATE = "duplicate"
    CONTACT = "contact"


TITLES: Mapping[Kind, str] = {
    Kind.ONE_ENTRY: "nothing to tell apart",
    Kind.SAME_ANSWERS: "nothing to tell apart",
    Kind.CONFLICT: "the same question, different answers",
    Kind.DECLINED: "answered and declined",
    Kind.ALIKE: "nearly the same question, different answers",
    Kind.LEAK: "test questions that stand in training",
    Kind.PERSONAL: "personal data",
    Kind.LANGUAGE: "languages",
    Kind.SEVERAL_IDS: "one answer, several ids",
    Kind.LINK: "links and addresses that differ in one character",
    Kind.PLACEHOLDER: "placeholders",
    Kind.LENGTH: "length",
    Kind.FEW: "too few ways to ask",
    Kind.DUPLICATE: "the same twice",
    Kind.CONTACT: "contact data in answers, which are public",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found in a text: ``line`` counts from 1, 0 means the file as a whole; ``file`` may be unknown, empty.

    ``message`` says what, in which entry, and what to do.
    """

    kind: Kind
    severity: Severity
    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        if not self.file:
            return f"{self.column}: {self.message}" if self.column else self.message
        return str(Problem(self.file, self.line, self.column, self.message))

    def to_json(self) -> dict[str, str | int]:
        """The finding as plain data."""
        return {
            "kind": str(self.kind),
            "severity": str(self.severity),
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "message": self.message,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """A test or validation question: where it stands, and the entries that answer it, empty where it is not said."""

    text: str
    entries: frozenset[str] = frozenset()
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True)
class Material:
    """All that is looked at.

    ``origins`` hold the rows of the texts as far as they are known. ``locales`` are the languages that the bot speaks,
    none where that does not matter. ``patterns`` are what else is personal in this company, ``slots``
    the names of its own slots.
    """

    knowledge: Knowledge
    origins: Origins = field(default_factory=Origins)
    asked: Sequence[Asked] = ()
    conversations: Sequence[LoggedConversation] = ()
    locales: Sequence[str] = ()
    patterns: Mapping[str, re.Pattern[str]] = field(default_factory=dict)
    slots: Sequence[str] = ()

    def of_question(self, kind: Kind, severity: Severity, entry: Entry, question: str, message: str) -> Finding:
        """A finding at a question of an entry."""
        return at(self.question_row(entry, question), kind, severity, "question", message)

    def of_answer(self, kind: Kind, severity: Severity, entry: Entry, message: str) -> Finding:
        """A finding at the answer of an entry."""
        return at(self.origins.answers.get(entry.id), kind, severity, "answer", message)

    def question_row(self, entry: Entry, question: str) -> Row | None:
        """The row of a question, None where it is not known."""
        return self.origins.questions.get((entry.id, question))


def at(row: Row | None, kind: Kind, severity: Severity, column: str, message: str) -> Finding:
    """A finding at a row, or at no place where that is not known."""
    return Finding(kind, severity, row.file if row else "", row.line if row else 0, column, message)


def named(names: Sequence[str]) -> str:
    """Some of many names, and how many more there are."""
    more = f" and {len(names) - _MOST_NAMED:,} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def place(row: Row | None) -> str:
    """A row in words, with a blank and a bracket before, to stand behind a text; empty where it is not known."""
    return f" (line {row.line} of {row.file})" if row else ""
