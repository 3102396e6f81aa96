"""FAQs as rows: tables in any encoding that is read here, and JSON objects of questions and an answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.errors import Problem
from engine.knowledge.table import REQUIRED, Row, parse_rows
from engine.logs.items import items
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import name, said

_OPTIONAL = ("intent", "locale")


def read_table(raw: Raw, notes: Notes) -> list[Row]:
    """The rows of a CSV or TSV table."""
    problems: list[Problem] = []
    file = str(raw.path)
    rows = parse_rows(raw.text(), file.removesuffix(".gz"), REQUIRED, problems)
    for problem in problems:
        notes.wrong(problem.line, problem.column, problem.message)
    for row in rows:
        notes.measure(row.get("answer"), row.line, "answer")
    return [Row(file, row.line, row.fields) for row in rows]


def read_faq(raw: Raw, notes: Notes) -> list[Row]:
    """The rows of JSON objects with ``question`` or ``questions``, ``answer``, and perhaps the other columns."""
    return [row for line, item in items(raw, notes) for row in _rows(item, line, notes)]


def _rows(item: Any, line: int, notes: Notes) -> Iterator[Row]:
    if not isinstance(item, dict):
        notes.wrong(line, "", "not an entry: an object with question and answer is needed")
        return
    questions = _questions(item)
    if not questions:
        notes.wrong(line, "question", "is empty or missing: a text, or a list of texts under questions")
        return
    answer = item.get("answer", "")
    if not isinstance(answer, str | None):
        notes.wrong(line, "answer", f"is no text: {answer!r:.80}")
        return
    notes.measure(said(answer), line, "answer")
    fields = {"id": name(item.get("id")), "answer": said(answer), "tags": _list(item.get("tags"))}
    fields["requires"] = _list(item.get("requires"))
    fields.update((key, said(item.get(key))) for key in _OPTIONAL)
    for question in questions:
        yield Row(notes.file, line, {"question": question, **fields})


def _questions(item: dict[str, Any]) -> list[str]:
    found: list[str] = []
    for key in ("question", "questions"):
        value = item.get(key)
        found.extend(said(each) for each in (value if isinstance(value, list) else [value]))
    return [question for question in dict.fromkeys(found) if question]


def _list(value: Any) -> str:
    return " ".join(map(said, value)) if isinstance(value, list) else said(value)
