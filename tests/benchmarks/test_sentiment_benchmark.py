"""The benchmark of moods and the sentences of the shipped head: what is right, and what must never be taught."""

from __future__ import annotations

import csv
import random
import tomllib
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import DataError, Folders
from benchmarks.pretrain.mood import PHRASES, TARGETS, Turns, samples
from benchmarks.sentiment import SETS, TURNS, Bench, accuracy, by_patterns, judged, told_apart

FILE = tomllib.loads(PHRASES.read_text("utf-8"))


def a_folder(folder: Path, name: str, files: dict[str, list[tuple[str, str]]]) -> Folders:
    (folder / name).mkdir()
    for file, pairs in files.items():
        with (folder / name / file).open("w", encoding="utf-8", newline="") as out:
            csv.writer(out).writerows([("text", "label"), *pairs])
    return Folders([folder])


def a_bench(folders: Folders) -> Bench:
    return Bench(folders, seed=1, minutes=0.1)


def test_what_is_above_nothing_counts_as_pleased() -> None:
    measured = [("a", "1"), ("b", "0"), ("c", "0"), ("d", "1")]
    values = np.asarray([0.5, -0.1, 0.2, 0.9])
    assert accuracy(values, measured) == 0.75
    assert told_apart(values, measured) == 1.0


def test_turns_near_nothing_are_neutral() -> None:
    found = judged(np.asarray([-0.9, -0.2, 0.1, 0.8]), ["negative", "negative", "neutral", "positive"])
    assert (found.right, found.precision, found.recall, found.area) == (0.75, 1.0, 0.5, 1.0)


def test_patterns_find_anger_and_nothing_else() -> None:
    values = by_patterns(["I am furious", "where is my parcel?"])
    assert values[0] < 0 < values[1]


def test_a_test_file_is_measured_where_there_is_one(tmp_path: Path) -> None:
    some = [(f"text {number}", str(number % 2)) for number in range(40)]
    trial = a_bench(a_folder(tmp_path, "sentiment_zh_hotel", {"train.csv": some, "test.csv": some[:4]})).trial("hotel")
    assert (len(trial.learned), len(trial.measured), trial.note) == (40, 4, "measured on test.csv")


def test_else_a_part_is_held_out_by_seed(tmp_path: Path) -> None:
    some = [(f"text {number}", str(number % 2)) for number in range(40)]
    trial = a_bench(a_folder(tmp_path, "sentiment_zh_hotel", {"train.csv": some})).trial("hotel")
    assert (len(trial.learned), len(trial.measured)) == (34, 6)
    assert not {text for text, _ in trial.learned} & {text for text, _ in trial.measured}


def test_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sentiment_en/train\.csv is not in"):
        a_bench(Folders([tmp_path])).trial("en")


def test_other_labels_are_told(tmp_path: Path) -> None:
    files = {"train.csv": [("a", "good"), ("b", "1")], "test.csv": [("c", "0")]}
    with pytest.raises(DataError, match="labels are 0 and 1, and not good"):
        a_bench(a_folder(tmp_path, "sentiment_en", files)).trial("en")


def test_every_mood_has_lines_in_both_languages_and_every_place_has_words() -> None:
    made = dict(Turns(FILE).make(3000, random.Random(1)))
    assert set(FILE["turns"]) == set(TARGETS) == set(made)
    assert all(set(FILE["turns"][mood]) == {"en", "zh"} for mood in TARGETS)
    assert not any("{" in text or "}" in text for _, text in Turns(FILE).make(2000, random.Random(2)))


def test_a_place_without_words_is_told() -> None:
    with pytest.raises(ValueError, match="no words for nothing"):
        Turns({"words": {"en": {}}, "turns": {"angry": {"en": ["a {nothing}"]}}})
    with pytest.raises(ValueError, match="no mood is called hungry"):
        Turns({"words": {}, "turns": {"hungry": {}}})


def test_the_turns_that_are_measured_are_never_taught() -> None:
    with TURNS.open(encoding="utf-8", newline="") as file:
        measured = {bare(row["text"]) for row in csv.DictReader(file)}
    lines = {bare(line) for moods in FILE["turns"].values() for own in moods.values() for line in own}
    assert sorted(measured & lines) == sorted({bare("ok"), bare("好的")})  # what everybody says


def test_every_text_is_taught_once_with_probabilities() -> None:
    made = samples(Turns(FILE), 500, 100, seed=1)
    assert len({one.text for one in made}) == len(made) > 450
    assert all(abs(sum(one.target) - 1) < 1e-9 for one in made)
    assert SETS[-1] == "turns"


def bare(text: str) -> str:
    return "".join(character for character in text.casefold() if character.isalnum())
