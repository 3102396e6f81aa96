"""The benchmark of the store fills a file as the store does, and measures what it says."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from benchmarks.store import a_conversation, fill, measure
from engine.dialogue import ConversationKey
from storage.conversations import open_store
from storage.in_memory import InMemoryStore


def test_what_is_filled_in_reads_as_if_the_store_had_written_it(tmp_path: Path) -> None:
    fill(tmp_path / "a.db", 12, random.Random(3))
    chance, store = random.Random(3), InMemoryStore()
    with open_store(f"sqlite:///{tmp_path}/a.db") as filled:
        assert len(filled.conversations()) == 12
        for number in range(12):
            key = ConversationKey("web", f"visitor-{number:08d}")
            messages, replies, memory = a_conversation(key, chance)
            with store.write() as work:
                for message, reply in zip(messages, replies, strict=True):
                    work.append(message, reply, message.sent_at)
                work.save(store.load(key).with_memory(memory))
                work.commit()
            assert filled.load(key).memory == store.load(key).memory
            told = [[(turn.turn, turn.reply, turn.sender) for turn in one.history(key)] for one in (filled, store)]
            assert told[0] == told[1]
            assert list(filled.of_person("web", key.thread)) == [key]


def test_copies_are_conversations_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.store.DISTINCT", 5)
    fill(tmp_path / "a.db", 12, random.Random(3))
    with open_store(f"sqlite:///{tmp_path}/a.db") as filled:
        assert len(filled.conversations()) == 12
        first, copy = (ConversationKey("web", f"visitor-{number:08d}") for number in (1, 11))
        assert filled.load(copy).memory == filled.load(first).memory
        assert [turn.turn for turn in filled.history(copy)] == [turn.turn for turn in filled.history(first)]
        assert list(filled.of_person("web", copy.thread)) == [copy]


def test_times_and_sizes_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fill(tmp_path / "a.db", 20, random.Random(1))
    measure(tmp_path / "a.db", 20, 40, random.Random(2))
    said = capsys.readouterr().out
    assert len(re.findall(r"median \d+\.\d+ ms, 95th percentile \d+\.\d+ ms, slowest \d+\.\d ms", said)) == 2
    assert re.search(r"bytes a conversation, [23]\.\d slots in each", said)
