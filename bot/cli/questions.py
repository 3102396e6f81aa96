"""Questions from a file: one a line, a CSV with a column ``question``, or JSON with a field ``question``.

Which of them it is, the content says: names of files are not always there, and not always right.
"""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

from engine.errors import KnowledgeError, Problem

COLUMN = "question"
STDIN = "-"
_HEADER_CELL = re.compile(r"[\w-]+(?: [\w-]+){0,2}|")
_WIDEST_CELL = 10_000_000


def read_questions(source: str) -> list[str]:
    """Every question of a file, or of standard input for ``-``, in order and unchanged.

    Raises:
        KnowledgeError: If the file cannot be read, or holds something else; names every problem.
    """
    name = "standard input" if source == STDIN else source
    text = _decoded(_bytes(source, name), name)
    records = _json_records(text)
    if records is not None:
        return _from_records(records, name)
    delimiter = _csv_delimiter(text)
    if delimiter:
        return _from_csv(text, delimiter, name)
    return text.rstrip("\n").split("\n") if text.strip() else []


def read_text(source: str) -> str:
    """One question that may have several lines: a whole file, or standard input for ``-``.

    Raises:
        KnowledgeError: If it cannot be read as text.
    """
    name = "standard input" if source == STDIN else source
    return _decoded(_bytes(source, name), name).strip()


def _bytes(source: str, name: str) -> bytes:
    if source == STDIN and sys.stdin is None:
        raise KnowledgeError([Problem(name, 0, "", "is closed")])
    try:
        return sys.stdin.buffer.read() if source == STDIN else Path(source).read_bytes()
    except OSError as error:
        raise KnowledgeError([Problem(name, 0, "", f"cannot be read: {error.strerror}")]) from error


def _decoded(data: bytes, name: str) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise KnowledgeError([Problem(name, 0, "", "is UTF-16; save it as UTF-8")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        raise KnowledgeError([Problem(name, line, "", message)]) from error
    return text.replace("\r\n", "\n")


def _json_records(text: str) -> list[tuple[int, Any]] | None:
    """Lines of JSON, or the items of one JSON list, with their lines; None where the text is neither.

    A line that is not JSON stands in the list as the error that it gave.
    """
    first = next((line for line in text.split("\n") if line.strip()), "")
    if first.lstrip().startswith("["):
        items = _parsed(text)
        return [(0, item) for item in items] if isinstance(items, list) else None
    if not isinstance(_parsed(first), dict):
        return None
    return [(number, _parsed(line)) for number, line in enumerate(text.split("\n"), 1) if line.strip()]


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        return error


def _from_records(records: list[tuple[int, Any]], name: str) -> list[str]:
    questions: list[str] = []
    problems: list[Problem] = []
    for line, record in records:
        question = record.get(COLUMN) if isinstance(record, dict) else record
        if isinstance(record, Exception):
            problems.append(Problem(name, line, "", f"not JSON: {record}"))
        elif isinstance(question, str):
            questions.append(question)
        else:
            problems.append(Problem(name, line, COLUMN, "is missing, or is not a text"))
    if problems:
        raise KnowledgeError(problems)
    return questions


def _csv_delimiter(text: str) -> str:
    """What separates the columns; empty where the first line is no header with a column ``question``."""
    first = next((line for line in text.split("\n") if line.strip()), "")
    for delimiter in (",", "\t", ";"):
        cells = [cell.strip().strip('"').strip() for cell in first.split(delimiter)]
        if COLUMN in (cell.casefold() for cell in cells) and all(map(_HEADER_CELL.fullmatch, cells)):
            return delimiter
    return ""


def _from_csv(text: str, delimiter: str, name: str) -> list[str]:
    csv.field_size_limit(_WIDEST_CELL)
    reader = csv.reader(io.StringIO(text.lstrip("\n"), newline=""), delimiter=delimiter, strict=True)
    skipped = len(text) - len(text.lstrip("\n"))
    questions: list[str] = []
    problems: list[Problem] = []
    line = 0
    try:
        header = [cell.strip().casefold() for cell in next(reader)]
        place = header.index(COLUMN)
        line = reader.line_num
        for record in reader:
            if record and len(record) != len(header):
                found = f"has {len(record)} fields, the header has {len(header)}"
                hint = f"quote texts that hold a {delimiter!r}"
                problems.append(Problem(name, skipped + line + 1, "", f"{found}; {hint}"))
            elif record:
                questions.append(record[place])
            line = reader.line_num
    except csv.Error as error:
        problems.append(Problem(name, skipped + line + 1, "", f"not valid CSV, from here on unread: {error}"))
    if problems:
        raise KnowledgeError(problems)
    return questions
