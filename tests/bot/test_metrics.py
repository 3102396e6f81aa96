"""What is counted: every stored reply once, and nothing that a customer wrote."""

from __future__ import annotations

import asyncio
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

import bot
from bot.metrics import ANSWERED, Metrics
from bot.service import Service
from bot.turn import TurnTaker
from engine.dialogue import Grade, Mark, Reply, Source
from tests.builders import FAQ, a_house, a_message, a_reply, a_wording
from tests.fakes import BOTH, FailingStore, RacedStore, TableEngine

REFERENCE = Path(bot.__file__).parents[1] / "docs" / "reference" / "metrics.md"


def counted(house: TurnTaker) -> Metrics:
    house.metrics = Metrics()
    return house.metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def replies(metrics: Metrics, source: Source, grade: str = ANSWERED) -> float | None:
    return value(metrics, "attendant_replies_total", source=source.value, grade=grade)


def a_graded_reply(grade: Grade | None = None, *marks: Mark) -> Reply:
    reply = a_reply()
    return replace(reply, provenance=replace(reply.provenance, grade=grade, marks=frozenset(marks)))


def test_replies_are_counted_by_source_and_grade() -> None:
    metrics = Metrics()
    for grade in (None, None, *Grade):
        metrics.replied(a_graded_reply(grade), 0.02)
    assert replies(metrics, Source.RETRIEVED) == 2
    assert [replies(metrics, Source.RETRIEVED, grade.value) for grade in Grade] == [1, 1, 1, 1]
    assert replies(metrics, Source.GENERATED) is None


def test_slips_parts_and_choices_are_counted() -> None:
    metrics = Metrics()
    names = ("attendant_slips_total", "attendant_messages_in_parts_total", "attendant_choices_taken_total")
    assert [value(metrics, name) for name in names] == [0, 0, 0]
    metrics.replied(a_graded_reply(None, Mark.SLIP), 0.0)
    metrics.replied(a_graded_reply(None, Mark.PARTS, Mark.SLIP), 0.0)
    metrics.replied(a_graded_reply(None, Mark.CHOICE), 0.0)
    assert [value(metrics, name) for name in names] == [2, 1, 1]


def test_a_turn_is_counted_once_with_its_seconds() -> None:
    house = a_house()
    metrics = counted(house)
    message = a_message("refund")
    for again in (message, message, a_message(BOTH), a_message("/help")):
        house.take(again)
    assert [replies(metrics, source) for source in (Source.RETRIEVED, Source.CLARIFY, Source.FIXED)] == [1, 1, 1]
    assert value(metrics, "attendant_turn_seconds_count") == 3
    assert 0 < (value(metrics, "attendant_turn_seconds_sum") or 0) < 30


def test_a_turn_that_was_not_stored_is_not_counted_and_one_that_lost_a_race_is_counted_once() -> None:
    failing = a_house(store=FailingStore())
    metrics = counted(failing)
    with pytest.raises(Exception, match="disk is full"):
        failing.take(a_message("refund"))
    assert value(metrics, "attendant_turn_seconds_count") == 0
    raced = a_house(store=RacedStore([lambda store: a_house(store=store).take(a_message("hours"))]))
    metrics = counted(raced)
    raced.take(a_message("refund"))
    assert replies(metrics, Source.RETRIEVED) == 1


def test_no_count_is_lost_between_threads() -> None:
    metrics = Metrics()
    gate = threading.Barrier(4)

    def count(_: int) -> None:
        gate.wait(timeout=10)
        for _ in range(500):
            metrics.replied(a_graded_reply(None, Mark.SLIP), 0.01)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(4)))
    assert (replies(metrics, Source.RETRIEVED), value(metrics, "attendant_slips_total")) == (2000, 2000)


async def test_failed_turns_and_messages_turned_away_are_counted() -> None:
    def explode(_text: str) -> None:
        raise RuntimeError("boom")

    house = a_house(engine=TableEngine(FAQ, a_wording().say, before=explode))
    metrics = counted(house)
    service = Service(house, workers=1, waiting=1)
    try:
        await asyncio.gather(*(service.handle(a_message("refund")) for _ in range(3)))
    finally:
        await asyncio.to_thread(service.close)
    assert value(metrics, "attendant_failed_turns_total") == 1
    assert value(metrics, "attendant_turned_away_total") == 2


def test_houses_count_each_for_itself() -> None:
    one, other = Metrics(), Metrics()
    one.replied(a_reply(), 0.1)
    assert (replies(one, Source.RETRIEVED), replies(other, Source.RETRIEVED)) == (1, None)


def test_nothing_a_customer_wrote_and_nothing_of_the_faq_is_in_a_label() -> None:
    house = a_house()
    metrics = counted(house)
    for text in ("refund", "I am Anna, anna@shop.example", BOTH):
        house.take(a_message(text))
    labels = {
        (name, label)
        for family in metrics.registry.collect()
        for sample in family.samples
        for name, label in sample.labels.items()
    }
    allowed = {*(str(source) for source in Source), *(str(grade) for grade in Grade), ANSWERED}
    assert all(label in allowed for name, label in labels if name in ("source", "grade"))
    assert {name for name, _ in labels} <= {"source", "grade", "le"}


def test_every_metric_and_label_stands_in_the_reference() -> None:
    text = REFERENCE.read_text("utf-8")
    metrics = Metrics()
    names = [
        f"{family.name}_total" if family.type == "counter" else family.name for family in metrics.registry.collect()
    ]
    assert len(names) == 8
    documented = re.findall(r"^\| `(attendant_\w+)`", text, re.MULTILINE)
    assert sorted(names) == sorted(documented)
    for label in (*(str(source) for source in Source), *(str(grade) for grade in Grade), ANSWERED):
        assert f"`{label}`" in text
