"""Watching how customers sound: every stored turn is taken in, and a jump is said in the log, masked."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.mood_alerts import MoodAlerts
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from engine.memory import WorkingMemory
from engine.understand.slots import SlotFinder

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


def test_a_turn_in_which_no_mood_was_felt_is_passed_over() -> None:
    memory = WorkingMemory().feel(-0.9)
    alerts = MoodAlerts(SlotFinder())
    assert alerts.heard(said(1, "/why"), REPLY, memory, memory) is None
    assert alerts.heard(said(2, "hello"), REPLY, WorkingMemory(), replace(WorkingMemory())) is None
