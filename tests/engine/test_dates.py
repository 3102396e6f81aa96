"""Dates and times in messages, resolved on Wednesday 6 May 2026 at ten in London unless a test says otherwise."""

from __future__ import annotations

import subprocess
import sys
import time as clock
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.understand.dates import Moment, find, spoken
from engine.understand.dates_calendar import Doubt, Part
from tests.engine.date_phrases import IMPOSSIBLE, RESOLVED, TRAPS

LONDON = ZoneInfo("Europe/London")
SHANGHAI = ZoneInfo("Asia/Shanghai")
WEDNESDAY = datetime(2026, 5, 6, 10, tzinfo=LONDON)


def only(text: str, said: datetime = WEDNESDAY, *, day_first: bool = True, past: bool = False) -> Moment:
    (moment,) = find(text, said=said, zone=LONDON, day_first=day_first, past=past)
    return moment


def days(moment: Moment) -> str:
    return "-" if moment.date is None else f"{moment.date}..{moment.until}" if moment.until else f"{moment.date}"


def times(moment: Moment) -> str:
    if moment.time is None:
        return "-"
    return f"{moment.time:%H:%M}..{moment.until_time:%H:%M}" if moment.until_time else f"{moment.time:%H:%M}"


def on(day: int, month: int = 5) -> datetime:
    return datetime(2026, month, day, 10, tzinfo=LONDON)


@pytest.mark.parametrize(("message", "words", "day", "clock_time", "doubtful"), RESOLVED)
def test_what_customers_say_is_resolved(message: str, words: str, day: str, clock_time: str, doubtful: bool) -> None:
    moment = only(message)
    assert (moment.text, days(moment), times(moment)) == (words, day, clock_time)
    assert moment.certain is not doubtful
    assert message[moment.start : moment.end] == words


@pytest.mark.parametrize(("message", "words", "day", "clock_time", "doubtful"), IMPOSSIBLE)
def test_what_no_calendar_has_is_found_and_never_shifted(
    message: str, words: str, day: str, clock_time: str, doubtful: bool
) -> None:
    moment = only(message)
    assert (moment.text, days(moment), times(moment)) == (words, day, clock_time)
    assert doubtful
    assert moment.doubt is Doubt.IMPOSSIBLE


@pytest.mark.parametrize("message", TRAPS)
def test_what_only_looks_like_a_date_is_none(message: str) -> None:
    assert find(message, said=WEDNESDAY, zone=LONDON) == []


@pytest.mark.parametrize(
    "message",
    [
        "¿Llega mañana por la tarde?",
        "Je voudrais savoir mon colis",
        "Wann kommt mein Paket nächste Woche?",
        "配送はいつ届きますか",
    ],
)
def test_other_languages_are_left_alone(message: str) -> None:
    assert [moment.date for moment in find(message, said=WEDNESDAY, zone=LONDON)] == []


@pytest.mark.parametrize(
    ("words", "said", "day", "doubt", "other"),
    [
        ("last Tuesday", on(5), date(2026, 4, 28), None, None),  # on a Tuesday: a week ago
        ("last Tuesday", on(6), date(2026, 5, 5), Doubt.WEEK, date(2026, 4, 28)),
        ("last Tuesday", on(4), date(2026, 4, 28), None, None),
        ("next Friday", on(6), date(2026, 5, 15), Doubt.WEEK, date(2026, 5, 8)),
        ("next Friday", on(8), date(2026, 5, 15), None, None),
        ("next Friday", on(9), date(2026, 5, 15), None, None),
        ("下周五", on(6), date(2026, 5, 15), None, None),
        ("下周五", on(10), date(2026, 5, 15), None, None),
        ("上周二", on(6), date(2026, 4, 28), None, None),
        ("这周二", on(6), date(2026, 5, 5), None, None),
        ("this Tuesday", on(6), date(2026, 5, 12), Doubt.WEEK, date(2026, 5, 5)),
        ("Wednesday", on(6), date(2026, 5, 13), Doubt.SIDE, date(2026, 5, 6)),
        ("this weekend", on(10), date(2026, 5, 9), None, None),  # on that Sunday
        ("end of the month", on(31), date(2026, 5, 31), None, None),
        ("the 31st", on(1, 6), date(2026, 7, 31), Doubt.SIDE, date(2026, 5, 31)),  # June has none
        ("in a month", on(31), date(2026, 6, 30), Doubt.VAGUE, None),
        ("January 5", on(20, 12), date(2027, 1, 5), None, None),
        ("20 December", on(5, 1), date(2025, 12, 20), None, None),
        ("the 6th", on(6), date(2026, 5, 6), Doubt.SIDE, date(2026, 4, 6)),
    ],
)
def test_the_day_of_the_message_decides(
    words: str, said: datetime, day: date, doubt: Doubt | None, other: date | None
) -> None:
    moment = only(words, said)
    assert (moment.date, moment.doubt, moment.other) == (day, doubt, other)


