"""Messages that lean on the one before, and choices that are taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Choice
from engine.understand.follow_up import beside_the_choices, chosen, is_follow_up, named, takes_none

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
            for text in (
                "1", " 1. ", "one", "First", "the first one", "number 1", "#1", "第一个", "一", "①", "１", "选1",
                "I mean the first one, please", "option 1 please", "the frist one", "fisrt",
            )
        ),
        *(
            (text, ZH_RETURN)
            for text in (
                "2", "2)", "No. 2", "option two", "2nd", "second", "second one", "第二个。", "选2", "两", "我选第二个",
                "第二个吧", "2 please", "2 谢谢", "secnd pls",
            )
        ),
        *((text, COST) for text in ("3", "3rd", "the third", "thrid", "第三项", "三", "the last", "最后一个")),
        ("how do i return a parcel", RETURN),
        ("How do I retrun a parcel?", RETURN),
        ("怎么退货", ZH_RETURN),
        ("what does delivery cost", COST),
    ],
)  # fmt: skip
def test_a_choice_is_taken_by_its_number_or_its_words(text: str, choice: Choice) -> None:
    assert chosen(text, OFFERED) == (choice,)


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("1 and 3", (RETURN, COST)),
        ("3, 1", (COST, RETURN)),
        ("第一个和第三个", (RETURN, COST)),
        ("the first and the last", (RETURN, COST)),
        ("2 & 2", (ZH_RETURN,)),
        *((text, OFFERED) for text in ("both", "All of them!", "all", "都要", "全部", "两个都要")),
    ],
)
def test_several_choices_can_be_taken_at_once(text: str, taken: tuple[Choice, ...]) -> None:
    assert chosen(text, OFFERED) == taken


@pytest.mark.parametrize("text", ["yes", "Yes please", "that one", "是的", "对", "嗯"])
def test_a_yes_takes_the_only_choice_there_is(text: str) -> None:
    assert chosen(text, OFFERED[:1]) == (RETURN,)
    assert chosen(text, OFFERED) == ()
    assert beside_the_choices(text, OFFERED)
    assert not beside_the_choices(text, OFFERED[:1])


@pytest.mark.parametrize(
    "text",
    ["", "0", "4", "9", "12", "1 and 4", "no", "none of them", "neither", "hello", "delivery", "第十个",
     "1 parcel", "£1", "the one", "one parcel", "send", "three tents", "fifht", "个", "second parcel"],
)  # fmt: skip
def test_anything_else_takes_no_choice(text: str) -> None:
    assert chosen(text, OFFERED) == ()


@pytest.mark.parametrize("text", ["0", "4", "the ninth", "第十个", "1 and 4"])
def test_a_number_that_was_not_offered_is_beside_the_choices(text: str) -> None:
    assert beside_the_choices(text, OFFERED)


@pytest.mark.parametrize("text", ["12", "hello", "1 parcel", "no", "2", "", "how do I return a parcel"])
def test_what_is_no_number_or_there_is_not_beside_the_choices(text: str) -> None:
    assert not beside_the_choices(text, OFFERED)


def test_a_number_beyond_what_was_offered_takes_nothing() -> None:
    assert chosen("3", OFFERED[:2]) == ()
    assert chosen("3", ()) == ()
    assert chosen("anything", ()) == ()
    assert chosen("both", ()) == ()


@pytest.mark.parametrize(
    "text",
    ["none", "None of these.", "neither of them", "no", "nope!", "no no no", "no, none", "not those", "nothing",
     "都不是", "不是。", "全不对", "没有", "不"],
)  # fmt: skip
def test_none_of_what_was_offered_can_be_meant(text: str) -> None:
    assert takes_none(text)
    assert chosen(text, OFFERED) == ()


@pytest.mark.parametrize(
    "text", ["", "no parcel came", "nothing arrived", "not again", "不能退吗", "没有收到货", "noon"]
)
def test_a_sentence_that_begins_with_no_takes_something_else(text: str) -> None:
    assert not takes_none(text)


QUESTIONS = (
    ("send a parcel back", "return label", "where do I send my refund parcel"),
    ("退货流程", "想退"),
    ("postage", "postage to Leeds", "is postage free", "refund of postage"),
)


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("the return one", RETURN),
        ("returns", RETURN),
        ("retrun", RETURN),
        ("the one about the parcel please", RETURN),
        ("label", RETURN),
        ("退货那个", ZH_RETURN),
        ("我想问流程", ZH_RETURN),
        ("delivery", COST),
        ("delivry cost", COST),
        ("I mean the postage", COST),
    ],
)
def test_a_few_words_name_a_choice(text: str, choice: Choice) -> None:
    assert named(text, OFFERED, QUESTIONS) == choice


@pytest.mark.parametrize(
    "text",
    [
        "", "it", "那个", "hello", "return policy", "delivery to France", "refund", "the cost of a parcel", "换货",
        "my tent has arrived with a broken pole and I would like to send it back",
    ],
)  # fmt: skip
def test_other_words_and_words_of_two_choices_name_none(text: str) -> None:
    assert named(text, OFFERED, QUESTIONS) is None


def test_a_word_of_the_choice_itself_goes_before_one_of_other_questions() -> None:
    offered = (Choice("a", "How do I get a refund?"), Choice("b", "When is my order sent?"))
    assert named("refund", offered, (("money back",), ("refund", "sent"))) is None
    assert named("refund", offered, (("money back",), ("refund", "sent", "when"))) == offered[0]
    assert named("refund", offered[:1], ((),)) == offered[0]
    assert named("refund", (), ()) is None


choices = st.lists(st.builds(Choice, st.text(), st.text()), max_size=3)


@given(st.text() | st.sampled_from(["1", "both", "all", "yes", "the last", "1 and 2"]), choices)
def test_whatever_is_typed_takes_some_of_the_choices_or_none(text: str, offered: list[Choice]) -> None:
    assert set(chosen(text, offered)) <= set(offered)
    assert named(text, offered, [(choice.text,) for choice in offered]) in (*offered, None)
    assert is_follow_up(text) in (True, False)


@given(st.permutations(OFFERED))
def test_the_words_of_a_choice_take_it_wherever_it_stands(offered: list[Choice]) -> None:
    assert all(chosen(choice.text, offered) == (choice,) for choice in offered)
