"""What cannot be opened, read or written says what happened and what to do."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text

import storage
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from storage import database
from storage.conversations import SqlStore, open_store
from storage.database import open_database
from storage.errors import NotADatabase, StorageError, Unavailable

ROOT = Path(storage.__file__).parents[1]
POSTGRES = os.environ.get("ATTENDANT_TEST_POSTGRES")
KEY = ConversationKey("shop", "anna")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPLY = Reply("on its way", Provenance(Source.FIXED, "test", "test"), 1.0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def store(path: Path) -> Iterator[SqlStore]:
    with open_store(f"sqlite:///{path}") as opened:
        yield opened


def write(store: SqlStore, message_id: str = "m1", said: str = "where is it?") -> None:
    with store.write() as work:
        work.append(Message(KEY, message_id, said, NOON), REPLY, NOON)
        work.commit()


# -- URLs


@pytest.mark.parametrize(
    "url",
    [
        "",
        "attendant.db",
        "sqlite://",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "sqlite://host/a.db",
        "mysql://root:hunter2@localhost/test",
        "postgresql+asyncpg://root:hunter2@localhost/test",
        "postgresql://root:hunter2@localhost:port/test",
        "hunter2://",
    ],
)
def test_a_url_that_names_no_database_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StorageError, match="expected sqlite:///PATH") as caught:
        open_database(url)
    assert "root" not in str(caught.value)
    assert "hunter2@" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_a_missing_driver_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(StorageError, match=r"pip install 'attendant\[postgres\]'"):
        open_database("postgresql://anna:hunter2@localhost/test")


def test_a_server_that_is_gone_says_so_without_its_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(Unavailable, match="does not answer; check that the server runs") as caught:
        open_database("postgresql://anna:hunter2@127.0.0.1:9/test")
    assert "hunter2" not in str(caught.value)
    assert "anna" not in str(caught.value)


# -- files that are not what they should be


@pytest.mark.parametrize("content", [b"hello, this is a letter\n" * 100, b"x", os.urandom(8192)])
def test_a_file_that_is_not_a_database_is_refused_untouched(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(NotADatabase, match=r"is not a database of Attendant.*; move it away"):
        open_database(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_truncated_file_is_refused(path: Path, store: SqlStore) -> None:
    for number in range(30):
        write(store, f"m{number}", "x" * 2000)
    store.close()
    os.truncate(path, path.stat().st_size // 2)
    with pytest.raises(NotADatabase, match="damaged"):
        open_store(f"sqlite:///{path}")


def test_a_damaged_page_is_reported_when_it_is_read(path: Path, store: SqlStore) -> None:
    for number in range(30):
        write(store, f"m{number}", "x" * 2000)
    store.close()
    with path.open("r+b") as file:
        kept = path.stat().st_size // 2
        file.seek(kept)
        file.write(b"\xff" * kept)
    with open_store(f"sqlite:///{path}") as damaged, pytest.raises(NotADatabase, match="damaged"):
        damaged.history(KEY)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="is a folder; name a file in it"):
        open_database(f"sqlite:///{tmp_path}")


def test_a_path_through_a_file_cannot_be_created(path: Path) -> None:
    path.write_text("a file, not a folder")
    with pytest.raises(Unavailable, match=r"cannot be created: .*; choose another path"):
        open_database(f"sqlite:///{path}/b.db")


def test_without_migration_nothing_is_created(path: Path) -> None:
    with pytest.raises(Unavailable, match="does not exist"):
        open_database(f"sqlite:///{path}", migrate=False)
    assert not path.exists()


@pytest.mark.parametrize("locked", ["folder", "file"])
def test_what_may_not_be_written_is_refused(locked: str) -> None:
    script = """if True:
        import os, sys
        import sqlalchemy.dialects.sqlite
        from storage.database import open_database
        if os.geteuid() == 0:  # permissions do not bind the superuser
            os.setgid(65534)
            os.setuid(65534)
        open_database("sqlite:///" + sys.argv[1])
    """
    with tempfile.TemporaryDirectory() as name:
        folder, path = Path(name), Path(name, "a.db")
        open_database(f"sqlite:///{path}").dispose()
        path.chmod(0o444 if locked == "file" else 0o666)
        folder.chmod(0o555 if locked == "folder" else 0o777)
        command = [sys.executable, "-c", script, str(path)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
        folder.chmod(0o777)
    refused = path if locked == "file" else folder
    assert f"Unavailable: {path} cannot be written: no permission to write {refused}" in done.stderr


# -- trouble while it runs


def test_a_database_held_by_another_process_is_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 20)
    with open_store(f"sqlite:///{path}") as hasty, closing(sqlite3.connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="is locked by another process; try again"):
            write(hasty)
        assert hasty.load(KEY).version == 0
        other.execute("ROLLBACK")
        write(hasty)
        assert hasty.find_reply(KEY, "m1") == REPLY


def test_a_full_disk_is_said_and_forgiven(tmp_path: Path) -> None:
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(mount, capture_output=True).returncode == 0
    except OSError:
        mounted = False
    if not mounted:
        pytest.skip("a small disk cannot be mounted here")
    try:
        _fill_and_make_room(folder)
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def fill(store: SqlStore, written: list[str]) -> None:
    for number in range(1000):
        write(store, f"m{number}", "x" * 5000)
        written.append(f"m{number}")


def _fill_and_make_room(folder: Path) -> None:
    ballast = folder / "ballast"
    ballast.write_bytes(bytes(100_000))
    with open_store(f"sqlite:///{folder}/a.db") as store:
        written: list[str] = []
        with pytest.raises(Unavailable, match=r"disk is full|room left"):
            fill(store, written)
        assert written
        assert all(store.find_reply(KEY, message_id) == REPLY for message_id in written)
        assert len(store.history(KEY)) == 2 * len(written)
        ballast.unlink()
        write(store, "after")
        assert store.find_reply(KEY, "after") == REPLY


def test_rules_hold_on_every_connection(store: SqlStore) -> None:
    with store.engine.connect() as one, store.engine.connect() as two:
        for connection in (one, two):
            rules = [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
                for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "secure_delete")
            ]
            assert rules == ["wal", 2, 1, 5000, 1]


def test_reading_takes_no_lock_and_writing_takes_it_at_once(store: SqlStore) -> None:
    begun: list[str] = []

    @event.listens_for(store.engine, "before_cursor_execute")
    def note(_c: object, _u: object, statement: str, *_rest: object) -> None:
        if statement.startswith("BEGIN"):
            begun.append(statement)

    store.load(KEY)
    with store.write():
        pass
    assert begun == ["BEGIN", "BEGIN IMMEDIATE"]


def test_what_customers_said_is_in_no_error(store: SqlStore) -> None:
    with store.engine.begin() as connection:
        connection.execute(text("DROP TABLE feedback"))
        connection.execute(text("DROP TABLE turns"))
    with pytest.raises(StorageError, match="no such table: turns") as caught:
        write(store, said="my card is 4111")
    assert "4111" not in f"{caught.value} {caught.value.__cause__}"


# -- PostgreSQL


needs_postgres = pytest.mark.skipif(not POSTGRES, reason="ATTENDANT_TEST_POSTGRES names no PostgreSQL server")


@pytest.fixture
def schema() -> Iterator[str]:
    """A URL whose tables lie in a schema of this test alone, empty."""
    name = f"attendant_{os.urandom(8).hex()}"
    admin = create_engine(str(POSTGRES).replace("postgresql://", "postgresql+psycopg://"))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield f"{POSTGRES}{'&' if '?' in str(POSTGRES) else '?'}options=-csearch_path%3D{name}"
    with admin.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


@needs_postgres
def test_many_processes_may_open_an_empty_schema_at_once(schema: str) -> None:
    script = "import sys; from storage.database import open_database; open_database(sys.argv[1]).dispose()"
    command = [sys.executable, "-W", "error", "-c", script, schema]
    processes = [subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [process.communicate(timeout=60)[1] for process in processes] == ["", "", ""]


@needs_postgres
def test_the_tables_on_postgres_are_what_the_migrations_make(schema: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from storage.schema import metadata

    engine = open_database(schema)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@needs_postgres
def test_a_connection_that_the_server_ended_is_replaced(schema: str) -> None:
    with open_store(schema) as store:
        write(store)
        with store.engine.connect() as connection:
            number = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
        other = create_engine(store.engine.url)
        with other.connect() as connection:
            connection.execute(text("SELECT pg_terminate_backend(:number)"), {"number": number})
        other.dispose()
        assert store.find_reply(KEY, "m1") == REPLY


@needs_postgres
def test_a_conversation_held_by_another_process_is_locked(schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_MS", 50)
    with open_store(schema) as store:
        write(store)
        with store.write() as work:
            work.append(Message(KEY, "m2", "and now?", NOON), REPLY, NOON)
            with pytest.raises(Unavailable, match="is locked by another process"):
                write(store, "m3")


@needs_postgres
def test_a_database_that_does_not_exist_is_named(schema: str) -> None:
    server = schema.partition("?")[0].rpartition("/")[0]
    with pytest.raises(Unavailable, match='"no_such_database" does not exist'):
        open_database(f"{server}/no_such_database")
