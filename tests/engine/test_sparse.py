"""A large segment: what is left out must not matter, and what is scored is scored as in a small one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retrieval import sparse
from engine.retrieval.dense import DenseFinder
from engine.retrieval.finding import COMPARED, Finder, Finding, Looked
from engine.retrieval.index import QuestionIndex
from engine.retrieval.segment import Item
from engine.retrieval.sparse import SparseFinder

WORDS = ("refund", "refunds", "money", "open", "shop", "几点开门", "退货", "x", "?")
texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
items = st.lists(st.lists(texts, min_size=1, max_size=COMPARED), min_size=1, max_size=8).map(
    lambda found: [Item(place, tuple(asked), f"answer {place}") for place, asked in enumerate(found)]
)
NONE = np.zeros(0, np.int64)


def both(index: QuestionIndex, text: str) -> tuple[Finding, Finding]:
    """The finding of a small segment, and that of a large one, in the same."""
    (segment,), query = index.segments, index.query(text)
    alive = np.ones(len(segment.entries), np.bool_)
    dense: Finder = DenseFinder(segment, alive, query.averages, query.answer_average)
    return dense.find(query), SparseFinder(segment, alive).find(query)


def scores(looked: Looked) -> dict[int, object]:
    """Scores by row, of those that hold anything, to be compared."""
    pairs = zip(looked.rows.tolist(), looked.scores.tolist(), strict=True)
    return {row: pytest.approx(found, abs=1e-6) for row, found in pairs if any(found)}


def held(looked: Looked) -> dict[int, list[float]]:
    """Scores by row, of those that hold anything."""
    return {row: found for row, found in zip(looked.rows.tolist(), looked.scores.tolist(), strict=True) if any(found)}


def a_corpus(size: int, seed: int = 5) -> list[str]:
    """Questions of made-up words as frequent as words are: the number of times falls with the rank."""
    chance = random.Random(seed)
    vocabulary = ["".join(chance.choices("abcdeiou退货门", k=chance.randint(2, 8))) for _ in range(800)]
    weights = [1 / rank for rank in range(1, 801)]
    return [" ".join(chance.choices(vocabulary, weights, k=chance.randint(1, 12))) for _ in range(size)]


@settings(deadline=None)
@given(items, texts)
def test_while_nothing_is_left_out_the_result_is_that_of_scoring_everything(found: list[Item], text: str) -> None:
    exact, pruned = both(QuestionIndex.build(found), text)
    assert held(pruned.look(10, NONE)) == scores(exact.look(10, NONE))
    assert exact.exact
    assert not pruned.exact


@settings(deadline=None)
@given(items, texts, st.data())
def test_entries_that_are_asked_for_are_scored_whatever_they_hold(
    found: list[Item], text: str, data: st.DataObject
) -> None:
    rows = np.asarray(sorted(data.draw(st.sets(st.sampled_from(range(len(found)))))), np.int64)
    exact, pruned = both(QuestionIndex.build(found), text)
    looked, expected = pruned.look(10, rows), exact.look(10, rows)
    assert set(rows.tolist()) <= set(looked.rows.tolist())
    assert held(looked) == scores(expected)
    for one, other in zip(pruned.told(rows), exact.told(rows), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@settings(deadline=None)
@given(items, texts)
def test_a_promise_is_made_where_something_is_held_and_only_there(found: list[Item], text: str) -> None:
    rows = np.arange(len(found))
    exact, pruned = both(QuestionIndex.build(found), text)
    assert ((pruned.promises(rows) > 0) == (exact.promises(rows) > 0)).all()


def test_among_thousands_the_best_is_found_and_in_the_same_order() -> None:
    corpus = a_corpus(4000)
    index = QuestionIndex.build(Item(place, (text,)) for place, text in enumerate(corpus))
    chance = random.Random(1)
    for text in chance.sample(corpus, 60):
        at = chance.randrange(len(text))
        typed = text[:at] + text[at + 1 :]
        exact, pruned = (finding.look(10, NONE) for finding in both(index, typed))
        best = exact.scores.sum(axis=1).max(initial=0)
        assert pruned.scores.sum(axis=1).max(initial=0) == pytest.approx(best, abs=1e-6)


def test_tight_budgets_leave_out_the_frequent_and_keep_the_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = [f"where is the {name}" for name in ("station", "bank", "zoo")] + ["where is the where is the"] * 3
    index = QuestionIndex.build(Item(place, (text,)) for place, text in enumerate([*stored, *a_corpus(300)]))
    for budget in ("_UNITS", "_QUESTIONS"):
        monkeypatch.setattr(sparse, budget, 40)
    _, pruned = both(index, "where is the zoo")
    looked = pruned.look(10, NONE)
    assert looked.rows[looked.scores.sum(axis=1).argmax()] == 2


def test_one_question_of_thousands_of_entries_does_not_hide_the_others() -> None:
    same = [Item(place, ("how do I get a refund?",), "yes") for place in range(5000)]
    index = QuestionIndex.build([*same, Item(5000, ("how do I get a receipt?",), "no")])
    _, pruned = both(index, "how do I get a refund receipt")
    looked = pruned.look(10, NONE)
    assert 5000 in looked.rows
    assert len(looked.rows) < 50


def test_an_entry_of_thousands_of_questions_does_not_hide_the_others() -> None:
    many = Item(0, tuple(f"how do I get a refund for {number}" for number in range(3000)), "yes")
    index = QuestionIndex.build([many, Item(1, ("how do I get a new card",), "no")])
    _, pruned = both(index, "how do I get a refund")
    looked = pruned.look(10, NONE)
    assert looked.rows.tolist() == [0, 1]
    assert np.diff(looked.questions.starts).tolist() == [COMPARED, 1]


@pytest.mark.parametrize("text", ["", "?!… 。", "x" * 100_000, "how do i get a refund " * 5000, "退货" * 40_000])
def test_hostile_texts_are_searched_all_the_same(text: str) -> None:
    index = QuestionIndex.build([Item(0, ("how do I get a refund",), "a"), Item(1, ("我要退货",), "b")])
    exact, pruned = both(index, text)
    assert held(pruned.look(10, np.asarray([0, 1]))) == scores(exact.look(10, np.asarray([0, 1])))


def test_removed_entries_are_not_found() -> None:
    index = QuestionIndex.build([Item(0, ("hello",)), Item(1, ("hello there",))])
    finding = SparseFinder(index.segments[0], np.asarray([False, True])).find(index.query("hello"))
    assert finding.look(10, NONE).rows.tolist() == [1]
