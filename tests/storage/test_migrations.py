"""The way from nothing, and from an older schema, to the newest one."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

import storage
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from storage.conversations import SqlStore
from storage.database import connect, open_database, read_url
from storage.errors import NotADatabase, SchemaTooNew, StorageError
from storage.schema import REVISION, metadata
from storage.upgrade import MIGRATIONS, prepare, read_revision

ROOT = Path(storage.__file__).parents[1]
KEY = ConversationKey("shop", "anna")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPLY = Reply("on its way", Provenance(Source.FIXED, "test", "test"), 1.0)

NEXT = '''
"""A mood for every conversation, and a rebuilt table."""
import sqlalchemy as sa
from alembic import op
revision, down_revision, branch_labels, depends_on = "0005", "0004", None, None
def upgrade():
    with op.batch_alter_table("conversations") as table:
        table.add_column(sa.Column("mood", sa.Text(), nullable=False, server_default="calm"))
        table.drop_constraint("uq_conversations_channel_thread", type_="unique")
        table.create_unique_constraint("uq_conversations_thread_channel", ["thread", "channel"])
    {more}
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.db"


@pytest.fixture
def old(path: Path) -> Path:
    """A database of the newest revision with one turn in it."""
    with closing(SqlStore(open_database(f"sqlite:///{path}"))) as store, store.write() as work:
        work.append(Message(KEY, "m1", "where is it?", NOON), REPLY, NOON)
        work.commit()
    return path


def later(folder: Path, more: str = "") -> Path:
    """The migrations of a later version, which has one more."""
    copy = folder / "migrations 100%"
    shutil.copytree(MIGRATIONS, copy, ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "versions" / "0005_next.py").write_text(NEXT.format(more=more), encoding="utf-8")
    return copy


def upgrade(path: Path, migrations: Path) -> None:
    url = read_url(f"sqlite:///{path}")
    with opened(path) as engine:
        prepare(engine, lambda: connect(url, for_migration=True), newest="0005", migrations=migrations)


def downgrade(path: Path, revision: str) -> None:
    """Take the schema back, as an operator does who goes back to an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = connect(read_url(f"sqlite:///{path}"), for_migration=True)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
    engine.dispose()


class opened:  # noqa: N801 - reads as a verb in a with statement
    """An engine on the file, closed at the end."""

    def __init__(self, path: Path) -> None:
        self.engine = connect(read_url(f"sqlite:///{path}"))

    def __enter__(self) -> Engine:
        return self.engine

    def __exit__(self, *_: object) -> None:
        self.engine.dispose()


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


def run(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *arguments],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def test_the_newest_revision_is_the_last_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    assert scripts.get_heads() == [REVISION]
    assert scripts.get_bases() == ["0001"]


