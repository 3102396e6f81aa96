"""What words for days mean on the calendar, seen from one day: weeks, months, years that nobody named, clock times.

Weeks run from Monday to Sunday (ISO 8601). Everything here is arithmetic on local dates; what the calendar does not
have raises ``ValueError`` or ``OverflowError`` and is reported as impossible by whoever asked.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass, replace
from datetime import date as Day
from datetime import datetime, time, timedelta
from enum import StrEnum

_QUARTER = 91  # days: a date without a year that is longer past is meant for the next year
_HALF_YEAR = 183
_FIRST_OF_THE_DAY = 7  # o'clock: "at 6" is said to a company of the afternoon, "at 8" of the morning


class Doubt(StrEnum):
    """Why a date or time is not certain."""

    ORDER = "order"  # 03/05/2024: the third of May, or March the fifth
    WEEK = "week"  # "next Friday" on a Wednesday
    SIDE = "side"  # "on Friday", "the 3rd": the one before or the one to come
    YEAR = "year"  # a day and a month, far from today
    HALF = "half"  # "at 6": morning or evening
    VAGUE = "vague"  # "two months ago" is hardly ever said to the day
    CLASH = "clash"  # a weekday that the date does not have
    ZONE = "zone"  # a time with a time zone of its own
    TWICE = "twice"  # the clocks go back and show this time twice
    IMPOSSIBLE = "impossible"  # no such day or time


class Part(StrEnum):
    """A part of the day."""

    EARLY = "early"
    MORNING = "morning"
    NOON = "noon"
    AFTERNOON = "afternoon"
    EVENING = "evening"
    NIGHT = "night"


_SMALL_HOURS = {Part.EVENING: 4, Part.NIGHT: 5}  # o'clock: "tonight at 2" is after midnight


@dataclass(frozen=True, slots=True)
class Reading:
    """A day, or the first and the last day of a span; ``other`` is the first day of the next best reading."""

    date: Day | None
    until: Day | None = None
    other: Day | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Clock:
    """A time as it was said. ``half`` is "am", "pm" or "midnight"; ``exact`` that it is on the 24-hour clock."""

    hour: int
    minute: int = 0
    half: str = ""
    exact: bool = False
    until: Clock | None = None
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing found in a text, at ``[start, end)``: a day, a weekday, a part of the day, a time, or several of these.

    ``weak`` pieces ("sat", "morning") say nothing unless they stand beside another one; ``dated`` ones name a day of a
    month, which a weekday can confirm.
    """

    start: int
    end: int
    reading: Reading | None = None
    weekday: int | None = None
    part: Part | None = None
    clock: Clock | None = None
    weak: bool = False
    dated: bool = False


