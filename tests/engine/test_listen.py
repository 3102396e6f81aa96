"""What a message gives before it is thought about: values and their days, what has gone by, and what is put right."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts import KNOWLEDGE

from engine.dialogue import Speaker, Turn
from engine.listen import LIFETIMES, Habits, Listener
from engine.memory import LONGEST_VALUE, WorkingMemory
from engine.plan import Heard
from engine.tell import bare
from engine.understand.slots import SlotFinder
from engine.understand.tagger import Span

MONDAY = datetime(2026, 3, 2, 12, tzinfo=UTC)
EMPTY = WorkingMemory()


def listener(patterns: dict[str, str] | None = None, **habits: object) -> Listener:
    return Listener(KNOWLEDGE, SlotFinder(patterns), bare, Habits(**habits))  # type: ignore[arg-type]


def listen(text: str, memory: WorkingMemory = EMPTY, *, at: datetime = MONDAY, **habits: object) -> Heard:
    return listener(**habits).listen(Heard(text, memory, at, "en"))


def test_values_are_kept_with_the_moment_and_their_names_are_told() -> None:
    found = listen("I am Anna, order FW-4512")
    assert found.given == {"name", "order_number"}
    assert found.memory.values() == {"name": "Anna", "order_number": "FW-4512"}
    assert {slot.heard for slot in found.memory.slots.values()} == {MONDAY}
    assert found.memory.heard == MONDAY


@pytest.mark.parametrize(
    ("text", "value", "meaning", "sure"),
    [
        ("I bought it yesterday", "yesterday", "2026-03-01", 1.0),
        ("I bought it two weeks ago", "two weeks ago", "2026-02-16", 1.0),
        ("on 3 May 2026", "3 May 2026", "2026-05-03", 1.0),
        ("上周五买的", "上周五", "2026-02-27", 1.0),
        ("on 03/05/2026", "03/05/2026", "2026-05-03", 0.5),
    ],
)
def test_a_day_is_kept_as_it_was_said_with_what_it_came_to(text: str, value: str, meaning: str, sure: float) -> None:
    slot = listen(text).memory.slots["date"]
    assert (slot.value.removeprefix("on "), slot.meaning, slot.confidence) == (value, meaning, sure)


def test_a_day_is_that_of_the_house_and_so_is_the_order_of_day_and_month() -> None:
    late = datetime(2026, 3, 2, 20, tzinfo=UTC)
    there = listen("yesterday", at=late, zone=ZoneInfo("Asia/Shanghai")).memory.slots["date"]
    assert there.meaning == "2026-03-02"
    assert listen("03/05/2026", day_first=False).memory.slots["date"].meaning == "2026-03-05"


@pytest.mark.parametrize("text", ["31 February", "on 30.02.2026", "2月31日", "2026-13-45"])
def test_a_day_that_no_calendar_has_is_passed_over(text: str) -> None:
    assert "date" not in listen(text).given
    known = EMPTY.fill("date", "yesterday", heard=MONDAY)
    assert listen(text, known).memory.values() == {"date": "yesterday"}


def test_a_date_lasts_at_least_until_it_is_over() -> None:
    expires = listen("on 3 May 2026").memory.slots["date"].expires
    assert expires is not None
    assert expires.date().isoformat() == "2026-05-03"
    assert listen("yesterday").memory.slots["date"].expires == MONDAY + LIFETIMES["date"]


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Shanghai"])
@pytest.mark.parametrize("text", ["31 December 9999", "1 January 0001", "9999-12-31", "0001-01-01"])
def test_the_ends_of_the_calendar_do_no_harm(text: str, zone: str) -> None:
    assert listen(text, zone=ZoneInfo(zone)).memory.heard == MONDAY


def test_slots_are_forgotten_by_their_own_rule() -> None:
    memory = listen("order FW-4512 for £20, anna@post.example").memory
    assert set(listen("hi", memory, at=MONDAY + timedelta(hours=11)).memory.values()) == {
        "order_number", "amount", "email",
    }  # fmt: skip
    later = listen("hi", memory, at=MONDAY + timedelta(days=2)).memory
    assert set(later.values()) == {"order_number", "email"}
    assert set(listen("hi", later, at=MONDAY + timedelta(days=31)).memory.values()) == {"email"}
    own = listen("order FW-4512", lifetimes={"order_number": timedelta(minutes=5)}).memory
    assert listen("hi", own, at=MONDAY + timedelta(minutes=6)).memory.values() == {}


def test_after_a_long_silence_slots_and_a_summary_are_left() -> None:
    memory = EMPTY.hear(Turn(Speaker.CUSTOMER, "When do I get a refund?")).push_topic("refund")
    memory = listen("order FW-4512", memory).memory.ask("refund", "email")
    just = listen("hi", memory, at=MONDAY + timedelta(hours=11, minutes=59)).memory
    assert just.topic is not None
    assert just.form is not None
    rested = listen("hi", memory, at=MONDAY + timedelta(hours=12)).memory
    assert (rested.topics, rested.recent, rested.form) == ((), (), None)
    assert rested.values() == {"order_number": "FW-4512"}
    assert "summary_about When do I get a refund?" in rested.summary
    assert "summary_tried How do I get a refund?" in rested.summary
    assert "slot_order_number FW-4512" in rested.summary


def test_what_has_expired_is_in_no_summary() -> None:
    memory = EMPTY.hear(Turn(Speaker.CUSTOMER, "hello")).fill(
        "card", "4111 1111 1111 1111", heard=MONDAY, lasts=LIFETIMES["card"]
    )
    memory = listen("hi", memory).memory
    rested = listen("hi", memory, at=MONDAY + timedelta(days=1)).memory
    assert rested.summary
    assert "4111" not in rested.summary


def test_a_clock_that_goes_back_makes_no_silence() -> None:
    memory = listen("order FW-4512").memory.push_topic("refund")
    assert listen("hi", memory, at=MONDAY - timedelta(days=9)).memory.topic is not None


def test_a_bare_value_is_understood_only_where_it_was_asked_for() -> None:
    assert listen("4512").given == frozenset()
    assert listen("4512", EMPTY.ask("label", "order_number")).given == {"order_number"}
    assert listen("4512", EMPTY.ask("label", "email")).given == frozenset()
    assert listen("at 18:30", EMPTY.ask("table", "time")).memory.values() == {"time": "18:30"}


@pytest.mark.parametrize(
    "text", ["How much is a tent?", "never mind", "asdfgh", "you idiot", "thanks", "?", "算了", "怎么退货"]
)
def test_what_asks_leaves_insults_or_says_nothing_is_no_value(text: str) -> None:
    assert listen(text, EMPTY.ask("check", "product")).memory.values() == {}


def test_one_sentence_may_give_what_was_asked_for_and_more() -> None:
    found = listen("a Heron 2, bought two weeks ago", EMPTY.ask("check", "product"))
    assert found.memory.values() == {"product": "Heron 2", "date": "two weeks ago"}


def test_what_puts_another_value_right_is_said_to() -> None:
    memory = listen("order FW-4521, anna@post.example").memory
    assert listen("no, I meant 4512", memory).corrected == "order_number"
    assert listen("sorry, my e-mail is anna@home.example", memory).corrected == "email"
    assert listen("no, anna@post.example", memory).corrected == ""
    assert listen("no, where is FW-4512?", memory).corrected == ""
    assert listen("order FW-4512", memory).corrected == ""


def test_a_value_that_is_too_long_to_be_one_is_passed_over() -> None:
    patterns = {"serial": r"S\d+"}
    assert listener(patterns).listen(Heard("S" + "1" * 70, EMPTY, MONDAY, "en")).given == {"serial"}
    assert listener(patterns).listen(Heard("S" + "1" * 10_000, EMPTY, MONDAY, "en")).given == frozenset()


def test_what_an_empty_pattern_finds_is_no_value() -> None:
    assert listener({"serial": "x*"}).listen(Heard("abc", EMPTY, MONDAY, "en")).given == frozenset()


slots = st.sampled_from(["order_number", "email", "date", "time", "product", "name", "amount", "card", "own"])


@given(
    st.text(max_size=300),
    slots,
    st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
)
def test_any_text_is_listened_to_without_harm(text: str, asked: str, at: datetime) -> None:
    found = listen(text, EMPTY.ask("check", asked), at=at)
    assert found.given == found.memory.values().keys()
    assert all(0 < len(value) <= LONGEST_VALUE for value in found.memory.values().values())
    assert WorkingMemory.from_json(found.memory.to_json()) == found.memory


class Sees:
    """Takes every word for what was asked for, and is as sure as it is told."""

    def __init__(self, confidence: float) -> None:
        self.confidence = confidence
        self.asked: list[tuple[str, ...]] = []

    def find(self, text: str, requested: Collection[str] = ()) -> tuple[Span, ...]:
        self.asked.append(tuple(requested))
        return tuple(Span(0, len(text.split()[0]), name, self.confidence) for name in requested)


@pytest.mark.parametrize(("confidence", "values"), [(0.95, {"place": "Leeds"}), (0.85, {})])
def test_what_a_form_asked_for_is_taken_from_the_tagger_where_it_is_sure(
    confidence: float, values: dict[str, str]
) -> None:
    sees = Sees(confidence)
    hears = Listener(KNOWLEDGE, SlotFinder(), bare, Habits(), sees)
    text = "Leeds would be the nearest to where we both live these days"
    asked = EMPTY.ask("refund", "place")
    assert hears.listen(Heard(text, asked, MONDAY, "en")).memory.values() == values
    assert sees.asked == [("place",)]


def test_the_tagger_is_not_asked_where_nothing_was_asked_for_or_the_text_is_a_letter() -> None:
    sees = Sees(1.0)
    hears = Listener(KNOWLEDGE, SlotFinder(), bare, Habits(), sees)
    assert hears.listen(Heard("Leeds is nice and so are its people", EMPTY, MONDAY, "en")).given == frozenset()
    asked = EMPTY.ask("refund", "place")
    assert hears.listen(Heard("Leeds " * 200, asked, MONDAY, "en")).given == frozenset()
    assert sees.asked == []
