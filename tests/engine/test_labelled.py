"""Logs without labels: what an agent pasted says which entry it was, and anything else says nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.training.labelled import label

REFUND = Entry("refund", "You get your money back within 14 days.", ("how do I get a refund",), locale="en")
HOURS = Entry("hours", "We open at nine and close at five.", ("when are you open",), locale="en")
HELLO = Entry("hello", "Hello, how can I help you?", ("hello",), locale="en", tags=("smalltalk",))
KNOWLEDGE = Knowledge((REFUND, HOURS, HELLO))


def a_log(*said: str, entry: str | None = None) -> LoggedConversation:
    """Customer and agent in turn; the last turn is labelled with ``entry``."""
    speakers = (Speaker.CUSTOMER, Speaker.AGENT)
    turns = [LoggedTurn(Turn(speakers[at % 2], text)) for at, text in enumerate(said)]
    return LoggedConversation("1", (*turns[:-1], replace(turns[-1], entry=entry)))


@pytest.mark.parametrize(
    "answer",
    [
        "You get your money back within 14 days.",
        "you get your  money back within 14 days",
        "You get your money back in 14 days.",
    ],
)
def test_an_answer_that_is_nearly_an_entrys_is_labelled_and_its_question_gathered(answer: str) -> None:
    found = label([a_log("the tent leaks, I want my cash back", answer)], KNOWLEDGE)
    assert found.conversations[0].turns[1].entry == "refund"
    assert found.entries == (replace(REFUND, questions=(*REFUND.questions, "the tent leaks, I want my cash back")),)
    assert found.turns == 1


@pytest.mark.parametrize(
    "answer", ["Let me look into it.", "We open at ten and close at six, not on Sunday.", "Yes.", ""]
)
def test_an_answer_like_none_stays_without_a_label(answer: str) -> None:
    logs = (a_log("can you help", answer),)
    found = label(logs, KNOWLEDGE)
    assert (found.conversations, found.entries, found.turns) == (logs, (), 0)


def test_a_label_that_stands_there_counts_whatever_the_words() -> None:
    found = label([a_log("my cash back", "Sure, two weeks.", entry="refund")], KNOWLEDGE)
    assert found.entries[0].questions[-1] == "my cash back"
    assert found.turns == 0


@pytest.mark.parametrize("question", ["and how long does that take?", "how do I get a REFUND", "x" * 301])
def test_what_leans_on_more_is_known_or_a_story_is_no_new_way_to_ask(question: str) -> None:
    assert label([a_log(question, REFUND.answer)], KNOWLEDGE).entries == ()


def test_small_talk_gathers_no_questions() -> None:
    assert label([a_log("hi there, my name is Jo", HELLO.answer)], KNOWLEDGE).entries == ()


@given(st.lists(st.text(max_size=40), max_size=6))
def test_whatever_was_said_every_turn_is_kept_in_its_place(said: list[str]) -> None:
    logs = [a_log(*said)] if said else []
    found = label(logs, KNOWLEDGE)
    before = [turn.turn for one in logs for turn in one.turns]
    assert [turn.turn for one in found.conversations for turn in one.turns] == before
