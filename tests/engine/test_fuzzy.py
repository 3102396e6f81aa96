"""Fuzzy comparison: its range, and what it forgives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from engine.retrieval.fuzzy import similarity

texts = st.text("abc de你好", max_size=12)


@given(texts, st.lists(texts, max_size=4))
def test_both_similarities_lie_in_the_unit_interval_and_are_those_of_the_best(text: str, others: list[str]) -> None:
    in_order, sets = similarity(text, others)
    assert 0 <= in_order <= 1
    assert 0 <= sets <= 1
    assert in_order == pytest.approx(max((fuzz.ratio(text, other) / 100 for other in others), default=0.0))
    assert sets == pytest.approx(max((fuzz.token_set_ratio(text, other) / 100 for other in others), default=0.0))


@given(texts.filter(str.strip), st.lists(texts, max_size=4))
def test_a_text_that_is_among_the_others_is_wholly_similar(text: str, others: list[str]) -> None:
    assert similarity(text, [*others, text]) == (1.0, 1.0)


@given(texts, st.lists(texts, max_size=4), st.randoms())
def test_the_order_of_the_others_does_not_matter(text: str, others: list[str], chance) -> None:
    turned = list(others)
    chance.shuffle(turned)
    assert similarity(text, turned) == similarity(text, others)


def test_nothing_to_compare_with_is_no_similarity() -> None:
    assert similarity("refund", []) == (0.0, 0.0)


def test_one_measure_forgives_typing_errors_and_the_other_the_order_of_words() -> None:
    typed, _ = similarity("how do i get a refnud", ["how do i get a refund"])
    turned, sets = similarity("refund a get i do how", ["how do i get a refund"])
    assert typed > 0.9
    assert turned < 0.7
    assert sets == 1.0


def test_unlike_texts_are_not_called_alike() -> None:
    assert max(similarity("what is the weather", ["my parcel arrived broken"])) < 0.6
