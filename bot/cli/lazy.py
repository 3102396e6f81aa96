"""A group whose commands are imported when they are asked for; here failures become words."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of commands, each the attribute ``command`` of a module.

    Args:
        commands_in: Names of modules by the names of their commands, in the order of the help page.
        settings: What ``click.Group`` takes.
    """

    def __init__(self, *, commands_in: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._modules = dict(commands_in)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Names of the commands, in the order of the help page."""
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command; None where there is no such."""
        if cmd_name not in self._modules:
            return None
        command: click.Command = import_module(self._modules[cmd_name]).command
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; whatever it raises becomes a sentence and an exit code."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            from bot.cli.failures import report

            ctx.exit(report(error))
