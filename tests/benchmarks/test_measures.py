"""Figures of hand-made answers, and the same figures by slow and obvious ways."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from benchmarks.datasets import Asked
from benchmarks.measures import (
    Ranking,
    auroc,
    average_precision,
    coverage,
    outside_recall,
    quality,
    reciprocal_rank,
)

SCORES = some.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])
ANSWERED = some.lists(some.tuples(SCORES, some.booleans()), min_size=1, max_size=30)
SOME_SCORES = some.lists(SCORES, min_size=1, max_size=20)


def a_question(*right: str) -> Asked:
    return Asked("what?", frozenset(right))


def test_all_figures_of_a_hand_made_set() -> None:
    asked = [a_question("a"), a_question("b"), a_question("c"), a_question()]
    rankings: list[Ranking] = [[("a", 0.9)], [("b", 0.8), ("a", 0.1)], [("a", 0.3), ("c", 0.2)], [("a", 0.5)]]
    found = quality(asked, rankings)
    assert found.accuracy == pytest.approx(2 / 3)
    assert (found.coverage_2, found.coverage_5) == (0.5, 0.5)
    assert found.auroc == pytest.approx(2 / 3)
    assert found.outside_recall == 0.0
    assert found.reciprocal_rank == found.precision == pytest.approx((1 + 1 + 0.5) / 3)


def test_a_threshold_that_keeps_all_in_scope_turns_away_what_lies_below() -> None:
    found = quality([a_question("a"), a_question()], [[("a", 0.9)], [("a", 0.5)]])
    assert (found.auroc, found.outside_recall) == (1.0, 1.0)


def test_without_out_of_scope_questions_there_is_no_figure_for_them() -> None:
    found = quality([a_question("a")], [[("a", 0.9)]])
    assert (found.auroc, found.outside_recall) == (None, None)


def test_a_question_out_of_scope_that_is_answered_is_wrong() -> None:
    asked = [a_question("a")] * 19 + [a_question()]
    assert quality(asked, [[("a", 0.5)]] * 20).coverage_5 == 1.0
    assert quality(asked, [[("a", 0.5)]] * 19 + [[("a", 0.9)]]).coverage_2 == 0.0


def test_an_empty_ranking_is_wrong_and_never_answered() -> None:
    found = quality([a_question("a"), a_question("b"), a_question()], [[("a", -5.0)], [], []])
    assert (found.accuracy, found.coverage_5) == (0.5, pytest.approx(1 / 3))
    assert found.auroc == pytest.approx(0.75)


def test_where_nothing_is_in_scope_there_is_nothing_to_measure() -> None:
    with pytest.raises(ValueError, match="no question is in scope"):
        quality([a_question()], [[("a", 0.9)]])


def test_a_ranking_must_be_there_for_every_question() -> None:
    with pytest.raises(ValueError, match="shorter"):
        quality([a_question("a"), a_question("b")], [[("a", 0.9)]])


@given(ANSWERED, some.sampled_from([0.0, 0.02, 0.05, 0.3]))
def test_coverage_is_that_of_the_best_threshold(answered: list[tuple[float, bool]], rate: float) -> None:
    confidence, right = np.array([score for score, _ in answered]), np.array([fine for _, fine in answered])
    best = 0
    for threshold in confidence:
        taken = confidence >= threshold
        if (~right[taken]).sum() <= rate * taken.sum():
            best = max(best, int(taken.sum()))
    assert coverage(confidence, right, rate) == best / len(answered)


@given(SOME_SCORES, SOME_SCORES)
def test_auroc_is_the_share_of_pairs_in_order(inside: list[float], outside: list[float]) -> None:
    pairs = [(1.0 if one > other else 0.5 if one == other else 0.0) for one in inside for other in outside]
    assert auroc(np.array(inside), np.array(outside)) == pytest.approx(sum(pairs) / len(pairs))


def test_auroc_needs_both_sides() -> None:
    with pytest.raises(ValueError, match="both needed"):
        auroc(np.array([1.0]), np.array([]))


@given(SOME_SCORES, SOME_SCORES, some.sampled_from([0.5, 0.9, 0.95, 1.0]))
def test_recall_outside_uses_the_highest_threshold_that_keeps_enough(
    inside: list[float], outside: list[float], kept: float
) -> None:
    allowed = [score for score in inside if sum(one >= score for one in inside) >= kept * len(inside) - 1e-9]
    declined = sum(score < max(allowed) for score in outside) / len(outside)
    assert outside_recall(np.array(inside), np.array(outside), kept=kept) == declined


def test_precision_counts_every_right_label_and_the_reciprocal_rank_the_first() -> None:
    ranking = [("x", 0.9), ("a", 0.8), ("y", 0.7), ("b", 0.6)]
    assert reciprocal_rank(ranking, {"a", "b"}) == 0.5
    assert average_precision(ranking, {"a", "b"}) == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert average_precision(ranking, {"a", "missing"}) == 0.25
    assert reciprocal_rank(ranking, {"missing"}) == 0.0
    with pytest.raises(ValueError, match="no label is right"):
        average_precision(ranking, set())
