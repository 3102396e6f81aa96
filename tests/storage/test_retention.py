"""Old conversations are forgotten, in the file too."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from storage.conversations import SqlStore
from storage.database import open_database
from storage.retention import forget_older_than

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPLY = Reply("on its way", Provenance(Source.FIXED, "test", "test"), 1.0)


def a_store(path: Path, moment: datetime) -> SqlStore:
    return SqlStore(open_database(f"sqlite:///{path}"), clock=lambda: moment)


def write(store: SqlStore, thread: str, said: str = "where is it?") -> None:
    message = Message(ConversationKey("shop", thread), "m1", said, NOON)
    with store.write() as work:
        work.append(message, REPLY, NOON)
        work.enqueue(message, REPLY)
        work.commit()


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_conversations_written_before_the_moment_are_forgotten(tmp_path: Path, batch: int) -> None:
    for day in range(5):
        with a_store(tmp_path / "a.db", NOON + timedelta(days=day)) as store:
            write(store, f"day {day}")
    with a_store(tmp_path / "a.db", NOON) as store:
        assert forget_older_than(store, NOON + timedelta(days=3), batch=batch) == 3
        assert forget_older_than(store.engine, NOON + timedelta(days=3), batch=batch) == 0
        assert [summary.key.thread for summary in store.conversations()] == ["day 4", "day 3"]
        assert len(store.pending("shop")) == 2


def test_a_moment_without_a_zone_is_refused(tmp_path: Path) -> None:
    with a_store(tmp_path / "a.db", NOON) as store, pytest.raises(ValueError, match="no time zone"):
        forget_older_than(store, datetime(2026, 3, 1))


def test_what_is_forgotten_is_not_in_the_file_any_more(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with a_store(path, NOON) as store:
        write(store, "anna", "my card is 4111 1111")
        write(store, "bela")
    assert b"4111 1111" in path.read_bytes()
    with a_store(path, NOON) as store, store.write() as work:
        work.forget(ConversationKey("shop", "anna"))
        work.commit()
    assert b"4111 1111" not in path.read_bytes()
    assert b"anna" not in path.read_bytes()
