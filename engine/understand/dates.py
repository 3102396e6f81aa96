"""Dates and times as customers say them, English and Chinese, resolved against the moment they were written.

Own patterns rather than a library, by ``tests/engine/date_phrases.py``: of 43 messages there that were written after
the patterns were, these resolved 39 at first sight, recognizers-text 32, jionlp 17 (16 of the 19 Chinese ones) and
dateparser 15. The libraries take the like of "may I", 早一点 or 第3天 for dates and turn days that do not exist
into others; recognizers-text, which is the best of them, needs 10 ms a message and an old version of another package.

How doubtful words are read (each is marked, and ``other`` holds the next best day):

- "next Friday" is Friday of the next ISO week; before this week's Friday that is not certain. 下周五 always is.
- "last Tuesday" is the latest one before today; where that was earlier in this week it is not certain. 上周二 is
  Tuesday of the week before, always.
- "Friday", "the 3rd", "周五", "3号" are the next one, or with ``past`` the last one; never certain.
- A day and a month without a year are the next such day, or the last if that is at most a quarter of a year ago.
- An hour alone ("at 6") is between seven in the morning and six in the evening; only twelve is certain.
- 03/05/2024 is read as ``day_first`` says, and not certain when it could be the other way.

What no calendar has ("31 February", "25:00") is found and left unresolved.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import date as Day
from datetime import time as Time

from engine.understand import dates_chinese, dates_english, dates_numeric
from engine.understand.dates_calendar import IMPOSSIBLE, Calendar, Clock, Doubt, Part, Piece, Reading, settle

_TRADITIONAL = dict(
    zip("週點號個後禮這兩鐘時間裡當過滿簽營業開學無餘", "周点号个后礼这两钟时间里当过满签营业开学无余", strict=True)
)
_FOLDS = str.maketrans(
    {chr(wide): chr(wide - 0xFEE0) for wide in range(0xFF01, 0xFF5F)}
    | dict.fromkeys("\u3000\u00a0\u2007\u2009\u202f\t", " ")
    | dict.fromkeys("’‘", "'")
    | dict.fromkeys("–—−～", "-")
    | _TRADITIONAL
)
_HAN = re.compile("[\u4e00-\u9fff〇]")
_LETTER = re.compile("[a-z]")
_DIGIT = re.compile("[0-9]")
_GLUE = re.compile(
    r"\)? {0,3},? {0,3}"
    r"(?:(?:at|on|in the|around|about|by|from|before|after|between|until|till|the|of|of the|on the)(?= )"
    r"|@|的|在|大概|大约|\()?"
    r" {0,3}"
)
_TO = re.compile(r"\)? {0,3}(?:to|until|till|through|thru|and|-|~|到|至|和) {0,3}(?:the )?")
_ZONE = re.compile(
    r" {0,2}(?:(?:z|utc|gmt|bst|cet|cest|est|edt|pst|pdt|mst|cst|ist|jst|et|pt|ct)(?![a-z])"
    r"|\+[0-9]{2}:?[0-9]{2}(?![0-9])|北京时间)"
)
_LONGEST_GAP = 24
_CONFIRMED = (Doubt.SIDE, Doubt.ORDER, Doubt.YEAR)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_PARTS = {
    Part.EARLY: ("in the early hours", "凌晨"),
    Part.MORNING: ("in the morning", "上午"),
    Part.NOON: ("at noon", "中午"),
    Part.AFTERNOON: ("in the afternoon", "下午"),
    Part.EVENING: ("in the evening", "晚上"),
    Part.NIGHT: ("at night", "夜里"),
}


@dataclass(frozen=True, slots=True)
class Moment:
    """One date or time in a text, at ``[start, end)`` in characters.

    ``date`` is None for a time alone, and for a day that does not exist; ``until`` is the last day of a span, the last
    one included, ``until_time`` the end of a span of time. ``part`` is the part of the day that was named. ``doubt``
    says why it is not certain, and ``other`` is then the first day of the next best reading, where there is one.
    Times are the customer's local times.
    """

    start: int
    end: int
    text: str
    date: Day | None = None
    time: Time | None = None
    until: Day | None = None
    until_time: Time | None = None
    part: Part | None = None
    other: Day | None = None
    doubt: Doubt | None = None

    @property
    def certain(self) -> bool:
        """Whether it can mean nothing else."""
        return self.doubt is None


def find(text: str, *, said: datetime, zone: tzinfo, day_first: bool = True, past: bool = False) -> list[Moment]:
    """Every date and time in a text, in order, none inside another.

    Args:
        text: What the customer wrote.
        said: When, aware.
        zone: Where the customer lives: "today" is the day there.
        day_first: How 03/05/2024 is read: the third of May, else March the fifth.
        past: On which side of today an open day is looked for: "on Friday" of something that has happened.

    Raises:
        ValueError: If ``said`` has no time zone, or is not a date in the customer's zone (years 1 and 9999).
    """
    if said.utcoffset() is None:
        raise ValueError("the moment when a message was written needs a time zone; give an aware datetime")
    try:
        now = said.astimezone(zone)
    except OverflowError:
        raise ValueError(f"{said.isoformat()} is outside the calendar in the customer's time zone") from None
    folded = _fold(text)
    calendar = Calendar(now, day_first, past)
    drafts = _spans(_joined(_pieces(folded, calendar), folded), folded)
    return [_moment(draft, text, folded, calendar) for draft in drafts if draft.stands]


def spoken(moment: Moment, locale: str) -> str:
    """A resolved date or time said back: "Wednesday 6 May 2026, 18:30", "2026年5月6日 星期三 18:30"; else "".

    Languages other than English and Chinese get ISO 8601: "2026-05-06 18:30".
    """
    language = locale.replace("_", "-").split("-")[0].casefold()
    first = _spoken_end(moment.date, moment.time, None if moment.time else moment.part, language)
    last = _spoken_end(moment.until, moment.until_time, None, language)
    if not first or not last:
        return first
    return first + {"en": " to ", "zh": "至"}.get(language, "/") + last


def _spoken_end(day: Day | None, at: Time | None, part: Part | None, language: str) -> str:
    clock = "" if at is None else f"{at:%H:%M}"
    if language == "en":
        said = f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]} {day.year}" if day else ""
        said = ", ".join(filter(None, (said, clock)))
        return f"{said} {_PARTS[part][0]}".strip() if part else said
    if language == "zh":
        said = f"{day.year}年{day.month}月{day.day}日 星期{'一二三四五六日'[day.weekday()]}" if day else ""
        return " ".join(filter(None, (said, clock, _PARTS[part][1] if part else "")))
    return " ".join(filter(None, (day.isoformat() if day else "", clock)))


def _fold(text: str) -> str:
    """Small letters, half-width, simplified where dates need it; every character keeps its place."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(char.lower() if len(char.lower()) == 1 else char for char in text)
    return lower.translate(_FOLDS)


