"""Working memory: an immutable value with bounds, and its way into a database and back."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from dataclasses import FrozenInstanceError, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Choice, ConversationKey, Grade, Mark, Source, Speaker, Turn
from engine.memory import (
    DAMAGED,
    FORMAT,
    LONGEST_VALUE,
    MOODS,
    RECENT_TURNS,
    SETTLED_QUESTIONS,
    TOPIC_AGE,
    TOPIC_DEPTH,
    Form,
    MemoryFormatError,
    NeuralState,
    Settled,
    Slot,
    Topic,
    WorkingMemory,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = (
    WorkingMemory(neural=NeuralState("abc", b"\x00\xff"))
    .hear(Turn(Speaker.CUSTOMER, "I'm Anna, where is it?"))
    .push_topic("track")
    .fill("name", "Anna", heard=NOON)
    .offer([Choice("refund", "How do I get my money back?")], about="money")
    .settle("where is it", ["track", "lost"])
    .hear(Turn(Speaker.BOT, "On its way."))
)

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
moments = st.datetimes(timezones=st.just(UTC))
slots = st.builds(Slot, texts, moments, st.sampled_from(Speaker), st.floats(0, 1), texts, st.none() | moments)
turns = st.builds(Turn, st.sampled_from(Speaker), texts)
memories = st.builds(
    WorkingMemory,
    st.integers(0, 10**6),
    st.lists(st.builds(Topic, texts, st.integers(0, 99)), max_size=TOPIC_DEPTH).map(tuple),
    st.dictionaries(texts, slots, max_size=4),
    st.lists(turns, max_size=RECENT_TURNS).map(tuple),
    st.lists(st.builds(Choice, texts, texts), max_size=3).map(tuple),
    st.none() | st.builds(NeuralState, texts, st.binary(max_size=20)),
    texts,
    st.lists(st.builds(Settled, texts, st.lists(texts, max_size=2).map(tuple)), max_size=3).map(tuple),
    st.none() | st.builds(Form, texts, texts, st.integers(0, 9)),
    st.lists(st.floats(-1, 1), max_size=MOODS).map(tuple),
    st.none() | moments,
    texts,
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place of nested data that can be overwritten."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, value in items for place in ((*path, key), *places(value, (*path, key)))]


@given(memories)
def test_a_memory_survives_its_json_form(memory: WorkingMemory) -> None:
    assert WorkingMemory.from_json(json.loads(json.dumps(memory.to_json()))) == memory


def test_memory_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        FULL.turn = 5  # type: ignore[misc]  # the point of the test
    with pytest.raises(FrozenInstanceError):
        FULL.recent[0].text = "no"  # type: ignore[misc]  # the point of the test


@given(memories)
def test_every_step_leaves_the_memory_before_it_as_it_was(memory: WorkingMemory) -> None:
    before = copy.deepcopy(memory)
    memory.hear(Turn(Speaker.CUSTOMER, "x")).push_topic("y").pop_topic().fill("name", "z", heard=NOON).offer([]).settle(
        "q", "e"
    )
    assert memory == before


@given(st.lists(turns, max_size=30))
def test_the_last_turns_are_remembered_and_what_the_customer_said_is_counted(said: list[Turn]) -> None:
    memory = WorkingMemory()
    for turn in said:
        memory = memory.hear(turn)
    assert list(memory.recent) == said[-RECENT_TURNS:]
    assert memory.turn == sum(turn.speaker is Speaker.CUSTOMER for turn in said)


@given(st.lists(st.sampled_from("abcdefgh"), max_size=30))
def test_the_topic_stack_is_bounded_holds_each_topic_once_and_the_current_one_last(entries: list[str]) -> None:
    memory = WorkingMemory()
    for entry in entries:
        memory = memory.hear(Turn(Speaker.CUSTOMER, "?")).push_topic(entry)
        assert memory.topic == Topic(entry, memory.turn)
    kept = [topic.entry for topic in memory.topics]
    expected = sorted(set(entries), key=lambda entry: len(entries) - entries[::-1].index(entry))
    assert kept == expected[-TOPIC_DEPTH:]


def test_a_topic_that_is_left_gives_way_to_the_one_before() -> None:
    memory = WorkingMemory().push_topic("refund").push_topic("shipping").push_topic("refund")
    assert [topic.entry for topic in memory.topics] == ["shipping", "refund"]
    assert memory.pop_topic().topic == Topic("shipping", 0)
    empty = memory.pop_topic().pop_topic()
    assert empty.topic is None
    assert empty.pop_topic() == empty


def test_a_later_value_of_a_slot_replaces_the_earlier() -> None:
    later = NOON + timedelta(hours=1)
    memory = FULL.fill("date", "today", heard=NOON).fill("name", "Ann", heard=later, speaker=Speaker.AGENT)
    assert memory.values() == {"name": "Ann", "date": "today"}
    assert memory.slots["name"] == Slot("Ann", later, Speaker.AGENT)


def test_offering_nothing_clears_what_was_offered() -> None:
    assert (len(FULL.offered), FULL.about) == (1, "money")
    assert (FULL.offer(()).offered, FULL.offer(()).about) == ((), "")


def test_what_a_question_meant_is_remembered_and_a_later_choice_replaces_the_earlier() -> None:
    memory = WorkingMemory().settle("when", ["hours"]).settle("how", ["return"]).settle("when", ["holidays"])
    assert (memory.meant_by("when"), memory.meant_by("how"), memory.meant_by("why")) == (("holidays",), ("return",), ())
    assert memory.settled == (Settled("how", ("return",)), Settled("when", ("holidays",)))


def test_a_question_that_is_not_known_settles_nothing() -> None:
    assert WorkingMemory().settle("", ["hours"]) == WorkingMemory()


@given(st.lists(texts, max_size=20))
def test_only_the_last_questions_are_remembered_as_settled(questions: list[str]) -> None:
    memory = WorkingMemory()
    for question in questions:
        memory = memory.settle(question, ["e"])
    last = list(dict.fromkeys(question for question in reversed(questions) if question))[:SETTLED_QUESTIONS]
    assert [one.question for one in reversed(memory.settled)] == last


def test_a_new_memory_is_empty() -> None:
    memory = WorkingMemory()
    assert (memory.turn, memory.topics, memory.values(), memory.recent, memory.offered) == (0, (), {}, (), ())
    assert memory.topic is None


@pytest.mark.parametrize("data", [{}, {"format": None}, {"format": FORMAT + 1}, {"format": "1"}, [], None, "x", 5])
def test_another_format_is_refused(data: Any) -> None:
    with pytest.raises(MemoryFormatError, match=f"expected {FORMAT}"):
        WorkingMemory.from_json(data)


LATER = {"about", "settled", "form", "moods", "heard", "summary"}


def test_a_memory_of_the_first_format_is_read_and_has_nothing_of_what_came_later() -> None:
    data = {name: value for name, value in FULL.to_json().items() if name not in LATER}
    slots = {name: dict(list(slot.items())[:4]) for name, slot in data["slots"].items()}
    memory = WorkingMemory.from_json({**data, "format": 1, "slots": slots})
    assert (memory.about, memory.settled, memory.offered) == ("", (), FULL.offered)
    assert (memory.form, memory.moods, memory.heard, memory.summary) == (None, (), None, "")
    assert memory.values() == FULL.values()
    assert {slot.expires for slot in memory.slots.values()} <= {None}


@pytest.mark.parametrize("field", [name for name in FULL.to_json() if name != "format"])
def test_a_memory_with_a_missing_field_is_damaged(field: str) -> None:
    data = FULL.to_json()
    del data[field]
    with pytest.raises(MemoryFormatError, match="damaged memory"):
        WorkingMemory.from_json(data)


@pytest.mark.parametrize(
    "text",
    [
        '"turn": 1e999',
        '"turn": NaN',
        '"turn": null',
        '"turn": "many"',
        '"topics": 5',
        '"topics": [{"entry": "a", "turn": 1e999}]',
        '"topics": ["a"]',
        '"slots": []',
        '"slots": {"name": {"value": "x", "heard": "noon", "speaker": "customer", "confidence": 1}}',
        '"slots": {"name": {"value": "x", "heard": "2026-03-01T12:00:00Z", "speaker": "dog", "confidence": 1}}',
        '"slots": {"name": {"value": "x", "heard": 5, "speaker": "customer", "confidence": 1}}',
        '"recent": [{"speaker": "dog", "text": "wuff"}]',
        '"recent": [5]',
        '"offered": [{"entry": "a"}]',
        '"settled": 5',
        '"settled": [{"question": "a"}]',
        '"settled": [{"question": "a", "entries": 5}]',
    ],
)
def test_a_damaged_memory_is_refused(text: str) -> None:
    data = {**FULL.to_json(), **json.loads("{" + text + "}")}
    with pytest.raises(MemoryFormatError, match="damaged memory"):
        WorkingMemory.from_json(data)


@given(st.data(), plain)
def test_no_damage_raises_anything_else(data: st.DataObject, value: Any) -> None:
    stored = FULL.to_json()
    *path, last = data.draw(st.sampled_from(places(stored)))
    inner = stored
    for key in path:
        inner = inner[key]
    inner[last] = value
    with suppress(MemoryFormatError):
        WorkingMemory.from_json(stored)


@given(plain)
def test_plain_data_that_are_no_memory_are_refused(data: Any) -> None:
    with pytest.raises(MemoryFormatError):
        WorkingMemory.from_json(data)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("anna", ConversationKey("terminal", "anna")),
        ("telegram:5", ConversationKey("telegram", "5")),
        ("webhook:desk:7", ConversationKey("webhook", "desk:7")),
    ],
)
def test_a_conversation_is_named_by_channel_and_thread(text: str, key: ConversationKey) -> None:
    assert ConversationKey.parse(text) == key
    assert ConversationKey.parse(str(key)) == key


@pytest.mark.parametrize("text", ["", ":", "telegram:", ":5"])
def test_a_conversation_without_channel_or_thread_has_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="CHANNEL:THREAD"):
        ConversationKey.parse(text)


names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@given(st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters=":"), min_size=1), names)
def test_a_key_survives_its_text_form(channel: str, thread: str) -> None:
    key = ConversationKey(channel, thread)
    assert ConversationKey.parse(str(key)) == key


def test_speakers_and_sources_are_stored_by_stable_words() -> None:
    assert [str(speaker) for speaker in Speaker] == ["customer", "bot", "agent"]
    assert [str(source) for source in Source] == ["generated", "retrieved", "clarify", "fixed", "handoff"]
    assert [str(grade) for grade in Grade] == ["near_miss", "unrelated", "hostile", "meaningless"]
    assert [str(mark) for mark in Mark] == ["slip", "parts", "choice"]


@pytest.mark.parametrize("value", ["", "x" * (LONGEST_VALUE + 1), "9" * 10_000])
def test_a_value_without_end_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=f"slot order: a value has 1 to {LONGEST_VALUE} characters"):
        WorkingMemory().fill("order", value, heard=NOON)


def test_a_slot_is_forgotten_when_it_expires_and_a_topic_when_nobody_comes_back_to_it() -> None:
    memory = WorkingMemory().push_topic("refund").fill("date", "today", heard=NOON, lasts=timedelta(hours=12))
    memory = memory.fill("name", "Ann", heard=NOON)
    assert memory.aged(NOON + timedelta(hours=11)) is memory
    assert memory.aged(NOON + timedelta(hours=12)).values() == {"name": "Ann"}
    for _ in range(TOPIC_AGE):
        memory = memory.hear(Turn(Speaker.CUSTOMER, "?"))
    assert memory.aged(NOON).topic == Topic("refund", 0)
    assert memory.hear(Turn(Speaker.CUSTOMER, "?")).aged(NOON).topic is None


def test_after_a_long_silence_slots_and_a_summary_are_left() -> None:
    memory = FULL.ask("refund", "order").feel(-1.0)
    rested = memory.rested("It was about a refund.")
    assert (rested.slots, rested.turn, rested.summary) == (FULL.slots, FULL.turn, "It was about a refund.")
    assert (rested.topics, rested.recent, rested.form, rested.offered, rested.moods, rested.neural) == (
        (), (), None, (), (), None,
    )  # fmt: skip


def test_silence_is_measured_from_the_last_message_and_never_negative() -> None:
    assert WorkingMemory().silent_for(NOON) == timedelta()
    memory = replace(WorkingMemory(), heard=NOON)
    assert memory.silent_for(NOON + timedelta(hours=5)) == timedelta(hours=5)
    assert memory.silent_for(NOON - timedelta(hours=5)) == timedelta()


def test_asking_for_the_same_slot_again_counts_as_a_try() -> None:
    memory = WorkingMemory().ask("refund", "order")
    assert memory.form == Form("refund", "order")
    assert memory.ask("refund", "order").ask("refund", "order").form == Form("refund", "order", 2)
    assert memory.ask("refund", "order").ask("refund", "email").form == Form("refund", "email")
    assert memory.leave_form().form is None


def test_the_last_moods_are_kept() -> None:
    memory = WorkingMemory()
    for place in range(MOODS + 3):
        memory = memory.feel(place / 100)
    assert memory.moods == tuple(place / 100 for place in range(3, MOODS + 3))


@pytest.mark.parametrize(
    "neural",
    [
        {"fingerprint": "f"},
        {"payload": ""},
        *({"fingerprint": "f", "payload": one} for one in ("A", "é", "?!", 3)),
        3,
        [],
    ],
)
def test_a_damaged_neural_state_costs_the_state_alone(neural: object) -> None:
    kept = WorkingMemory(turn=3).push_topic("refund")
    read = WorkingMemory.from_json({**kept.to_json(), "neural": neural})
    assert read == replace(kept, neural=NeuralState(DAMAGED, b""))
