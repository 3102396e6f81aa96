"""Buttons below messages: their labels, the data that comes back, and what that means."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from adapters.telegram import words
from adapters.telegram.places import Place
from engine.dialogue import Reply, Source

MOST_DATA = 64
"""Bytes of data that a button carries."""
LONGEST_LABEL = 40
"""Characters that a phone shows of a label; longer choices are numbered in the text."""
_LONGEST_NOTICE = 200
_IN_A_ROW = 5
_JUDGED = (Source.RETRIEVED, Source.GENERATED)


class Kind(StrEnum):
    """What a button is for; the word stands at the beginning of its data."""

    CHOICE = "c"
    GOOD = "+"
    BAD = "-"
    HUMAN = "h"
    ANSWER = "a"
    GIVE_BACK = "g"
    CLOSE = "x"


@dataclass(frozen=True, slots=True)
class Button:
    """A button that sends ``data`` back."""

    label: str
    data: str


@dataclass(frozen=True, slots=True)
class Press:
    """What the data of a pressed button says; ``value`` is a number, a message or a conversation, by kind."""

    kind: Kind
    value: str


Rows = Sequence[Sequence[Button]]


def below(reply: Reply, message_id: str) -> tuple[str, Rows]:
    """The text of a reply and the buttons below it.

    Args:
        reply: The reply.
        message_id: The message that it answers, which a verdict is about.
    """
    person = Button(f"👤 {words.say('person', words.language_of(reply.text))}", Kind.HUMAN)
    if reply.handoff or reply.provenance.origin == "bot":
        return reply.text, ()
    if reply.choices:
        text, rows = _choices(reply)
        return text, [*rows, [person]]
    verdicts = [Button("👍", _data(Kind.GOOD, message_id)), Button("👎", _data(Kind.BAD, message_id))]
    fits = reply.provenance.source in _JUDGED and len(verdicts[0].data.encode()) <= MOST_DATA
    return reply.text, [[*(verdicts if fits else ()), person]]


def _choices(reply: Reply) -> tuple[str, Rows]:
    texts = [" ".join(choice.text.split()) for choice in reply.choices]
    if all(0 < len(text) <= LONGEST_LABEL for text in texts):
        return reply.text, [[Button(text, _data(Kind.CHOICE, number))] for number, text in enumerate(texts, start=1)]
    listed = [f"{number}. {text}" for number, text in enumerate(texts, start=1)]
    numbers = [Button(str(number), _data(Kind.CHOICE, number)) for number in range(1, len(texts) + 1)]
    rows = [numbers[start : start + _IN_A_ROW] for start in range(0, len(numbers), _IN_A_ROW)]
    return "\n".join([reply.text, *listed]), rows


def for_people(place: Place, language: str, *, answer: bool = True) -> Rows:
    """The buttons for the company's people below a text about a conversation."""
    kinds = {Kind.ANSWER: "answer", Kind.GIVE_BACK: "give_back", Kind.CLOSE: "close"}
    made = [
        Button(words.say(name, language), _data(kind, place.thread))
        for kind, name in kinds.items()
        if answer or kind is not Kind.ANSWER
    ]
    return [made]


def pressed(data: str) -> Press | None:
    """What a button says; None where it is none of these."""
    kind, _, value = data.partition(":")
    try:
        return Press(Kind(kind), value)
    except ValueError:
        return None


def chosen(number: str, label: str, text: str) -> str:
    """The choice behind a button: its label, or the line of the text that a numbered one stands for."""
    if label and label != number:
        return label
    found = re.search(rf"^{re.escape(number)}\. (.+)$", text, re.MULTILINE)
    return found[1].strip() if found is not None else number


def notice(text: str) -> str:
    """A text as short as what is shown for a moment after a press."""
    return text if len(text) <= _LONGEST_NOTICE // 2 else f"{text[: _LONGEST_NOTICE // 2 - 1].rstrip()}…"


def _data(kind: Kind, value: object) -> str:
    return f"{kind}:{value}"
