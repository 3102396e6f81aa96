"""The schema of a database: which revision it has, and the way to the newest one."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from storage.errors import NotADatabase, SchemaTooNew, StorageError, Unavailable
from storage.faults import is_locked, place
from storage.schema import REVISION, metadata

MIGRATIONS = Path(__file__).parent / "migrations"
PATIENCE = 60.0
"""Seconds to wait while another process creates or migrates the same database."""

WRITES = "attendant_writes"
"""Execution option of connections whose transactions write."""

# Any number will do, as long as every Attendant takes the same one.
_ADVISORY_LOCK = 0x6174746E


def prepare(
    engine: Engine,
    migrating: Callable[[], Engine],
    *,
    migrate: bool = True,
    newest: str = REVISION,
    migrations: Path = MIGRATIONS,
) -> None:
    """Bring the schema behind ``engine`` to the ``newest`` revision.

    Args:
        engine: The database; nothing is written through it before its revision is known to be ours.
        migrating: Makes an engine whose connections may rebuild tables.
        migrate: False refuses a schema that is not the newest.
        newest: The last revision under ``migrations``.
        migrations: The folder that Alembic reads.

    Raises:
        SchemaTooNew: If a later version wrote the database.
        NotADatabase: If another program did.
    """
    with engine.connect() as connection:
        found = read_revision(connection)
    _refuse_newer(engine, found, newest)
    if found != newest and not migrate:
        raise StorageError(f"{place(engine.url)} is of revision {found}, expected {newest}; open it with migration")
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    if found != newest:
        _migrate(migrating(), newest, migrations)


def read_revision(connection: Connection) -> str | None:
    """The revision of the schema, None for a database that holds nothing yet; read without Alembic.

    Raises:
        NotADatabase: If the tables in it are another program's.
    """
    names = set(inspect(connection).get_table_names())
    where = place(connection.engine.url)
    if "alembic_version" not in names:
        # A PostgreSQL database may well hold other tables; a file that does is somebody else's.
        foreign = names if connection.dialect.name == "sqlite" else names & set(metadata.tables)
        if foreign:
            raise NotADatabase(f"{where} holds tables of another program ({', '.join(sorted(foreign))}); name another")
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    if not found:
        return None
    if len(found) > 1 or not re.fullmatch(r"\d{4}", str(found[0])):
        raise NotADatabase(f"{where} belongs to another program (revision {found[0]}); name another")
    return str(found[0])


def _refuse_newer(engine: Engine, found: str | None, newest: str) -> None:
    if found is not None and found > newest:
        raise SchemaTooNew(
            f"{place(engine.url)} was written by a later version (revision {found}, this one knows {newest});"
            " install that version again, or name another database"
        )


def _write_ahead(engine: Engine) -> None:
    # Changing the journal needs the file alone for a moment; SQLite does not always wait for that by itself.
    until = time.monotonic() + PATIENCE
    pause = 0.001
    while True:
        try:
            _set_write_ahead(engine)
            return
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > until:
                raise
        time.sleep(pause)
        pause = min(pause * 2, 0.1)


def _set_write_ahead(engine: Engine) -> None:
    # Past SQLAlchemy, which would begin a transaction; in one the journal cannot change.
    with closing(engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("PRAGMA journal_mode=WAL")
        if cursor.fetchone() != ("wal",):
            raise Unavailable(f"{place(engine.url)} lies on a disk without shared memory; choose a local disk")


def _migrate(engine: Engine, newest: str, migrations: Path) -> None:
    # Here and not above: Alembic costs start-up time, and nearly always there is nothing to migrate.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    # One transaction from the lock to the last step: a process that is killed in it leaves nothing behind.
    with closing(engine.connect()) as connection:
        _begin_alone(connection)
        found = read_revision(connection)
        _refuse_newer(engine, found, newest)
        if found != newest:
            if found is not None and engine.dialect.name == "sqlite":
                _keep_copy(Path(str(engine.url.database)), newest)
            config.attributes["connection"] = connection
            command.upgrade(config, newest)
            _check_references(connection)
        connection.commit()
    engine.dispose()


def _begin_alone(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.execution_options(**{WRITES: True})
        connection.begin()
        return
    connection.begin()
    connection.execute(text(f"SET LOCAL lock_timeout = {int(PATIENCE * 1000)}"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:number)"), {"number": _ADVISORY_LOCK})


def _check_references(connection: Connection) -> None:
    # The rebuilding of tables went unchecked, so that it could be done at all.
    if connection.dialect.name == "sqlite" and connection.exec_driver_sql("PRAGMA foreign_key_check").first():
        raise StorageError(f"{place(connection.engine.url)} has rows that refer to nothing; it was left as it was")


def _keep_copy(path: Path, newest: str) -> None:
    """Copy the file, log included, while nobody can write; a copy cut short never carries the final name."""
    copy = path.with_name(f"{path.name}.before-{newest}.bak")
    unfinished = copy.with_name(f"{copy.name}.part")
    try:
        unfinished.unlink(missing_ok=True)
        unfinished.touch(mode=0o600)
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(unfinished)) as target:
            source.backup(target)
        unfinished.replace(copy)
    except OSError as error:
        raise Unavailable(f"{path} was not migrated: its copy {copy.name}: {error.strerror}") from error
    except sqlite3.Error:
        # Where the disk was too full for a copy, half of one must not take the last room.
        unfinished.unlink(missing_ok=True)
        raise
