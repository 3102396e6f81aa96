"""The words of the house: values that every room may use, with nothing behind them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Speaker(StrEnum):
    """Who said a turn."""

    CUSTOMER = "customer"
    BOT = "bot"
    AGENT = "agent"


class Source(StrEnum):
    """Where the text of a reply came from."""

    GENERATED = "generated"
    RETRIEVED = "retrieved"
    CLARIFY = "clarify"
    FIXED = "fixed"
    HANDOFF = "handoff"


class Grade(StrEnum):
    """How far a message that is not answered lies from what can be answered."""

    NEAR_MISS = "near_miss"
    UNRELATED = "unrelated"
    HOSTILE = "hostile"
    MEANINGLESS = "meaningless"


class Mark(StrEnum):
    """What else happened on the way to a reply, to be counted."""

    SLIP = "slip"
    PARTS = "parts"
    CHOICE = "choice"


@dataclass(frozen=True, slots=True)
class ConversationKey:
    """One conversation: the channel that carries it and the channel's own name for it."""

    channel: str
    thread: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.thread}"

    @classmethod
    def parse(cls, text: str, *, channel: str = "terminal") -> ConversationKey:
        """Read ``channel:thread``; a name without a colon belongs to ``channel``.

        Raises:
            ValueError: If one of the two parts is empty.
        """
        head, colon, tail = text.partition(":")
        key = cls(head, tail) if colon else cls(channel, head)
        if not key.channel.strip() or not key.thread.strip() or not text.isprintable():
            raise ValueError(f"a conversation is named CHANNEL:THREAD or THREAD, not {text!r}")
        return key


@dataclass(frozen=True, slots=True)
class Message:
    """What a customer sent. ``sent_at`` is aware UTC; a redelivery keeps its ``message_id``.

    ``attachments`` says what else came with it, a word each (``photo``, ``voice``, ``file``): nobody looks inside.
    """

    key: ConversationKey
    message_id: str
    text: str
    sent_at: datetime
    sender: str | None = None
    attachments: tuple[str, ...] = ()


class EventKind(StrEnum):
    """What happened on a channel.

    ``MESSAGE``: a customer wrote; ``EDIT``: a customer changed the message ``about``; ``PERSON``: a person of the
    company wrote to the customer; ``GIVEN_BACK``: the person leaves the conversation to the bot again; ``CLOSED``: it
    is done; ``VERDICT``: the reply to message ``about`` was judged, ``text`` is ``good`` or ``bad``.
    """

    MESSAGE = "message"
    EDIT = "edit"
    PERSON = "person"
    GIVEN_BACK = "given_back"
    CLOSED = "closed"
    VERDICT = "verdict"


@dataclass(frozen=True, slots=True)
class ChannelEvent:
    """Something that happened on a channel, ``at`` a moment (aware UTC).

    ``event_id`` is unique on its channel and the same at every redelivery; for a message it is the message's id.
    """

    key: ConversationKey
    event_id: str
    kind: EventKind
    at: datetime
    text: str = ""
    sender: str | None = None
    attachments: tuple[str, ...] = ()
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that was said."""

    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """Why a reply is what it is: ``origin`` names the entry, checkpoint or wording; ``reason`` says it in words.

    ``grade`` is that of a message which was not answered, None for every other one. Of the ``marks``, ``SLIP`` says
    that composed words were not faithful and the entry spoke instead, ``PARTS`` that several questions were found in
    the message, ``CHOICE`` that the customer took something that was offered.
    """

    source: Source
    origin: str
    reason: str
    grade: Grade | None = None
    marks: frozenset[Mark] = frozenset()


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that was considered; ``confidence`` is the probability in [0, 1] that it is the right one."""

    entry: str
    text: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the answers offered when the bot asks back: an entry and the question it stands for."""

    entry: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What the customer gets, and where it came from. ``confidence`` is in [0, 1]."""

    text: str
    provenance: Provenance
    confidence: float
    entry: str | None = None
    choices: tuple[Choice, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    handoff: bool = False
