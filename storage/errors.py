"""What can go wrong in storage.

StorageError
├── Unavailable         cannot be opened, read or written just now: locked, read-only, disk full, server gone
├── SchemaTooNew        written by a later Attendant; refused untouched
├── NotADatabase        the file is something else, or damaged
├── Conflict            somebody else wrote this conversation first
├── AlreadyAnswered     this message has its reply
├── TakenUp             these events were done, or removed, by somebody else
└── Damaged             one stored reply cannot be read; the rest can
"""

from __future__ import annotations

# ruff: noqa: N818 - the names say what happened, and the tree above that they are errors


class StorageError(Exception):
    """Something the store could not do; the message says what and what to do."""


class Unavailable(StorageError):
    """The database cannot be opened, read or written just now."""


class SchemaTooNew(StorageError):
    """The database was written by a later version."""


class NotADatabase(StorageError):
    """The file is not a database of ours, or is damaged."""


class Conflict(StorageError):
    """Another process wrote the conversation first; load it again."""


class AlreadyAnswered(StorageError):
    """The message was answered before; ``Store.find_reply`` has the reply."""


class TakenUp(StorageError):
    """Events were done, or removed, by somebody else; there is nothing left to do."""


class Damaged(StorageError):
    """A single stored value is damaged or of a later format."""
