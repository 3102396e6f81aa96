"""Fitting the ranker: it learns which evidence tells, and keeps to what is known where there is little."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from engine.ranker import CANDIDATE_FEATURES, NONE_FEATURES, Features, RankerWeights, probabilities
from engine.training.fusion import NONE_PRIOR, PRIOR, UNTRIED, fit_goes_on, fit_ranker, for_follow_ups

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


GOES_ON = CANDIDATE_FEATURES.index("goes_on")


def told(count: int, *, tells: float, seed: int = 0) -> list[tuple[Features, int]]:
    """Cases between which other evidence hardly tells, and where the conversation so far is right so often."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        right = int(chance.integers(4))
        features, place = a_case(chance, telling="goes_on", right=right)
        features.candidates[:, GOES_ON] = 0.0
        features.candidates[right if chance.random() < tells else (right + 1) % 4, GOES_ON] = 2.0
        found.append((features, place))
    return found


def without(found: list[tuple[Features, int]]) -> list[tuple[Features, int]]:
    """The same cases with nothing said before."""
    blind = []
    for features, place in found:
        rows = features.candidates.copy()
        rows[:, GOES_ON] = 0.0
        blind.append((Features(features.places, rows, features.none), place))
    return blind


def test_what_was_said_before_counts_where_it_tells() -> None:
    found = told(80, tells=0.9)
    weights = fit_goes_on(found, fit_ranker(without(found)))
    assert weight(weights, "goes_on") > 0.5
    blind = fit_ranker(without(found))
    right = [int(probabilities(features, weights).argmax()) == place - 10 for features, place in found]
    before = [int(probabilities(features, blind).argmax()) == place - 10 for features, place in found]
    assert sum(right) > sum(before)


def test_the_other_weights_are_fitted_as_if_nothing_had_been_said_before() -> None:
    found = told(80, tells=0.9)
    assert fit_ranker(found).forgetful() == fit_ranker(without(found))
    assert fit_ranker(found) == fit_goes_on(found, fit_ranker(without(found)))


@pytest.mark.parametrize("found", [told(80, tells=0.25), told(10, tells=1.0)], ids=["it misleads", "too few"])
def test_what_was_said_before_counts_for_nothing_where_that_proves_no_better(
    found: list[tuple[Features, int]],
) -> None:
    assert weight(fit_goes_on(found, fit_ranker(without(found))), "goes_on") == 0.0


def test_without_a_conversation_its_weight_stays_as_it_was() -> None:
    known = fit_ranker(cases("grams"))
    goal = RankerWeights((*known.candidate[:-1], 0.7), known.none)
    blind = without(told(40, tells=1.0))
    assert fit_goes_on(blind, goal) == goal
    assert weight(fit_ranker(blind, towards=goal), "goes_on") == 0.7
