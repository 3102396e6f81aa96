"""Messages that put a number right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.memory import WorkingMemory
from engine.understand.correction import corrected, meant, puts_right

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
KNOWN = WorkingMemory().fill("order_number", "4521", heard=NOON).fill("name", "Anna", heard=NOON)


@pytest.mark.parametrize(
    "text",
    [
        "no, I meant 4512", "Sorry, it should be 4512", "not 4521 but 4512", "I meant order 4512 please",
        "wait, the last digits are 4512", "oops, typo: 4512", "不对，是4512", "打错了，应该是4512", "不是4521，是4512",
        "不好意思，订单号写错了，是4512", "sorry 4512 is the right one",
    ],
)  # fmt: skip
def test_a_number_in_a_correction_replaces_the_one_that_was_given(text: str) -> None:
    assert puts_right(text)
    assert corrected(text, KNOWN) == ("order_number", "4512")


@pytest.mark.parametrize(
    "text",
    [
        "4512", "is it 4512?", "No, I ordered it 14 days ago", "No 12 Quarry Lane", "No, I have 25 kids",
        "sorry, can I return 25 items?", "no", "no, 4521", "", "no, she is 12", "不，我等了15天", "sorry, for 2",
    ],
)  # fmt: skip
def test_other_numbers_replace_nothing(text: str) -> None:
    assert corrected(text, KNOWN) is None


def test_the_numbered_slot_that_was_given_last_is_replaced() -> None:
    later = KNOWN.fill("phone", "0161 496 0123", heard=NOON + timedelta(minutes=1))
    assert corrected("no, I meant 0161496", later) == ("phone", "0161496")
    assert corrected("no, I meant 4512", WorkingMemory()) is None
    assert corrected("no, I meant 4512", WorkingMemory().fill("name", "Anna", heard=NOON)) is None


def test_what_is_the_value_of_another_slot_corrects_no_number() -> None:
    assert corrected("no, I meant 12.03.2026", KNOWN, ["12.03.2026"]) is None


def test_a_letter_that_begins_with_no_corrects_nothing() -> None:
    assert corrected("no, I meant 4512" + " well" * 30, KNOWN) is None


@given(st.text(max_size=200))
def test_any_text_is_read_without_harm(text: str) -> None:
    found = corrected(text, KNOWN)
    assert found is None or (found[0] == "order_number" and found[1] in text and found[1] != "4521")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("no, I meant the Squall jacket", "the Squall jacket"),
        ("Sorry, it should be a tent", "a tent"),
        ("不对，是冲锋衣", "冲锋衣"),
        ("我是说冲锋衣", "冲锋衣"),
        ("no, where is my tent?", None),
        ("the Squall jacket", None),
        ("不对", None),
        ("", None),
    ],
)
def test_words_in_a_correction_are_what_was_meant(text: str, what: str | None) -> None:
    assert meant(text) == what
