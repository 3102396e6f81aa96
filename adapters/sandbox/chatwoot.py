"""A Chatwoot that runs here: an inbox with an agent bot, its webhooks and the part of its API that bots may call.

Followed from Chatwoot's source: headers and signature, time limit, what is tried again, what a failure does to a
conversation, how statuses change, which endpoints a bot's token opens. Not confirmed by it: the wording of refusals
other than 401, the limit of messages a minute being 200 by default, and that a choice of ``input_select`` arrives as
``message_updated`` of the bot's own message with ``submitted_values``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from typing import Any

from aiohttp import web

from adapters.sandbox import chatwoot_page
from adapters.sandbox import chatwoot_payloads as payloads
from adapters.sandbox.acts import Act, Talk
from adapters.sandbox.chatwoot_api import STATUSES, Api
from adapters.sandbox.chatwoot_payloads import Conversation, Data, Message
from adapters.sandbox.desk import DeskSandbox
from adapters.sandbox.post import Letter, Parcel, Policy
from adapters.sandbox.server import Refusal

TOKEN = "sandbox-bot-token"  # noqa: S105 - made up
SECRET = "sandbox-webhook-secret"  # noqa: S105 - made up
TIMEOUT = 5.0
_POLICY = Policy(TIMEOUT, (3.0, 3.0), lambda receipt: receipt.status in (429, 500))
_TOLD = {"open": "conversation_opened", "resolved": "conversation_resolved"}


class ChatwootSandbox(DeskSandbox):
    """One account with one inbox and one agent bot.

    Attributes:
        signed: Whether webhooks bear timestamp, signature and delivery number; older servers send none.
        keep_pending: Whether a conversation stays pending although the bot failed, a setting of the account.
        per_minute: How many messages a conversation takes within a minute.
    """

    title = "Chatwoot"

    def __init__(
        self,
        *,
        port: int = 0,
        bot_url: str | None = None,
        scale: float = 1.0,
        seed: int = 0,
        token: str = TOKEN,
        secret: str = SECRET,
        account: int = 1,
        timeout: float = TIMEOUT,
    ) -> None:
        super().__init__(port=port, bot_url=bot_url, scale=scale, seed=seed)
        self.token, self.secret, self.account = token, secret, account
        self.signed, self.keep_pending, self.per_minute = True, False, 200
        self.conversations: dict[int, Conversation] = {}
        self.post_by(Policy(timeout, _POLICY.waits, _POLICY.repeats))
        self._numbers = count(1)
        self._messages = count(101)

    # What customers and people do

    def customer_writes(
        self, text: str | None, *, conversation: int | None = None, name: str = "Ann", file: str | None = None
    ) -> int:
        """A customer writes, in a new conversation or one that is there; returns its display id.

        Args:
            file: Something sent along: ``image``, ``audio``, ``video``, ``file`` or ``location``.
        """
        talk = self._begin(name) if conversation is None else self.conversations[conversation]
        files = () if file is None else (payloads.attachment(1, file, f"{self.url}/files/{file}"),)
        message = self.keep(talk, "incoming", text, talk.contact, attachments=files)
        if talk.status == "resolved":
            talk.status = "pending"  # the bot of the inbox is active
        elif talk.status == "snoozed":
            self.turn(talk, "open")
        self.tell("message_created", talk, message)
        return talk.id

    def customer_edits(self, conversation: int, message: int, text: str) -> None:
        """A customer changes a message of theirs."""
        talk, found = self._message(conversation, message)
        found.content = text
        self.tell("message_updated", talk, found)

    def customer_picks(self, conversation: int, message: int, value: str) -> None:
        """A customer takes one of the choices of an ``input_select``.

        Raises:
            ValueError: If the message does not offer it.
        """
        talk, found = self._message(conversation, message)
        items = [item for item in found.attributes.get("items", ()) if item.get("value") == value]
        if found.content_type != "input_select" or not items:
            raise ValueError(f"message {message} does not offer {value!r}")
        found.attributes = {**found.attributes, "submitted_values": [items[0]]}
        self.tell("message_updated", talk, found)

    def customer_opens(self, conversation: int | None = None, name: str = "Ann") -> None:
        """A customer opens the chat window without writing."""
        talk = None if conversation is None else self.conversations[conversation]
        customer = payloads.contact(900, name) if talk is None else talk.contact
        body = payloads.widget_event(self.account, talk, customer, self.now())
        self._courier.send(Parcel("webwidget_triggered", self._letters(body)))

    def person_writes(self, conversation: int, text: str, *, private: bool = False, name: str | None = "Max") -> int:
        """Somebody of the company writes; ``name=None`` is somebody on the phone, whom Chatwoot does not know."""
        talk = self.conversations[conversation]
        sender = None if name is None else payloads.agent(3, name)
        message = self.keep(talk, "outgoing", text, sender, private=private)
        self.tell("message_created", talk, message)
        return message.id

    def person_assigns(self, conversation: int, name: str | None = "Max") -> None:
        """A conversation is given to somebody, or to nobody."""
        self.conversations[conversation].assignee = None if name is None else payloads.agent(3, name)

    def person_sets(self, conversation: int, status: str) -> None:
        """Somebody closes a conversation (``resolved``), gives it back (``pending``), takes it (``open``).

        Raises:
            ValueError: If there is no such status.
        """
        if status not in STATUSES:
            raise ValueError(f"status: expected one of {', '.join(STATUSES)}")
        self.turn(self.conversations[conversation], status)

    # What the bot did

    def replies(self, conversation: int) -> Sequence[str]:
        """What the customer has seen of the bot."""
        return [str(message.content) for message in self._of_bot(conversation) if not message.private]

    def notes(self, conversation: int) -> Sequence[str]:
        """The bot's private notes for colleagues."""
        return [str(message.content) for message in self._of_bot(conversation) if message.private]

    # What the server needs

    def routes(self) -> Iterable[web.RouteDef]:
        """What a bot may call, and 401 for everything else."""
        return Api(self).routes()

    def refusal(self, status: int, retry_after: int | None) -> Refusal:
        """Errors of the server, or of what stands before it."""
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return Refusal(status, {"error": "Retry later" if status == 429 else "Something went wrong"}, headers)

    def particulars(self) -> Mapping[str, str]:
        """Where the bot finds this Chatwoot, and where this one finds the bot."""
        return {
            "base_url": self.url,
            "account": str(self.account),
            "access token": self.token,
            "webhook secret": self.secret if self.signed else "none; webhooks are not signed",
            "webhook": self.bot_url if self.bot_url is not None else "not set",
        }

    def talks(self) -> Sequence[Talk]:
        """Every conversation."""
        return chatwoot_page.talks(self)

    def acts(self) -> Sequence[Act]:
        """Writing on both sides, and what people do to a conversation."""
        return chatwoot_page.acts(self)

    # Below: how

    def _begin(self, name: str) -> Conversation:
        made = Conversation(next(self._numbers), payloads.contact(len(self.conversations) + 9, name))
        self.conversations[made.id] = made
        return made

    def keep(
        self,
        talk: Conversation,
        kind: str,
        text: str | None,
        sender: Mapping[str, Any] | None,
        *,
        private: bool = False,
        attachments: Sequence[Mapping[str, Any]] = (),
    ) -> Message:
        """Add a message to a conversation, without telling anybody."""
        made = Message(next(self._messages), kind, text, self.now(), sender, private=private, attachments=attachments)
        talk.messages.append(made)
        return made

    def _message(self, conversation: int, message: int) -> tuple[Conversation, Message]:
        talk = self.conversations[conversation]
        found = next((one for one in talk.messages if one.id == message), None)
        if found is None:
            raise ValueError(f"conversation {conversation} has no message {message}")
        return talk, found

    def _of_bot(self, conversation: int) -> Sequence[Message]:
        return [message for message in self.conversations[conversation].messages if message.sender == payloads.BOT]

    def turn(self, talk: Conversation, status: str) -> None:
        """Change the status; the bot is told where it becomes open or resolved."""
        if talk.status == status:
            return
        talk.status = status
        self.keep(talk, "activity", f"Conversation was marked {status}", None)
        if status in _TOLD:
            body = payloads.conversation_event(_TOLD[status], self.account, talk)
            self._courier.send(Parcel(_TOLD[status], self._letters(body)))
        self.journal.wake()

    def tell(self, event: str, talk: Conversation, message: Message) -> None:
        """Send an event about a message to the bot."""
        body = payloads.message_event(event, self.account, talk, message)
        self._courier.send(Parcel(event, self._letters(body), lambda: self._failed(talk)))

    def _failed(self, talk: Conversation) -> None:
        if talk.status == "pending" and not self.keep_pending:
            self.turn(talk, "open")
            talk.messages[-1].content = "Conversation was marked open by system due to an error with the agent bot."

    def _letters(self, shown: Data) -> Callable[[int], Letter]:
        body, delivery = json.dumps(shown, ensure_ascii=False).encode(), str(uuid.uuid4())

        def letter(_attempt: int) -> Letter:
            headers = {"Content-Type": "application/json", "Accept": "application/json"}
            if self.signed:
                at = str(int(self.now().timestamp()))
                headers["X-Chatwoot-Timestamp"] = at
                headers["X-Chatwoot-Signature"] = payloads.signature(self.secret, at, body)
                headers["X-Chatwoot-Delivery"] = delivery
            return Letter(body, headers, shown)

        return letter
