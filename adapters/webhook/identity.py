"""Ids inside the house: unique on the whole channel, made from ids that are unique in a conversation.

A conversation's name holds no slash, so that an id is read back in one way only.
"""

from __future__ import annotations

MESSAGE, PERSON, GIVEN_BACK, CLOSED, VERDICT = "message", "person", "give-back", "close", "verdict"


def of(conversation: str, what: str, own: str) -> str:
    """The id of something in a conversation; ``own`` is what its sender calls it."""
    return f"{conversation}/{what}/{own}"


def own(name: str) -> str:
    """What its sender calls it."""
    return name.split("/", 2)[-1]
