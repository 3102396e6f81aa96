"""Fitting the ranker: it learns which evidence tells, and keeps to what is known where there is little."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.ranker import CANDIDATE_FEATURES, NONE_FEATURES, Features, RankerWeights, probabilities
from engine.training.fusion import NONE_PRIOR, PRIOR, UNTRIED, fit_ranker, for_follow_ups

torch.set_num_threads(1)


def a_case(chance: np.random.Generator, *, telling: str, right: int | None, size: int = 4) -> tuple[Features, int]:
    """Candidates of which one stands out by a single feature; the places are not the row numbers."""
    places = np.arange(size) + 10
    rows = chance.normal(0, 0.3, (size, len(CANDIDATE_FEATURES))).astype(np.float32)
    none = chance.normal(0, 0.3, len(NONE_FEATURES)).astype(np.float32)
    none[0] = 1.0
    rows[:, CANDIDATE_FEATURES.index(telling)] = 0.0
    if right is not None:
        rows[right, CANDIDATE_FEATURES.index(telling)] = 3.0
    return Features(places, rows, none), -1 if right is None else int(places[right])


def cases(telling: str, count: int = 60) -> list[tuple[Features, int]]:
    chance = np.random.default_rng(0)
    rights = [None if number % 3 == 0 else number % 4 for number in range(count)]
    return [a_case(chance, telling=telling, right=right) for right in rights]


def weight(weights: RankerWeights, name: str) -> float:
    return weights.candidate[CANDIDATE_FEATURES.index(name)]


@pytest.mark.parametrize("telling", ["grams", "understanding", "meaning", "other_language"])
def test_the_evidence_that_tells_right_from_wrong_is_learned(telling: str) -> None:
    weights = fit_ranker(cases(telling))
    assert weight(weights, telling) > PRIOR.get(telling, 0.0)
    for features, place in cases(telling):
        chances = probabilities(features, weights)
        expected = len(chances) - 1 if place < 0 else place - 10
        assert int(chances.argmax()) == expected


def test_without_cases_the_weights_are_those_for_the_untried() -> None:
    weights = fit_ranker([])
    assert dict(zip(CANDIDATE_FEATURES, weights.candidate, strict=True)) == pytest.approx(
        {name: UNTRIED.get(name, 0.0) for name in CANDIDATE_FEATURES}
    )
    assert len(weights.none) == len(NONE_FEATURES)


def test_a_strong_ridge_keeps_the_weights_where_they_were() -> None:
    weights = fit_ranker(cases("grams"), strength=1e5)
    prior = [PRIOR.get(name, 0.0) for name in CANDIDATE_FEATURES]
    np.testing.assert_allclose(weights.candidate, prior, atol=0.01)
    np.testing.assert_allclose(weights.none, [NONE_PRIOR.get(name, 0.0) for name in NONE_FEATURES], atol=0.01)


def test_a_strong_ridge_pulls_towards_the_weights_that_are_named() -> None:
    goal = for_follow_ups(fit_ranker(cases("grams")))
    weights = fit_ranker(cases("grams"), towards=goal, strength=1e5)
    np.testing.assert_allclose(weights.candidate, goal.candidate, atol=0.01)


def test_before_any_follow_up_was_seen_the_topic_counts() -> None:
    alone = fit_ranker(cases("grams"))
    place = CANDIDATE_FEATURES.index("near_topic")
    assert for_follow_ups(alone).candidate[place] > alone.candidate[place]


def test_a_right_entry_that_is_no_candidate_counts_as_none() -> None:
    known = cases("grams")
    missing = [(features, 99 if place < 0 else place) for features, place in known]
    assert fit_ranker(missing) == fit_ranker(known)


def test_cases_with_different_numbers_of_candidates_are_fitted_together() -> None:
    chance = np.random.default_rng(1)
    mixed = [a_case(chance, telling="grams", right=number % 2, size=2 + number % 5) for number in range(40)]
    weights = fit_ranker(mixed)
    assert all(np.isfinite([*weights.candidate, *weights.none]))
    assert all(int(probabilities(features, weights).argmax()) == place - 10 for features, place in mixed)


def test_the_same_cases_give_the_same_weights() -> None:
    assert fit_ranker(cases("grams")) == fit_ranker(cases("grams"))


def test_every_prior_belongs_to_a_feature() -> None:
    assert set(PRIOR) <= set(CANDIDATE_FEATURES)
