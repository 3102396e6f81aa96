"""Results go to standard output, everything else to standard error."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click

from engine.dialogue import ConversationKey
from engine.text.normalise import clean

TERMINAL = "terminal"


def say(text: str) -> None:
    """A note for the person at the keyboard, on standard error."""
    click.echo(text, err=True)


def show(text: str) -> None:
    """A result for people, on standard output.

    Raises:
        OSError: If standard output is closed: a result that nobody gets is no success.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "standard output is closed, so the result cannot be shown")
    click.echo(text)


def show_json(data: Any) -> None:
    """A result for programs: one JSON value on one line of standard output."""
    text = json.dumps(data, ensure_ascii=False)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:  # a lone surrogate, or an output that is not Unicode
        text = json.dumps(data)
    show(text)


def show_table(rows: Iterable[Sequence[str]]) -> None:
    """Rows for people, columns aligned; the last column is as wide as it likes."""
    cells = [[one_line(cell) for cell in row] for row in rows]
    if not cells:
        return
    widths = [max(len(row[place]) for row in cells) for place in range(len(cells[0]))]
    for row in cells:
        padded = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        show("  ".join(padded).rstrip())


def one_line(text: str) -> str:
    """A stored text for one line of a terminal: no line breaks, and nothing that a terminal would obey."""
    return " ".join(clean(text).split())


def name_of(key: ConversationKey) -> str:
    """What a conversation is called on the command line: the channel of the terminal goes without saying."""
    return key.thread if key.channel == TERMINAL and ":" not in key.thread else str(key)


def counted(number: int, one: str, many: str) -> str:
    """``1 entry``, ``2 entries``."""
    return f"{number:,} {one if number == 1 else many}"
