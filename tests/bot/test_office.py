"""Office hours: when somebody is there, whatever the zone, and what is no office hour."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.config import load
from bot.office import Office
from bot.wording import BUILT_IN, Wording

LONDON = ZoneInfo("Europe/London")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-03-02 09:00", True),  # a Monday
        ("2026-03-02 08:59", False),
        ("2026-03-06 17:59", True),
        ("2026-03-06 18:00", False),
        ("2026-03-07 12:00", False),
        ("2026-03-08 23:59", True),
        ("2026-07-06 08:00", True),  # summer: nine in London
        ("2026-07-06 17:30", False),
    ],
)
def test_somebody_is_there_by_the_clock_of_the_zone(moment: str, is_open: bool) -> None:
    office = Office(["Mon-Fri  09:00-18:00", "sun 20:00-24:00"], LONDON)
    assert office.is_open(at(moment)) is is_open
    assert office.words == "Mon-Fri 09:00-18:00, sun 20:00-24:00"


def test_days_go_round_the_week() -> None:
    office = Office(["Sat-Mon 00:00-24:00"], UTC)
    assert [office.is_open(at(f"2026-03-0{day} 12:00")) for day in range(2, 9)] == [True, *[False] * 4, True, True]


def test_without_hours_somebody_is_always_there() -> None:
    assert Office([], UTC).is_open(at("2026-03-07 03:00"))


@pytest.mark.parametrize(
    "line", ["", "Mon", "Mon 9-17", "Mon 17:00-09:00", "Mon 09:00-25:00", "Mon 09:60-10:00", "Someday 09:00-17:00"]
)
def test_what_is_no_office_hour_is_named(line: str) -> None:
    with pytest.raises(ValueError, match=line or "must be such as"):
        Office([line], UTC)


def test_when_nobody_is_there_a_handoff_says_when_somebody_will_be() -> None:
    closed = Wording("Fern", ("en",), {}, closed=lambda: "Mon-Fri 09:00-18:00")
    assert "Mon-Fri 09:00-18:00" in closed.say("handoff")
    assert "Mon-Fri 09:00-18:00" in closed.say("handoff", "zh")
    assert Wording("Fern", ("en",), {}, closed=lambda: "").say("handoff") == BUILT_IN["en"]["handoff"]


def test_a_wrong_hour_in_the_configuration_is_an_error_that_names_it(tmp_path) -> None:
    (tmp_path / "config.toml").write_text('[handoff]\nhours = ["Mon 9-17"]\n', "utf-8")
    with pytest.raises(Exception, match=r"handoff.hours: 'Mon 9-17' must be such as"):
        load(tmp_path / "config.toml")
