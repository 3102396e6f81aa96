"""Whether a message leans on the one before it, and which offered choice it takes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rapidfuzz import fuzz

from engine.dialogue import Choice
from engine.text.features import tokens
from engine.text.language import han_share
from engine.text.normalise import matching

_OPENING = re.compile(
    r"^(?:(?:and|but|or|so|also|then|ok(?:ay)?|what about|how about|what if|same for|"
    r"does (?:it|that|this)|is (?:it|that|this)|can (?:it|that|i))\b|"
    r"那么?|还有|另外|如果|要是|万一|而且|可是|但是?|好的?,)",
)
_POINTING = re.compile(
    r"\b(?:it|that|this|they|them|those|these|one|ones|there|instead)\b|它|这个|那个|这些|那些|这种|那种|这样|那样"
)
_ENDING = re.compile(r"(?:呢|too|either|as well|instead)[?？.。!！]?$")
_MOST_WORDS = 12
_MOST_CHARACTERS = 18
_NUMBER = re.compile(
    r"^(?:no\.? ?|number |option |the |选|第)?(\d|one|two|three|first|second|third|[一二三两])"
    r"(?:st|nd|rd|个|项| one)?[.)。]?$"
)
_NUMBERS = {
    "one": 1, "first": 1, "一": 1, "two": 2, "second": 2, "二": 2, "两": 2, "three": 3, "third": 3, "三": 3,
}  # fmt: skip
_NONE = re.compile(
    r"^(?:none|neither|no,? none|nothing)(?: of (?:these|them|those|the above))?[.!]*$|^(?:都|全)?不是[。！!]*$"
)
_SAME_WORDS = 88


def is_follow_up(text: str) -> bool:
    """True for a short message that opens, points or ends as a follow-up does."""
    form = matching(text)
    long = len(form) > _MOST_CHARACTERS if han_share(form) > 0.5 else len(tokens(form)) > _MOST_WORDS
    return not long and bool(_OPENING.search(form) or _POINTING.search(form) or _ENDING.search(form))


def beside_the_choices(text: str, offered: Sequence[Choice]) -> bool:
    """True for a bare number that none of the offered choices has."""
    found = _NUMBER.match(matching(text).strip())
    return found is not None and chosen(text, offered) is None


def takes_none(text: str) -> bool:
    """True where the customer says that nothing of what was offered is meant."""
    return bool(_NONE.match(matching(text)))


def chosen(text: str, offered: Sequence[Choice]) -> Choice | None:
    """The choice that a message takes, by its number or its words; None where it takes none."""
    form = matching(text).strip()
    found = _NUMBER.match(form)
    if found:
        word = found.group(1)
        number = _NUMBERS.get(word) or (int(word) if word.isdigit() else 0)
        return offered[number - 1] if 1 <= number <= len(offered) else None
    best = max(offered, key=lambda choice: fuzz.ratio(form, matching(choice.text)), default=None)
    if best is not None and fuzz.ratio(form, matching(best.text)) >= _SAME_WORDS:
        return best
    return None
