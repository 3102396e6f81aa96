"""What was said to be written is there after a kill, and two processes lose nothing of each other's."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest
from sqlalchemy import create_engine, text

import storage
from engine.dialogue import ConversationKey, Speaker
from storage.conversations import SqlStore, open_store

ROOT = Path(storage.__file__).parents[1]
POSTGRES = os.environ.get("ATTENDANT_TEST_POSTGRES")
KILLS = 15
EACH = 60

WRITER = """
import sys
from datetime import datetime, UTC
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source, Speaker, Turn
from storage.conversations import open_store
from storage.errors import Conflict

url, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
store = open_store(url)
key = ConversationKey("shop", "anna")

def take(message_id):
    message = Message(key, message_id, f"question {message_id}", datetime.now(UTC))
    reply = Reply(f"answer {message_id}", Provenance(Source.FIXED, "test", "test"), 1.0)
    conversation = store.load(key)
    memory = conversation.memory.hear(Turn(Speaker.CUSTOMER, message.text))
    try:
        with store.write() as work:
            work.append(message, reply, message.sent_at)
            work.save(conversation.with_memory(memory))
            work.enqueue(message, reply)
            work.commit()
    except Conflict:
        return False
    return True

print("ready", flush=True)
sys.stdin.readline()
number = 0
while number < count:
    if take(f"{name}-{number}"):
        print(f"{name}-{number}", flush=True)
        number += 1
"""


class Start(Protocol):
    """Starts Python with a script; it goes to work when its first line of input comes."""

    def __call__(self, script: str, *arguments: object) -> subprocess.Popen[str]: ...


@pytest.fixture
def start() -> Iterator[Start]:
    """Processes that do not outlive the test."""
    with ExitStack() as stack:

        def begin(script: str, *arguments: object) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-W", "error", "-c", script, *map(str, arguments)],
                cwd=ROOT,
                text=True,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            # Called last first: kill, then close the pipes and wait.
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield begin


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def ready(process: subprocess.Popen[str]) -> subprocess.Popen[str]:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", process.stderr and process.stderr.read()
    return process


def killed(process: subprocess.Popen[str], after: float) -> list[str]:
    """Kill the process after so many seconds of work; the ids it had printed by then."""
    go(process)
    timer = threading.Timer(after, process.kill)
    timer.start()
    out, error = process.communicate(timeout=60)
    timer.join()
    assert error == ""
    # The last line may be cut short by the kill.
    return [line.strip() for line in out.splitlines(keepends=True) if line.endswith("\n")]


def check_whole(store: SqlStore, promised: set[str]) -> None:
    """Every promised turn is there with all its parts, and no part is there without the others."""
    key = ConversationKey("shop", "anna")
    history = store.history(key)
    customer = [turn.message_id for turn in history if turn.turn.speaker is Speaker.CUSTOMER]
    bot = [turn.message_id for turn in history if turn.reply is not None]
    assert customer == bot
    assert len(history) == 2 * len(set(customer))
    assert [turn.position for turn in history] == list(range(len(history)))
    assert promised <= set(customer)
    for turn in history:
        assert turn.turn.text.endswith(str(turn.message_id))
    conversation = store.load(key)
    assert conversation.version == conversation.memory.turn == len(customer)
    assert [delivery.message_id for delivery in store.pending("shop", limit=10**6)] == customer
    for message_id in list(promised)[:5]:
        reply = store.find_reply(key, message_id)
        assert reply is not None
        assert reply.text == f"answer {message_id}"


def test_a_killed_process_leaves_every_promised_turn_whole(start: Start, tmp_path: Path) -> None:
    path, moments = tmp_path / "a.db", random.Random(9)
    url = f"sqlite:///{path}"
    promised: set[str] = set()
    # The next process opens the file as the killed one left it, while this one looks at it too.
    following = start(WRITER, url, "run0", 10**9)
    for number in range(KILLS):
        process = ready(following)
        promised |= set(killed(process, moments.uniform(0.005, 0.2)))
        following = start(WRITER, url, f"run{number + 1}", 10**9)
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        with open_store(url) as store:
            check_whole(store, promised)
    assert len(promised) > KILLS


def test_a_process_killed_while_it_creates_the_database_leaves_a_usable_file(start: Start, tmp_path: Path) -> None:
    script = (
        "import sys, alembic.command; from storage.database import open_database; "
        "print('ready', flush=True); sys.stdin.readline(); open_database(sys.argv[1]).dispose()"
    )
    moments = random.Random(4)
    for number in range(8):
        url = f"sqlite:///{tmp_path}/{number}.db"
        killed(ready(start(script, url)), moments.uniform(0, 0.12))
        with open_store(url) as store:
            assert store.load(ConversationKey("shop", "anna")).version == 0


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


def test_two_processes_in_one_conversation_lose_nothing(start: Start, url: str) -> None:
    processes = [start(WRITER, url, name, EACH) for name in ("one", "two")]
    for process in processes:
        ready(process)
    for process in processes:
        go(process)
    promised: set[str] = set()
    for process in processes:
        out, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
        promised |= set(out.split())
    assert len(promised) == 2 * EACH
    with open_store(url) as store:
        check_whole(store, promised)
