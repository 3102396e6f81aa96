"""Chatwoot's objects as it sends them to agent bots and as its API answers.

Field names follow Chatwoot's source. Not confirmed by it: the fields of attachments, and which fields ``sender`` has
beyond id, name and type.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Data = dict[str, Any]

INBOX_ID = 1
BOT: Mapping[str, Any] = {"id": 7, "name": "Attendant", "type": "agent_bot"}
_NUMBERS = {"incoming": 0, "outgoing": 1, "activity": 2, "template": 3}


@dataclass(slots=True)
class Message:
    """A message as it stands now; ``sender`` is None where the channel does not say who wrote it."""

    id: int
    kind: str
    content: str | None
    at: datetime
    sender: Mapping[str, Any] | None
    private: bool = False
    content_type: str = "text"
    attributes: Mapping[str, Any] = field(default_factory=dict)
    attachments: Sequence[Mapping[str, Any]] = ()


@dataclass(slots=True)
class Conversation:
    """A conversation; ``id`` is the display id, which stands in addresses."""

    id: int
    contact: Mapping[str, Any]
    status: str = "pending"
    assignee: Mapping[str, Any] | None = None
    labels: Sequence[str] = ()
    custom: Mapping[str, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    typing: bool = False
    interrupted: list[str] = field(default_factory=list)


def contact(number: int, name: str) -> Data:
    """A customer."""
    return {"id": number, "name": name, "email": f"customer{number}@example.org", "type": "contact"}


def agent(number: int, name: str) -> Data:
    """A person who answers customers."""
    return {"id": number, "name": name, "email": f"agent{number}@example.com", "type": "user"}


def attachment(number: int, kind: str, url: str) -> Data:
    """A file that a customer sent: ``image``, ``audio``, ``video``, ``file`` or ``location``."""
    return {"id": number, "message_id": number, "file_type": kind, "data_url": url, "thumb_url": url}


def account(number: int) -> Data:
    """The company."""
    return {"id": number, "name": "Test shop"}


def message_event(event: str, company: int, conversation: Conversation, message: Message) -> Data:
    """The body of ``message_created`` and ``message_updated``."""
    body: Data = {
        "event": event,
        "id": message.id,
        "content": message.content,
        "content_type": message.content_type,
        "content_attributes": dict(message.attributes),
        "additional_attributes": {},
        "message_type": message.kind,
        "private": message.private,
        "source_id": None,
        "created_at": message.at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{message.at.microsecond // 1000:03d}Z",
        "sender": message.sender,
        "inbox": {"id": INBOX_ID, "name": "Website"},
        "account": account(company),
        "conversation": conversation_data(company, conversation, message),
    }
    return body | ({"attachments": list(message.attachments)} if message.attachments else {})


def conversation_event(event: str, company: int, conversation: Conversation) -> Data:
    """The body of ``conversation_opened`` and ``conversation_resolved``: the conversation itself."""
    last = conversation.messages[-1] if conversation.messages else None
    return {**conversation_data(company, conversation, last), "event": event}


def widget_event(company: int, conversation: Conversation | None, customer: Mapping[str, Any], at: datetime) -> Data:
    """The body of ``webwidget_triggered``: somebody opened the chat window."""
    current = None if conversation is None else conversation_data(company, conversation, None)
    return {
        "event": "webwidget_triggered",
        "id": customer["id"],
        "contact": dict(customer),
        "inbox": {"id": INBOX_ID, "name": "Website"},
        "account": account(company),
        "current_conversation": current,
        "source_id": f"source-{customer['id']}",
        "event_info": {"initiated_at": {"timestamp": at.isoformat()}, "referer": "https://shop.example.org/"},
    }


def conversation_data(company: int, conversation: Conversation, last: Message | None) -> Data:
    """A conversation with its last message."""
    customer = conversation.contact
    at = int(conversation.messages[-1].at.timestamp()) if conversation.messages else 0
    return {
        "id": conversation.id,
        "inbox_id": INBOX_ID,
        "channel": "Channel::WebWidget",
        "status": conversation.status,
        "can_reply": True,
        "additional_attributes": {},
        "custom_attributes": dict(conversation.custom),
        "labels": list(conversation.labels),
        "priority": None,
        "snoozed_until": None,
        "contact_inbox": {
            "id": customer["id"],
            "contact_id": customer["id"],
            "inbox_id": INBOX_ID,
            "source_id": f"source-{customer['id']}",
            "hmac_verified": False,
        },
        "meta": {
            "sender": dict(customer),
            "assignee": conversation.assignee,
            "assignee_type": None if conversation.assignee is None else "User",
            "team": None,
            "hmac_verified": False,
        },
        "messages": [] if last is None else [pushed(company, conversation, last)],
        "unread_count": sum(message.kind == "incoming" for message in conversation.messages),
        "first_reply_created_at": None,
        "waiting_since": 0,
        "agent_last_seen_at": 0,
        "contact_last_seen_at": 0,
        "last_activity_at": at,
        "timestamp": at,
        "created_at": at,
        "updated_at": float(at),
    }


def pushed(company: int, conversation: Conversation, message: Message) -> Data:
    """A message inside a conversation and in answers of the API: its kind is a number here, its time in seconds."""
    return {
        "id": message.id,
        "content": message.content,
        "account_id": company,
        "inbox_id": INBOX_ID,
        "conversation_id": conversation.id,
        "message_type": _NUMBERS[message.kind],
        "created_at": int(message.at.timestamp()),
        "private": message.private,
        "status": "sent",
        "source_id": None,
        "content_type": message.content_type,
        "content_attributes": dict(message.attributes),
        "sender": message.sender,
    }


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """The value of ``X-Chatwoot-Signature``."""
    return "sha256=" + hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
