"""Old conversations are forgotten when the house opens and then daily, and failing to do so ends nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from bot.compose import compose
from bot.config import Config, MemoryConfig, load
from bot.errors import ConfigError
from bot.house import serve
from bot.retention import Retention
from engine.dialogue import ConversationKey
from storage.errors import Unavailable
from storage.in_memory import InMemoryStore
from tests.builders import KEY, NOON, a_house, a_message, a_whole_house
from tests.fakes import Lines

OLD = ConversationKey("shop", "old")


class Days:
    """A clock that is moved by days."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def a_store(clock: Days) -> InMemoryStore:
    """A conversation of a month ago, and one of today."""
    store = InMemoryStore(clock=clock)
    a_house(store=store).take(a_message("refund", key=OLD))
    clock.now += timedelta(days=30)
    a_house(store=store).take(a_message("refund"))
    return store


def kept(store: InMemoryStore) -> list[ConversationKey]:
    return [summary.key for summary in store.conversations()]


@pytest.mark.parametrize(("days", "left"), [(29, [KEY]), (30, [KEY, OLD]), (31, [KEY, OLD])])
def test_what_is_older_than_so_many_days_is_forgotten(days: int, left: list[ConversationKey]) -> None:
    clock = Days()
    store = a_store(clock)
    assert Retention(store, days, clock).forget() == 2 - len(left)
    assert kept(store) == left


async def test_the_house_forgets_when_it_opens() -> None:
    clock = Days()
    store = a_store(clock)
    house = a_whole_house(a_house(store=store))
    house.retention = Retention(store, 7, clock)
    await serve(house, [Lines([a_message("hours")])])
    until(lambda: kept(store) == [KEY])


def test_it_forgets_again_every_day_and_a_failure_waits_for_the_next() -> None:
    clock = Days()
    store = a_store(clock)
    failures = [Unavailable("the disk is full"), RuntimeError("who knows")]
    forget = store.forget_older_than

    def failing(moment: datetime) -> int:
        if failures:
            raise failures.pop()
        return forget(moment)

    store.forget_older_than = failing  # type: ignore[method-assign]
    retention = Retention(store, 7, clock, pause=0.01)
    retention.start()
    retention.start()
    until(lambda: kept(store) == [KEY])
    clock.now += timedelta(days=8)
    until(lambda: kept(store) == [])
    retention.close()
    retention.close()


def test_it_is_off_unless_it_is_asked_for(tmp_path: Path) -> None:
    config = replace(Config(), home=tmp_path)
    assert config.memory.retention_days == 0
    house = compose(config)
    assert house.retention is None
    house.close()
    house = compose(replace(config, memory=MemoryConfig(retention_days=30)))
    assert house.retention is not None
    house.close()
    house = compose(replace(config, memory=MemoryConfig(retention_days=30)), lasting=False)
    assert house.retention is None
    house.close()


@pytest.mark.parametrize("days", ["-1", "36501", "1.5", '"30"', "true"])
def test_a_number_of_days_that_cannot_be_is_refused(tmp_path: Path, days: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[memory]\nretention_days = {days}\n", "utf-8")
    with pytest.raises(ConfigError, match=r"memory\.retention_days must"):
        load(path)
