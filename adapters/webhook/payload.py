"""What is sent and answered, field by field; the description at ``/openapi.json`` is made from this."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

LONGEST_TEXT = 100_000  # characters, the most that [service] message_characters can be

NAME = r"^[A-Za-z0-9_+@][A-Za-z0-9_.:@+=~-]{0,199}$"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("expected a time such as 2026-03-01T12:00:00Z")
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError("expected a time that exists") from None


Conversation = Annotated[
    str,
    StringConstraints(pattern=NAME),
    Field(description="Your name for the conversation, for ever: 1 to 200 letters, digits or `_.:@+=~-`."),
]
Id = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}$")]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Moment = Annotated[AwareDatetime | None, BeforeValidator(_moment)]


def is_conversation(text: str) -> bool:
    """True for what a conversation may be called."""
    return re.fullmatch(NAME.strip("^$"), text) is not None


class _Body(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore")


class NewMessage(_Body):
    """What a customer wrote."""

    conversation: Conversation
    text: Text = Field(description="What the customer wrote; empty where only files came.")
    message_id: Id | None = Field(
        None, description="Your id of the message, unique in its conversation; without one it is `webhook-id`."
    )
    sender: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        None, description="Your id of the customer, for `/forget me`."
    )
    sent_at: Moment = Field(None, description="When it was written, at most 30 days ago; without it, now.")
    attachments: list[Annotated[str, StringConstraints(pattern=r"^[a-z]{1,20}$")]] = Field(
        default_factory=list, max_length=10, description="What came with it, a word each, such as `photo`."
    )
    callback: bool | None = Field(
        None, description="True: the reply is sent to the callback; false: it stands in the response."
    )


class AgentReply(_Body):
    """What a person of the company did in a conversation: wrote, gave it back to the bot, or closed it."""

    model_config = ConfigDict(
        json_schema_extra={
            "anyOf": [
                {"required": ["text"], "properties": {"text": {"type": "string"}}},
                {"required": ["give_back"], "properties": {"give_back": {"const": True}}},
                {"required": ["close"], "properties": {"close": {"const": True}}},
            ]
        }
    )

    conversation: Conversation
    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)] | None = Field(
        None, description="What the person wrote to the customer; from then on the bot is silent."
    )
    agent: Annotated[str, StringConstraints(min_length=1, max_length=255)] | None = Field(
        None, description="Your id of the person."
    )
    give_back: bool = Field(False, description="The bot answers again, after `text`.")
    close: bool = Field(False, description="The matter is done, after `text`.")

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.text is None and not self.give_back and not self.close:
            raise ValueError("expected text, give_back or close")
        return self


class Feedback(_Body):
    """What somebody thought of a reply."""

    conversation: Conversation
    message_id: Id = Field(description="The message that was replied to, as `message_id` of the reply has it.")
    verdict: Literal["good", "bad"]


class ChoiceOut(BaseModel):
    """An answer that is offered; the customer takes it when `text` comes as the next message."""

    entry: str
    text: str


class ReplyOut(BaseModel):
    """What the customer reads, and where it came from."""

    text: str = Field(description="Empty while a person has the conversation.")
    source: Literal["generated", "retrieved", "clarify", "fixed", "handoff"]
    confidence: float = Field(ge=0, le=1)
    entry: str | None = Field(description="The entry of the FAQ that it rests on.")
    choices: list[ChoiceOut]
    handoff: bool = Field(description="True where a person is to take over.")
    reason: str


class Answer(BaseModel):
    """The reply to a message."""

    reply: ReplyOut
    message_id: str
    conversation: str
    owner: Literal["bot", "waiting", "person", "closed"] | None = Field(
        description="Who has the conversation now; null where that cannot be read."
    )


class Accepted(BaseModel):
    """It was stored and will be taken up."""

    conversation: str
    id: str = Field(description="The id under which it was stored: of a message its `message_id`.")
    repeated: bool = Field(description="True where it had come before; nothing happens then.")


class TurnOut(BaseModel):
    """One thing that was said."""

    role: Literal["customer", "bot", "agent"]
    text: str
    at: datetime
    id: str | None = Field(description="The message that was said, or replied to.")


class ConversationOut(BaseModel):
    """All that is known of a conversation."""

    conversation: str
    owner: Literal["bot", "waiting", "person", "closed"]
    turns: list[TurnOut]
    memory: dict[str, Any] = Field(description="What is remembered; it may change from release to release.")


class Forgotten(BaseModel):
    """The text of a conversation was removed."""

    conversation: str
    turns: int = Field(ge=0, description="How many turns went.")


class WrongOut(BaseModel):
    """One field that is wrong."""

    pointer: str = Field(description="Where it stands in the body, a JSON pointer as a fragment, such as `#/text`.")
    detail: str


class ProblemOut(BaseModel):
    """What is wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = ""
    errors: list[WrongOut] = Field(default_factory=list)
