"""Values that customers give: e-mail address, order number, amount, date, name.

First form: patterns. Each finds the value as the customer wrote it; what a pattern is not sure of it does not find.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from engine.checks.personal import find as find_personal

_MONTHS = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_DAYS = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_DATE = (
    r"(?<![A-Za-z\d./-])(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2}))(?![A-Za-z\d]|[./-]\d)"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th)?\s+(?:of\s+)?{_MONTHS}\b(?:\s+\d{{4}})?|\b{_MONTHS}\s+\d{{1,2}}(?:st|nd|rd|th)?\b"
    rf"|\b(?:last|next|this|on)\s+{_DAYS}\b|\byesterday\b|\btomorrow\b"
    r"|(?:\d{4}年)?\d{1,2}月\d{1,2}[日号]|[上下本这]?(?:周|星期|礼拜)[一二三四五六日天]|昨天|前天|明天|后天"
)
_AMOUNT = (
    r"[£€$¥￥]\s?\d+(?:[.,]\d+){0,4}|\b\d+(?:[.,]\d+){0,4}\s?(?:pounds?|quid|euros?|dollars?|gbp|eur|usd|cny|rmb|yuan)\b"
    r"|\d+(?:\.\d+)?\s?(?:元|块钱|块|英镑|镑|欧元|美元|人民币)"
)
_BEFORE_ORDER = (
    "order ", "order number ", "order no ", "order no. ", "order number is ", "order: ", "order number: ",
    "订单", "订单 ", "订单号", "订单号 ", "订单号是", "订单号是 ", "订单号：", "订单号:", "订单号是：", "订单号是:",
)  # fmt: skip
_END = r"(?![A-Za-z\d]|[./-]\d)"
_ORDER = (
    r"(?:(?<![A-Za-z\d])[A-Za-z]{2,4}-\d{4,10}|(?<=#)\d{4,12}|(?:"
    + "|".join(f"(?<={re.escape(words)})" for words in _BEFORE_ORDER)
    + rf")\d{{4,12}}){_END}"
)
_NAME = (
    r"(?:(?i:my name is|my name's|this is|i am|i'm|im) )"
    r"([A-Z](?:[^\W\d_]|['-])+(?: [A-Z](?:[^\W\d_]|['-])+)?)\b(?![ -]?\d)"
    r"|(?:我叫|我的名字是|我的名字叫)([\u4e00-\u9fff]{2,4}?)(?=[\s，,。.！!；;]|$)"
)
_NO_NAMES = frozenset(
    word
    for line in (
        "a an the not so very just still really sorry looking trying having going in on from at afraid unable here",
        "glad happy angry sure writing calling waiting worried interested ok okay british chinese english german",
        "french irish vegan vegetarian christmas monday tuesday wednesday thursday friday saturday sunday",
    )
    for word in line.split()
)
_LETTER = r"A-Za-z0-9_\u00c0-\u1fff"  # of an e-mail address; Chinese stands around one without spaces
BUILT_IN: Mapping[str, re.Pattern[str]] = {
    "email": re.compile(rf"[{_LETTER}.+-]{{1,64}}@[{_LETTER}-]{{1,63}}(?:\.[{_LETTER}-]{{1,63}}){{1,8}}"),
    "order_number": re.compile(_ORDER, re.IGNORECASE),
    "amount": re.compile(_AMOUNT, re.IGNORECASE),
    "date": re.compile(_DATE, re.IGNORECASE),
    "name": re.compile(_NAME),
}
_LONGEST_VALUE = 80


def any_of(values: Iterable[str]) -> str:
    """A pattern for a list of values, in any case, not as parts of other words; longer ones come first."""
    listed = "|".join(_whole(value) for value in sorted(values, key=len, reverse=True))
    return f"(?i:{listed})"


def _whole(value: str) -> str:
    """A pattern for one value; a letter or digit at its end that is not Chinese must end a word."""
    before = r"(?<![^\W\u4e00-\u9fff])" if re.match(r"[^\W\u4e00-\u9fff]", value) else ""
    after = r"(?![^\W\u4e00-\u9fff])" if re.search(r"[^\W\u4e00-\u9fff]$", value) else ""
    return before + re.escape(value) + after


class SlotFinder:
    """Finds slots by pattern; ``patterns`` replace or add to the built-in ones."""

    def __init__(self, patterns: Mapping[str, str] | None = None) -> None:
        own = {name: re.compile(pattern) for name, pattern in (patterns or {}).items()}
        self._patterns = {**BUILT_IN, **own}

    def find(self, text: str) -> dict[str, str]:
        """The last value of each slot in a text: what is said later corrects what was said before."""
        found: dict[str, str] = {}
        for name, pattern in self._patterns.items():
            for match in pattern.finditer(text):
                value = next((group for group in match.groups() if group), match.group())
                if len(value) <= _LONGEST_VALUE and not (name == "name" and value.split()[0].casefold() in _NO_NAMES):
                    found[name] = value
        return found

    def masked(self, text: str) -> str:
        """The text with order numbers and whatever is personal as placeholders: what they are, not which."""
        for name in ("email", "order_number"):
            text = self._patterns[name].sub(f"⟨{name}⟩", text)
        for one in reversed(find_personal(text)):
            text = f"{text[: one.start]}⟨{one.kind}⟩{text[one.end :]}"
        return text
