"""``attendant faq mine``: what customers ask most, out of logs or of the bot's own conversations."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import CONTEXT, FILE, config_option, json_option, model_option, open_log
from bot.cli.output import counted, one_line, say, show_json, show_table
from engine.dialogue import Grade, Provenance, Source, Speaker

if TYPE_CHECKING:
    from bot.config import Config
    from engine.knowledge.entries import Knowledge
    from engine.logs.conversation import LoggedConversation
    from engine.mining.pairs import Gathered, Pair
    from engine.mining.topics import Mined, Topic
    from engine.ports import TextEncoder
    from storage.ports import Store, StoredTurn

_TABLES = (".csv",)
_STDOUT = "-"
_ALL = 2**31 - 1
_MOST = 100
_NO_MATTER = (Grade.HOSTILE, Grade.MEANINGLESS)


@click.command(context_settings=CONTEXT, short_help="Gather what customers ask most, as a table to edit.")
@click.argument("logs", type=FILE, nargs=-1)
@model_option
@click.option("--out", metavar="FILE.csv", help="Write the topics to this table; '-' for standard output.")
@click.option("--most", type=click.IntRange(min=1), default=_MOST, show_default=True, help="How many topics at most.")
@click.option(
    "--least", type=click.IntRange(min=1), default=2, show_default=True, help="Conversations a topic must occur in."
)
@click.option("--format", "form", metavar="NAME", help="Read LOGS as this format; else their content says it.")
@json_option
@config_option
def command(
    logs: tuple[Path, ...],
    model: Path | None,
    out: str | None,
    most: int,
    least: int,
    form: str | None,
    as_json: bool,
    config: Config,
) -> None:
    """Gather the questions of LOGS, conversations of customers with people, into topics; nothing is learned.

    Each topic has a question, further wordings, the answer that agents agree on most, in how many
    conversations it occurred, and what the FAQ answers already. Without LOGS: what the bot itself was
    asked and could not answer. --out writes a table which `attendant faq import` takes in after someone
    has edited it.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(name, "1")  # several threads in step cost four times the CPU, and numpy is not there yet
    _check_out(out, as_json, logs, config)
    _check_format(form)
    open_log(config)
    gathered = _from_logs(config, logs, form) if logs else _from_store(config)
    mined, taken = _mined(config, gathered, model, most, least)
    if out is not None and mined.topics:
        _write(out, mined, taken)
    if as_json:
        show_json(_as_data(gathered, mined, out))
    elif out != _STDOUT:
        _show(gathered, mined, least)


def _check_out(out: str | None, as_json: bool, logs: Sequence[Path], config: Config) -> None:
    """Refuse to put a table in place of what is none, of a log or of the FAQ, before anything else is done."""
    if out is None:
        return
    if out == _STDOUT:
        if as_json:
            raise click.UsageError("--json and --out - both want standard output; name a file")
        return
    path = Path(out)
    if path.is_dir():
        raise click.BadParameter(f"{path} is a folder; name a file in it", param_hint="--out")
    if path.is_file() and path.suffix.lower() not in _TABLES:
        raise click.BadParameter(f"{path} is there and no .csv file; it is not replaced", param_hint="--out")
    from bot.cli.knowledge import configured

    kept = {kept.resolve() for kept in (*logs, *configured(config).files, config.imported_knowledge)}
    if path.resolve() in kept:
        raise click.BadParameter(f"{path} is a log or the FAQ itself; name another file", param_hint="--out")


def _check_format(form: str | None) -> None:
    from engine.logs.detect import FORMATS

    if form is not None and form not in FORMATS:
        raise click.BadParameter(f"{form!r} is none of {', '.join(FORMATS)}", param_hint="--format")


