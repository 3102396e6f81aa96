"""Chatwoot: webhooks of an agent bot, and the part of its API that an agent bot may call.

A conversation of an inbox with a bot begins as ``pending`` and is the bot's while it stays so and no person is assigned
to it; the bot hands it over by making it ``open``, which only a person undoes. Thread: ``<account>/<display id>``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from adapters.desks import signing
from adapters.desks.ports import IMPLIED, Malformed, Request, Unverified
from adapters.desks.reading import Node
from adapters.desks.wording import numbered
from bot.clock import now as present
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import Delivery, DeliveryKind

MARK = "attendant"
"""The content attribute that says which delivery a message of the bot's own is; older servers drop it."""
FLOODED_SECONDS = 60.0
SIGNATURE = ("required", "if_present", "off")

_ATTACHMENTS = {"image": "photo", "audio": "voice", "video": "video", "location": "location", "sticker": "sticker"}


@dataclass(frozen=True, slots=True)
class Chatwoot:
    """An agent bot of Chatwoot.

    ``base`` is the server's address without a slash at its end, ``token`` the access token of the bot. ``signature``
    is one of ``SIGNATURE``; a signature more than ``tolerance`` seconds from now is refused. ``account`` is the account
    of events that do not name one; ``buttons`` is False where choices are written into the text.
    """

    base: str
    token: str = field(repr=False)
    secret: str = field(default="", repr=False)
    signature: str = "required"
    tolerance: float = 900.0
    account: str = ""
    buttons: bool = True
    clock: Callable[[], datetime] = present
    name: str = "chatwoot"

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Check the signature over ``<timestamp>.<body>``.

        Raises:
            Unverified: If it is missing where it is required, wrong, or too old.
        """
        if self.signature == "off" or (self.signature == "if_present" and "x-chatwoot-signature" not in headers):
            return
        stamp = headers.get("x-chatwoot-timestamp", "")
        made = signing.digest("sha256", self.secret, stamp.encode("utf-8", "replace"), b".", body)
        signing.check(headers, "x-chatwoot-signature", f"sha256={made}")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 12):
            raise Unverified("the x-chatwoot-timestamp header is no time")
        late = now.timestamp() - int(stamp)
        if abs(late) > self.tolerance:
            raise Unverified(
                f"signed {late:.0f} seconds ago by the clock here, at most {self.tolerance:.0f} are allowed"
            )

    def events(self, data: Any) -> Sequence[ChannelEvent]:
        """What a webhook means.

        Raises:
            Malformed: If a field that is needed is missing, or of another type.
        """
        body = Node(data).fields()
        kind = body["event"].text()
        if kind == "message_created":
            return tuple(self._created(body))
        if kind == "message_updated":
            return tuple(self._updated(body))
        return (self._resolved(body),) if kind == "conversation_resolved" else ()

    def echoes(self, data: Any) -> Sequence[str]:
        """Marks of the bot's own messages that came back.

        Raises:
            Malformed: If a field is of another type.
        """
        body = Node(data).fields()
        if body["event"].text() != "message_created":
            return ()
        mark = body["content_attributes"][MARK].text()
        return (mark,) if mark else ()

    def requests(self, delivery: Delivery) -> Sequence[Request]:
        """A message; or a private note, and the conversation made open.

        Raises:
            ValueError: If the thread is not ``<account>/<conversation>``.
        """
        if delivery.kind is DeliveryKind.ALERT:
            return ()
        url = self._url(delivery.key)
        message = self._message(delivery, url)
        if delivery.kind is DeliveryKind.REPLY:
            return (message,) if message.body["content"] else ()
        opened = self._request(f"{url}/toggle_status", {"status": "open"}, "make the conversation open")
        return (message, opened) if message.body["content"] else (opened,)

    def typing(self, key: ConversationKey) -> Request | None:
        """Show that the bot is writing.

        Raises:
            ValueError: If the thread is not ``<account>/<conversation>``.
        """
        return self._request(f"{self._url(key)}/toggle_typing_status", {"typing_status": "on"}, "show typing")

    def pause(self, status: int, words: str) -> float | None:
        """Chatwoot says that a conversation is flooded as if the message were not valid."""
        return FLOODED_SECONDS if status in (400, 403, 422) and "too many messages" in words.lower() else None

    def _message(self, delivery: Delivery, url: str) -> Request:
        note, choices = delivery.kind is DeliveryKind.HANDOFF, delivery.reply.choices
        listed = bool(choices) and self.buttons and not note
        attributes: dict[str, Any] = {MARK: delivery.idempotency_key}
        if listed:
            attributes["items"] = [{"title": choice.text, "value": choice.text} for choice in choices]
        body = {
            "content": delivery.reply.text if listed else numbered(delivery.reply),
            "message_type": "outgoing",
            "private": note,
            "content_type": "input_select" if listed else "text",
            "content_attributes": attributes,
        }
        what = "write the private note" if note else "send the reply"
        return self._request(f"{url}/messages", body, what, delivery.idempotency_key)

    def _request(self, url: str, body: Mapping[str, Any], what: str, mark: str = "") -> Request:
        return Request("POST", url, {"api_access_token": self.token}, body, what, mark)

    def _url(self, key: ConversationKey) -> str:
        account, _, conversation = key.thread.partition("/")
        if not all(part.isascii() and part.isdigit() for part in (account, conversation)):
            raise ValueError("the thread is not ACCOUNT/CONVERSATION")
        return f"{self.base}/api/v1/accounts/{account}/conversations/{conversation}"

    def _created(self, body: Node) -> Iterator[ChannelEvent]:
        kind = body["message_type"].text()
        if body["private"].flag() or _is_own(body):
            return
        if kind == "incoming":
            yield from self._incoming(body)
        elif kind == "outgoing" and not _is_automatic(body):
            message_id, text, who = _number(body["id"]), body["content"].text(), body["sender"]["id"]
            sender = None if who.is_nothing else f"person:{who.identifier()}"
            yield self._event(body, EventKind.PERSON, f"person:{message_id}", text, sender)

    def _incoming(self, body: Node) -> Iterator[ChannelEvent]:
        message_id, text = _number(body["id"]), body["content"].text()
        attachments = tuple(_attachment(one) for one in body["attachments"].items())
        if not _is_the_bots(body["conversation"]) or not (text.strip() or attachments):
            return
        yield self._event(body, EventKind.GIVEN_BACK, f"{message_id}{IMPLIED}")
        yield self._event(body, EventKind.MESSAGE, message_id, text, _customer(body["sender"]), attachments)

    def _updated(self, body: Node) -> Iterator[ChannelEvent]:
        kind = body["message_type"].text()
        if body["private"].flag() or not _is_the_bots(body["conversation"]):
            return
        if kind == "incoming":
            yield from self._edited(body)
        elif kind == "outgoing":
            yield from self._chosen(body)

    def _edited(self, body: Node) -> Iterator[ChannelEvent]:
        message_id, text = _number(body["id"]), body["content"].text()
        if text.strip() and not body["content_attributes"]["deleted"].flag():
            version = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
            edited = self._event(body, EventKind.EDIT, f"{message_id}:edit:{version}", text, _customer(body["sender"]))
            yield replace(edited, about=message_id)

    def _chosen(self, body: Node) -> Iterator[ChannelEvent]:
        """A choice of the customer's, which arrives as a change of the message that offered it."""
        values = body["content_attributes"]["submitted_values"]
        if body["content_type"].text() != "input_select" or values.is_nothing:
            return
        titles = [value["title"].text() or value["value"].text() for value in values.items()]
        text = ", ".join(filter(None, titles))
        if text:
            sender = _customer(body["conversation"]["meta"]["sender"])
            chosen = self._event(body, EventKind.MESSAGE, f"{_number(body['id'])}:chosen", text, sender)
            yield replace(chosen, at=self.clock())  # the message itself is as old as the offer

    def _resolved(self, body: Node) -> ChannelEvent:
        conversation = _number(body["id"])
        account = self._account(body)
        changed = next((body[name] for name in ("updated_at", "timestamp") if not body[name].is_nothing), None)
        at = self.clock() if changed is None else changed.moment(self.clock())
        version = at.isoformat() if changed is None else changed.value  # as it came, so that a redelivery keeps it
        key = ConversationKey(self.name, f"{account}/{conversation}")
        return ChannelEvent(key, f"closed:{key.thread}:{version}", EventKind.CLOSED, at)

    def _account(self, conversation: Node) -> str:
        for node in (conversation["account"]["id"], conversation["account_id"]):
            if not node.is_nothing:
                return _number(node)
        for message in conversation["messages"].items():
            if not message["account_id"].is_nothing:
                return _number(message["account_id"])
        if not self.account:
            raise Malformed("account.id", "an id", "nothing")
        return self.account

    def _event(
        self,
        body: Node,
        kind: EventKind,
        event_id: str,
        text: str = "",
        sender: str | None = None,
        attachments: tuple[str, ...] = (),
    ) -> ChannelEvent:
        key = ConversationKey(self.name, f"{_number(body['account']['id'])}/{_number(body['conversation']['id'])}")
        return ChannelEvent(key, event_id, kind, body["created_at"].moment(self.clock()), text, sender, attachments)


def _customer(sender: Node) -> str | None:
    return None if sender["id"].is_nothing else sender["id"].identifier()


def _number(node: Node) -> str:
    found = node.identifier()
    if not found.isdigit():
        raise Malformed(node.path, "a whole number", "a text")
    return found


def _is_own(body: Node) -> bool:
    """True for what a bot wrote; the mark alone would not do, since older servers drop it."""
    return bool(body["content_attributes"][MARK].text()) or body["sender"]["type"].text() == "agent_bot"


def _is_automatic(body: Node) -> bool:
    """True for what no person wrote at the time: automation rules and campaigns."""
    rule, campaign = body["content_attributes"]["automation_rule_id"], body["additional_attributes"]["campaign_id"]
    return not (rule.is_nothing and campaign.is_nothing)


def _is_the_bots(conversation: Node) -> bool:
    assignee, kind = conversation["meta"]["assignee"], conversation["meta"]["assignee_type"].text()
    nobody = assignee.is_nothing or kind.lower() == "agentbot" or assignee["type"].text() == "agent_bot"
    return nobody and conversation["status"].text() == "pending"


def _attachment(node: Node) -> str:
    return _ATTACHMENTS.get(node["file_type"].text(), "file")
