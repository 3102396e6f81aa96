"""Noise on questions: repeatable, gentle, and never nothing."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import OSA

from engine.training.noise import Noise

words = st.text("abcdefgxyz你好é'1", min_size=1, max_size=9)
questions = st.lists(words, min_size=1, max_size=9).map(" ".join)
seeds = st.integers(0, 10_000)
CHATTER = ("I have been waiting.", "你们好")


def a_noise(seed: int, chatter: tuple[str, ...] = ()) -> Noise:
    return Noise(random.Random(seed), chatter)


@given(st.lists(questions, max_size=5), seeds)
def test_the_same_seed_gives_the_same_noise(texts: list[str], seed: int) -> None:
    first, second = a_noise(seed, CHATTER), a_noise(seed, CHATTER)
    assert [first.question(text) for text in texts] == [second.question(text) for text in texts]


@given(words, seeds)
def test_a_slip_is_one_typing_error_at_most_and_spares_short_words(word: str, seed: int) -> None:
    slipped = a_noise(seed).slip(word)
    assert OSA.distance(word, slipped) <= 1
    if len(word) < 4:
        assert slipped == word


@given(questions, seeds)
def test_without_chatter_words_are_dropped_and_one_of_them_slips_but_none_is_added(text: str, seed: int) -> None:
    left = text.split(" ")
    changed = a_noise(seed).question(text).split(" ")
    assert 1 <= len(changed) <= len(left)
    if len(left) <= 3:
        assert len(changed) == len(left)
    strange = [word for word in changed if word not in left]
    assert len(strange) <= 1
    assert all(min(OSA.distance(word, other) for other in left) <= 1 for word in strange)


@given(questions, seeds)
def test_a_question_is_never_emptied(text: str, seed: int) -> None:
    assert a_noise(seed, CHATTER).question(text).strip()


@given(seeds)
def test_nothing_asked_stays_nothing_without_chatter(seed: int) -> None:
    assert a_noise(seed).question("") == ""


def test_chatter_stands_before_or_after_the_question_now_and_then() -> None:
    noise = a_noise(0, ("CHATTER",))
    found = [noise.question("refund") for _ in range(1000)]
    chatty = [text for text in found if "CHATTER" in text]
    assert 60 < len(chatty) < 200
    assert {text.split(" ").index("CHATTER") for text in chatty} == {0, 1}


def test_every_kind_of_slip_occurs() -> None:
    noise = a_noise(0)
    found = {noise.slip("word") for _ in range(500)}
    assert {"owrd", "ord", "wword"} <= found
    assert any(len(word) == 4 and sorted(word) != sorted("word") for word in found)
