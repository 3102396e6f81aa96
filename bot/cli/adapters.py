"""``attendant adapters``: which channels are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_option, json_option
from bot.cli.output import say, show_json, show_table

if TYPE_CHECKING:
    from bot.config import Config


@click.command(context_settings=CONTEXT, short_help="Show which channels are installed and ready.")
@json_option
@config_option
def command(as_json: bool, config: Config) -> None:
    """Show the installed adapters, the package each comes from, and whether it is ready."""
    from bot import registry

    found = list(registry.survey())
    if as_json:
        show_json(
            {
                "adapters": [
                    {
                        "name": item.name,
                        "package": item.package,
                        "target": item.target,
                        "ready": not item.problem,
                        "problem": item.problem,
                    }
                    for item in found
                ]
            }
        )
    else:
        show_table((item.name, item.package, item.problem or "ready") for item in found)
    if not found:
        say("no adapter is installed; is the package attendant itself installed? `pip install .` does that")
    for name in sorted(set(config.adapters) - {item.name for item in found}):
        say(f"the configuration has settings for {name}, which is not installed")
