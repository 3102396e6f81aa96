"""Topics of before: going back to them by name, following them up, and putting right what was said about them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import HOURS, KNOWLEDGE, REFUND, an_engine

from engine.dialogue import Source
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.understand.follow_up import asks_for_a_value_in, goes_back_to

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TRACK = Entry("track", "{order_number|Your order} is on its way.", ("Where is my parcel?",), "track parcel", "en")
RETURN = Entry("zh-return", "六十天内可以退。", ("怎么退货？", "退款多久"), "zh-return", "zh")
SHOP = Knowledge((*KNOWLEDGE.entries, TRACK, RETURN))
TABLE = {
    "refund please": {"refund": 0.8},
    "when are you open": {"hours": 0.8},
    "where is parcel FW-4521": {"track": 0.8},
    "怎么退货": {"zh-return": 0.8},
    "几点开门": {"zh-hours": 0.8},
    "back to the dragons": {"holidays": 0.05},
    "sorry, where is parcel FW-4513?": {"track": 0.7},
    "no, when are you open?": {"hours": 0.7},
}
ENGINE = an_engine(TABLE, knowledge=SHOP)


def after(*texts: str) -> WorkingMemory:
    """What is remembered after some messages."""
    memory = WorkingMemory()
    for text in texts:
        memory = ENGINE.respond(text, memory, heard=NOON).memory
    return memory


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("back to the refund", "the refund"),
        ("Ok, back to my refund", "my refund"),
        ("can we go back to the refund?", "the refund?"),
        ("let's get back to delivery", "delivery"),
        ("回到退款", "退款"),
        ("好的，我们回到退款", "退款"),
        ("再说说学生优惠", "学生优惠"),
        ("刚才说的退款", "退款"),
    ],
)
def test_a_message_goes_back_to_what_it_names(text: str, what: str) -> None:
    assert goes_back_to(text) == what


@pytest.mark.parametrize("text", ["", "refund", "I want my money back to my card", "send it back", "退款", "back to"])
def test_other_messages_go_back_to_nothing(text: str) -> None:
    assert goes_back_to(text) is None


@given(st.text(max_size=200))
def test_what_is_gone_back_to_is_part_of_the_message_or_nothing(text: str) -> None:
    what = goes_back_to(text)
    assert what is None or what


def test_a_topic_of_before_is_answered_again_and_is_the_topic_then() -> None:
    memory = after("refund please", "when are you open")
    found = ENGINE.respond("ok, back to the refund", memory, heard=NOON)
    assert (found.text, found.entry, found.confidence) == (REFUND.answer, "refund", 1.0)
    assert found.provenance.reason.startswith("the customer goes back to it")
    assert [topic.entry for topic in found.memory.topics] == ["hours", "refund"]


def test_a_chinese_topic_is_gone_back_to_as_well() -> None:
    found = ENGINE.respond("回到退货", after("怎么退货", "几点开门"), heard=NOON)
    assert (found.entry, found.memory.topic.entry) == ("zh-return", "zh-return")


def test_what_was_never_talked_of_is_not_gone_back_to() -> None:
    found = ENGINE.respond("back to the dragons", after("refund please"), heard=NOON)
    assert (found.entry, found.provenance.source) == (None, Source.FIXED)
    assert ENGINE.respond("back to the refund", WorkingMemory(), heard=NOON).entry is None


def test_a_number_that_is_put_right_is_answered_again() -> None:
    memory = after("where is parcel FW-4521")
    assert memory.values() == {"order_number": "FW-4521"}
    found = ENGINE.respond("no, I meant FW-4512", memory, heard=NOON)
    assert (found.text, found.entry) == ("FW-4512 is on its way.", "track")
    assert "order_number was put right" in found.provenance.reason
    assert ENGINE.respond("不对，是4513", found.memory, heard=NOON).text == "4513 is on its way."


def test_a_number_that_the_last_answer_does_not_hold_is_noted() -> None:
    memory = after("where is parcel FW-4521", "refund please")
    found = ENGINE.respond("sorry, it should be 4512", memory, heard=NOON)
    assert (found.text, found.entry, found.provenance.source) == ("noted", None, Source.FIXED)
    assert found.memory.values() == {"order_number": "4512"}
    bare = WorkingMemory().fill("order_number", "4521", heard=NOON)
    assert ENGINE.respond("no, I meant 4512", bare, heard=NOON).text == "noted"


def test_a_new_question_is_no_correction_though_it_begins_with_no() -> None:
    memory = after("where is parcel FW-4521")
    found = ENGINE.respond("sorry, where is parcel FW-4513?", memory, heard=NOON)
    assert (found.text, found.confidence) == ("FW-4513 is on its way.", 0.7)
    assert ENGINE.respond("no, when are you open?", memory, heard=NOON).text == HOURS.answer


def test_the_same_number_again_puts_nothing_right() -> None:
    found = ENGINE.respond("no, FW-4521", after("where is parcel FW-4521"), heard=NOON)
    assert "put right" not in found.provenance.reason


def test_an_entry_that_is_gone_is_neither_gone_back_to_nor_answered_again() -> None:
    gone = WorkingMemory().push_topic("gone").fill("order_number", "4521", heard=NOON)
    assert ENGINE.respond("back to the refund", gone, heard=NOON).entry is None
    assert ENGINE.respond("no, I meant 4512", gone, heard=NOON).text == "noted"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("and how long does that take?", "It takes 4-6 working days."),
        ("how long is it then", "About 2 weeks."),
        ("And how much is it?", "It costs £9."),
        ("那要多久？", "8至14个工作日送达。"),
        ("那多少钱？", "运费22英镑。"),
    ],
)
def test_a_bare_question_for_a_value_is_about_the_answer_that_has_it(text: str, answer: str) -> None:
    assert asks_for_a_value_in(text, answer)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("and how long does that take?", "It costs £9."),
        ("and how much is it?", "It takes 4-6 working days."),
        ("and how long does a repair take?", "It takes 4-6 working days."),
        ("how long have I got for that?", "It takes 4-6 working days."),
        ("and that?", "It takes 4-6 working days for £9."),
        ("那修东西要多久？", "8至14个工作日送达。"),
    ],
)
def test_a_question_that_names_something_else_or_finds_no_such_value_is_not(text: str, answer: str) -> None:
    assert not asks_for_a_value_in(text, answer)


def test_a_bare_question_for_a_value_leans_on_the_topic_whatever_sounds_nearer() -> None:
    table = TABLE | {"and how long does that take?": {"hours": 0.9}}
    engine = an_engine(table, knowledge=SHOP)
    found = engine.respond("and how long does that take?", after("refund please"), heard=NOON)
    assert found.text == REFUND.answer
    assert "it asks for a value of the answer that it leans on" in found.provenance.reason
    other = engine.respond("and how long does that take?", after("where is parcel FW-4521"), heard=NOON)
    assert other.text == HOURS.answer


def test_an_order_number_alone_goes_into_the_answer_that_would_have_held_it() -> None:
    table = TABLE | {"where is it": {"track": 0.8}}
    engine = an_engine(table, knowledge=SHOP)
    asked = engine.respond("where is it", WorkingMemory(), heard=NOON)
    assert asked.text == "Your order is on its way."
    assert engine.respond("4512", asked.memory, heard=NOON).text == "4512 is on its way."
    assert engine.respond("my order number is FW-4512", asked.memory, heard=NOON).text == "FW-4512 is on its way."
    assert engine.respond("12", asked.memory, heard=NOON).text == "unsure"
    elsewhere = engine.respond("refund please", asked.memory, heard=NOON)
    assert engine.respond("4512", elsewhere.memory, heard=NOON).text == "unsure"


@pytest.mark.parametrize("text", ["my order number is FW-4512", "FW-4512", "我叫小明", "anna@post.example", "£20"])
def test_a_value_alone_is_noted_where_no_answer_holds_it(text: str) -> None:
    found = ENGINE.respond(text, after("when are you open"), heard=NOON)
    assert (found.text, found.provenance.source) == ("noted", Source.FIXED)
    assert len(found.memory.values()) == 1


@pytest.mark.parametrize("text", ["is FW-4512 a dragon?", "FW-4512 dragons", "the dragon of anna@post.example"])
def test_a_value_beside_other_words_is_not(text: str) -> None:
    assert ENGINE.respond(text, after("when are you open"), heard=NOON).text == "unsure"
