"""All checks together, for a FAQ by itself and for all that a run learns from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.checks import amounts, duplicates, languages, lengths, links, private
from engine.checks.finding import Asked, Finding, Kind, Material, Severity
from engine.errors import KnowledgeError
from engine.knowledge.table import Origins, read_rows

if TYPE_CHECKING:
    from engine.training.data import TrainingData

_CHECKS: tuple[Callable[[Material], Iterator[Finding]], ...] = (
    amounts.nothing_to_tell_apart,
    duplicates.conflicts,
    duplicates.declined,
    duplicates.nearly,
    duplicates.leaks,
    private.in_questions,
    private.in_conversations,
    private.in_answers,
    languages.mixed,
    languages.unspoken,
    duplicates.several_ids,
    links.mistyped,
    amounts.unfilled,
    lengths.cut_questions,
    lengths.uncomposed,
    amounts.too_few,
    duplicates.repeated,
)
_KINDS = {kind: number for number, kind in enumerate(Kind)}


def check(material: Material) -> list[Finding]:
    """Everything that may be a mistake, the most important kind first, and within a kind by file and line."""
    found = [finding for look in _CHECKS for finding in look(material)]
    return sorted(found, key=lambda one: (_KINDS[one.kind], one.file, one.line))


def warnings_for(
    data: TrainingData,
    *,
    origins: Origins | None = None,
    locales: Sequence[str] = (),
    patterns: Mapping[str, re.Pattern[str]] | None = None,
    slots: Sequence[str] = (),
) -> tuple[Finding, ...]:
    """Errors and warnings for all that a run learns from; what is only worth knowing is left out.

    Args:
        data: What was read.
        origins: The rows of its texts; without them a finding names entries, but no lines.
        locales: The languages that the bot speaks.
        patterns: What else is personal in this company.
        slots: Names of the company's own slots.
    """
    asked = [Asked(question.text, question.entries) for question in data.validation]
    own = dict(patterns or {})
    material = Material(data.knowledge, origins or Origins(), asked, data.conversations, locales, own, tuple(slots))
    return tuple(finding for finding in check(material) if finding.severity is not Severity.NOTE)


def read_asked(paths: Iterable[Path]) -> list[Asked]:
    """Test questions with their lines, from tables with ``question`` and perhaps ``id``.

    Raises:
        KnowledgeError: If a file cannot be read or anything in it is wrong; holds every problem.
    """
    from engine.training.questions import SEVERAL

    rows, problems = read_rows(list(paths), required=("question",))
    if problems:
        raise KnowledgeError(problems)
    return [
        Asked(
            row.get("question"),
            frozenset(name.strip() for name in row.get("id").split(SEVERAL) if name.strip()),
            row.file,
            row.line,
        )
        for row in rows
        if row.get("question")
    ]
