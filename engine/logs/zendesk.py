"""Tickets of Zendesk with their comments: exports (JSON, one ticket a line) and lists of its API.

The requester is the customer, everybody else the desk. Private comments are left out, and of e-mails what is quoted.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from engine.dialogue import Speaker
from engine.logs.conversation import LoggedConversation
from engine.logs.gathered import Gathered
from engine.logs.items import items
from engine.logs.mail import from_html, own_words
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.words import name, said

_ROLES = {"end-user": Speaker.CUSTOMER, "agent": Speaker.AGENT, "admin": Speaker.AGENT}


def read_zendesk(raw: Raw, notes: Notes) -> Iterator[LoggedConversation]:
    """Tickets as conversations, each in the order of time."""
    for line, item in items(raw, notes):
        ticket = item.get("ticket", item) if isinstance(item, dict) else item
        if not isinstance(ticket, dict) or not _is_ticket(ticket):
            notes.wrong(line, "comments", "not a ticket: an object with a list of comments is needed")
            continue
        yield from _ticket(ticket, line, notes)


def _ticket(ticket: dict[str, Any], line: int, notes: Notes) -> Iterator[LoggedConversation]:
    id_ = name(ticket.get("id")) or f"line {line}"
    comments = ticket.get("comments") or []
    if not comments:
        notes.leave("tickets without comments (an export without them has nothing to learn from)")
        return
    gathered = Gathered(notes)
    requester = _requester(ticket)
    for comment in comments:
        if not isinstance(comment, dict):
            notes.wrong(line, "comments", f"{comment!r:.80} of ticket {id_} is no comment")
            continue
        if comment.get("public") is False:
            notes.leave("private comments")
            continue
        who = _speaker(comment, requester)
        if who is None:
            message = f"who wrote a comment of ticket {id_} cannot be told: requester_id and author_id are needed"
            notes.wrong(line, "requester_id", message)
            return
        text = _text(comment)
        if not text and said(comment.get("body")):
            notes.leave("comments of nothing but a quotation")
            continue
        gathered.put(id_, who, text, comment.get("created_at"), line)
    yield from gathered.conversations()


def _is_ticket(item: dict[str, Any]) -> bool:
    return isinstance(item.get("comments", []), list) and ("comments" in item or "requester_id" in item)


def _requester(ticket: dict[str, Any]) -> str:
    person = ticket.get("requester")
    inner = person.get("id") if isinstance(person, dict) else person
    return name(ticket.get("requester_id", inner))


def _speaker(comment: dict[str, Any], requester: str) -> Speaker | None:
    person = comment.get("author")
    author = name(comment.get("author_id", person.get("id") if isinstance(person, dict) else person))
    if requester and author:
        return Speaker.CUSTOMER if author == requester else Speaker.AGENT
    role = person.get("role") if isinstance(person, dict) else None
    return _ROLES.get(role) if isinstance(role, str) else None


def _text(comment: dict[str, Any]) -> str:
    for key in ("plain_body", "body"):
        if said(comment.get(key)):
            return own_words(said(comment[key]))
    return own_words(said(from_html(said(comment.get("html_body")))))
