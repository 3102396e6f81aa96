"""Teaching what a conversation leaves behind: the numbers of numpy, and languages in which only memory can tell."""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations

import numpy as np
import pytest
import torch

from engine.dialogue import Speaker
from engine.errors import TrainingError
from engine.training.conversation import (
    ConversationsTask,
    ConversationsTrainer,
    MemoryNetwork,
    Pace,
    Question,
    Sizes,
    Told,
    as_batch,
    encoder_of,
    surprise,
)
from engine.training.running import Running
from engine.understand.conversation import KINDS, Context, ConversationEncoder, of_slots, of_topics
from engine.understand.recurrent import Floats

WIDTH = 24
THEMES = 6
SIZES = Sizes(state=16, hidden=32, shared=16)
BOTH = (Speaker.CUSTOMER, Speaker.BOT)
_WORDS: Floats = np.linalg.qr(np.random.default_rng(5).normal(size=(WIDTH, WIDTH)))[0].astype(np.float32)
AND_HOW_MUCH, MOMENT, HELLO = _WORDS[-3:]


def word(theme: int) -> Floats:
    return np.asarray(_WORDS[theme], np.float32)


def price(theme: int) -> Floats:
    return np.asarray(_WORDS[THEMES + theme], np.float32)


def follow_ups(kind: str, count: int = 40, seed: int = 1) -> list[Told]:
    """Conversations that end with "and how much?"; of what is known by one kind of memory alone."""
    chance = random.Random(seed)
    found = []
    for _ in range(count):
        theme = chance.randrange(THEMES)
        own = word(theme)
        turns = [own if kind == "state" else HELLO, own if kind == "last" else MOMENT, AND_HOW_MUCH, price(theme)]
        question = Question(
            2, of_topics([own]) if kind == "topics" else None, of_slots([own]) if kind == "slots" else None
        )
        found.append(Told(np.stack(turns), BOTH * 2, (question,)))
    return found


def taught(kinds: Collection[str], conversations: Sequence[Told], *, forgetting: float = 0.0) -> ConversationEncoder:
    torch.manual_seed(1)
    network = MemoryNetwork(WIDTH, SIZES, kinds, dropout=0.0)
    pace = Pace(30, time.monotonic() + 3600, together=20, forgetting=forgetting, rate=2e-2, kept=0.8)
    ConversationsTrainer(network, seed=1).fit(conversations, (), pace, Running())
    return encoder_of(network)


def right(encoder: ConversationEncoder, conversations: Sequence[Told], kinds: Collection[str] = KINDS) -> float:
    """The share of questions whose price comes first among all prices."""
    prices = np.stack([price(theme) for theme in range(THEMES)])
    first = [
        np.array_equal(prices[encoder.score(context, prices).argmax()], one.vectors[question.place + 1])
        for one in conversations
        for question, context in zip(one.questions, contexts(encoder, one, kinds), strict=True)
    ]
    return float(np.mean(first))


def contexts(encoder: ConversationEncoder, one: Told, kinds: Collection[str] = KINDS) -> Iterator[Context]:
    states = [encoder.begin()]
    for vector, speaker in zip(one.vectors, one.speakers, strict=True):
        states.append(encoder.step(states[-1], vector, speaker))
    for question in one.questions:
        yield one.context(question, states[question.place]).only(kinds)


@pytest.mark.parametrize("kind", KINDS)
def test_where_only_memory_can_tell_memory_tells(kind: str) -> None:
    unseen = follow_ups(kind, seed=2)
    assert right(taught((), follow_ups(kind)), unseen) < 0.4  # a guess is right in one of six
    assert right(taught((kind,), follow_ups(kind)), unseen) == 1.0


def test_one_network_can_do_without_any_kind() -> None:
    every = [one for kind in KINDS for one in follow_ups(kind)]
    encoder = taught(KINDS, every, forgetting=0.5)
    for kind in KINDS:
        unseen = follow_ups(kind, seed=2)
        assert right(encoder, unseen) > 0.9
        without = {kind, "state"} if kind == "last" else {kind}  # what the bot said last, the state heard too
        assert right(encoder, unseen, set(KINDS) - without) < 0.4


def conversations_of_any_length(seed: int) -> list[Told]:
    chance = np.random.default_rng(seed)
    found = []
    for length in (2, 7, 4):
        speakers = tuple(BOTH[place % 2] for place in range(length))
        vectors = chance.normal(size=(length, WIDTH)).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        questions = tuple(
            Question(place, vectors[0] if place else None, vectors[1] if place % 4 else None)
            for place in range(0, length - 1, 2)
        )
        found.append(Told(vectors, speakers, questions))
    return found


