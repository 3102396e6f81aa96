"""A conversation in short, for a person who takes over."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import KNOWLEDGE

from engine.dialogue import Speaker, Turn
from engine.memory import MOODS, WorkingMemory
from engine.summary import Summary, in_words, mood_of, summarised
from engine.tell import bare

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def heard(*texts: str) -> WorkingMemory:
    memory = WorkingMemory()
    for text in texts:
        memory = memory.hear(Turn(Speaker.CUSTOMER, text)).hear(Turn(Speaker.BOT, "well"))
    return memory


def test_a_summary_says_what_it_is_about_what_is_known_what_was_tried_and_what_is_open() -> None:
    memory = heard("My parcel is late").push_topic("refund").fill("order_number", "FW-4512", heard=NOON)
    memory = memory.hear(Turn(Speaker.CUSTOMER, "and who pays me for the lost day?"))
    found = summarised(memory, KNOWLEDGE)
    assert found == Summary(
        "My parcel is late",
        ("How do I get a refund?",),
        {"order_number": "FW-4512"},
        "calm",
        "and who pays me for the lost day?",
        "",
    )
    assert in_words(found, bare, "en").splitlines() == [
        "summary_about My parcel is late",
        "summary_tried How do I get a refund?",
        "summary_slots slot_order_number FW-4512",
        "summary_open and who pays me for the lost day?",
    ]
    assert found.to_json()["tried"] == ["How do I get a refund?"]


def test_what_was_answered_last_is_not_open() -> None:
    assert summarised(heard("money back").push_topic("refund"), KNOWLEDGE).open == ""


def test_a_form_that_waits_is_what_is_open() -> None:
    memory = heard("money back").push_topic("refund").ask("refund", "email")
    assert summarised(memory, KNOWLEDGE).open == "How do I get a refund?"


def test_nothing_said_is_nothing_to_sum_up() -> None:
    found = summarised(WorkingMemory(), KNOWLEDGE)
    assert found == Summary("", (), {}, "calm", "", "")
    assert in_words(found, bare, "en") == ""


def test_commands_and_entries_that_are_gone_are_left_out() -> None:
    found = summarised(heard("/help", "money back").push_topic("gone"), KNOWLEDGE)
    assert (found.about, found.tried) == ("money back", ())


def test_what_was_before_a_silence_stands_first() -> None:
    memory = replace(heard("hello"), summary="It was about: money")
    assert in_words(summarised(memory, KNOWLEDGE), bare, "en").splitlines()[0] == "It was about: money"


@pytest.mark.parametrize(
    ("moods", "mood"),
    [
        ((), "calm"), ((0.5,), "calm"), ((-0.3,), "calm"), ((-0.9,), "upset"),
        ((0.9, 0.9, -0.9), "upset"), ((-0.9, -0.9), "angry"), ((0.4, -0.9, -0.6), "angry"),
        ((-0.9, 0.4, 0.4, 0.4), "calm"),
    ],
)  # fmt: skip
def test_the_mood_is_that_of_the_last_messages(moods: tuple[float, ...], mood: str) -> None:
    memory = replace(heard("hi"), moods=moods)
    assert mood_of(memory) == mood
    assert (f"summary_{mood}" in in_words(summarised(memory, KNOWLEDGE), bare, "en")) is (mood != "calm")


def test_a_long_question_is_cut_and_braces_are_no_placeholders() -> None:
    text = in_words(summarised(heard("{text} " + "a" * 10_000), KNOWLEDGE), bare, "en")
    assert len(text) < 500
    assert "{" not in text
    assert "…" in text


texts = st.text(max_size=300)


@given(st.lists(texts, max_size=9), texts, texts.filter(bool), st.lists(st.floats(-1, 1), max_size=MOODS), texts)
def test_any_conversation_can_be_summed_up(
    said: list[str], name: str, value: str, moods: list[float], before: str
) -> None:
    memory = heard(*said).fill(name, value, heard=NOON).push_topic("refund")
    memory = replace(memory, moods=tuple(moods), summary=before)
    found = in_words(summarised(memory, KNOWLEDGE), bare, "en")
    assert len(found) <= 2000