@pytest.mark.parametrize(
    ("words", "ahead", "past"),
    [
        ("Friday", date(2026, 5, 8), date(2026, 5, 1)),
        ("周二", date(2026, 5, 12), date(2026, 5, 5)),
        ("the 20th", date(2026, 5, 20), date(2026, 4, 20)),
        ("20号", date(2026, 5, 20), date(2026, 4, 20)),
        ("over the weekend", date(2026, 5, 9), date(2026, 5, 2)),
    ],
)
def test_an_open_day_is_looked_for_on_the_side_that_was_asked_for(words: str, ahead: date, past: date) -> None:
    assert (only(words).date, only(words).other) == (ahead, past)
    assert (only(words, past=True).date, only(words, past=True).other) == (past, ahead)


def test_a_day_without_a_year_is_doubtful_when_it_is_far_away() -> None:
    ahead, past = only("20 December"), only("20 December", past=True)
    assert (ahead.date, ahead.doubt, ahead.other) == (date(2026, 12, 20), Doubt.YEAR, date(2025, 12, 20))
    assert (past.date, past.certain) == (date(2025, 12, 20), True)


def test_figures_are_read_in_the_order_that_is_set_and_marked_when_both_are_possible() -> None:
    british, american = only("03/05/2024"), only("03/05/2024", day_first=False)
    assert (british.date, british.other, british.doubt) == (date(2024, 5, 3), date(2024, 3, 5), Doubt.ORDER)
    assert (american.date, american.other, american.doubt) == (date(2024, 3, 5), date(2024, 5, 3), Doubt.ORDER)
    assert only("03/03/2024").certain
    assert only("13/05/2024", day_first=False).date == date(2024, 5, 13)
    assert only("3.5.2024", day_first=False).certain  # with dots, the day is first everywhere


def test_a_weekday_settles_what_was_open_and_contradicts_what_is_wrong() -> None:
    assert only("Tuesday 05/03/2024").doubt is None
    assert only("Sunday 05/03/2024").doubt is Doubt.CLASH
    settled = only("Friday 05/04/2024")
    assert (settled.date, settled.certain) == (date(2024, 4, 5), True)
    swapped = only("Saturday 05/04/2024")  # the fifth of April was a Friday, May the fourth a Saturday
    assert (swapped.date, swapped.certain) == (date(2024, 5, 4), True)
    assert only("Monday, 6 May 2026").doubt is Doubt.CLASH
    assert only("5月12日（周二）").certain
    assert len(find("Monday, tomorrow", said=WEDNESDAY, zone=LONDON)) == 2


def test_today_is_the_day_where_the_customer_lives() -> None:
    late = datetime(2026, 5, 6, 22, tzinfo=UTC)
    (in_london,) = find("today", said=late, zone=LONDON)
    (in_shanghai,) = find("今天", said=late, zone=SHANGHAI)
    assert (in_london.date, in_shanghai.date) == (date(2026, 5, 6), date(2026, 5, 7))


def test_hours_are_real_hours_when_the_clocks_change() -> None:
    before = datetime(2026, 3, 29, 0, 30, tzinfo=UTC)  # London goes from 01:00 to 02:00
    (moment,) = find("in one hour", said=before, zone=LONDON)
    assert (moment.date, moment.time) == (date(2026, 3, 29), time(2, 30))


def test_a_time_that_the_clocks_skip_or_show_twice_is_marked() -> None:
    skipped, twice = only("29 March 2026 at 01:30"), only("25 October 2026 at 01:30")
    assert (skipped.date, skipped.time, skipped.doubt) == (date(2026, 3, 29), None, Doubt.IMPOSSIBLE)
    assert (twice.time, twice.doubt) == (time(1, 30), Doubt.TWICE)


