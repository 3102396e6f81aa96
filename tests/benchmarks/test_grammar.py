"""Questions composed from phrases: in both languages, all different, and the same for the same seed."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest

from benchmarks.pretrain.grammar import PHRASES, Grammar

COMMON = """
[classes]
day = ["monday = 周一", "today = 今天"]
[frames]
goals = ["how do i {}? = 怎么{}？", "i want to {} = 我想{}"]
problems = ["{} = {}"]
facts = ["what is {}? = {}是什么？"]
questions = ["{} = {}"]
[apart]
goals = ["when can i {}? = 什么时候可以{}？"]
problems = []
facts = []
questions = []
[around]
starts = ["hi, = 你好，"]
ends = ["thanks = 谢谢"]
"""
PARCELS = """
name = "parcels"
[classes]
thing = ["parcel = 包裹", "letter = 信"]
[phrases]
goals = ["track my {thing} | see where my {thing} is = 查{thing}", "return the {thing} = 退{thing}"]
problems = ["my {thing} is late = {thing}晚了"]
facts = ["the price of a {thing} = {thing}的价格"]
questions = ["do you bring a {thing} on {day}? = {day}送{thing}吗？"]
"""


def a_grammar(folder: Path, **files: str) -> Grammar:
    for name, text in {"common": COMMON, "parcels": PARCELS, **files}.items():
        (folder / f"{name}.toml").write_text(text, "utf-8")
    return Grammar(folder)


def test_what_is_composed_differs_in_english_and_leaves_no_slot_open(tmp_path: Path) -> None:
    said = list(a_grammar(tmp_path).compose(20, seed=1))
    assert len({one.english for one in said}) == len(said) == 20
    assert not any(re.search(r"[{}|=]", one.english + one.chinese) for one in said)
    assert all(re.search("[\u4e00-\u9fff]", one.chinese) for one in said)


def test_both_languages_name_the_same_things(tmp_path: Path) -> None:
    for one in a_grammar(tmp_path).compose(20, seed=2):
        assert ("parcel" in one.english) is ("包裹" in one.chinese)
        assert ("monday" in one.english) is ("周一" in one.chinese)


def test_the_same_seed_composes_the_same(tmp_path: Path) -> None:
    grammar = a_grammar(tmp_path)
    assert list(grammar.compose(9, seed=3)) == list(grammar.compose(9, seed=3)) != list(grammar.compose(9, seed=4))


def test_no_more_is_composed_than_there_is(tmp_path: Path) -> None:
    assert 10 < len(list(a_grammar(tmp_path).compose(2_000, seed=1))) < 1000


def test_pairs_mean_the_same_and_each_is_of_another_line(tmp_path: Path) -> None:
    for seed in range(30):
        pairs = a_grammar(tmp_path).alike(5, random.Random(seed))
        kinds = [re.sub(r"parcel|letter|monday|today", "", first.english) for first, _ in pairs]
        assert len(set(kinds)) == len(pairs) == 5
        asked = [("track" in one.english or "see where" in one.english) for pair in pairs for one in pair]
        assert asked.count(True) == 2


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('"track it"', "should hold an English side"),
        ('"a = b = c"', "should hold an English side"),
        ('"track {thing} = 查"', "should have the same slots"),
        ('"track {thing} | track it = 查{thing}"', "should have the same slots"),
        ('"track {planet} = 查{planet}"', "no class planet"),
    ],
)
def test_a_line_that_cannot_be_used_is_named_with_its_file(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        a_grammar(tmp_path, wrong=f'name = "wrong"\n[phrases]\nquestions = [{line}]\n')


def test_the_phrases_of_the_project_speak_of_every_trade() -> None:
    grammar = Grammar()
    said = list(grammar.compose(5_000, seed=1))
    assert len(said) == 5_000
    words = {word for one in said for word in one.english.split()}
    assert {"refund", "passport", "mattress", "invoice", "vaccine", "mortgage"} <= words
    assert len(list(PHRASES.glob("*.toml"))) == 25
    assert not any(re.search(r"[{}|]| = ", one.english + one.chinese) for one in said)
