"""Who answers: thresholds, choices, and entries that are for people alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import HELLO, HOLIDAYS, HOURS, KNOWLEDGE, REFUND, THREAT

from engine.arbiter import ThresholdArbiter, Verdict
from engine.calibration import NEVER, Thresholds
from engine.dialogue import Candidate, Grade
from engine.understand.tone import Tone

IDS = [entry.id for entry in KNOWLEDGE]
MATTERS = ["refund", "hours", "holidays", "zh-hours"]
chances = st.lists(st.floats(0, 1), max_size=4).map(lambda found: sorted(found, reverse=True))
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
    decision = an_arbiter(answer, clarify, choices=choices).decide(candidates(*found, ids=MATTERS))
    best = found[0] if found else 0.0
    offered = sum(found[: min(choices, len(MATTERS))])
    assert decision.confidence == best
    assert decision.reason
    if not found:
        assert (decision.verdict, decision.grade) == (Verdict.DECLINE, Grade.UNRELATED)
    elif best >= answer:
        assert (decision.verdict, decision.entries) == (Verdict.ANSWER, (KNOWLEDGE[MATTERS[0]],))
        assert (decision.sentence, decision.grade) == ("", None)
    elif offered >= clarify / 2:
        assert decision.verdict is Verdict.CLARIFY
        assert decision.entries == tuple(KNOWLEDGE[name] for name in MATTERS[: len(decision.entries)])
        assert 1 <= len(decision.entries) <= choices
        near = offered < clarify
        assert decision.sentence == ("near_miss" if near else "clarify")
        assert decision.grade is (Grade.NEAR_MISS if near else None)
    else:
        assert (decision.verdict, decision.entries) == (Verdict.DECLINE, ())
        assert (decision.sentence, decision.grade) == ("unsure", Grade.UNRELATED)


def test_exactly_on_the_threshold_is_sure_enough() -> None:
    assert an_arbiter(0.6).decide(candidates(0.6)).verdict is Verdict.ANSWER
    assert an_arbiter(0.6).decide(candidates(0.5999)).verdict is Verdict.CLARIFY
    assert an_arbiter(0.6, 0.3).decide(candidates(0.2, 0.125)).verdict is Verdict.CLARIFY
    assert an_arbiter(0.6, 0.5).decide(candidates(0.25, 0.125)).sentence == "near_miss"
    assert an_arbiter(0.6, 0.5).decide(candidates(0.25)).sentence == "near_miss"
    assert an_arbiter(0.6, 0.5).decide(candidates(0.125, 0.0625)).verdict is Verdict.DECLINE


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
    assert arbiter.decide(candidates(1.0)).sentence == "near_miss"
    assert arbiter.decide(candidates(0.5)).verdict is Verdict.DECLINE
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


def test_greetings_are_answered_and_never_offered() -> None:
    arbiter = an_arbiter()
    assert arbiter.decide(candidates(0.7, ids=["hello"])).entries == (HELLO,)
    torn = arbiter.decide(candidates(0.4, 0.3, 0.1, ids=["hello", "hours", "refund"]))
    assert (torn.verdict, torn.entries, torn.confidence) == (Verdict.CLARIFY, (HOURS, REFUND), 0.4)
    assert arbiter.decide(candidates(0.5, ids=["hello"])).verdict is Verdict.DECLINE


def test_what_is_for_people_alone_may_be_offered() -> None:
    assert an_arbiter().decide(candidates(0.4, 0.3, ids=["threat", "refund"])).entries == (THREAT, REFUND)


@pytest.mark.parametrize(
    ("tone", "sentence", "grade"),
    [
        (Tone.WORDLESS, "wordless", Grade.MEANINGLESS),
        (Tone.MEANINGLESS, "meaningless", Grade.MEANINGLESS),
        (Tone.HOSTILE, "hostile", Grade.HOSTILE),
        (Tone.RUDE, "hostile", Grade.HOSTILE),
    ],
)
@pytest.mark.parametrize("found", [(), (0.1,), (0.5, 0.4)])
def test_what_asks_nothing_has_a_sentence_of_its_own(
    tone: Tone, sentence: str, grade: Grade, found: tuple[float, ...]
) -> None:
    decision = an_arbiter().decide(candidates(*found), tone=tone)
    assert (decision.verdict, decision.sentence, decision.grade) == (Verdict.DECLINE, sentence, grade)
    assert decision.confidence == (found[0] if found else 0.0)


def test_anger_about_a_matter_is_decided_like_any_question() -> None:
    for found in ((0.7,), (0.4,), (0.2,), (0.01,)):
        calm = an_arbiter().decide(candidates(*found))
        assert an_arbiter().decide(candidates(*found), tone=Tone.UPSET) == calm


@pytest.mark.parametrize(
    ("tone", "entry", "verdict"),
    [
        (Tone.WORDLESS, "refund", Verdict.DECLINE),
        (Tone.MEANINGLESS, "refund", Verdict.ANSWER),
        (Tone.RUDE, "refund", Verdict.ANSWER),
        (Tone.HOSTILE, "refund", Verdict.DECLINE),
        (Tone.HOSTILE, "hello", Verdict.ANSWER),
        (Tone.HOSTILE, "threat", Verdict.PERSON),
    ],
)
def test_a_sure_entry_goes_before_the_tone_but_insults_alone_ask_for_no_facts(
    tone: Tone, entry: str, verdict: Verdict
) -> None:
    assert an_arbiter().decide(candidates(0.99, ids=[entry]), tone=tone).verdict is verdict


def test_a_refusal_says_why() -> None:
    assert "no word of any language" in an_arbiter().decide([], tone=Tone.MEANINGLESS).reason
    assert "a near miss" in an_arbiter(0.6, 0.5).decide(candidates(0.3)).reason