@pytest.mark.parametrize("kinds", [kinds for size in range(5) for kinds in combinations(KINDS, size)])
def test_numpy_and_pytorch_say_the_same(kinds: Sequence[str]) -> None:
    torch.manual_seed(3)
    network = MemoryNetwork(WIDTH, SIZES, kinds).eval()
    told = conversations_of_any_length(7)
    batch = as_batch(told)
    with torch.inference_mode():
        wanted, answers = network(batch, batch.there)
    encoder = encoder_of(network)
    found = np.stack([encoder.context(context) for one in told for context in contexts(encoder, one)])
    assert found == pytest.approx(wanted.numpy(), abs=1e-5)
    assert encoder.answers(batch.answers.numpy()) == pytest.approx(answers.numpy(), abs=1e-5)


@torch.inference_mode()
def test_answers_that_say_the_same_are_not_held_against_the_right_one() -> None:
    torch.manual_seed(3)
    network = MemoryNetwork(WIDTH, SIZES).eval()
    one, *others = follow_ups("last")
    other = next(other for other in others if not np.array_equal(one.vectors[-1], other.vectors[-1]))
    alone, twice, apart = (as_batch(of) for of in ([one], [one, one], [one, other]))
    assert float(surprise(network, alone, alone.there)) == 0.0
    assert float(surprise(network, twice, twice.there)) == 0.0
    assert float(surprise(network, apart, apart.there)) > 0.0


def test_forgetting_leaves_out_what_is_there_and_invents_nothing() -> None:
    seen = []

    class Watched(MemoryNetwork):
        def forward(self, batch, kept):  # type: ignore[no-untyped-def]
            seen.append((batch, kept))
            return super().forward(batch, kept)

    torch.manual_seed(1)
    network = Watched(WIDTH, SIZES)
    task = ConversationsTask(follow_ups("topics", 200), (), Pace(1, 0.0, forgetting=0.5))
    task.loss(network, follow_ups("topics", 200))
    batch, kept = seen[0]
    assert bool((kept["topics"] <= batch.there["topics"]).all())
    assert 0.6 < float(kept["topics"].mean()) < 0.9  # half of the messages, each with a chance of one half
    assert not kept["slots"].any()


def test_the_epoch_that_surprised_least_is_kept() -> None:
    torch.manual_seed(1)
    network = MemoryNetwork(WIDTH, SIZES)
    pace = Pace(30, time.monotonic() + 3600, patience=2, together=20, rate=2e-2, kept=0.8)
    before = ConversationsTask((), follow_ups("state", seed=2), pace).validate(network.eval())
    outcome = ConversationsTrainer(network, seed=1).fit(
        follow_ups("state"), follow_ups("state", seed=2), pace, Running()
    )
    assert 0 < outcome.kept <= outcome.epochs
    assert outcome.validation < before


def test_the_same_seed_gives_the_same_weights() -> None:
    first, second = (taught(KINDS, follow_ups("state", 20), forgetting=0.5) for _ in range(2))
    one = follow_ups("state", 1, seed=4)[0]
    context = next(contexts(first, one))
    assert np.array_equal(first.context(context), second.context(context))


def test_conversations_without_a_question_are_passed_over() -> None:
    silent = Told(np.stack([HELLO]), (Speaker.CUSTOMER,), ())
    encoder = taught(("state",), [silent, *follow_ups("state"), silent])
    assert right(encoder, follow_ups("state", seed=2)) == 1.0


@pytest.mark.parametrize(
    ("speakers", "place"),
    [(BOTH * 2, 1), (BOTH * 2, 3), (BOTH * 2, -1), (BOTH * 2, 9), ((Speaker.CUSTOMER,) * 4, 0), (BOTH[::-1] * 2, 3)],
)
def test_a_question_is_a_message_of_the_customer_that_the_next_turn_answers(
    speakers: tuple[Speaker, ...], place: int
) -> None:
    with pytest.raises(ValueError, match=f"turn {place} is no message"):
        Told(np.zeros((4, WIDTH), np.float32), speakers, (Question(place),))


@pytest.mark.parametrize("vectors", [np.zeros((3, WIDTH)), np.zeros(4), np.full((4, WIDTH), np.nan)])
def test_turns_have_a_vector_each(vectors: np.ndarray) -> None:
    with pytest.raises(ValueError, match="vector"):
        Told(vectors.astype(np.float32), BOTH * 2, ())


def test_with_nothing_to_tell_apart_training_does_not_begin() -> None:
    with pytest.raises(TrainingError, match="less than two answered messages"):
        taught(KINDS, follow_ups("state", 1))


def test_vectors_of_another_base_are_refused() -> None:
    narrow = Told(np.zeros((2, WIDTH - 1), np.float32), BOTH, (Question(0),))
    with pytest.raises(TrainingError, match=f"vectors are {WIDTH - 1} wide, the network wants {WIDTH}"):
        taught(KINDS, [*follow_ups("state", 3), narrow])


def test_a_kind_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="no kind of memory 'dreams'"):
        MemoryNetwork(WIDTH, SIZES, ("dreams",))
