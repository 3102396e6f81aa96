"""Several questions in one message, and messages that are one question however long they are."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.understand.split import LONGEST, MOST_PARTS, asks, question, split


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("how do I return it and what does shipping cost?", ("how do I return it", "what does shipping cost?")),
        ("Where is my box? And can I change the address?", ("Where is my box?", "And can I change the address?")),
        ("where's my order, and can i cancel", ("where's my order", "can i cancel")),
        ("What does the jacket cost, how do I wash it?", ("What does the jacket cost", "how do I wash it?")),
        (
            "I want to know how much it costs & also how long it takes",
            ("I want to know how much it costs", "also how long it takes"),
        ),
        ("Is the label free?\nWho pays for the parcel?", ("Is the label free?", "Who pays for the parcel?")),
        ("退货怎么办？运费多少？", ("退货怎么办？", "运费多少？")),
        ("退货怎么办，运费多少", ("退货怎么办", "运费多少")),
        ("怎么退货 运费多少", ("怎么退货", "运费多少")),
        ("怎么退货还有运费多少", ("怎么退货", "还有运费多少")),
        ("你们星期天开门吗？另外能刷银联吗", ("你们星期天开门吗？", "另外能刷银联吗")),
        ("怎么退货? what does shipping cost?", ("怎么退货?", "what does shipping cost?")),
    ],
)
def test_two_questions_are_told_apart(text: str, parts: tuple[str, ...]) -> None:
    assert split(text) == parts


@pytest.mark.parametrize(
    "text",
    [
        "",
        "?",
        "???!!!",
        "Where is my parcel?",
        "Hi, I'm Anna. Where is my parcel?",
        "Hello! How are you? Where is my parcel?",
        "My tent leaks. I bought it in May. Can you mend it?",
        "Do you ship to France? Thanks!",
        "Can I pay by card or do you only take PayPal?",
        "What do you charge to Ireland, and to France?",
        "Do you have tents and sleeping bags?",
        "when and how do I return the tent",
        "Does the tent, which I bought in May, have a warranty?",
        "Does it weigh 1.9 kg, e.g. with the poles?",
        "你好，我上周买了帐篷，请问怎么退货？",
        "杯子、睡袋、标签什么的都在，怎么退货？",
        "我在这里谁也不认识，怎么参加徒步？",
        "我要退货，谢谢",
    ],
)
def test_a_greeting_a_story_or_a_list_is_no_question_of_its_own(text: str) -> None:
    assert split(text) == ()


def test_a_story_goes_with_the_question_it_leads_to_and_thanks_with_the_one_before() -> None:
    text = "Hello! I bought a tent in May. How do I return it? My wife asks: what does shipping cost? Thanks a lot."
    assert split(text) == (
        "Hello! I bought a tent in May. How do I return it?",
        "My wife asks: what does shipping cost? Thanks a lot.",
    )


def test_of_many_questions_the_last_part_has_the_rest() -> None:
    parts = split("Does it leak? Is it warm? Is it light? Is it red?")
    assert parts == ("Does it leak?", "Is it warm?", "Is it light? Is it red?")
    assert len(parts) == MOST_PARTS


def test_a_letter_is_understood_as_a_whole() -> None:
    two = "Is it warm? Is it light? "
    assert split(two * (LONGEST // len(two)))
    assert split(two * (LONGEST // len(two) + 1)) == ()


@pytest.mark.parametrize(
    "text",
    ["can I return it", "and what about the label?", "please cancel my order", "I'd like a refund", "Hi, is it warm",
     "有没有红色的", "怎么退", "我想退货", "退吗", "几天能到"],
)  # fmt: skip
def test_a_question_or_request_asks(text: str) -> None:
    assert asks(text)


@pytest.mark.parametrize("text", ["", "my tent leaks", "thanks a lot", "帐篷坏了", "标签什么的都在", "is nice"])
def test_a_statement_does_not_ask(text: str) -> None:
    assert not asks(text)


def test_of_a_part_the_question_itself_can_be_quoted() -> None:
    assert question("I bought a tent. It leaks. How do I return it? Thanks.") == "How do I return it?"
    assert question("我上周买了帐篷。怎么退货？") == "怎么退货？"
    assert question("my tent leaks") == "my tent leaks"


@given(
    st.lists(
        st.sampled_from(["Is it warm?", "and how long", "退货", "怎么", "，", "。", "?", ".", " ", "\n", "x", "5.5"])
    )
)
def test_a_message_is_cut_without_losing_a_question(pieces: list[str]) -> None:
    text = "".join(pieces)
    parts = split(text)
    assert len(parts) in (0, 2, 3)
    assert all(part and part.strip() == part for part in parts)
    lost = Counter(filter(str.isalnum, text)) - Counter(filter(str.isalnum, "".join(parts)))
    assert not parts or lost <= Counter({letter: len(pieces) for letter in "and"})


@pytest.mark.parametrize("text", ["吗，" * 999, "吗" + " " * 1998, " 吗 " * 660, "how do I x and " * 130, "?," * 999])
def test_hostile_text_is_cut_in_no_time(text: str) -> None:
    began = time.perf_counter()
    split(text)
    assert time.perf_counter() - began < 0.5


@given(st.text())
def test_any_text_can_be_cut(text: str) -> None:
    assert len(split(text)) in (0, 2, 3)
    assert question(text) in text or not text
