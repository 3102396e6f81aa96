"""What memory says about the next entry, and what becomes of a state that cannot be used."""

from __future__ import annotations

import logging
import struct
import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray
from parts import KNOWLEDGE, DrawnEncoder

from engine.dialogue import Speaker, Turn
from engine.errors import CheckpointError
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import NeuralState, WorkingMemory
from engine.ports import Reading
from engine.understand.conversation import KINDS, ConversationEncoder
from engine.understand.conversation_head import (
    MOST_SAID,
    ConversationHead,
    EntryVectors,
    MemoryReader,
    arrays_of,
    mark,
    slot_texts,
    weights_in,
)

WIDTH, UNITS, HIDDEN, SHARED = 6, 5, 7, 4
TEXTS = DrawnEncoder(width=WIDTH)
ENTRIES = EntryVectors.of(KNOWLEDGE, TEXTS)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def weights(kinds: Sequence[str] = KINDS, seed: int = 1) -> dict[str, NDArray[np.generic]]:
    chance = np.random.default_rng(seed)
    sizes = {"said": (HIDDEN, WIDTH), "context": (SHARED, HIDDEN), "read": (HIDDEN, WIDTH), "answers": (SHARED, HIDDEN)}
    sizes |= {kind: (HIDDEN, UNITS if kind == "state" else WIDTH) for kind in kinds}
    made = {f"{name}.weight": chance.normal(size=size) for name, size in sizes.items()}
    made |= {f"{name}.bias": chance.normal(size=size[0]) for name, size in sizes.items()}
    made |= {"likeness.weight": chance.normal(size=(SHARED, WIDTH)), "gains": np.ones(4), "sharpness": np.array(0.0)}
    if "state" in kinds:
        made |= {"speakers.weight": chance.normal(size=(2, WIDTH))}
        made |= {f"turns.weight_{way}_l0": chance.normal(size=(15, size)) for way, size in (("ih", WIDTH), ("hh", 5))}
        made |= {f"turns.bias_{way}_l0": chance.normal(size=15) for way in ("ih", "hh")}
    return {name: values.astype(np.float32) for name, values in made.items()}


def a_head(knowledge: Knowledge = KNOWLEDGE, *, neural: bool = True, kinds: Sequence[str] = KINDS) -> ConversationHead:
    arrays = arrays_of(weights(kinds), ENTRIES)
    return ConversationHead.load(arrays, TEXTS, knowledge, fingerprint="a" * 32, neural=neural)


def after(*said: str) -> WorkingMemory:
    memory = WorkingMemory()
    for number, text in enumerate(said):
        memory = memory.hear(Turn((Speaker.CUSTOMER, Speaker.BOT)[number % 2], text))
    return memory


TOLD = after("when are you open?", "We are open from 9 to 17.").push_topic("hours").fill("name", "Ann", heard=NOON)
READING = Reading("and on sundays?", "en")


def goes_on(head: ConversationHead, memory: WorkingMemory, reading: Reading = READING) -> NDArray[np.float32]:
    found = head.goes_on([reading], [memory])[0]
    assert found is not None
    return found


def carried(head: ConversationHead, before: WorkingMemory = TOLD) -> WorkingMemory:
    told = before.hear(Turn(Speaker.CUSTOMER, READING.text)).hear(Turn(Speaker.BOT, "We are closed."))
    return head.carried(before, READING.text, told)


def test_where_nothing_was_said_before_memory_says_nothing() -> None:
    named = WorkingMemory().fill("name", "Ann", heard=NOON)  # with the very first message
    assert a_head().goes_on([READING, READING], [WorkingMemory(), named]) == [None, None]


def test_topics_and_slots_have_a_say_and_without_a_state_the_turns_have_none() -> None:
    head = a_head(neural=False)
    found = goes_on(head, TOLD)
    assert not np.allclose(found, goes_on(head, replace(TOLD, topics=())))
    assert not np.allclose(found, goes_on(head, replace(TOLD, slots={})))
    other = replace(TOLD, recent=after("refund please", "Within 14 days.").recent)
    assert found == pytest.approx(goes_on(head, other))
    assert not np.allclose(goes_on(a_head(), TOLD), goes_on(a_head(), other))


def test_it_says_for_every_entry_no_more_than_so_much() -> None:
    found = goes_on(a_head(), TOLD)
    assert found.shape == (len(KNOWLEDGE),)
    assert np.abs(found).max() <= MOST_SAID
    assert found.any()


def test_readings_are_read_each_with_its_own_memory_in_any_order() -> None:
    head = a_head()
    other = after("refund please", "Within 14 days.").push_topic("refund")
    both = head.goes_on([READING, READING, READING], [TOLD, WorkingMemory(), other])
    assert both[1] is None
    assert both[0] == pytest.approx(goes_on(head, TOLD), abs=1e-6)
    assert both[2] == pytest.approx(goes_on(head, other), abs=1e-6)


def test_of_an_entry_that_came_later_or_says_other_things_nothing_is_known() -> None:
    moved = replace(KNOWLEDGE.entries[1], answer="We are open from 10 to 18.")
    late = Entry("late", "This is new.", ("what is new",), locale="en")
    changed = Knowledge((KNOWLEDGE.entries[0], moved, *KNOWLEDGE.entries[2:], late))
    found = goes_on(a_head(changed), TOLD)
    assert found.shape == (len(KNOWLEDGE) + 1,)
    assert found[[1, -1]].tolist() == [0.0, 0.0]
    assert found[0] != 0.0
    assert a_head(Knowledge((moved, late))).goes_on([READING], [TOLD]) == [None]


