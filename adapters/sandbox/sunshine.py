"""A Sunshine Conversations (Zendesk messaging) that runs here: webhooks, messages, and the switchboard.

Shapes and limits follow Zendesk's own client library. Not confirmed by the vendor: the header of the webhook secret,
how often and when a webhook is tried again and what is not, its time limit, the types of activities, the codes of
errors, that the first message of a conversation comes in one webhook with its creation, that the default integration
takes over again when a customer writes after a release, and that ``next`` beyond the last integration is an error.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from aiohttp import web

from adapters.sandbox import desk_page
from adapters.sandbox import sunshine_payloads as payloads
from adapters.sandbox.acts import Act, Line, Talk
from adapters.sandbox.desk import DeskSandbox
from adapters.sandbox.journal import Way
from adapters.sandbox.post import Letter, Parcel, Policy, Receipt
from adapters.sandbox.server import Refusal
from adapters.sandbox.sunshine_api import MESSAGE_LIMIT, Api, refused
from adapters.sandbox.sunshine_payloads import BOT, PEOPLE, Conversation, Data, Integration

KEY_ID = "app_sandbox"
SECRET = "sandbox-key-secret"  # noqa: S105 - made up
WEBHOOK_SECRET = "sandbox-webhook-secret"  # noqa: S105 - made up
TIMEOUT = 20.0
_WAITS = (1.0, 2.0, 4.0, 8.0)


class SunshineSandbox(DeskSandbox):
    """One app with one web channel and two switchboard integrations: the bot, and people after it."""

    title = "Sunshine Conversations"

    def __init__(
        self,
        *,
        port: int = 0,
        bot_url: str | None = None,
        scale: float = 1.0,
        seed: int = 0,
        key_id: str = KEY_ID,
        secret: str = SECRET,
        webhook_secret: str = WEBHOOK_SECRET,
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__(port=port, bot_url=bot_url, scale=scale, seed=seed)
        self.key_id, self.secret, self.webhook_secret = key_id, secret, webhook_secret
        self.message_limit = MESSAGE_LIMIT
        self.conversations: dict[str, Conversation] = {}
        self.post_by(Policy(timeout, _WAITS, _recoverable))
        self._numbers = count(1)
        self._held: list[Data] = []  # events that go along with the next one

    # What customers and people do

    @property
    def names(self) -> Collection[str]:
        """The conversations, the newest at the end."""
        return self.conversations.keys()

    def customer_writes(self, text: str, *, conversation: str | None = None, name: str = "Ann") -> str:
        """A customer writes, in a new conversation or one that is there; returns its id."""
        return self.customer_sends({"type": "text", "text": text}, conversation=conversation, name=name)

    def customer_sends(self, content: Data, *, conversation: str | None = None, name: str = "Ann") -> str:
        """A customer sends any content, such as ``{"type": "image", "mediaUrl": "…"}``."""
        talk = self._begin(name) if conversation is None else self.conversations[conversation]
        if talk.active is None:
            talk.active = BOT
        self.say(talk, payloads.customer_author(talk.user), content, "web")
        return talk.id

    def customer_taps(self, conversation: str, button: str) -> None:
        """A customer presses a button of the last message that has it: a reply, or a postback.

        Raises:
            ValueError: If there is no such button.
        """
        talk = self.conversations[conversation]
        actions = [
            action
            for message in talk.messages
            for action in message["content"].get("actions") or ()
            if action.get("text") == button and action.get("type") in ("reply", "postback")
        ]
        if not actions:
            raise ValueError(f"nothing offers {button!r}")
        payload = str(actions[-1].get("payload", ""))
        if actions[-1]["type"] == "reply":
            self.customer_sends({"type": "text", "text": button, "payload": payload}, conversation=conversation)
        else:
            self._tell("conversation:postback", payloads.postback(talk, payload))

    def person_writes(self, conversation: str, text: str, *, private: bool = False, name: str = "Max") -> None:
        """Somebody of the company writes; in private, the messaging side does not see it."""
        talk = self.conversations[conversation]
        if private:
            self.journal.write(Way.HERE, "private note", text, "not told to the bot")
            return
        self.say(talk, payloads.person_author(name), {"type": "text", "text": text}, PEOPLE.kind)

    def person_takes(self, conversation: str) -> None:
        """People take control."""
        self.control(self.conversations[conversation], "passControl", PEOPLE)

    def person_gives_back(self, conversation: str) -> None:
        """People pass control to the bot."""
        self.control(self.conversations[conversation], "passControl", BOT)

    def person_closes(self, conversation: str) -> None:
        """The ticket is closed, which releases control."""
        self.control(self.conversations[conversation], "releaseControl", None, reason="ticketClosed")

    def person_accepts(self, conversation: str) -> None:
        """People accept what was offered to them.

        Raises:
            ValueError: If nothing was.
        """
        talk = self.conversations[conversation]
        if talk.pending is None:
            raise ValueError("nothing was offered")
        self.control(talk, "acceptControl", talk.pending)

    # What the bot did

    def replies(self, conversation: str) -> Sequence[str]:
        """What the bot told the customer, as texts."""
        said = self.conversations[conversation].messages
        return [str(one["content"].get("text", "")) for one in said if one["source"]["type"] == "api:conversations"]

    # What the server needs

    def routes(self) -> Iterable[web.RouteDef]:
        """Messages, activity, switchboard."""
        return Api(self).routes()

    def refusal(self, status: int, retry_after: int | None) -> Refusal:
        """Errors as the API says them."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return refused(status, "too_many_requests" if status == 429 else "unknown_error", headers=headers)

    def particulars(self) -> Mapping[str, str]:
        """Where the bot finds this service, and where this one finds the bot."""
        return {
            "base_url": f"{self.url}/sc",
            "app": payloads.APP_ID,
            "key": self.key_id,
            "key secret": self.secret,
            "switchboard integration": BOT.name,
            "webhook secret": self.webhook_secret,
            "webhook": self.bot_url if self.bot_url is not None else "not set",
        }

    def talks(self) -> Sequence[Talk]:
        """Every conversation."""
        return [_talk(talk) for talk in self.conversations.values()]

    def acts(self) -> Sequence[Act]:
        """Writing on both sides, and who is in control."""
        return (*desk_page.acts(self), self.address_act())

    # For the API too

    def say(self, talk: Conversation, author: Data, content: Data, source: str, metadata: Data | None = None) -> Data:
        """Add a message to a conversation and tell the bot."""
        said = payloads.message(self._number(), self.now(), author, content, source)
        if metadata:
            said["metadata"] = metadata
        talk.messages.append(said)
        shown = {"conversation": payloads.conversation_data(talk), "message": said, "recentNotifications": []}
        self._tell("conversation:message", shown)
        return said

    def control(
        self,
        talk: Conversation,
        action: str,
        target: Integration | None,
        *,
        metadata: Data | None = None,
        reason: str | None = None,
    ) -> None:
        """Hand control of a conversation over, None to nobody, and tell the bot."""
        talk.active, talk.pending = target, None
        self.switched(talk, action, metadata=metadata, reason=reason)

    def switched(
        self, talk: Conversation, action: str, *, metadata: Data | None = None, reason: str | None = None
    ) -> None:
        """Tell the bot that something happened on the switchboard."""
        shown: Data = {"conversation": payloads.conversation_data(talk)}
        if metadata:
            shown["metadata"] = metadata
        if reason is not None:
            shown["reason"] = reason
        self._tell(f"switchboard:{action}", shown)

    # Below: how

    def _begin(self, name: str) -> Conversation:
        talk = Conversation(self._number(), payloads.user(self._number(), name))
        self.conversations[talk.id] = talk
        shown = {"conversation": payloads.conversation_data(talk), "user": dict(talk.user), "creationReason": "message"}
        self._held.append(payloads.event(self._number(), self.now(), "conversation:create", shown))
        return talk

    def _number(self) -> str:
        return f"6a{next(self._numbers):022x}"

    def _tell(self, kind: str, payload: Mapping[str, Any]) -> None:
        shown = payloads.envelope(*self._held, payloads.event(self._number(), self.now(), kind, payload))
        self._held.clear()
        self._courier.send(Parcel(kind, self._letters(shown)))

    def _letters(self, shown: Data) -> Callable[[int], Letter]:
        body = json.dumps(shown, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "X-API-Key": self.webhook_secret}
        return lambda _attempt: Letter(body, headers, shown)


def _recoverable(receipt: Receipt) -> bool:
    return receipt.status is None or receipt.status in (408, 429) or not 400 <= receipt.status < 500


def _talk(talk: Conversation) -> Talk:
    control = "nobody" if talk.active is None else talk.active.name
    offered = "" if talk.pending is None else f", offered to {talk.pending.name}"
    return Talk(talk.id, f"{control} in control{offered}", tuple(map(_line, talk.messages)))


def _line(said: Data) -> Line:
    content = said["content"]
    actions = ", ".join(f"[{action.get('text')}]" for action in content.get("actions") or ())
    kind = "" if content["type"] == "text" else str(content["type"])
    who = str(said["author"].get("displayName", said["author"]["type"]))
    return Line(who, str(content.get("text", "")), ", ".join(filter(None, (kind, actions))))
