"""Intercom's objects as its webhooks and its API say them; what people write is HTML."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import Any

Data = dict[str, Any]

APP_ID = "sandbox1"


@dataclass(slots=True)
class Conversation:
    """A conversation; ``assignee`` is the number of an admin, None where nobody has it."""

    id: str
    contact: Mapping[str, Any]
    source: Mapping[str, Any]
    begun: datetime
    state: str = "open"
    assignee: str | None = None
    parts: list[Data] = field(default_factory=list)
    interrupted: list[str] = field(default_factory=list)


def html(text: str) -> str:
    """A text as the messenger stores it: paragraphs, line breaks, and marks escaped."""
    paragraphs = (escape(part, quote=False).replace("\n", "<br>") for part in text.split("\n\n"))
    return "".join(f"<p>{part}</p>" for part in paragraphs)


def contact(number: int, name: str, kind: str = "user") -> Data:
    """A customer: ``user``, or ``lead`` where nobody knows them."""
    return {"type": kind, "id": f"6a0000000000000000{number:06x}", "name": name, "email": f"c{number}@example.org"}


def admin(number: str, name: str) -> Data:
    """A colleague, or the bot, which writes as one."""
    return {"type": "admin", "id": number, "name": name, "email": f"admin{number}@example.com"}


def source(author: Mapping[str, Any], body: str) -> Data:
    """What a conversation began with."""
    return {
        "type": "conversation",
        "id": f"s-{author['id']}",
        "delivered_as": "customer_initiated",
        "subject": "",
        "body": body,
        "author": dict(author),
        "attachments": [],
        "url": "https://shop.example.org/",
        "redacted": False,
    }


def part(
    number: str,
    kind: str,
    body: str | None,
    author: Mapping[str, Any],
    at: datetime,
    assigned_to: str | None = None,
    attachments: Sequence[Mapping[str, Any]] = (),
) -> Data:
    """What happened next: ``comment``, ``note``, ``assignment``, ``close``, ``open``, ``quick_reply``."""
    seconds = int(at.timestamp())
    return {
        "type": "conversation_part",
        "id": number,
        "part_type": kind,
        "body": body,
        "created_at": seconds,
        "updated_at": seconds,
        "notified_at": seconds,
        "assigned_to": None if assigned_to is None else {"type": "admin", "id": assigned_to},
        "author": dict(author),
        "attachments": [dict(one) for one in attachments],
        "external_id": None,
        "redacted": False,
    }


def attachment(name: str, kind: str, url: str) -> Data:
    """A file that was sent along; ``kind`` is its media type."""
    return {"type": "upload", "name": name, "url": url, "content_type": kind, "filesize": 1024}


def conversation_data(talk: Conversation, parts: Sequence[Data]) -> Data:
    """A conversation with some of its parts: all in answers of the API, the newest in notifications."""
    begun = int(talk.begun.timestamp())
    return {
        "type": "conversation",
        "id": talk.id,
        "created_at": begun,
        "updated_at": int(talk.parts[-1]["created_at"]) if talk.parts else begun,
        "waiting_since": None,
        "snoozed_until": None,
        "state": talk.state,
        "open": talk.state == "open",
        "read": False,
        "priority": "not_priority",
        "admin_assignee_id": None if talk.assignee is None else int(talk.assignee),
        "team_assignee_id": None,
        "title": "",
        "source": dict(talk.source),
        "contacts": {"type": "contact.list", "contacts": [{"type": "contact", "id": talk.contact["id"]}]},
        "teammates": {"type": "admin.list", "admins": []},
        "custom_attributes": {},
        "tags": {"type": "tag.list", "tags": []},
        "conversation_parts": {
            "type": "conversation_part.list",
            "conversation_parts": list(parts),
            "total_count": len(talk.parts),
        },
    }


def notification(number: str, topic: str, at: datetime, attempt: int, item: Mapping[str, Any]) -> Data:
    """The body of a webhook."""
    return {
        "type": "notification_event",
        "app_id": APP_ID,
        "id": number,
        "topic": topic,
        "created_at": int(at.timestamp()),
        "first_sent_at": int(at.timestamp()),
        "delivery_status": "pending" if attempt == 1 else "retry",
        "delivery_attempts": attempt,
        "delivered_at": 0,
        "links": {},
        "self": None,
        "data": {"type": "notification_event_data", "item": dict(item)},
    }


def signature(secret: str, body: bytes) -> str:
    """The value of ``X-Hub-Signature``."""
    return "sha1=" + hmac.new(secret.encode(), body, hashlib.sha1).hexdigest()