def _from_logs(config: Config, logs: Sequence[Path], form: str | None) -> Gathered:
    """The questions of logs, read one conversation after the other.

    Raises:
        KnowledgeError: If anything in any of them is wrong; holds every problem.
    """
    from engine.errors import KnowledgeError, Problem
    from engine.mining.pairs import gather

    problems: list[Problem] = []
    found = gather(_conversations(logs, form, problems), config.bot.locales)
    if problems:
        raise KnowledgeError(problems)
    return found


def _conversations(logs: Sequence[Path], form: str | None, problems: list[Any]) -> Iterator[LoggedConversation]:
    """The conversations of all logs; what is wrong in them is added to ``problems``, what is left out is said."""
    from engine.errors import KnowledgeError
    from engine.logs.notes import Notes
    from engine.logs.source import stream_conversations

    for path in dict.fromkeys(logs):
        say(f"reading {path}")
        notes = Notes(str(path))
        try:
            yield from stream_conversations(path, notes, form)
        except KnowledgeError as error:
            problems.extend(error.problems)
        problems.extend(problem for problem in notes.problems if problem not in problems)
        for reason, count in notes.left_out.items():
            say(f"{path}: {count:,} left out: {reason}")


def _from_store(config: Config) -> Gathered:
    """What the bot could not answer.

    Raises:
        StorageError: If the database cannot be read.
    """
    from bot.cli.databases import open_existing
    from engine.mining.pairs import Gathered

    store = open_existing(config.database_url)
    if store is None:
        say("there are no conversations yet; name a log to gather the questions of")
        return Gathered((), 0, 0, 0)
    with closing(store):
        return unanswered(store, config.bot.locales)


def unanswered(store: Store, locales: Sequence[str]) -> Gathered:
    """The questions that were declined, asked back or handed over, out of the bot's own conversations.

    Commands, insults and what has no meaning are no questions. Of a message with several questions, of which some
    were answered, nothing is taken.
    """
    from engine.mining.pairs import Gathered

    pairs: list[Pair] = []
    messages = leaning = 0
    keys = [summary.key for summary in store.conversations(limit=_ALL)]
    for number, key in enumerate(keys):
        turns = store.history(key)
        messages += sum(turn.turn.speaker is Speaker.CUSTOMER for turn in turns)
        found, left = _open_questions(turns, number, locales)
        pairs += found
        leaning += left
    return Gathered(tuple(pairs), len(keys), messages, leaning)


def _open_questions(turns: Sequence[StoredTurn], number: int, locales: Sequence[str]) -> tuple[list[Pair], int]:
    """What one conversation left open, and how many of its questions leaned on an earlier turn."""
    from bot.commands import parse
    from engine.mining.pairs import Pair, leans, questions
    from engine.text.language import detect

    outcomes = {turn.message_id: _outcome(turn.reply.provenance) for turn in turns if turn.reply}
    pairs: list[Pair] = []
    leaning = 0
    before = ""
    for turn in turns:
        if turn.turn.speaker is not Speaker.CUSTOMER:
            before = turn.turn.text
            continue
        outcome = outcomes.get(turn.message_id, "")
        if not outcome or parse(turn.turn.text) is not None:
            continue
        for text in questions(turn.turn.text, before):
            if before and leans(text):
                leaning += 1
            else:
                pairs.append(Pair(text, "", number, detect(text, locales), outcome))
    return pairs, leaning


def _outcome(provenance: Provenance) -> str:
    """What the bot did with a question that it did not answer; empty for an answer and for what was no question."""
    if provenance.origin == "bot" or provenance.grade in _NO_MATTER:
        return ""  # a command, or a person is looking after the conversation
    if provenance.source is Source.CLARIFY:
        return "declined" if provenance.grade is Grade.NEAR_MISS else "asked back"
    return {Source.FIXED: "declined", Source.HANDOFF: "handed over"}.get(provenance.source, "")


