"""Conversations between customers and people, as logged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from engine.dialogue import Turn


@dataclass(frozen=True, slots=True)
class LoggedTurn:
    """A turn of a logged conversation; ``entry`` is what the agent answered from, ``slots`` what the customer gave.

    ``time`` is aware UTC, None where the log does not say it.
    """

    turn: Turn
    entry: str | None = None
    slots: dict[str, str] = field(default_factory=dict)
    time: datetime | None = None


@dataclass(frozen=True, slots=True)
class LoggedConversation:
    """A conversation between a customer and a person, as logged."""

    id: str
    turns: tuple[LoggedTurn, ...]
