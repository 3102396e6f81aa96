"""``attendant why``: what led to the answer of a question."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, FILE, config_option, conversation_key, json_option, model_option, open_log
from bot.cli.output import name_of, one_line, say, show, show_json
from engine.dialogue import ConversationKey, Speaker

if TYPE_CHECKING:
    from bot.config import Config
    from engine.memory import WorkingMemory

_PAGES = (".html", ".htm")
_WITH_MEMORY = "With the memory of this stored conversation; it is read only."


@click.command(context_settings=CONTEXT, short_help="Show what led to the answer of a question.")
@click.argument("text", nargs=-1, required=True)
@click.option("--html", "page", metavar="FILE", type=FILE, help="Write a page for the browser instead.")
@click.option("--conversation", "key", metavar="ID", type=conversation_key, help=_WITH_MEMORY)
@model_option
@json_option
@config_option
def command(
    text: tuple[str, ...],
    page: Path | None,
    key: ConversationKey | None,
    model: Path | None,
    as_json: bool,
    config: Config,
) -> None:
    """Show why a question gets the answer that it gets; nothing is stored.

    TEXT may be several words. Shown are the reply and the rule that decided, the words and how much the
    network looks at each, the entries that come into question and what speaks for them, the nearest stored
    questions, the thresholds in force, and what memory added.
    """
    said = _checked(" ".join(text), config)
    if page is not None:
        _check_page(page)
    from bot.compose import load_engine
    from bot.errors import NoModel
    from engine.explain import explain

    open_log(config)
    engine = load_engine(config, model)
    if not len(engine.knowledge):
        raise NoModel("the model holds no entries, so nothing comes into question; fill the FAQ and `attendant train`")
    memory = _memory(config, key) if key is not None else None
    deadline = time.monotonic() + config.answers.deadline_seconds
    explanation = explain(engine, said, memory, locale=_locale(said, memory, config), deadline=deadline)
    if page is not None:
        from bot.cli.files import write_whole
        from bot.cli.why_page import page as written

        say(f"{'replacing' if page.exists() else 'writing'} {page}")
        write_whole(page, written(explanation))
    if as_json:
        show_json(explanation.to_json())
    elif page is not None:
        show(f"{page}: why {one_line(said)}")
    else:
        from bot.cli.why_text import lines

        show("\n".join(lines(explanation)))


def _checked(text: str, config: Config) -> str:
    """The message as the engine would get it; what never reaches the engine is wrong use."""
    from bot.commands import parse
    from engine.text.normalise import clean

    said = clean(text).strip()
    if not said:
        raise click.UsageError('nothing was asked; for example: attendant why "How long does delivery take?"')
    if parse(said) is not None:
        raise click.UsageError(f"{said} is a command of the chat: no entry is looked for")
    most = config.service.message_characters
    if len(said) > most:
        raise click.UsageError(
            f"{len(said):,} characters are more than service.message_characters ({most:,}): no entry is looked for"
        )
    return said


def _check_page(page: Path) -> None:
    """Refuse to put a page in place of what is none, before anything else is done."""
    if page.is_dir():
        raise click.BadParameter(f"{page} is a folder; name a file in it", param_hint="--html")
    if page.is_file() and page.suffix.lower() not in _PAGES:
        raise click.BadParameter(f"{page} is there and no .html file; it is not replaced", param_hint="--html")


def _memory(config: Config, key: ConversationKey) -> WorkingMemory:
    """The memory of a stored conversation as it stands.

    Raises:
        StorageError: If there is no such conversation.
    """
    from bot import ownership
    from bot.cli.databases import open_existing
    from storage.errors import StorageError

    store = open_existing(config.database_url)
    try:
        conversation = store.load(key) if store is not None else None
    finally:
        if store is not None:
            store.close()
    name = one_line(name_of(key))
    if conversation is None or conversation.version == 0:
        raise StorageError(f"there is no conversation {name}; `attendant conversations list` shows them")
    if not ownership.bot_may_speak(ownership.read(conversation.owner)):
        say(f"note: {name} is with a person now, so the bot would not answer; this is what it would have answered")
    return conversation.memory


def _locale(text: str, memory: WorkingMemory | None, config: Config) -> str:
    """The language to answer in: that of the message, else of what the customer said before."""
    from engine.text.language import detect

    locales = config.bot.locales
    before = None
    for turn in memory.recent if memory is not None else ():
        if turn.speaker is Speaker.CUSTOMER:
            before = detect(turn.text, locales, default=before)
    return detect(text, locales, default=before)
