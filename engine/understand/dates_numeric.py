"""Dates and times in figures, alike in every language: 2024-05-03, 03/05/2024, 18:30."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache

from engine.understand.dates_calendar import Calendar, Clock, Piece

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Calendar], Piece | None]]

_YEAR = "(?:19|2[01])[0-9]{2}"
_START = r"(?<![0-9a-z_./:#-])"
_END = r"(?![0-9a-su-z_#]|[./:-][0-9])"


def _iso(found: re.Match[str], calendar: Calendar) -> Piece:
    reading = calendar.dated(int(found["month"]), int(found["day"]), int(found["year"]))
    return Piece(found.start(), found.end(), reading, dated=True)


def _full(found: re.Match[str], calendar: Calendar) -> Piece | None:
    """Day and month before the year; dots are the mark of countries that put the day first."""
    year = found["year"]
    reading = calendar.numeric(
        int(found["first"]),
        int(found["second"]),
        int(year) + (2000 if len(year) == 2 else 0),
        settled=found["mark"] == ".",
    )
    if len(year) == 2 and reading.date is None:
        return None  # 12-34-56 is a sort code, a version, a part number
    return Piece(found.start(), found.end(), reading, dated=True)


def _clock(found: re.Match[str], _calendar: Calendar) -> Piece:
    hour = found["hour"]
    return Piece(
        found.start(), found.end(), clock=Clock(int(hour), int(found["minute"]), exact=len(hour) == 2 or hour == "0")
    )


_PATTERNS: tuple[tuple[str, Callable[[re.Match[str], Calendar], Piece | None]], ...] = (
    (rf"{_START}(?P<year>{_YEAR})(?P<mark>[-/.])(?P<month>[0-9]{{1,2}})(?P=mark)(?P<day>[0-9]{{1,2}}){_END}", _iso),
    (
        rf"{_START}(?P<first>[0-9]{{1,2}})(?P<mark>[-/.])(?P<second>[0-9]{{1,2}})(?P=mark)(?P<year>{_YEAR}|[0-9]{{2}})"
        rf"{_END}",
        _full,
    ),
    (r"(?<![0-9:.+])(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?![0-9]|:[0-9])", _clock),
)


@cache
def rules() -> tuple[Rule, ...]:
    """The patterns, compiled when they are first needed."""
    return tuple((re.compile(pattern), resolve) for pattern, resolve in _PATTERNS)
