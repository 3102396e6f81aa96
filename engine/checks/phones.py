"""Telephone numbers in texts: international ones, national forms, Chinese mobiles.

A number of seven digits may be anything. One is taken for a telephone number by how it begins and how it is written in
groups, or by the word before it; dates, prices, order numbers and parts of longer numbers are none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

_RUN = re.compile(r"[0-9]+(?:(?: ?[-./–‑] ?|\) ?-? ?| ?\(| )[0-9]+)*")
_GROUP = re.compile("[0-9]+")
_MOST_GROUPS = 8
_FEWEST, _MOST = 7, 15  # digits, ITU-T E.164
_LENGTHS = {  # digits of a whole number with its country code, where a country has but few lengths
    "1": (11,), "7": (11,), "31": (11,), "32": (11, 10), "33": (11,), "34": (11,), "41": (11,), "44": (12, 11),
    "45": (10,), "46": (11, 10), "47": (10,), "48": (11,), "61": (11,), "64": (11, 10, 12), "65": (10,), "81": (12, 11),
    "82": (12, 11), "86": (13, 12, 11), "91": (12,), "351": (12,), "353": (12, 11), "852": (11,), "853": (11,),
    "886": (12, 11),
}  # fmt: skip
_DATE = re.compile(
    r"(?:19|20)\d\d ?[-./] ?(?:0?[1-9]|1[0-2]) ?[-./] ?(?:0?[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01]) ?[-./] ?(?:0?[1-9]|1[0-2]) ?[-./] ?(?:19|20)\d\d(?!\d)"
    r"|(?<!\d)(?:0?[1-9]|1[0-2]) ?[-./] ?(?:0?[1-9]|[12]\d|3[01]) ?[-./] ?(?:19|20)\d\d(?!\d)",
    re.ASCII,
)
_LEAD = re.compile(r"(?:\(\+?|\+\(?)$")
_NOT_BEFORE = re.compile(r"(?:[A-Za-z0-9_£€$¥￥#№@=]|[£€$¥￥#№] |[0-9][.,:/–-]|[0-9]{3} |[A-Za-z][-_/.])$")
_AFTER_LETTERS = re.compile(r"(?:^|[^A-Za-z])(?:tel|fax|mob|phone)\.$", re.IGNORECASE)
_NOT_AFTER = re.compile(
    r"[A-Za-z0-9_%°@€£$¥￥]|[.,:][0-9]|[-–][A-Za-z0-9]| ?(?:元|块|岁|米|公里|公斤|克|毫升|[€£$¥￥%]"
    r"|(?:kg|km|cm|mm|ml|mah|euros?|pounds?|dollars?|yuan|rmb|usd|eur|gbp)\b)",
    re.IGNORECASE,
)
_NAMED = re.compile(  # words after which a number is a telephone number, whatever it looks like
    r"(?:\b(?:tele)?phone|\btel|\bmobile|\bcell|\bfax|\bhotline|\bhelpline|\bwhats ?app|\bcall(?: (?:me|us|him|her))?"
    r"|\b(?:text|ring|dial|reach) (?:me|us|him|her)|手机|电话|热线|座机|传真|联系方式|致电|拨打|拨)"
    r"(?:\s*(?:number|no\.?|nr\.?|is|on|at|under|'s|号码|号|是|为|[:：.])){0,4}\s*$",
    re.IGNORECASE,
)
_NAMED_OTHERWISE = re.compile(
    r"(?:\b(?:orders?|invoice|ref(?:erence)?|tracking|parcel|shipment|article|item|sku|isbn|ean|serial|model|customer"
    r"|account|booking|ticket|case|voucher|code|version|product|part|contract|policy|member(?:ship)?)"
    r"(?:\s*(?:number|no\.?|nr\.?|code|id|is|was|'s|[:：.#])){0,4}"
    r"|(?:订单|单号|运单|快递|货号|型号|编号|序列号|发票|验证码|会员|合同|账号|卡号)(?:号码|号|是|为|[:：])*)\s*$",
    re.IGNORECASE,
)
_LOOK_BACK = 40


def phones(text: str) -> Iterator[tuple[int, int]]:
    """Begin and end of every telephone number, with its country code and brackets; none overlaps another."""
    end = 0
    for run in _RUN.finditer(text):
        groups = [match.span() for match in _GROUP.finditer(text, *run.span())]
        first = 0
        while first < len(groups):
            start, lead = groups[first][0], _lead(text, groups[first][0])
            before = text[max(end, start - len(lead) - _LOOK_BACK) : start - len(lead)]
            count = _longest(text, groups[first : first + _MOST_GROUPS], lead, before)
            if count:
                end = groups[first + count - 1][1]
                yield _begin(text, start, end, lead), end
            first += count or 1


def _longest(text: str, groups: Sequence[tuple[int, int]], lead: str, before: str) -> int:
    """How many of the groups make the likeliest number that begins with the first of them; 0 for none."""
    if _NOT_BEFORE.search(before) and not _AFTER_LETTERS.search(before):
        return 0
    counts = [count for count in range(len(groups), 0, -1) if not _NOT_AFTER.match(text, groups[count - 1][1])]
    for is_one in (_exactly, _roughly):
        for count in counts:
            if is_one(text, groups[:count], lead, before):
                return count
    return 0


def _exactly(text: str, groups: Sequence[tuple[int, int]], lead: str, _before: str) -> bool:
    """True for a number of the very length that its country has."""
    digits = _international(text, groups, lead)
    return any(digits.startswith(code) and len(digits) in lengths for code, lengths in _LENGTHS.items() if digits)


def _roughly(text: str, groups: Sequence[tuple[int, int]], lead: str, before: str) -> bool:
    """True for a number in one of the forms that are usual somewhere."""
    digits = "".join(text[start:end] for start, end in groups)
    sizes = tuple(end - start for start, end in groups)
    written = text[groups[0][0] : groups[-1][1]]
    if not _FEWEST <= len(digits) <= _MOST + 2 or _DATE.search(written):
        return False
    if _international(text, groups, lead):
        return "+" in lead or len(groups) > 1
    if _NAMED_OTHERWISE.search(before) or len(digits) > _MOST:
        return False
    if _NAMED.search(before):
        return min(sizes) > 1 or sizes[0] == 1
    return _chinese(digits, sizes) or _national(digits, sizes) or _american(digits, sizes, written)


def _international(text: str, groups: Sequence[tuple[int, int]], lead: str) -> str:
    """Digits of a number with a plus or two zeros before its country code; empty for another."""
    digits = "".join(
        text[start:end]
        for start, end in groups
        if text[start - 1 : end + 1] != "(0)"  # to be dialled at home alone
    )
    if "+" not in lead:
        if not digits.startswith("00") or len(digits) < 12:
            return ""
        digits = digits[2:]
    return digits if 8 <= len(digits) <= _MOST and digits[0] != "0" else ""


def _chinese(digits: str, sizes: tuple[int, ...]) -> bool:
    if len(digits) == 13 and digits.startswith("86"):
        digits, sizes = digits[2:], sizes[1:] if sizes[0] == 2 else (sizes[0] - 2, *sizes[1:])
    mobile = len(digits) == 11 and digits[0] == "1" and digits[1] in "3456789"
    if mobile:
        return sizes in ((11,), (3, 4, 4), (3, 8), (3, 3, 5), (7, 4))
    return digits[:3] in ("400", "800") and sizes in ((3, 3, 4), (3, 4, 3))


def _national(digits: str, sizes: tuple[int, ...]) -> bool:
    if digits[0] != "0" or digits[1] == "0" or not 9 <= len(digits) <= 12:
        return False
    if len(sizes) == 1:
        return len(digits) in (10, 11)
    return 2 <= sizes[0] <= 5 and min(sizes) >= 2 and (max(sizes) > 2 or sizes == (2,) * 5)


def _american(digits: str, sizes: tuple[int, ...], written: str) -> bool:
    if sizes[:1] == (1,) and digits[0] == "1":
        digits, sizes = digits[1:], sizes[1:]
    if sizes != (3, 3, 4) or digits[0] in "01":
        return False
    return digits[3] not in "01" or any(mark in written for mark in "-.)")


def _lead(text: str, start: int) -> str:
    """The plus and the bracket before the first digit."""
    found = _LEAD.search(text, max(0, start - 2), start)
    return found.group() if found else ""


def _begin(text: str, start: int, end: int, lead: str) -> int:
    """Where a number begins: with its plus, and with its bracket where that is closed again within the number."""
    if "(" in lead and ")" not in text[start:end]:
        lead = lead.partition("(")[2] if lead[0] == "(" else lead[:1]
    return start - len(lead)
