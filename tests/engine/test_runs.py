"""Lists in one array against lists."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.retrieval.runs import Runs

lists = st.lists(st.lists(st.integers(0, 9), max_size=4), max_size=6)


def runs(values: list[list[int]]) -> Runs:
    flat = [value for some in values for value in some]
    return Runs.of(np.asarray([len(some) for some in values], np.int64), np.asarray(flat, np.int32))


def as_lists(found: Runs) -> list[list[int]]:
    return [found.values[begin:end].tolist() for begin, end in zip(found.starts, found.starts[1:], strict=False)]


@given(lists)
def test_lists_come_back(values: list[list[int]]) -> None:
    assert as_lists(runs(values)) == values
    assert len(runs(values)) == len(values)


@given(lists, lists)
def test_joined_lists_follow_each_other(first: list[list[int]], second: list[list[int]]) -> None:
    assert as_lists(Runs.joined([runs(first), runs(second)])) == first + second


@given(lists.filter(len), st.lists(st.integers(0, 100), max_size=5))
def test_some_lists_are_taken_in_any_order_and_as_often_as_wanted(values: list[list[int]], rows: list[int]) -> None:
    chosen = [row % len(values) for row in rows]
    found = runs(values).rows(np.asarray(chosen, np.int64))
    assert as_lists(found) == [values[row] for row in chosen]


@given(lists, st.integers(0, 5))
def test_of_a_list_its_beginning_can_be_taken(values: list[list[int]], most: int) -> None:
    rows = np.arange(len(values))
    lengths = np.minimum(runs(values).lengths(rows), most)
    assert runs(values).taken(rows, lengths).tolist() == [value for some in values for value in some[:most]]


@given(lists)
def test_turned_round_every_value_leads_to_its_lists_as_often_as_it_stands_there(values: list[list[int]]) -> None:
    expected = [[row for row, some in enumerate(values) for found in some if found == value] for value in range(10)]
    assert as_lists(runs(values).inverted(10)) == expected


@given(lists)
def test_sums_are_those_of_the_numbers_that_the_values_stand_for(values: list[list[int]]) -> None:
    numbers = np.arange(10) ** 2
    assert runs(values).sums(numbers).tolist() == [sum(value**2 for value in some) for some in values]
