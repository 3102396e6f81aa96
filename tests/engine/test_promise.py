"""The promise: exact tails against slow references, and a rate that is kept on questions that were not used."""

from __future__ import annotations

import json
import math
import random
from dataclasses import fields, replace
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.calibration import NEVER, Outcome, fit_answer
from engine.promise import (
    Promise,
    binomial_bound,
    binomial_tail,
    fit_promise,
    halving_tail,
    promised_threshold,
)

few = st.sampled_from([0.0, 0.1, 0.5, 0.9, 0.99, 1.0])  # few values, so that there are many ties
confidences = few | st.floats(0, 1)
rates = st.sampled_from([0.0, 0.01, 0.02, 0.05, 0.29, 0.5, 1.0])


def an_outcome(confidence: float, right: bool = True) -> Outcome:
    return Outcome(confidence, right, confidence, right)


held_outs = st.lists(
    st.tuples(confidences, st.sampled_from([True, True, True, False]), st.sampled_from([1, 1, 40, 300])), max_size=12
).map(lambda groups: [an_outcome(confidence, right) for confidence, right, count in groups for _ in range(count)])


def questions(chance: random.Random, count: int, *, right: float = 0.95, outside: float = 0.08) -> list[Outcome]:
    """Questions whose confidence says how often they are right, in and out of scope, with some wrong at the top."""
    found = []
    for _ in range(count):
        good = chance.random() < right and chance.random() >= outside
        score = chance.gauss(3.5 if good else 0.2, 1.7)
        found.append(an_outcome(1 / (1 + math.exp(-score)), good))
    return found


def slow_binomial_tail(wrong: int, answered: int, rate: Fraction) -> Fraction:
    return sum(
        (math.comb(answered, one) * rate**one * (1 - rate) ** (answered - one) for one in range(wrong + 1)), Fraction(0)
    )


def slow_halving(wrong: int, answered: int, allowed: int, total: int) -> Fraction:
    """At most ``wrong`` of ``total`` wrong answers in the first half, more than ``allowed`` in the second."""
    ways = (
        math.comb(answered, first) * math.comb(answered, total - first)
        for first in range(min(wrong, total) + 1)
        if allowed < total - first <= answered
    )
    return Fraction(sum(ways), math.comb(2 * answered, total))


@given(st.integers(0, 60), st.integers(0, 60), st.integers(1, 99))
def test_the_binomial_tail_equals_its_slow_reference(one: int, other: int, percent: int) -> None:
    wrong, answered = sorted((one, other))
    expected = float(slow_binomial_tail(wrong, answered, Fraction(percent, 100)))
    assert binomial_tail(wrong, answered, percent / 100) == pytest.approx(expected, rel=1e-9)


@given(st.integers(0, 12), st.integers(0, 12), st.integers(1, 12))
def test_the_halving_tail_is_the_worst_over_all_numbers_of_wrong_answers(
    wrong: int, allowed: int, answered: int
) -> None:
    wrong = min(wrong, answered)
    worst = max(slow_halving(wrong, answered, allowed, total) for total in range(2 * answered + 1))
    assert halving_tail(wrong, answered, allowed) == pytest.approx(float(worst), rel=1e-9)


@pytest.mark.parametrize(
    ("wrong", "answered", "bound"),
    [(0, 1, 0.95), (0, 100, 0.029513), (1, 10, 0.394163), (5, 10, 0.777559), (10, 10, 1.0), (0, 0, 1.0)],
)
def test_the_bound_is_the_one_in_the_tables(wrong: int, answered: int, bound: float) -> None:
    assert binomial_bound(wrong, answered, doubt=0.05) == pytest.approx(bound, abs=1e-6)


@settings(deadline=None)
@given(st.integers(0, 5000), st.integers(1, 100_000), st.sampled_from([0.001, 0.05, 0.5]))
@example(wrong=0, answered=100_000, doubt=0.05)
@example(wrong=99_999, answered=100_000, doubt=0.001)
def test_at_the_bound_so_few_wrong_ones_have_just_the_doubt_as_probability(
    wrong: int, answered: int, doubt: float
) -> None:
    bound = binomial_bound(min(wrong, answered), answered, doubt=doubt)
    assert bound >= min(wrong, answered) / answered
    assert bound == 1 or binomial_tail(wrong, answered, bound) == pytest.approx(doubt, rel=1e-3)


@pytest.mark.parametrize(
    ("wrong", "answered", "doubt"), [(2, 1, 0.05), (-1, 1, 0.05), (0, 1, 0.0), (0, 1, 1.0), (0, 1, math.nan)]
)
def test_a_bound_of_impossible_counts_is_refused(wrong: int, answered: int, doubt: float) -> None:
    with pytest.raises(ValueError, match=r"no count|between 0 and 1"):
        binomial_bound(wrong, answered, doubt=doubt)


