"""The command ``attendant``: finds the command that was asked for, and lets no traceback out.

Nothing heavy is imported here or at the top of a command's own file, so that every ``--help`` answers at
once.
"""

from __future__ import annotations

import io
import sys
import warnings

import click

from bot.cli.lazy import LazyGroup
from bot.cli.options import CONTEXT


def _version(context: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or context.resilient_parsing:
        return
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("attendant")
    except PackageNotFoundError:
        found = "(not installed)"
    click.echo(f"attendant {found}")
    context.exit()


@click.group(
    cls=LazyGroup,
    commands_in={
        "chat": "bot.cli.chat",
        "ask": "bot.cli.ask",
        "why": "bot.cli.why",
        "train": "bot.cli.train",
        "finetune": "bot.cli.finetune",
        "evaluate": "bot.cli.evaluate",
        "report": "bot.cli.report",
        "models": "bot.cli.models",
        "faq": "bot.cli.faq",
        "conversations": "bot.cli.conversations",
        "memory": "bot.cli.memory",
        "serve": "bot.cli.serve",
        "outbox": "bot.cli.outbox",
        "adapters": "bot.cli.adapters",
        "sandbox": "bot.cli.sandbox",
        "doctor": "bot.cli.doctor",
        "db": "bot.cli.db",
    },
    context_settings=CONTEXT,
    epilog="Exit codes: 0 fine, 1 the work failed, 2 wrong use.",
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
def cli() -> None:
    """A customer-service bot that you run yourself.

    It answers from your own FAQ, says where each answer came from, and says so when it does not know.
    """


def main() -> None:
    """Run the command line of this process."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what libraries tell programmers is nothing for whoever types a command
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show Chinese shows its code points; that is no reason to fail.
            stream.reconfigure(errors="backslashreplace")
    cli(prog_name="attendant")


if __name__ == "__main__":
    main()
