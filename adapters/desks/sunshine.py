"""Zendesk messaging: webhooks (version 2) and API of Sunshine Conversations.

The switchboard says which integration a conversation is with; the bot acts while that is its own, and hands over by
passing control to the next one. There are no private notes: what the person has to know travels as metadata, and can
fill a field of the ticket. Thread: the id of the conversation.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import accumulate
from typing import Any
from urllib.parse import quote

from adapters.desks import signing
from adapters.desks.ports import IMPLIED, Request
from adapters.desks.reading import Node
from adapters.desks.wording import numbered, shortened
from bot.clock import now as present
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import Delivery, DeliveryKind

MARK = "attendant"
"""The metadata that says which delivery a message of the bot's own, or a change of control, is."""
BUTTON_CHARACTERS = 40
NOTE_BYTES = 3500
"""Bytes of JSON that a note takes; all metadata together may take 4 KB."""

_MEDIA = {"image": "photo", "audio": "voice", "video": "video"}


@dataclass(frozen=True, slots=True)
class Sunshine:
    """An integration of Sunshine Conversations.

    ``base`` is the address of the API without a slash at its end, ``integration`` the name or id of the bot's own
    switchboard integration, ``hand_to`` that of the one that gets control (``next``: the one after it), ``note_field``
    the number of the ticket field that takes the note.
    """

    base: str
    app: str
    key_id: str = field(repr=False)
    key_secret: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    integration: str
    hand_to: str = "next"
    note_field: str = ""
    display_name: str = ""
    buttons: bool = True
    clock: Callable[[], datetime] = present
    name: str = "sunshine"

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:  # noqa: ARG002 - nothing is signed
        """Compare the secret that comes with every webhook.

        Raises:
            Unverified: If it is missing or wrong.
        """
        signing.check(headers, "x-api-key", self.webhook_secret)

    def events(self, data: Any) -> Sequence[ChannelEvent]:
        """What a webhook means.

        Raises:
            Malformed: If a field that is needed is missing, or of another type.
        """
        found = Node(data).fields()["events"].items()
        return tuple(event for one in found for event in self._read(one.fields()))

    def echoes(self, data: Any) -> Sequence[str]:
        """Marks of the bot's own messages that came back, and of control that it passed on.

        Raises:
            Malformed: If a field is of another type.
        """
        marks = (_mark(one.fields()) for one in Node(data).fields()["events"].items())
        return tuple(filter(None, marks))

    def requests(self, delivery: Delivery) -> Sequence[Request]:
        """A message; or control passed on, with the note."""
        url, mark = self._url(delivery.key), delivery.idempotency_key
        if delivery.kind is DeliveryKind.REPLY and delivery.reply.text.strip():
            return (self._request(f"{url}/messages", self._message(delivery), "send the reply", mark),)
        if delivery.kind is DeliveryKind.HANDOFF:
            return (self._request(f"{url}/passControl", self._passed(delivery), "pass control on", mark),)
        return ()

    def typing(self, key: ConversationKey) -> Request | None:
        """Show that the bot is writing."""
        body = {"author": self._author(), "type": "typing:start"}
        return self._request(f"{self._url(key)}/activity", body, "show typing")

    def pause(self, status: int, words: str) -> float | None:  # noqa: ARG002 - every refusal is for good
        """None: what is only for now is said with status 429."""
        return None

    def _message(self, delivery: Delivery) -> dict[str, Any]:
        reply, listed = delivery.reply, bool(delivery.reply.choices) and self.buttons
        content: dict[str, Any] = {"type": "text", "text": reply.text if listed else numbered(reply)}
        if listed:
            content["actions"] = [
                {"type": "reply", "text": shortened(choice.text, BUTTON_CHARACTERS), "payload": choice.text}
                for choice in reply.choices
            ]
        return {"author": self._author(), "content": content, "metadata": {MARK: delivery.idempotency_key}}

    def _passed(self, delivery: Delivery) -> dict[str, Any]:
        metadata = {MARK: delivery.idempotency_key}
        note = _fitting(delivery.reply.text.strip())
        if note:
            metadata[f"dataCapture.ticketField.{self.note_field}" if self.note_field else f"{MARK}_note"] = note
        return {"switchboardIntegration": self.hand_to, "metadata": metadata}

    def _author(self) -> dict[str, Any]:
        named = {"displayName": self.display_name} if self.display_name else {}
        return {"type": "business", **named, "subtypes": ["AI"]}

    def _request(self, url: str, body: Mapping[str, Any], what: str, mark: str = "") -> Request:
        login = base64.b64encode(f"{self.key_id}:{self.key_secret}".encode()).decode()
        return Request("POST", url, {"Authorization": f"Basic {login}"}, body, what, mark)

    def _url(self, key: ConversationKey) -> str:
        return f"{self.base}/v2/apps/{quote(self.app, safe='')}/conversations/{quote(key.thread, safe='')}"

    def _read(self, event: Node) -> Iterator[ChannelEvent]:
        kind = event["type"].text()
        if kind == "conversation:message":
            yield from self._said(event)
        elif kind == "conversation:postback":
            yield from self._pressed(event)
        elif kind in ("switchboard:passControl", "switchboard:acceptControl"):
            yield from self._passed_to(event)
        elif kind == "switchboard:releaseControl":
            yield self._event(event, EventKind.CLOSED, f"closed:{event['id'].identifier()}")

    def _said(self, event: Node) -> Iterator[ChannelEvent]:
        message = event["payload"]["message"].fields()
        author, content = message["author"], message["content"]
        message_id, text = message["id"].identifier(), content["text"].text() or content["textFallback"].text()
        at = message["received"].moment(self.clock())
        if author["type"].text() == "business":
            if not self._is_a_bot(message):
                named = author["displayName"].text()
                sender = f"person:{named}" if named else None
                yield self._event(event, EventKind.PERSON, f"person:{message_id}", at=at, text=text, sender=sender)
            return
        attachment = _attachment(content)
        if author["type"].text() == "user" and (text.strip() or attachment):
            yield from self._written(
                event, message_id, at, _chosen(text, content["payload"].text()), attachment, author
            )

    def _written(
        self, event: Node, message_id: str, at: datetime, text: str, attachments: tuple[str, ...], author: Node
    ) -> Iterator[ChannelEvent]:
        if not self._is_active(event):
            return
        customer = author["userId"] if author["user"]["id"].is_nothing else author["user"]["id"]
        sender = None if customer.is_nothing else customer.identifier()
        yield self._event(event, EventKind.GIVEN_BACK, f"{message_id}{IMPLIED}", at=at)
        yield self._event(
            event, EventKind.MESSAGE, message_id, at=at, text=text, sender=sender, attachments=attachments
        )

    def _pressed(self, event: Node) -> Iterator[ChannelEvent]:
        text = event["payload"]["postback"]["payload"].text()
        if text.strip():
            at = event["createdAt"].moment(self.clock())
            yield from self._written(event, event["id"].identifier(), at, text, (), event["payload"])

    def _passed_to(self, event: Node) -> Iterator[ChannelEvent]:
        """Control was passed to somebody; the bot's own handing over is known already."""
        if _mark(event):
            return
        kind = EventKind.GIVEN_BACK if self._is_active(event) else EventKind.PERSON
        yield self._event(event, kind, f"{kind.value}:{event['id'].identifier()}")

    def _is_active(self, event: Node) -> bool:
        active = event["payload"]["conversation"]["activeSwitchboardIntegration"]
        return self.integration in (active["name"].text(), active["id"].text())

    def _is_a_bot(self, message: Node) -> bool:
        subtypes = [one.text() for one in message["author"]["subtypes"].items()]
        return bool(message["metadata"][MARK].text()) or "AI" in subtypes

    def _event(
        self,
        event: Node,
        kind: EventKind,
        event_id: str,
        *,
        at: datetime | None = None,
        text: str = "",
        sender: str | None = None,
        attachments: tuple[str, ...] = (),
    ) -> ChannelEvent:
        key = ConversationKey(self.name, event["payload"]["conversation"]["id"].identifier())
        moment = event["createdAt"].moment(self.clock()) if at is None else at
        return ChannelEvent(key, event_id, kind, moment, text, sender, attachments)


def _mark(event: Node) -> str:
    """What says that a message, or a change of control, is the bot's own; empty where it is not."""
    payload = event["payload"]
    kinds = {"conversation:message": payload["message"], "switchboard:passControl": payload}
    marked = kinds.get(event["type"].text())
    return "" if marked is None else marked["metadata"][MARK].text()


def _fitting(note: str) -> str:
    """The note, or as much of it as metadata may take; a character may need twelve bytes in JSON."""
    sizes = accumulate(len(json.dumps(character)) - 2 for character in note)
    fits = sum(1 for size in sizes if size <= NOTE_BYTES)
    return note if fits == len(note) else shortened(note, max(1, fits - 6))


def _chosen(text: str, payload: str) -> str:
    """What a button of the bot's own stands for in full; its label may have been shortened on the way."""
    return payload if payload.startswith(text.rstrip("….").rstrip()) else text


def _attachment(content: Node) -> tuple[str, ...]:
    kind = content["type"].text()
    if kind == "file":
        return (_MEDIA.get(content["mediaType"].text().partition("/")[0], "file"),)
    return {"image": ("photo",), "location": ("location",)}.get(kind, ())