def _mined(config: Config, gathered: Gathered, model: Path | None, most: int, least: int) -> tuple[Mined, Knowledge]:
    """The topics with what is known of them already, and the FAQ that knows it."""
    from dataclasses import replace

    from bot.cli import knowledge
    from bot.compose import load_engine
    from bot.errors import NoModel
    from engine.base.base import BaseEncoder, shipped
    from engine.mining.coverage import covered_by_meaning, covered_by_model
    from engine.mining.topics import mine
    from engine.understand.slots import SlotFinder

    try:
        engine = load_engine(config, model)
    except NoModel as error:
        if model is not None:
            raise
        say(f"note: {error}; what is covered is told by meaning alone, from {knowledge.configured(config).words}")
        engine = None
    known = engine.knowledge if engine is not None else knowledge.read(config)
    encoder: TextEncoder = BaseEncoder(shipped(), SlotFinder(config.slots))
    say(f"gathering {counted(len(gathered.pairs), 'question', 'questions')} into topics")
    found = mine(gathered.pairs, encoder, most=most, least=least, masked=_mask(config, known))
    topics = (
        covered_by_model(found.topics, engine)
        if engine is not None
        else covered_by_meaning(found.topics, known, encoder)
    )
    return replace(found, topics=topics), known


def _mask(config: Config, known: Knowledge) -> Callable[[str], str]:
    """Takes out personal data, names and order numbers, and what the configuration knows; what the FAQ tells stays."""
    from engine.checks.masking import Placeholders, names_in, public_of
    from engine.understand.slots import BUILT_IN, SlotFinder

    own = {name: re.compile(pattern) for name, pattern in config.slots.items()}
    patterns = {"order_number": BUILT_IN["order_number"], **own}
    public = public_of(known, patterns)
    slots = SlotFinder(config.slots)
    return lambda text: Placeholders(slots.find(text), patterns, names_in([text]), public).mask(text)


def _write(out: str, mined: Mined, known: Knowledge) -> None:
    from bot.cli.files import write_whole
    from engine.mining.table import write_topics

    table = write_topics(mined.topics, [entry.id for entry in known])
    if out == _STDOUT:
        click.echo(table, nl=False)
        return
    path = Path(out)
    say(f"{'replacing' if path.exists() else 'writing'} {path}")
    write_whole(path, table)
    say(f"edit it, then `attendant faq check {path}` and `attendant faq import {path}`")


def _as_data(gathered: Gathered, mined: Mined, out: str | None) -> dict[str, Any]:
    return {
        "conversations": gathered.conversations,
        "messages": gathered.messages,
        "questions": len(gathered.pairs),
        "leaning": gathered.leaning,
        "found": mined.found,
        "file": out if mined.topics else None,
        "topics": [topic.to_json() for topic in mined.topics],
    }


def _show(gathered: Gathered, mined: Mined, least: int) -> None:
    say(
        f"{counted(gathered.conversations, 'conversation', 'conversations')}, "
        f"{counted(len(gathered.pairs), 'question', 'questions')} that can be understood alone, "
        f"{gathered.leaning:,} left out that lean on an earlier turn"
    )
    if not mined.topics:
        say(f"no topic occurs in at least {counted(least, 'conversation', 'conversations')}; nothing is written")
        return
    if mined.found > len(mined.topics):
        say(f"the first {len(mined.topics):,} of {mined.found:,} topics; --most shows more")
    header = ("conversations", "status", "agreement", "question")
    show_table([header, *map(_row, mined.topics)])
    open_ = sum(not topic.answer for topic in mined.topics)
    if open_:
        say(f"{counted(open_, 'topic has', 'topics have')} no answer yet: write one, or take its rows out")


def _row(topic: Topic) -> tuple[str, str, str, str]:
    outcomes = ", ".join(f"{count:,} {name}" for name, count in topic.outcomes.items())
    covered = f"{topic.cover.status.value} {topic.cover.entry}" if topic.cover.entry else topic.cover.status.value
    agreement = outcomes or (f"{topic.share:.0%} of {topic.answers:,}" if topic.answers else "-")
    return f"{topic.conversations:,}", covered, agreement, one_line(topic.question)
