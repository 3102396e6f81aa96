"""Chinese words for days and times, as patterns over folded text (``engine/understand/dates.py``): simplified
characters, half-width digits.

上, 这 and 下 before a weekday always name the week (上周二 is Tuesday of last week), so they leave no doubt. Every
repetition is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from functools import cache

from engine.understand.dates_calendar import Calendar, Clock, Doubt, Part, Piece, Reading

Rule = tuple[re.Pattern[str], Callable[[re.Match[str], Calendar], Piece | None]]

_DIGITS = {char: number for number, char in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_NUMBER = "(?:[0-9]{1,4}|[二两三四五六七八九]?十[一二三四五六七八九]?|[一二两三四五六七八九])"
_NO_NUMBER = "(?<![0-9零〇一二两三四五六七八九十百千万几数.第每])"
_HOUR = "(?:[0-9]{1,2}|二十[一二三四]?|十[一二三四五六七八九]?|[零一二两三四五六七八九])"
_MINUTE = "(?:[0-9]{2}|[二三四五]十[一二三四五六七八九]?|十[一二三四五六七八九]?|[零〇][一二三四五六七八九])"
_MONTH = "(?:1[0-2]|0?[1-9]|十[一二]?|[一二三四五六七八九])"
_DAY = "(?:[0-9]{1,2}|[二三]?十[一二三四五六七八九]?|[一二三四五六七八九])"
_WEEK = "(?:周|星期|礼拜)"
_WEEKDAY = "[一二三四五六日天1-7]"
# 下周一次 is "once, next week"
_NOT_COUNTED = "(?!(?<=[一二三四五六1-7])[次个遍样件份季年岁期种])(?!(?<=一)[般定直共切些])"
_DAYS = {
    "大前天": -3, "前天": -2, "前日": -2, "昨天": -1, "昨日": -1, "昨儿": -1, "今天": 0, "今日": 0, "今儿": 0,
    "明天": 1, "明日": 1, "明儿": 1, "后天": 2, "后日": 2, "大后天": 3, "今": 0, "昨": -1, "明": 1, "前": -2, "当": 0,
}  # fmt: skip
_PARTS = {
    "凌晨": Part.EARLY, "清晨": Part.MORNING, "清早": Part.MORNING, "早晨": Part.MORNING, "早上": Part.MORNING,
    "上午": Part.MORNING, "早": Part.MORNING, "晨": Part.MORNING, "中午": Part.NOON, "正午": Part.NOON,
    "午后": Part.AFTERNOON, "下午": Part.AFTERNOON, "傍晚": Part.EVENING, "晚上": Part.EVENING, "晚间": Part.EVENING,
    "晚": Part.EVENING, "夜": Part.NIGHT, "夜里": Part.NIGHT, "夜晚": Part.NIGHT, "夜间": Part.NIGHT,
    "深夜": Part.NIGHT, "半夜": Part.NIGHT,
}  # fmt: skip
_YEARS = {"前年": -2, "去年": -1, "今年": 0, "本年": 0, "明年": 1, "后年": 2}
_YEAR = (
    r"(?:(?<![0-9])(?:19|2[01])[0-9]{2}年|(?<![0-9])[0-9]{2}年|[一二][零〇一二三四五六七八九]{3}年|"
    "(?:前|去|今|本|明|后)年)的?"
)
# what a number with 号 before it may be as well: a metro line, a building, a counter
_NUMBERED = "(?![线楼门店栋座机位桌柜台仓库房车厅馆院口段键电球员室厂床公码商院铺摊通登机高])"


def _number(text: str) -> int:
    """A number up to 99 in Chinese or Western digits."""
    if text.isdigit() and text.isascii():
        return int(text)
    if "十" in text:
        tens, ones = text.split("十")
        return (_DIGITS[tens] if tens else 1) * 10 + (_DIGITS[ones] if ones else 0)
    return int("".join(str(_DIGITS[char]) for char in text))


def _weekday(text: str) -> int:
    return 6 if text in "日天7" else _number(text) - 1


def _year(text: str | None, calendar: Calendar) -> int | None:
    if not text:
        return None
    text = text.removesuffix("的")
    if text in _YEARS:
        return calendar.today.year + _YEARS[text]
    year = _number(text.removesuffix("年"))
    return year + 2000 if year < 100 else year


def _shift(words: str) -> int:
    """上上 is -2, 上 is -1, 这 and 本 are 0, 下 is 1, 下下 is 2."""
    return words.count("下") - words.count("上")


def _piece(found: re.Match[str], reading: Reading | None = None, **more: object) -> Piece:
    return Piece(found.start(), found.end(), reading, **more)  # type: ignore[arg-type]


def _plain_day(found: re.Match[str], calendar: Calendar) -> Piece:
    return _piece(found, calendar.day(_DAYS[found["word"]]))


def _day_and_part(found: re.Match[str], calendar: Calendar) -> Piece:
    return _piece(found, calendar.day(_DAYS[found["word"]]), part=_PARTS[found["part"]])


def _week(found: re.Match[str], calendar: Calendar) -> Piece:
    shift, day = _shift(found["which"]), found["day"]
    if not day:
        return _piece(found, calendar.week(shift))
    if day in "末底":
        return _piece(found, calendar.weekend(shift))
    return _piece(found, Reading(calendar.in_week(shift, _weekday(day))))


def _open_weekday(found: re.Match[str], calendar: Calendar) -> Piece:
    weekday = _weekday(found["day"])
    return _piece(found, calendar.open_weekday(weekday), weekday=weekday)


def _weekend(found: re.Match[str], calendar: Calendar) -> Piece:
    side = -1 if calendar.past else 0
    return _piece(found, replace(calendar.weekend(side), other=calendar.in_week(-1 - side, 5), doubt=Doubt.SIDE))


def _edge(whole: Reading, edge: str | None) -> Reading:
    """The start, middle or end of a month, or a third of it."""
    first, last = whole.date, whole.until
    if not edge or first is None or last is None:
        return whole
    if edge in ("底", "末"):
        return replace(whole, date=last, until=None, other=None)
    if edge == "初":
        return replace(whole, until=None, other=None)
    if edge == "中":
        return Reading(first.replace(day=15), doubt=Doubt.VAGUE)
    start = {"上": 1, "中": 11, "下": 21}[edge[0]]
    end = last if edge[0] == "下" else first.replace(day=start + 9)
    return replace(whole, date=first.replace(day=start), until=end, other=None)


def _month(found: re.Match[str], calendar: Calendar) -> Piece:
    """上个月, 下个月5号, 下个月底."""
    shift = _shift(found["which"] or "")
    if found["day"]:
        return _piece(found, calendar.in_month(shift, _number(found["day"])))
    return _piece(found, _edge(calendar.month(shift), found["edge"]))


def _dated(found: re.Match[str], calendar: Calendar) -> Piece:
    """2024年5月3日, 三月五号, 5月3日到5日."""
    reading = calendar.dated(_number(found["month"]), _number(found["day"]), _year(found["year"], calendar))
    if found["last"] and reading.date is not None:
        until = reading.date.replace(day=_number(found["last"]))
        reading = replace(reading, until=until if until > reading.date else None)
    return _piece(found, reading, dated=True)


def _named_month(found: re.Match[str], calendar: Calendar) -> Piece | None:
    """五月, 去年12月, 三月底."""
    whole = calendar.named_month(_number(found["month"]), _year(found["year"], calendar))
    return _piece(found, _edge(whole, found["edge"]))


def _of_year(found: re.Match[str], calendar: Calendar) -> Piece:
    year = _year(found["year"], calendar)
    whole = calendar.year(calendar.today.year if year is None else year)
    edge = found["edge"]
    if edge in ("底", "末"):
        return _piece(found, replace(whole, date=whole.until, until=None))
    if edge == "初":
        return _piece(found, replace(whole, until=None, doubt=Doubt.VAGUE))
    if edge == "中" and whole.date is not None:
        return _piece(found, Reading(date(whole.date.year, 7, 1), doubt=Doubt.VAGUE))
    return _piece(found, whole)


def _open_day(found: re.Match[str], calendar: Calendar) -> Piece | None:
    day = _number(found["day"])
    return _piece(found, calendar.open_day(day), dated=True) if 1 <= day <= 31 else None


def _relative(found: re.Match[str], calendar: Calendar) -> Piece:
    """三天前, 两周后, 半个小时后."""
    sign = -1 if "前" in found["side"] else 1
    unit, half = found["unit"], found["count"].startswith("半")
    number = 0 if half else sign * _number(found["count"])
    if unit.endswith(("小时", "钟头", "分钟", "分", "刻钟")):
        minutes = {"小": 60, "钟": 60, "刻": 15}.get(unit.removeprefix("个")[0], 1)
        amount = sign * minutes // 2 if half else number * minutes
        if found["more"]:
            amount += sign * minutes // 2
        then = calendar.after(timedelta(minutes=amount))
        return _piece(found, Reading(then.date()), clock=Clock(then.hour, then.minute, exact=True))
    if unit.endswith(("周", "星期", "礼拜")):
        return _piece(found, calendar.day(7 * number))
    if unit.endswith("工作日"):
        return _piece(found, calendar.working_day(number))
    if unit.endswith("月"):
        return _piece(found, replace(calendar.day(sign * 15), doubt=Doubt.VAGUE) if half else calendar.later(number))
    if unit == "年":
        return _piece(found, calendar.later(sign * 6 if half else number * 12))
    return _piece(found, calendar.day(number))


def _clock(found: re.Match[str], _calendar: Calendar) -> Piece | None:
    hour, minute = _number(found["hour"]), 0
    if found["half"]:
        minute = 30
    elif found["quarter"]:
        minute = 15 * _number(found["quarter"])
    elif found["minute"]:
        minute = _number(found["minute"])
    named = minute or found["sure"] != "点"
    # 一点 is "a little" far more often than one o'clock, and more than 24 are points that somebody collects
    if hour > 24 and not named:
        return None
    vague = Doubt.VAGUE if found["vague"] else None
    return _piece(found, clock=Clock(hour, minute, doubt=vague), weak=hour <= 1 and not named)


def _past_hour(found: re.Match[str], _calendar: Calendar) -> Piece | None:
    """差五分八点, 差一刻八点."""
    before = 15 * _number(found["quarter"]) if found["quarter"] else _number(found["minute"])
    hour = _number(found["hour"])
    if not 1 <= hour <= 12 or not 0 < before < 60:
        return None
    return _piece(found, clock=Clock((hour - 2) % 12 + 1, 60 - before))


def _part(found: re.Match[str], _calendar: Calendar) -> Piece:
    part = _PARTS[found["part"]]
    return _piece(found, part=part, weak=part is not Part.NOON)


def _midnight(found: re.Match[str], _calendar: Calendar) -> Piece:
    return _piece(found, clock=Clock(0, half="midnight"))


_PATTERNS: tuple[tuple[str, Callable[[re.Match[str], Calendar], Piece | None]], ...] = (
    ("(?<![以之天周月年提])(?P<word>大前天|前天|前日)(?!性)", _plain_day),
    ("(?P<word>昨天|昨日|今天|今日|明天|明日|昨儿|今儿|明儿)", _plain_day),
    ("(?<![以之然今往])(?P<word>大后天|后天|后日)(?!性)", _plain_day),
    ("(?<![提以之])(?P<word>今|昨|明|前|当)(?P<part>晚上|早上|早晨|晚|早|晨|夜)(?![饭餐就会报])", _day_and_part),
    (
        f"(?P<which>上上|下下|上|下|这|本)一?个?{_WEEK}(?P<day>{_WEEKDAY}{_NOT_COUNTED}|末|底)?(?![0-9期边围年岁刊报转])",
        _week,
    ),
    (
        f"(?<![一二两三四五六七八九十百几半多每个0-9上下这本])(?<!每 )(?<!每个){_WEEK}(?P<day>{_WEEKDAY}){_NOT_COUNTED}"
        "(?![0-9福])",
        _open_weekday,
    ),
    ("(?<![每个上下这本一两])(?:周末|这?个周末)", _weekend),
    (
        rf"(?<!每)(?<!每个)(?:(?P<which>上上|下下|上|下|这|本|当)(?:一?个)?)月(?:份)?的?"
        rf"(?:(?P<edge>底|末|初|中旬|上旬|下旬|中(?![午国秋旬]))|(?P<day>{_DAY})[日号]{_NUMBERED})?",
        _month,
    ),
    (r"(?<![每个0-9一二三四五六七八九十上下这本当份])(?P<which>)月(?:(?P<edge>底|末|初)|(?P<day>(?!)))", _month),
    (
        rf"(?<![农阴旧]历)(?<![0-9零一二三四五六七八九十每闰])(?:(?P<year>{_YEAR}) ?)?"
        rf"(?P<month>{_NUMBER}) ?月(?:份)?的? ?(?P<day>{_NUMBER})"
        r"(?: ?[日号]|(?! ?[0-9一二三四五六七八九十个a-z件元块点天月折.多]))"
        rf"(?: ?(?:到|至|-|~) ?(?P<last>{_DAY})[日号](?!点))?",
        _dated,
    ),
    (
        rf"(?<![0-9./-])(?P<year>)(?P<month>{_MONTH})/(?P<day>[0-9]{{1,2}})(?P<last>(?!))?"
        r"(?:[日号]|(?=[上下中]午|晚上?|早上?|凌晨|之?[前后]))",
        _dated,
    ),
    (
        rf"(?<![农阴旧]历)(?<![0-9零一二三四五六七八九十每闰])(?:(?P<year>{_YEAR}) ?)?"
        rf"(?P<month>{_MONTH})月份?"
        r"(?P<edge>底|末|初(?![一二三四五六七八九十])|中旬|上旬|下旬|中(?![午国秋旬]))?(?![0-9一二三四五六七八九])",
        _named_month,
    ),
    (
        rf"(?P<year>{_YEAR})?(?:(?<=年)|(?<=年的)|(?<![前去今本明后每多])年)(?P<edge>底|末|初|中(?![午国秋旬]))",
        _of_year,
    ),
    (r"(?P<year>(?<![0-9])(?:19|2[01])[0-9]{2}年|(?:去|今|明)年)(?P<edge>(?!))?", _of_year),
    (rf"(?<![0-9零一二三四五六七八九十月第a-z#-])(?<!单)(?<!编)(?P<day>{_DAY})号{_NUMBERED}", _open_day),
    (
        rf"(?<![满过足起])(?<!收到货)(?<!签收)(?<!到货){_NO_NUMBER}(?P<count>{_NUMBER}|半)(?P<unit>天|日|个?小时|个?钟头|分钟|分|刻钟|"
        r"周|个?星期|个?礼拜|个月|年|个?工作日)(?P<more>半)?(?:之|以)?(?P<side>前|后)(?![门面排后前者期续天])",
        _relative,
    ),
    (
        rf"(?<![0-9.:零一二三四五六七八九十百第差有这那])(?<!以下)(?P<hour>{_HOUR})(?P<sure>点钟|点整|时(?={_MINUTE}分)|点)"
        rf"(?:(?P<half>半)|(?P<quarter>[一三1-3])刻|过?(?P<minute>{_MINUTE}|[0-9一二三四五六七八九](?=分))(?!折)分?|"
        rf"(?P<vague>多)(?![0-9零〇一二三四五六七八九十少个种])|(?![0-9零〇一二三四五六七八九十几半多]))(?:钟|整)?"
        r"(?!(?<=一点)[也都])(?![建意问要原疑不倍积折击评儿子注说赞头数名])",
        _clock,
    ),
    (
        rf"差(?:(?P<quarter>[一1])刻|(?P<minute>{_MINUTE}|[0-9一二三四五六七八九])分?钟?)(?:到)?(?P<hour>{_HOUR})点",
        _past_hour,
    ),
    (
        r"(?P<part>凌晨|清晨|清早|早晨|早上|上午|中午|正午|午后|下午|傍晚|晚上|晚间|夜里|夜晚|夜间|深夜|半夜)(?![好饭餐])",
        _part,
    ),
    (rf"(?<![今昨明前当])(?P<part>早|晚)(?=(?!一点){_HOUR}点|[0-9]{{1,2}}:)", _part),
    ("午夜|零点整?(?![0-9])", _midnight),
)


@cache
def rules() -> tuple[Rule, ...]:
    """The patterns, compiled when they are first needed."""
    return tuple((re.compile(pattern), resolve) for pattern, resolve in _PATTERNS)
