"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bot.cli.output import TERMINAL
from engine.dialogue import ConversationKey

if TYPE_CHECKING:
    from bot.config import Config
    from storage.conversations import SqlStore

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

Command = TypeVar("Command", bound=Callable[..., Any])

FILE = click.Path(path_type=Path, readable=False)  # reading says better what is wrong, and exits with 1


def config_file_option(function: Command) -> Command:
    """``--config FILE``, handed to the command as the path ``config_file``."""
    return click.option("--config", "config_file", type=FILE, metavar="FILE", help=_CONFIG_HELP)(function)


def config_option(function: Command) -> Command:
    """``--config FILE``, handed to the command as the configuration ``config`` that was read."""
    return click.option("--config", "config", type=FILE, metavar="FILE", callback=_read_config, help=_CONFIG_HELP)(
        function
    )


def model_option(function: Command) -> Command:
    """``--model DIR``, handed to the command as ``model``."""
    return click.option("--model", type=FILE, metavar="DIR", help="A model folder instead of the configured one.")(
        function
    )


def json_option(function: Command) -> Command:
    """``--json``, handed to the command as ``as_json``."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on standard output and nothing else."
    )(function)


def conversation_key(text: str) -> ConversationKey:
    """A type for click: a conversation, named as ``THREAD`` or ``CHANNEL:THREAD``."""
    try:
        return ConversationKey.parse(text, channel=TERMINAL)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


def open_log(config: Config) -> None:
    """Send the log of this command to standard error, as the configuration has it."""
    from bot.journal import open_journal

    open_journal(level=config.log.level, form=config.log.format)


@contextmanager
def opened(config: Config) -> Iterator[SqlStore | None]:
    """The configured store as it is, with the log open; None where nothing was ever stored.

    Raises:
        StorageError: If it cannot be opened, or is older: looking at conversations must not migrate them.
    """
    from bot.cli.databases import open_existing

    open_log(config)
    store = open_existing(config.database_url)
    try:
        yield store
    finally:
        if store is not None:
            store.close()


def _read_config(_context: click.Context, _parameter: click.Parameter, value: Path | None) -> Config:
    from bot.config import load

    return load(value)


_CONFIG_HELP = "The configuration; else config.toml of the working folder, else defaults."
