"""What the page of the stand-in for Chatwoot shows, and what one can do there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from adapters.sandbox.acts import Act, Field, Form, Line, Talk, filled, number
from adapters.sandbox.chatwoot_api import STATUSES
from adapters.sandbox.chatwoot_payloads import Conversation, Message

if TYPE_CHECKING:
    from adapters.sandbox.chatwoot import ChatwootSandbox


def talks(desk: ChatwootSandbox) -> Sequence[Talk]:
    """Every conversation."""
    return [_talk(talk) for talk in desk.conversations.values()]


def acts(desk: ChatwootSandbox) -> Sequence[Act]:
    """Writing on both sides, and what people do to a conversation."""
    last = str(max(desk.conversations, default=""))
    where, text = Field("conversation", "Conversation", last), Field("text", "Text")
    new = Field("conversation", "Conversation (empty: a new one)", last)
    kind = Field("private", "For", "the customer", ("the customer", "colleagues"))
    status = Field("status", "Status", "pending", STATUSES)
    pick = (where, Field("message", "Number of the message"), Field("value", "Value"))

    def customer(form: Form) -> None:
        there = _number(desk, form) if form.get("conversation", "").strip() else None
        desk.customer_writes(filled(form, "text"), conversation=there)

    def picks(form: Form) -> None:
        desk.customer_picks(_number(desk, form), int(number(form, "message")), filled(form, "value"))

    def person(form: Form) -> None:
        desk.person_writes(_number(desk, form), filled(form, "text"), private=form.get("private") == "colleagues")

    def sets(form: Form) -> None:
        desk.person_sets(_number(desk, form), form.get("status", ""))

    return (
        Act("customer", "Write as the customer", (new, text), customer),
        Act("pick", "Take a choice as the customer", pick, picks),
        Act("person", "Write as a person", (where, text, kind), person),
        Act("status", "Close, give back, take over", (where, status), sets),
        desk.address_act(),
    )


def _number(desk: ChatwootSandbox, form: Form) -> int:
    found = int(number(form, "conversation"))
    if found not in desk.conversations:
        raise ValueError(f"there is no conversation {found}")
    return found


def _talk(talk: Conversation) -> Talk:
    customer = str(talk.contact["name"])
    assignee = "" if talk.assignee is None else f", with {talk.assignee['name']}"
    return Talk(f"{talk.id}: {customer}", f"{talk.status}{assignee}", tuple(map(_line, talk.messages)))


def _line(message: Message) -> Line:
    who = "Chatwoot" if message.kind == "activity" else str((message.sender or {}).get("name", "somebody"))
    items = ", ".join(f"[{item.get('title')}: {item.get('value')}]" for item in message.attributes.get("items", ()))
    files = ", ".join(str(file["file_type"]) for file in message.attachments)
    notes = (f"no. {message.id}", "private note" if message.private else "", items, files)
    return Line(who, message.content or "", ", ".join(filter(None, notes)))
