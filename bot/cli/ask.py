"""``attendant ask``: one question, or a file of them."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_option, conversation_key, json_option, model_option, open_log
from bot.cli.output import counted, name_of, one_line, say, show, show_json
from engine.dialogue import ConversationKey

if TYPE_CHECKING:
    from bot.cli.asking import Answer
    from bot.compose import House
    from bot.config import Config
    from engine.dialogue import Reply


@click.command(context_settings=CONTEXT)
@click.argument("text", nargs=-1, metavar="[TEXT]...")
@click.option("--file", "source", metavar="FILE", help="Questions to answer, '-' for standard input.")
@click.option(
    "--conversation",
    "key",
    metavar="ID",
    type=conversation_key,
    help="Make it a turn of this conversation, and store it.",
)
@model_option
@json_option
@click.option("--jsonl", is_flag=True, help="With --file: print one JSON object a line, in the order of the questions.")
@config_option
def command(
    text: tuple[str, ...],
    source: str | None,
    key: ConversationKey | None,
    model: Path | None,
    as_json: bool,
    jsonl: bool,
    config: Config,
) -> None:
    """Answer a question, or all questions of a file.

    TEXT may be several words; without TEXT and --file the question is read from standard input. A file
    has one question a line, or is CSV with a column "question", or JSON lines with a field "question". Its
    questions are answered each for itself, unless --conversation makes them turns of one conversation.
    Without --conversation nothing is stored.
    """
    if jsonl and source is None and not text:
        source = "-"
    _check_use(text, source, as_json, jsonl)
    from bot.cli import asking, questions

    asked = questions.read_questions(source) if source is not None else [_one(text)]
    open_log(config)
    _announce(config, key, len(asked))
    house = asking.open_house(config, model, lasting=key is not None)
    try:
        answers = asking.ask_in_order(house, key, asked) if key else _without_store(house, asked, one=source is None)
        if source is not None:
            _show_all(key, asked, answers, jsonl)
        else:
            _show_one(key, next(answers), as_json)
    finally:
        house.close()


def _check_use(text: tuple[str, ...], source: str | None, as_json: bool, jsonl: bool) -> None:
    if text and source is not None:
        raise click.UsageError("either TEXT or --file, not both")
    if jsonl and text:
        raise click.UsageError("--jsonl goes with --file; --json is for a single TEXT")
    if as_json and source is not None:
        raise click.UsageError("--json is for a single TEXT; --jsonl goes with --file")
    if not text and source is None and (sys.stdin is None or sys.stdin.isatty()):
        raise click.UsageError('nothing was asked; for example: attendant ask "How long does delivery take?"')


def _one(text: tuple[str, ...]) -> str:
    from bot.cli.questions import STDIN, read_text

    return " ".join(text) if text else read_text(STDIN)


def _announce(config: Config, key: ConversationKey | None, count: int) -> None:
    if key is None:
        return
    from bot.cli.databases import announce

    announce(config.database_url)
    say(f"storing {counted(count, 'turn', 'turns')} in conversation {name_of(key)}")


def _without_store(house: House, asked: Sequence[str], *, one: bool) -> Iterator[Answer]:
    from bot.cli import asking

    # A single question takes the same way as a customer's, only that its conversation is forgotten at once.
    return (
        asking.ask_in_order(house, ConversationKey("terminal", "once"), asked)
        if one
        else asking.ask_apart(house, asked)
    )


def _show_one(key: ConversationKey | None, answer: Answer, as_json: bool) -> None:
    from bot.cli.asking import reply_json

    if as_json:
        show_json(reply_json(key, answer))
    else:
        show(in_words(answer.reply))


def _show_all(key: ConversationKey | None, asked: Sequence[str], answers: Iterator[Answer], jsonl: bool) -> None:
    from bot.cli.asking import reply_json

    began = time.perf_counter()
    for question, answer in zip(asked, answers, strict=True):
        if jsonl:
            show_json({"question": question, **reply_json(key, answer)})
        else:
            show(f"> {one_line(question)}\n{in_words(answer.reply)}\n")
    seconds = time.perf_counter() - began
    say(f"answered {counted(len(asked), 'question', 'questions')} in {seconds:.1f} s")


def in_words(reply: Reply) -> str:
    """A reply as a customer reads it: the text, and under it the choices with their numbers."""
    return "\n".join([reply.text, *(f"  {number}. {choice.text}" for number, choice in enumerate(reply.choices, 1))])
