"""The benchmark of what follows on what: a FAQ made of conversations, their logs, and which entry comes first."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks import conversation_ranking
from benchmarks.conversation_ranking import Groups, Judged, a_faq, figures, gaps, judged, logged, values_of
from benchmarks.memory import Message, Spoken
from engine.dialogue import Speaker
from engine.memory import WorkingMemory
from engine.understand.recurrent import Floats

BOTH = (Speaker.CUSTOMER, Speaker.AGENT)
TABLE = Spoken(
    ("A table in Leeds", "At 7:30 in LEEDS?", "Yes", "Booked for 2 at 71 Saint Peter."),
    BOTH * 2,
    (
        Message(0, (), (("Restaurants_1.city", "Leeds"),), "Restaurants_1"),
        Message(2, ("Restaurants_1",), (("Restaurants_1.city", "Leeds"), ("Restaurants_1.party_size", "2")), ""),
    ),
)


class DrawnEncoder:
    """Draws a unit vector for every text, always the same one."""

    width = 6

    def vectors(self, texts: Sequence[str]) -> Floats:
        drawn = [np.random.default_rng(zlib.crc32(text.encode())).normal(size=self.width) for text in texts]
        found = np.asarray(drawn, np.float32)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def test_values_and_numbers_are_gaps() -> None:
    assert gaps(TABLE, 1) == "At 0 in …?"
    assert gaps(TABLE, 3) == "Booked for 0 at 0 Saint Peter."


def test_every_group_of_answers_is_an_entry_with_the_messages_before_them() -> None:
    pytest.importorskip("sklearn")
    said = [f"thing {letter}" for letter in "abcdefghijkl"]
    many = [Spoken((f"about {text}", text), BOTH, (Message(0, (), (), ""),)) for text in said]
    knowledge, groups = a_faq(many, DrawnEncoder(), entries=5, locale="en", seed=1)
    assert len(knowledge) == len(groups.centres) == 5
    assert {question for entry in knowledge for question in entry.questions} <= {f"about {text}" for text in said}
    for one in many:
        name = groups.of(one)[1]
        asked = [entry.id for entry in knowledge if one.texts[0] in entry.questions]
        assert asked in ([name], [])  # of a large group not every message is kept


def test_a_log_has_the_entries_of_answers_and_the_values_of_the_customer() -> None:
    texts = DrawnEncoder()
    centres = texts.vectors([gaps(TABLE, place) for place in (3, 1)])
    found = logged("one", TABLE, Groups(centres, texts))
    assert [turn.entry for turn in found.turns] == [None, "group-1", None, "group-0"]
    assert [turn.slots for turn in found.turns] == [{"city": "Leeds"}, {}, {"city": "Leeds", "party size": "2"}, {}]


def test_a_value_that_is_not_there_is_none() -> None:
    assert values_of(Message(0, (), (("A_1.city", ""), ("A_1.size", "2")), "")) == {"size": "2"}


def test_what_is_asked_stands_after_what_was_really_said(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, WorkingMemory]] = []

    def first(_engine: Any, _head: Any, text: str, memory: WorkingMemory) -> tuple[str, bool]:
        seen.append((text, memory))
        return "group-1", text == "Yes"

    monkeypatch.setattr(conversation_ranking, "first", first)
    entries = {1: "group-1", 3: "group-0"}
    nobody: Any = None
    found = list(judged(nobody, None, TABLE, entries))
    assert found == [Judged(right=True, answered=False), Judged(right=False, answered=True)]
    (_, before), (text, memory) = seen
    assert (before.recent, before.topics, before.values()) == ((), (), {"city": "Leeds"})
    assert text == "Yes"
    assert [turn.text for turn in memory.recent] == list(TABLE.texts[:2])
    assert [topic.entry for topic in memory.topics] == ["group-1"]
    assert memory.values() == {"city": "Leeds", "party size": "2"}


RIGHT, WRONG, ASKED_BACK = Judged(True, True), Judged(False, True), Judged(False, False)


def test_figures_count_messages_and_the_gain_lies_in_its_interval() -> None:
    before = [[WRONG, RIGHT], [ASKED_BACK], [RIGHT, ASKED_BACK]] * 20
    after = [[RIGHT, RIGHT], [ASKED_BACK], [RIGHT, WRONG]] * 20
    found = figures(after, before, seed=1)
    assert (found["right"], found["answered"], found["wrong"]) == (0.6, 0.8, 0.25)
    points, low, high = found["gain"]
    assert points == pytest.approx(20.0)
    assert low < points < high
    assert figures(before, before, seed=1)["gain"] == (0.0, 0.0, 0.0)
