"""``attendant doctor``: whether everything is there that answering needs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_file_option, json_option
from bot.cli.output import counted, one_line, show_json, show_table

if TYPE_CHECKING:
    from bot.config import Config
    from bot.registry import Installed


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found about one part."""

    name: str
    ok: bool
    words: str


@click.command(context_settings=CONTEXT, short_help="Check everything that answering needs.")
@json_option
@config_file_option
def command(as_json: bool, config_file: Path | None) -> None:
    """Check configuration, FAQ, model, database and adapters; nothing is created or changed.

    One line each; the exit code is 1 if there is any problem.
    """
    findings = list(_examine(config_file))
    if as_json:
        checks = [{"name": item.name, "ok": item.ok, "words": item.words} for item in findings]
        show_json({"ok": all(item.ok for item in findings), "checks": checks})
    else:
        show_table(("ok" if item.ok else "problem", item.name, item.words) for item in findings)
    if not all(item.ok for item in findings):
        raise click.exceptions.Exit(1)


def _examine(config_file: Path | None) -> Iterator[Finding]:
    from bot.config import load

    read: list[Config] = []

    def config() -> str:
        read.append(load(config_file))
        return str(read[0].file or f"no config.toml here: defaults, data in {read[0].data}")

    yield _finding("config", config)
    if read:
        yield _finding("knowledge", lambda: _knowledge(read[0]))
        yield _finding("model", lambda: _model(read[0]))
        yield _finding("database", lambda: _database(read[0]))
    yield from _adapters(read[0] if read else None)


def _finding(name: str, look: Callable[[], str]) -> Finding:
    from bot.cli.failures import in_words

    try:
        return Finding(name, True, look())
    except Exception as error:
        return Finding(name, False, one_line(in_words(error)))


def _knowledge(config: Config) -> str:
    from bot.cli import knowledge
    from engine.training.data import read_training_data

    sources = knowledge.configured(config)
    data = read_training_data(sources.files, validation=sources.validation, locales=config.bot.locales)
    return f"{sources.words}: {counted(len(data.knowledge), 'entry', 'entries')}"


def _model(config: Config) -> str:
    from bot.cli import knowledge
    from bot.compose import load_engine

    engine = load_engine(config)
    entries = counted(len(engine.knowledge), "entry", "entries")
    words = f"{config.model_path}: {engine.fingerprint[:12]}, {entries}"
    changed = knowledge.changed_since(config, engine.knowledge)
    return f"{words}; {changed}" if changed else words


def _database(config: Config) -> str:
    from bot.cli.databases import look
    from storage.errors import StorageError

    found = look(config.database_url)
    _check_room(found.where)
    if found.revision is None:
        return f"{found.where}: will be created"
    if found.revision > found.newest:
        raise StorageError(f"{found.where} was written by a later version (revision {found.revision})")
    return f"{found.where}: revision {found.revision}" + (f"; {found.plan} at the next start" if found.plan else "")


def _check_room(where: str) -> None:
    """The file, where it is there, must be writable, and the nearest folder must let files be made in it."""
    if not Path(where).is_absolute():
        return  # on a server
    folder = next(parent for parent in Path(where).parents if parent.exists())
    if Path(where).exists() and not os.access(where, os.W_OK):
        raise PermissionError(13, "cannot be written", where)
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(13, "nothing can be written there", str(folder))


def _adapters(config: Config | None) -> Iterator[Finding]:
    from bot import registry
    from bot.cli.serve import enabled

    found = list(registry.survey())
    served = enabled(config) if config is not None else []
    for item in found:
        if config is not None and item.name in served and not item.problem:
            yield _finding(f"adapter {item.name}", partial(_served, config, item))
        else:
            yield Finding(f"adapter {item.name}", not item.problem, item.problem or item.package)
    if not found:
        yield Finding("adapters", False, "none is installed; `pip install .` installs those that come along")
    missing = set(config.adapters) - {item.name for item in found} if config is not None else set()
    for name in sorted(missing):
        yield Finding(f"adapter {name}", False, "has settings in the configuration, but is not installed")


def _served(config: Config, item: Installed) -> str:
    """Build an adapter with its settings, as ``attendant serve`` would; nothing is opened."""
    from bot import registry
    from bot.cli.serve import settings_of
    from bot.ports import Warns
    from bot.testing import RecordingDesk

    adapter = registry.build(item.name, settings_of(config, item.name), RecordingDesk())
    told = adapter.warnings() if isinstance(adapter, Warns) else ()
    return "; ".join([f"{item.package}, enabled", *told])
