"""What is left of a turn without greeting, thanks, waiting and farewell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.mining.clean import advice, asks_back, cell, is_reaction, matter, only_waits


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hi, where is my parcel?", "where is my parcel?"),
        ("Hello there! Where is my parcel? Thanks in advance!", "Where is my parcel?"),
        ("Good morning Anna, my card was stolen.", "my card was stolen."),
        ("Hello, Can you help me with a refund?", "Can you help me with a refund?"),
        ("Ok, thanks. And how long does a refund take?", "And how long does a refund take?"),
        ("That sounds good. Do you deliver to Ireland?", "Do you deliver to Ireland?"),
        ("how do i return shoes, thank you so much", "how do i return shoes"),
        ("您好，请问几点关门？谢谢", "请问几点关门？"),
        ("你好！我想退货，麻烦您了。", "我想退货"),
        ("我想退货 谢谢啦~", "我想退货"),
        ("Hi, I'm Priya. Where is my order?", "Where is my order?"),
        ("Yes, that is correct. Thanks a lot!", ""),
        ("no thank you", ""),
        ("好的，谢谢您！", ""),
        ("Thanks to your update my card fails", "Thanks to your update my card fails"),
        ("...", ""),
        ("", ""),
    ],
)
def test_what_a_customer_wrote_is_left_without_manners(said: str, left: str) -> None:
    assert matter(said) == left


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("Hi Anna, thank you for contacting us! A refund takes 5 days.", "A refund takes 5 days."),
        ("A refund takes 5 days. Is there anything else I can help you with?", "A refund takes 5 days."),
        ("A refund takes 5 days. Have a great day!", "A refund takes 5 days."),
        ("Let me check that for you.", ""),
        ("One moment please.", ""),
        ("You're welcome. Goodbye!", ""),
        ("您好，运费是10元。祝您生活愉快！", "运费是10元。"),
        ("请稍等，我帮您查一下。", ""),
        ("Please go to:\n1. Account\n2. Returns\nBest regards,\nTom", "Please go to:\n1. Account\n2. Returns"),
    ],
)
def test_what_an_agent_wrote_is_left_without_waiting_and_farewell(said: str, left: str) -> None:
    assert advice(said) == left


def test_a_long_sentence_that_also_waits_is_kept() -> None:
    said = "Please wait at the counter until somebody from the workshop comes to look at the wheels of the bicycle."
    assert advice(said) == said


def test_waiting_alone_is_told_from_an_answer() -> None:
    assert only_waits("Let me check. One moment please.")
    assert not only_waits("Let me check. It ships on 5 May.")
    assert not only_waits("Goodbye!")


def test_an_agent_who_only_asks_tells_nothing() -> None:
    assert asks_back("Which city? For when?")
    assert not asks_back("We have two shops. Which city?")
    assert not asks_back("")


@pytest.mark.parametrize(
    "text", ["perfect", "that works for me", "是的，没错", "No, that's all.", "嗯嗯", "thanks!", "👍"]
)
def test_a_reaction_has_no_matter(text: str) -> None:
    assert is_reaction(text)


@pytest.mark.parametrize("text", ["no refund", "thanks, but where is my order?", "退款", "good shoes"])
def test_a_matter_is_no_reaction(text: str) -> None:
    assert not is_reaction(text)


@pytest.mark.parametrize(
    "piece", ["嗯", "好的", "!", " ", "hi ", "thanks ", "ok, ", "I'm Al. ", "a? ", "我叫", ", ", "\n"]
)
def test_a_text_that_repeats_itself_for_ever_grows_no_longer(piece: str) -> None:
    for text in (piece * 30_000, f"{piece * 30_000}x", f"x{piece * 30_000}"):
        assert len(matter(text)) <= len(text)
        assert len(advice(text)) <= 2 * len(text)


@given(st.text(max_size=200))
def test_any_text_can_be_cleaned_and_cleaning_twice_changes_nothing(text: str) -> None:
    assert matter(matter(text)) == matter(text)
    assert len(advice(text)) <= 2 * len(text)


@given(st.text(max_size=50))
def test_no_cell_begins_as_a_formula_does_and_reading_gives_the_text_back(text: str) -> None:
    assert not cell(text).startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell(text).strip() == text.strip()
