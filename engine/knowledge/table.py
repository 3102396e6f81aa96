"""The FAQ as a table: CSV or TSV with ``question,answer`` and optional ``id,intent,locale,tags,requires``.

Several rows with one id, or with one answer, form one entry; a further row of an entry may leave the answer empty. A
row with the tag ``unanswered`` and neither id nor answer is a question that the FAQ does not answer. All problems of
all files are collected and shown at once.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

from engine.errors import KnowledgeError, Problem
from engine.knowledge.entries import UNANSWERED, Entry, Knowledge
from engine.text.language import detect
from engine.text.normalise import clean, matching

REQUIRED = ("question", "answer")
COLUMNS = (*REQUIRED, "id", "intent", "locale", "tags", "requires")
_WORDS = re.compile(r"[^\s;,]+")
_SLOT_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_SLUG = re.compile(r"[^a-z0-9]+")
_MOST_PROBLEMS = 200
_MOST_NAMED = 5  # entries in one problem
_LONGEST_FIELD = 131_072  # characters; the csv module keeps one bound for the whole process, so it is set at every use


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table: where it stands and what its columns hold, cleaned and stripped."""

    file: str
    line: int
    fields: dict[str, str]

    def get(self, column: str) -> str:
        """The text of a column, empty where there is none."""
        return self.fields.get(column, "")


@dataclass(frozen=True, slots=True)
class Origins:
    """The rows in which texts stand; empty for knowledge that came from elsewhere than tables.

    ``questions`` are found by id of their entry and text, ``answers`` by id, ``unanswered`` by text. ``repeated`` holds
    the rows that say a question of their entry once more, in its matching form the same, by id of that entry.
    """

    questions: Mapping[tuple[str, str], Row] = field(default_factory=dict)
    answers: Mapping[str, Row] = field(default_factory=dict)
    unanswered: Mapping[str, Row] = field(default_factory=dict)
    repeated: Mapping[str, Sequence[Row]] = field(default_factory=dict)


def read_knowledge(paths: Sequence[Path], *, locales: Sequence[str] = ("en", "zh")) -> Knowledge:
    """The entries of tables, see ``read_tables``."""
    return read_tables(paths, locales=locales)[0]


def read_tables(
    paths: Sequence[Path], *, locales: Sequence[str] = ("en", "zh")
) -> tuple[Knowledge, tuple[Problem, ...]]:
    """Read entries from tables, and what in them may be a mistake, though they can be used.

    Args:
        paths: CSV or TSV files.
        locales: Languages to choose from for entries that do not name theirs.

    Raises:
        KnowledgeError: If a file cannot be read or anything in it is wrong; holds every problem.
    """
    found = _read(paths, locales)
    return found.knowledge, found.warnings


def read_with_origins(paths: Sequence[Path], *, locales: Sequence[str] = ("en", "zh")) -> tuple[Knowledge, Origins]:
    """The entries of tables, as ``read_tables`` gives them, and the row of every text in them.

    Raises:
        KnowledgeError: If a file cannot be read or anything in it is wrong; holds every problem.
    """
    found = _read(paths, locales)
    return found.knowledge, found.origins


@dataclass(frozen=True, slots=True)
class Gathered:
    """What rows come to: entries, the rows of their texts, what is wrong, and what may be a mistake."""

    knowledge: Knowledge
    origins: Origins
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def gather(rows: Iterable[Row], locales: Sequence[str]) -> Gathered:
    """The entries of rows, wherever they came from."""
    problems: list[Problem] = []
    builder = _Builder(problems)
    for row in rows:
        builder.add(row)
    knowledge = builder.build(locales)
    if problems:
        return Gathered(knowledge, Origins(), tuple(problems), ())
    return Gathered(knowledge, builder.origins(knowledge), (), tuple(builder.unsettled(knowledge)))


def _read(paths: Sequence[Path], locales: Sequence[str]) -> Gathered:
    rows, problems = read_rows(paths, required=REQUIRED)
    found = gather(rows, locales)
    problems.extend(found.problems)
    knowledge = found.knowledge
    if not problems and not len(knowledge):
        names = ", ".join(str(path) for path in paths)
        problems.append(Problem(names, 0, "", "holds no entry: at least one row with question and answer is needed"))
    if problems:
        raise KnowledgeError(problems)
    return found


def read_rows(paths: Sequence[Path], *, required: Sequence[str]) -> tuple[list[Row], list[Problem]]:
    """All rows of all files, and all problems found on the way."""
    rows: list[Row] = []
    problems: list[Problem] = []
    for path in paths:
        text = _text(path, problems)
        if text is not None:
            rows.extend(parse_rows(text, str(path), required, problems))
    return rows, problems