def test_an_entry_is_found_again_at_another_place() -> None:
    turned = Knowledge(KNOWLEDGE.entries[::-1])
    assert goes_on(a_head(turned), TOLD) == pytest.approx(goes_on(a_head(), TOLD)[::-1], abs=1e-5)


def test_an_entry_is_known_again_as_long_as_it_answers_the_same() -> None:
    entry = KNOWLEDGE.entries[0]
    assert mark(replace(entry, questions=("other words",))) == mark(entry)
    assert mark(replace(entry, answer="Other words.")) != mark(entry)


def test_a_topic_that_is_no_entry_any_more_is_passed_over() -> None:
    head, gone = a_head(), TOLD.push_topic("no entry")
    assert goes_on(head, gone) == pytest.approx(goes_on(head, TOLD))


def test_the_latest_slots_are_read_by_name_and_value() -> None:
    memory = WorkingMemory()
    for number in range(12):
        memory = memory.fill(f"slot_{number}", str(number), heard=NOON.replace(minute=number))
    assert slot_texts(memory) == [f"slot {number} {number}" for number in range(4, 12)]


def test_a_state_is_carried_from_turn_to_turn_and_has_a_say() -> None:
    head = a_head()
    once = carried(head)
    assert once.neural is not None
    assert once.neural.fingerprint == "a" * 32
    assert len(once.neural.payload) <= 2 * UNITS + 16
    twice = carried(head, once)
    assert twice.neural != once.neural
    assert not np.allclose(goes_on(head, twice), goes_on(head, replace(twice, neural=once.neural)))
    assert WorkingMemory.from_json(twice.to_json()).neural == twice.neural


def test_without_the_setting_no_state_is_left_and_none_is_looked_at() -> None:
    head, stated = a_head(neural=False), carried(a_head())
    assert carried(head).neural is None
    assert carried(head, stated).neural is None
    assert goes_on(head, stated) == pytest.approx(goes_on(head, replace(stated, neural=None)))


def test_a_network_that_never_learned_states_carries_none() -> None:
    assert carried(a_head(kinds=("topics", "slots", "last"))).neural is None


GOOD = carried(a_head()).neural
assert GOOD is not None
HEAD = struct.Struct("<4sBIHI")


def with_numbers(wrong: float) -> bytes:
    """A state with a right checksum and a wrong number."""
    name, form, known, units, _ = HEAD.unpack_from(GOOD.payload)
    values = np.frombuffer(GOOD.payload[HEAD.size :], "<f2").copy()
    values[0] = wrong
    return HEAD.pack(name, form, known, units, zlib.crc32(values.tobytes())) + values.tobytes()


DAMAGED = {
    "empty": NeuralState(GOOD.fingerprint, b""),
    "too short": NeuralState(GOOD.fingerprint, GOOD.payload[:-1]),
    "too long": NeuralState(GOOD.fingerprint, GOOD.payload + b"\0"),
    "not a number": NeuralState(GOOD.fingerprint, with_numbers(float("nan"))),
    "no bound": NeuralState(GOOD.fingerprint, with_numbers(float("inf"))),
    "another byte": NeuralState(GOOD.fingerprint, GOOD.payload[:-1] + bytes([GOOD.payload[-1] ^ 1])),
    "another model": NeuralState("b" * 32, GOOD.payload),
}


@pytest.mark.parametrize("state", DAMAGED.values(), ids=DAMAGED)
def test_a_state_that_cannot_be_used_is_dropped_with_a_line_and_the_conversation_goes_on(
    state: NeuralState, caplog: pytest.LogCaptureFixture
) -> None:
    head, before = a_head(), after("refund please", "Within 14 days.")
    with caplog.at_level(logging.WARNING, "attendant.conversation"):
        found = carried(head, replace(before, neural=state))
        score = goes_on(head, replace(before, neural=state))
    assert "was dropped" in caplog.text
    assert found.neural == carried(head, before).neural  # as if there had been none
    assert score == pytest.approx(goes_on(head, before))


def test_a_state_that_can_be_used_is_dropped_by_nobody(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        carried(a_head(), replace(TOLD, neural=GOOD))
    assert caplog.text == ""


def test_without_a_state_it_begins_with_the_turns_that_are_still_known() -> None:
    head = a_head()
    one = carried(head, after("refund please", "Within 14 days."))
    other = carried(head, after("when are you open?", "From 9 to 17."))
    assert one.neural != other.neural


def test_weights_survive_the_checkpoint_and_another_width_is_refused() -> None:
    arrays = arrays_of(weights(), ENTRIES)
    assert set(weights_in(arrays)) == set(weights())
    assert ConversationEncoder(weights_in(arrays)).kinds == KINDS
    reader = MemoryReader(DrawnEncoder(width=9), KNOWLEDGE, EntryVectors.of(KNOWLEDGE, DrawnEncoder(width=9)).vectors)
    with pytest.raises(CheckpointError, match="width 6, not 9"):
        ConversationHead(ConversationEncoder(weights()), reader)


def test_of_a_knowledge_without_entries_nothing_is_known() -> None:
    none = Knowledge(())
    head = ConversationHead(
        ConversationEncoder(weights()), MemoryReader(TEXTS, none, EntryVectors.of(none, TEXTS).vectors)
    )
    assert head.goes_on([READING], [TOLD]) == [None]


def test_the_vector_of_an_entry_is_that_of_its_questions_and_answer() -> None:
    found = EntryVectors.of(KNOWLEDGE, TEXTS).vectors
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(KNOWLEDGE)))
    entry = KNOWLEDGE.entries[0]
    questions = TEXTS.vectors(entry.questions).sum(axis=0)
    wanted = questions / np.linalg.norm(questions) + TEXTS.vectors([entry.answer])[0]
    assert found[0] == pytest.approx(wanted / np.linalg.norm(wanted), abs=1e-6)
