"""Messages that lean on the one before, and choices that are taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Choice
from engine.understand.follow_up import chosen, is_follow_up

OFFERED = (
    Choice("return", "How do I return a parcel?"),
    Choice("zh-return", "怎么退货？"),
    Choice("cost", "What does delivery cost?"),
)
RETURN, ZH_RETURN, COST = OFFERED


@pytest.mark.parametrize(
    "text",
    [
        "And to France?", "but why", "or to Wales?", "What about Wales?", "How about a tent", "what if I lose it",
        "OK, and then?", "Does it fit?", "is that free", "same for socks?", "Can I pay later?",
        "How long does it take?", "are they warm", "the blue one", "socks too?", "me either", "tents instead",
        "那英国呢？", "那么运费多少", "还有别的吗", "如果坏了怎么办", "但是没收到", "好的，寄到香港", "它多少钱",
        "这种能退吗", "香港呢", "ＡＮＤ to France?",
    ],
)  # fmt: skip
def test_a_message_that_leans_on_another_is_a_follow_up(text: str) -> None:
    assert is_follow_up(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "Where is my parcel?", "Order status please", "Original packaging lost", "orange tents", "soap for wool",
        "Button broken", "Andrew asks for a refund", "authentic wool?", "Is italic text possible",
        "我要退货", "运费多少", "怎么修改地址", "寄到香港多少钱",
    ],
)  # fmt: skip
def test_a_message_that_stands_by_itself_is_none(text: str) -> None:
    assert not is_follow_up(text)


def test_a_long_message_is_never_a_follow_up() -> None:
    assert is_follow_up("and does it fit " + "well " * 8)
    assert not is_follow_up("and does it fit " + "well " * 9)
    assert is_follow_up("那么" + "好" * 16)
    assert not is_follow_up("那么" + "好" * 17)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        *(
            (text, RETURN)
            for text in ("1", " 1. ", "one", "First", "the first one", "number 1", "第一个", "一", "①", "１")
        ),
        *((text, ZH_RETURN) for text in ("2", "2)", "No. 2", "option two", "2nd", "second", "第二个。", "选2", "两")),
        *((text, COST) for text in ("3", "3rd", "the third", "第三项", "三")),
        ("how do i return a parcel", RETURN),
        ("How do I retrun a parcel?", RETURN),
        ("怎么退货", ZH_RETURN),
        ("what does delivery cost", COST),
    ],
)
def test_a_choice_is_taken_by_its_number_or_its_words(text: str, choice: Choice) -> None:
    assert chosen(text, OFFERED) == choice


@pytest.mark.parametrize(
    "text", ["", "0", "4", "9", "12", "no", "none of them", "neither", "hello", "delivery", "第十个", "1 parcel", "£1"]
)
def test_anything_else_takes_no_choice(text: str) -> None:
    assert chosen(text, OFFERED) is None


def test_a_number_beyond_what_was_offered_takes_nothing() -> None:
    assert chosen("3", OFFERED[:2]) is None
    assert chosen("3", ()) is None
    assert chosen("anything", ()) is None


@given(st.text(), st.lists(st.builds(Choice, st.text(), st.text()), max_size=3))
def test_whatever_is_typed_is_one_of_the_choices_or_none(text: str, offered: list[Choice]) -> None:
    assert chosen(text, offered) in (*offered, None)
    assert is_follow_up(text) in (True, False)


@given(st.permutations(OFFERED))
def test_the_words_of_a_choice_take_it_wherever_it_stands(offered: list[Choice]) -> None:
    assert all(chosen(choice.text, offered) == choice for choice in offered)