def _pieces(text: str, calendar: Calendar) -> list[Piece]:
    """What the patterns find: the leftmost first, the longest of those, none overlapping."""
    rules: list[tuple[re.Pattern[str], Callable[[re.Match[str], Calendar], Piece | None]]] = []
    if _DIGIT.search(text):
        rules += dates_numeric.rules()
    if _LETTER.search(text):
        rules += dates_english.rules()
    if _HAN.search(text):
        rules += dates_chinese.rules()
    found: list[Piece] = []
    for pattern, resolve in rules:
        for match in pattern.finditer(text):
            try:
                piece = resolve(match, calendar)
            except (ValueError, OverflowError, OSError):
                piece = Piece(match.start(), match.end(), IMPOSSIBLE)
            if piece is not None and piece.end > piece.start:
                found.append(piece)
    found.sort(key=lambda piece: (piece.start, -piece.end, piece.weak))
    kept: list[Piece] = []
    for piece in found:
        if not kept or piece.start >= kept[-1].end:
            kept.append(piece)
    return kept


@dataclass(slots=True)
class _Draft:
    """Pieces that belong together, on their way to a moment."""

    start: int
    end: int
    reading: Reading | None = None
    weekday: int | None = None
    dated: bool = False
    part: Part | None = None
    clock: Clock | None = None
    strong: bool = False
    foreign: bool = False
    count: int = 1
    until: _Draft | None = field(default=None)

    @property
    def stands(self) -> bool:
        return self.strong or self.count > 1


