"""Intercom: signed notifications about conversations, and the part of its API that answers and hands over.

The bot writes as a teammate of its own. It acts while a conversation is assigned to nobody, to a team, or to that
teammate; what another teammate does says that a person is there. Texts are HTML. Thread: the id of the conversation.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

from adapters.desks import signing
from adapters.desks.markup import to_html, to_text
from adapters.desks.ports import IMPLIED, Request
from adapters.desks.reading import Node
from adapters.desks.wording import numbered
from bot.clock import now as present
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import Delivery, DeliveryKind

NOBODY = "0"
CUSTOMERS = frozenset(("user", "lead", "contact", "visitor"))

_MEDIA = {"image": "photo", "audio": "voice", "video": "video"}


@dataclass(frozen=True, slots=True)
class Intercom:
    """A teammate of an Intercom workspace.

    ``admin`` is the id of the teammate that the bot writes as; ``hand_to`` the id of who gets a conversation that is
    handed over, ``NOBODY`` to leave it to whoever is there, ``hand_to_kind`` is ``admin`` or ``team``.
    """

    base: str
    token: str = field(repr=False)
    secret: str = field(repr=False)
    admin: str
    hand_to: str = NOBODY
    hand_to_kind: str = "admin"
    version: str = "2.16"
    buttons: bool = True
    clock: Callable[[], datetime] = present
    name: str = "intercom"

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:  # noqa: ARG002 - no time is signed
        """Check the signature over the body.

        Raises:
            Unverified: If it is missing or wrong.
        """
        signing.check(headers, "x-hub-signature", f"sha1={signing.digest('sha1', self.secret, body)}")

    def events(self, data: Any) -> Sequence[ChannelEvent]:
        """What a notification means.

        Raises:
            Malformed: If a field that is needed is missing, or of another type.
        """
        body = Node(data).fields()
        read = _TOPICS.get(body["topic"].text())
        return () if read is None else tuple(read(self, body))

    def echoes(self, data: Any) -> Sequence[str]:  # noqa: ARG002 - nothing of ours comes back
        """Nothing: messages carry no metadata."""
        return ()

    def requests(self, delivery: Delivery) -> Sequence[Request]:
        """A comment, with quick replies after it; or a note, and the conversation assigned."""
        key, reply = delivery.key, delivery.reply
        if delivery.kind is DeliveryKind.HANDOFF:
            note = (self._say(key, "note", reply.text, "write the note"),) if reply.text.strip() else ()
            return (*note, self._assign(key))
        if delivery.kind is DeliveryKind.ALERT or not reply.text.strip():
            return ()
        if not reply.choices or not self.buttons:
            return (self._say(key, "comment", numbered(reply), "send the reply"),)
        return (self._say(key, "comment", reply.text, "send the reply"), self._offer(delivery))

    def typing(self, key: ConversationKey) -> Request | None:  # noqa: ARG002 - there is no such request
        """None: the API cannot show it."""
        return None

    def pause(self, status: int, words: str) -> float | None:  # noqa: ARG002 - every refusal is for good
        """None: what is only for now is said with status 429."""
        return None

    def _say(self, key: ConversationKey, kind: str, text: str, what: str) -> Request:
        return self._request(key, "reply", {"message_type": kind, "body": to_html(text)}, what)

    def _offer(self, delivery: Delivery) -> Request:
        options = [
            {"text": choice.text, "uuid": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{delivery.idempotency_key}:{number}"))}
            for number, choice in enumerate(delivery.reply.choices)
        ]
        body = {"message_type": "quick_reply", "reply_options": options}
        return self._request(delivery.key, "reply", body, "offer the choices")

    def _assign(self, key: ConversationKey) -> Request:
        request = self._request(key, "parts", {"message_type": "assignment"}, "assign the conversation")
        body = {**request.body, "type": self.hand_to_kind, "assignee_id": self.hand_to}
        return Request(request.method, request.url, request.headers, body, request.what)

    def _request(self, key: ConversationKey, part: str, body: Mapping[str, Any], what: str) -> Request:
        url = f"{self.base}/conversations/{quote(key.thread, safe='')}/{part}"
        headers = {"Authorization": f"Bearer {self.token}", "Intercom-Version": self.version}
        return Request("POST", url, headers, {"type": "admin", "admin_id": self.admin, **body}, what)

    def _created(self, body: Node) -> Iterator[ChannelEvent]:
        item = body["data"]["item"].fields()
        source = item["source"].fields()
        if source["author"]["type"].text() in CUSTOMERS:
            text = source["body"].text() or source["subject"].text()
            yield from self._written(body, source, f"source:{source['id'].identifier()}", text, item["created_at"])

    def _replied(self, body: Node) -> Iterator[ChannelEvent]:
        part = _latest(body, lambda one: one["author"]["type"].text() in CUSTOMERS and _is_spoken(one))
        if part is not None:
            text, at = part["body"].text(), part["created_at"]
            yield from self._written(body, part, part["id"].identifier(), text, at)

    def _written(self, body: Node, said: Node, message_id: str, markup: str, at: Node) -> Iterator[ChannelEvent]:
        item = body["data"]["item"]
        text, images = to_text(markup)
        attachments = ("photo",) * images + tuple(_attachment(one) for one in said["attachments"].items())
        assignee = _assignee(item)
        if assignee not in (NOBODY, self.admin) or not (text or attachments):
            return
        moment, who = at.moment(self.clock()), said["author"]["id"]
        sender = None if who.is_nothing else who.identifier()
        if assignee == self.admin:
            yield self._event(item, EventKind.GIVEN_BACK, f"{message_id}{IMPLIED}", moment)
        yield self._event(item, EventKind.MESSAGE, message_id, moment, text, sender, attachments)

    def _answered(self, body: Node) -> Iterator[ChannelEvent]:
        part = _latest(body, lambda one: self._is_a_persons(one) and _is_spoken(one))
        if part is not None:
            text, _ = to_text(part["body"].text())
            yield self._by(body, part, EventKind.PERSON, text)

    def _closed(self, body: Node) -> Iterator[ChannelEvent]:
        yield self._by(body, _latest(body, lambda _: True), EventKind.CLOSED)

    def _assigned(self, body: Node) -> Iterator[ChannelEvent]:
        part = _latest(body, lambda _: True)
        if part is not None and part["author"]["type"].text() == "admin" and not self._is_a_persons(part):
            return  # the bot's own handing over
        assignee = _assignee(body["data"]["item"])
        if assignee == self.admin:
            yield self._by(body, part, EventKind.GIVEN_BACK)
        elif assignee != NOBODY:
            yield self._by(body, part, EventKind.PERSON)

    def _is_a_persons(self, part: Node) -> bool:
        author = part["author"]
        return author["type"].text() == "admin" and author["id"].identifier() != self.admin

    def _by(self, body: Node, part: Node | None, kind: EventKind, text: str = "") -> ChannelEvent:
        source = body if part is None else part
        at = source["created_at"].moment(self.clock())
        admin = Node(None) if part is None else part["author"]["id"]
        sender = None if admin.is_nothing else f"person:{admin.identifier()}"
        return self._event(body["data"]["item"], kind, f"{kind.value}:{source['id'].identifier()}", at, text, sender)

    def _event(
        self,
        item: Node,
        kind: EventKind,
        event_id: str,
        at: datetime,
        text: str = "",
        sender: str | None = None,
        attachments: tuple[str, ...] = (),
    ) -> ChannelEvent:
        key = ConversationKey(self.name, item["id"].identifier())
        return ChannelEvent(key, event_id, kind, at, text, sender, attachments)


_TOPICS: Mapping[str, Callable[[Intercom, Node], Iterator[ChannelEvent]]] = {
    "conversation.user.created": Intercom._created,
    "conversation.user.replied": Intercom._replied,
    "conversation.admin.replied": Intercom._answered,
    "conversation.admin.closed": Intercom._closed,
    "conversation.admin.assigned": Intercom._assigned,
    "conversation.admin.unassigned": Intercom._assigned,
}


def _latest(body: Node, wanted: Callable[[Node], bool]) -> Node | None:
    """The last part that is wanted; a notification may bring parts of before along."""
    parts = body["data"]["item"].fields()["conversation_parts"]["conversation_parts"].items()
    return next((part for part in reversed(parts) if wanted(part.fields())), None)


def _is_spoken(part: Node) -> bool:
    """True for what the customer sees; a part that assigns, closes or opens may carry a text too."""
    said = bool(part["body"].text().strip() or part["attachments"].items())
    return said and not part["part_type"].text().startswith("note")


def _assignee(item: Node) -> str:
    """The id of the teammate that a conversation is assigned to; a team is nobody yet."""
    number, assignee = item["admin_assignee_id"], item["assignee"]
    if not number.is_nothing:
        return number.identifier()
    if assignee["type"].text() == "admin" and not assignee["id"].is_nothing:
        return assignee["id"].identifier()
    return NOBODY


def _attachment(node: Node) -> str:
    return _MEDIA.get(node["content_type"].text().partition("/")[0], "file")
