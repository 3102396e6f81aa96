"""``attendant train --dry-run``: what was understood of the sources, for people and for programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.cli.output import counted, one_line, show, show_json

if TYPE_CHECKING:
    from engine.errors import Problem
    from engine.logs.source import Source, Sources
    from engine.logs.summary import Summary

_LONGEST = 100  # characters of an example
_MOST_WARNINGS = 10


def dry_run(
    files: Sequence[Path],
    *,
    validation: Sequence[Path],
    locales: Sequence[str],
    formats: Mapping[Path, str],
    as_json: bool,
) -> bool:
    """Show what of the sources would be learned; True where a training could begin with them."""
    from engine.errors import KnowledgeError
    from engine.logs.source import read_sources
    from engine.logs.summary import summarise
    from engine.training.data import gather_training_data

    read = read_sources(files, formats=formats, locales=locales)
    found = [(source, summarise(source, locales)) for source in read.files]
    problems: Sequence[Problem] = ()
    asked = 0
    try:
        asked = len(gather_training_data(read, validation).validation)
    except KnowledgeError as error:
        problems = error.problems
    if as_json:
        show_json(_data(read, found, problems, asked))
    else:
        show("\n".join(_lines(read, found, problems, asked)))
    return not problems


def _data(
    read: Sources, found: Sequence[tuple[Source, Summary]], problems: Sequence[Problem], asked: int
) -> dict[str, Any]:
    sources = [
        {
            "file": str(source.path),
            "format": source.format or None,
            "encoding": source.encoding or None,
            **summary.to_json(),
            "left_out": dict(source.left_out),
        }
        for source, summary in found
    ]
    return {
        "dry_run": True,
        "ok": not problems,
        "entries": len(read.knowledge),
        "questions": len(read.knowledge.examples()),
        "unanswered": len(read.knowledge.unanswered),
        "conversations": len(read.conversations),
        "validation": asked,
        "sources": sources,
        "problems": [asdict(problem) for problem in problems],
        "warnings": [asdict(warning) for warning in read.warnings],
    }


def _lines(
    read: Sources, found: Sequence[tuple[Source, Summary]], problems: Sequence[Problem], asked: int
) -> Iterator[str]:
    for source, summary in found:
        yield from _of_source(source, summary)
    for warning in read.warnings[:_MOST_WARNINGS]:
        yield f"may be a mistake: {warning}"
    if len(read.warnings) > _MOST_WARNINGS:
        yield f"and {len(read.warnings) - _MOST_WARNINGS:,} more; --json shows all"
    if problems:
        yield f"{counted(len(problems), 'problem', 'problems')}, so that nothing can be trained from this:"
        yield from (f"  {problem}" for problem in problems)
        return
    entries = counted(len(read.knowledge), "entry", "entries")
    conversations = counted(len(read.conversations), "conversation", "conversations")
    held_out = f", {counted(asked, 'validation question', 'validation questions')}" if asked else ""
    yield f"all together: {entries}, {conversations}{held_out}; a dry run: nothing was trained"


def _of_source(source: Source, summary: Summary) -> Iterator[str]:
    from engine.logs.detect import FORMATS

    if not source.format:
        yield f"{source.path}: not understood"
        return
    yield f"{source.path}: read as {source.format}, {FORMATS[source.format]}; {source.encoding or 'unreadable'}"
    yield f"  {_counts(summary)}"
    for reason, count in source.left_out.items():
        yield f"  left out: {one_line(reason)}: {count:,}"
    for number, (question, answer) in enumerate(summary.examples):
        yield f"  {'for example:' if number == 0 else '            '} {_short(question)} → {_short(answer)}"


def _counts(summary: Summary) -> str:
    parts = [
        counted(summary.entries, "entry", "entries") if summary.entries else "",
        counted(summary.questions, "question", "questions") if summary.questions else "",
        f"{counted(summary.unanswered, 'question', 'questions')} without answer" if summary.unanswered else "",
        counted(summary.conversations, "conversation", "conversations") if summary.conversations else "",
        counted(summary.turns, "turn", "turns") if summary.turns else "",
    ]
    languages = ", ".join(f"{name} {count:,}" for name, count in summary.languages.items())
    return f"{', '.join(filter(None, parts)) or 'nothing'}{f' ({languages})' if languages else ''}"


def _short(text: str) -> str:
    line = one_line(text)
    return f"{line[: _LONGEST - 1]}…" if len(line) > _LONGEST else line or "(nothing)"
