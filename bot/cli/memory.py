"""``attendant memory``: what is remembered of a conversation; changing it, handing it out, forgetting it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import CONTEXT, config_option, conversation_key, json_option, opened
from bot.cli.output import counted, name_of, one_line, say, show, show_json
from engine.dialogue import ConversationKey, Speaker

if TYPE_CHECKING:
    from pathlib import Path

    from bot.config import Config
    from engine.knowledge.entries import Knowledge
    from engine.memory import WorkingMemory
    from storage.ports import Conversation, Store

LONGEST_NAME = 64
PATIENCE_SECONDS = 20.0
_FILES_ONLY = (
    "no command trains from the database: models learn from files alone; nor are exports kept. What was written with "
    "`conversations export`, `memory export` or `faq mine` is in your hands"
)
_LEARNED = ("knowledge.json", "validation.json")


@click.group(context_settings=CONTEXT)
def command() -> None:
    """See what is remembered of a conversation, change it, hand it out, forget it.

    CONVERSATION is CHANNEL:THREAD, or THREAD alone for conversations of the terminal.
    """


@command.command("show")
@click.argument("key", metavar="CONVERSATION", type=conversation_key)
@json_option
@config_option
def show_one(key: ConversationKey, as_json: bool, config: Config) -> None:
    """Show all that is remembered: in short, as a person who takes over reads it, and then topics, values, recent
    turns, and what else memory holds.
    """
    from bot.remembered import lines, sections
    from bot.wording import Wording
    from engine.knowledge.entries import Knowledge
    from engine.summary import in_words, summarised

    with opened(config) as store:
        conversation = _existing(store, key)
        stones = _tombstones(store, key)
    known = _knowledge(config)
    questions = {entry.id: entry.questions[0] for entry in known or ()}
    memory = conversation.memory
    short = summarised(memory, known or Knowledge(()))
    if as_json:
        held = {"memory": _without_payload(memory, questions), "summary": short.to_json(), "forgotten": stones}
        show_json({**_head(conversation), **held})
        return
    version = f"version {conversation.version:,}"
    show(f"{one_line(name_of(key))}: {counted(memory.turn, 'message', 'messages')} heard, {version}")
    wording = Wording(config.bot.name, config.bot.locales, config.wording)
    told = in_words(short, wording.say, _language(memory, config)).splitlines()
    if told:
        show("In short")
    for line in told:
        show(f"  {one_line(line)}")
    remembered = lines(sections(memory, lambda entry: questions.get(entry, "")))
    for line in remembered:
        indent = "  " if line.startswith("  ") else ""
        show(indent + one_line(line))
    if not remembered:
        show("nothing is remembered")
    for stone in stones:
        turns = counted(stone["turns"], "turn", "turns")
        show(f"forgotten on {stone['at'][:10]}: {turns}, by the {stone['by']} ({stone['scope']})")


@command.command("set")
@click.argument("key", metavar="CONVERSATION", type=conversation_key)
@click.argument("values", metavar="NAME=VALUE...", nargs=-1, required=True)
@config_option
def set_(key: ConversationKey, values: tuple[str, ...], config: Config) -> None:
    """Keep values as if a colleague had said them, for sure; an empty VALUE removes one.

    All of them are written, or none.
    """
    wanted = [_assignment(text) for text in values]
    now = datetime.now(UTC)

    def change(memory: WorkingMemory) -> WorkingMemory:
        for name, value in wanted:
            memory = memory.fill(name, value, heard=now, speaker=Speaker.AGENT) if value else memory.drop(name)
        return memory

    with opened(config) as store:
        _existing(store, key)
        for name, value in wanted:
            say(f"{one_line(name_of(key))}: {name} = {value}" if value else f"{one_line(name_of(key))}: {name} removed")
        _change(store, key, change)
    show(f"remembered: {one_line(name_of(key))}")


@command.command()
@click.argument("key", metavar="CONVERSATION", type=conversation_key)
@click.option("--slots", is_flag=True, help="The values that were given.")
@click.option("--topics", is_flag=True, help="What it was about: topics, choices offered and taken.")
@click.option("--all", "everything", is_flag=True, help="All of it; so it is too without an option.")
@config_option
def clear(key: ConversationKey, slots: bool, topics: bool, everything: bool, config: Config) -> None:
    """Empty the memory of a conversation, or a part of it; the turns stay stored.

    What a network carries from turn to turn goes in any case, since nobody can tell what is in it.
    """
    from dataclasses import replace

    from engine.memory import WorkingMemory

    everything = everything or not (slots or topics)

    def change(memory: WorkingMemory) -> WorkingMemory:
        if everything:
            return WorkingMemory()
        memory = replace(memory, neural=None)
        if slots:
            memory = replace(memory, slots={})
        return replace(memory, topics=(), offered=(), about="", settled=()) if topics else memory

    parts = "all" if everything else " and ".join(name for name, chosen in _parts(slots, topics) if chosen)
    with opened(config) as store:
        _existing(store, key)
        say(f"clearing {parts} of the memory of {one_line(name_of(key))}")
        _change(store, key, change)
    show(f"cleared: {one_line(name_of(key))}")


@command.command()
@click.argument("key", metavar="CONVERSATION", type=conversation_key)
@config_option
def export(key: ConversationKey, config: Config) -> None:
    """Write all that is stored of a conversation to standard output: turns, memory, verdicts; one JSON object."""
    from storage.rows import reply_to_json

    with opened(config) as store:
        conversation = _existing(store, key)
        assert store is not None  # noqa: S101 - it exists
        turns = [
            {
                "role": turn.turn.speaker.value,
                "text": turn.turn.text,
                "at": turn.at.isoformat(),
                "message_id": turn.message_id,
                "sender": turn.sender,
                "reply": None if turn.reply is None else reply_to_json(turn.reply),
            }
            for turn in store.history(key)
        ]
        verdicts = [
            {"message_id": one.message_id, "verdict": one.verdict, "at": one.at.isoformat()}
            for one in store.verdicts(key)
        ]
        stones = _tombstones(store, key)
    memory = conversation.memory.to_json()
    show_json(
        {**_head(conversation), "turns": turns, "memory": memory, "feedback": verdicts, "forgotten": stones},
    )


@command.command()
@click.argument("key", metavar="[CONVERSATION]", type=conversation_key, required=False)
@click.option("--sender", metavar="CHANNEL:SENDER", help="Forget this person in every conversation of the channel.")
@json_option
@config_option
def forget(key: ConversationKey | None, sender: str | None, as_json: bool, config: Config) -> None:
    """Remove the text of a conversation, or all of a person's, and say which models may hold some of it.

    Turns, memory, undelivered replies and verdicts go, in one step and for good. That something was forgotten, when
    and how many turns stays; `attendant conversations forget` leaves not even that. In a conversation of several,
    what others wrote stays.
    """
    if (key is None) == (sender is None):
        raise click.UsageError("name either a CONVERSATION or --sender CHANNEL:SENDER")
    from bot.cli.databases import copies_of
    from storage.ports import By

    at = datetime.now(UTC)
    with opened(config) as store:
        channel, person = ("", "") if sender is None else _person(sender)
        keys = _of_person(store, channel, person) if sender is not None else [_existing(store, key).key]
        assert store is not None  # noqa: S101 - it has these conversations
        texts = _said(store, keys, person)
        say(f"removing what was said in {counted(len(keys), 'conversation', 'conversations')}, and its memory")
        with store.write() as work:
            if sender is None:
                removed: Mapping[ConversationKey, int] = {one: work.erase(one, by=By.OPERATOR, at=at) for one in keys}
            else:
                removed = work.erase_person(channel, person, by=By.OPERATOR, at=at)
            work.commit()
    turns, copies, holding = sum(removed.values()), copies_of(config.database_url), _holding(config, texts)
    if as_json:
        named = [name_of(one) for one in removed]
        show_json({"conversations": named, "turns": turns, "models": holding, "copies": [str(one) for one in copies]})
        return
    in_all = f"{counted(turns, 'turn', 'turns')} of {counted(len(removed), 'conversation', 'conversations')}"
    show(f"forgotten: {in_all}; that it was, and when, stays")
    for one in copies:
        say(f"this copy, kept before a migration, may still hold it: {one}")
    show(_FILES_ONLY)
    for model in holding:
        entries = ", ".join(one_line(entry) for entry in model["entries"]) or "validation questions"
        show(f"model {model['fingerprint'][:12]} ({model['kind']}) holds such a sentence word for word: {entries}")
    if not holding:
        show("no model that is kept holds such a sentence word for word")


@command.command()
@click.option("--days", type=click.IntRange(1, 36_500), metavar="N", help="Instead of memory.retention_days.")
@config_option
def prune(days: int | None, config: Config) -> None:
    """Remove conversations whose last turn is older than `memory.retention_days`, without a trace.

    A running bot does so by itself when it starts, and then once a day.
    """
    days = days or config.memory.retention_days
    if not days:
        say("memory.retention_days is 0: every conversation is kept; --days N removes those older than that")
        return
    with opened(config) as store:
        say(f"removing conversations whose last turn is more than {counted(days, 'day', 'days')} old")
        count = store.forget_older_than(datetime.now(UTC) - timedelta(days=days)) if store else 0
    show(f"forgotten: {counted(count, 'conversation', 'conversations')}")


def _existing(store: Store | None, key: ConversationKey | None) -> Conversation:
    """The conversation as stored.

    Raises:
        StorageError: If there is none.
    """
    from storage.errors import StorageError

    conversation = store.load(key) if store is not None and key is not None else None
    if conversation is None or conversation.version == 0:
        named = "" if key is None else f" {one_line(name_of(key))}"
        raise StorageError(f"there is no conversation{named}; `attendant conversations list` shows them")
    return conversation


def _change(store: Store | None, key: ConversationKey, change: Callable[[WorkingMemory], WorkingMemory]) -> None:
    """Write a changed memory; where somebody else wrote first, change what stands there then.

    Raises:
        StorageError: If it cannot be written, or the conversation is gone.
    """
    from storage.errors import Conflict, Unavailable

    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        conversation = _existing(store, key)
        assert store is not None  # noqa: S101 - it exists
        try:
            with store.write() as work:
                work.save(conversation.with_memory(change(conversation.memory)))
                work.commit()
            return
        except Conflict as error:
            if time.monotonic() > until:
                raise Unavailable(f"somebody else keeps writing in conversation {one_line(name_of(key))}") from error
        time.sleep(random.uniform(0.0, 0.1))


def _assignment(text: str) -> tuple[str, str]:
    """The name and the cleaned value of ``NAME=VALUE``.

    Raises:
        click.BadParameter: If it is something else, or too long.
    """
    from engine.memory import LONGEST_VALUE

    name, equals, value = text.partition("=")
    name, value = one_line(name), one_line(value)
    if not equals or not name:
        raise click.BadParameter(f"{one_line(text)!r} is not NAME=VALUE", param_hint="NAME=VALUE")
    if len(name) > LONGEST_NAME:
        raise click.BadParameter(
            f"a name of {len(name)} characters, expected at most {LONGEST_NAME}", param_hint="NAME=VALUE"
        )
    if len(value) > LONGEST_VALUE:
        raise click.BadParameter(
            f"the value of {name} has {len(value):,} characters, expected at most {LONGEST_VALUE}",
            param_hint="NAME=VALUE",
        )
    return name, value


def _parts(slots: bool, topics: bool) -> tuple[tuple[str, bool], ...]:
    return ("slots", slots), ("topics", topics)


def _head(conversation: Conversation) -> dict[str, Any]:
    key = conversation.key
    return {
        "conversation": name_of(key),
        "channel": key.channel,
        "thread": key.thread,
        "owner": conversation.owner,
        "version": conversation.version,
    }


def _tombstones(store: Store | None, key: ConversationKey) -> list[dict[str, Any]]:
    stones = store.tombstones(key) if store is not None else ()
    return [
        {"at": stone.at.isoformat(), "turns": stone.turns, "by": stone.by.value, "scope": stone.scope.value}
        for stone in stones
    ]


def _without_payload(memory: WorkingMemory, questions: Mapping[str, str]) -> dict[str, Any]:
    """The memory as plain data: topics with the question of their entry, and no bytes of a network."""
    data = memory.to_json()
    data["topics"] = [{**topic, "question": questions.get(topic["entry"])} for topic in data["topics"]]
    if memory.neural is not None:
        data["neural"] = {"fingerprint": memory.neural.fingerprint, "bytes": len(memory.neural.payload)}
    return data


def _language(memory: WorkingMemory, config: Config) -> str:
    """The language that the customer wrote in last; the main one where nothing says it."""
    from engine.text.language import detect

    said = (turn.text for turn in reversed(memory.recent) if turn.speaker is Speaker.CUSTOMER)
    return detect(next(said, ""), config.bot.locales)


def _knowledge(config: Config) -> Knowledge | None:
    """The entries of the model in use; None where there is none to be read. The networks stay unread."""
    import json

    from engine.knowledge.entries import Knowledge

    try:
        found = next(config.model_path.glob("knowledge-*.json"), None)
        return None if found is None else Knowledge.from_json(json.loads(found.read_bytes()))
    except Exception:  # whatever is wrong with the model, the memory can be shown without it
        return None


def _person(text: str) -> tuple[str, str]:
    channel, colon, sender = text.partition(":")
    if not colon or not channel.strip() or not sender.strip():
        raise click.BadParameter(f"a person is named CHANNEL:SENDER, not {one_line(text)!r}", param_hint="--sender")
    return channel, sender


def _of_person(store: Store | None, channel: str, sender: str) -> Sequence[ConversationKey]:
    """The conversations in which the person wrote.

    Raises:
        StorageError: If there are none.
    """
    from storage.errors import StorageError

    keys = store.of_person(channel, sender) if store is not None else ()
    if not keys:
        raise StorageError(f"nobody named {one_line(sender)} wrote on the channel {one_line(channel)}")
    return keys


def _said(store: Store, keys: Sequence[ConversationKey], sender: str) -> set[str]:
    """What a customer said in these conversations, as texts are compared; with ``sender``, what they or nobody said."""
    from engine.text.normalise import matching

    said = (turn for key in keys for turn in store.history(key) if turn.turn.speaker is Speaker.CUSTOMER)
    return {matching(turn.turn.text) for turn in said if not sender or turn.sender in (None, sender)} - {""}


def _holding(config: Config, texts: set[str]) -> list[dict[str, Any]]:
    """The models that are kept and have one of these texts, word for word, among what they learned."""
    from bot.models import registry_of
    from engine.text.normalise import matching

    found = []
    for record in registry_of(config).records():
        entries: list[str] = []
        holds = False
        for path in _learned(record.folder):
            for entry, text in _texts(path):
                if matching(text) in texts:
                    holds = True
                    entries += [entry] if entry and entry not in entries else []
        if holds:
            card = record.card
            found.append(
                {
                    "fingerprint": record.name,
                    "kind": card.kind,
                    "created": card.created.isoformat(),
                    "status": record.status,
                    "entries": entries,
                }
            )
    return found


def _learned(folder: Path) -> Iterator[Path]:
    for name in _LEARNED:
        stem, _, ending = name.partition(".")
        yield from sorted(folder.glob(f"{stem}-*.{ending}"))


def _texts(path: Path) -> Iterator[tuple[str, str]]:
    """Every text of a JSON file, with the id of the entry that it stands in, empty where it stands in none."""
    import json

    try:
        waiting: list[tuple[str, Any]] = [("", json.loads(path.read_bytes()))]
    except (OSError, ValueError, RecursionError):
        return
    while waiting:
        entry, value = waiting.pop()
        if isinstance(value, str):
            yield entry, value
        elif isinstance(value, Mapping):
            named = value.get("id", entry)
            waiting += [(str(named), item) for item in value.values()]
        elif isinstance(value, list):
            waiting += [(entry, item) for item in value]