def _draft(piece: Piece) -> _Draft:
    return _Draft(
        piece.start, piece.end, piece.reading, piece.weekday, piece.dated, piece.part, piece.clock, not piece.weak
    )


def _joined(pieces: Iterable[Piece], text: str) -> list[_Draft]:
    drafts: list[_Draft] = []
    for piece in pieces:
        if not drafts or not _join(drafts[-1], piece, text[drafts[-1].end : piece.start]):
            drafts.append(_draft(piece))
    return drafts


def _join(draft: _Draft, piece: Piece, gap: str) -> bool:
    """Take a piece into a draft if the words between say that they are one; whether it was taken."""
    zone = _ZONE.match(gap) if draft.clock else None
    gap = gap[zone.end() :] if zone else gap
    if len(gap) > _LONGEST_GAP or not (_GLUE.fullmatch(gap) or (gap == "t" and draft.dated and piece.clock)):
        return False
    if (draft.clock and piece.clock) or (draft.part and piece.part):
        return False
    if draft.part and not draft.clock and not draft.reading and piece.reading and "of" not in gap:
        return False  # "good morning, tomorrow …"
    if any(map(_long, (draft.reading, piece.reading))):
        return False  # "next week, 6pm" is not on a day
    if draft.reading and piece.reading:
        agreed = _agreed(draft, piece)
        if agreed is None:
            return False
        draft.reading, draft.weekday, draft.dated = agreed, None, True
    elif piece.reading:
        draft.reading, draft.weekday, draft.dated = piece.reading, piece.weekday, piece.dated
    draft.part = draft.part or piece.part
    draft.clock = draft.clock or piece.clock
    draft.end = piece.end
    draft.foreign = draft.foreign or zone is not None
    draft.strong = draft.strong or not piece.weak
    draft.count += 1
    return True


def _long(reading: Reading | None) -> bool:
    """Whether it is a span of more days than a weekend has."""
    if reading is None or reading.date is None or reading.until is None:
        return False
    return (reading.until - reading.date).days > 1


def _agreed(draft: _Draft, piece: Piece) -> Reading | None:
    """A day and a weekday beside it: the reading that both allow; a clash for a day of a month; else None."""
    if (draft.weekday is None) == (piece.weekday is None) or draft.reading is None or piece.reading is None:
        return None
    weekday = draft.weekday if draft.weekday is not None else piece.weekday
    named, dated = (piece.reading, piece.dated) if draft.weekday is not None else (draft.reading, draft.dated)
    if named.until is not None:
        return None
    if named.date is None:
        return named
    if named.date.weekday() == weekday:
        return replace(named, other=None, doubt=None if named.doubt in _CONFIRMED else named.doubt)
    if named.other is not None and named.other.weekday() == weekday:
        return Reading(named.other)
    return replace(named, doubt=Doubt.CLASH) if dated else None


def _spans(drafts: list[_Draft], text: str) -> list[_Draft]:
    """Drafts with "to" between them become one: from Monday to Friday, 下午三点到五点."""
    found: list[_Draft] = []
    for draft in drafts:
        before = found[-1] if found else None
        if before is None or not _opens(before, draft, text):
            found.append(draft)
            continue
        if draft.part is None and draft.reading is None:
            draft.part = before.part
        if before.reading is None and draft.reading is not None:  # "12:00 to 16:00 on 8 May"
            before.reading, before.weekday, before.dated = draft.reading, draft.weekday, draft.dated
            draft.reading = None
        before.until, before.end = draft, draft.end
        before.strong = before.strong or draft.strong
    return found


