"""Texts as messages: none too long, nothing lost, cut where people would pause."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from adapters.telegram.parts import LONGEST, parts, units

LETTERS = st.text(st.sampled_from("ab .!?\n您好。！👍🏽é\u200d"), max_size=300)


def bare(text: str) -> str:
    return "".join(text.split())


@given(st.one_of(st.text(max_size=300), LETTERS), st.integers(2, 60))
@example("👍" * 50, 3)
@example("a" * 41 + " " * 80 + "b", 40)
@example("\n\n\n" + "x" * 70, 10)
def test_every_part_fits_none_is_blank_and_nothing_is_lost(text: str, longest: int) -> None:
    made = parts(text, longest)
    assert all(0 < units(part) <= longest for part in made)
    assert all(part == part.strip() and part for part in made)
    assert bare("".join(made)) == bare(text.encode("utf-8", "replace").decode())


@given(st.text(max_size=300))
def test_units_are_those_of_utf_16(text: str) -> None:
    assert units(text) == len(text.encode("utf-16-le", "surrogatepass")) // 2


@given(LETTERS, st.integers(2, 60))
def test_each_part_can_be_sent_as_utf_16_by_itself(text: str, longest: int) -> None:
    for part in parts(text, longest):
        assert part.encode("utf-16-le").decode("utf-16-le") == part


@given(LETTERS)
def test_a_text_that_fits_is_one_part(text: str) -> None:
    assert parts(text) == ([text.strip()] if text.strip() else [])


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("One two. Three.\n\nFour five.", ["One two. Three.", "Four five."]),
        ("One two three\nfour five", ["One two three", "four five"]),
        ("One two. Three four five.", ["One two.", "Three four five."]),
        ("一二三四五六七八。九十一二三四五六七八九十。", ["一二三四五六七八。", "九十一二三四五六七八九十。"]),
        ("one two three four five", ["one two three", "four five"]),
        ("abcdefghijklmnopqrstu", ["abcdefghijklmnopq", "rstu"]),
        ("12345678901234567 x", ["12345678901234567", "x"]),
        ("👍👍👍👍👍👍👍👍👍", ["👍👍👍👍👍👍👍👍", "👍"]),
    ],
)
def test_it_is_cut_where_people_would_pause(text: str, made: list[str]) -> None:
    assert parts(text, 17) == made


def test_a_long_text_of_emoji_is_cut_at_the_limit_of_telegram() -> None:
    assert [units(part) for part in parts("😀" * 3000)] == [LONGEST, 6000 - LONGEST]
