"""Entries that need slots before they can be answered: asked for one at a time, in any order, left, failed, resumed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import HOURS, KNOWLEDGE, REFUND, an_engine

from engine.dialogue import Source
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import Form, WorkingMemory
from engine.ports import Response
from engine.respond import Settings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LABEL = Entry(
    "label",
    "A label for {order_number|?} goes to {email|?}.",
    ("I need a label",),
    intent="return label",
    locale="en",
    requires=("order_number", "email"),
)
CHECK = Entry("check", "{product|?} of {date|?}.", ("Check my warranty",), locale="en", requires=("product", "date"))
REPORT = Entry("report", "Told.", ("I report a theft",), locale="en", tags=("person",), requires=("order_number",))
SHOP = Knowledge((*KNOWLEDGE.entries, LABEL, CHECK, REPORT))
TABLE = {
    "I need a label": {"label": 0.9},
    "check my warranty": {"check": 0.9},
    "refund please": {"refund": 0.8},
    "hello": {"hello": 0.9},
    "a theft": {"report": 0.9},
    "torn": {"hours": 0.3, "holidays": 0.25},
    "never mind the label, refund please?": {"refund": 0.8},
    "never mind the label, check my warranty": {"check": 0.8},
    "it is 4512 and how do I get a refund?": {"refund": 0.8},
    "anna@post.example and how do I get a refund?": {"refund": 0.8},
    "my order is FW-4512": {"hours": 0.9},
    "damn you idiot": {"refund": 0.9},
}
ENGINE = an_engine(TABLE, knowledge=SHOP)


def talk(*texts: str, memory: WorkingMemory | None = None) -> list[Response]:
    """What is answered to one message after another."""
    found, memory = [], memory or WorkingMemory()
    for text in texts:
        found.append(ENGINE.respond(text, memory, heard=NOON))
        memory = found[-1].memory
    return found


def test_missing_slots_are_asked_for_one_after_the_other() -> None:
    first, second, last = talk("I need a label", "4512", "anna@post.example")
    assert (first.text, first.entry, first.memory.form) == ("ask_order_number", "label", Form("label", "order_number"))
    assert first.provenance.source is Source.CLARIFY
    assert "label needs order_number" in first.provenance.reason
    assert (second.text, second.memory.form) == ("ask_email", Form("label", "email"))
    assert last.text == "A label for 4512 goes to anna@post.example."
    assert (last.memory.form, last.memory.topic.entry) == (None, "label")


def test_what_is_known_already_is_not_asked_for() -> None:
    known = WorkingMemory().fill("order_number", "77", heard=NOON)
    assert talk("I need a label", memory=known)[0].text == "ask_email"
    both = known.fill("email", "a@b.de", heard=NOON)
    assert talk("I need a label", memory=both)[0].text == "A label for 77 goes to a@b.de."


def test_the_answers_may_come_in_another_order() -> None:
    _, second, last = talk("I need a label", "anna@post.example", "4512")
    assert second.text == "ask_order_number"
    assert last.text == "A label for 4512 goes to anna@post.example."


def test_one_message_may_give_all_at_once() -> None:
    assert talk("I need a label", "4512, anna@post.example")[1].text == "A label for 4512 goes to anna@post.example."
    assert talk("check my warranty", "a Heron 2, bought two weeks ago")[1].text == "Heron 2 of two weeks ago."


def test_another_question_is_answered_and_the_form_goes_on() -> None:
    *_, between, last = talk("I need a label", "4512", "refund please", "anna@post.example")
    assert between.text == f"{REFUND.answer}\n\nask_email"
    assert (between.entry, between.memory.form) == ("refund", Form("label", "email"))
    assert last.text == "A label for 4512 goes to anna@post.example."


def test_a_greeting_in_between_is_no_try_in_vain() -> None:
    answers = talk("I need a label", *["hello"] * 5)
    assert all(one.text == "Hello there!\n\nask_order_number" for one in answers[1:])
    assert answers[-1].memory.form == Form("label", "order_number", 0)


def test_a_message_may_give_a_value_and_ask_something_else() -> None:
    found = talk("I need a label", "it is 4512 and how do I get a refund?")[1]
    assert found.text.startswith(REFUND.answer)
    last = talk("I need a label", "4512", "anna@post.example and how do I get a refund?")[2]
    assert last.text == f"{REFUND.answer}\n\nA label for 4512 goes to anna@post.example."
    assert last.memory.form is None


def test_a_value_is_taken_though_its_words_sound_like_another_entry() -> None:
    assert talk("I need a label", "my order is FW-4512")[1].text == "ask_email"


@pytest.mark.parametrize(
    "text", ["never mind", "Oh, forget it.", "算了", "cancel", "never mind, it was my neighbour's"]
)
def test_a_form_that_is_left_asks_no_more(text: str) -> None:
    _, left, after = talk("I need a label", text, "refund please")
    assert (left.text, left.memory.form, left.provenance.source) == ("form_left", None, Source.FIXED)
    assert after.text == REFUND.answer


def test_a_form_may_be_left_for_another_question_or_another_form() -> None:
    assert talk("I need a label", "never mind the label, refund please?")[1].text == REFUND.answer
    other = talk("I need a label", "never mind the label, check my warranty")[1]
    assert (other.text, other.memory.form) == ("ask_product", Form("check", "product"))


def test_asked_for_three_times_in_vain_a_person_takes_over() -> None:
    *_, second, third, last = talk("I need a label", "what?", "torn", "the blue one")
    assert (second.text, second.memory.form) == ("ask_order_number", Form("label", "order_number", 1))
    assert third.memory.form == Form("label", "order_number", 2)
    assert (last.text, last.handoff, last.memory.form, last.entry) == ("handoff", True, None, "label")
    assert "order_number was asked for 3 times in vain" in last.provenance.reason


def test_who_does_not_know_the_value_asks_for_nothing_else_whatever_it_sounds_like() -> None:
    engine = an_engine(TABLE | {"I can't find it": {"refund": 0.9}}, knowledge=SHOP)
    memory = talk("I need a label")[0].memory
    assert engine.respond("I can't find it", memory, heard=NOON).text == "ask_order_number"


def test_the_same_wish_again_and_again_ends_with_a_person() -> None:
    answers = talk(*["I need a label"] * 4)
    assert [one.handoff for one in answers] == [False, False, False, True]


def test_who_gives_something_has_not_tried_in_vain() -> None:
    answers = talk("I need a label", "what?", "what?", "anna@post.example", "what?", "what?")
    assert not any(one.handoff for one in answers)
    assert answers[-1].memory.form == Form("label", "order_number", 2)


def test_a_value_is_put_right_while_the_next_one_is_asked_for() -> None:
    *_, right, last = talk("I need a label", "4521", "no, I meant 4512", "anna@post.example")
    assert (right.text, right.memory.form) == ("ask_email", Form("label", "email", 0))
    assert last.text == "A label for 4512 goes to anna@post.example."


def test_words_are_put_right_while_a_form_waits_and_after_it() -> None:
    *_, right, last, again = talk(
        "check my warranty", "my tent", "no, I meant the Squall jacket", "yesterday", "sorry, I meant the Heron 2"
    )
    assert (right.text, right.memory.form) == ("ask_date", Form("check", "date", 0))
    assert last.text == "Squall jacket of yesterday."
    assert again.text == "Heron 2 of yesterday."


def test_words_that_no_form_needs_are_not_put_right() -> None:
    known = WorkingMemory().fill("product", "tent", heard=NOON).push_topic("refund")
    engine = an_engine({"no, I meant express delivery": {"hours": 0.9}}, knowledge=SHOP)
    found = engine.respond("no, I meant express delivery", known, heard=NOON)
    assert (found.text, found.memory.values()) == (HOURS.answer, {"product": "tent"})


def test_anger_while_a_form_waits_loses_nothing() -> None:
    found = talk("I need a label", "damn you idiot")[1]
    assert "ask_order_number" in found.text
    assert "hostile" in found.text
    assert found.memory.form is not None


def test_an_entry_for_people_gets_its_slots_before_a_person_does() -> None:
    asked, handed = talk("a theft", "4512")
    assert (asked.text, asked.handoff) == ("ask_order_number", False)
    assert (handed.text, handed.handoff) == ("handoff", True)
    assert handed.memory.values() == {"order_number": "4512"}


def test_of_two_forms_in_one_message_one_is_asked_for_and_the_other_stays_open() -> None:
    two = "can you send me a new label? can you check my warranty?"
    table = {
        "can you send me a new label?": {"label": 0.9},
        "can you check my warranty?": {"check": 0.9},
        "can you check my warranty? @label": {"check": 0.9},
    }
    found = an_engine(table, knowledge=SHOP).respond(two, WorkingMemory(), heard=NOON)
    assert found.text == "ask_order_number\n\nleft_open can you check my warranty?"


def test_a_day_that_no_calendar_has_is_asked_for_again() -> None:
    *_, again, last = talk("check my warranty", "a tent", "31 February", "yesterday")
    assert (again.text, again.memory.form) == ("ask_date", Form("check", "date", 1))
    assert last.text == "tent of yesterday."


def test_a_form_of_an_entry_that_is_gone_waits_no_more() -> None:
    found = talk("refund please", memory=WorkingMemory().ask("gone", "email"))[0]
    assert (found.text, found.memory.form) == (REFUND.answer, None)


def test_the_slot_of_an_own_kind_is_asked_for_by_its_name() -> None:
    own = replace(HOURS, answer="We have {shoe_size|some} of them.", requires=("shoe_size",))
    engine = an_engine(
        {"hours": {"hours": 0.9}}, knowledge=Knowledge((own,)), settings=Settings(slots={"shoe_size": r"\d+"})
    )
    asked = engine.respond("hours", WorkingMemory())
    assert asked.text == "ask_slot shoe size"
    assert engine.respond("size 43", asked.memory).text == "We have 43 of them."


said = st.sampled_from(
    [*TABLE, "4512", "anna@post.example", "no, I meant 4", "what?", "never mind", "👍", "", "1", "no"]
)


@settings(deadline=None)
@given(st.lists(said | st.text(max_size=40), max_size=8))
def test_whatever_is_said_there_is_an_answer_and_at_most_one_question_for_a_slot(texts: list[str]) -> None:
    for found in talk(*texts):
        assert found.text
        assert found.text.count("ask_") <= 1
        assert found.memory.form is None or found.memory.form.tries <= 2
        assert WorkingMemory.from_json(found.memory.to_json()) == found.memory