@pytest.mark.parametrize(
    ("words", "day", "at"),
    [
        ("今晚12点", 7, time(0)),
        ("tonight at 24:00", 7, time(0)),
        ("今晚一点", 7, time(1)),
        ("明天0点", 7, time(0)),
        ("明天凌晨12点", 7, time(0)),
        ("明天上午12点", 7, time(12)),
        ("tomorrow at 12am", 7, time(0)),
        ("tomorrow at 12pm", 7, time(12)),
        ("昨晚一点", 6, time(1)),
    ],
)
def test_midnight_belongs_to_the_day_that_it_begins(words: str, day: int, at: time) -> None:
    moment = only(words)
    assert (moment.date, moment.time) == (date(2026, 5, day), at)


def test_midnight_of_a_day_can_be_either_end_of_it() -> None:
    assert only("tomorrow at midnight").doubt is Doubt.HALF


def test_a_time_in_another_zone_is_not_the_customers() -> None:
    assert only("tomorrow at 18:30 UTC").doubt is Doubt.ZONE
    assert only("10 AM EST tomorrow").doubt is Doubt.ZONE
    assert only("2026-05-20T10:00:00+08:00").doubt is Doubt.ZONE


def test_a_part_of_the_day_is_kept_and_gives_the_half_of_it() -> None:
    assert (only("tonight").part, only("tonight").time) == (Part.NIGHT, None)
    assert only("明天下午").part is Part.AFTERNOON
    assert only("Friday evening at 8").time == time(20)
    assert only("傍晚六点").time == time(18)


def test_a_week_has_no_time_of_its_own() -> None:
    week, at = find("next week, 6pm", said=WEDNESDAY, zone=LONDON)
    assert (week.time, at.date, at.time) == (None, None, time(18))


def test_several_moments_come_in_order() -> None:
    found = find("not Friday at 6pm but Saturday at noon, 或者下周一", said=WEDNESDAY, zone=LONDON)
    assert [moment.text for moment in found] == ["Friday at 6pm", "Saturday at noon", "下周一"]


def test_what_is_moved_from_one_day_to_another_is_no_span() -> None:
    for message in ("move it from Monday to Friday", "can I change from 6pm to 8pm", "从周一改到周五"):
        assert len(find(message, said=WEDNESDAY, zone=LONDON)) == 2
    assert only("open from Monday to Friday").until == date(2026, 5, 15)


def test_an_impossible_time_does_not_spoil_its_day() -> None:
    moment = only("tomorrow at 25:00")
    assert (moment.date, moment.time, moment.certain) == (date(2026, 5, 7), None, False)


@pytest.mark.parametrize("words", ["in 9999 years", "9999 weeks ago", "in 9999 months", "in 9999 working days"])
def test_what_lies_outside_the_calendar_is_impossible(words: str) -> None:
    assert only(words, datetime(9000, 1, 1, tzinfo=UTC)).doubt in (Doubt.IMPOSSIBLE, None, Doubt.VAGUE)
    assert only("in 9999 years").doubt is Doubt.IMPOSSIBLE


def test_a_moment_without_a_zone_is_refused_with_words() -> None:
    with pytest.raises(ValueError, match="needs a time zone"):
        find("today", said=datetime(2026, 5, 6), zone=LONDON)
    with pytest.raises(ValueError, match="outside the calendar"):
        find("today", said=datetime.max.replace(tzinfo=UTC), zone=SHANGHAI)


@pytest.mark.parametrize(
    ("words", "english", "chinese"),
    [
        ("today", "Wednesday 6 May 2026", "2026年5月6日 星期三"),
        ("tomorrow at 18:30", "Thursday 7 May 2026, 18:30", "2026年5月7日 星期四 18:30"),
        ("tomorrow evening", "Thursday 7 May 2026 in the evening", "2026年5月7日 星期四 晚上"),
        ("6pm", "18:00", "18:00"),
        ("6pm to 8pm", "18:00 to 20:00", "18:00至20:00"),
        (
            "this weekend",
            "Saturday 9 May 2026 to Sunday 10 May 2026",
            "2026年5月9日 星期六至2026年5月10日 星期日",
        ),
        ("31 February", "", ""),
    ],
)
def test_a_moment_is_said_back(words: str, english: str, chinese: str) -> None:
    moment = only(words)
    assert spoken(moment, "en-GB") == english
    assert spoken(moment, "zh-CN") == chinese
    assert spoken(only("tomorrow at 18:30"), "fr") == "2026-05-07 18:30"


