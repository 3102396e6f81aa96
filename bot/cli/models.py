"""``attendant models``: the models that are kept, which of them answers, and the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.learning import BEFORE_AFTER
from bot.cli.options import CONTEXT, FILE, config_option, json_option, open_log
from bot.cli.output import one_line, say, show, show_json, show_table

if TYPE_CHECKING:
    from bot.config import Config
    from engine.models.record import Record

_SHORT = 12
_QUESTIONS = "Golden questions (CSV) instead of the configured ones; may be repeated."
_NOTE = "Why, for whoever looks at it later."


@click.group(context_settings=CONTEXT)
def command() -> None:
    """Look at the models that are kept, put one in use, go back.

    NAME is the fingerprint of a model, the beginning of one, or `current`. A bot that runs takes over the model
    that was put in use, without a restart.
    """


@command.command("list")
@json_option
@config_option
def list_(as_json: bool, config: Config) -> None:
    """List the models, the newest first; `*` stands before the one in use.

    The list in the database is made from the folders on the way.
    """
    from bot.models import registry_of

    open_log(config)
    registry = registry_of(config)
    update_list(config)
    records = registry.records()
    missing = _missing(config, {record.name for record in records})
    if as_json:
        listed = [*map(_as_data, records), *missing]
        show_json({"current": registry.current() or None, "previous": registry.previous() or None, "models": listed})
        return
    if not records and not missing:
        say(f"there are no models in {registry.folder} yet; `attendant train` makes one")
    show_table([*map(_row, records), *map(_row_of_missing, missing)])


@command.command("show")
@click.argument("name", metavar="NAME")
@json_option
@config_option
def show_one(name: str, as_json: bool, config: Config) -> None:
    """Show what is known of one model."""
    from bot.models import registry_of

    record = registry_of(config).find(name)
    data = _as_data(record)
    if as_json:
        show_json(data)
        return
    shown = {key: value for key, value in data.items() if key != "metrics" and value not in (None, "")}
    for key, value in {**shown, **dict(_flat(data["metrics"]))}.items():
        show(f"{key}: {one_line(str(value))}")


@command.command()
@click.argument("name", metavar="NAME")
@click.option("--force", is_flag=True, help="Also where it is worse, or nothing says that it is not.")
@click.option("--questions", type=FILE, multiple=True, metavar="FILE", help=_QUESTIONS)
@click.option("--note", default="", metavar="TEXT", help=_NOTE)
@json_option
@config_option
def promote(name: str, force: bool, questions: tuple[Path, ...], note: str, as_json: bool, config: Config) -> None:
    """Put a model in use if it answers the golden questions no worse than the one in use.

    The exit code is 1 where it does not take over. With --force it takes over whatever they say.
    """
    from bot import models

    open_log(config)
    registry = models.registry_of(config)
    record = registry.find(name)
    if record.name == registry.current() and not record.problem:
        _told(
            {"promoted": False, "forced": False, "in_use": record.name},
            f"{record.name[:_SHORT]} is in use already",
            as_json,
        )
        return
    say(f"judging {record.name[:_SHORT]} beside {registry.current()[:_SHORT] or 'none'}")
    report = models.promote_if_no_worse(config, record.name, golden=questions or None, note=note)
    forced = force and not report.promotes
    if forced:
        registry.promote(record.name, at=models.now(), note=note)
    update_list(config)
    done = report.promotes or forced
    ending = "is in use now" if done else "stays out of use; --force puts it in use all the same"
    words = "\n".join((*report.lines(), f"{record.name[:_SHORT]} {ending}"))
    _told({**report.to_json(), "promoted": done, "forced": forced, "in_use": registry.current()}, words, as_json)
    if not done:
        raise click.exceptions.Exit(1)


@command.command()
@click.option("--note", default="", metavar="TEXT", help=_NOTE)
@json_option
@config_option
def rollback(note: str, as_json: bool, config: Config) -> None:
    """Put the model in use again that was in use before this one; typed again, the one before that."""
    from bot import models

    open_log(config)
    was, now = models.registry_of(config).rollback(at=models.now(), note=note)
    update_list(config)
    words = f"{now[:_SHORT]} is in use again, instead of {was[:_SHORT] or 'none'}"
    _told({"was": was, "current": now}, words, as_json)


@command.command()
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--questions", type=FILE, multiple=True, metavar="FILE", help=_QUESTIONS)
@json_option
@config_option
def diff(first: str, second: str, questions: tuple[Path, ...], as_json: bool, config: Config) -> None:
    """Show how model B differs from model A: entries, figures, and golden questions answered differently.

    Nothing is changed.
    """
    from bot.cli.knowledge import compare
    from bot.compose import load_engine
    from bot.models import golden_files, registry_of
    from engine.training.gate import judge, read_golden

    open_log(config)
    records = [registry_of(config).find(name) for name in (first, second)]
    golden = read_golden(questions or golden_files(config))
    old, new = (load_engine(config, record.folder) for record in records)
    entries = compare(old.knowledge, new.knowledge)
    report = judge(old, new, golden, margin=config.models.margin)
    figures = _side_by_side(*records)
    if as_json:
        changed = {"added": entries.new, "changed": entries.changed, "removed": entries.gone}
        data = {"a": records[0].name, "b": records[1].name, "entries": {k: list(v) for k, v in changed.items()}}
        data["metrics"] = {name: {"a": before, "b": after} for name, before, after in figures}
        show_json({**data, "golden": report.to_json()})
        return
    named = (("added", entries.new), ("changed", entries.changed), ("removed", entries.gone))
    show("\n".join(f"entries {what}: {_named(ids)}" for what, ids in named))
    names = records[0].name[:_SHORT], records[1].name[:_SHORT]
    show_table([("", *names), *figures])
    show("\n".join(report.lines(names)))


def update_list(config: Config) -> None:
    """Make the list in the database say what the folders say; what hinders it is said, and hinders nothing else.

    Where nothing was ever stored no database is made for it, and none of an earlier version is migrated.
    """
    from bot.cli.databases import open_existing
    from bot.models import registry_of, write_list
    from storage.errors import StorageError

    try:
        store = open_existing(config.database_url)
        if store is not None:
            with store:
                write_list(store, registry_of(config))
    except (StorageError, OSError) as error:
        say(f"the list of models in the database was not written: {error}; `attendant models list` makes it anew")


def _missing(config: Config, there: set[str]) -> list[dict[str, Any]]:
    """Models that the database knows and whose folders are gone."""
    from bot.cli.databases import open_existing
    from storage.errors import StorageError

    try:
        store = open_existing(config.database_url)
    except StorageError:
        return []  # said already, when the list was to be written
    if store is None:
        return []
    with store:
        gone = [model for model in store.models() if model.fingerprint not in there]
    return [
        {
            "fingerprint": model.fingerprint,
            "status": model.status,
            "problem": "its folder is gone",
            "kind": model.kind,
            "created": model.created.isoformat(),
            "parent": model.parent or None,
            "note": model.note,
        }
        for model in gone
    ]


def _as_data(record: Record) -> dict[str, Any]:
    card = record.card
    return {
        "fingerprint": card.fingerprint,
        "status": record.status,
        "problem": record.problem,
        "kind": card.kind,
        "created": card.created.isoformat(),
        "parent": card.parent or None,
        "data": card.data or None,
        "promoted_at": card.promoted_at and card.promoted_at.isoformat(),
        "megabytes": round(record.bytes / 1e6, 3),
        "note": card.note,
        "folder": str(record.folder),
        "metrics": dict(card.metrics),
    }


def _row(record: Record) -> tuple[str, ...]:
    card = record.card
    held = dict(_flat(card.metrics))
    well, asked = held.get("golden.well"), held.get("golden.questions")
    figures = f"golden {well}/{asked}" if asked else "-"
    words = "; ".join(part for part in (record.problem, card.note) if part)
    mark = "*" if record.status == "current" else ""
    made = f"{card.created:%Y-%m-%d %H:%M}"
    return mark, card.fingerprint[:_SHORT], made, card.kind, record.status, figures, words


def _row_of_missing(data: dict[str, Any]) -> tuple[str, ...]:
    made = str(data["created"])[:16].replace("T", " ")
    return "", data["fingerprint"][:_SHORT], made, data["kind"], data["status"], "-", data["problem"]


def _side_by_side(first: Record, second: Record) -> list[tuple[str, str, str]]:
    """Figures that both models, or one of them, have, by name."""
    before, after = (
        {"megabytes": round(one.bytes / 1e6, 1), **dict(_flat(metrics))}
        for one, metrics in zip((first, second), _metrics_of(first, second), strict=True)
    )
    return [(name, _figure(before.get(name)), _figure(after.get(name))) for name in dict.fromkeys((*before, *after))]


def _metrics_of(first: Record, second: Record) -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures of both; where the second was made from the first, each with its side of the comparison then made."""
    before, after = dict(first.card.metrics), dict(second.card.metrics)
    compared = after.get(BEFORE_AFTER)
    if second.card.parent == first.name and isinstance(compared, dict):
        rows = {kind: row for kind, row in compared.items() if isinstance(row, dict)}
        before[BEFORE_AFTER], after[BEFORE_AFTER] = (
            {kind: {"questions": row.get("questions"), **_table(row.get(side))} for kind, row in rows.items()}
            for side in ("before", "after")
        )
    return before, after


def _table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _flat(metrics: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Nested figures as ``held_out.wrong`` and the like; lists are left out."""
    for name, value in dict(metrics).items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, int | float | str):
            yield f"{prefix}{name}", value


def _figure(value: Any) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)[:40]


def _named(ids: Sequence[str]) -> str:
    shown = ", ".join(ids[:5]) + (f" and {len(ids) - 5:,} more" if len(ids) > 5 else "")
    return f"{len(ids):,}" + (f" ({one_line(shown)})" if ids else "")


def _told(data: dict[str, Any], words: str, as_json: bool) -> None:
    if as_json:
        show_json(data)
    else:
        show(words)
