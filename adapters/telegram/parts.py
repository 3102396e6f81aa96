"""Texts of any length as messages that Telegram takes."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate

from engine.text.sentences import sentences

LONGEST = 4096
"""UTF-16 units of one message."""


def units(text: str) -> int:
    """Length as Telegram counts it: characters beyond the first 65,536, such as most emoji, count twice."""
    return len(text) + sum(char > "\uffff" for char in text)


def parts(text: str, longest: int = LONGEST) -> list[str]:
    """A text as messages of at most ``longest`` units, none of them blank.

    Nothing is lost but white space where it is cut: between paragraphs if that can be, else between lines, sentences or
    words, and inside a word only where it alone is too long.

    Args:
        text: The text. Half of a surrogate pair, which nobody can send, becomes a question mark.
        longest: At least 2.
    """
    return list(_cut(text.encode("utf-8", "replace").decode("utf-8").strip(), longest))


def _cut(text: str, longest: int) -> Iterator[str]:
    while units(text) > longest:
        fits = text[: bisect_right(list(accumulate(map(units, text[:longest]))), longest)]
        place = _place(fits, text[len(fits)])
        yield text[:place].rstrip()
        text = text[place:].lstrip()
    if text:
        yield text


def _place(fits: str, behind: str) -> int:
    """Where to cut: within what fits, before ``behind``, the first character that does not."""
    for edge in ("\n\n", "\n"):
        found = fits.rfind(edge)
        if found > 0:
            return found
    return _sentence_end(fits) or _word_end(fits, behind) or len(fits)


def _sentence_end(fits: str) -> int:
    """The end of the last sentence that is surely whole; 0 where there is none."""
    end = 0
    for sentence in sentences(fits)[:-1]:
        end = fits.index(sentence, end) + len(sentence)
    return end


def _word_end(fits: str, behind: str) -> int:
    if behind.isspace():
        return len(fits)
    return next((place for place in range(len(fits) - 1, 0, -1) if fits[place].isspace()), 0)
