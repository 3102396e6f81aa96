"""What a run learns from: knowledge, sample conversations, and background questions that no FAQ answers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

from engine.dialogue import Speaker, Turn
from engine.errors import KnowledgeError, Problem
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import read_rows, read_tables
from engine.text.normalise import clean
from engine.training.questions import Question, read_questions

_SPEAKERS = {"customer": Speaker.CUSTOMER, "user": Speaker.CUSTOMER, "agent": Speaker.AGENT, "bot": Speaker.AGENT}


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """A turn of a logged conversation; ``entry`` is what the agent answered from, ``slots`` what the customer gave."""

    turn: Turn
    entry: str | None = None
    slots: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedConversation:
    """A conversation between a customer and a person, as logged."""

    id: str
    turns: tuple[LoggedTurn, ...]


@dataclass(frozen=True, slots=True)
class TrainingData:
    """All that a run learns from; ``warnings`` say what in the tables may be a mistake."""

    knowledge: Knowledge
    conversations: tuple[LoggedConversation, ...] = ()
    background: tuple[str, ...] = ()
    validation: tuple[Question, ...] = ()
    warnings: tuple[Problem, ...] = ()


def sample(name: str) -> Path:
    """The path of a file of the sample that comes along, such as ``faq_en.csv``."""
    return Path(str(resources.files("engine.samples") / name))


def sample_sources() -> list[Path]:
    """The files of the sample that a training without sources learns from."""
    return [sample("faq_en.csv"), sample("faq_zh.csv"), sample("unanswered.csv"), sample("conversations.jsonl")]


def sample_validation() -> list[Path]:
    """The sample's validation questions, for a training on the sample."""
    return [sample("validation_questions.csv")]


def read_training_data(
    sources: Sequence[Path], *, validation: Sequence[Path] = (), locales: Sequence[str] = ("en", "zh")
) -> TrainingData:
    """Read FAQ tables (CSV, TSV) and logged conversations (JSONL).

    Args:
        sources: Tables and logs.
        validation: Tables of real questions with the id or the answer that is right, out of scope where both are empty;
            confidence and thresholds are fitted on them.
        locales: Languages to choose from for entries that do not name theirs.

    Raises:
        KnowledgeError: If anything in any file is wrong; holds every problem.
    """
    logs = [path for path in sources if path.suffix.casefold() in (".jsonl", ".ndjson")]
    tables = [path for path in sources if path not in logs]
    problems: list[Problem] = []
    if not tables:
        problems.append(
            Problem(", ".join(map(str, sources)) or "nothing", 0, "", "no FAQ table (CSV or TSV) was named")
        )
    knowledge, warnings = Knowledge(()), tuple[Problem, ...]()
    try:
        knowledge, warnings = read_tables(tables, locales=locales) if tables else (knowledge, warnings)
    except KnowledgeError as error:
        problems.extend(error.problems)
    conversations = [conversation for path in logs for conversation in _read_log(path, knowledge, problems)]
    held_out: list[Question] = []
    for path in validation:
        try:
            held_out.extend(read_questions(path, knowledge))
        except KnowledgeError as error:
            problems.extend(error.problems)
    if problems:
        raise KnowledgeError(problems)
    outside = (*background(), *knowledge.unanswered)
    return TrainingData(knowledge, tuple(conversations), outside, tuple(held_out), warnings)


def background() -> tuple[str, ...]:
    """Questions that no FAQ answers, in English and Chinese; they teach what out of scope looks like."""
    rows, _ = read_rows([sample("background.csv")], required=("question",))
    return tuple(row.get("question") for row in rows)


def _read_log(path: Path, knowledge: Knowledge, problems: list[Problem]) -> list[LoggedConversation]:
    try:
        lines = path.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        problems.append(Problem(str(path), 0, "", f"cannot be read: {error.strerror}"))
        return []
    except UnicodeDecodeError as error:
        problems.append(Problem(str(path), 0, "", f"is not UTF-8: byte {error.start}"))
        return []
    found: list[LoggedConversation] = []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            found.append(_conversation(json.loads(line), knowledge))
        except json.JSONDecodeError as error:
            problems.append(Problem(str(path), number, "", f"not JSON: {error.msg} at character {error.colno}"))
        except (KeyError, TypeError, AttributeError) as error:
            problems.append(
                Problem(str(path), number, "turns", f"not a conversation: {error!r} is missing or of another type")
            )
        except ValueError as error:
            problems.append(Problem(str(path), number, "turns", str(error)))
    return found


def _conversation(data: Any, knowledge: Knowledge) -> LoggedConversation:
    turns: list[LoggedTurn] = []
    for item in data["turns"]:
        role = str(item["role"]).casefold()
        if role not in _SPEAKERS:
            raise ValueError(f"role {item['role']!r} is none of {', '.join(sorted(_SPEAKERS))}")
        entry = item.get("entry")
        if entry is not None and len(knowledge) and entry not in knowledge:
            raise ValueError(f"entry {entry!r} is not in the FAQ")
        slots = {str(name): str(value) for name, value in (item.get("slots") or {}).items() if isinstance(value, str)}
        turns.append(LoggedTurn(Turn(_SPEAKERS[role], clean(str(item["text"])).strip()), entry, slots))
    return LoggedConversation(str(data.get("conversation_id", "")), tuple(turns))
