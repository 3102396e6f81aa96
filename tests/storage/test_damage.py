"""One damaged value does not stop the others."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source, Speaker, Turn
from engine.memory import WorkingMemory
from storage.conversations import SqlStore, open_store
from storage.errors import Damaged

KEY = ConversationKey("shop", "anna")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REPLY = Reply("on its way", Provenance(Source.FIXED, "test", "test"), 1.0)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqlStore]:
    """A store whose one conversation has two turns of the customer."""
    with open_store(f"sqlite:///{tmp_path}/a.db") as opened:
        for number in (1, 2):
            take(opened, f"m{number}")
        yield opened


def take(store: SqlStore, message_id: str) -> None:
    conversation = store.load(KEY)
    message = Message(KEY, message_id, "where is it?", NOON)
    memory = conversation.memory.hear(Turn(Speaker.CUSTOMER, message.text))
    with store.write() as work:
        work.append(message, REPLY, NOON)
        work.save(conversation.with_memory(memory))
        work.enqueue(message, REPLY)
        work.commit()


def spoil(store: SqlStore, statement: str, value: object = None) -> None:
    with closing(sqlite3.connect(str(store.engine.url.database))) as connection:
        connection.execute(statement, () if value is None else (value,))
        connection.commit()


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "{",
        "null",
        "[1, 2]",
        '"text"',
        "{}",
        '{"format": 2}',
        '{"format": 1, "turn": 1}',
        json.dumps(WorkingMemory().to_json()).replace('"turn": 0', '"turn": 1e999'),
        json.dumps(WorkingMemory().to_json()).replace('"topics": []', '"topics": [{"entry": "a"}]'),
        b"\xff\xfe not even text",
    ],
)
def test_a_damaged_memory_is_dropped_and_the_conversation_goes_on(
    store: SqlStore, damage: str | bytes, caplog: pytest.LogCaptureFixture
) -> None:
    raw = damage.encode() if isinstance(damage, str) else damage
    spoil(store, "UPDATE conversations SET memory = CAST(? AS TEXT)", raw)
    with caplog.at_level(logging.WARNING, "attendant.storage"):
        conversation = store.load(KEY)
    assert (conversation.memory, conversation.version) == (WorkingMemory(), 2)
    assert [(record.name, record.levelname) for record in caplog.records] == [("attendant.storage", "WARNING")]
    assert "shop:anna" in caplog.text
    take(store, "m3")
    assert store.load(KEY).memory.turn == 1


def test_a_damaged_reply_is_said_where_it_is_asked_for(store: SqlStore) -> None:
    spoil(store, "UPDATE turns SET reply = '{}' WHERE message_id = 'm1'")
    with pytest.raises(Damaged, match="a stored reply is of format None, expected 1"):
        store.find_reply(KEY, "m1")
    assert store.find_reply(KEY, "m2") == REPLY


def test_a_damaged_reply_keeps_its_text_in_the_history(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    spoil(store, "UPDATE turns SET reply = '{' WHERE message_id = 'm1'")
    history = store.history(KEY)
    assert [turn.turn.text for turn in history] == ["where is it?", "on its way"] * 2
    assert [turn.reply for turn in history] == [None, None, None, REPLY]
    assert "was dropped" in caplog.text


def test_a_damaged_delivery_does_not_hold_up_the_next(store: SqlStore, caplog: pytest.LogCaptureFixture) -> None:
    spoil(store, "UPDATE outbox SET reply = '[]' WHERE message_id = 'm1'")
    assert [delivery.message_id for delivery in store.pending("shop")] == ["m2"]
    assert "m1" in caplog.text


def test_text_with_a_flipped_bit_is_still_read(store: SqlStore) -> None:
    spoil(store, "UPDATE turns SET text = CAST(? AS TEXT) WHERE position = 0", b"where \xff it")
    assert store.history(KEY)[0].turn.text == "where \ufffd it"
