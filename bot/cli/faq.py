"""``attendant faq``: checking, listing, importing and exporting the FAQ; mining logs for one stands in ``mine.py``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.lazy import LazyGroup
from bot.cli.options import CONTEXT, FILE, config_option, json_option
from bot.cli.output import counted, one_line, say, show, show_json, show_table

if TYPE_CHECKING:
    from bot.cli.knowledge import Difference
    from bot.config import Config
    from engine.checks.finding import Finding
    from engine.errors import KnowledgeError
    from engine.knowledge.entries import Knowledge

_MOST_LISTED = 20
_MOST_FOUND = 10  # findings of one kind
_SAID = {"error": "wrong", "warning": "may be a mistake", "note": "note"}
_AGAINST = "Test questions, which must not stand in the FAQ; repeatable."


class _Faq(LazyGroup):
    """The commands of this file, and after them those that are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of the commands, in the order of the help page."""
        return [*self.commands, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One command; None where there is no such."""
        return self.commands.get(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=_Faq, commands_in={"mine": "bot.cli.mine"}, context_settings=CONTEXT)
def command() -> None:
    """Check, list, import and export the FAQ; mine logs for what is missing in it.

    A FAQ is a CSV or TSV file, UTF-8, with the columns question and answer, and if you like id, intent,
    locale and tags. Several rows with one id, or with one answer, form one entry.
    """


@command.command()
@click.argument("files", type=FILE, nargs=-1, required=True, metavar="FILE...")
@click.option("--against", type=FILE, multiple=True, metavar="FILE", help=_AGAINST)
@json_option
@config_option
def check(files: tuple[Path, ...], against: tuple[Path, ...], as_json: bool, config: Config) -> None:
    """Show everything that is wrong in FILE, or may be a mistake; nothing is changed.

    Several files are looked at together, as one FAQ. Ends with 1 where nothing can be learned from them.
    """
    from bot.cli import knowledge
    from engine.errors import KnowledgeError

    try:
        found, findings = knowledge.examine(config, files, against)
    except KnowledgeError as error:
        if not as_json:
            raise
        show_json(_broken(files, error))
        raise click.exceptions.Exit(1) from error
    if as_json:
        show_json(_checked(files, found, findings))
    else:
        languages = ", ".join(f"{name} {count}" for name, count in _locales(found).items())
        show(f"{_called(files)}: {_words(found)} ({languages})")
        _show_findings(findings)
        say(_verdict(findings))
    if any(finding.severity == "error" for finding in findings):
        raise click.exceptions.Exit(1)


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


def _show_findings(findings: Sequence[Finding]) -> None:
    """Findings by kind, some of each; the titles are for people alone and go to standard error."""
    from engine.checks.finding import TITLES

    for kind, group in groupby(findings, key=lambda finding: finding.kind):
        found = list(group)
        say(f"{TITLES[kind]}: {len(found):,}")
        for finding in found[:_MOST_FOUND]:
            show(f"{_SAID[finding.severity]}: {one_line(str(finding))}")
        if len(found) > _MOST_FOUND:
            show(f"and {len(found) - _MOST_FOUND:,} more ({TITLES[kind]}); --json shows all")


def _verdict(findings: Sequence[Finding]) -> str:
    counts = Counter(str(finding.severity) for finding in findings)
    if counts["error"]:
        return f"{counted(counts['error'], 'error', 'errors')}: nothing can be learned from this yet"
    notes = f" ({counted(counts['note'], 'note', 'notes')})" if counts["note"] else ""
    if counts["warning"]:
        return f"{counted(counts['warning'], 'warning', 'warnings')}{notes}: usable; see to the warnings first"
    return f"nothing to correct{notes}"


def _called(files: Sequence[Path]) -> str:
    return ", ".join(map(str, files))


def _checked(files: Sequence[Path], found: Knowledge, findings: Sequence[Finding]) -> dict[str, object]:
    return {
        "file": _called(files),
        "ok": all(finding.severity != "error" for finding in findings),
        **_counts(found),
        "problems": [],
        "warnings": [one_line(str(finding)) for finding in findings if finding.severity == "warning"],
        "findings": [finding.to_json() for finding in findings],
    }


def _broken(files: Sequence[Path], error: KnowledgeError) -> dict[str, object]:
    problems = [
        {"file": problem.file, "line": problem.line, "column": problem.column, "message": problem.message}
        for problem in error.problems
    ]
    return {"file": _called(files), "ok": False, "problems": problems, "warnings": [], "findings": []}
