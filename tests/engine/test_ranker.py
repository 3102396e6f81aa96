"""The ranker: its features say what their names say, its confidences are a distribution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import CHINESE, HOLIDAYS, HOURS, KNOWLEDGE, REFUND, some_evidence

from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Reading, Understanding
from engine.ranker import (
    CANDIDATE_FEATURES,
    NONE_FEATURES,
    Features,
    LearnedRanker,
    RankerWeights,
    probabilities,
)

SIZE = len(KNOWLEDGE)
numbers = st.floats(-30, 30, width=32)
scores = st.lists(st.floats(-5, 5, width=32), min_size=SIZE, max_size=SIZE)
ZERO = RankerWeights((0.0,) * len(CANDIDATE_FEATURES), (0.0,) * len(NONE_FEATURES))


def weighing(**weights: float) -> RankerWeights:
    """Weights of the named candidate features, and of nothing else."""
    return RankerWeights(tuple(weights.get(name, 0.0) for name in CANDIDATE_FEATURES), ZERO.none)


def understood(values: list[float] | None = None, outside: float = -2.0) -> Understanding:
    return Understanding(np.asarray(values or [-2.0] * SIZE, np.float32), outside, np.ones(1, np.float32))


def features(reading: Reading, understanding: Understanding | None = None, **evidence: list[float]) -> Features:
    found = some_evidence(SIZE, **evidence)
    return LearnedRanker(KNOWLEDGE, ZERO, ZERO).features(reading, understanding or understood(), found)


def column(found: Features, name: str) -> dict[str, float]:
    """A candidate feature by the id of its entry."""
    values = found.candidates[:, CANDIDATE_FEATURES.index(name)]
    return {KNOWLEDGE.entries[place].id: float(value) for place, value in zip(found.places, values, strict=True)}


@given(
    st.lists(st.lists(numbers, min_size=2, max_size=2), min_size=1, max_size=6),
    st.tuples(numbers, numbers),
    numbers,
    numbers,
)
def test_probabilities_are_the_softmax_of_weighted_sums_and_sum_to_one(
    rows: list[list[float]], weights: tuple[float, float], none: float, of_none: float
) -> None:
    found = Features(np.arange(len(rows)), np.asarray(rows, np.float32), np.asarray([none], np.float32))
    chances = probabilities(found, RankerWeights(weights, (of_none,)))
    sums = np.asarray([*(row[0] * weights[0] + row[1] * weights[1] for row in rows), none * of_none], float)
    powers = np.exp(sums - sums.max())
    assert float(chances.sum()) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(chances, powers / powers.sum(), atol=1e-3)


@given(scores, scores, scores, scores)
def test_a_lead_is_the_distance_to_the_best_other(
    heard: list[float], linear: list[float], meaning: list[float], grams: list[float]
) -> None:
    found = features(Reading("refund", "en"), understood(heard), linear=linear, meaning=meaning, grams=grams)
    for name in ("understanding", "linear", "meaning", "grams"):
        own, leads = column(found, name), column(found, f"{name}_lead")
        for entry, lead in leads.items():
            best_other = max(value for other, value in own.items() if other != entry)
            ahead = own[entry] - best_other
            assert lead == pytest.approx(ahead if ahead > 0 else own[entry] - max(own.values()), abs=1e-5)


def test_a_candidate_without_rivals_has_no_lead() -> None:
    ranker = LearnedRanker(Knowledge((REFUND,)), ZERO, ZERO)
    found = ranker.features(Reading("refund", "en"), understood([-1.0]), some_evidence(1, linear=[0.7]))
    assert found.candidates[0, CANDIDATE_FEATURES.index("linear_lead")] == 0


def test_an_entry_of_another_language_than_the_question_is_marked() -> None:
    in_english = column(features(Reading("when", "en")), "other_language")
    in_chinese = column(features(Reading("几点", "zh")), "other_language")
    assert in_english == {entry.id: float(entry is CHINESE) for entry in KNOWLEDGE}
    assert in_chinese == {entry.id: float(entry is not CHINESE) for entry in KNOWLEDGE}


def test_an_entry_without_a_language_is_foreign_to_none() -> None:
    knowledge = Knowledge((Entry("any", "42", ("what",)), REFUND))
    ranker = LearnedRanker(knowledge, ZERO, ZERO)
    found = ranker.features(Reading("什么", "zh"), understood([-1.0, -1.0]), some_evidence(2))
    assert found.candidates[:, CANDIDATE_FEATURES.index("other_language")].tolist() == [0.0, 1.0]


def test_the_topic_counts_for_a_follow_up_alone() -> None:
    follow_up = features(Reading("and on sundays", "en", HOURS))
    assert column(follow_up, "same_topic") == {entry.id: float(entry is HOURS) for entry in KNOWLEDGE}
    assert column(follow_up, "near_topic") == {entry.id: float(entry in (HOURS, HOLIDAYS)) for entry in KNOWLEDGE}
    afresh = features(Reading("and on sundays", "en"))
    assert not any(column(afresh, "same_topic").values())
    assert not any(column(afresh, "near_topic").values())


def test_only_the_entries_of_the_evidence_are_ranked() -> None:
    evidence = replace(some_evidence(2, fuzzy=[0.25, 0.5]), places=np.asarray([1, 5]))
    found = LearnedRanker(KNOWLEDGE, ZERO, ZERO).features(Reading("open", "en"), understood(), evidence)
    assert column(found, "fuzzy") == {"hours": 0.25, "greeting": 0.5}
    ranked = LearnedRanker(KNOWLEDGE, weighing(fuzzy=1.0), ZERO).rank(Reading("open", "en"), understood(), evidence)
    assert [candidate.entry for candidate in ranked] == ["greeting", "hours"]


def test_the_meaning_of_questions_and_of_answers_count_apart() -> None:
    evidence = some_evidence(2, meaning=[0.75, 0.25], meaning_of_answer=[0.125, 0.5])
    found = LearnedRanker(KNOWLEDGE, ZERO, ZERO).features(Reading("open", "en"), understood(), evidence)
    assert column(found, "meaning") == {"refund": 0.75, "hours": 0.25}
    assert column(found, "meaning_of_answer") == {"refund": 0.125, "hours": 0.5}


def test_an_entry_that_came_after_training_is_as_unlikely_as_can_be_to_the_understanding() -> None:
    found = features(Reading("open", "en"), understood([-1.0, -30.0]))
    heard = column(found, "understanding")
    assert heard == {entry.id: -1.0 if entry is REFUND else -8.0 for entry in KNOWLEDGE}


def test_no_entry_at_all_gives_no_candidate() -> None:
    ranker = LearnedRanker(KNOWLEDGE, ZERO, ZERO)
    assert ranker.rank(Reading("open", "en"), understood(), some_evidence(0)) == []


def test_evidence_of_none_is_the_best_of_every_kind() -> None:
    linear = [0.1, 0.9, *[0.0] * (SIZE - 2)]
    found = features(Reading("refund", "en"), understood(outside=-50.0), linear=linear, meaning=linear[::-1])
    none = dict(zip(NONE_FEATURES, found.none.tolist(), strict=True))
    assert none["always"] == 1.0
    assert none["linear"] == none["meaning"] == pytest.approx(0.9)
    assert none["length"] == pytest.approx(np.log(7))
    assert none["outside"] == pytest.approx(-8.0)


@given(scores, st.floats(-9, 9))
def test_candidates_come_best_first_and_their_confidences_are_at_most_one(linear: list[float], bias: float) -> None:
    weights = RankerWeights(weighing(linear=2.0).candidate, (bias, *ZERO.none[1:]))
    evidence = some_evidence(SIZE, linear=linear)
    found = LearnedRanker(KNOWLEDGE, weights, ZERO).rank(Reading("refund", "en"), understood(), evidence)
    confidences = [candidate.confidence for candidate in found]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1 + 1e-5
    assert {candidate.entry for candidate in found} == {entry.id for entry in KNOWLEDGE}
    assert linear[KNOWLEDGE.place(found[0].entry)] == pytest.approx(max(linear), abs=1e-5)
    assert all(candidate.text == KNOWLEDGE[candidate.entry].answer for candidate in found)


def test_a_follow_up_is_weighed_by_weights_of_its_own() -> None:
    evidence = some_evidence(SIZE)
    ranker = LearnedRanker(KNOWLEDGE, ZERO, weighing(same_topic=9.0))
    alone = ranker.rank(Reading("and then", "en"), understood(), evidence)
    leaning = ranker.rank(Reading("and then", "en", HOURS, before="when are you open"), understood(), evidence)
    assert leaning[0].entry == "hours"
    assert leaning[0].confidence > 0.9 > alone[0].confidence


def test_weights_come_back_from_plain_data() -> None:
    weights = weighing(grams=0.25)
    assert RankerWeights.from_json(weights.to_json()) == weights


def test_weights_of_another_version_are_refused() -> None:
    with pytest.raises(ValueError, match="another version"):
        RankerWeights.from_json({"candidate": [1.0], "none": [1.0]})


def test_weights_from_before_memory_counted_give_it_no_say() -> None:
    weights = weighing(grams=0.25)
    data = weights.to_json()
    assert RankerWeights.from_json({**data, "candidate": data["candidate"][:-1]}) == weights
    assert weighing(grams=0.25, goes_on=0.5).forgetful() == weights


def test_what_goes_on_with_the_conversation_is_ranked_before_what_does_not() -> None:
    said = np.zeros(SIZE, np.float32)
    said[KNOWLEDGE.place("holidays")] = 2.0
    evidence = replace(some_evidence(2), places=np.asarray([1, 2]))
    reading = Reading("and then", "en", goes_on=said)
    found = LearnedRanker(KNOWLEDGE, ZERO, ZERO).features(reading, understood(), evidence)
    assert column(found, "goes_on") == {"hours": 0.0, "holidays": 2.0}
    ranked = LearnedRanker(KNOWLEDGE, weighing(goes_on=1.0), ZERO).rank(reading, understood(), evidence)
    assert [candidate.entry for candidate in ranked] == ["holidays", "hours"]
    assert not any(column(features(Reading("and then", "en")), "goes_on").values())
