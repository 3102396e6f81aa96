"""A segment: what it holds, in an order of its own, and what is derived from it."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retrieval.segment import Contents, Item, Segment, join
from engine.text.features import BUCKETS, grams, units, words
from engine.text.normalise import matching

texts = st.lists(st.sampled_from(["refund", "Refund", "open", "几点", "开门吗", "?", "x"]), max_size=4).map(" ".join)
items = st.lists(st.tuples(st.lists(texts, max_size=4), texts), max_size=6).map(
    lambda found: [Item(3 * place, tuple(asked), answer) for place, (asked, answer) in enumerate(found)]
)


def a_segment(found: list[Item]) -> Segment:
    return Segment.of(Contents.read(found))


def same(one: Segment, other: Segment) -> bool:
    pairs = zip(one.arrays().items(), other.arrays().items(), strict=True)
    return all(name == same_name and np.array_equal(array, again) for (name, array), (same_name, again) in pairs)


def questions(segment: Segment) -> list[str]:
    return segment.texts(np.arange(len(segment.question_keys)))


def asked(found: list[Item]) -> set[str]:
    return {matching(question) for item in found for question in item.questions}


@settings(deadline=None)
@given(items)
def test_every_question_stands_once_in_its_matching_form_with_its_entries(found: list[Item]) -> None:
    segment = a_segment(found)
    stored = questions(segment)
    assert len(stored) == len(set(stored))
    assert set(stored) == asked(found)
    assert segment.entries.tolist() == [item.place for item in found]
    for row, item in enumerate(found):
        own = segment.entry_questions.rows(np.asarray([row])).values
        assert {stored[at] for at in own} == {matching(question) for question in item.questions}
        for at in own:
            assert row in segment.question_entries.rows(np.asarray([at])).values


@settings(deadline=None)
@given(items)
def test_units_lead_to_their_features_and_questions_to_theirs(found: list[Item]) -> None:
    segment = a_segment(found)
    for at, text in enumerate(questions(segment)):
        codes = segment.unit_features.rows(segment.question_units.rows(np.asarray([at])).values).values
        assert sorted(codes.tolist()) == sorted([*words(text), *(BUCKETS + bucket for bucket in grams(text))])
        assert segment.question_lengths[at].tolist() == [len(words(text)), len(grams(text))]


@settings(deadline=None)
@given(items)
def test_spread_counts_questions_answers_and_whole_entries_with_a_feature(found: list[Item]) -> None:
    segment = a_segment(found)
    answers = [words(item.answer) if item.questions else [] for item in found]
    whole = [" ".join((*item.questions, item.answer)) if item.questions else "" for item in found]
    for at, code in enumerate(segment.features.tolist()):
        kind, bucket = (words, code) if code < BUCKETS else (grams, code - BUCKETS)
        assert segment.spread[0, at] == sum(bucket in kind(text) for text in questions(segment))
        assert segment.spread[1, at] == (sum(bucket in answer for answer in answers) if code < BUCKETS else 0)
        assert segment.spread[2, at] == sum(bucket in kind(text) for text in whole)


@settings(deadline=None)
@given(items)
def test_the_units_of_questions_come_first_in_every_list_of_a_feature(found: list[Item]) -> None:
    segment = a_segment(found)
    of_questions = set(segment.question_units.values.tolist())
    assert of_questions == set(range(len(of_questions)))
    for at in range(len(segment.features)):
        own = segment.feature_units.rows(np.asarray([at])).values.tolist()
        assert own == sorted(own)
        assert sum(unit in of_questions for unit in own) == segment.feature_asked[at]


@settings(deadline=None)
@given(items, st.integers(0, 6), st.randoms())
def test_what_is_joined_is_what_would_have_been_read_at_once(found: list[Item], cut: int, chance) -> None:
    parts = [Contents.read(found[:cut]), Contents.read(found[cut:])]
    chance.shuffle(parts)
    joined = join(parts, [np.ones(len(part.entries), np.bool_) for part in parts])
    assert same(Segment.of(joined), a_segment(found))


@settings(deadline=None)
@given(items, st.data())
def test_what_is_not_kept_leaves_nothing_behind(found: list[Item], data: st.DataObject) -> None:
    kept = [data.draw(st.booleans()) for _ in found]
    joined = join([Contents.read(found)], [np.asarray(kept, np.bool_)])
    assert same(Segment.of(joined), a_segment([item for item, keep in zip(found, kept, strict=True) if keep]))


@settings(deadline=None)
@given(items)
def test_a_segment_comes_back_from_its_arrays(found: list[Item]) -> None:
    segment = a_segment(found)
    assert same(Segment.from_arrays(segment.arrays()), segment)


def test_a_missing_array_is_named() -> None:
    for missing in (arrays := a_segment([Item(0, ("hello",), "hi")]).arrays()):
        with pytest.raises(KeyError, match=missing.replace(".", r"\.")):
            Segment.from_arrays({name: array for name, array in arrays.items() if name != missing})


def test_two_items_of_one_place_are_refused() -> None:
    with pytest.raises(ValueError, match="same place"):
        Contents.read([Item(4, ("a",)), Item(4, ("b",))])


def test_what_has_no_questions_keeps_its_place_and_nothing_else() -> None:
    segment = a_segment([Item(2, (), "an answer that nobody can ask for")])
    assert segment.entries.tolist() == [2]
    assert (len(segment.unit_keys), len(segment.features), len(segment.question_keys)) == (0, 0, 0)


def test_short_questions_come_first() -> None:
    segment = a_segment([Item(0, ("one two three", "one", "一二三四五六", "one two", "一"))])
    assert questions(segment)[0] == "一"
    assert questions(segment)[-1] == "one two three"


def test_ten_thousand_identical_rows_are_one_question() -> None:
    same_question = [Item(place, ("how do I get a refund?",), f"answer {place}") for place in range(10_000)]
    segment = a_segment(same_question)
    assert questions(segment) == ["how do i get a refund?"]
    assert len(segment.question_entries.values) == 10_000
    assert a_segment([Item(0, ("how do I get a refund?",) * 10_000)]).entry_questions.values.tolist() == [0]


def test_every_part_of_a_segment_is_stored() -> None:
    names = {name.partition(".")[0] for name in a_segment([Item(0, ("hello",))]).arrays()}
    assert names == {field.name for field in fields(Segment)}


def test_units_are_told_apart_by_more_than_their_features() -> None:
    segment = a_segment([Item(0, ("cat dog cat",))])
    assert len(segment.unit_keys) == len(set(units("cat dog cat"))) == 2
