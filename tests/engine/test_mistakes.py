"""What was mistaken for what, how far down the right entry stood, and whether the bot was as sure as it was right."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Candidate, Provenance, Source
from engine.memory import WorkingMemory
from engine.ports import Response
from engine.training.evaluate import Judged
from engine.training.mistakes import confusions, longest, recalls, reliability, worst
from engine.training.questions import Question


def judged(
    text: str, wanted: str, found: Mapping[str, float], verdict: str = "right", *, sure: float | None = None
) -> Judged:
    """A question that wants an entry (none: out of scope), and the candidates that came, best first."""
    candidates = tuple(Candidate(entry, f"answer of {entry}", chance) for entry, chance in found.items())
    entries = frozenset(wanted.split())
    confidence = sure if sure is not None else max(found.values(), default=0.0)
    why = Provenance(Source.RETRIEVED, "", "")
    response = Response(f"reply to {text}", why, confidence, WorkingMemory(), next(iter(found), None), (), candidates)
    return Judged(Question(text, entries, locale="en"), response, verdict, False, next(iter(found), "") in entries)


A_FEW = [
    judged("one", "a", {"a": 0.9, "b": 0.1}),
    judged("two", "a", {"b": 0.8, "a": 0.2}, "wrong"),
    judged("three", "a c", {"b": 0.5, "d": 0.2, "e": 0.1, "c": 0.05}, "asked"),
    judged("four", "a", {}, "declined"),
    judged("five", "", {"a": 0.95}, "wrong"),
]


def test_recall_counts_questions_with_a_right_entry_by_how_far_down_it_stood() -> None:
    assert [(one.depth, one.share) for one in recalls(A_FEW)] == [(1, 0.25), (3, 0.5), (5, 0.75)]


def test_where_no_entry_is_named_there_is_no_recall() -> None:
    assert recalls([judged("five", "", {"a": 0.95})]) == ()


def test_a_right_entry_that_is_no_candidate_is_found_at_no_depth() -> None:
    assert [one.share for one in recalls([judged("four", "a", {})], (1, 5, 100))] == [0, 0, 0]


def test_confusions_are_the_wrong_first_candidates_the_most_frequent_first() -> None:
    again = [judged(f"again {number}", "c", {"d": 0.6}, "wrong") for number in range(5)]
    found = confusions([*A_FEW, *again], 2)
    assert [(one.wanted, one.found, one.count) for one in found] == [("c", "d", 5), ("a", "b", 2)]
    assert found[0].examples == ("again 0", "again 1", "again 2")


def test_out_of_scope_nothing_is_mistaken_for_an_entry() -> None:
    assert confusions([judged("five", "", {"a": 0.95}, "wrong")], 5) == ()


def test_the_worst_are_wrong_answers_the_surest_first_then_wrong_first_candidates() -> None:
    assert [one.question for one in worst(A_FEW, 9)] == ["five", "two", "three", "four"]
    assert [one.question for one in worst(A_FEW, 1)] == ["five"]


def test_an_example_says_what_was_wanted_what_came_and_what_was_said() -> None:
    one = worst(A_FEW, 2)[1]
    assert (one.wanted, one.found, one.confidence, one.verdict, one.reply) == (
        ("a",),
        "b",
        0.8,
        "wrong",
        "reply to two",
    )


def test_the_longest_questions_come_longest_first() -> None:
    assert [one.question for one in longest(A_FEW, 2)] == ["three", "four"]


@pytest.mark.parametrize(("sure", "begin"), [(0.0, 0.0), (0.1, 0.1), (0.99, 0.9), (1.0, 0.9), (1.5, 0.9), (-0.5, 0.0)])
def test_a_confidence_falls_into_the_bin_that_begins_below_it(sure: float, begin: float) -> None:
    (found,) = reliability([judged("one", "a", {"a": 1.0}, sure=sure)])
    assert found.begin == pytest.approx(begin)


def test_a_bin_says_how_sure_and_how_right_its_questions_were() -> None:
    (found,) = reliability([A_FEW[0], judged("wrong", "a", {"b": 0.94}, "wrong")])
    assert (found.questions, found.confidence, found.right) == (2, pytest.approx(0.92), 0.5)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), max_size=30))
def test_every_question_lies_in_one_bin(drawn: list[tuple[float, bool]]) -> None:
    some = [judged("q", "a", {"a": sure}, "right" if right else "wrong") for sure, right in drawn]
    bins = reliability(some)
    assert sum(one.questions for one in bins) == len(some)
    assert all(one.begin - 1e-9 <= one.confidence <= one.end + 1e-9 for one in bins)
    assert sum(one.right * one.questions for one in bins) == pytest.approx(sum(right for _, right in drawn))
