"""A small segment: every score against BM25 written down as it stands in the books."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retrieval import dense
from engine.retrieval.dense import DenseFinder, small
from engine.retrieval.finding import COMPARED
from engine.retrieval.index import QuestionIndex, Shown
from engine.retrieval.segment import Item
from engine.text.features import grams, words
from engine.text.normalise import matching

K1, B = 1.2, 0.5
WORDS = ("refund", "money", "open", "shop", "几点开门", "退货", "x", "?")
texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
items = st.lists(st.tuples(st.lists(texts, min_size=1, max_size=3), texts), min_size=1, max_size=5).map(
    lambda found: [Item(place, tuple(asked), answer) for place, (asked, answer) in enumerate(found)]
)
EVERY = np.arange(10_000)


def all_of(found: list[Item], text: str) -> Shown:
    index = QuestionIndex.build(found)
    assert isinstance(index.finders[0], DenseFinder)
    return index.search(text).shown(10, EVERY)


def rarity(counted: list[list[int]], feature: int) -> float:
    spread = sum(feature in text for text in counted)
    return math.log(1 + (len(counted) - spread + 0.5) / (spread + 0.5))


def slowly(
    stored: list[list[int]], query: list[int], counted: list[list[int]], *, presence: bool = False
) -> list[float]:
    """The share of the query's weight that each stored text holds; how rare a feature is, is counted in ``counted``."""
    average = sum(map(len, stored)) / len(stored) if any(stored) else 1.0
    most = sum(rarity(counted, feature) for feature in set(query))
    found = []
    for text in stored:
        score = 0.0
        for feature in set(query) & set(text):
            count = text.count(feature)
            damping = K1 * (1 - B + B * len(text) / average)
            score += rarity(counted, feature) * (1 if presence else count * (K1 + 1) / (count + damping))
        found.append(score / most if query else 0.0)
    return found


def asked(found: list[Item]) -> list[str]:
    """The distinct questions."""
    return list(dict.fromkeys(matching(question) for item in found for question in item.questions))


def whole(found: list[Item]) -> list[str]:
    """The texts of entries, questions and answer together."""
    return [" ".join((*item.questions, item.answer)) for item in found]


@settings(deadline=None)
@given(items, texts)
def test_scores_are_those_of_bm25_as_a_share_of_the_query_by_the_best_question(found: list[Item], text: str) -> None:
    shown = all_of(found, text)
    for kind, scores in ((words, shown.words), (grams, shown.grams)):
        stored = [kind(question) for question in asked(found)]
        counted = stored + [kind(one) for one in whole(found)]
        slow = dict(zip(asked(found), slowly(stored, kind(text), counted), strict=True))
        expected = [max(slow[matching(question)] for question in item.questions) for item in found]
        np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-6)


@settings(deadline=None)
@given(items, texts)
def test_answers_are_scored_by_their_words(found: list[Item], text: str) -> None:
    stored = [words(item.answer) for item in found]
    expected = slowly(stored, words(text), stored)
    np.testing.assert_allclose(all_of(found, text).answers, expected, rtol=1e-4, atol=1e-6)


@settings(deadline=None)
@given(items, texts)
def test_coverage_is_the_share_of_the_query_that_occurs_in_the_entry_at_all(found: list[Item], text: str) -> None:
    shown = all_of(found, text)
    for kind, covered in ((words, shown.covered_words), (grams, shown.covered_grams)):
        stored = [kind(one) for one in whole(found)]
        np.testing.assert_allclose(covered, slowly(stored, kind(text), stored, presence=True), rtol=1e-4, atol=1e-6)
        assert all(0 <= share <= 1 + 1e-6 for share in covered)


@settings(deadline=None)
@given(items, texts)
def test_the_known_share_is_the_weight_of_grams_that_occur_in_any_question(found: list[Item], text: str) -> None:
    stored = [grams(question) for question in asked(found)]
    counted = stored + [grams(one) for one in whole(found)]
    seen = {feature for one in stored for feature in one}
    most = sum(rarity(counted, feature) for feature in set(grams(text)))
    held = sum(rarity(counted, feature) for feature in set(grams(text)) & seen)
    known = QuestionIndex.build(found).search(text).known
    assert known == pytest.approx(held / most if grams(text) else 0.0, abs=1e-6)


def test_of_many_questions_the_nearest_are_shown_the_very_nearest_first() -> None:
    asked = tuple(f"question about {name}" for name in ("boots", "shoes", "hats", "coats", "gloves", "socks"))
    found = all_of([Item(0, (*asked, *(f"{one} again" for one in asked)))], "about the hats again").questions[0]
    assert len(found) == COMPARED
    assert found[0] == "question about hats again"


def test_removed_entries_are_not_found() -> None:
    index = QuestionIndex.build([Item(0, ("hello",)), Item(1, ("hello there",))])
    finder = DenseFinder(index.segments[0], np.asarray([False, True]), np.ones(2), 1.0)
    found = finder.find(index.query("hello"))
    assert found.look(10, np.zeros(0, np.int64)).rows.tolist() == [1]
    assert found.exact


def test_a_segment_is_small_while_its_postings_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    (segment,) = QuestionIndex.build([Item(0, ("hello there",), "a long answer")]).segments
    assert small(segment)
    for limit, most in (("_MOST_OF_QUESTIONS", 10), ("_MOST_OF_ENTRIES", 30)):
        with monkeypatch.context() as patch:
            patch.setattr(dense, limit, most)
            assert not small(segment)
