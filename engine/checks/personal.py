"""Personal data in texts: e-mail addresses, telephone numbers, payment cards, bank accounts and Chinese ID numbers.

Cards, accounts and ID numbers have check digits, so that a number which merely looks like one is passed over: Luhn
(ISO/IEC 7812), mod 97 (ISO 13616), mod 11-2 (GB 11643). Order numbers have no form of their own: they are found by the
patterns that a company gives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from engine.checks.phones import phones

EMAIL, PHONE, CARD, IBAN, ID_NUMBER = "email", "phone", "card", "iban", "id_number"
KINDS = (EMAIL, PHONE, CARD, IBAN, ID_NUMBER)
_CERTAIN = (ID_NUMBER, IBAN, CARD, EMAIL, PHONE)  # the most certain first; a company's own patterns come before them

_WIDE = str.maketrans(
    "０１２３４５６７８９＋－（）．／＠　\u00a0\u202f", "0123456789+-()./@   "
)  # one for one: places stay
_EMAIL = re.compile(
    r"[A-Za-z0-9_\u00c0-\u024f](?:[A-Za-z0-9_\u00c0-\u024f.+%'-]{0,62}[A-Za-z0-9_\u00c0-\u024f+-])?"
    r"@(?:[A-Za-z0-9\u00c0-\u024f](?:[A-Za-z0-9\u00c0-\u024f-]{0,61}[A-Za-z0-9\u00c0-\u024f])?\.){1,8}"
    r"(?:[Xx][Nn]--[A-Za-z0-9-]{1,59}|[A-Za-z]{2,24})(?![A-Za-z0-9@])"
)
_RUN = re.compile(r"(?<![A-Za-z0-9_])(?<![0-9][.,])[0-9]+(?:[ -][0-9]+)*")
_GROUP = re.compile("[0-9]+")
_CARD_LENGTHS = range(13, 20)
_CARD = re.compile(  # who issues which first digits, and how long their numbers are
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11,16}|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|22(?:0[0-4]\d{12,15}|2[1-9]\d{12})|2(?:2[3-9]|[3-6]\d|70|71)\d{13}|2720\d{12}"
    r"|(?:50|5[6-8]|6\d)\d{11,17}|8[12]\d{14,17}|9792\d{12}"
)
_FEWEST_DIGITS = 7  # in anything that has a number
_MOST_GROUPS = 8  # of a number that is written in groups
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}")
_IBAN_LENGTHS = {
    country: int(length)
    for group in (
        "15 NO", "16 BE", "18 DK FI FK FO GL NL SD", "19 MK SI", "20 AT BA EE KZ LT LU MN XK", "21 CH HR LI LV",
        "22 BG BH CR DE GB GE IE ME RS VA", "23 AE GI IL IQ OM SO TL", "24 AD CZ ES MD PK RO SA SE SK TN VG",
        "25 LY PT ST", "26 IS TR", "27 BI DJ FR GR IT MC MR SM", "28 AL AZ BY CY DO GT HU LB NI PL SV",
        "29 BR EG PS QA UA", "30 JO KW MU YE", "31 MT SC", "32 LC", "33 RU",
    )
    for length, *countries in [group.split()]
    for country in countries
}  # fmt: skip
_ID = re.compile(r"(?<![A-Za-z0-9_])([1-8]\d{5})[ -]?((?:19|20)\d{6})[ -]?(\d{3}[\dXx])(?![A-Za-z0-9_])", re.ASCII)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_PROVINCE = re.compile("1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3]")
_LAST_BIRTH = 2050


@dataclass(frozen=True, slots=True)
class Personal:
    """Something personal in a text: its kind, one of ``KINDS`` or the name of a pattern, its place, and the text."""

    kind: str
    start: int
    end: int
    text: str


def find(text: str, patterns: Mapping[str, re.Pattern[str]] | None = None) -> tuple[Personal, ...]:
    """Everything personal in a text, in order and without overlaps; where two overlap, the longer one, or the surer.

    Args:
        text: Any text, English or Chinese.
        patterns: What else is personal in this company, such as its order numbers; of a pattern with groups the first
            group that holds something is the value.
    """
    plain = text.translate(_WIDE)
    found = [*_of_patterns(plain, patterns or {})]
    if "@" in plain:
        found += [(EMAIL, *match.span()) for match in _EMAIL.finditer(plain)]
    if sum(map(len, _GROUP.findall(plain))) >= _FEWEST_DIGITS:
        found += [(kind, *span) for kind, spans in _numbers(plain) for span in spans]
    return tuple(Personal(kind, start, end, text[start:end]) for kind, start, end in _apart(found))


def is_card(digits: str) -> bool:
    """True for the digits of a payment card: an issuer's first digits, its length, and the check digit of Luhn."""
    return bool(_CARD.fullmatch(digits)) and luhn(digits)


