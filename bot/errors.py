"""What can go wrong in the house itself; the lower rooms have trees of their own.

BotError
├── ConfigError        the configuration cannot be used: names file and key
├── NoModel            nothing was trained yet, or the checkpoint is refused
└── AdapterError       an adapter is unknown, or cannot be loaded or opened
    ├── NotNow         the service cannot take a delivery just now; it is tried again
    └── Refused        the service will never take it; it is parked
"""

# ruff: noqa: N818 - an error is named after what happened
from __future__ import annotations


class BotError(Exception):
    """Something the house could not do; the message says what and what to do."""


class ConfigError(BotError):
    """The configuration cannot be used."""


class NoModel(BotError):
    """There is no model to answer with."""


class AdapterError(BotError):
    """An adapter is unknown, or cannot be loaded or opened."""


class NotNow(AdapterError):
    """A delivery cannot be taken just now; ``seconds``: how long the service wants to wait, if it said."""

    def __init__(self, message: str, *, seconds: float | None = None) -> None:
        super().__init__(message)
        self.seconds = seconds


class Refused(AdapterError):
    """A delivery will never be taken as it is; the message gives the service's reason."""
