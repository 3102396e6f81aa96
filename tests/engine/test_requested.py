"""Values that say little unless they were asked for, and messages that leave what was begun."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.tokenise import SLOT_NAMES
from engine.understand.requested import knows_none, requested, wants_an_answer, wants_no_more, wants_nothing_else


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("order_number", "4512", "4512"),
        ("order_number", "it's #4512, thanks", "4512"),
        ("order_number", "Sure, my order number is FW-482913.", "FW-482913"),
        ("order_number", "FW 482913", "FW482913"),
        ("order_number", "是4512", "4512"),
        ("order_number", "好的，订单号是4512吧", "4512"),
        ("phone", "+44 161 496 0123", "+44 161 496 0123"),
        ("amount", "19.99", "19.99"),
        ("card", "4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("iban", "it is GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 32"),
        ("name", "I'm Anna Smith", "Anna Smith"),
        ("name", "我叫小明", "小明"),
        ("place", "in Leeds", "Leeds"),
        ("place", "Norway", "Norway"),
        ("place", "London", "London"),
        ("product", "the Heron 2 tent", "Heron 2 tent"),
        ("product", "a Heron", "Heron"),
        ("product", "是一顶帐篷", "帐篷"),
    ],
)
def test_what_was_asked_for_is_understood_from_few_words(name: str, text: str, value: str) -> None:
    assert requested(name, text) == value


@pytest.mark.parametrize(
    ("name", "text", "others", "value"),
    [
        ("product", "It's a Heron 2, I bought it two weeks ago", ["two weeks ago"], "Heron 2"),
        ("product", "I bought the Squall jacket last March", ["last March"], "Squall jacket"),
        ("product", "Heron 2帐篷，上周五买的", ["上周五"], "Heron 2帐篷"),
        ("product", "去年三月买的冲锋衣", ["去年三月"], "冲锋衣"),
        ("order_number", "4512 and my mail is a@b.de", ["a@b.de"], "4512"),
        ("product", "two weeks ago", ["two weeks ago"], None),
    ],
)
def test_values_of_other_slots_are_taken_out_first(name: str, text: str, others: list[str], value: str | None) -> None:
    assert requested(name, text, others) == value


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("order_number", text) for text in ("no idea", "", " ", "?", "the blue one", "4512 of 9000 and 12 more")),
        *(("product", text) for text in ("thanks", "I forgot", "never mind", "算了", "不知道", "4512", "no", "好的")),
        ("name", "it's me"),
        ("card", "4111 1111 1111 1112"),  # its check digit is wrong
        ("card", "1234"),
        ("serial_number", "A-12"),  # a slot of the house's own, which has a pattern of its own or none
        ("email", "anna@post.example"),  # found without being asked for
    ],
)
def test_what_gives_no_value_is_none(name: str, text: str) -> None:
    assert requested(name, text) is None


@given(st.sampled_from(SLOT_NAMES), st.text(max_size=300), st.lists(st.text(max_size=9), max_size=3))
def test_any_text_is_read_without_harm_and_a_value_stands_in_it(name: str, text: str, others: list[str]) -> None:
    value = requested(name, text, others)
    assert value is None or (0 < len(value) <= 120 and value == value.strip())


@pytest.mark.parametrize("text", ["4" * 10_000, "a" * 10_000, "四" * 10_000, "the " * 3000, "@" * 10_000])
def test_ten_thousand_characters_are_no_value(text: str) -> None:
    assert [name for name in SLOT_NAMES if requested(name, text)] == []


@pytest.mark.parametrize("unit", ["a ", "no ", "the ", "it's ", "我的", "是", "嗯", "4 ", "my a ", "never mind ", ", "])
def test_a_hostile_repetition_takes_no_long(unit: str) -> None:
    text = (unit * 120)[:120]
    began = time.process_time()
    for name in SLOT_NAMES:
        requested(name, text)
    wants_nothing_else(text)
    assert time.process_time() - began < 1.0


@pytest.mark.parametrize(
    "text",
    [
        "never mind", "Oh, never mind, thanks.", "cancel", "forget it!", "I don't need it any more", "leave it",
        "never mind, forget it", "算了", "算了，不用了，谢谢", "还是算了吧", "先不弄了", "不用了",
    ],
)  # fmt: skip
def test_who_wants_it_no_more_says_so(text: str) -> None:
    assert wants_no_more(text)
    assert wants_nothing_else(text)


@pytest.mark.parametrize(
    "text",
    [
        "never mind the label, how long does a repair take?",
        "I've changed my mind, can I exchange it?",
        "算了，门店几点开门？",
        "我改主意了，可以换尺码吗？",
    ],
)
def test_who_wants_something_else_instead_leaves_it_too(text: str) -> None:
    assert wants_no_more(text)
    assert not wants_nothing_else(text)


@pytest.mark.parametrize("text", ["cancel my order", "stop selling my data", "no", "没有", "", "4512", "取消订单"])
def test_other_messages_leave_nothing(text: str) -> None:
    assert not wants_no_more(text)
    assert not wants_nothing_else(text)


@given(st.text(max_size=300))
def test_who_wants_nothing_else_wants_no_more(text: str) -> None:
    assert wants_no_more(text) or not wants_nothing_else(text)


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("4512 please", False),
        ("I want it sent to anna@post.example", False),
        ("请发到我邮箱", False),
        ("How do I pay?", True),
        ("4512, how long does it take?", True),
        ("多久能到", True),
    ],
)
def test_politeness_alone_asks_nothing(text: str, asks: bool) -> None:
    assert wants_an_answer(text) is asks


@pytest.mark.parametrize(
    "text",
    [
        "I don't know", "no idea", "I can't find it", "sorry, I don't have my order number", "I forgot", "idk",
        "不知道", "找不到了", "我忘了", "没有订单号", "抱歉，我不记得了",
    ],
)  # fmt: skip
def test_who_does_not_know_the_value_says_so(text: str) -> None:
    assert knows_none(text)


@pytest.mark.parametrize(
    "text",
    ["I lost my parcel", "I can't find my parcel", "4512", "包裹找不到了", "", "I don't have an account", "没有发票吗"],
)
def test_what_is_about_something_else_does_not(text: str) -> None:
    assert not knows_none(text)
