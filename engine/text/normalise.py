"""Cleaning at the edge, and the form in which texts are compared. What is displayed is never normalised."""

from __future__ import annotations

import re
import unicodedata

_SURROGATES = re.compile("[\ud800-\udfff]")
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u2028\u2029\ufeff]")
_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_QUOTES = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})


def clean(text: str) -> str:
    """Text that every database, screen and tokenizer takes: no control characters, no lone surrogates.

    Line breaks and tabs stay. Nothing else is changed, and cleaning twice changes nothing more.
    """
    text = _BREAKS.sub("\n", text)
    return _CONTROLS.sub("", _SURROGATES.sub("\ufffd", text))


def matching(text: str) -> str:
    """The form in which texts are compared: NFKC, case folded, plain quotes, single spaces."""
    folded = unicodedata.normalize("NFKC", clean(text)).casefold()
    return _SPACES.sub(" ", unicodedata.normalize("NFKC", folded).translate(_QUOTES)).strip()
