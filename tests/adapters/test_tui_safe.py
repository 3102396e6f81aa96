"""Laws of text that is shown on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_desk import HOSTILE

from adapters.tui.safe import one_line, safe

_ANY = st.text(st.characters(codec=None), max_size=60)
_DANGEROUS = st.text(
    st.sampled_from("\x1b\x9b\x9d\x90\x07\x9c\\[]0;1mHJc?P^_X \n\r\t\u2028\u202e\u2069\ud800\udc00a中"),
    max_size=40,
)


@given(_ANY | _DANGEROUS)
def test_nothing_is_left_that_a_terminal_obeys(text):
    result = safe(text)
    assert not [char for char in result if unicodedata.category(char) in ("Cc", "Cs") and char not in "\n\t"]
    assert not set(result) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029")
    result.encode()


@given(_ANY | _DANGEROUS)
def test_doing_it_twice_changes_nothing(text):
    assert safe(safe(text)) == safe(text)


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"]) | st.sampled_from("\n\t")))
def test_harmless_text_stays_as_it_is(text):
    assert safe(text) == text


@given(_ANY | _DANGEROUS)
def test_one_line_is_one_line(text):
    assert not set(one_line(text)) & set("\n\t\r\v\f\x85\u2028\u2029")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (HOSTILE["colour"], "red"),
        (HOSTILE["title"], "ab"),
        (HOSTILE["clear"], "x"),
        (HOSTILE["breaks"], "a\nb\nc\nd\nefgh"),
        ("\x1b]0;never ended", "0;never ended"),
        ("\x1b[1;31mbold\x1b[m, \x1b(Bplain", "bold, plain"),
        ("a\ud83d", "a\ufffd"),
        ("\u202egnp.exe", "gnp.exe"),
        ("price [/b]", "price [/b]"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
    ],
)
def test_escapes_go_whole_and_words_stay(text, expected):
    assert safe(text) == expected


@pytest.mark.parametrize("piece", ["\x1b", "\x1b[", "\x1b]", "\x9d", "\x9b0", "\x1b]a\x1b", "\x1b "])
def test_long_rows_of_escapes_take_no_longer_than_text(piece):
    assert len(safe(piece * 50_000)) <= 50_000
