"""Stored questions for the benchmark of scale: distinct, plausible, the same for the same seed."""

from __future__ import annotations

import gzip
import random
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import stock
from benchmarks.datasets import DataError
from engine.text.features import words
from engine.text.normalise import matching


def test_made_up_questions_are_distinct_and_the_same_for_the_same_seed() -> None:
    found = stock.made_up(3000, 1)
    assert len(found) == len(set(found)) == 3000
    assert found == stock.made_up(3000, 1) != stock.made_up(3000, 2)
    assert found[:100] == stock.made_up(100, 1)


def test_both_languages_are_there_and_few_words_are_in_most_questions() -> None:
    found = stock.made_up(3000, 1)
    chinese = sum(any("\u4e00" <= character <= "\u9fff" for character in text) for text in found)
    assert 500 < chinese < 1500
    spread = Counter(word for text in found for word in set(words(text)))
    assert sum(count == 1 for count in spread.values()) > len(spread) / 3
    assert spread.most_common(1)[0][1] > 300


def a_folder(tmp_path: Path, texts: dict[str, list[str]]) -> Path:
    (tmp_path / "text").mkdir()
    for language in ("en", "zh"):
        for kind in ("questions", "support", "chat", "instructions", "general"):
            lines = texts.get(f"{language}-{kind}", [])
            data = gzip.compress("\n".join(lines).encode())
            (tmp_path / "text" / f"{language}-{kind}.txt.gz").write_bytes(data)
    return tmp_path


def test_questions_are_read_first_and_each_once(tmp_path: Path) -> None:
    texts = {"en-questions": ["Why?", "why?", "Who"], "zh-questions": ["几点", ""], "en-support": ["more", "Who"]}
    folder = a_folder(tmp_path, texts)
    assert {matching(text) for text in stock.read(folder, 3)} == {"why?", "who", "几点"}
    assert stock.read(folder, 4)[3] == "more"
    with pytest.raises(DataError, match="has 4 distinct sentences, 5 are wanted"):
        stock.read(folder, 5)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"en-questions\.txt\.gz is missing"):
        stock.read(tmp_path, 1)


def test_entries_hold_all_questions_in_order() -> None:
    found = list(stock.entries(["a", "b", "c", "d", "e"], 7))
    assert [item.place for item in found] == [7, 8]
    assert [item.questions for item in found] == [("a", "b", "c", "d"), ("e",)]
    assert all(item.answer for item in found)


@given(st.text(max_size=12), st.randoms(use_true_random=False))
def test_a_mistyped_text_is_of_about_the_same_letters(text: str, chance: random.Random) -> None:
    found = stock.mistyped(text, chance)
    assert abs(len(found) - len(text)) <= 2
    assert set(found) <= set(text)
