"""What the adapter asks of a support desk's protocol: translation both ways, with no socket in it."""

# ruff: noqa: N818 - an error is named after what happened
from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from engine.dialogue import ChannelEvent, ConversationKey
    from storage.ports import Delivery


IMPLIED = ":given_back"
"""How the id of a GIVEN_BACK ends that is only read off a message: the desk says that it is the bot's to answer."""


class Unverified(Exception):
    """Nothing proves that the desk sent this; the text says why, for the log, and is answered with 401 alone."""


class Malformed(Exception):
    """A field is not what the desk promises, such as ``message.id: expected a text, found a list``.

    No value from outside is in the text, only the ``path`` of the field and types.
    """

    def __init__(self, path: str, expected: str, found: str) -> None:
        super().__init__(f"{path or 'the body'}: expected {expected}, found {found}")
        self.path = path

    @property
    def pointer(self) -> str:
        """The path as a JSON pointer (RFC 6901), such as ``#/events/0/id``."""
        return "#" + "".join(f"/{part}" for part in re.split(r"[.\[\]]+", self.path) if part)


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request to the desk's API; ``body`` is sent as JSON, and ``what`` says in words what it does.

    ``mark`` is what the desk sends back with the message that this request makes, empty where it sends nothing.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)  # tokens stand in it
    body: Mapping[str, Any]
    what: str
    mark: str = ""


class DeskProtocol(Protocol):
    """How one kind of support desk speaks. It keeps nothing between two calls."""

    @property
    def name(self) -> str:
        """The channel's name, part of the webhook's path."""

    def verify(self, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
        """Make sure that the desk sent ``body``; names in ``headers`` are in small letters.

        Raises:
            Unverified: If nothing proves it.
        """

    def events(self, data: Any) -> Sequence[ChannelEvent]:
        """What a body means, in order; nothing for what is not the bot's business.

        Raises:
            Malformed: If a field that is needed is missing, or of another type.
        """

    def echoes(self, data: Any) -> Sequence[str]:
        """The marks of requests of the bot's own whose messages came back in this body.

        Raises:
            Malformed: As ``events`` does.
        """

    def requests(self, delivery: Delivery) -> Sequence[Request]:
        """What has to be asked of the desk's API, in this order, to deliver something; nothing for an alert.

        Raises:
            ValueError: If the conversation is not one of this desk.
        """

    def typing(self, key: ConversationKey) -> Request | None:
        """Show that the bot is writing; None where the desk cannot.

        Raises:
            ValueError: As ``requests`` does.
        """

    def pause(self, status: int, words: str) -> float | None:
        """Seconds to wait before an answer of ``status`` (400 to 499) is asked for again; None: it will not change."""
