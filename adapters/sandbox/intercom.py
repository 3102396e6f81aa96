"""An Intercom that runs here: a workspace with customers, colleagues and a bot that writes as one of them.

Envelope, topics and the fields of replies follow Intercom's pages and its description of the API. Not confirmed by
the vendor: the signature (two independent third parties agree on it), the time limit of five seconds and the one
repeat a minute later, that an answer 410 ends a delivery, the codes and texts of errors, the topics of a conversation
that is unassigned, opened or noted, that a customer who writes in a closed conversation makes a part ``open`` with a
body, and how quick replies stand in a part. That the service pauses after a thousand errors is not modelled.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from aiohttp import web

from adapters.sandbox import desk_page
from adapters.sandbox import intercom_payloads as payloads
from adapters.sandbox.acts import Act, Line, Talk
from adapters.sandbox.desk import DeskSandbox
from adapters.sandbox.intercom_api import Api, refused
from adapters.sandbox.intercom_payloads import Conversation, Data
from adapters.sandbox.post import Letter, Parcel, Policy
from adapters.sandbox.server import Refusal

TOKEN = "sandbox-access-token"  # noqa: S105 - made up
SECRET = "sandbox-client-secret"  # noqa: S105 - made up
BOT_ADMIN = "7001"
PERSON_ADMIN = "7002"
TIMEOUT = 5.0
_WAITS = (60.0,)
_GONE = 410


class IntercomSandbox(DeskSandbox):
    """One workspace; ``admin`` is the number that the bot writes as.

    Attributes:
        signed: Whether webhooks bear a signature.
    """

    title = "Intercom"

    def __init__(
        self,
        *,
        port: int = 0,
        bot_url: str | None = None,
        scale: float = 1.0,
        seed: int = 0,
        token: str = TOKEN,
        secret: str = SECRET,
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__(port=port, bot_url=bot_url, scale=scale, seed=seed)
        self.token, self.secret, self.admin, self.signed = token, secret, BOT_ADMIN, True
        self.admins = {BOT_ADMIN: "Attendant", PERSON_ADMIN: "Max"}
        self.conversations: dict[str, Conversation] = {}
        self.post_by(Policy(timeout, _WAITS, lambda receipt: receipt.status != _GONE))
        self._numbers = count(1)

    # What customers and people do

    @property
    def names(self) -> Collection[str]:
        """The conversations, the newest at the end."""
        return self.conversations.keys()

    def ping(self) -> None:
        """What Intercom sends when a webhook is set up."""
        self._notify("ping", {"type": "ping", "message": "something something interzen"})

    def customer_writes(
        self,
        text: str,
        *,
        conversation: str | None = None,
        name: str = "Ann",
        kind: str = "user",
        html: str | None = None,
    ) -> str:
        """A customer writes, in a new conversation or one that is there; returns its id.

        Args:
            kind: ``user``, or ``lead`` for somebody whom nobody knows.
            html: The body as it is sent, instead of what the messenger makes of ``text``.
        """
        body = payloads.html(text) if html is None else html
        if conversation is None:
            return self._begin(payloads.contact(next(self._numbers), name, kind), body).id
        talk = self.conversations[conversation]
        reopened = talk.state == "closed"
        talk.state = "open"
        self.add(talk, "open" if reopened else "comment", body, talk.contact, "conversation.user.replied")
        return talk.id

    def customer_taps(self, conversation: str, button: str) -> None:
        """A customer takes one of the last quick replies, which reads like any other text.

        Raises:
            ValueError: If it was not offered.
        """
        offers = [part["body"] for part in self.conversations[conversation].parts if part["part_type"] == "quick_reply"]
        if not offers or button not in json.loads(offers[-1]):
            raise ValueError(f"nothing offers {button!r}")
        self.customer_writes(button, conversation=conversation)

    def customer_attaches(self, conversation: str, name: str = "photo.jpg", kind: str = "image/jpeg") -> None:
        """A customer sends a file without a text."""
        talk = self.conversations[conversation]
        file = payloads.attachment(name, kind, f"{self.url}/files/{name}")
        self.add(talk, "comment", None, talk.contact, "conversation.user.replied", attachments=(file,))

    def person_writes(self, conversation: str, text: str, *, private: bool = False) -> None:
        """A colleague writes to the customer, or a note."""
        kind, topic = ("note", "conversation.admin.noted") if private else ("comment", "conversation.admin.replied")
        self.add(self.conversations[conversation], kind, payloads.html(text), self._person(), topic)

    def person_takes(self, conversation: str) -> None:
        """A colleague takes the conversation."""
        self.assign(self.conversations[conversation], PERSON_ADMIN, self._person())

    def person_gives_back(self, conversation: str) -> None:
        """A colleague assigns the conversation to the bot."""
        self.assign(self.conversations[conversation], self.admin, self._person())

    def person_unassigns(self, conversation: str) -> None:
        """A colleague lets go of the conversation."""
        self.assign(self.conversations[conversation], None, self._person())

    def person_closes(self, conversation: str) -> None:
        """A colleague closes the conversation."""
        self.close(self.conversations[conversation], self._person(), None)

    # What the bot did

    def replies(self, conversation: str) -> Sequence[str]:
        """What the bot told the customer, as it was sent."""
        return [
            str(part["body"]) for part in self._of_bot(conversation) if part["part_type"] in ("comment", "quick_reply")
        ]

    def notes(self, conversation: str) -> Sequence[str]:
        """The bot's notes for colleagues."""
        return [str(part["body"]) for part in self._of_bot(conversation) if part["part_type"] == "note"]

    # What the server needs

    def routes(self) -> Iterable[web.RouteDef]:
        """Reading, replying, and parts."""
        return Api(self).routes()

    def refusal(self, status: int, retry_after: int | None) -> Refusal:
        """Errors as the API says them."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return refused(status, "Exceeded rate limit" if status == 429 else "Something went wrong", headers)

    def particulars(self) -> Mapping[str, str]:
        """Where the bot finds this Intercom, and where this one finds the bot."""
        return {
            "base_url": self.url,
            "access token": self.token,
            "client secret": self.secret if self.signed else "none; webhooks are not signed",
            "admin of the bot": self.admin,
            "admin of a person": PERSON_ADMIN,
            "webhook": self.bot_url if self.bot_url is not None else "not set",
        }

    def talks(self) -> Sequence[Talk]:
        """Every conversation."""
        return [self._talk(talk) for talk in self.conversations.values()]

    def acts(self) -> Sequence[Act]:
        """Writing on both sides, and what people do to a conversation."""
        return (*desk_page.acts(self), Act("ping", "Send a ping", (), lambda _: self.ping()), self.address_act())

    # For the API too

    def add(
        self,
        talk: Conversation,
        kind: str,
        body: str | None,
        author: Mapping[str, Any],
        topic: str,
        *,
        assigned_to: str | None = None,
        attachments: Sequence[Data] = (),
    ) -> None:
        """Add a part to a conversation and tell the bot."""
        number = str(900_000 + next(self._numbers))
        part = payloads.part(number, kind, body, author, self.now(), assigned_to, attachments)
        talk.parts.append(part)
        self._notify(topic, payloads.conversation_data(talk, [part]))

    def assign(self, talk: Conversation, assignee: str | None, author: Data) -> None:
        """Give a conversation to an admin, or to nobody."""
        talk.assignee = assignee
        topic = "conversation.admin.unassigned" if assignee is None else "conversation.admin.assigned"
        self.add(talk, "assignment", None, author, topic, assigned_to=assignee)

    def close(self, talk: Conversation, author: Data, body: str | None) -> None:
        """End a conversation."""
        talk.state = "closed"
        self.add(talk, "close", body, author, "conversation.admin.closed")

    def reopen(self, talk: Conversation, author: Data) -> None:
        """Take up a conversation that had ended."""
        talk.state = "open"
        self.add(talk, "open", None, author, "conversation.admin.opened")

    # Below: how

    def _begin(self, customer: Data, body: str) -> Conversation:
        number = str(215_000_000 + next(self._numbers))
        talk = Conversation(number, customer, payloads.source(customer, body), self.now())
        self.conversations[number] = talk
        self._notify("conversation.user.created", payloads.conversation_data(talk, []))
        return talk

    def _person(self) -> Data:
        return payloads.admin(PERSON_ADMIN, self.admins[PERSON_ADMIN])

    def _of_bot(self, conversation: str) -> Sequence[Data]:
        return [part for part in self.conversations[conversation].parts if part["author"]["id"] == self.admin]

    def _notify(self, topic: str, item: Mapping[str, Any]) -> None:
        number, at = f"notif_{next(self._numbers):08x}", self.now()

        def letter(attempt: int) -> Letter:
            shown = payloads.notification(number, topic, at, attempt, item)
            body = json.dumps(shown, ensure_ascii=False).encode()
            headers = {"Content-Type": "application/json; charset=utf-8"}
            if self.signed:
                headers["X-Hub-Signature"] = payloads.signature(self.secret, body)
            return Letter(body, headers, shown)

        self._courier.send(Parcel(topic, letter))

    def _talk(self, talk: Conversation) -> Talk:
        assignee = "nobody" if talk.assignee is None else self.admins.get(talk.assignee, talk.assignee)
        first = Line(str(talk.contact["name"]), str(talk.source["body"]))
        return Talk(talk.id, f"{talk.state}, with {assignee}", (first, *map(_line, talk.parts)))


def _line(part: Data) -> Line:
    files = ", ".join(str(file["name"]) for file in part["attachments"])
    kind = "" if part["part_type"] == "comment" else str(part["part_type"])
    return Line(str(part["author"]["name"]), str(part["body"] or ""), ", ".join(filter(None, (kind, files))))