@settings(deadline=None, max_examples=40)
@given(held_outs, rates)
def test_a_promise_is_proved_by_the_held_out_questions_and_else_the_observed_rate_decides(
    held_out: list[Outcome], rate: float
) -> None:
    promise = fit_promise(held_out, max_wrong_rate=rate)
    answered = [one for one in held_out if one.confidence >= promise.threshold]
    assert (promise.questions, promise.answered) == (len(held_out), len(answered))
    assert promise.wrong == sum(not one.right for one in answered)
    assert promise.bound == binomial_bound(promise.wrong, promise.answered, doubt=0.05)
    assert promise.kept is (promised_threshold(held_out, max_wrong_rate=rate) is not None)
    if promise.kept:
        assert promise.bound <= rate
        assert promise.answered
        assert promise.promisable is not None
        assert promise.promisable <= rate
    else:
        assert promise.threshold == fit_answer(held_out, max_wrong_rate=rate)
        assert promise.promisable is None or promise.promisable > rate
    assert promise.needed is None or promise.kept or promise.needed > len(held_out)


@settings(deadline=None, max_examples=40)
@given(held_outs, st.randoms(use_true_random=False))
def test_the_order_of_the_questions_decides_nothing(held_out: list[Outcome], chance: random.Random) -> None:
    shuffled = chance.sample(held_out, len(held_out))
    assert fit_promise(shuffled, max_wrong_rate=0.05) == fit_promise(held_out, max_wrong_rate=0.05)


@pytest.mark.parametrize("rate", [0.02, 0.05])
def test_the_rate_is_kept_on_the_unseen_half_in_95_of_100_halvings(rate: float) -> None:
    chance = random.Random(3)
    pool = questions(chance, 3000)
    kept = {"promise": 0, "observed": 0}
    answered = 0
    for _ in range(200):
        chance.shuffle(pool)
        seen, unseen = pool[:1500], pool[1500:]
        threshold = promised_threshold(seen, max_wrong_rate=rate)
        kept["promise"] += threshold is None or keeps(unseen, threshold, rate)
        kept["observed"] += keeps(unseen, fit_answer(seen, max_wrong_rate=rate), rate)
        answered += threshold is not None
    assert kept["promise"] >= 190
    assert kept["observed"] < 150  # so the check is one that can be failed
    assert answered >= 150


def keeps(unseen: list[Outcome], threshold: float, rate: float) -> bool:
    answered = [one for one in unseen if one.confidence >= threshold]
    return sum(not one.right for one in answered) <= rate * len(answered)


def test_a_true_rate_a_hair_above_the_promised_one_is_promised_in_5_of_100_draws_at_most() -> None:
    chance = random.Random(5)
    promised = 0
    for _ in range(300):
        held_out = [an_outcome(chance.choice([0.7, 0.9, 0.97, 0.99]), chance.random() >= 0.0501) for _ in range(800)]
        promised += promised_threshold(held_out, max_wrong_rate=0.05) is not None
    assert promised <= 15


def test_who_allows_more_errors_gets_at_least_as_many_answers() -> None:
    held_out = questions(random.Random(1), 3000)
    promises = [fit_promise(held_out, max_wrong_rate=rate) for rate in (0.02, 0.03, 0.05, 0.1, 0.3, 1.0)]
    assert all(promise.kept for promise in promises)
    assert [promise.coverage for promise in promises] == sorted(promise.coverage for promise in promises)
    assert promises[-1].coverage == 1.0


def test_the_lowest_promisable_rate_is_one_that_is_promised_with_that_coverage() -> None:
    held_out = questions(random.Random(2), 400)
    promise = fit_promise(held_out, max_wrong_rate=0.01)
    assert not promise.kept
    assert promise.promisable is not None
    lowest = fit_promise(held_out, max_wrong_rate=promise.promisable)
    assert lowest.kept
    assert lowest.coverage == promise.promisable_coverage
    assert lowest.promisable == promise.promisable