IMPOSSIBLE = Reading(None, doubt=Doubt.IMPOSSIBLE)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The calendar around the moment when something was said.

    ``now`` is the customer's local time, aware. ``day_first`` settles 03/05/2024, ``past`` which side of today an open
    day is looked for on: False for what is to come, True for what has happened.
    """

    now: datetime
    day_first: bool = True
    past: bool = False

    @property
    def today(self) -> Day:
        """The customer's date."""
        return self.now.date()

    def day(self, days: int) -> Reading:
        """So many days from today."""
        return Reading(self.today + timedelta(days=days))

    def working_day(self, days: int) -> Reading:
        """So many working days from today; holidays are not known, so it is never certain."""
        found, left = self.today, abs(days)
        if left > 3660:
            raise ValueError("too far")
        while left:
            found += timedelta(days=1 if days > 0 else -1)
            left -= found.weekday() < 5
        return Reading(found, doubt=Doubt.VAGUE)

    def later(self, months: int) -> Reading:
        """So many months from today: nobody says that to the day."""
        first, last = self._month_at(months)
        return Reading(min(first.replace(day=min(self.today.day, last.day)), last), doubt=Doubt.VAGUE)

    def week(self, weeks: int) -> Reading:
        """Monday to Sunday of a week from this one."""
        return Reading(self.in_week(weeks, 0), self.in_week(weeks, 6))

    def weekend(self, weeks: int) -> Reading:
        """Saturday and Sunday of a week from this one."""
        return Reading(self.in_week(weeks, 5), self.in_week(weeks, 6))

    def in_week(self, weeks: int, weekday: int) -> Day:
        """A weekday, 0 for Monday, of a week from this one."""
        return self.today + timedelta(days=weekday - self.today.weekday() + 7 * weeks)

    def coming(self, weekday: int) -> Day:
        """The next such weekday after today."""
        return self.today + timedelta(days=(weekday - self.today.weekday() - 1) % 7 + 1)

    def gone(self, weekday: int) -> Day:
        """The last such weekday before today."""
        return self.today - timedelta(days=(self.today.weekday() - weekday - 1) % 7 + 1)

    def open_weekday(self, weekday: int) -> Reading:
        """A weekday without "last" or "next"; where it is today's, today is the other reading."""
        coming, gone = self.coming(weekday), self.gone(weekday)
        date, other = (gone, coming) if self.past else (coming, gone)
        if weekday == self.today.weekday():
            other = self.today
        return Reading(date, other=other, doubt=Doubt.SIDE)

    def month(self, months: int) -> Reading:
        """First to last day of a month from this one."""
        return Reading(*self._month_at(months))

    def in_month(self, months: int, day: int) -> Reading:
        """A day of a month from this one."""
        return Reading(self._month_at(months)[0].replace(day=day))

    def year(self, year: int) -> Reading:
        """First to last day of a year."""
        return Reading(Day(year, 1, 1), Day(year, 12, 31))

    def open_day(self, day: int) -> Reading:
        """A day of a month that was not named: the next one (the last one, in the past), today included."""
        if not 1 <= day <= 31:
            return IMPOSSIBLE
        found = [self._month_at(months)[0].replace(day=day) for months in range(-2, 3) if self._has(months, day)]
        before = [one for one in found if one <= self.today]
        after = [one for one in found if one >= self.today]
        if self.past:
            before, after = after[::-1], before[::-1]
        other = next((one for one in reversed(before) if one != after[0]), None)
        return Reading(after[0], other=other, doubt=Doubt.SIDE)

    def dated(self, month: int, day: int, year: int | None = None) -> Reading:
        """A day and a month; a year that was not named is the likeliest one.

        That is the next such day, or the last one if it is no more than a quarter of a year ago; in the past, the last.
        """
        if year is not None:
            return Reading(Day(year, month, day))
        found = []
        for near in (self.today.year - 1, self.today.year, self.today.year + 1):
            try:
                found.append(Day(near, month, day))
            except ValueError:
                continue
        return self._likeliest(found) if found else IMPOSSIBLE

    def named_month(self, month: int, year: int | None = None) -> Reading:
        """First to last day of a month by its number."""
        if year is None:
            near = self.today.year
            ends = [Day(one, month, monthrange(one, month)[1]) for one in (near - 1, near, near + 1)]
            if self.past:
                ends = [one.replace(day=1) for one in ends]
            likeliest = self._likeliest(ends)
            assert likeliest.date is not None  # noqa: S101  # every year has every month
            other = likeliest.other and likeliest.other.replace(day=1)
            first = likeliest.date.replace(day=1)
            return replace(likeliest, date=first, until=_last_of(first), other=other)
        first = Day(year, month, 1)
        return Reading(first, _last_of(first))

    def numeric(self, first: int, second: int, year: int | None, *, settled: bool = False) -> Reading:
        """Two numbers that are a day and a month, in an order that ``day_first`` settles when both are possible.

        ``settled`` says that the day comes first, whatever the setting.
        """
        day, month = (first, second) if self.day_first or settled else (second, first)
        found = self._possible(month, day, year)
        swapped = None if settled or day == month else self._possible(day, month, year)
        if found is None or swapped is None:
            return found or swapped or IMPOSSIBLE
        return replace(found, other=swapped.date, doubt=Doubt.ORDER)

    def after(self, amount: timedelta) -> datetime:
        """The local time so long from now; hours are real hours, also when the clocks change."""
        return datetime.fromtimestamp(self.now.timestamp() + amount.total_seconds(), self.now.tzinfo)

    def _possible(self, month: int, day: int, year: int | None) -> Reading | None:
        try:
            found = self.dated(month, day, year)
        except ValueError:
            return None
        return None if found.date is None else found

    def _likeliest(self, found: list[Day]) -> Reading:
        if self.past:
            before = [one for one in found if one <= self.today]
            chosen = before[-1] if before else found[0]
        else:
            after = [one for one in found if (self.today - one).days <= _QUARTER]
            chosen = after[0] if after else found[-1]
        far = abs((chosen - self.today).days) > _HALF_YEAR
        others = sorted((one for one in found if one != chosen), key=lambda one: abs(one - self.today))
        return Reading(chosen, other=others[0] if far and others else None, doubt=Doubt.YEAR if far else None)

    def _month_at(self, months: int) -> tuple[Day, Day]:
        at = self.today.year * 12 + self.today.month - 1 + months
        first = Day(at // 12, at % 12 + 1, 1)
        return first, _last_of(first)

    def _has(self, months: int, day: int) -> bool:
        return day <= self._month_at(months)[1].day


def _last_of(first: Day) -> Day:
    return first.replace(day=monthrange(first.year, first.month)[1])


def nth_weekday(month: Reading, number: int, weekday: int) -> Reading:
    """The first, second, … (0 for the last) such weekday of a month."""
    if month.date is None or month.until is None:
        return IMPOSSIBLE
    days = [month.date + timedelta(days=at) for at in range((month.until - month.date).days + 1)]
    found = [one for one in days if one.weekday() == weekday]
    return replace(month, date=found[number - 1], until=None, other=None)


def settle(clock: Clock, part: Part | None) -> tuple[time, int, Doubt | None] | None:
    """What a clock shows, by how many days the date moves with it, and what stays open; None for an impossible time.

    Midnight at the end of "tonight" belongs to the next day. An hour on its own is read as office hours would have it:
    seven to twelve in the morning, one to six in the afternoon.
    """
    hour, minute = clock.hour, clock.minute
    if hour == 24 and minute == 0 and not clock.half:
        return time(0), 1, None
    if not 0 <= hour <= 23 or not 0 <= minute <= 59:
        return None
    if clock.half == "midnight":
        return time(0), int(part in (Part.EVENING, Part.NIGHT)), None
    if clock.half:
        if hour == 0 or (clock.half == "am" and hour > 12):
            return None
        if hour <= 12:
            hour = hour % 12 + (12 if clock.half == "pm" else 0)
        return time(hour, minute), 0, None
    days, doubt = 0, None
    if hour == 0:
        days = int(part in (Part.EVENING, Part.NIGHT))
    elif hour > 12:
        pass
    elif part is None:
        if not clock.exact and hour < 12:
            doubt = Doubt.HALF
            hour += 0 if hour >= _FIRST_OF_THE_DAY else 12
    elif part is Part.EARLY:
        hour %= 12
    elif part is Part.NOON:
        hour += 0 if hour >= 10 else 12
    elif part is Part.AFTERNOON:
        hour = hour % 12 + 12
    elif part is not Part.MORNING:
        if hour == 12:
            hour, days = 0, 1
        elif hour < _SMALL_HOURS[part]:
            days, doubt = 1, Doubt.HALF
        else:
            hour += 12
    return time(hour, minute), days, doubt
