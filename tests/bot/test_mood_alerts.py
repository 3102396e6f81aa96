"""Watching how customers sound: every stored turn is taken in, and a jump is said in the log, masked."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.mood_alerts import MoodAlerts, in_words
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from engine.memory import WorkingMemory
from engine.understand.slots import SlotFinder
from storage.in_memory import InMemoryStore
from storage.ports import DeliveryKind

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
REPLY = Reply("Within 14 days.", Provenance(Source.RETRIEVED, "refund", "sure"), 0.9, entry="refund")


def said(place: int, text: str) -> Message:
    at = NOON + timedelta(minutes=place)
    return Message(ConversationKey("web", f"c{place}"), str(place), text, at)


def test_a_jump_is_said_once_with_masked_examples(caplog: pytest.LogCaptureFixture) -> None:
    alerts, empty = MoodAlerts(SlotFinder()), WorkingMemory()
    with caplog.at_level(logging.WARNING, "attendant.mood"):
        for place in range(120):
            alerts.heard(said(place, "when do I get my money?"), REPLY, empty, empty.feel(0.1))
        assert caplog.records == []
        found = [
            alerts.heard(said(place, "where is my money?! write to ann@example.org"), REPLY, empty, empty.feel(-0.9))
            for place in range(200, 240)
        ]
    told = [one for one in found if one is not None]
    assert told
    assert told[0].before < 0.1 < told[0].now
    text = caplog.records[0].getMessage()
    assert "refund" in text
    assert "⟨email⟩" in text
    assert "ann@" not in caplog.text


def a_jump(alerts: MoodAlerts, first: int = 0) -> list[str]:
    """Calm talk, then angry talk; what the alerts say, one each."""
    empty, found = WorkingMemory(), []
    for place in range(first, first + 160):
        mood = 0.1 if place < first + 120 else -0.9
        found.append(
            alerts.heard(said(place, f"it is late, write to a{place}@b.example"), REPLY, empty, empty.feel(mood))
        )
    return [in_words(one) for one in found if one is not None]


def test_an_alert_is_sent_to_the_channels_that_the_configuration_names() -> None:
    store = InMemoryStore()
    told = a_jump(MoodAlerts(SlotFinder(), store=store, to=("telegram", "webhook")))
    sent = [(one.key.channel, one.kind, one.reply.text) for one in store.pending()]
    assert told
    assert sent[:2] == [("telegram", DeliveryKind.ALERT, told[0]), ("webhook", DeliveryKind.ALERT, told[0])]
    assert "⟨email⟩" in told[0]


def test_what_was_seen_outlives_the_process_but_for_the_texts() -> None:
    store = InMemoryStore()
    first = MoodAlerts(SlotFinder(), store=store)
    empty = WorkingMemory()
    for place in range(130):
        first.heard(said(place, "a word"), REPLY, empty, empty.feel(0.1 if place < 125 else -0.9))
    first.close()
    assert "a word" not in str(store.state("mood monitor"))
    second = MoodAlerts(SlotFinder(), store=store)
    found = [second.heard(said(place, "late"), REPLY, empty, empty.feel(-0.9)) for place in range(200, 240)]
    assert any(one is not None for one in found)  # a new monitor would still be learning what is usual


def test_a_damaged_state_is_begun_anew_and_said(caplog: pytest.LogCaptureFixture) -> None:
    store = InMemoryStore()
    with store.write() as work:
        work.keep_state("mood monitor", {"format": 99})
        work.commit()
    MoodAlerts(SlotFinder(), store=store)
    assert "begin with a new one" in caplog.text


def test_whoever_is_forgotten_is_in_no_example() -> None:
    alerts, empty = MoodAlerts(SlotFinder()), WorkingMemory()
    for place in range(60):
        alerts.heard(said(place, "calm"), REPLY, empty, empty.feel(0.1))
    for place in range(60, 63):
        alerts.heard(said(place, "my secret"), REPLY, empty, empty.feel(-1.0))
    alerts.forget()
    found = [alerts.heard(said(place, "late"), REPLY, empty, empty.feel(-0.9)) for place in range(70, 110)]
    told = [one for one in found if one is not None]
    assert told
    assert "my secret" not in str(told)


def test_a_turn_in_which_no_mood_was_felt_is_passed_over() -> None:
    memory = WorkingMemory().feel(-0.9)
    alerts = MoodAlerts(SlotFinder())
    assert alerts.heard(said(1, "/why"), REPLY, memory, memory) is None
    assert alerts.heard(said(2, "hello"), REPLY, WorkingMemory(), replace(WorkingMemory())) is None
