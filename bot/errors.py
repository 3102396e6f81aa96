"""What can go wrong in the house itself; the lower rooms have trees of their own.

BotError
├── ConfigError        the configuration cannot be used: names file and key
├── NoModel            nothing was trained yet, or the checkpoint is refused
└── AdapterError       an adapter is unknown, or cannot be loaded or opened
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
