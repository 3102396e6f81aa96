"""What is left of a text without the words that every question has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.text.features import tokens
from engine.text.stopwords import content, is_chinese


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("How do I return a parcel?", ("return", "parcel")),
        ("the REFUND one, please", ("refund",)),
        ("怎么退货？", ("退", "货")),
        ("退货那个", ("退", "货")),
        ("what is it", ()),
        ("", ()),
        ("用PayPal付款", ("用", "paypal", "付", "款")),
    ],
)
def test_content_words_are_kept_in_order(text: str, words: tuple[str, ...]) -> None:
    assert content(text) == words


@given(st.text())
def test_nothing_is_made_up(text: str) -> None:
    assert set(content(text)) <= {*tokens(text), *"".join(tokens(text))}


def test_only_chinese_is_chinese() -> None:
    assert is_chinese("退")
    assert not any(map(is_chinese, ("a", "9", "ж", "가")))
