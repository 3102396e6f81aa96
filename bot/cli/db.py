"""``attendant db``: the schema of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_option
from bot.cli.output import say, show

if TYPE_CHECKING:
    from bot.config import Config


@click.group(context_settings=CONTEXT)
def command() -> None:
    """Look after the database."""


@command.command()
@config_option
def upgrade(config: Config) -> None:
    """Create the database, or bring an older one to the newest revision.

    Before an older SQLite file is changed, a copy of it is kept beside it.
    """
    from bot.cli import databases

    found = databases.look(config.database_url)
    if found.plan:
        say(found.plan)
    databases.upgrade(config.database_url)  # also refuses a newer one
    show(f"{found.where}: revision {found.newest}, {'done' if found.plan else 'nothing to do'}")
