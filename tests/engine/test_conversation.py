"""What a conversation leaves behind as a vector, kept between turns and compared with answers."""

from __future__ import annotations

import math
import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.dialogue import Speaker
from engine.errors import CheckpointError
from engine.understand.conversation import (
    KINDS,
    SHARPEST,
    Context,
    ConversationEncoder,
    StateError,
    of_slots,
    of_topics,
)

WIDTH, UNITS, HIDDEN, SHARED = 6, 5, 7, 4


def weights(seed: int = 1, kinds: Sequence[str] = KINDS) -> dict[str, NDArray[np.generic]]:
    chance = np.random.default_rng(seed)
    layers = {
        "said": (HIDDEN, WIDTH),
        "context": (SHARED, HIDDEN),
        "read": (HIDDEN, WIDTH),
        "answers": (SHARED, HIDDEN),
    }
    layers |= {kind: (HIDDEN, UNITS if kind == "state" else WIDTH) for kind in kinds}
    made = {f"{name}.weight": chance.normal(size=size) for name, size in layers.items()}
    made |= {f"{name}.bias": chance.normal(size=size[0]) for name, size in layers.items()}
    made |= {"likeness.weight": chance.normal(size=(SHARED, WIDTH)), "gains": chance.normal(size=4)}
    made |= {"sharpness": np.array(2.5)}
    if "state" in kinds:
        made["speakers.weight"] = chance.normal(size=(2, WIDTH))
        made |= {"turns.weight_ih_l0": chance.normal(size=(3 * UNITS, WIDTH))}
        made |= {"turns.weight_hh_l0": chance.normal(size=(3 * UNITS, UNITS))}
        made |= {f"turns.bias_{way}_l0": chance.normal(size=3 * UNITS) for way in ("ih", "hh")}
    return {name: values.astype(np.float32) for name, values in made.items()}


def unit(seed: int) -> NDArray[np.float32]:
    values = np.random.default_rng(seed).normal(size=WIDTH)
    return (values / np.linalg.norm(values)).astype(np.float32)


ENCODER = ConversationEncoder(weights())
STATE = ENCODER.step(ENCODER.step(ENCODER.begin(), unit(1), Speaker.CUSTOMER), unit(2), Speaker.BOT)
FULL = Context(unit(3), unit(4), unit(5), STATE, unit(6))
ANSWERS = np.stack([unit(seed) for seed in range(10, 15)])


def test_a_state_is_kept_in_memory_and_read_again() -> None:
    found = ENCODER.read(ENCODER.payload(STATE))
    assert np.abs(found - STATE).max() < 1e-3
    assert np.array_equal(ENCODER.read(ENCODER.payload(found)), found)  # what was rounded once stays as it is


def test_a_state_takes_two_bytes_a_unit_and_a_small_head() -> None:
    assert len(ENCODER.payload(STATE)) <= 2 * UNITS + 16


def test_rounding_at_every_turn_changes_a_long_conversation_by_next_to_nothing() -> None:
    exact = kept = ENCODER.begin()
    for number in range(200):
        speaker = (Speaker.CUSTOMER, Speaker.BOT)[number % 2]
        exact = ENCODER.step(exact, unit(number), speaker)
        kept = ENCODER.read(ENCODER.payload(ENCODER.step(kept, unit(number), speaker)))
    assert np.abs(exact - kept).max() < 0.01


@pytest.mark.parametrize("place", range(len(ENCODER.payload(STATE))))
def test_any_byte_that_changed_is_noticed(place: int) -> None:
    stored = ENCODER.payload(STATE)
    for change in (1, 0x80, 0xFF):
        damaged = bytearray(stored)
        damaged[place] ^= change
        with pytest.raises(StateError):
            ENCODER.read(bytes(damaged))


@pytest.mark.parametrize("size", range(len(ENCODER.payload(STATE))))
def test_a_state_that_was_cut_off_is_noticed(size: int) -> None:
    with pytest.raises(StateError):
        ENCODER.read(ENCODER.payload(STATE)[:size])


@pytest.mark.parametrize("foreign", [b"", b"\0" * 200, "ü".encode() * 40, ENCODER.payload(STATE) + b"\0", None])
def test_what_never_was_a_state_is_refused(foreign: bytes) -> None:
    with pytest.raises(StateError, match="stored state"):
        ENCODER.read(foreign)


def test_a_state_of_other_weights_is_refused_even_where_its_size_fits() -> None:
    with pytest.raises(StateError, match="other weights"):
        ConversationEncoder(weights(seed=2)).read(ENCODER.payload(STATE))


def test_the_same_weights_loaded_again_read_it() -> None:
    assert ConversationEncoder(weights()).read(ENCODER.payload(STATE)) == pytest.approx(STATE, abs=1e-3)


@pytest.mark.parametrize("state", [np.full(UNITS, np.nan), np.full(UNITS, 2.0), np.zeros(UNITS + 1), np.array(1.0)])
def test_what_is_no_state_is_not_stored(state: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match=r"state"):
        ENCODER.payload(state.astype(np.float32))


def test_a_bot_and_a_person_of_the_company_are_the_same_to_it_the_customer_is_not() -> None:
    said = {speaker: ENCODER.step(STATE, unit(7), speaker) for speaker in Speaker}
    assert np.array_equal(said[Speaker.BOT], said[Speaker.AGENT])
    assert not np.allclose(said[Speaker.BOT], said[Speaker.CUSTOMER])


