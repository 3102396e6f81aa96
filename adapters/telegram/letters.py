"""Deliveries as the messages that are sent for them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from adapters.telegram import buttons, words
from adapters.telegram.parts import LONGEST, parts, units
from adapters.telegram.places import Place, number_of, signature, signed, unsigned
from engine.dialogue import Speaker
from storage.ports import Delivery, StoredTurn

HISTORY = 20
"""Turns of a conversation in which is looked for what a person who takes over wants to see."""
_MARGIN = 8  # units that `unsigned` may add
_ATTACHED = re.compile(r"\[[a-z]+\]")


@dataclass(frozen=True, slots=True)
class Letter:
    """What is sent to ``place``: messages forwarded from ``source``, then the texts, with the buttons below the last.

    ``about`` is the message that the first text replies to, None where it replies to none.
    """

    place: Place
    texts: Sequence[str]
    rows: buttons.Rows = ()
    about: int | None = None
    source: Place | None = None
    forwarded: Sequence[int] = ()


def reply(delivery: Delivery) -> Letter:
    """A reply to a customer; in a group it says what it replies to.

    Raises:
        ValueError: If the conversation is none of Telegram's.
    """
    place = Place.parse(delivery.key.thread)
    text, rows = buttons.below(delivery.reply, delivery.message_id)
    about = number_of(delivery.message_id, place.chat) if place.is_group else None
    return Letter(place, parts(text), rows, about)


def handoff(delivery: Delivery, people: Place, language: str, history: Sequence[StoredTurn]) -> Letter:
    """What people of the company read when a customer waits for one of them, and what the customer sent but words.

    Args:
        delivery: The note.
        people: Where they are.
        language: What they speak.
        history: The last turns of the conversation.

    Raises:
        ValueError: If the conversation is none of Telegram's.
    """
    place = Place.parse(delivery.key.thread)
    note = f"{words.say('wanted', language)}\n\n{delivery.reply.text}"
    texts = [signed(text, place) for text in parts(note, LONGEST - units(signature(place)))]
    sent = [
        number_of(turn.message_id, place.chat)
        for turn in history
        if turn.turn.speaker is Speaker.CUSTOMER and turn.message_id and _ATTACHED.match(turn.turn.text)
    ]
    numbers = [number for number in sent if number is not None]
    return Letter(people, texts, buttons.for_people(place, language), None, place, numbers)


def alert(delivery: Delivery, people: Place) -> Letter:
    """A text for people of the company that is about no conversation."""
    return Letter(people, [unsigned(text) for text in parts(delivery.reply.text, LONGEST - _MARGIN)])
