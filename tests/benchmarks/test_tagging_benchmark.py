"""The tagging benchmark and the sentences of the shipped tagger: what counts as a value, and where it stands."""

from __future__ import annotations

import json
import random
import tomllib
from pathlib import Path

import pytest

from benchmarks.datasets import DataError, Folders
from benchmarks.pretrain.tagger import KINDS, SLOTS, MarkedGrammar, Values, lines, marked, read_marks
from benchmarks.spans import Score, by_patterns, score_of
from benchmarks.states import occurrences
from benchmarks.tagging_sets import restaurants, turns
from engine.training.tagging import Marked, names_of
from engine.understand.units import UnitReader

FILE = tomllib.loads(SLOTS.read_text("utf-8"))


def values(seed: int = 1) -> Values:
    return Values(FILE["words"], random.Random(seed))


def test_only_exact_values_of_the_right_kind_count() -> None:
    asked = [Marked("at 6 for two", ((3, 4, "time"), (9, 12, "people")))]
    score, slots = score_of(asked, lambda *_: [(3, 4, "time"), (5, 12, "people"), (9, 12, "time")])
    assert score == Score(right=1, found=3, marked=2)
    assert slots["people"] == Score(right=0, found=1, marked=1)
    assert (score.precision, score.recall, score.f1) == (pytest.approx(1 / 3), 0.5, 0.4)


def test_of_nothing_the_score_is_nothing() -> None:
    assert Score().f1 == Score().precision == Score().recall == 0.0


def test_values_stand_between_words_and_not_within() -> None:
    assert occurrences("Oslo, not Osloer, but OSLO", "oslo") == [(0, 4), (22, 26)]
    assert occurrences("2 of 12 at 2", "2") == [(0, 1), (11, 12)]
    assert occurrences("我去北京南站", "北京") == [(2, 4)]
    assert occurrences("nothing", " ") == []


def test_only_what_changes_in_the_state_and_stands_there_counts(tmp_path: Path) -> None:
    said = [
        {"role": "customer", "text": "to Oslo please", "slots": {"Bus.city": "Oslo", "Bus.seats": "2"}},
        {"role": "agent", "text": "when?"},
        {"role": "customer", "text": "Oslo, on Monday", "slots": {"Bus.city": "Oslo", "Bus.date": "Monday"}},
    ]
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps({"turns": said}), "utf-8")
    first, second = turns(path)[0]
    assert (first.marked.values, first.changed, first.literal) == (((3, 7, "city"),), 2, 1)
    assert second.marked.values == ((9, 15, "date"),)


def test_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"restaurant8k/train\.json is not in"):
        restaurants(Folders([tmp_path]), 1)


@pytest.mark.parametrize("content", ["{", '[{"text": 1}]', "[1]"])
def test_a_damaged_set_is_told(tmp_path: Path, content: str) -> None:
    (tmp_path / "restaurant8k").mkdir()
    (tmp_path / "restaurant8k" / "train.json").write_text(content, "utf-8")
    with pytest.raises(DataError, match=r"train\.json"):
        restaurants(Folders([tmp_path]), 1)


def test_patterns_find_with_places() -> None:
    text = "my name is Anna Berg, a@b.com, £20"
    assert {(text[start:end], name) for start, end, name in by_patterns(text)} >= {
        ("Anna Berg", "name"),
        ("a@b.com", "email"),
        ("£20", "amount"),
    }


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("kind", KINDS)
def test_values_are_made_up_without_blanks_around_them(kind: str, language: str) -> None:
    made = values()
    found = {made.make(kind, language) for _ in range(60)}
    assert len(found) > 8
    assert all(value and value == value.strip() for value in found)


def test_marks_are_taken_out_and_say_where_values_stood() -> None:
    read = read_marks(f"at {marked('time', '6pm')}, {marked('place', '北京')}!")
    assert read == Marked("at 6pm, 北京!", ((3, 6, "time"), (8, 10, "place")))


def test_every_line_becomes_a_text_whose_values_begin_and_end_with_units(base_reader: UnitReader) -> None:
    texts = [*lines(FILE, values(), 600, random.Random(2)), *MarkedGrammar(values()).marked(40, 3)]
    assert set(names_of(texts)) == set(KINDS)
    for one in texts:
        units = base_reader.read(one.text).units
        starts, ends = {start for start, _ in units}, {end for _, end in units}
        assert all(start in starts and end in ends for start, end, _ in one.values)
        assert "{" not in one.text


@pytest.fixture(scope="module")
def base_reader() -> UnitReader:
    from engine.base.base import shipped  # read when it is needed

    return UnitReader(shipped().tokenizer)
