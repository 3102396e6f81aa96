"""Questions that are nearly the same, found without comparing each with all others."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.alike import alike


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What does delivery cost?", "what does delivery cost"),
        ("What does delivery cost?", "Hi, what does the delivery cost please"),
        ("Why was my top-up rejected?", "My top up was rejected. Why?"),
        ("How long does a transfer take?", "How long does transfers take?"),
        ("how much is delivery", "how much is delivrey"),
        ("how much is delivery", "how much is deliverry"),
        ("寄到中国要多久？", "请问寄到中国要多久呢"),
        ("你们几点开门", "您们几点开门啊？"),
    ],
)
def test_small_words_marks_endings_order_and_a_typing_error_make_no_other_question(one: str, other: str) -> None:
    assert alike(["unlike", one, "nothing of it", other]) == [(1, 3)]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What does the Heron 2 cost", "What does the Heron 3 cost"),
        ("when can I return it", "where can I return it"),
        ("can I return it", "can't I return it"),
        ("with a bag", "without a bag"),
        ("dollars to pounds today", "pounds to dollars today"),
        ("do you ship to Ireland", "do you ship to Iceland"),
        ("hey you", "are you well"),
        ("寄到中国要多久", "寄到美国要多久"),
        ("cost", "post"),
        ("?", "!"),
        ("", ""),
    ],
)
def test_what_carries_meaning_stays(one: str, other: str) -> None:
    assert alike([one, other]) == []


def test_two_words_that_are_both_usual_are_no_typing_error() -> None:
    usual = [
        "is it lending now",
        "what is lending",
        "lending rates",
        "is it sending now",
        "what sending",
        "sending rates",
    ]
    assert alike(usual) == []
    assert alike([*usual[:3], "is it lendnig now"]) == [(0, 3)]


words = st.sampled_from(
    [
        "delivery",
        "deliverry",
        "refund",
        "refunds",
        "when",
        "where",
        "the",
        "please",
        "not",
        "tent",
        "2",
        "3",
        "退货",
        "请问",
    ]
)


@given(st.lists(st.lists(words, max_size=5).map(" ".join), max_size=12))
def test_groups_are_apart_ascending_and_hold_at_least_two(texts: list[str]) -> None:
    groups = alike(texts)
    assert all(len(group) > 1 and list(group) == sorted(group) for group in groups)
    members = [number for group in groups for number in group]
    assert len(members) == len(set(members))
