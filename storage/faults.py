"""What a database driver reports, said as the errors of this room: what happened, and what to do about it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import URL
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError, StatementError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from storage.errors import Conflict, NotADatabase, StorageError, Unavailable

_LOCKED = "is locked by another process; try again, and see that no other program holds it open"
_FULL = "cannot be written: the disk is full; make room and try again"
_DAMAGED = "is not a database of Attendant, or is damaged; move it away, or put a copy in its place"
_SECRETS = frozenset({"password", "sslpassword", "passfile", "sslkey"})

_SQLITE: dict[int, tuple[type[StorageError], str]] = {
    sqlite3.SQLITE_NOTADB: (NotADatabase, _DAMAGED),
    sqlite3.SQLITE_CORRUPT: (NotADatabase, _DAMAGED),
    sqlite3.SQLITE_BUSY: (Unavailable, _LOCKED),
    sqlite3.SQLITE_LOCKED: (Unavailable, _LOCKED),
    sqlite3.SQLITE_PROTOCOL: (Unavailable, _LOCKED),
    sqlite3.SQLITE_FULL: (Unavailable, _FULL),
    sqlite3.SQLITE_READONLY: (
        Unavailable,
        "cannot be written; check the permissions of the file and its folder",
    ),
    sqlite3.SQLITE_PERM: (Unavailable, "cannot be opened; check the permissions of the file and its folder"),
    sqlite3.SQLITE_CANTOPEN: (Unavailable, "cannot be opened; check that it is a file, and its permissions"),
    sqlite3.SQLITE_IOERR: (Unavailable, "cannot be read or written; check the disk and the room left on it"),
}

_POSTGRES: dict[str, tuple[type[StorageError], str]] = {
    "28000": (Unavailable, "refused the user; check the user name in the URL and the server's pg_hba.conf"),
    "28P01": (Unavailable, "refused the password; check the user name and password in the URL"),
    "3D000": (Unavailable, "does not exist; create it with createdb"),
    "25006": (Unavailable, "is read-only; name the primary server in the URL"),
    "42501": (Unavailable, "does not let this user do that; grant the rights on the schema"),
    "40001": (Conflict, "was written by somebody else at the same moment; load the conversation again"),
    "40P01": (Conflict, "was written by somebody else at the same moment; load the conversation again"),
    "53100": (Unavailable, _FULL),
    "53300": (Unavailable, "takes no more connections; raise max_connections or stop a process"),
    "55P03": (Unavailable, _LOCKED),
}
# Whole classes of states: connection lost, out of resources, stopped by an operator, system error.
_POSTGRES_GONE = ("08", "53", "57", "58")


def place(url: URL) -> str:
    """The database in words, without user name and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"the database {url.database or url.username!r} on {url.host or 'the local server'}"


@contextmanager
def translated(url: URL) -> Iterator[None]:
    """Turn what SQLAlchemy or the driver raises inside the block into a ``StorageError`` about ``url``."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise fault(error, url) from error


def fault(error: Exception, url: URL) -> StorageError:
    """The error of this room that says what ``error`` means."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    kind, advice = _meaning(error, cause)
    return kind(f"{place(url)} {advice} ({_without_secrets(_first_line(cause), url)})")


def is_locked(error: Exception) -> bool:
    """True where another process holds the SQLite file just now."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    return isinstance(cause, sqlite3.Error) and _meaning(error, cause)[1] == _LOCKED


def _meaning(error: Exception, cause: BaseException) -> tuple[type[StorageError], str]:
    if isinstance(error, PoolTimeout):
        return Unavailable, "is busy: all connections are in use; try again"
    if isinstance(cause, sqlite3.Error):
        # The low byte is the code without its refinement; errors of the driver itself carry none.
        code = getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        return _SQLITE.get(code, (StorageError, "could not do what it was asked"))
    state = getattr(cause, "sqlstate", None)
    if state in _POSTGRES:
        return _POSTGRES[state]
    lost = isinstance(error, DBAPIError) and error.connection_invalidated
    # A connection that was never made has no state at all.
    if lost or (isinstance(error, OperationalError) and (state or "08").startswith(_POSTGRES_GONE)):
        return Unavailable, "does not answer; check that the server runs and can be reached"
    return StorageError, "could not do what it was asked"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _without_secrets(text: str, url: URL) -> str:
    secrets = [str(url.password)] if url.password else []
    secrets += [str(value) for name, value in url.query.items() if name in _SECRETS]
    for secret in secrets:
        text = text.replace(secret, "***")
    return text
