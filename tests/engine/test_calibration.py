"""Thresholds and calibration error against slow references."""

from __future__ import annotations

import json
import random
from dataclasses import fields

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.calibration import LEAST_OFFERED, NEVER, Outcome, Thresholds, calibration_error, fit_answer, fit_clarify

few = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.55, 0.9, 1.0])  # few values, so that there are many ties
confidences = few | st.floats(0, 1)
outcomes = st.lists(st.builds(Outcome, confidences, st.booleans(), confidences, st.booleans()), max_size=25)
rates = st.sampled_from([0.0, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0])


def slow_answer(held_out: list[Outcome], rate: float) -> float:
    def kept(threshold: float) -> bool:
        answered = [outcome for outcome in held_out if outcome.confidence >= threshold]
        return sum(not outcome.right for outcome in answered) <= rate * len(answered)

    return min((outcome.confidence for outcome in held_out if kept(outcome.confidence)), default=NEVER)


def slow_clarify(held_out: list[Outcome], answer: float, useful: float) -> float:
    unsure = [outcome for outcome in held_out if outcome.confidence < answer]

    def kept(threshold: float) -> bool:
        asked = [outcome for outcome in unsure if outcome.offered >= threshold]
        return sum(outcome.among for outcome in asked) >= useful * len(asked)

    return max(LEAST_OFFERED, min((one.offered for one in unsure if kept(one.offered)), default=NEVER))


def slow_error(held_out: list[Outcome], bins: int) -> float:
    error = 0.0
    for place in range(bins):
        inside = [one for one in held_out if min(int(one.confidence * bins), bins - 1) == place]
        if inside:
            mean = sum(one.confidence for one in inside) / len(inside)
            share = sum(one.right for one in inside) / len(inside)
            error += len(inside) / len(held_out) * abs(mean - share)
    return error


@given(outcomes, rates)
def test_the_answer_threshold_equals_its_slow_reference(held_out: list[Outcome], rate: float) -> None:
    assert fit_answer(held_out, max_wrong_rate=rate) == slow_answer(held_out, rate)


@given(outcomes, confidences | st.just(NEVER), st.sampled_from([0.0, 0.5, 0.6, 1.0]))
@example([Outcome(0.1, False, 0.5, True), Outcome(0.1, False, 0.5, False), Outcome(0.1, False, 0.5, False)], 0.5, 0.6)
def test_the_clarify_threshold_equals_its_slow_reference(held_out: list[Outcome], answer: float, useful: float) -> None:
    assert fit_clarify(held_out, answer=answer, useful=useful) == slow_clarify(held_out, answer, useful)


@given(outcomes, st.integers(1, 20))
def test_the_calibration_error_equals_its_slow_reference(held_out: list[Outcome], bins: int) -> None:
    assert calibration_error(held_out, bins=bins) == pytest.approx(slow_error(held_out, bins))


@given(outcomes, rates)
def test_answers_from_the_threshold_on_keep_the_promised_rate(held_out: list[Outcome], rate: float) -> None:
    threshold = fit_answer(held_out, max_wrong_rate=rate)
    answered = [outcome for outcome in held_out if outcome.confidence >= threshold]
    assert sum(not outcome.right for outcome in answered) <= rate * len(answered)


@given(outcomes, rates, rates)
def test_who_allows_more_errors_answers_no_less(held_out: list[Outcome], one: float, other: float) -> None:
    strict, lenient = sorted((one, other))
    assert fit_answer(held_out, max_wrong_rate=lenient) <= fit_answer(held_out, max_wrong_rate=strict)


@given(outcomes, st.randoms(use_true_random=False))
def test_the_order_of_the_questions_decides_nothing(held_out: list[Outcome], chance: random.Random) -> None:
    shuffled = chance.sample(held_out, len(held_out))
    assert fit_answer(shuffled, max_wrong_rate=0.1) == fit_answer(held_out, max_wrong_rate=0.1)
    assert fit_clarify(shuffled, answer=0.5) == fit_clarify(held_out, answer=0.5)
    assert calibration_error(shuffled) == pytest.approx(calibration_error(held_out))


def test_where_nothing_is_known_nothing_is_answered() -> None:
    assert fit_answer([], max_wrong_rate=0.5) == NEVER
    assert fit_clarify([], answer=0.5) == NEVER
    assert calibration_error([]) == 0.0
    assert NEVER > 1


def test_a_wrong_answer_at_the_top_leaves_no_threshold() -> None:
    assert fit_answer([Outcome(1.0, False, 0, False), Outcome(0.9, True, 0, False)], max_wrong_rate=0.1) == NEVER


def test_questions_that_are_answered_are_not_asked_back() -> None:
    assert fit_clarify([Outcome(0.5, True, 0.9, True)], answer=0.5) == NEVER
    assert fit_clarify([Outcome(0.4, False, 0.9, True)], answer=0.5) == 0.9


@pytest.mark.parametrize(
    ("confidence", "right", "error"), [(1.0, True, 0.0), (1.0, False, 1.0), (0.0, False, 0.0), (0.7, True, 0.3)]
)
def test_the_calibration_error_is_the_gap_to_the_truth(confidence: float, right: bool, error: float) -> None:
    assert calibration_error([Outcome(confidence, right, 0, False)] * 3) == pytest.approx(error)


THRESHOLDS = [field.name for field in fields(Thresholds)]


@given(st.fixed_dictionaries(dict.fromkeys(THRESHOLDS, confidences)))
def test_thresholds_survive_their_json_form(values: dict[str, float]) -> None:
    thresholds = Thresholds(**values)
    assert thresholds.to_json() == values
    assert Thresholds.from_json(json.loads(json.dumps(values))) == thresholds


@pytest.mark.parametrize("name", THRESHOLDS)
@pytest.mark.parametrize(("value", "error"), [(None, TypeError), ([], TypeError), ("high", ValueError)])
def test_a_threshold_that_is_no_number_is_refused(name: str, value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        Thresholds.from_json({**dict.fromkeys(THRESHOLDS, 0.5), name: value})


@pytest.mark.parametrize("name", ["answer", "clarify", "generate"])
def test_a_missing_threshold_is_refused(name: str) -> None:
    values = dict.fromkeys(THRESHOLDS, 0.5)
    del values[name]
    with pytest.raises(KeyError):
        Thresholds.from_json(values)
