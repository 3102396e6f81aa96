"""Cleaning and the form in which texts are compared."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.text.normalise import clean, matching

anything = st.text(st.characters(exclude_categories=(), codec=None))


@given(anything)
@example("\r\r\n\n")
@example("a\x00\rb")
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(anything)
def test_clean_text_can_be_stored_and_shown(text: str) -> None:
    kept = clean(text)
    kept.encode("utf-8")
    assert not any(unicodedata.category(sign) in {"Cc", "Cs"} and sign not in "\n\t" for sign in kept)


@given(st.text(st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp"))))
def test_ordinary_text_is_left_as_it_is(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("one\r\ntwo\rthree\nfour\tfive", "one\ntwo\nthree\nfour\tfive"),
        ("nul\x00 bell\x07 escape\x1b[31m", "nul bell escape[31m"),
        ("\ufeffbyte order mark", "byte order mark"),
        ("zero\u200bwidth", "zerowidth"),
        ("half \ud83d of a pair", "half \ufffd of a pair"),
        ("👨‍👩‍👧 stays a family", "👨‍👩‍👧 stays a family"),
        ("e\u0301 keeps its accent apart", "e\u0301 keeps its accent apart"),
    ],
)
def test_what_no_screen_takes_is_removed_and_the_rest_stays(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@given(anything)
@example("ͅ")
@example("ẞ ﬁ ½ …")
def test_the_matching_form_of_a_matching_form_is_itself(text: str) -> None:
    assert matching(matching(text)) == matching(text)


@given(anything)
def test_the_matching_form_has_only_single_inner_spaces(text: str) -> None:
    form = matching(text)
    assert form == " ".join(form.split())


@given(st.text(st.characters(max_codepoint=127)))
def test_case_never_tells_two_texts_apart(text: str) -> None:
    assert matching(text.upper()) == matching(text.lower())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Where’s my “order”?", 'where\'s my "order"?'),
        ("10–14 days", "10-14 days"),
        ("10—14 days", "10-14 days"),
        ("wait…", "wait..."),
        ("  two \t\n spaces ", "two spaces"),
        ("２５０元，包邮？", "250元,包邮?"),
        ("STRASSE", "straße"),
        ("cafe\u0301", "café"),
        ("no\u00a0break", "no break"),
    ],
)
def test_texts_that_read_the_same_match(one: str, other: str) -> None:
    assert matching(one) == matching(other)


@pytest.mark.parametrize(("one", "other"), [("cafe", "café"), ("14", "4"), ("不退", "退"), ("£5", "$5")])
def test_texts_that_mean_something_else_do_not_match(one: str, other: str) -> None:
    assert matching(one) != matching(other)