def test_the_order_of_turns_makes_a_difference() -> None:
    def after(*seeds: int) -> NDArray[np.float32]:
        state = ENCODER.begin()
        for seed in seeds:
            state = ENCODER.step(state, unit(seed), Speaker.CUSTOMER)
        return state

    assert not np.allclose(after(1, 2), after(2, 1))


def test_a_state_stays_between_minus_one_and_one_whatever_it_is_fed() -> None:
    state = ENCODER.begin()
    for number in range(50):
        state = ENCODER.step(state, unit(number) * np.float32(10.0**6), Speaker.CUSTOMER)
        assert np.abs(ENCODER.read(ENCODER.payload(state))).max() <= 1


@pytest.mark.parametrize(
    "vector", [np.full(WIDTH, np.nan), np.full(WIDTH, np.inf), np.zeros(WIDTH - 1), np.zeros(0), np.array(3.0)]
)
def test_a_vector_that_is_none_is_refused(vector: NDArray[np.float64]) -> None:
    with pytest.raises(ValueError, match="vector of what was said"):
        ENCODER.step(STATE, vector.astype(np.float32), Speaker.CUSTOMER)
    with pytest.raises(ValueError, match="vector of what was said"):
        ENCODER.context(Context(vector.astype(np.float32)))


def test_scores_are_cosines_and_answers_can_be_prepared() -> None:
    scores = ENCODER.score(FULL, ANSWERS)
    assert scores.shape == (5,)
    assert np.abs(scores).max() <= 1 + 1e-6
    assert ENCODER.answers(ANSWERS) @ ENCODER.context(FULL) == pytest.approx(scores, abs=1e-6)
    assert ENCODER.score(FULL, ANSWERS[::-1]) == pytest.approx(scores[::-1], abs=1e-6)


def test_without_an_answer_there_is_no_score() -> None:
    assert ENCODER.score(FULL, np.zeros((0, WIDTH), np.float32)).shape == (0,)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_memory_counts_and_can_be_missing(kind: str) -> None:
    assert not np.allclose(ENCODER.score(FULL.only(set(KINDS) - {kind}), ANSWERS), ENCODER.score(FULL, ANSWERS))


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_that_it_was_trained_without_is_passed_over(kind: str) -> None:
    encoder = ConversationEncoder(weights(kinds=[other for other in KINDS if other != kind]))
    assert kind not in encoder.kinds
    without = FULL.only(set(KINDS) - {kind})
    assert np.array_equal(encoder.score(FULL, ANSWERS), encoder.score(without, ANSWERS))


def test_without_states_there_is_still_something_to_keep() -> None:
    encoder = ConversationEncoder(weights(kinds=["slots"]))
    state = encoder.step(encoder.begin(), unit(1), Speaker.CUSTOMER)
    assert encoder.read(encoder.payload(state)).shape == (0,)


@pytest.mark.parametrize("name", sorted(weights()))
def test_weights_that_lack_one_are_refused(name: str) -> None:
    own = weights()
    del own[name]
    if name in {f"{kind}.weight" for kind in KINDS}:  # then it was trained without that kind
        assert len(ConversationEncoder(own).kinds) == len(KINDS) - 1
        return
    with pytest.raises(CheckpointError, match=name):
        ConversationEncoder(own)


@pytest.mark.parametrize("name", sorted(weights()))
def test_weights_of_another_size_or_without_numbers_are_refused(name: str) -> None:
    own = weights()
    with pytest.raises(CheckpointError, match="memory of conversations"):
        ConversationEncoder(own | {name: np.concatenate([np.atleast_1d(own[name])] * 2)})
    with pytest.raises(CheckpointError, match="no numbers"):
        ConversationEncoder(own | {name: np.full_like(own[name], np.nan)})


def test_of_several_topics_the_current_one_weighs_most() -> None:
    first, second = np.eye(WIDTH, dtype=np.float32)[:2]
    both = of_topics([first, second])
    assert both is not None
    assert np.linalg.norm(both) == pytest.approx(1.0)
    assert both[1] == pytest.approx(2 * both[0])
    assert of_topics([]) is None


def test_slots_have_no_order_and_more_of_them_weigh_more() -> None:
    one, other = np.eye(WIDTH, dtype=np.float32)[:2]
    both, turned, twice = of_slots([one, other]), of_slots([other, one]), of_slots([one, one])
    assert both is not None and turned is not None and twice is not None  # noqa: PT018
    assert np.array_equal(both, turned)
    assert np.linalg.norm(twice) > np.linalg.norm(both)
    assert of_slots([]) is None


def test_it_works_without_pytorch() -> None:
    code = "import sys, engine.understand.conversation; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf, 1.5, -2.0])
def test_a_state_with_something_that_is_no_state_is_refused_though_its_checksum_is_right(wrong: float) -> None:
    head = struct.Struct("<4sBIHI")
    name, form, mark, units, _ = head.unpack_from(ENCODER.payload(STATE))
    values = STATE.astype("<f2")
    values[2] = wrong
    body = values.tobytes()
    with pytest.raises(StateError, match="damaged"):
        ENCODER.read(head.pack(name, form, mark, units, zlib.crc32(body)) + body)


def test_sharpness_has_a_bound() -> None:
    assert ENCODER.sharpness == pytest.approx(math.exp(2.5))
    assert ConversationEncoder({**weights(), "sharpness": np.array(9.0, np.float32)}).sharpness == SHARPEST