VOCABULARY = (
    *("last", "next", "this", "the", "day", "before", "after", "yesterday", "tomorrow", "today", "friday", "sat", "on"),
    *("weekend", "week", "month", "year", "may", "march", "3rd", "31st", "30", "29", "february", "2024", "2024-02-30"),
    *("03/05/2024", "25:00", "12:30", "6pm", "am", "at", "of", "in", "to", "until", "between", "and", "noon", "half"),
    *(
        "midnight",
        "tonight",
        "past",
        "quarter",
        "ago",
        "hours",
        "9999",
        "from",
        "now",
        "end",
        "周五",
        "下周",
        "上",
        "个",
    ),
    *(
        "星期",
        "天",
        "三",
        "十",
        "月",
        "号",
        "5月",
        "2月30日",
        "半",
        "点",
        "前",
        "后",
        "晚上",
        "今晚",
        "十二点",
        "到",
        "（",
    ),
    *("）", "，", "2024年", "底", "个工作日", "小时", "😀", "İ", "ß", "３", "utc", "+08:00", "heute"),
)
ZONES = ("Europe/London", "Asia/Shanghai", "Pacific/Apia", "America/New_York", "Asia/Kathmandu")


@given(
    st.one_of(
        st.text(max_size=60),
        st.lists(st.sampled_from(VOCABULARY), max_size=12).map(" ".join),
        st.lists(st.sampled_from(VOCABULARY), max_size=12).map("".join),
    ),
    st.datetimes(timezones=st.just(UTC), min_value=datetime(1, 1, 3), max_value=datetime(9999, 12, 29)),
    st.sampled_from(ZONES),
    st.booleans(),
)
def test_any_text_at_any_time_gives_moments_that_hold_together(
    text: str, said: datetime, zone: str, past: bool
) -> None:
    end = 0
    for moment in find(text, said=said, zone=ZoneInfo(zone), past=past):
        assert end <= moment.start < moment.end
        assert moment.text == text[moment.start : moment.end]
        assert moment.date or moment.time or not moment.certain
        assert moment.until is None or (moment.date is not None and moment.date <= moment.until)
        assert bool(spoken(moment, "en")) == bool(spoken(moment, "zh")) == bool(spoken(moment, "fr") or moment.part)
        end = moment.end


@given(st.dates(min_value=date(1900, 1, 1), max_value=date(2199, 12, 31)))
def test_a_full_date_is_itself_however_it_is_written(day: date) -> None:
    for written in (
        f"{day:%Y-%m-%d}",
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.day} {day:%B} {day.year}",
        f"{day:%b} {day.day}, {day.year}",
        f"{day:%A} {day.day} {day:%B} {day.year}",
    ):
        moment = only(f"x {written} y" if written[0].isdigit() else written)
        assert (moment.date, moment.certain, moment.text) == (day, True, written)


@pytest.mark.parametrize(
    "unit",
    [
        *(
            "1",
            " ",
            "in a ",
            "the ",
            "1 to ",
            "2024-",
            "十",
            "五月",
            "周一",
            "三点",
            "上",
            "at 6 ",
            "may 3 ",
            "5月3日（",
        ),
        *(
            "😀3️⃣",
            "tomorrow to ",
            "end of the ",
            "half past ",
            "a week from ",
            "the 3rd of ",
            "tuesday, ",
            "１２：",
            "((((",
        ),
    ],
)
def test_a_hostile_text_costs_no_more_than_its_length(unit: str) -> None:
    def cost(length: int) -> float:
        text = (unit * length)[:length]
        taken = []
        for _ in range(2):
            start = clock.process_time()
            find(text, said=WEDNESDAY, zone=LONDON)
            taken.append(clock.process_time() - start)
        return min(taken)

    find("tomorrow 明天 5", said=WEDNESDAY, zone=LONDON)
    assert cost(10_000) < 8 * cost(2_500) + 0.02  # four times the text; sixteen if it grew with the square


def test_importing_it_brings_nothing_but_the_standard_library() -> None:
    program = (
        "import sys, engine.understand.dates\n"
        "roots = {name.split('.')[0] for name in sys.modules}\n"
        "print(sorted(roots - set(sys.stdlib_module_names) - {'engine', '__main__'}))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
