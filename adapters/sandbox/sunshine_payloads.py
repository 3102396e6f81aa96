"""Objects of Sunshine Conversations (version 2) as its webhooks and its API say them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Data = dict[str, Any]

APP_ID = "5f0000000000000000000001"
WEBHOOK_ID = "5f0000000000000000000002"


@dataclass(frozen=True, slots=True)
class Integration:
    """A part of the switchboard: the bot, or the workspace of people."""

    id: str
    name: str
    kind: str

    def data(self) -> Data:
        """As it stands in a conversation."""
        return {"id": self.id, "name": self.name, "integrationId": f"{self.id}-1", "integrationType": self.kind}


BOT = Integration("5f00000000000000000000b1", "attendant", "custom")
PEOPLE = Integration("5f00000000000000000000a1", "zd-agentWorkspace", "zd:agentWorkspace")


@dataclass(slots=True)
class Conversation:
    """A conversation; ``active`` is in control of it, ``pending`` was offered control."""

    id: str
    user: Mapping[str, Any]
    active: Integration | None = BOT
    pending: Integration | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    messages: list[Data] = field(default_factory=list)
    typing: bool = False
    interrupted: list[str] = field(default_factory=list)


def moment(at: datetime) -> str:
    """A time as the service writes it."""
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def user(number: str, name: str) -> Data:
    """A customer."""
    return {
        "id": number,
        "authenticated": False,
        "profile": {"givenName": name, "locale": "en-US", "localeOrigin": "client"},
        "metadata": {},
    }


def conversation_data(talk: Conversation) -> Data:
    """A conversation as it stands in events; who is in control is left out where nobody is."""
    data: Data = {"id": talk.id, "type": "personal", "brandId": "1", "metadata": dict(talk.metadata)}
    if talk.active is not None:
        data["activeSwitchboardIntegration"] = talk.active.data()
    if talk.pending is not None:
        data["pendingSwitchboardIntegration"] = talk.pending.data()
    return data


def customer_author(customer: Mapping[str, Any]) -> Data:
    """The author of what a customer writes."""
    name = customer["profile"]["givenName"]
    return {"type": "user", "userId": customer["id"], "displayName": name, "user": dict(customer)}


def person_author(name: str) -> Data:
    """The author of what a person of the company writes."""
    return {"type": "business", "displayName": name}


def message(number: str, at: datetime, author: Mapping[str, Any], content: Mapping[str, Any], source: str) -> Data:
    """A message; ``source`` is the kind of the channel that it came through."""
    return {
        "id": number,
        "received": moment(at),
        "author": dict(author),
        "content": dict(content),
        "source": {"type": source, "integrationId": "5f00000000000000000000c1"},
        "metadata": {},
        "deleted": False,
    }


def event(number: str, at: datetime, kind: str, payload: Mapping[str, Any]) -> Data:
    """One event of a webhook."""
    return {"id": number, "createdAt": moment(at), "type": kind, "payload": dict(payload)}


def envelope(*events: Data) -> Data:
    """The body of a webhook."""
    return {"app": {"id": APP_ID}, "webhook": {"id": WEBHOOK_ID, "version": "v2"}, "events": list(events)}


def postback(talk: Conversation, payload: str) -> Data:
    """What a pressed postback button says."""
    return {
        "postback": {"payload": payload, "metadata": {}},
        "conversation": conversation_data(talk),
        "user": dict(talk.user),
        "source": {"type": "web", "integrationId": "5f00000000000000000000c1"},
    }
