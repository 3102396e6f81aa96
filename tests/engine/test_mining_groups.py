"""Texts of one meaning come into one group, whatever their number and order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import DrawnEncoder, ThemeEncoder

from engine.base.base import BaseEncoder, shipped
from engine.mining.communities import communities
from engine.mining.graph import Graph, nearest, nearest_of, neighbourhood
from engine.mining.groups import ALONE, grouped
from engine.mining.vectors import Joined
from engine.understand.slots import SlotFinder

REFUND = ["How do I get a refund?", "I want my money back", "refund please", "when will I get my refund"]
HOURS = ["When are you open?", "what are your opening hours", "are you open on Sunday", "opening hours on Monday"]


def a_graph(size: int, *edges: tuple[int, int, float]) -> Graph:
    first, second, weights = zip(*edges, strict=True)
    return Graph(size, np.array(first), np.array(second), np.array(weights, float))


def test_the_base_finds_two_topics_in_eight_questions() -> None:
    labels = grouped([*REFUND, *HOURS], BaseEncoder(shipped(), SlotFinder())).labels
    assert len(set(labels[:4])) == len(set(labels[4:])) == 1
    assert labels[0] != labels[4]


def test_two_cliques_with_one_bridge_are_two_groups() -> None:
    clique = [(a, b, 1.0) for a in range(4) for b in range(a + 1, 4)]
    edges = [*clique, *((a + 4, b + 4, weight) for a, b, weight in clique), (3, 4, 0.5)]
    assert communities(a_graph(200, *edges)).tolist()[:9] == [0, 0, 0, 0, 1, 1, 1, 1, 2]


def test_a_single_clique_is_not_torn_apart_for_being_alone() -> None:
    clique = [(a, b, 1.0) for a in range(4) for b in range(a + 1, 4)]
    assert communities(a_graph(4, *clique)).tolist() == [0, 0, 0, 0]


def test_nothing_is_grouped_where_nothing_is_near() -> None:
    texts = [f"text {number}" for number in range(6)]
    assert len(set(grouped(texts, DrawnEncoder(width=64)).labels.tolist())) == 6


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_texts_are_no_trouble(count: int) -> None:
    grouping = grouped(HOURS[:count], ThemeEncoder("open opening hours"))
    assert len(grouping.labels) == count
    assert grouping.groups <= count


def test_the_same_texts_give_the_same_groups() -> None:
    encoder = BaseEncoder(shipped(), SlotFinder())
    once, twice = (grouped([*REFUND, *HOURS], encoder).labels.tolist() for _ in range(2))
    assert once == twice


def test_texts_beyond_the_most_that_are_compared_join_the_nearest_group() -> None:
    encoder = ThemeEncoder("refund money", "open opening hours")
    refunds = [f"refund money {number}" for number in range(10)]
    hours = [f"opening hours {number}" for number in range(10)]
    texts = [text for both in zip(refunds, hours, strict=True) for text in both]
    grouping = grouped([*texts, "entirely different"], encoder, most=9)
    assert len(grouping.rows) == len(grouping.vectors) == 9
    labels = grouping.labels.tolist()
    assert len(set(labels[0:20:2])) == len(set(labels[1:20:2])) == 1
    assert labels[0] != labels[1]
    assert labels[20] in (ALONE, grouping.groups - 1)


def test_shared_words_bring_texts_together_that_mean_the_same_to_the_encoder() -> None:
    texts = ["card stolen today", "my card stolen", "parcel delayed today", "my parcel delayed"]
    joined = Joined(ThemeEncoder("card parcel stolen delayed today my"), texts).vectors(texts)
    cosines = joined @ joined.T
    assert cosines[0, 1] > cosines[0, 3]
    assert cosines[2, 3] > cosines[2, 1]


@given(st.integers(2, 40), st.integers(0, 5))
@settings(max_examples=30)
def test_nearest_neighbours_are_those_of_the_whole_matrix(size: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(size, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    count = min(3, size - 1)
    whole = vectors @ vectors.T
    np.fill_diagonal(whole, -np.inf)
    _, cosines = nearest(vectors, count)
    assert np.allclose(np.sort(cosines, axis=1), np.sort(whole, axis=1)[:, -count:])
    places, most = nearest_of(vectors, vectors)
    assert places.tolist() == list(range(size))
    assert np.allclose(most, 1.0, atol=1e-5)


@given(st.lists(st.text(max_size=20), max_size=30, unique=True))
@settings(max_examples=40, deadline=None)
def test_any_texts_have_one_group_each_and_groups_are_numbered_without_gaps(texts: list[str]) -> None:
    labels = grouped(texts, DrawnEncoder()).labels
    assert sorted(set(labels.tolist())) == list(range(len(set(labels.tolist()))))
    assert len(labels) == len(texts)


def test_a_graph_has_every_edge_once_and_none_from_a_node_to_itself() -> None:
    vectors = Joined(ThemeEncoder("refund"), REFUND).vectors(REFUND)
    graph = neighbourhood(vectors)
    ends = list(zip(graph.first.tolist(), graph.second.tolist(), strict=True))
    assert len(set(ends)) == len(ends)
    assert all(first < second for first, second in ends)
    assert (graph.weights > 0).all()
