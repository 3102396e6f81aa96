"""The monitor of moods: quiet while all is as usual, quick when it is not, deaf to one angry person alone."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.mood_monitor import EVERYTHING, Alert, MoodMonitor, Watch

START = datetime(2026, 3, 1, 9, tzinfo=UTC)
BAD, FINE = -0.9, 0.2


class Stream:
    """Conversations that come in one a minute."""

    def __init__(self, watch: Watch | None = None, *, seed: int = 1) -> None:
        self.monitor = MoodMonitor(watch)
        self.chance = random.Random(seed)
        self.count = 0

    def one(self, topic: str | None, mood: float, text: str = "", *, conversation: str = "") -> Alert | None:
        self.count += 1
        moment = START + timedelta(minutes=self.count)
        name = conversation or f"c{self.count}"
        return self.monitor.observe(topic, mood, text or f"text {self.count}", moment, conversation=name)

    def run(self, topic: str, share: float, count: int) -> list[tuple[int, Alert]]:
        """Alerts with the number of the conversation, from 1, that raised them."""
        moods = [BAD if self.chance.random() < share else FINE for _ in range(count)]
        found = [(number, self.one(topic, mood)) for number, mood in enumerate(moods, 1)]
        return [(number, alert) for number, alert in found if alert is not None]


@pytest.mark.parametrize("share", [0.03, 0.1, 0.3])
def test_on_a_steady_stream_false_alarms_are_rare(share: float) -> None:
    """Fewer than one in 4,000 conversations; with the share known it were one in 20,000."""
    conversations, alarms = 12_000, 0
    for seed in range(3):
        stream = Stream(Watch(quiet=timedelta()), seed=seed)
        alarms += len(stream.run("returns", share, conversations // 3))
    assert alarms <= conversations // 4_000


@pytest.mark.parametrize(("before", "after", "within"), [(0.05, 0.4, 60), (0.1, 0.5, 60), (0.1, 0.4, 100)])
@pytest.mark.parametrize("seed", range(4))
def test_a_jump_is_noticed_soon(before: float, after: float, within: int, seed: int) -> None:
    stream = Stream(seed=seed)
    assert stream.run("billing", before, 300) == []
    number, alert = stream.run("billing", after, within)[0]
    assert number <= within
    assert alert.now > alert.before
    assert alert.before < 2.5 * before
    assert alert.count >= 5


def test_an_alert_says_what_about_how_often_and_shows_three_texts() -> None:
    stream = Stream()
    stream.run("delivery", 0.05, 200)
    found = [alert for number in range(60) if (alert := stream.one("delivery", -0.6 - number / 200, f"late {number}"))]
    assert found[0].topic == "delivery"
    assert len(found[0].examples) == 3
    assert all(text.startswith("late") for text in found[0].examples)
    assert found[0].now > 0.5 > found[0].before


def test_the_first_conversations_only_teach_what_is_usual() -> None:
    stream = Stream(Watch(warm_up=50))
    assert stream.run("new topic", 1.0, 50) == []


def test_after_an_alert_a_topic_is_quiet_and_what_stays_becomes_usual() -> None:
    stream = Stream()
    stream.run("returns", 0.05, 200)
    assert len([alert for _, alert in stream.run("returns", 0.5, 1000) if alert.topic == "returns"]) == 1
    assert stream.monitor.shares()["returns"][0] > 0.35
    stream.count += 60 * 48
    assert stream.run("returns", 0.5, 200) == []


def test_a_flood_from_one_conversation_counts_once() -> None:
    stream = Stream()
    stream.run("returns", 0.05, 200)
    seen = stream.monitor.shares()["returns"][1]
    assert not any(stream.one("returns", -1.0, "AAA", conversation="angry") for _ in range(500))
    assert stream.monitor.shares()["returns"][1] == seen + 1


def test_a_conversation_that_turns_sour_counts_as_displeased() -> None:
    stream = Stream(Watch(warm_up=1, least=1))
    stream.one("returns", FINE, conversation="one")
    before = stream.monitor.to_json()["topics"]["returns"]
    stream.one("returns", BAD, conversation="one")
    after = stream.monitor.to_json()["topics"]["returns"]
    assert (after["bad"] + after["fresh_bad"]) > (before["bad"] + before["fresh_bad"])


def test_one_topic_going_wrong_is_told_by_its_name_and_others_are_not() -> None:
    stream = Stream()
    for _ in range(200):
        for topic in ("a", "b", "c"):
            stream.one(topic, BAD if stream.chance.random() < 0.08 else FINE)
    alerts = []
    for _ in range(60):
        for topic, share in (("a", 0.08), ("b", 0.6), ("c", 0.08)):
            alerts.append(stream.one(topic, BAD if stream.chance.random() < share else FINE))
    named = [alert.topic for alert in alerts if alert is not None]
    assert named[0] == "b"
    assert "a" not in named
    assert "c" not in named


def test_when_everything_goes_wrong_without_a_topic_that_is_told() -> None:
    stream = Stream()
    for _ in range(200):
        stream.one(None, BAD if stream.chance.random() < 0.05 else FINE)
    alerts = [alert for _ in range(60) if (alert := stream.one(None, BAD)) is not None]
    assert [alert.topic for alert in alerts] == [EVERYTHING]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", None]), st.floats(-1, 1), st.integers(0, 9)), max_size=60))
@settings(deadline=None, max_examples=40)
def test_a_restart_changes_nothing_but_the_examples(turns: list[tuple[str | None, float, int]]) -> None:
    watch = Watch(warm_up=2, least=1, between=10)
    through, restarted = MoodMonitor(watch), MoodMonitor(watch)
    for at, (topic, mood, conversation) in enumerate(turns):
        moment = START + timedelta(hours=at)
        restarted = MoodMonitor.from_json(json.loads(json.dumps(restarted.to_json())), watch)
        found = [
            one.observe(topic, mood, "text", moment, conversation=str(conversation)) for one in (through, restarted)
        ]
        assert [one and replace(one, examples=()) for one in found[:1]] == [
            one and replace(one, examples=()) for one in found[1:]
        ]
    assert through.to_json() == restarted.to_json()


def test_memory_is_bounded_and_long_texts_are_cut() -> None:
    stream = Stream(Watch(topics=20, conversations=50, warm_up=1, between=1e9))
    for number in range(300):
        stream.one(f"topic {number}", BAD, "x" * 5000)
    state = stream.monitor.to_json()
    assert len(state["topics"]) == 20
    assert len(state["counted"]) == 50
    assert len(json.dumps(state)) < 40_000


def test_no_conversation_is_named_in_what_is_kept() -> None:
    stream = Stream()
    stream.one("a", BAD, "late", conversation="telegram:anna@example.com")
    assert "anna" not in json.dumps(stream.monitor.to_json())


@pytest.mark.parametrize(
    "damage",
    [
        {"format": 2}, {"house": {}}, {"house": None}, {"topics": []}, {"counted": {"k": "x"}},
        {"counted": {"k": [True, "no time"]}}, {"counted": {"k": [True, "2026-01-01T00:00:00"]}},
        {"topics": {"a": {"seen": 1, "usual": float("nan"), "bad": 0, "fresh": 0, "fresh_bad": 0, "sum": 0,
                          "until": "", "examples": []}}},
        {"topics": {"a": {"seen": 1, "usual": 1, "bad": 5, "fresh": 0, "fresh_bad": 0, "sum": 0, "until": "",
                          "examples": []}}},
    ],
)  # fmt: skip
def test_damaged_state_is_told(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="begin with a new one"):
        MoodMonitor.from_json({**MoodMonitor().to_json(), **damage})


@pytest.mark.parametrize("mood", [1.5, -2.0, float("nan")])
def test_what_is_no_mood_is_told(mood: float) -> None:
    with pytest.raises(ValueError, match="moods lie between -1 and 1"):
        MoodMonitor().observe("a", mood, "text", START, conversation="c")


def test_a_moment_needs_a_time_zone() -> None:
    with pytest.raises(ValueError, match="time zone"):
        MoodMonitor().observe("a", 0.0, "text", START.replace(tzinfo=None), conversation="c")


@pytest.mark.parametrize(
    "change",
    [
        {"times": 1.0},
        {"between": 0.0},
        {"warm_up": 0},
        {"least": 0},
        {"memory": 3.0},
        {"displeased": 2.0},
        {"topics": 0},
    ],
)
def test_a_watch_out_of_range_is_told(change: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(change))} of the mood monitor"):
        Watch(**change)  # type: ignore[arg-type]
