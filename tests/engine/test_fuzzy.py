"""Fuzzy comparison: its range, and what it forgives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz import fuzz

from engine.retrieval.fuzzy import similarity

texts = st.text("abc de你好", max_size=12)
groups = st.lists(st.lists(texts, max_size=4), max_size=4)


@given(texts, groups)
def test_similarities_of_a_group_are_those_of_its_best_text_and_lie_in_the_unit_interval(
    text: str, others: list[list[str]]
) -> None:
    found = similarity(text, others)
    assert found.shape == (len(others), 2)
    assert np.all((found >= 0) & (found <= 1))
    for row, group in zip(found.tolist(), others, strict=True):
        best = [max((scorer(text, other) / 100 for other in group), default=0.0) for scorer in SCORERS]
        assert row == pytest.approx(best, abs=1e-6)


SCORERS = (fuzz.ratio, fuzz.token_set_ratio)


@given(texts.filter(str.strip), st.lists(texts, max_size=4))
def test_a_text_that_is_among_the_others_is_wholly_similar(text: str, others: list[str]) -> None:
    assert similarity(text, [[*others, text]]).tolist() == [[1.0, 1.0]]


@given(texts, st.lists(texts, max_size=4), st.randoms())
def test_the_order_of_the_others_does_not_matter(text: str, others: list[str], chance) -> None:
    turned = list(others)
    chance.shuffle(turned)
    assert similarity(text, [turned]).tolist() == similarity(text, [others]).tolist()


def test_nothing_to_compare_with_is_no_similarity() -> None:
    assert similarity("refund", [[], []]).tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert similarity("refund", []).shape == (0, 2)


def test_one_measure_forgives_typing_errors_and_the_other_the_order_of_words() -> None:
    stored = [["how do i get a refund"]]
    assert similarity("how do i get a refnud", stored)[0, 0] > 0.9
    turned, sets = similarity("refund a get i do how", stored)[0]
    assert turned < 0.7
    assert sets == 1.0


def test_unlike_texts_are_not_called_alike() -> None:
    assert similarity("what is the weather", [["my parcel arrived broken"]]).max() < 0.6


def test_of_a_very_long_text_the_beginning_is_compared() -> None:
    long = "refund " * 15_000
    assert similarity(long, [["refund " * 100]])[0, 0] == 1.0
    assert similarity("refund", [[long]])[0, 0] < 0.1
