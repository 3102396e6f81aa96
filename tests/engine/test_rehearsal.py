"""The rehearsal: what is asked was not taught, nothing gets lost, and outcomes say what the ranker would do."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import KNOWLEDGE, BlindRetriever, EvenUnderstander

from engine.calibration import Outcome
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Reading
from engine.ranker import CANDIDATE_FEATURES, NONE_FEATURES, Features, RankerWeights
from engine.retrieval.retriever import HybridRetriever
from engine.training.lesson import questions_of
from engine.training.rehearsal import HIDDEN, Evidence, cases, fit, outcomes, split
from engine.training.report import HeldOut

torch.set_num_threads(1)

LINEAR = CANDIDATE_FEATURES.index("linear")


@st.composite
def knowledges(draw: st.DrawFn) -> Knowledge:
    counts = draw(st.lists(st.integers(1, 12), min_size=2, max_size=40))
    return Knowledge(
        tuple(
            Entry(f"e{place}", f"answer {place}", tuple(f"q{place} {number}" for number in range(count)))
            for place, count in enumerate(counts)
        )
    )


backgrounds = st.integers(0, 100).map(lambda count: tuple(f"background {number}" for number in range(count)))


@settings(deadline=None)
@given(knowledges(), backgrounds, st.integers(0, 99))
def test_nothing_that_is_asked_was_taught_and_every_entry_keeps_a_question(
    knowledge: Knowledge, background: tuple[str, ...], seed: int
) -> None:
    part = split(knowledge, background, seed=seed)
    kept = {question for question, _ in part.knowledge.examples()}
    asked = {text for text, _ in part.asked}
    assert not asked & (kept | set(part.background))
    assert len(asked) == len(part.asked)
    assert all(entry.questions for entry in part.knowledge)


def test_no_question_that_is_asked_was_taught_by_the_name_of_its_intent() -> None:
    knowledge = Knowledge(
        tuple(
            Entry(f"e{place}", "answer", tuple(f"case {n} of {place}" for n in range(4)), intent=f"case_0_of_{place}")
            for place in range(9)
        )
    )
    for turn in range(4):
        part = split(knowledge, (), seed=1, turn=turn)
        taught = {text for text, _ in questions_of(part.knowledge, ())}
        assert not {text for text, _ in part.asked} & taught
        assert any(entry.intent for entry in part.knowledge)  # where the question itself is taught, its name is too


@settings(deadline=None)
@given(knowledges(), backgrounds, st.integers(0, 99))
def test_a_question_is_asked_for_its_own_entry_and_one_of_a_hidden_entry_for_none(
    knowledge: Knowledge, background: tuple[str, ...], seed: int
) -> None:
    part = split(knowledge, background, seed=seed)
    hidden = {entry.id for entry in knowledge} - {entry.id for entry in part.knowledge}
    assert len(hidden) == (len(knowledge) // HIDDEN if len(knowledge) >= HIDDEN else 0)
    owner = {question: entry.id for entry in knowledge for question in entry.questions}
    for text, place in part.asked:
        if place >= 0:
            assert part.knowledge.entries[place].id == owner[text]
        else:
            assert text in background or owner[text] in hidden


@settings(deadline=None)
@given(knowledges(), backgrounds, st.integers(0, 99))
def test_background_is_parted_and_none_of_it_lost(knowledge: Knowledge, background: tuple[str, ...], seed: int) -> None:
    part = split(knowledge, background, seed=seed)
    held_out = {text for text, place in part.asked if place < 0} & set(background)
    assert held_out | set(part.background) == set(background)
    assert len(held_out) <= len(background) / 3


@settings(deadline=None)
@given(knowledges(), st.integers(0, 99))
def test_an_entry_with_one_question_gives_none_away(knowledge: Knowledge, seed: int) -> None:
    part = split(knowledge, (), seed=seed)
    for entry in part.knowledge:
        before = knowledge[entry.id].questions
        given_away = len(before) - len(entry.questions)
        assert given_away == (0 if len(before) <= 1 else max(1, len(before) // 5))
        assert set(entry.questions) <= set(before)


def test_the_same_seed_parts_alike_and_another_one_otherwise() -> None:
    knowledge = Knowledge(tuple(Entry(f"e{n}", f"a{n}", tuple(f"q{n} {m}" for m in range(9))) for n in range(20)))
    assert split(knowledge, (), seed=1) == split(knowledge, (), seed=1)
    assert split(knowledge, (), seed=1) != split(knowledge, (), seed=2)


@settings(deadline=None)
@given(knowledges(), backgrounds, st.integers(0, 99))
def test_every_turn_hides_other_entries_and_holds_out_other_questions(
    knowledge: Knowledge, background: tuple[str, ...], seed: int
) -> None:
    parts = [split(knowledge, background, seed=seed, turn=turn) for turn in range(3)]
    hidden = [entry.id for part in parts for entry in knowledge if entry.id not in part.knowledge]
    inside = [text for part in parts for text, place in part.asked if place >= 0]
    outside = [text for part in parts for text, _ in part.asked if text in background]
    for found in (hidden, inside, outside):
        assert len(set(found)) == len(found)


def test_every_question_is_asked_once_and_keeps_its_right_entries() -> None:
    asked = [(Reading(f"question {number} open", "en"), frozenset([number % 3])) for number in range(130)]
    retriever = HybridRetriever.build(KNOWLEDGE, None)
    found = cases(KNOWLEDGE, EvenUnderstander(len(KNOWLEDGE)), retriever, asked)
    assert [right for _, right in found] == [right for _, right in asked]
    assert all(features.places.tolist() == list(range(len(KNOWLEDGE))) for features, _ in found)


def test_nothing_asked_gives_no_case_and_the_prior_alone() -> None:
    size = len(KNOWLEDGE)
    found = cases(KNOWLEDGE, EvenUnderstander(size), BlindRetriever(size), [])
    weights, judged = fit(found)
    assert (found, judged) == ([], [])
    assert len(weights.candidate) == len(CANDIDATE_FEATURES)


def test_evidence_knows_language_and_entry_of_every_case_and_can_be_joined() -> None:
    size = len(KNOWLEDGE)
    parts = EvenUnderstander(size), BlindRetriever(size)
    asked = [(Reading("when", "en"), frozenset([1, 2])), (Reading("天气", "zh"), frozenset[int]())]
    found = Evidence.gather(KNOWLEDGE, *parts, asked)
    assert (found.locales, found.entries) == (("en", "zh"), ("holidays", ""))  # of two entries the first by name
    joined = Evidence() + found + Evidence.gather(KNOWLEDGE, *parts, asked[:1])
    assert (len(joined.cases), joined.locales, joined.entries) == (3, ("en", "zh", "en"), ("holidays", "", "holidays"))


def test_what_became_of_each_case_stands_beside_its_language_and_entry() -> None:
    found = Evidence((a_case([2.0, 1.0], {0}), a_case([0.0, -1.0], set())), ("en", "zh"), ("refund", ""))
    outcomes = [Outcome(0.9, right=True, offered=1.0, among=True), Outcome(0.4, right=False, offered=0.5, among=False)]
    assert found.held_out(outcomes, 0.6) == [
        HeldOut("refund", "en", in_scope=True, confidence=0.9, right=True, answered=True, raw=1.0),
        HeldOut("", "zh", in_scope=False, confidence=0.4, right=False, answered=False, raw=1.0),
    ]


def a_case(linear: list[float], right: set[int]) -> tuple[Features, frozenset[int]]:
    rows = np.zeros((len(linear), len(CANDIDATE_FEATURES)), np.float32)
    rows[:, LINEAR] = linear
    none = np.zeros(len(NONE_FEATURES), np.float32)
    none[0] = 1.0
    return Features(np.arange(len(linear)), rows, none), frozenset(right)


BY_LINEAR = RankerWeights(tuple(float(name == "linear") for name in CANDIDATE_FEATURES), (0.0,) * len(NONE_FEATURES))


@pytest.mark.parametrize(
    ("right", "is_right", "is_among"),
    [({1}, True, True), ({3}, False, True), ({0}, False, False), (set(), False, False), ({0, 1}, True, True)],
)
def test_an_outcome_says_whether_the_best_was_right_and_the_right_one_among_three(
    right: set[int], is_right: bool, is_among: bool
) -> None:
    (found,) = outcomes([a_case([0.0, 3.0, 2.0, 1.0], right)], BY_LINEAR)
    powers = np.exp([0.0, 3.0, 2.0, 1.0, 0.0])
    assert (found.right, found.among) == (is_right, is_among)
    assert found.confidence == pytest.approx(powers[1] / powers.sum(), rel=1e-4)
    assert found.offered == pytest.approx(powers[1:4].sum() / powers.sum(), rel=1e-4)


def test_every_case_is_judged_once_by_weights_fitted_without_it() -> None:
    # Cases at even places say the opposite of those at odd ones: judged by the other half, all are wrong.
    found = [a_case([3.0, -3.0] if number % 2 else [-3.0, 3.0], {0}) for number in range(40)]
    weights, judged = fit(found)
    assert len(judged) == len(found)
    assert all(np.isfinite(weights.candidate))
    assert [outcome.right for outcome in judged[:20]] == [False] * 20


def test_a_single_case_can_be_fitted() -> None:
    _, judged = fit([a_case([1.0, 0.0], {0})])
    assert len(judged) == 1
