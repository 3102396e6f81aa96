"""Forgetting happened wholly or not at all, whenever a process dies; two that fill one memory lose nothing."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

import bot
from engine.dialogue import ConversationKey
from storage.conversations import SqlStore, open_store

ROOT = Path(bot.__file__).parents[1]
POSTGRES = os.environ.get("ATTENDANT_TEST_POSTGRES")
THREADS = 40
TURNS = 5
KILLS = 8
SLOTS = 50

FORGETTER = """
import sys
from storage.conversations import open_store
from tests.builders import KEY, a_house, a_message

house = a_house(store=open_store(sys.argv[1]))
house.store.load(KEY)
print("ready", flush=True)
sys.stdin.readline()
print(house.take(a_message("/forget me", message_id=sys.argv[2], sender="anna")).text, flush=True)
"""

STUCK = """
import os, signal, sys
from storage.conversations import open_store
from storage.work import SqlWork
from tests.builders import a_house, a_message

def die(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(SqlWork, sys.argv[2], die)
print("ready", flush=True)
sys.stdin.readline()
a_house(store=open_store(sys.argv[1])).take(a_message("/forget me", message_id="wish", sender="anna"))
"""

FILLER = """
import sys
from datetime import UTC, datetime
from bot.cli.memory import _change
from engine.dialogue import ConversationKey
from storage.conversations import open_store

store, key = open_store(sys.argv[1]), ConversationKey("shop", "anna")
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(sys.argv[3])):
    name = f"{sys.argv[2]}-{number}"
    _change(store, key, lambda memory: memory.fill(name, name, heard=datetime.now(UTC)))
"""


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Processes that are begun with it do not outlive the test."""
    with ExitStack() as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/a.db"
        return
    if not POSTGRES:
        pytest.skip("ATTENDANT_TEST_POSTGRES names no PostgreSQL server")
    name = f"attendant_{os.urandom(8).hex()}"
    admin = create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    yield f"{POSTGRES}{'&' if '?' in POSTGRES else '?'}options=-csearch_path%3D{name}"
    with admin.begin() as connection:
        connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
    admin.dispose()


def start(stack: ExitStack, script: str, *arguments: object) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
        cwd=ROOT,
        text=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    stack.callback(process.communicate)
    stack.callback(process.kill)
    return process


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    return process


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def talk(store: SqlStore) -> int:
    """What Anna says in many conversations, in one transaction; how many turns there are."""
    from tests.builders import NOON, a_message, a_reply

    keys = [ConversationKey("shop", "anna"), *(ConversationKey("shop", f"t{number}") for number in range(THREADS))]
    with store.write() as work:
        for key in keys:
            for number in range(TURNS):
                message = a_message(f"my card is 4111 {number}", key=key, sender="anna", message_id=f"m{number}")
                work.append(message, a_reply(), NOON)
        work.commit()
    return 2 * TURNS * len(keys)


def left(store: SqlStore) -> int:
    """How many turns with words there are."""
    return sum(
        bool(turn.turn.text) for summary in store.conversations(limit=1000) for turn in store.history(summary.key)
    )


def test_forgetting_that_is_killed_at_any_moment_is_done_or_not_begun(stack: ExitStack, tmp_path: Path) -> None:
    path, moments = tmp_path / "a.db", random.Random(5)
    url, anna = f"sqlite:///{path}", ConversationKey("shop", "anna")
    for number in range(KILLS):
        with open_store(url) as store, store.write() as work:
            for summary in store.conversations(limit=1000):
                work.forget(summary.key)
            work.commit()
        with open_store(url) as store:
            whole = talk(store)
        process = ready(start(stack, FORGETTER, url, f"wish {number}"))
        go(process)
        timer = threading.Timer(moments.uniform(0.0, 0.2), process.kill)
        timer.start()
        said, error = process.communicate(timeout=60)
        timer.join()
        assert error == ""
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with open_store(url) as store:
            count, reply = left(store), store.find_reply(anna, f"wish {number}")
            assert count in (0, whole)
            assert (reply is not None) == (count == 0)  # what was forgotten was answered, and the other way round
            assert count == 0 or "\n" not in said  # what was said to be forgotten is
            assert len(store.tombstones(anna)) == (count == 0)


@pytest.mark.parametrize("step", ["append", "commit"])
def test_a_process_that_dies_between_erasing_and_committing_has_forgotten_nothing(
    stack: ExitStack, url: str, step: str
) -> None:
    with open_store(url) as store:
        whole = talk(store)
        process = ready(start(stack, STUCK, url, step))
        go(process)
        process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert left(store) == whole
        from tests.builders import a_house, a_message

        a_house(store=store).take(a_message("/forget me", message_id="wish", sender="anna"))
        assert left(store) == 0


def test_two_processes_filling_one_memory_lose_no_value(stack: ExitStack, url: str) -> None:
    with open_store(url) as store:
        talk(store)
        key = ConversationKey("shop", "anna")
        with store.write() as work:
            work.save(store.load(key))
            work.commit()
        processes = [ready(start(stack, FILLER, url, name, SLOTS)) for name in ("one", "two")]
        for process in processes:
            go(process)
        for process in processes:
            _, error = process.communicate(timeout=120)
            assert process.returncode == 0, error
        conversation = store.load(key)
        wanted = {f"{name}-{number}" for name in ("one", "two") for number in range(SLOTS)}
        assert conversation.memory.values() == {name: name for name in wanted}
        assert conversation.version == 1 + 2 * SLOTS
