"""What a query weighs, and what a text holds of it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.retrieval.query import Query, codes, damping, held, rarity, saturated, shares, sums, table_of
from engine.text.features import BUCKETS, grams, words

texts = st.text("ab 退货x", max_size=12)
numbers = st.lists(st.integers(0, 2 * BUCKETS - 1), min_size=1, max_size=12, unique=True).map(sorted)


def a_query(found: list[int], of_words: int = 0) -> Query:
    wanted = np.asarray(found, np.int32)
    zero = np.zeros(len(found))
    return Query(wanted, of_words, zero, zero, zero, np.ones(2), 1.0, 0.0, table_of(wanted))


@given(texts)
def test_codes_are_the_buckets_of_words_and_beyond_them_those_of_grams(text: str) -> None:
    expected = sorted(set(words(text))) + sorted({BUCKETS + bucket for bucket in grams(text)})
    assert codes(text).tolist() == expected


@given(numbers, st.lists(st.integers(0, 2 * BUCKETS - 1), max_size=12))
def test_matches_are_the_places_of_the_querys_own_features(wanted: list[int], others: list[int]) -> None:
    stored = others + wanted + [code ^ 1 << 20 for code in wanted]
    places, features = a_query(wanted).matches(np.asarray(stored, np.int32))
    expected = [(place, wanted.index(code)) for place, code in enumerate(stored) if code in wanted]
    assert list(zip(places.tolist(), features.tolist(), strict=True)) == expected


def test_features_that_meet_in_the_table_are_told_apart() -> None:
    wanted = [5, 5 + (1 << 15), 5 + (1 << 16), 9]
    places, features = a_query(wanted).matches(np.asarray([9, 5 + (1 << 17), *wanted[::-1]], np.int32))
    assert places.tolist() == [0, 2, 3, 4, 5]
    assert features.tolist() == [3, 3, 2, 1, 0]


def test_a_query_of_very_many_features_is_matched_as_well() -> None:
    wanted = list(range(0, 3 * BUCKETS // 2, 97))
    stored = np.asarray([*range(500), *wanted[-500:]], np.int32)
    places, features = a_query(wanted).matches(stored)
    assert len(wanted) > 1 << 15
    assert [int(stored[place]) for place in places] == [wanted[feature] for feature in features]
    assert len(places) == 506


def test_an_empty_query_matches_nothing() -> None:
    places, features = a_query([]).matches(np.asarray([1, 2], np.int32))
    assert (places.tolist(), features.tolist()) == ([], [])


@given(st.integers(0, 50), st.integers(0, 50))
def test_the_rarer_a_feature_the_more_it_weighs(spread: int, more: int) -> None:
    size = spread + more
    assert rarity(np.asarray([spread]), size)[0] == pytest.approx(math.log(1 + (more + 0.5) / (spread + 0.5)))
    assert rarity(np.asarray([spread]), size)[0] > rarity(np.asarray([spread + 1]), size + 1)[0] - 1e-9 or more == 0


def test_shares_add_up_to_one_for_words_and_for_grams() -> None:
    assert shares(np.asarray([1.0, 3.0, 2.0, 2.0, 4.0]), 2).tolist() == [0.25, 0.75, 0.25, 0.25, 0.5]
    assert shares(np.asarray([2.0]), 0).tolist() == [1.0]
    assert shares(np.zeros(0), 0).tolist() == []


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 5)), max_size=20))
def test_what_a_text_holds_is_counted_by_text_and_feature(occurrences: list[tuple[int, int]]) -> None:
    query = a_query([1, 2, 3, 4, 5, 6], of_words=2)
    keys = np.asarray([(text << query.bits) | feature for text, feature in occurrences], np.int64)
    found, slots, features, counts = held(query, keys)
    assert found.tolist() == sorted({text for text, _ in occurrences})
    pairs = sorted(set(occurrences))
    assert [(int(found[slot // 2]), int(one)) for slot, one in zip(slots, features, strict=True)] == pairs
    assert counts.tolist() == [occurrences.count(pair) for pair in pairs]
    assert [slot % 2 for slot in slots.tolist()] == [int(feature >= 2) for _, feature in pairs]
    totals = sums(len(found), slots, counts.astype(float))
    for text, row in zip(found.tolist(), totals.tolist(), strict=True):
        own = [feature for one, feature in occurrences if one == text]
        assert row == [sum(feature < 2 for feature in own), sum(feature >= 2 for feature in own)]


@given(st.integers(1, 9), st.floats(0, 5))
def test_repetitions_count_less_and_less_and_never_more_than_full_saturation(count: int, length: float) -> None:
    dampings = damping(np.asarray([length]))
    once, again = (saturated(np.asarray([number]), dampings)[0] for number in (count, count + 1))
    assert once < again < 2.2
    assert again - once <= once / count + 1e-9


def test_one_occurrence_in_a_text_of_average_length_counts_one() -> None:
    assert saturated(np.asarray([1]), damping(np.asarray([1.0])))[0] == pytest.approx(1.0)