def _opens(before: _Draft, draft: _Draft, text: str) -> bool:
    gap = text[before.end : draft.start]
    if before.until or len(gap) > _LONGEST_GAP or not _TO.fullmatch(gap) or not (before.stands and draft.stands):
        return False
    if gap.strip() in ("and", "和") and "between" not in text[max(0, before.start - 20) : before.end]:
        return False
    if (before.clock and before.clock.until) or dates_english.changes(text, before.start):
        return False
    if draft.reading is None or before.reading is None:
        return before.clock is not None and draft.clock is not None
    if before.reading.date is None or draft.reading.date is None:
        return False
    return before.reading.until is None and _last_day(before.reading.date, draft) is not None


def _last_day(first: Day, draft: _Draft) -> Day | None:
    """The last day of a span; an open one is looked for from the first day: "Monday to Friday", "7 May to the 9th"."""
    if draft.reading is None or draft.reading.date is None:
        return None
    last = draft.reading.until or draft.reading.date
    try:
        if draft.weekday is not None:
            last = first + timedelta(days=(draft.weekday - first.weekday()) % 7)
        elif draft.reading.doubt is Doubt.SIDE and draft.dated and last.day > first.day:
            last = first.replace(day=last.day)
    except (ValueError, OverflowError):
        return None
    return last if last >= first else None


def _moment(draft: _Draft, text: str, folded: str, calendar: Calendar) -> Moment:
    reading = draft.reading or Reading(None)
    clock, part, end = draft.clock, draft.part, draft.end
    if part is Part.NOON and clock is None:
        clock = Clock(12, exact=True)
    day, at, doubt = _at(reading.date, clock, part, calendar)
    doubts = [reading.doubt, doubt]
    until, until_time = reading.until, None
    if clock is not None and clock.until is not None:
        _, until_time, doubt = _at(reading.date, clock.until, part, calendar)
        doubts.append(doubt)
    if draft.until is not None:
        last = draft.until
        until = _last_day(reading.date, last) if reading.date else None
        moved, until_time, doubt = _at(until or reading.date, last.clock, last.part, calendar)
        until = moved if until or (moved and moved != reading.date) else None
        if last.reading is not None and last.reading.doubt is not Doubt.SIDE:
            doubts.append(last.reading.doubt)
        doubts.append(doubt)
    if folded[end : end + 1] == ")" and "(" in folded[draft.start : end] and ")" not in folded[draft.start : end]:
        end += 1
    zone = _ZONE.match(folded, end) if clock is not None else None
    if zone is not None:
        end = zone.end()
    if zone is not None or draft.foreign:
        doubts.append(Doubt.ZONE)
    why = Doubt.IMPOSSIBLE if Doubt.IMPOSSIBLE in doubts else next(filter(None, doubts), None)
    return Moment(draft.start, end, text[draft.start : end], day, at, until, until_time, part, reading.other, why)


def _at(
    day: Day | None, clock: Clock | None, part: Part | None, calendar: Calendar
) -> tuple[Day | None, Time | None, Doubt | None]:
    """A day and what the clock shows on it in the customer's zone, where some times are missing and some come twice."""
    if clock is None:
        return day, None, None
    settled = settle(clock, part)
    if settled is None:
        return day, None, Doubt.IMPOSSIBLE
    at, days, doubt = settled
    doubt = doubt or clock.doubt
    if day is None:
        return None, at, doubt
    if clock.half == "midnight" and not days:
        doubt = Doubt.HALF  # "tomorrow at midnight": where tomorrow begins, or where it ends
    try:
        day += timedelta(days=days)
        local = datetime.combine(day, at, calendar.now.tzinfo)
        again = local.astimezone(UTC).astimezone(calendar.now.tzinfo)
        twice = local.utcoffset() != local.replace(fold=1).utcoffset()
    except OverflowError:
        return None, at, Doubt.IMPOSSIBLE
    if again.replace(tzinfo=None, fold=0) != local.replace(tzinfo=None):
        return day, None, Doubt.IMPOSSIBLE
    return day, at, doubt or (Doubt.TWICE if twice else None)
