"""Opening a database: SQLite in a file, or a PostgreSQL server."""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from storage.errors import NotADatabase, StorageError, Unavailable
from storage.faults import translated
from storage.rows import dumps, loads
from storage.upgrade import WRITES, prepare

BUSY_MS = 5_000
"""How long one process waits for another that is writing."""

LOG_PATIENCE = 0.5
"""Seconds to wait for readers before the log is left as it is."""

SMALLEST_FILE = 512
"""Bytes in the smallest page, and so in the smallest file, that SQLite writes."""

_log = logging.getLogger("attendant.storage")
_EXPECTED = "expected sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME"


def open_database(url: str, *, migrate: bool = True) -> Engine:
    """Open the database that ``url`` names, and bring its schema to the newest revision.

    The file of a SQLite database is created with its folder, readable by its owner alone. Before an older one
    is changed a copy is kept beside it, named ``NAME.before-REVISION.bak``; on PostgreSQL no copy is made:
    there the operator's own backup serves. Without ``migrate`` a schema that is not the newest is refused.

    Raises:
        SchemaTooNew: If a later version wrote the database; it is left as it is.
        NotADatabase: If the file is something else, or damaged.
        Unavailable: If it cannot be opened just now.
        StorageError: If the URL cannot be read, or a driver is missing.
    """
    parsed = read_url(url)
    if parsed.get_backend_name() == "sqlite":
        _provide_file(Path(str(parsed.database)), create=migrate)
    engine = connect(parsed)
    try:
        with translated(parsed):
            prepare(engine, lambda: connect(parsed, for_migration=True), migrate=migrate)
    except BaseException:
        engine.dispose()
        raise
    return engine


def read_url(text: str) -> URL:
    """The URL with its driver named and, for SQLite, the full path of the file.

    Raises:
        StorageError: If it names no database that can be opened here. The text itself, which may hold a
            password, is never part of the message.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        # `from None`: the error that is left out quotes the URL.
        raise StorageError(f"the database URL cannot be read, {_EXPECTED}") from None
    if "@" in (url.host or ""):
        raise StorageError("a database URL with an @ in its password, which is written %40 there")
    if url.drivername in ("postgresql", "postgres", "postgresql+psycopg"):
        return url.set(drivername="postgresql+psycopg")
    if url.drivername not in ("sqlite", "sqlite+pysqlite"):
        raise StorageError(f"a database URL that begins with {url.drivername}:, {_EXPECTED}")
    if url.host or url.query or url.database in (None, "", ":memory:"):
        raise StorageError("a SQLite URL that does not just name a file, expected sqlite:///PATH")
    return URL.create("sqlite", database=str(Path(str(url.database)).expanduser().absolute()))


def connect(url: URL, *, for_migration: bool = False) -> Engine:
    """An engine with the rules of this house; nothing is opened yet.

    Raises:
        StorageError: If the driver is not installed.
    """
    # Statements are logged and quoted in errors without their values, which are what customers said.
    options: dict[str, Any] = {"hide_parameters": True, "json_serializer": dumps, "json_deserializer": loads}
    if for_migration:
        options["poolclass"] = NullPool
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, connect_args={"timeout": BUSY_MS / 1000}, **options)
        event.listen(engine, "connect", _on_migrating_sqlite if for_migration else _on_sqlite)
        event.listen(engine, "begin", _begin_on_sqlite)
        return engine
    connect_args = {} if "connect_timeout" in url.query else {"connect_timeout": 10}
    try:
        engine = create_engine(url, pool_pre_ping=True, connect_args=connect_args, **options)
    except ImportError as error:
        raise StorageError(
            f"PostgreSQL needs a driver that is not installed; pip install 'attendant[postgres]' ({error})"
        ) from error
    event.listen(engine, "connect", _on_postgres)
    return engine


def empty_log(engine: Engine) -> None:
    """Move the log of a SQLite file into the file and empty it, so that what was overwritten is in neither.

    Where somebody reads or writes all the while, the log is left as it is: it is emptied the next time, at the latest
    when the last process lets go of the file. Nothing happens on PostgreSQL.
    """
    if engine.dialect.name != "sqlite":
        return
    try:
        with closing(sqlite3.connect(str(engine.url.database), timeout=LOG_PATIENCE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        _log.warning("the log of %s was not emptied: %s", engine.url.database, error)


def _provide_file(path: Path, *, create: bool) -> None:
    try:
        if create and not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            # What customers said is for nobody else on this machine; SQLite gives its log the same rights.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        if not path.exists():
            raise Unavailable(f"{path} does not exist; check the path")
        if path.is_dir():
            raise Unavailable(f"{path} is a folder; name a file in it")
        if 0 < path.stat().st_size < SMALLEST_FILE:
            # SQLite would take such a scrap for an empty file and write over it.
            raise NotADatabase(f"{path} is not a database of Attendant; move it away")
    except OSError as error:
        raise Unavailable(f"{path} cannot be created: {error.strerror}; choose another path") from error
    # SQLite keeps its log beside the file, so the folder must be writable too.
    for needed in (path, path.parent):
        if not os.access(needed, os.W_OK):
            raise Unavailable(f"{path} cannot be written: no permission to write {needed}")


def _on_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    _rule(connection)
    connection.execute("PRAGMA foreign_keys=ON")
    # A turn that was shown as sent must survive a power cut. NORMAL keeps the file whole but may lose the
    # last commits; FULL waits for the disk at every commit.
    connection.execute("PRAGMA synchronous=FULL")
    # What is forgotten is overwritten, not only unlinked.
    connection.execute("PRAGMA secure_delete=ON")


def _on_migrating_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    _rule(connection)
    # A migration may take long and must not fail for waiting, and rebuilding a table drops what refers to it.
    connection.execute(f"PRAGMA busy_timeout={BUSY_MS * 12}")
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("PRAGMA synchronous=FULL")


def _rule(connection: sqlite3.Connection) -> None:
    # The driver's own transactions begin too late and lose updates; `_begin_on_sqlite` begins them.
    connection.isolation_level = None
    # A flipped bit in one text must not hide all the others.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")


def _begin_on_sqlite(connection: Connection) -> None:
    # A writer that starts as a reader fails when somebody else wrote in between; one that takes the lock at
    # once waits for its turn.
    writes = connection.get_execution_options().get(WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _on_postgres(connection: Any, _record: object) -> None:
    # The same patience as on SQLite: a process that hangs must not hang the others.
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {BUSY_MS}")
    connection.commit()
