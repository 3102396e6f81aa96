"""``attendant conversations``: what was said, handed out and forgotten."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import CONTEXT, config_option, conversation_key, json_option, opened
from bot.cli.output import counted, name_of, one_line, say, show, show_json, show_table
from engine.dialogue import ConversationKey

if TYPE_CHECKING:
    from bot.config import Config
    from storage.ports import Store, StoredTurn

_ALL = 2**31 - 1


@click.group(context_settings=CONTEXT)
def command() -> None:
    """Look at stored conversations, hand them out, forget them.

    ID is CHANNEL:THREAD, or THREAD alone for conversations of the terminal.
    """


@command.command("list")
@click.option("--limit", type=click.IntRange(min=1), default=100, show_default=True, help="How many at most.")
@json_option
@config_option
def list_(limit: int, as_json: bool, config: Config) -> None:
    """List conversations, the one written last first."""
    with opened(config) as store:
        found = store.conversations(limit=limit) if store else ()
    if as_json:
        show_json(
            {
                "conversations": [
                    {
                        "conversation": name_of(item.key),
                        "channel": item.key.channel,
                        "thread": item.key.thread,
                        "owner": item.owner,
                        "turns": item.turns,
                        "updated_at": item.updated_at.isoformat(),
                    }
                    for item in found
                ]
            }
        )
        return
    if not found:
        say("there are no conversations yet")
    show_table(
        (
            f"{item.updated_at:%Y-%m-%d %H:%M}",
            counted(item.turns, "turn", "turns"),
            item.owner,
            name_of(item.key),
        )
        for item in found
    )


@command.command("show")
@click.argument("key", metavar="ID", type=conversation_key)
@json_option
@config_option
def show_one(key: ConversationKey, as_json: bool, config: Config) -> None:
    """Show the turns of one conversation, and where each reply came from."""
    with opened(config) as store:
        data = _as_data(store, key)
    if as_json:
        show_json(data)
        return
    show(f"{one_line(name_of(key))}, {counted(len(data['turns']), 'turn', 'turns')}, owner: {data['owner']}")
    for turn in data["turns"]:
        why = f"  [{turn['source']}, {turn['confidence']:.0%}, {turn['entry'] or '-'}]" if "source" in turn else ""
        show(f"{turn['at'][:19]} {turn['role']}: {one_line(turn['text'])}{why}")


@command.command()
@click.argument("key", metavar="[ID]", type=conversation_key, required=False)
@config_option
def export(key: ConversationKey | None, config: Config) -> None:
    """Write one conversation, or all, to standard output: one JSON object a line.

    `attendant train` can learn from such a file beside a FAQ, after someone has read it.
    """
    with opened(config) as store:
        keys = [key] if key else [item.key for item in store.conversations(limit=_ALL)] if store else []
        for one in keys:
            show_json(_as_data(store, one))


@command.command()
@click.argument("key", metavar="ID", type=conversation_key)
@config_option
def forget(key: ConversationKey, config: Config) -> None:
    """Remove every trace of a conversation from the database. There is no way back."""
    with opened(config) as store:
        data = _as_data(store, key)
        if store is None:
            return
        turns = counted(len(data["turns"]), "turn", "turns")
        say(f"removing conversation {one_line(name_of(key))}: {turns} and its memory")
        with store.write() as work:
            work.forget(key)
            work.commit()
    _mention_copies(config)
    show(f"forgotten: {one_line(name_of(key))}")


def _as_data(store: Store | None, key: ConversationKey) -> dict[str, Any]:
    """A conversation in the format that training reads, with what else is known of each turn.

    Raises:
        StorageError: If there is no such conversation.
    """
    from storage.errors import StorageError

    conversation = store.load(key) if store else None
    if store is None or conversation is None or conversation.version == 0:
        raise StorageError(
            f"there is no conversation {one_line(name_of(key))}; `attendant conversations list` shows them"
        )
    verdicts = {verdict.message_id: verdict.verdict for verdict in store.verdicts(key)}
    history = store.history(key)
    # A reply without a word stands for a wish to be forgotten: there is nothing to be shown or learned.
    wordless = {turn.message_id for turn in history if turn.reply is not None and not turn.turn.text}
    turns = [_turn(turn, verdicts) for turn in history if turn.message_id not in wordless]
    return {
        "conversation_id": name_of(key),
        "channel": key.channel,
        "thread": key.thread,
        "owner": conversation.owner,
        "turns": turns,
    }


def _turn(turn: StoredTurn, verdicts: dict[str, str]) -> dict[str, Any]:
    data: dict[str, Any] = {
        "role": turn.turn.speaker.value,
        "text": turn.turn.text,
        "at": turn.at.isoformat(),
    }
    if turn.reply is None:
        return data
    data["entry"] = turn.reply.entry
    data["source"] = turn.reply.provenance.source.value
    data["reason"] = turn.reply.provenance.reason
    data["confidence"] = round(turn.reply.confidence, 4)
    if turn.message_id in verdicts:
        data["verdict"] = verdicts[turn.message_id]
    return data


def _mention_copies(config: Config) -> None:
    from bot.cli.databases import copies_of

    copies = copies_of(config.database_url)
    if copies:
        names = ", ".join(copy.name for copy in copies)
        say(f"copies kept before a migration may still hold it: {names} in {copies[0].parent}")