def test_with_as_many_questions_as_it_says_are_needed_the_rate_can_mostly_be_promised() -> None:
    chance = random.Random(4)
    needed = fit_promise(questions(chance, 600), max_wrong_rate=0.03).needed
    assert needed is not None
    assert needed < 6000
    kept = sum(
        promised_threshold(questions(chance, needed), max_wrong_rate=0.03) is not None
        and promised_threshold(questions(chance, needed // 8), max_wrong_rate=0.03) is None
        for _ in range(20)
    )
    assert kept >= 10


@pytest.mark.parametrize(
    ("held_out", "rate", "threshold"),
    [
        ([], 0.05, NEVER),
        ([], 1.0, NEVER),
        ([an_outcome(0.9, False)] * 500, 0.05, NEVER),
        ([an_outcome(0.9)] * 500, 0.0, 0.9),
        ([an_outcome(0.9)] * 20, 0.05, 0.9),
        ([an_outcome(0.95, False), *[an_outcome(0.9)] * 10], 0.05, NEVER),
    ],
    ids=["none", "none, all allowed", "all wrong", "nothing allowed", "too few", "wrong at the top"],
)
def test_what_proves_nothing_is_not_promised(held_out: list[Outcome], rate: float, threshold: float) -> None:
    promise = fit_promise(held_out, max_wrong_rate=rate)
    assert not promise.kept
    assert promise.threshold == threshold
    assert promise.sentence()


def test_equal_confidences_are_answered_together_or_not_at_all() -> None:
    right, mixed = [an_outcome(0.99)] * 300, [an_outcome(0.6, place % 3 > 0) for place in range(300)]
    promise = fit_promise(right + mixed, max_wrong_rate=0.05)
    assert promise.kept
    assert (promise.answered, promise.wrong) == (300, 0)
    assert 0.6 < promise.threshold <= 0.99
    assert fit_promise(right * 2, max_wrong_rate=0.05).coverage == 1.0


def test_a_cluster_of_wrong_answers_does_not_hide_the_good_ones_below_it() -> None:
    sure, cluster, many = [an_outcome(0.99)] * 400, [an_outcome(0.96, False)] * 40, [an_outcome(0.92)] * 2000
    assert fit_promise(sure + cluster, max_wrong_rate=0.05).answered == 400
    assert fit_promise(sure + cluster + many, max_wrong_rate=0.05).answered == 2440


def test_all_wrong_is_promised_where_all_may_be_wrong() -> None:
    promise = fit_promise([an_outcome(0.1, False)] * 3, max_wrong_rate=1.0)
    assert promise.kept
    assert (promise.threshold, promise.wrong) == (0.0, 3)


@pytest.mark.parametrize("confidence", [math.nan, math.inf, -0.1, 1.5])
def test_a_confidence_that_is_none_is_refused(confidence: float) -> None:
    with pytest.raises(ValueError, match="a held-out question has a confidence that is no number between 0 and 1"):
        fit_promise([an_outcome(confidence)], max_wrong_rate=0.1)


@pytest.mark.parametrize("rate", [math.nan, -0.01, 1.01])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="a rate of wrong answers lies between 0 and 1"):
        promised_threshold([], max_wrong_rate=rate)


A_PROMISE = Promise(
    rate=0.02, level=0.95, threshold=0.8, kept=True, bound=0.014, questions=3200, answered=2592, wrong=26,
    promisable=0.015, promisable_coverage=0.7, needed=3200,
)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {},
            "of the questions it answers at most 2% will be wrong, with 95% confidence; it answered 81.0% of 3,200 "
            "held-out questions",
        ),
        (
            {"kept": False, "questions": 312, "answered": 200, "wrong": 3, "needed": 1371, "promisable": 0.045},
            "2% wrong answers cannot be promised from 312 held-out questions: that is too few to be sure; about 1,400 "
            "would do if it goes on as on these, so give more questions an entry, or real questions with known answers "
            "for validation; 4.5% could be promised, answering 70.0%; for now it answers where the rate was met on "
            "these questions (3 wrong of 200 answered), without a promise",
        ),
        (
            {"kept": False, "questions": 1, "answered": 0, "wrong": 0, "needed": None, "promisable": None},
            "2% wrong answers cannot be promised from 1 held-out question: no number of such questions that anyone "
            "collects would do; more ways to ask for the entries that it confuses help, or a higher rate; for now it "
            "answers nothing by itself",
        ),
        (
            {"kept": False, "questions": 0, "answered": 0, "wrong": 0, "needed": 228, "promisable": None},
            "2% wrong answers cannot be promised: there are none to judge by; at least 230 real questions with known "
            "answers are needed",
        ),
    ],
    ids=["kept", "too few", "hopeless", "none"],
)
def test_the_sentence_says_what_is_promised_or_what_would_help(changes: dict[str, object], sentence: str) -> None:
    assert replace(A_PROMISE, **changes).sentence() == sentence


@settings(deadline=None, max_examples=40)
@given(held_outs, rates)
def test_a_promise_survives_its_json_form(held_out: list[Outcome], rate: float) -> None:
    promise = fit_promise(held_out, max_wrong_rate=rate)
    assert Promise.from_json(json.loads(json.dumps(promise.to_json(), allow_nan=False))) == promise


@pytest.mark.parametrize("name", [field.name for field in fields(Promise)])
def test_a_promise_with_a_part_missing_or_of_another_kind_is_refused(name: str) -> None:
    data = A_PROMISE.to_json()
    with pytest.raises((TypeError, ValueError)):
        Promise.from_json({**data, name: "many"})
    del data[name]
    with pytest.raises(KeyError):
        Promise.from_json(data)
