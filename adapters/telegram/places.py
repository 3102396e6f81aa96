"""Where something is said on Telegram, and what its messages are called in the house."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_THREAD = re.compile(r"(?P<chat>-?[0-9]{1,18})(?::(?P<topic>[0-9]{1,18}))?")
_MESSAGE = re.compile(r"m(?P<chat>-?[0-9]{1,18}):(?P<number>[0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Place:
    """A chat, or one topic of a forum. Chats of people have positive numbers, groups negative ones."""

    chat: int
    topic: int | None = None

    @property
    def thread(self) -> str:
        """The name of the conversation."""
        return str(self.chat) if self.topic is None else f"{self.chat}:{self.topic}"

    @property
    def is_group(self) -> bool:
        """True where several people write."""
        return self.chat < 0

    @classmethod
    def parse(cls, thread: str) -> Place:
        """Read the name of a conversation.

        Raises:
            ValueError: If it is none of Telegram's.
        """
        found = _THREAD.fullmatch(thread)
        if found is None:
            raise ValueError(f"no chat of Telegram is called {thread!r}")
        return cls(int(found["chat"]), int(found["topic"]) if found["topic"] else None)

    @classmethod
    def of(cls, message: Any) -> Place:
        """Where a message of Telegram stands; one that is gone names its chat alone."""
        topic = message.message_thread_id if getattr(message, "is_topic_message", None) else None
        return cls(message.chat.id, topic)


def message_name(chat: int, number: int) -> str:
    """What a message is called in the house; Telegram numbers messages within each chat."""
    return f"m{chat}:{number}"


def number_of(name: str, chat: int) -> int | None:
    """Telegram's number of a message of this chat, by its name in the house; None where it names none."""
    found = _MESSAGE.fullmatch(name)
    return int(found["number"]) if found is not None and int(found["chat"]) == chat else None


def signed(text: str, place: Place) -> str:
    """A text for the company's people with the conversation that it is about as its last line."""
    return f"{text}{signature(place)}"


def unsigned(text: str) -> str:
    """A text that is about no conversation, whatever a customer who is quoted in it wrote last."""
    return text if signed_for(text) is None else f"{text}\n—"


def signature(place: Place) -> str:
    """What ``signed`` adds."""
    return f"\n\n#{place.thread}"


def signed_for(text: str) -> Place | None:
    """The conversation that a signed text is about; None where it names none."""
    last = text.strip().rpartition("\n")[2]
    try:
        return Place.parse(last[1:]) if last.startswith("#") else None
    except ValueError:
        return None
