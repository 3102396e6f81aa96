"""English words for days and times, as patterns over text in small letters (``engine/understand/dates.py`` folds it).

Every repetition is bounded, so that the time to search grows with the length of the text and no faster.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from engine.understand.dates_calendar import IMPOSSIBLE, Calendar, Clock, Doubt, Part, Piece, Reading, nth_weekday

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Calendar], Piece | None]]


def _numbered(names: str, start: int = 0) -> dict[str, int]:
    """Names and their numbers; commas stand between numbers, blanks between names of the same one."""
    return {name: number for number, same in enumerate(names.split(","), start) for name in same.split()}


_WEEKDAYS = _numbered(
    "monday mon, tuesday tues tue, wednesday weds wed, thursday thurs thur thu, friday fri, saturday sat, sunday sun"
)
_MONTHS = _numbered(
    "january jan, february feb, march mar, april apr, may, june jun, july jul, august aug, september sept sep, "
    "october oct, november nov, december dec",
    1,
)
_SMALL = _numbered(
    "zero, one, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, "
    "sixteen, seventeen, eighteen, nineteen, twenty"
)
_NUMBERS = _SMALL | {
    "a": 1, "an": 1, "a couple of": 2, "couple of": 2, "a couple": 2, "half a": 0, "half an": 0, "thirty": 30,
    "forty": 40, "fifty": 50, "sixty": 60, "twenty-five": 25, "twenty five": 25, "a quarter": 15, "quarter": 15,
}  # fmt: skip
_ORDINALS = _numbered(
    "first, second, third, fourth, fifth, sixth, seventh, eighth, ninth, tenth, eleventh, twelfth, thirteenth, "
    "fourteenth, fifteenth, sixteenth, seventeenth, eighteenth, nineteenth, twentieth, twenty-first, twenty-second, "
    "twenty-third, twenty-fourth, twenty-fifth, twenty-sixth, twenty-seventh, twenty-eighth, twenty-ninth, thirtieth, "
    "thirty-first",
    1,
)
_WHICH = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4, "last": 0}
_COUNTING = frozenset({"option", "step", "line", "item", "number", "no", "no.", "page", "order"})
_DATING = frozenset({"on", "by", "since", "until", "from", "before", "after", "for", "in", "of"})
_CHANGE = re.compile("chang|mov(?:e|ing)|resch|switch|shift|swap|postpon|push|改|换|推迟|提前|延")
_PARTS = {
    "morning": Part.MORNING, "afternoon": Part.AFTERNOON, "evening": Part.EVENING, "night": Part.NIGHT,
    "arvo": Part.AFTERNOON, "eve": Part.EVENING,
}  # fmt: skip


def _any(names: Iterable[str]) -> str:
    return "|".join(sorted(map(re.escape, names), key=len, reverse=True))


_DAY = "(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_DAY_SHORT = f"(?:{_any(_WEEKDAYS)})"
_MONTH = f"(?:{_any(_MONTHS)})"
_COUNT = f"(?:[0-9]{{1,4}}|half an?|a couple of|a couple|couple of|{_any(_SMALL)}|thirty|forty|sixty|an?)"
_HOUR_WORD = "(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)"
_MINUTE_WORD = "(?:ten|fifteen|twenty(?:[- ]five)?|thirty(?:[- ]five)?|forty(?:[- ]five)?|fifty(?:[- ]five)?)"
_HOUR = f"(?:[0-9]{{1,2}}|{_HOUR_WORD})"
_YEAR = "(?:19[0-9]{2}|2[01][0-9]{2})"
_YEARS = f"(?:{_YEAR}|(?:last|this|next) {{1,3}}year)"
_SUFFIX = "(?:st|nd|rd|th)"
_DAY_NUMBER = rf"(?P<day>[0-9]{{1,2}})(?P<suffix>{_SUFFIX})?"
_S = " {1,3}"
_O = " {0,3}"
_BEFORE = r"(?<![a-z0-9_])"
_AFTER = r"(?![a-z0-9_]|-[a-z])"
_NOT_NUMBER = r"(?<![0-9a-z_./:#£€$¥-])"
_TITLES = "".join(f"(?<!{word} )" for word in ("every", "each", "black", "good", "cyber", "easter", "boxing", "ash"))
_STOP = r"$|\n|[,;!?)\"”]|\.(?![0-9])|-(?![0-9])"
# what may follow a number that is a time or a day: nothing that could be counted
_LOOSE = (
    rf"(?={_O}(?:{_STOP}|(?:and|or|but|at|in|on|if|is|was|were|will|would|can|could|please|pls|to|i|it|it's|when|for|"
    r"from|by|before|after|because|since|until|till|so|we|you|then|though|that|this|my|the|today|tomorrow|tonight|"
    r"yesterday|still|instead|next|last|as|with|without|sharp|thanks?|already|which|who|o'clock|okay|ok|not|has|had|"
    rf"have|they|he|she|work|works|would|should|{_DAY})(?![a-z])))"
)
_STRICT = rf"(?={_O}(?:{_STOP}|(?:at|and|or|but|please|if|between|around|about|to|until|till|through)(?![a-z])))"
_FROM_TODAY = "tomorrow|today|yesterday"


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text]


def _year_of(text: str, calendar: Calendar) -> int:
    """So "2024", "last year"."""
    return int(text) if text.isdigit() else calendar.today.year + _shift(text.split()[0])


def _before(found: re.Match[str]) -> str:
    """The word before what was found."""
    words = found.string[max(0, found.start() - 12) : found.start()].split()
    return words[-1] if words else ""


def _piece(found: re.Match[str], reading: Reading | None = None, **more: object) -> Piece:
    return Piece(found.start(), found.end(), reading, **more)  # type: ignore[arg-type]


def _shift(word: str) -> int:
    """By how many weeks, months or years "last", "this" or "next" move."""
    return {"last": -1, "previous": -1, "this": 0, "current": 0, "the": 0, "": 0}.get(word, 1)


def _last_weekday(calendar: Calendar, weekday: int) -> Reading:
    gone = calendar.gone(weekday)
    if weekday == calendar.today.weekday() or gone < calendar.in_week(0, 0):
        return Reading(gone)
    return Reading(gone, other=gone - timedelta(days=7), doubt=Doubt.WEEK)


def _next_weekday(calendar: Calendar, weekday: int) -> Reading:
    found, coming = calendar.in_week(1, weekday), calendar.coming(weekday)
    return Reading(found) if found == coming else Reading(found, other=coming, doubt=Doubt.WEEK)


def _this_weekday(calendar: Calendar, weekday: int) -> Reading:
    found = calendar.in_week(0, weekday)
    if found >= calendar.today:
        return Reading(found)
    return Reading(calendar.coming(weekday), other=found, doubt=Doubt.WEEK)


def _which_weekday(found: re.Match[str], calendar: Calendar) -> Piece:
    which, weekday = found["which"], _WEEKDAYS[found["weekday"]]
    if which in ("last", "previous"):
        return _piece(found, _last_weekday(calendar, weekday))
    if which in ("past", "this past"):
        return _piece(found, Reading(calendar.gone(weekday)))
    if which in ("coming", "this coming", "the coming"):
        return _piece(found, Reading(calendar.coming(weekday)))
    if which == "this":
        return _piece(found, _this_weekday(calendar, weekday))
    return _piece(found, _next_weekday(calendar, weekday))


def _weekday(found: re.Match[str], calendar: Calendar) -> Piece:
    weekday = _WEEKDAYS[found["weekday"]]
    return _piece(found, calendar.open_weekday(weekday), weekday=weekday, weak="short" in found.re.groupindex)


def _weekday_of_week(found: re.Match[str], calendar: Calendar) -> Piece:
    return _piece(found, Reading(calendar.in_week(_shift(found["which"]), _WEEKDAYS[found["weekday"]])))


def _after_next(found: re.Match[str], calendar: Calendar) -> Piece:
    weekday = _WEEKDAYS[found["weekday"]]
    later = calendar.in_week(2, weekday)
    sooner = calendar.coming(weekday) + timedelta(days=7)
    return _piece(found, Reading(later) if later == sooner else Reading(later, other=sooner, doubt=Doubt.WEEK))


def _plain_day(found: re.Match[str], calendar: Calendar) -> Piece:
    word = found["word"]
    if word.startswith(("today", "tod", "2day")):
        return _piece(found, calendar.day(0))
    if "before" in word:
        return _piece(found, calendar.day(-2))
    if "after" in word or word == "overmorrow":
        return _piece(found, calendar.day(2))
    return _piece(found, calendar.day(-1 if word.startswith("y") else 1))


def _today_part(found: re.Match[str], calendar: Calendar) -> Piece:
    words = found["word"]
    if words in ("tonight", "tonite", "2nite"):
        return _piece(found, calendar.day(0), part=Part.NIGHT)
    return _piece(found, calendar.day(-1 if words.startswith("last") else 0), part=_PARTS[words.split()[-1]])


def _relative(found: re.Match[str], calendar: Calendar) -> Piece | None:
    count, unit = found["count"], found["unit"].rstrip("s")
    sign = -1 if found.groupdict().get("ago") else 1
    half = count.startswith("half")
    number = sign * _number(count)
    vague = Doubt.VAGUE if "couple" in count else None
    if unit in ("minute", "min", "hour", "hr"):
        minutes = sign * 30 if half and unit in ("hour", "hr") else number * (60 if unit in ("hour", "hr") else 1)
        if (not minutes and half) or found.group() == "in a minute":
            return None
        then = calendar.after(timedelta(minutes=minutes))
        return _piece(found, Reading(then.date(), doubt=vague), clock=Clock(then.hour, then.minute, exact=True))
    if half:
        return _piece(found, calendar.later(sign * 6)) if unit == "year" else None
    if unit in ("day", "night"):
        return _piece(found, replace(calendar.day(number), doubt=vague))
    if unit in ("week", "fortnight", "wk"):
        return _piece(found, replace(calendar.day(number * (14 if unit == "fortnight" else 7)), doubt=vague))
    if unit in ("month", "year"):
        return _piece(found, calendar.later(number * (12 if unit == "year" else 1)))
    return _piece(found, calendar.working_day(number))


def _days_in_range(found: re.Match[str], calendar: Calendar) -> Piece:
    unit = 7 if found["unit"].startswith("week") else 1
    first, last = _number(found["first"]), _number(found["last"])
    if "working" in found["unit"] or "business" in found["unit"]:
        until = calendar.working_day(last).date
        return _piece(found, replace(calendar.working_day(first), until=until))
    return _piece(found, replace(calendar.day(first * unit), until=calendar.day(last * unit).date))


def _from_day(found: re.Match[str], calendar: Calendar) -> Piece:
    """So "two weeks from Friday", "the day after Monday", "3 days before tomorrow"."""
    days = (7 if found["unit"] == "week" else 1) * _number(found["count"])
    if found["side"] == "before":
        days = -days
    word = found["word"]
    if word in _WEEKDAYS:
        return _piece(found, Reading(calendar.coming(_WEEKDAYS[word]) + timedelta(days=days)))
    return _piece(found, calendar.day(days + {"today": 0, "now": 0, "tomorrow": 1, "yesterday": -1}[word]))


def _weekend(found: re.Match[str], calendar: Calendar) -> Piece:
    which = found["which"] or ""
    if which.startswith("after"):
        return _piece(found, replace(calendar.weekend(2), other=calendar.in_week(1, 5), doubt=Doubt.WEEK))
    if which in ("next", "following", "the following"):
        reading = calendar.weekend(1)
        if calendar.today.weekday() < 5:
            reading = replace(reading, other=calendar.in_week(0, 5), doubt=Doubt.WEEK)
        return _piece(found, reading)
    if which in ("last", "previous", "past", "this past"):
        return _piece(found, calendar.weekend(-1))
    if "this" in which or "coming" in which:
        return _piece(found, calendar.weekend(0))
    side = -1 if calendar.past else 0
    other = calendar.in_week(-1 - side, 5)
    return _piece(found, replace(calendar.weekend(side), other=other, doubt=Doubt.SIDE))


def _span(found: re.Match[str], calendar: Calendar) -> Piece:
    words = found.group().split()
    shift = 2 if words[-2:] == ["after", "next"] else -2 if words[-2:] == ["before", "last"] else _shift(words[0])
    unit = found["unit"]
    return _piece(found, _whole(unit, shift, calendar))


def _whole(unit: str, shift: int, calendar: Calendar) -> Reading:
    if unit == "week":
        return calendar.week(shift)
    return calendar.month(shift) if unit == "month" else calendar.year(calendar.today.year + shift)


def _edge(found: re.Match[str], calendar: Calendar) -> Piece:
    """The start, middle or end of a week, month or year; a week ends on its Friday or on its Sunday."""
    edge, unit = found["edge"], found["unit"]
    whole = (
        _whole(unit, _shift(found["which"] or ""), calendar)
        if unit in ("week", "month", "year")
        else calendar.named_month(_MONTHS[unit], _year_of(found["year"], calendar) if found["year"] else None)
    )
    first, last = whole.date, whole.until
    if first is None or last is None:
        return _piece(found, IMPOSSIBLE)
    if edge in ("end", "last day"):
        if unit == "week":
            friday = last - timedelta(days=2)
            return _piece(found, Reading(friday, other=last, doubt=Doubt.VAGUE))
        return _piece(found, replace(whole, date=last, until=None, other=None))
    if edge in ("middle", "mid"):
        middle = {"week": first + timedelta(days=2), "year": date(first.year, 7, 1)}.get(unit, first.replace(day=15))
        return _piece(found, Reading(middle, doubt=Doubt.VAGUE))
    return _piece(found, replace(whole, until=None, other=None))


def _nth(found: re.Match[str], calendar: Calendar) -> Piece:
    unit = found["unit"]
    month = (
        calendar.month(_shift(found["which"] or ""))
        if unit == "month"
        else calendar.named_month(_MONTHS[unit], _year_of(found["year"], calendar) if found["year"] else None)
    )
    return _piece(found, nth_weekday(month, _WHICH[found["nth"]], _WEEKDAYS[found["weekday"]]))


def _dated(found: re.Match[str], calendar: Calendar) -> Piece:
    groups = found.groupdict()
    year = _year_of(groups["year"], calendar) if groups.get("year") else None
    month = _MONTHS[found["month"]]
    text = found["day"]
    reading = calendar.dated(month, _ORDINALS[text] if text in _ORDINALS else int(text), year)
    last = groups.get("last")
    if last and reading.date is not None:
        until = reading.date.replace(day=int(last))
        reading = replace(reading, until=until if until > reading.date else None)
    return _piece(found, reading, dated=True)


def _of_month(found: re.Match[str], calendar: Calendar) -> Piece:
    return _piece(found, calendar.in_month(_shift(found["which"]), int(found["day"])))


def _open_day(found: re.Match[str], calendar: Calendar) -> Piece:
    return Piece(found.start("from"), found.end(), calendar.open_day(int(found["day"])), dated=True)


def _month(found: re.Match[str], calendar: Calendar) -> Piece | None:
    groups = found.groupdict()
    month, which = _MONTHS[found["month"]], groups.get("which")
    if month in (3, 5) and (groups.get("year") or "0")[0] in "ltn" and _before(found) not in _DATING:
        return None  # "it may last years"
    start = found.start("which" if which else "month")
    if which == "this":
        reading = calendar.named_month(month, calendar.today.year)
    elif which:
        at = calendar.today.month
        ahead = int(month <= at) if which == "next" else -int(month >= at)
        reading = calendar.named_month(month, calendar.today.year + ahead)
    else:
        reading = calendar.named_month(month, _year_of(groups["year"], calendar) if groups.get("year") else None)
    return Piece(start, found.end(), reading)


def _year_month(found: re.Match[str], calendar: Calendar) -> Piece:
    return _piece(found, calendar.named_month(_MONTHS[found["month"]], _year_of(found["year"], calendar)))


def _year(found: re.Match[str], calendar: Calendar) -> Piece:
    return Piece(found.start("year"), found.end(), calendar.year(int(found["year"])))


def _clock(found: re.Match[str], _calendar: Calendar) -> Piece:
    groups = found.groupdict()
    half = (groups.get("half") or "")[:1]
    minute = groups.get("minute")
    hour = _number(found["hour"])
    exact = bool(minute) and not half and (len(found["hour"]) == 2 or hour == 0)
    clock = Clock(hour, int(minute or 0), f"{half}m" if half else "", exact)
    if groups.get("vague"):
        clock = replace(clock, doubt=Doubt.VAGUE)
    return Piece(found.start("hour"), found.end(), clock=clock)


def changes(text: str, at: int) -> bool:
    """Whether what stands before says that something moves: "from Monday to Friday" is then two days, and no span."""
    return bool(_CHANGE.search(text, max(0, at - 60), at))


def _clock_range(found: re.Match[str], _calendar: Calendar) -> Piece | None:
    if changes(found.string, found.start()):
        return None
    first, last = _number(found["hour"]), _number(found["last"])
    half = f"{found['half'][0]}m"
    own = found["own"]
    before = f"{own[0]}m" if own else half
    if not own and half == "pm" and first % 12 > last % 12:
        before = "am"
    until = Clock(last, int(found["late"] or 0), half)
    return Piece(found.start("hour"), found.end(), clock=Clock(first, int(found["minute"] or 0), before, until=until))


def _spoken_clock(found: re.Match[str], _calendar: Calendar) -> Piece | None:
    """So "half past six", "quarter to seven", "ten past five"."""
    groups = found.groupdict()
    minutes = groups.get("minutes") or "half"
    minute = 30 if minutes == "half" else _number(minutes)
    hour = _number(found["hour"])
    if minute >= 60 or not 1 <= hour <= 12:
        return None
    if groups.get("to") in ("to", "till", "of", "before"):
        hour, minute = (hour - 2) % 12 + 1, 60 - minute
    half = (groups.get("half") or "")[:1]
    return Piece(found.start("start"), found.end(), clock=Clock(hour, minute, f"{half}m" if half else ""))


def _worded_clock(found: re.Match[str], _calendar: Calendar) -> Piece:
    """So "six thirty pm", "at eight fifteen"."""
    if found["half"]:
        hour, minutes, half, start = found["named"], found["late"], f"{found['half'][0]}m", found.start("before")
    else:
        hour, minutes, half, start = found["hour"], found["minutes"], "", found.start("start")
    minute = sum(_NUMBERS[word] for word in re.split("[ -]", minutes))
    return Piece(start, found.end(), clock=Clock(_NUMBERS[hour], minute, half))


def _bare_range(found: re.Match[str], _calendar: Calendar) -> Piece | None:
    """So "from 9 to 5": hours of an office, whichever halves of the day they are in."""
    first, last = _number(found["hour"]), _number(found["last"])
    if not (1 <= first <= 12 and 1 <= last <= 12):
        return None
    return Piece(found.start("hour"), found.end(), clock=Clock(first, until=Clock(last)))


def _noon(found: re.Match[str], _calendar: Calendar) -> Piece:
    if found["word"] == "midnight":
        return _piece(found, clock=Clock(0, half="midnight"))
    return _piece(found, clock=Clock(12, exact=True))


def _part(found: re.Match[str], _calendar: Calendar) -> Piece:
    return _piece(found, part=_PARTS[found["part"]], weak=True)


def _week_after(found: re.Match[str], calendar: Calendar) -> Piece:
    """So "Friday week": a week after the Friday to come."""
    word = found["word"]
    if word in _WEEKDAYS:
        return _piece(found, Reading(calendar.coming(_WEEKDAYS[word]) + timedelta(days=7)))
    return _piece(found, calendar.day(7 if word == "today" else 8))


def _short(found: re.Match[str], calendar: Calendar) -> Piece | None:
    """So "on 3/5"; 24/7 is no day of July."""
    reading = calendar.numeric(int(found["first"]), int(found["second"]), None)
    if reading.date is None or (found["first"], found["second"]) == ("24", "7"):
        return None
    return Piece(found.start("first"), found.end(), reading, dated=True)


def _guarded(found: re.Match[str], calendar: Calendar) -> Piece | None:
    """A month that is a common word as well ("may", "march") needs more than a number beside it."""
    groups = found.groupdict()
    if found["month"] in ("may", "march", "mar") and not (groups["suffix"] or groups.get("year")):
        word = _before(found)
        if word in _COUNTING or (word not in _DATING and not re.compile(_STRICT).match(found.string, found.end())):
            return None
    return _dated(found, calendar)


def _bare_hour(found: re.Match[str], calendar: Calendar) -> Piece | None:
    """A number is a time of its own only when it is one that people say: 1 to 12."""
    return _clock(found, calendar) if found["minute"] or 1 <= _number(found["hour"]) <= 12 else None


_AM = r"(?P<half>[ap]m|[ap]\.m\.?)"
_PREPOSITION = "(?:on|by|until|till|since|from|before|after|around|about|for|of|to|between|due|and)"

_PATTERNS: tuple[tuple[str, Callable[[re.Match[str], Calendar], Piece | None]], ...] = (
    (
        rf"(?P<word>(?:the{_S})?day{_S}before{_S}yesterday|(?:the{_S})?day{_S}after{_S}tomm?orr?ow|overmorrow|today|2day|"
        r"tomm?orr?ow|tmrw?|tomoz|yest[eu]rday)",
        _plain_day,
    ),
    (
        r"(?P<word>tonight|tonite|2nite|this (?:morning|afternoon|evening|arvo)|last (?:night|evening))",
        _today_part,
    ),
    (
        rf"(?P<which>this past|this coming|the coming|last|previous|past|coming|this|next|the following|following){_S}"
        rf"(?P<weekday>{_DAY_SHORT})(?!s|{_S}(?:of|in){_S}(?:the|this|last|next|{_MONTH}))",
        _which_weekday,
    ),
    (rf"{_TITLES}(?P<weekday>{_DAY})", _weekday),
    (
        rf"(?:(?<=on )|(?<=by )|(?<=until )|(?<=since )|(?<=before )|(?<=after )|(?<=from ))(?P<weekday>{_DAY_SHORT})"
        rf"{_LOOSE}",
        _weekday,
    ),
    (rf"(?P<short>(?P<weekday>{_DAY_SHORT})(?:\.(?= (?:the )?[0-9]))?)", _weekday),
    (rf"(?P<weekday>{_DAY_SHORT}),?{_S}(?:of{_S}|in{_S})?(?P<which>last|this|next){_S}week", _weekday_of_week),
    (rf"(?P<which>last|this|next){_S}week,?{_S}(?:on{_S})?(?P<weekday>{_DAY_SHORT})", _weekday_of_week),
    (rf"(?:the{_S})?(?P<weekday>{_DAY_SHORT}){_S}after{_S}next", _after_next),
    (
        rf"(?P<count>{_COUNT}){_S}(?P<unit>(?:working|business|week){_S}days?|days?|nights?|weeks?|wks?|fortnights?|"
        rf"months?|years?|hours?|hrs?|minutes?|mins?){_S}(?P<ago>ago|earlier)(?!{_S}(?:last|next|on|{_FROM_TODAY}|{_DAY}))",
        _relative,
    ),
    (
        rf"in{_S}(?:about{_S}|around{_S})?(?P<count>{_COUNT}){_S}(?P<unit>(?:working|business){_S}days?|days?|weeks?|wks?|"
        rf"fortnights?|months?|years?|hours?|hrs?|minutes?|mins?)(?:'|{_S}time)?(?!{_S}or{_S})",
        _relative,
    ),
    (
        rf"(?P<count>{_COUNT}){_S}(?P<unit>(?:working|business){_S}days?|days?|weeks?|wks?|fortnights?|months?|years?|"
        rf"hours?|hrs?|minutes?|mins?){_S}from{_S}(?:now|today)",
        _relative,
    ),
    (
        rf"in{_S}(?P<first>[0-9]{{1,3}}|{_any(_SMALL)}){_O}(?:to|-|or){_O}(?P<last>[0-9]{{1,3}}|{_any(_SMALL)})"
        rf"{_S}(?P<unit>(?:working{_S}|business{_S})?days|weeks)",
        _days_in_range,
    ),
    (
        rf"(?P<count>{_COUNT}){_S}(?P<unit>week|day)s?{_S}(?P<side>from|after|before){_S}"
        rf"(?P<word>{_DAY}|today|tomorrow|yesterday|now)",
        _from_day,
    ),
    (rf"(?P<count>a){_S}(?P<unit>week){_S}(?P<side>on{_S})?(?P<word>{_DAY})", _from_day),
    (
        rf"(?P<word>{_DAY}|today|tomorrow){_S}(?P<count>)week(?!{_S}(?:of|in))",
        lambda found, calendar: _week_after(found, calendar),
    ),
    (
        rf"(?P<which>this past|this coming|the coming|last|previous|past|coming|this|next|the following|following){_S}"
        rf"weekend",
        _weekend,
    ),
    (rf"(?:the{_S})?weekend{_S}(?P<which>after{_S}next)", _weekend),
    (rf"(?P<which>)the{_S}weekend", _weekend),
    (
        rf"(?:last|previous|this|current|next|following|coming){_S}(?P<unit>week|month|year)"
        rf"(?!{_S}of{_S}|end)",
        _span,
    ),
    (rf"(?:the{_S})?(?P<unit>week|month|year){_S}(?:after{_S}next|before{_S}last)", _span),
    (
        rf"(?:the{_S})?(?P<edge>end|start|beginning|middle|last day){_S}of{_S}"
        rf"(?:(?P<which>the|this|next|last|previous|current|following|coming){_S})?(?P<unit>week|month|year|{_MONTH})"
        rf"(?:,?{_S}(?P<year>{_YEARS}))?",
        _edge,
    ),
    (rf"(?P<which>)(?P<edge>mid)[- ](?P<unit>{_MONTH})(?:,?{_S}(?P<year>{_YEARS}))?", _edge),
    (
        rf"(?:the{_S})?(?P<nth>{_any(_WHICH)}){_S}(?P<weekday>{_DAY}){_S}(?:of|in){_S}"
        rf"(?:(?P<which>the|this|next|last){_S})?(?P<unit>month|{_MONTH})(?:,?{_S}(?P<year>{_YEARS}))?",
        _nth,
    ),
    (
        rf"{_NOT_NUMBER}{_DAY_NUMBER}(?:{_S}of)?[ -]{{0,3}}(?P<month>{_MONTH})(?![a-z])"
        rf"(?:\.?,?[ -]{{1,3}}(?P<year>{_YEARS}))?"
        r"(?![0-9])",
        _guarded,
    ),
    (
        rf"(?P<month>{_MONTH})\.?{_S}(?:the{_S})?{_DAY_NUMBER}(?:{_O}(?:-|to){_O}(?P<last>[0-9]{{1,2}}){_SUFFIX}?)?"
        rf"(?![0-9:]|[.,/][0-9]|{_O}[ap]\.?m)(?:(?:,{_O}|{_S}(?:of{_S})?)(?P<year>{_YEARS}))?(?![0-9])",
        _guarded,
    ),
    (
        rf"{_NOT_NUMBER}(?P<day>[0-9]{{1,2}}){_SUFFIX}?{_O}(?:-|to|until|till|and){_O}(?P<last>[0-9]{{1,2}}){_SUFFIX}?"
        rf"(?:{_S}of)?{_S}(?P<month>{_MONTH})(?![a-z])(?:,?{_S}(?P<year>{_YEARS}))?",
        _dated,
    ),
    (
        rf"(?:the{_S})?(?P<day>{_any(_ORDINALS)})"
        rf"{_S}(?:of{_S})?(?P<month>{_MONTH})(?:,?{_S}(?P<year>{_YEARS}))?",
        _dated,
    ),
    (
        rf"(?P<month>{_MONTH}){_S}(?:the{_S})?"
        rf"(?P<day>{_any(_ORDINALS)})",
        _dated,
    ),
    (
        rf"(?:the{_S})?(?P<day>[0-9]{{1,2}}){_SUFFIX}{_S}(?:of{_S})?(?P<which>the|this|next|last|previous){_S}month",
        _of_month,
    ),
    (
        rf"(?:{_PREPOSITION}{_S}|^{_O}|{_DAY_SHORT},?{_S})(?P<from>(?:the{_S})?)(?P<day>[0-9]{{1,2}}){_SUFFIX}"
        rf"(?!{_S}(?:of|{_MONTH})){_LOOSE}",
        _open_day,
    ),
    (rf"(?:in|since|during|until|till|by|before|after|from|for|mid|early|late){_S}(?P<month>{_MONTH}){_LOOSE}", _month),
    (rf"(?P<month>{_MONTH}),?{_S}(?P<year>{_YEARS})", _month),
    (rf"(?P<year>(?:last|this|next){_S}year),?{_S}in{_S}(?P<month>{_MONTH})", _year_month),
    (rf"(?P<which>last|next|this){_S}(?P<month>{_MONTH})(?!{_S}[0-9])", _month),
    (rf"(?:in|since|during){_S}(?P<year>20[0-9]{{2}}){_LOOSE}", _year),
    (
        rf"(?:on|by|since|until|before|after|from|for){_S}(?P<first>[0-9]{{1,2}})/(?P<second>[0-9]{{1,2}})(?![/.][0-9])"
        rf"{_LOOSE}",
        _short,
    ),
    (rf"{_NOT_NUMBER}(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-9]{{2}}))?{_O}{_AM}", _clock),
    (
        rf"{_NOT_NUMBER}(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-9]{{2}}))?{_O}(?P<own>[ap]\.?m\.?)?{_O}"
        rf"(?:-|to|and|until|till){_O}(?P<last>{_HOUR})(?:[:.](?P<late>[0-9]{{2}}))?{_O}{_AM}",
        _clock_range,
    ),
    (
        rf"(?:at|around|about|until|till|before|after|since|@){_O}(?<![a-z0-9])(?P<hour>{_HOUR})"
        rf"(?:\.(?P<minute>[0-5][0-9]))?{_LOOSE}",
        _bare_hour,
    ),
    (
        rf"from{_S}(?P<hour>{_HOUR}){_O}(?:to|-|until|till){_O}(?P<last>{_HOUR}){_LOOSE}(?!{_O}(?:or|and){_S}[0-9])",
        _bare_range,
    ),
    (
        rf"(?<![0-9a-z.:/£€$¥-])(?P<hour>{_HOUR})(?:[:.](?P<minute>[0-5][0-9]))?"
        rf"(?:(?P<vague>[ -]?ish)|(?={_S}(?:in{_S}the{_S}|this{_S}|at{_S}(?=night))(?:morning|afternoon|evening"
        r"|night)))",
        _bare_hour,
    ),
    (rf"{_NOT_NUMBER}(?P<hour>[0-9]{{1,2}})(?P<minute>[0-9]{{2}}){_O}{_AM}", _clock),
    (
        rf"(?:(?:at|by|around|about|until|till|before|after|for){_S}(?P<start>)(?P<hour>{_HOUR_WORD})[ -]"
        rf"(?P<minutes>{_MINUTE_WORD})(?={_O}(?:{_STOP}))|(?P<before>)(?P<named>{_HOUR_WORD})[ -]"
        rf"(?P<late>{_MINUTE_WORD}){_O}{_AM})",
        _worded_clock,
    ),
    (rf"{_NOT_NUMBER}(?P<hour>{_HOUR}){_O}o'?{_O}clock", _clock),
    (
        rf"(?P<start>)(?P<minutes>half|(?:a{_S})?quarter)[ -](?P<to>past|to|till|after|before){_S}(?P<hour>{_HOUR})"
        rf"(?![:.]?[0-9])(?:{_O}{_AM})?",
        _spoken_clock,
    ),
    (
        rf"(?:at|by|around|about|until|till|before|after){_S}(?P<start>)"
        rf"(?P<minutes>five|ten|twenty|twenty[- ]five|[0-9]{{1,2}})"
        rf"(?:{_S}min(?:ute)?s)?{_S}(?P<to>past|to){_S}(?P<hour>{_HOUR})(?![:.]?[0-9])(?:{_O}{_AM})?",
        _spoken_clock,
    ),
    (rf"(?:at|by|around){_S}(?P<start>)half{_S}(?P<hour>{_HOUR_WORD}){_LOOSE}", _spoken_clock),
    (rf"(?:12{_S})?(?P<word>noon|midday|midnight)", _noon),
    (rf"(?:in{_S}the{_S}|at{_S}(?=night))?(?P<part>morning|afternoon|evening|night|arvo|eve)", _part),
)


@cache
def rules() -> tuple[Rule, ...]:
    """The patterns, compiled when they are first needed."""
    return tuple((re.compile(rf"{_BEFORE}(?:{pattern}){_AFTER}"), resolve) for pattern, resolve in _PATTERNS)
