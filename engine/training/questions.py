"""Questions with known answers: for evaluation, and for fitting confidence before a model is used."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engine.errors import KnowledgeError, Problem
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import Row, read_rows
from engine.text.normalise import matching

SEVERAL = "|"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the entries that answer it (none: out of scope), and the answer's text where it was given instead."""

    text: str
    entries: frozenset[str]
    answer: str = ""
    locale: str = ""
    kind: str = ""

    @property
    def in_scope(self) -> bool:
        """True where some entry answers it."""
        return bool(self.entries or self.answer)


def read_questions(path: Path, knowledge: Knowledge) -> list[Question]:
    """Read a table with ``question`` and ``id`` or ``answer``; optional ``locale`` and ``kind``.

    A question that several entries answer names them with ``|`` between; a row without id and answer is out of scope.

    Raises:
        KnowledgeError: If anything in the file is wrong; holds every problem.
    """
    rows, problems = read_rows([path], required=("question",))
    if rows and not any("answer" in row.fields or "id" in row.fields for row in rows[:1]):
        problems.append(Problem(str(path), 1, "answer", "a column answer or id is needed to know what is right"))
    by_answer: dict[str, set[str]] = {}
    for entry in knowledge:
        by_answer.setdefault(matching(entry.answer), set()).add(entry.id)
    found = [_question(row, knowledge, by_answer, problems) for row in rows]
    if not rows and not problems:
        problems.append(Problem(str(path), 0, "", "holds no question"))
    if problems:
        raise KnowledgeError(problems)
    return found


def _question(row: Row, knowledge: Knowledge, by_answer: dict[str, set[str]], problems: list[Problem]) -> Question:
    names = [name.strip() for name in row.get("id").split(SEVERAL) if name.strip()]
    problems.extend(
        Problem(row.file, row.line, "id", f"{name!r} is no entry of the knowledge")
        for name in names
        if len(knowledge) and name not in knowledge
    )
    if not row.get("question"):
        problems.append(Problem(row.file, row.line, "question", "is empty"))
    answer = row.get("answer")
    entries = frozenset(names) or frozenset(by_answer.get(matching(answer), ()) if answer else ())
    return Question(row.get("question"), entries, answer, row.get("locale"), row.get("kind"))
