"""Who may speak in a conversation: a small state machine, the same on every channel.

::

    bot ──ask for a person──▶ waiting ──person speaks──▶ person ──gives back──▶ bot
     ▲                           │                          │
     └──────── new ──────────────┴───────── close ──▶ closed ──customer writes──▶ bot
"""

from __future__ import annotations

from enum import StrEnum


class Owner(StrEnum):
    """Who holds the conversation."""

    BOT = "bot"
    WAITING = "waiting"
    PERSON = "person"
    CLOSED = "closed"


class Event(StrEnum):
    """What can happen to it."""

    CUSTOMER_WROTE = "customer wrote"
    HANDED_OFF = "handed off"
    PERSON_SPOKE = "person spoke"
    GIVEN_BACK = "given back"
    CLOSED = "closed"
    RESTARTED = "restarted"


_MOVES: dict[tuple[Owner, Event], Owner] = {
    (Owner.BOT, Event.HANDED_OFF): Owner.WAITING,
    (Owner.BOT, Event.PERSON_SPOKE): Owner.PERSON,
    (Owner.WAITING, Event.PERSON_SPOKE): Owner.PERSON,
    (Owner.WAITING, Event.GIVEN_BACK): Owner.BOT,
    (Owner.PERSON, Event.GIVEN_BACK): Owner.BOT,
    (Owner.CLOSED, Event.CUSTOMER_WROTE): Owner.BOT,
    (Owner.CLOSED, Event.PERSON_SPOKE): Owner.PERSON,
}


def read(owner: str) -> Owner:
    """The owner as stored; a word of a later version means that some person has the conversation."""
    try:
        return Owner(owner)
    except ValueError:
        return Owner.PERSON


def after(owner: Owner, event: Event) -> Owner:
    """The owner after ``event``; an event that means nothing here changes nothing."""
    if event is Event.CLOSED:
        return Owner.CLOSED
    if event is Event.RESTARTED:
        return Owner.BOT
    return _MOVES.get((owner, event), owner)


def bot_may_speak(owner: Owner) -> bool:
    """True where the bot answers questions; while a customer waits it only says that it passed the matter on."""
    return owner in (Owner.BOT, Owner.CLOSED)
