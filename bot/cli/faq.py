"""``attendant faq``: checking, listing, importing and exporting the FAQ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, FILE, config_option, json_option
from bot.cli.output import counted, say, show, show_json, show_table

if TYPE_CHECKING:
    from bot.cli.knowledge import Difference
    from bot.config import Config
    from engine.errors import KnowledgeError
    from engine.knowledge.entries import Knowledge

_MOST_LISTED = 20


@click.group(context_settings=CONTEXT)
def command() -> None:
    """Check, list, import and export the FAQ.

    A FAQ is a CSV or TSV file, UTF-8, with the columns question and answer, and if you like id, intent,
    locale and tags. Several rows with one id, or with one answer, form one entry.
    """


@command.command()
@click.argument("file", type=FILE)
@json_option
@config_option
def check(file: Path, as_json: bool, config: Config) -> None:
    """Show everything that is wrong in FILE, or may be a mistake; nothing is changed."""
    from bot.cli import knowledge
    from engine.errors import KnowledgeError

    try:
        found, warnings = knowledge.examine(config, file)
    except KnowledgeError as error:
        if not as_json:
            raise
        show_json(_broken(file, error))
        raise click.exceptions.Exit(1) from error
    if as_json:
        show_json({"file": str(file), "ok": True, **_counts(found), "problems": [], "warnings": warnings})
        return
    languages = ", ".join(f"{name} {count}" for name, count in _locales(found).items())
    show(f"{file}: {_words(found)} ({languages})")
    for warning in warnings:
        show(f"may be a mistake: {warning}")


@command.command("list")
@click.argument("file", type=FILE, required=False)
@json_option
@config_option
def list_(file: Path | None, as_json: bool, config: Config) -> None:
    """List the entries of FILE, else of the FAQ that is in use."""
    from bot.cli import knowledge

    found = knowledge.read(config, [file] if file else [])
    say(f"{_words(found)} in {file or knowledge.configured(config).words}")
    if as_json:
        show_json({"entries": [entry.to_json() for entry in found]})
        return
    show_table((entry.id, entry.locale, str(len(entry.questions)), entry.questions[0]) for entry in found)


@command.command("import")
@click.argument("file", type=FILE)
@config_option
def import_(file: Path, config: Config) -> None:
    """Add the entries of FILE to the imported FAQ; an entry of the same id is replaced.

    The imported FAQ is used where the configuration names no files. `attendant train` then learns it.
    """
    from bot.cli import knowledge
    from bot.cli.files import write_whole
    from engine.knowledge.entries import Knowledge
    from engine.knowledge.table import write_table

    target = config.imported_knowledge
    arriving = knowledge.read(config, [file])
    before = knowledge.read(config, [target]) if target.exists() else Knowledge(())
    merged = before.merged(arriving, arriving.unanswered)
    difference = knowledge.compare(before, merged)
    _announce(target, difference, arriving)
    if not difference.new and not difference.changed:
        show(f"{target}: nothing to do")
        return
    write_whole(target, write_table(merged, merged.unanswered))
    show(f"{target}: {_words(merged)}")
    if config.knowledge.files:
        say("note: the configuration names its own files under [knowledge], so the imported FAQ is not in use")
    say("`attendant train` learns it")


@command.command()
@click.argument("file", metavar="FILE")
@config_option
def export(file: str, config: Config) -> None:
    """Write the FAQ that is in use to FILE, '-' for standard output."""
    from bot.cli import knowledge
    from bot.cli.files import write_whole
    from engine.knowledge.table import write_table

    found = knowledge.read(config)
    table = write_table(found, found.unanswered)
    if file == "-":
        click.echo(table, nl=False)
        return
    path = Path(file)
    say(f"{'replacing' if path.exists() else 'writing'} {path} with {knowledge.configured(config).words}")
    write_whole(path, table)
    show(f"{path}: {_words(found)}")


def _announce(target: Path, difference: Difference, arriving: Knowledge) -> None:
    same = [id_ for id_ in difference.same if id_ in arriving]
    say(f"{'changing' if target.exists() else 'creating'} {target}:")
    for name, ids in (("new", difference.new), ("changed", difference.changed), ("the same", same)):
        listed = ", ".join(ids[:_MOST_LISTED]) + (", …" if len(ids) > _MOST_LISTED else "")
        if ids:
            say(f"  {counted(len(ids), 'entry', 'entries')} {name}: {listed}")


def _words(knowledge: Knowledge) -> str:
    questions = sum(len(entry.questions) for entry in knowledge)
    return f"{counted(len(knowledge), 'entry', 'entries')}, {counted(questions, 'question', 'questions')}"


def _counts(knowledge: Knowledge) -> dict[str, object]:
    questions = sum(len(entry.questions) for entry in knowledge)
    return {"entries": len(knowledge), "questions": questions, "locales": _locales(knowledge)}


def _locales(knowledge: Knowledge) -> dict[str, int]:
    return {name: sum(entry.locale == name for entry in knowledge) for name in knowledge.locales}


def _broken(file: Path, error: KnowledgeError) -> dict[str, object]:
    problems = [
        {"file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message}
        for problem in error.problems
    ]
    return {"file": str(file), "ok": False, "problems": problems, "warnings": []}
