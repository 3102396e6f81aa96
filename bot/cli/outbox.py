"""``attendant outbox``: what waits to be sent or to be taken up, and what was given up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, config_option, json_option, opened
from bot.cli.output import counted, name_of, one_line, say, show, show_json, show_table

if TYPE_CHECKING:
    from bot.config import Config
    from engine.dialogue import ConversationKey
    from storage.ports import Delivery, Store, StoredEvent

_SHOWN = 60  # characters of a text
_MOST = 100_000  # looked through for what is parked
_IN = "in"


@click.group(context_settings=CONTEXT)
def command() -> None:
    """See what waits to be sent, or to be taken up, and what was given up; try it again or drop it.

    A number with "in" before it, such as in4, names a message that came in and was not taken up.
    """


@command.command(name="list")
@click.option("--parked", "only_parked", is_flag=True, help="Only what was given up.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="Show at most so many of each.")
@json_option
@config_option
def list_(only_parked: bool, limit: int, as_json: bool, config: Config) -> None:
    """List what is not sent yet and what is not taken up yet, the oldest first."""
    with opened(config) as store:
        most = _MOST if only_parked else limit
        going = [one for one in store.pending(limit=most) if one.parked or not only_parked][:limit] if store else []
        came = [one for one in store.events(limit=most) if one.parked or not only_parked][:limit] if store else []
    if as_json:
        show_json({"outbox": [_sent(one) for one in going], "inbox": [_came(one) for one in came]})
        return
    rows = [_row(str(one.id), one.key, one.kind.value, one, one.reply.text) for one in going]
    rows += [_row(f"{_IN}{one.id}", one.event.key, one.event.kind.value, one, one.event.text) for one in came]
    show_table(rows)
    say(f"{counted(len(going), 'delivery', 'deliveries')}, {counted(len(came), 'event', 'events')}")


@command.command()
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True)
@config_option
def retry(numbers: tuple[str, ...], config: Config) -> None:
    """Try again now what was postponed or given up; `attendant serve` sends it."""
    _each(numbers, config, "retry", "is tried again")


@command.command()
@click.argument("numbers", metavar="NUMBER...", nargs=-1, required=True)
@config_option
def drop(numbers: tuple[str, ...], config: Config) -> None:
    """Give up for good: it is neither sent nor taken up. There is no way back."""
    _each(numbers, config, "drop", "is dropped")


def _each(numbers: Sequence[str], config: Config, way: str, done: str) -> None:
    wanted = [(number.startswith(_IN), _number(number)) for number in numbers]
    missing = []
    with opened(config) as store:
        for (came, number), named in zip(wanted, numbers, strict=True):
            if store is not None and _change(store, f"{way}_event" if came else way, number):
                show(f"{named} {done}")
            else:
                missing.append(named)
    if missing:
        from storage.errors import StorageError

        named = ", ".join(missing)
        raise StorageError(f"not in the outbox, or just being sent: {named}; `attendant outbox list` shows what is")


def _change(store: Store, way: str, number: int) -> bool:
    with store.write() as work:
        found: bool = getattr(work, way)(number)
        work.commit()
    return found


def _number(text: str) -> int:
    digits = text.removeprefix(_IN)
    if not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
        raise click.BadParameter(f"{text!r} is no number of the list, such as 4 or {_IN}4")
    return int(digits)


def _row(number: str, key: ConversationKey, kind: str, one: Delivery | StoredEvent, text: str) -> tuple[str, ...]:
    state = "parked" if one.parked else counted(one.attempts, "attempt", "attempts")
    return number, name_of(key), kind, state, one_line(one.error[:_SHOWN]), one_line(text[:_SHOWN])


def _sent(one: Delivery) -> dict[str, object]:
    return {
        "number": str(one.id),
        "conversation": name_of(one.key),
        "kind": one.kind.value,
        "text": one.reply.text,
        "attempts": one.attempts,
        "parked": one.parked,
        "error": one.error,
        "due": one.due and one.due.isoformat(),
    }


def _came(one: StoredEvent) -> dict[str, object]:
    return {
        "number": f"{_IN}{one.id}",
        "conversation": name_of(one.event.key),
        "kind": one.event.kind.value,
        "text": one.event.text,
        "attempts": one.attempts,
        "parked": one.parked,
        "error": one.error,
        "due": one.due and one.due.isoformat(),
    }