def luhn(digits: str) -> bool:
    """True where the last digit checks the others."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[::-2])) + sum(doubled)) % 10 == 0


def is_iban(account: str) -> bool:
    """True for an account number in capitals without blanks: the length of its country, and 1 modulo 97."""
    if _IBAN_LENGTHS.get(account[:2]) != len(account):
        return False
    return int("".join(str(int(character, 36)) for character in account[4:] + account[:4])) % 97 == 1


def is_id_number(number: str) -> bool:
    """True for a Chinese ID number in capitals without blanks: a province, a day that was, and the check digit."""
    if not _PROVINCE.match(number) or int(number[6:10]) > _LAST_BIRTH:
        return False
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return "10X98765432"[total % 11] == number[17]


def _numbers(text: str) -> Iterator[tuple[str, Iterable[tuple[int, int]]]]:
    yield ID_NUMBER, _id_numbers(text)
    yield IBAN, _ibans(text)
    yield CARD, _cards(text)
    yield PHONE, phones(text)


def _of_patterns(text: str, patterns: Mapping[str, re.Pattern[str]]) -> Iterator[tuple[str, int, int]]:
    for name, pattern in patterns.items():
        for match in pattern.finditer(text):
            group = next((number for number, value in enumerate(match.groups(), 1) if value), 0)
            if match.group(group):
                yield name, *match.span(group)


def _id_numbers(text: str) -> Iterator[tuple[int, int]]:
    for match in _ID.finditer(text):
        if is_id_number("".join(match.groups()).upper()):
            yield match.span()


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2].upper())
        end = _after(text, match.start(), length) if length else 0
        if end and is_iban(re.sub("[ -]", "", text[match.start() : end]).upper()):
            yield match.start(), end


def _after(text: str, start: int, length: int) -> int:
    """Where ``length`` letters and digits end, single blanks and dashes between them; 0 where they do not."""
    place = start
    for number in range(length):
        if number and text[place : place + 1] in (" ", "-"):
            place += 1
        if not (text[place : place + 1].isascii() and text[place : place + 1].isalnum()):
            return 0
        place += 1
    following = text[place : place + 1]
    return 0 if following.isascii() and following.isalnum() else place


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Cards among whole groups of digits: what follows one, such as its date, may stand right behind it."""
    for run in _RUN.finditer(text):
        spans = [match.span() for match in _GROUP.finditer(text, *run.span())]
        if text[run.end() : run.end() + 1].isascii() and text[run.end() : run.end() + 1].isalpha():
            spans.pop()
        for first in range(len(spans)):
            digits = ""
            for start, end in spans[first : first + _MOST_GROUPS]:
                digits += text[start:end]
                if len(digits) in _CARD_LENGTHS and is_card(digits):
                    yield spans[first][0], end


def _apart(found: Iterable[tuple[str, int, int]]) -> list[tuple[str, int, int]]:
    """What is left without overlaps, in order."""
    kept: list[tuple[str, int, int]] = []
    taken: set[int] = set()
    for kind, start, end in sorted(found, key=_worth):
        places = range(start, end)
        if taken.isdisjoint(places):
            kept.append((kind, start, end))
            taken.update(places)
    return sorted(kept, key=lambda one: one[1])


def _worth(one: tuple[str, int, int]) -> tuple[int, int, int]:
    kind, start, end = one
    return start - end, _CERTAIN.index(kind) if kind in _CERTAIN else -1, start
