"""The index as a whole: what is added counts as if it had always been there, what is removed as if it never had."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retrieval.dense import DenseFinder
from engine.retrieval.index import QuestionIndex, Shown
from engine.retrieval.segment import Item

WORDS = ("refund", "refunds", "money", "open", "shop", "几点开门", "退货", "x", "?")
texts = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
questions = st.lists(texts, min_size=1, max_size=3).map(tuple)
puts = st.lists(
    st.dictionaries(st.integers(0, 6), st.one_of(st.just(()), questions), max_size=4).map(
        lambda found: [Item(place, asked, f"answer {place}" if asked else "") for place, asked in found.items()]
    ),
    min_size=1,
    max_size=6,
)
EVERY = np.arange(20)
NONE = np.zeros(0, np.int64)


def put_all(steps: list[list[Item]]) -> QuestionIndex:
    index = QuestionIndex.build(steps[0])
    for step in steps[1:]:
        index = index.put(step)
    return index


def in_force(steps: list[list[Item]]) -> list[Item]:
    """What the last word of each place is."""
    latest = {item.place: item for step in steps for item in step}
    return [latest[place] for place in sorted(latest)]


def alike(one: Shown, other: Shown) -> bool:
    columns = [field.name for field in fields(Shown) if field.name != "questions"]
    same = all(np.allclose(getattr(one, name), getattr(other, name), atol=1e-6) for name in columns)
    return same and [set(some) for some in one.questions] == [set(some) for some in other.questions]


@settings(deadline=None)
@given(puts, texts)
def test_an_index_that_was_added_to_and_compacted_is_one_that_was_built_at_once(
    steps: list[list[Item]], text: str
) -> None:
    index, afresh = put_all(steps).compacted(), QuestionIndex.build(in_force(steps))
    assert len(index) == len(afresh)
    (one,), (other,) = index.segments, afresh.segments
    for (name, array), (again, same) in zip(one.arrays().items(), other.arrays().items(), strict=True):
        assert name == again
        np.testing.assert_array_equal(array, same)
    assert alike(index.search(text).shown(10, EVERY), afresh.search(text).shown(10, EVERY))


@settings(deadline=None)
@given(puts)
def test_what_is_in_force_is_found_by_its_very_words_and_nothing_else_is(steps: list[list[Item]]) -> None:
    index = put_all(steps)
    latest = {item.place: item for item in in_force(steps)}
    assert index.holds(EVERY).tolist() == [bool(place in latest and latest[place].questions) for place in EVERY]
    for item in latest.values():
        for question in item.questions:
            shown = index.search(question).shown(10, NONE)
            assert all(latest[place].questions for place in shown.places.tolist())
            if question.strip(" ?"):
                assert item.place in shown.places
                assert index.search(question).known == pytest.approx(1.0)


@settings(deadline=None)
@given(st.lists(questions, min_size=2, max_size=8), st.integers(1, 7), texts)
def test_new_entries_weigh_as_if_they_had_always_been_there(asked: list[tuple[str, ...]], cut: int, text: str) -> None:
    items = [Item(place, (*some, f"only {place}"), "yes") for place, some in enumerate(asked)]
    segments = [QuestionIndex.build(part).segments[0] for part in (items[:cut], items[cut:])]
    split, whole = QuestionIndex(segments), QuestionIndex.build(items)
    if len(split) == len(whole):  # a question in both parts counts twice until they are joined
        assert alike(split.search(text).shown(10, EVERY), whole.search(text).shown(10, EVERY))


def test_places_come_ascending_from_all_segments() -> None:
    one = QuestionIndex.build([Item(place, (f"refund {place}",)) for place in (1, 4, 6)])
    two = QuestionIndex.build([Item(place, (f"refund {place}",)) for place in (0, 5)])
    shown = QuestionIndex([*one.segments, *two.segments]).search("refund").shown(4, NONE)
    assert len(shown.places) == 4
    assert shown.places.tolist() == sorted(shown.places.tolist())
    assert [some[0] for some in shown.questions] == [f"refund {place}" for place in shown.places]


def test_small_segments_are_joined_so_that_there_are_never_many() -> None:
    index = QuestionIndex.build(Item(place, (f"question {place}",)) for place in range(500))
    most = 0
    for place in range(500, 700):
        index = index.put([Item(place, (f"question {place}",))])
        most = max(most, len(index.segments))
    assert most <= 9
    assert len(index) == 700
    assert len(index.segments[0].entries) == 500  # the large one was never written again


def test_an_entry_that_is_put_again_is_found_by_its_new_words_alone() -> None:
    index = QuestionIndex.build([Item(0, ("where is my parcel",)), Item(1, ("hello",))])
    index = QuestionIndex([*index.segments, *QuestionIndex.build([Item(0, ("track an order",))]).segments])
    assert index.search("where is my parcel").shown(10, NONE).places.tolist() == []
    assert index.search("track an order").shown(10, NONE).places.tolist() == [0]
    assert index.places == 2


def test_building_in_portions_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [Item(place, (f"refund {place % 7}", f"money {place}"), f"answer {place % 3}") for place in range(60)]
    whole = QuestionIndex.build(items)
    monkeypatch.setattr("engine.retrieval.index._TOGETHER", 7)
    monkeypatch.setattr("engine.retrieval.segment._TOGETHER", 50)
    (one,), (other,) = QuestionIndex.build(items).segments, whole.segments
    for name, array in one.arrays().items():
        np.testing.assert_array_equal(array, other.arrays()[name])


def test_places_that_are_not_there_are_left_out() -> None:
    index = QuestionIndex.build([Item(3, ("hello",))])
    assert index.search("hello").shown(10, np.asarray([0, 3, 9, 3])).places.tolist() == [3]
    assert index.first().tolist() == [3]


def test_an_empty_index_finds_nothing() -> None:
    index = QuestionIndex.build([])
    assert (len(index), index.places, index.first().tolist()) == (0, 0, [])
    shown = index.search("hello").shown(10, EVERY)
    assert (shown.places.tolist(), shown.questions) == ([], [])
    assert index.search("hello").known == 0
    assert index.put([Item(0, ("hello",))]).search("hello").shown(10, NONE).places.tolist() == [0]


MANY_WORDS = " ".join(f"{number:x}" for number in range(18_000))


@pytest.mark.parametrize(
    "text", ["", " \n", "?!… 。，", "🙂", "x" * 100_000, "a b " * 25_000, "退货" * 50_000, MANY_WORDS]
)
def test_hostile_texts_are_answered_with_scores_in_range(text: str) -> None:
    index = QuestionIndex.build([Item(0, ("a refund for a shop", "b")), Item(1, ("我要退货",)), Item(2, ("?",))])
    search = index.search(text)
    shown = search.shown(10, EVERY)
    assert shown.places.tolist() == [0, 1, 2]
    assert 0 <= search.known <= 1
    for scores in (shown.words, shown.grams, shown.answers, shown.covered_words, shown.covered_grams):
        assert all(0 <= score < 2.3 for score in scores)


def test_hostile_questions_are_stored_and_found() -> None:
    asked = ("", "?!", "x" * 100_000, "a b " * 25_000, "退货" * 50_000, "🙂")
    index = QuestionIndex.build(Item(place, (question,)) for place, question in enumerate(asked))
    assert len(index) == len(asked)
    assert index.search("退货").shown(1, NONE).places.tolist() == [4]
    assert index.search("b").shown(1, NONE).places.tolist() == [3]


def test_one_question_alone_is_found() -> None:
    index = QuestionIndex.build([Item(0, ("how do I get a refund",))])
    assert index.search("refund").shown(10, NONE).places.tolist() == [0]
    assert index.search("几点开门").shown(10, NONE).places.tolist() == []


def test_entries_in_a_language_the_rest_is_not_in_are_found_by_it() -> None:
    items = [Item(place, (f"question number {place}",)) for place in range(50)]
    index = QuestionIndex.build([*items, Item(50, ("几点开门",))])
    assert index.search("你们几点开门啊").shown(1, NONE).places.tolist() == [50]


def test_a_query_of_the_most_frequent_words_is_searched() -> None:
    items = [Item(place, (f"what is the price of the {place}",)) for place in range(300)]
    shown = QuestionIndex.build([*items, Item(300, ("what is the what",))]).search("what is the what").shown(1, NONE)
    assert shown.places.tolist() == [300]


def test_the_same_question_of_many_entries_neither_hides_nor_slows_anything() -> None:
    same = [Item(place, ("how do I get a refund?",) * 3, f"answer {place}") for place in range(10_000)]
    index = QuestionIndex.build([*same, Item(10_000, ("how do I get a receipt?",))])
    assert len(index) == 2
    shown = index.search("how do I get a receipt").shown(10, np.asarray([7]))
    assert {7, 10_000} <= set(shown.places.tolist())
    assert shown.places[(shown.words + shown.grams).argmax()] == 10_000
    assert len(shown.places) <= 11


def test_a_search_says_whether_everything_was_scored(monkeypatch: pytest.MonkeyPatch) -> None:
    items = [Item(0, ("hello",))]
    assert QuestionIndex.build(items).search("hello").exact
    monkeypatch.setattr("engine.retrieval.dense._MOST_OF_QUESTIONS", 0)
    index = QuestionIndex.build(items)
    assert not isinstance(index.finders[0], DenseFinder)
    assert not index.search("hello").exact
    assert index.search("hello").shown(1, NONE).places.tolist() == [0]
