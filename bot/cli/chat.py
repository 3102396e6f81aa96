"""``attendant chat``: the chat in the terminal, trained first where there is no model yet."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_option, conversation_key
from bot.cli.output import TERMINAL, say
from engine.dialogue import ConversationKey

if TYPE_CHECKING:
    from bot.config import Config

ADAPTER = "tui"
_NO_TERMINAL = """\
attendant chat needs a terminal. Without one, ask like this:
  attendant ask "How long does delivery take?"
  attendant ask --json "How long does delivery take?"
  attendant ask --file questions.txt --jsonl
If there is no model yet, `attendant train` makes one."""


@click.command(context_settings=CONTEXT)
@click.option("--conversation", "key", metavar="ID", type=conversation_key, help="Go on with this conversation.")
@config_option
def command(key: ConversationKey | None, config: Config) -> None:
    """Chat in the terminal.

    Where there is no model yet, one is trained first from the FAQ in use; where nothing can be learned, the
    bot offers a person. Conversations are stored and restored; logs go to attendant.log in the data folder.
    """
    if not at_terminal():
        say(_NO_TERMINAL)
        raise click.exceptions.Exit(2)
    if key is not None and key.channel != TERMINAL:
        raise click.UsageError(f"only conversations of the terminal go on here, and {key} is one of {key.channel}")
    if not (config.model_path / "manifest.json").exists():
        _train_first(config)
    _open(config, key)


def at_terminal() -> bool:
    """True where keys come from a terminal, and the screen and the notes go to one."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)


def _train_first(config: Config) -> None:
    from bot.cli import learning, train
    from bot.cli.failures import in_words
    from engine.errors import KnowledgeError, TrainingError

    say(f"there is no model in {config.model_path} yet, so one is trained first; this happens once")
    try:
        learned = train.run(config, learning.options_of(config))
    except (KnowledgeError, TrainingError) as error:
        say(f"attendant: {in_words(error)}")
        say("nothing could be learned, so the bot can only offer a person until `attendant train` succeeds")
        return
    say(learning.in_words(learned))


def _open(config: Config, key: ConversationKey | None) -> None:
    import asyncio

    from bot import registry
    from bot.cli import databases, knowledge
    from bot.compose import compose
    from bot.house import serve
    from bot.journal import open_journal

    databases.announce(config.database_url)
    config.data.mkdir(parents=True, exist_ok=True, mode=0o700)  # conversations are nobody else's business
    open_journal(level=config.log.level, form=config.log.format, file=config.data / "attendant.log")
    house = compose(config)
    house.warm_up()
    try:
        changed = knowledge.changed_since(config, house.engine.knowledge) if house.engine else ""
        if changed:
            say(changed)
        settings = dict(config.adapters.get(ADAPTER, {}))
        if key is not None:
            settings["conversation"] = key.thread
        asyncio.run(serve(house, [registry.build(ADAPTER, settings, house)]))
    finally:
        house.close()
