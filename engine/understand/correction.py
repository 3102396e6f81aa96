"""A message that puts something right: "no, I meant 4512", "不对，是 4512".

Values that are found by themselves (an e-mail address, a date) replace those before anyway. Here are the bare ones,
which mean something only beside the value that they replace.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from engine.memory import WorkingMemory
from engine.text.normalise import matching
from engine.text.stopwords import content
from engine.understand.requested import wants_an_answer

_CUE = re.compile(
    r"^\s*(?:no+|nope|sorry|oops|wait|correction|actually|i mean|i meant|not)\b|\b(?:i meant?|should be|typo|"
    r"my mistake|instead of|rather than)\b|^(?:不|不是|不对|错了|抱歉|不好意思|等等)|"
    r"(?:我是说|应该是|写错|打错|弄错|说错)",
    re.IGNORECASE,
)
_BARE = re.compile(
    r"(?<![\w.-])#?([A-Za-z]{0,4}-?\d[\d-]{1,18})(?![\w-])|(?<!\w)#?([A-Za-z]{0,4}-?\d{2,18})(?!\w)", re.ASCII
)
_MEANT = re.compile(
    r"^\s*(?:(?:no+|nope|sorry|oops|wait|actually)[,.! ]+)*(?:i meant?(?: to say)?|it should be|make (?:it|that))"
    r"[:,]? (?P<what>.+)$"
    r"|^\s*(?:不对|不是|错了|抱歉|不好意思|说错了|打错了)[，,。！! ]*(?:我(?:是说|说的)?|应该)?是(?P<was>.+)$"
    r"|^\s*(?:我是说|我说的是|应该是)(?P<that>.+)$",
    re.IGNORECASE | re.DOTALL,
)
_NUMBERED = ("order_number", "phone", "amount", "card", "iban", "id_number")
_LONGEST = 120  # characters
_BESIDE = frozenset(
    word
    for line in (
        "nope oops wait correction actually mistake mistyped typo typed wrote written instead rather wrong right",
        "correct number order code digits digit last first oh sorry phone amount card account old new misread mixed",
        *"不对错了是单号码编数字应该写打弄说我的抱歉好意思等改成而订位最后前面才刚电话金额卡换正确说",
    )
    for word in line.split()
)


def puts_right(text: str) -> bool:
    """True for a message that says that something before was wrong, and asks nothing."""
    return len(text) <= _LONGEST and bool(_CUE.search(text)) and not wants_an_answer(text)


def corrected(text: str, memory: WorkingMemory, others: Iterable[str] = ()) -> tuple[str, str] | None:
    """The slot that a bare number in a correction replaces, and its new value; None where there is none.

    It is the numbered slot that was given last; "not 4521 but 4512" names the wrong value too, which is passed over.
    A number beside other words ("no, that was 14 days ago") replaces nothing, nor does a much shorter one, nor one
    among ``others``, the values that were found in the message by themselves.
    """
    if not puts_right(text):
        return None
    known = {name: slot for name, slot in memory.slots.items() if name in _NUMBERED}
    if not known:
        return None
    rest = text
    for other in sorted(others, key=len, reverse=True):
        rest = rest.replace(other, " ")
    values = [first or second for first, second in _BARE.findall(rest)]
    if any(word not in _BESIDE for word in content(_BARE.sub(" ", matching(rest)))):
        return None
    name = max(known, key=lambda one: known[one].heard)
    before = known[name].value
    new = [value for value in values if value != before and 2 * _digits(value) > _digits(before)]
    return (name, new[-1]) if new else None


def meant(text: str) -> str | None:
    """What a message says was meant instead, such as "the Squall jacket" in "no, I meant the Squall jacket"."""
    found = _MEANT.match(text) if puts_right(text) else None
    return None if found is None else found["what"] or found["was"] or found["that"]


def _digits(value: str) -> int:
    return sum(character.isdigit() for character in value)
