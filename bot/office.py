"""Office hours: when people of the company are there to take over."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, tzinfo

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = "|".join(_DAYS)
_LINE = re.compile(
    rf"\s*(?P<first>{_DAY})(?:\s*-\s*(?P<last>{_DAY}))?\s+(?P<from>\d{{1,2}}:\d\d)\s*-\s*(?P<to>\d{{1,2}}:\d\d)\s*",
    re.IGNORECASE,
)
_MIDNIGHT = time(0, 0)


@dataclass(frozen=True, slots=True)
class _Hours:
    days: frozenset[int]
    begin: time
    end: time


class Office:
    """When somebody is there. Without hours somebody always is.

    Args:
        lines: Such as ``Mon-Fri 09:00-18:00``; the end of a day is ``24:00``. Days go round the week (``Sat-Mon``),
            hours do not go over midnight.
        zone: Whose clock the hours are of.

    Raises:
        ValueError: If a line says something else; it is named.
    """

    def __init__(self, lines: Sequence[str], zone: tzinfo) -> None:
        self._hours = [_read(line) for line in lines]
        self._zone = zone
        self.words = ", ".join(" ".join(line.split()) for line in lines)

    def is_open(self, moment: datetime) -> bool:
        """Whether somebody is there at an aware moment."""
        if not self._hours:
            return True
        local = moment.astimezone(self._zone)
        clock = local.time()
        return any(
            local.weekday() in one.days and one.begin <= clock and (clock < one.end or one.end == _MIDNIGHT)
            for one in self._hours
        )


def _read(line: str) -> _Hours:
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"{line!r} must be such as 'Mon-Fri 09:00-18:00'")
    first = _DAYS.index(found["first"].lower())
    last = _DAYS.index((found["last"] or found["first"]).lower())
    begin, end = _time(found["from"], line), _time(found["to"], line)
    if end != _MIDNIGHT and end <= begin:
        raise ValueError(f"{line!r} ends before it begins; hours over midnight are two lines")
    return _Hours(frozenset((first + day) % 7 for day in range((last - first) % 7 + 1)), begin, end)


def _time(text: str, line: str) -> time:
    hours, minutes = map(int, text.split(":"))
    if (hours, minutes) == (24, 0):
        return _MIDNIGHT
    if hours > 23 or minutes > 59:
        raise ValueError(f"{line!r}: {text} is no time of a day")
    return time(hours, minutes)
