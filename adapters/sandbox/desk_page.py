"""What one can do on the pages of the stand-ins for Sunshine Conversations and Intercom."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from adapters.sandbox.acts import Act, Field, Form, filled


class Desk(Protocol):
    """Where customers and people meet; conversations are known by a text."""

    @property
    def names(self) -> Collection[str]:
        """Those of all conversations, the newest at the end."""

    def customer_writes(self, text: str, *, conversation: str | None = None) -> str:
        """In a new conversation where none is named; returns its name."""

    def customer_taps(self, conversation: str, button: str) -> None:
        """Take what the last message of the bot offers; raises ValueError where it does not."""

    def person_writes(self, conversation: str, text: str, *, private: bool = False) -> None:
        """To the customer, or in private to colleagues."""

    def person_takes(self, conversation: str) -> None:
        """Take the conversation over."""

    def person_gives_back(self, conversation: str) -> None:
        """Give it to the bot."""

    def person_closes(self, conversation: str) -> None:
        """End it."""


def acts(desk: Desk) -> Sequence[Act]:
    """Writing on both sides, and what people do to a conversation."""
    last = next(reversed(list(desk.names)), "")
    where, text = Field("conversation", "Conversation", last), Field("text", "Text")
    new = Field("conversation", "Conversation (empty: a new one)", last)
    kind = Field("private", "For", "the customer", ("the customer", "colleagues"))

    def customer(form: Form) -> None:
        there = _name(desk, form) if form.get("conversation", "").strip() else None
        desk.customer_writes(filled(form, "text"), conversation=there)

    def person(form: Form) -> None:
        desk.person_writes(_name(desk, form), filled(form, "text"), private=form.get("private") == "colleagues")

    def tap(form: Form) -> None:
        desk.customer_taps(_name(desk, form), filled(form, "button"))

    return (
        Act("customer", "Write as the customer", (new, text), customer),
        Act("tap", "Press a button as the customer", (where, Field("button", "Text of the button")), tap),
        Act("person", "Write as a person", (where, text, kind), person),
        Act("take", "Take over", (where,), lambda form: desk.person_takes(_name(desk, form))),
        Act("back", "Give back to the bot", (where,), lambda form: desk.person_gives_back(_name(desk, form))),
        Act("close", "Close", (where,), lambda form: desk.person_closes(_name(desk, form))),
    )


def _name(desk: Desk, form: Form) -> str:
    found = form.get("conversation", "").strip()
    if found not in desk.names:
        raise ValueError(f"there is no conversation {found[:60]!r}")
    return found
