"""Who answers: thresholds, choices, and entries that are for people alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import HOLIDAYS, HOURS, KNOWLEDGE, REFUND, THREAT

from engine.arbiter import ThresholdArbiter, Verdict
from engine.calibration import NEVER, Thresholds
from engine.dialogue import Candidate

IDS = [entry.id for entry in KNOWLEDGE]
chances = st.lists(st.floats(0, 1), max_size=len(IDS)).map(lambda found: sorted(found, reverse=True))
unit = st.floats(0, 1)


def candidates(*found: float, ids: list[str] | None = None) -> list[Candidate]:
    names = ids or IDS
    return [Candidate(name, "", confidence) for name, confidence in zip(names, found, strict=False)]


def an_arbiter(answer: float = 0.6, clarify: float = 0.3, *, choices: int = 3) -> ThresholdArbiter:
    return ThresholdArbiter(KNOWLEDGE, Thresholds(answer, clarify, 0.9), choices=choices)


@given(chances, unit, unit, st.integers(1, 4))
def test_every_question_is_answered_asked_back_or_declined_as_the_thresholds_say(
    found: list[float], answer: float, clarify: float, choices: int
) -> None:
    decision = an_arbiter(answer, clarify, choices=choices).decide(candidates(*found))
    best = found[0] if found else 0.0
    assert decision.confidence == best
    assert decision.reason
    if not found:
        assert decision.verdict is Verdict.DECLINE
    elif best >= answer:
        assert decision.verdict is Verdict.ANSWER
        assert decision.entries == (KNOWLEDGE[IDS[0]],)
    elif sum(found[:choices]) >= clarify:
        assert decision.verdict is Verdict.CLARIFY
        assert 1 <= len(decision.entries) <= choices
        assert decision.entries == KNOWLEDGE.entries[: len(decision.entries)]
    else:
        assert (decision.verdict, decision.entries) == (Verdict.DECLINE, ())


def test_exactly_on_the_threshold_is_sure_enough() -> None:
    assert an_arbiter(0.6).decide(candidates(0.6)).verdict is Verdict.ANSWER
    assert an_arbiter(0.6).decide(candidates(0.5999)).verdict is Verdict.CLARIFY
    assert an_arbiter(0.6, 0.3).decide(candidates(0.2, 0.125)).verdict is Verdict.CLARIFY
    assert an_arbiter(0.6, 0.3).decide(candidates(0.2, 0.05)).verdict is Verdict.DECLINE


def test_a_follow_up_must_reach_the_higher_of_two_thresholds() -> None:
    arbiter = ThresholdArbiter(KNOWLEDGE, Thresholds(0.6, 0.3, 0.9, 0.8), choices=3)
    assert arbiter.decide(candidates(0.7)).verdict is Verdict.ANSWER
    assert arbiter.decide(candidates(0.7), follow_up=True).verdict is Verdict.CLARIFY
    assert arbiter.decide(candidates(0.8), follow_up=True).verdict is Verdict.ANSWER
    assert an_arbiter(0.6).decide(candidates(0.59), follow_up=True).verdict is Verdict.CLARIFY


def test_far_less_likely_entries_are_not_offered() -> None:
    decision = an_arbiter().decide(candidates(0.5, 0.2, 0.09))
    assert decision.entries == (REFUND, HOURS)


def test_an_entry_for_people_alone_is_handed_to_one() -> None:
    decision = an_arbiter().decide(candidates(0.7, 0.1, ids=["threat", "refund"]))
    assert (decision.verdict, decision.entries) == (Verdict.PERSON, (THREAT,))


def test_a_threshold_of_never_is_reached_by_no_confidence() -> None:
    arbiter = an_arbiter(NEVER, NEVER)
    assert arbiter.decide(candidates(1.0)).verdict is Verdict.DECLINE
    assert not ThresholdArbiter(KNOWLEDGE, Thresholds(0, 0, NEVER), choices=3).may_speak(1.0)


def test_the_reason_holds_the_confidence_and_the_threshold() -> None:
    assert an_arbiter(0.6).decide(candidates(0.7)).reason == "confidence 0.70 reaches the threshold 0.60"
    assert "0.20 is below the threshold 0.60" in an_arbiter(0.6, 0.9).decide(candidates(0.2)).reason
    assert an_arbiter().decide([]).reason == "no entry came into question"


@pytest.mark.parametrize(("confidence", "may"), [(0.9, True), (0.8999, False), (1.0, True), (0.0, False)])
def test_the_generator_speaks_only_when_sure(confidence: float, may: bool) -> None:
    assert an_arbiter().may_speak(confidence) is may


def test_a_single_choice_offers_the_likeliest_entry_alone() -> None:
    decision = an_arbiter(choices=1).decide(candidates(0.4, 0.35, ids=["holidays", "hours"]))
    assert decision.entries == (HOLIDAYS,)
