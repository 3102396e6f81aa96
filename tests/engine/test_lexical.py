"""The lexical index against BM25 written down as it stands in the books."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.retrieval.lexical import LexicalIndex

K1, B = 1.2, 0.5
features = st.lists(st.integers(0, 12), max_size=8)
documents = st.lists(features, max_size=8)


def rarity(texts: list[list[int]], feature: int) -> float:
    spread = sum(feature in text for text in texts)
    return math.log(1 + (len(texts) - spread + 0.5) / (spread + 0.5))


def slowly(texts: list[list[int]], query: list[int]) -> list[float]:
    average = sum(map(len, texts)) / len(texts) if any(texts) else 1.0
    most = sum(rarity(texts, feature) for feature in set(query))
    found = []
    for text in texts:
        score = 0.0
        for feature in set(query) & set(text):
            count = text.count(feature)
            damping = K1 * (1 - B + B * len(text) / average)
            score += rarity(texts, feature) * count * (K1 + 1) / (count + damping)
        found.append(score / most if query else 0.0)
    return found


@given(documents, features)
def test_scores_are_those_of_bm25_as_a_share_of_the_query(texts: list[list[int]], query: list[int]) -> None:
    index = LexicalIndex.build(texts)
    assert index.size == len(texts)
    np.testing.assert_allclose(index.scores(query), slowly(texts, query), rtol=1e-4, atol=1e-6)


@given(documents, features)
def test_scores_lie_between_nothing_and_full_saturation(texts: list[list[int]], query: list[int]) -> None:
    scores = LexicalIndex.build(texts).scores(query)
    assert scores.shape == (len(texts),)
    assert all(0 <= score <= K1 + 1 + 1e-5 for score in scores)


@given(documents, features)
def test_presence_says_which_share_of_the_query_occurs_at_all(texts: list[list[int]], query: list[int]) -> None:
    scores = LexicalIndex.build(texts, presence=True).scores(query)
    most = sum(rarity(texts, feature) for feature in set(query))
    expected = [
        sum(rarity(texts, feature) for feature in set(query) & set(text)) / most if query else 0.0 for text in texts
    ]
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)
    assert all(0 <= score <= 1 + 1e-5 for score in scores)


@given(documents, features)
def test_the_known_share_is_the_weight_that_occurs_anywhere(texts: list[list[int]], query: list[int]) -> None:
    share = LexicalIndex.build(texts).known_share(query)
    seen = {feature for text in texts for feature in text}
    most = sum(rarity(texts, feature) for feature in set(query))
    expected = sum(rarity(texts, feature) for feature in set(query) & seen) / most if texts and query else 0.0
    assert share == pytest.approx(expected, abs=1e-5)
    assert 0 <= share <= 1


@given(documents, features)
def test_an_index_comes_back_from_its_arrays_as_it_was(texts: list[list[int]], query: list[int]) -> None:
    index = LexicalIndex.build(texts)
    arrays = index.arrays("words") | LexicalIndex.build([[1]]).arrays("other")
    back = LexicalIndex.from_arrays(arrays, "words")
    assert back.size == index.size
    np.testing.assert_array_equal(back.scores(query), index.scores(query))
    assert back.known_share(query) == index.known_share(query)


@given(documents, features, features)
def test_repeating_or_turning_a_query_changes_nothing(
    texts: list[list[int]], query: list[int], more: list[int]
) -> None:
    index = LexicalIndex.build(texts)
    again = [*reversed(query), *(feature for feature in more if feature in query)]
    np.testing.assert_array_equal(index.scores(query), index.scores(again))


def test_an_empty_index_and_an_empty_query_find_nothing() -> None:
    empty = LexicalIndex.build([])
    assert (empty.scores([1, 2]).shape, empty.known_share([1, 2])) == ((0,), 0.0)
    index = LexicalIndex.build([[1], [2, 3]])
    assert (index.scores([]).tolist(), index.known_share([])) == ([0.0, 0.0], 0.0)


def test_documents_without_a_single_feature_are_found_by_nothing() -> None:
    index = LexicalIndex.build([[], []])
    assert (index.scores([1, 2]).tolist(), index.known_share([1, 2])) == ([0.0, 0.0], 0.0)


def test_a_rare_feature_says_more_than_a_frequent_one() -> None:
    index = LexicalIndex.build([[1, 2], [1, 3], [1, 4]])
    scores = index.scores([1, 4])
    assert scores.argmax() == 2
    assert scores[0] == scores[1] < scores[2]


def test_a_missing_array_is_named() -> None:
    arrays = LexicalIndex.build([[1]]).arrays("words")
    del arrays["words.starts"]
    with pytest.raises(KeyError, match=r"words\.starts"):
        LexicalIndex.from_arrays(arrays, "words")
