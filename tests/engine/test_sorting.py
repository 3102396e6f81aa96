"""What is found by sorting, against the plain way to find it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.retrieval.sorting import distinct, firsts, highest, numbered, ranks

numbers = st.lists(st.integers(-5, 5), max_size=12)


@given(numbers)
def test_distinct_numbers_are_ascending_and_begin_where_firsts_says(values: list[int]) -> None:
    assert distinct(np.asarray(values, np.int64)).tolist() == sorted(set(values))
    ordered = sorted(values)
    assert firsts(np.asarray(ordered, np.int64)).tolist() == sorted({ordered.index(value) for value in values})


@given(numbers)
def test_numbered_values_lead_back_to_themselves(values: list[int]) -> None:
    found, places = numbered(np.asarray(values, np.int32))
    assert found.tolist() == sorted(set(values))
    assert found[places].tolist() == values


@given(numbers)
def test_a_rank_is_how_many_equal_ones_stand_before(values: list[int]) -> None:
    assert ranks(np.asarray(values, np.int64)).tolist() == [values[:at].count(one) for at, one in enumerate(values)]


@given(numbers, st.integers(1, 14))
def test_the_highest_come_first_and_of_equals_the_first(values: list[int], count: int) -> None:
    found = highest(np.asarray(values, np.float64), count)
    assert found.tolist() == sorted(range(len(values)), key=lambda at: (-values[at], at))[:count]