def test_the_tables_are_what_the_migrations_make(path: Path) -> None:
    engine = open_database(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert read_revision(connection) == REVISION
    engine.dispose()


def test_an_empty_file_becomes_a_database_without_a_copy(path: Path) -> None:
    path.touch()
    open_database(f"sqlite:///{path}").dispose()
    assert rows(path, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    assert [file.name for file in path.parent.iterdir()] == ["a.db"]


def test_a_file_in_a_new_folder_is_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "far" / "away" / "a.db"
    open_database(f"sqlite:///{path}").dispose()
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_older_file_is_copied_and_then_migrated(old: Path, tmp_path: Path) -> None:
    upgrade(old, later(tmp_path))
    copy = old.with_name("a.db.before-0005.bak")
    assert rows(copy, "SELECT version_num FROM alembic_version") == [("0004",)]
    assert rows(copy, "SELECT count(*) FROM turns") == [(2,)]
    assert copy.stat().st_mode & 0o777 == 0o600
    assert rows(old, "SELECT version_num FROM alembic_version") == [("0005",)]
    assert rows(old, "SELECT mood FROM conversations") == [("calm",)]
    assert rows(old, "SELECT count(*) FROM turns") == [(2,)]
    with closing(SqlStore(connect(read_url(f"sqlite:///{copy}")))) as store:
        assert store.find_reply(KEY, "m1") == REPLY


def test_a_database_of_the_first_revision_gets_the_list_of_models(old: Path) -> None:
    downgrade(old, "0001")
    with closing(SqlStore(open_database(f"sqlite:///{old}"))) as store:
        assert store.find_reply(KEY, "m1") == REPLY
        assert list(store.models()) == []
    assert rows(old.with_name("a.db.before-0004.bak"), "SELECT version_num FROM alembic_version") == [("0001",)]


@pytest.mark.parametrize("revision", ["0002", "0001"])
def test_going_back_and_forth_keeps_what_was_said(old: Path, revision: str) -> None:
    newest = rows(old, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    downgrade(old, revision)
    assert "sender" not in [row[1] for row in rows(old, "PRAGMA table_info(turns)")]
    assert rows(old, "SELECT name FROM sqlite_master WHERE name = 'tombstones'") == []
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("PRAGMA foreign_keys=ON")
        with pytest.raises(sqlite3.IntegrityError):  # the rebuilt table guards against redelivery as before
            connection.execute(
                "INSERT INTO turns (conversation_id, position, speaker, text, at, message_id)"
                " VALUES (1, 9, 'bot', 'twice', '2026-03-01', 'm1')"
            )
    with closing(SqlStore(open_database(f"sqlite:///{old}"))) as store:
        assert store.find_reply(KEY, "m1") == REPLY
        assert [turn.sender for turn in store.history(KEY)] == [None, None]
    after = rows(old, "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name")
    assert [name for name, _ in after] == [name for name, _ in newest]


def test_what_still_lies_in_the_log_is_in_the_copy(old: Path, tmp_path: Path) -> None:
    migrations = later(tmp_path)
    with closing(SqlStore(connect(read_url(f"sqlite:///{old}")))) as store:
        with store.write() as work:
            work.append(Message(KEY, "m2", "and now?", NOON), REPLY, NOON)
            work.commit()
        upgrade(old, migrations)
    assert rows(old.with_name("a.db.before-0005.bak"), "SELECT count(*) FROM turns") == [(4,)]


def test_a_migration_that_fails_leaves_the_database_as_it_was(old: Path, tmp_path: Path) -> None:
    before = rows(old, "SELECT name, sql FROM sqlite_master ORDER BY name")
    with pytest.raises(ZeroDivisionError):
        upgrade(old, later(tmp_path, "1 / 0"))
    assert rows(old, "SELECT name, sql FROM sqlite_master ORDER BY name") == before
    assert rows(old, "SELECT version_num FROM alembic_version") == [("0004",)]


def test_a_migration_that_breaks_references_is_undone(old: Path, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="refer to nothing; it was left as it was"):
        upgrade(old, later(tmp_path, 'op.execute("DELETE FROM conversations")'))
    assert rows(old, "SELECT count(*) FROM conversations") == [(1,)]


def test_a_migration_that_is_killed_leaves_the_database_as_it_was(old: Path, tmp_path: Path) -> None:
    kill = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    migrations = later(tmp_path, kill)
    script = """if True:
        import sys
        from storage.database import connect, read_url
        from storage.upgrade import prepare
        from pathlib import Path
        url = read_url("sqlite:///" + sys.argv[1])
        migrating = lambda: connect(url, for_migration=True)
        prepare(connect(url), migrating, newest="0005", migrations=Path(sys.argv[2]))
    """
    process = run(script, str(old), str(migrations))
    process.communicate(timeout=60)
    assert process.returncode == -9
    assert rows(old, "PRAGMA integrity_check") == [("ok",)]
    assert rows(old, "SELECT version_num FROM alembic_version") == [("0004",)]
    (migrations / "versions" / "0005_next.py").write_text(NEXT.format(more=""), encoding="utf-8")
    upgrade(old, migrations)
    assert rows(old, "SELECT version_num FROM alembic_version") == [("0005",)]


def test_without_migration_an_older_schema_is_refused(old: Path, tmp_path: Path) -> None:
    url = read_url(f"sqlite:///{old}")
    with opened(old) as engine, pytest.raises(StorageError, match="of revision 0004, expected 0005"):
        prepare(
            engine,
            lambda: connect(url, for_migration=True),
            migrate=False,
            newest="0005",
            migrations=later(tmp_path),
        )
    open_database(f"sqlite:///{old}", migrate=False).dispose()


def test_a_later_schema_is_refused_untouched(old: Path) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
        connection.execute("PRAGMA journal_mode=DELETE")
    before = old.read_bytes()
    with pytest.raises(SchemaTooNew, match="revision 0999, this one knows 0004"):
        open_database(f"sqlite:///{old}")
    assert old.read_bytes() == before
    assert [file.name for file in old.parent.iterdir()] == ["a.db"]


@pytest.mark.parametrize("revision", ["ae1027a6acf", ""])
def test_another_programs_revision_is_refused(old: Path, revision: str) -> None:
    with closing(sqlite3.connect(old)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        connection.commit()
    with pytest.raises(NotADatabase, match="belongs to another program"):
        open_database(f"sqlite:///{old}")


def test_another_programs_file_is_refused_untouched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with pytest.raises(NotADatabase, match=r"tables of another program \(bookmarks\)"):
        open_database(f"sqlite:///{path}")
    assert path.read_bytes() == before


def test_many_processes_may_open_a_new_file_at_once(path: Path) -> None:
    script = """if True:
        import sys
        from storage.database import open_database
        import alembic.command
        print("ready", flush=True)
        sys.stdin.readline()
        open_database("sqlite:///" + sys.argv[1]).dispose()
        print("opened")
    """
    processes = [run(script, str(path)) for _ in range(4)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert (process.returncode, out) == (0, "opened\n"), error
    assert rows(path, "SELECT version_num FROM alembic_version") == [(REVISION,)]
    assert rows(path, "PRAGMA integrity_check") == [("ok",)]


def test_opening_a_file_that_is_up_to_date_does_not_load_alembic(old: Path) -> None:
    script = """if True:
        import sys
        import storage.ports, storage.errors
        early = "sqlalchemy" in sys.modules
        from storage.database import open_database
        open_database("sqlite:///" + sys.argv[1]).dispose()
        print(early, "alembic" in sys.modules)
    """
    out, error = run(script, str(old)).communicate(timeout=60)
    assert out == "False False\n", error