def parse_rows(text: str, name: str, required: Sequence[str], problems: list[Problem]) -> list[Row]:
    """Rows of one table; what is wrong is added to ``problems``. Blank rows are passed over."""
    delimiter = _delimiter(text, name)
    csv.field_size_limit(_LONGEST_FIELD)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[Row] = []
    start, before = 1, len(problems)
    header: list[str] | None = None
    try:
        for record in reader:
            line, start = start, reader.line_num + 1
            if not any(cell.strip() for cell in record):
                continue
            if header is None:
                header = [cell.strip().casefold() for cell in record]
                if not _header_fits(header, name, required, problems):
                    return []
                continue
            if len(record) != len(header):
                message = (
                    f"has {len(record)} fields, the header has {len(header)}; quote texts that hold a {delimiter!r}"
                )
                problems.append(Problem(name, line, "", message))
                continue
            rows.append(Row(name, line, {key: clean(cell).strip() for key, cell in zip(header, record, strict=True)}))
    except csv.Error as error:
        problems.append(Problem(name, start, "", f"not valid CSV, from here on unread: {_in_words(error)}"))
    if header is None and len(problems) == before:
        problems.append(Problem(name, 0, "", f"is empty: a header line {','.join(required)} is needed"))
    return rows


def write_table(knowledge: Iterable[Entry], unanswered: Iterable[str] = ()) -> str:
    """Entries and unanswered questions as a CSV table that ``read_knowledge`` reads back to the same."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("id", "question", "answer", "intent", "locale", "tags", "requires"))
    for entry in knowledge:
        for number, question in enumerate(entry.questions):
            first = number == 0
            lists = (" ".join(entry.tags), " ".join(entry.requires))
            rest = (entry.answer, entry.intent, entry.locale, *lists) if first else ("",) * 5
            writer.writerow((entry.id, question, *rest))
    for question in unanswered:
        writer.writerow(("", question, "", "", "", UNANSWERED, ""))
    return out.getvalue()


@dataclass
class _Draft:
    row: Row
    id: str
    answer: str
    questions: dict[str, Row] = field(default_factory=dict)
    intent: str = ""
    locale: str = ""
    tags: dict[str, None] = field(default_factory=dict)
    requires: dict[str, None] = field(default_factory=dict)
    answered: Row | None = None
    repeated: list[Row] = field(default_factory=list)


class _Builder:
    """Gathers rows into entries."""

    def __init__(self, problems: list[Problem]) -> None:
        self._problems = problems
        self._by_id: dict[str, _Draft] = {}
        self._by_answer: dict[str, _Draft] = {}
        self._drafts: list[_Draft] = []
        self._unanswered: dict[str, Row] = {}

    def add(self, row: Row) -> None:
        """Put a row where it belongs, or say what is wrong with it."""
        question, answer, id_ = row.get("question"), row.get("answer"), row.get("id")
        if not question:
            self._wrong(row, "question", "is empty")
            return
        tags, requires = (_WORDS.findall(row.get(column)) for column in ("tags", "requires"))
        odd = next((name for name in requires if not _SLOT_NAME.fullmatch(name)), None)
        if odd is not None:
            self._wrong(row, "requires", f"{odd!r:.60} names no slot: small letters, digits and _, as order_number")
            return
        if UNANSWERED in tags and not answer and not id_:
            self._unanswered.setdefault(question, row)
            return
        draft = self._draft(row, id_, answer)
        if draft is None:
            return
        if draft.questions.setdefault(matching(question), row) is not row:
            draft.repeated.append(row)
        if answer and draft.answered is None:
            draft.answered = row
        draft.intent = draft.intent or row.get("intent")
        draft.locale = draft.locale or row.get("locale")
        draft.tags.update(dict.fromkeys(tags))
        draft.requires.update(dict.fromkeys(requires))

    def _draft(self, row: Row, id_: str, answer: str) -> _Draft | None:
        draft = self._by_id.get(id_) if id_ else self._by_answer.get(answer)
        if draft is None and id_ and answer in self._by_answer and not self._by_answer[answer].id:
            draft = self._by_answer[answer]  # rows before had the answer alone; this one says what it is called
            draft.id = id_
            self._by_id[id_] = draft
        if draft is None:
            return self._new_draft(row, id_, answer)
        if answer and draft.answer and answer != draft.answer:
            self._wrong(row, "answer", f"entry {id_} has another answer in line {draft.row.line} of {draft.row.file}")
            return None
        draft.answer = draft.answer or answer
        return draft

    def _new_draft(self, row: Row, id_: str, answer: str) -> _Draft | None:
        if not answer and not id_:
            self._wrong(row, "answer", "is empty, and no id says which entry the question belongs to")
            return None
        draft = _Draft(row, id_, answer)
        self._drafts.append(draft)
        if id_:
            self._by_id[id_] = draft
        if answer:
            self._by_answer.setdefault(answer, draft)
        return draft

    def build(self, locales: Sequence[str]) -> Knowledge:
        """The entries of all rows, in the order in which they first occurred."""
        entries: list[Entry] = []
        taken = set(self._by_id)
        for draft in self._drafts:
            if not draft.answer:
                self._wrong(draft.row, "answer", f"is empty in every row of entry {draft.id}")
                continue
            name = draft.id or _name(draft, taken)
            taken.add(name)
            questions = tuple(row.get("question") for row in draft.questions.values())
            locale = draft.locale or detect(f"{draft.answer} {questions[0]}", locales)
            # a name that was made of the first question, now or before an export, says nothing of its own
            intent = draft.intent or ("" if name in islice(_names(draft), 2) else name)
            entries.append(
                Entry(name, draft.answer, questions, intent, locale, tuple(draft.tags), tuple(draft.requires))
            )
        return Knowledge(tuple(entries), tuple(self._unanswered))

    def unsettled(self, knowledge: Knowledge) -> Iterator[Problem]:
        """Questions that entries of one language answer differently; ``knowledge`` is what was built."""
        asked: dict[tuple[str, str], list[tuple[Row, Entry]]] = {}
        for draft, entry in zip(self._drafts, knowledge, strict=True):
            for form, row in draft.questions.items():
                asked.setdefault((entry.locale, form), []).append((row, entry))
        for found in asked.values():
            if len(found) > 1 and len({matching(entry.answer) for _, entry in found}) > 1:
                yield _unsettled([row for row, _ in found], [entry.id for _, entry in found])

    def origins(self, knowledge: Knowledge) -> Origins:
        """The rows of what was built; ``knowledge`` is that."""
        built = list(zip(self._drafts, knowledge, strict=True))
        return Origins(
            {(entry.id, row.get("question")): row for draft, entry in built for row in draft.questions.values()},
            {entry.id: draft.answered or draft.row for draft, entry in built},
            self._unanswered,
            {entry.id: draft.repeated for draft, entry in built if draft.repeated},
        )

    def _wrong(self, row: Row, column: str, message: str) -> None:
        if len(self._problems) < _MOST_PROBLEMS:
            self._problems.append(Problem(row.file, row.line, column, message))
        elif len(self._problems) == _MOST_PROBLEMS:
            self._problems.append(Problem(row.file, row.line, "", "and more; only the first problems are shown"))


def _unsettled(rows: Sequence[Row], ids: Sequence[str]) -> Problem:
    more = f" and {len(ids) - _MOST_NAMED} more" if len(ids) > _MOST_NAMED else ""
    message = (
        f"the same question stands in entries {', '.join(ids[:_MOST_NAMED])}{more} with different answers: settle it; "
        f"it stands first in line {rows[0].line} of {rows[0].file}"
    )
    return Problem(rows[1].file, rows[1].line, "question", message)


def _name(draft: _Draft, taken: set[str]) -> str:
    """An id for an entry that has none: readable, the same at every reading, and free."""
    return next(name for name in _names(draft) if name not in taken)


def _names(draft: _Draft) -> Iterator[str]:
    """What an entry without an id can be called, the best name first."""
    first = next(iter(draft.questions))
    slug = _SLUG.sub("-", draft.intent.casefold() or first).strip("-")[:40].strip("-")
    if slug:
        yield slug
    digest = hashlib.sha256(draft.answer.encode("utf-8", "replace")).hexdigest()
    yield from (f"{slug or 'entry'}-{digest[:size]}" for size in range(8, 65))


def _text(path: Path, problems: list[Problem]) -> str | None:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        problems.append(Problem(str(path), 0, "", "no such file"))
        return None
    except IsADirectoryError:
        problems.append(Problem(str(path), 0, "", "is a folder, not a file"))
        return None
    except OSError as error:
        problems.append(Problem(str(path), 0, "", f"cannot be read: {error.strerror}"))
        return None
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.append(Problem(str(path), 0, "", "is UTF-16; save it as UTF-8 (in Excel: CSV UTF-8)"))
        return None
    if b"\x00" in data:
        line = data[: data.index(b"\x00")].count(b"\n") + 1
        problems.append(Problem(str(path), line, "", "is a binary file, not CSV"))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        message = f"byte {data[error.start]:#04x} is not UTF-8; save the file as UTF-8 (in Excel: CSV UTF-8)"
        problems.append(Problem(str(path), line, "", message))
        return None


def _delimiter(text: str, name: str) -> str:
    if name.casefold().endswith((".tsv", ".tab")):
        return "\t"
    header = next((line for line in text.splitlines() if line.strip()), "")
    return max((",", "\t", ";"), key=header.count) if header else ","


def _header_fits(header: list[str], name: str, required: Sequence[str], problems: list[Problem]) -> bool:
    before = len(problems)
    for column in required:
        if column not in header:
            found = ", ".join(cell or "(empty)" for cell in header[:12])
            problems.append(Problem(name, 1, column, f"column is missing; the header has: {found}"))
    twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
    problems.extend(Problem(name, 1, column, "column stands twice in the header") for column in twice)
    return len(problems) == before


def _in_words(error: csv.Error) -> str:
    text = str(error)
    if "unexpected end of data" in text:
        return 'a quote " is opened here and never closed'
    if "expected after" in text:
        return f"{text}; double a quote that belongs to the text"
    if "field larger than" in text:
        return f"{text} characters; is a quote missing?"
    return text
