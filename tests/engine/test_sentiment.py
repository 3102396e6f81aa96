"""Teaching moods: what can be learned is learned, votes of words count as much as they help, bad data is told."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest
import torch

from engine.base.base import shipped
from engine.errors import TrainingError
from engine.training.joined import joined
from engine.training.sentiment import (
    DISPLEASED,
    PLEASED,
    UNMOVED,
    MoodNetwork,
    MoodTask,
    MoodTrainer,
    Recipe,
    Sample,
    Sizes,
    Taught,
    scores_of,
    together,
)
from engine.training.steps import weights_of
from engine.training.votes import blended, cooled, fit_votes
from engine.understand.mood import buckets_of, votes_of
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

BASE = shipped()
QUESTIONS = QuestionReader(BASE.tokenizer, SlotFinder())
TRAINER = MoodTrainer(QUESTIONS, BASE.weights, seed=1)
WORDS = {
    DISPLEASED: ("awful", "terrible", "broken", "很差", "难吃"),
    UNMOVED: ("blue", "on monday", "size m", "黑色", "周一"),
    PLEASED: ("great", "lovely", "perfect", "很好", "好吃"),
}
THINGS = ("the kettle is", "my jacket is", "that lamp is", "这个外套", "这个水壶")


def some(things: tuple[str, ...] = THINGS) -> list[Sample]:
    return [Sample(f"{thing} {word}", mood) for mood, words in WORDS.items() for word in words for thing in things]


def a_recipe(**changes: object) -> Recipe:
    small = {"epochs": 6, "deadline": time.monotonic() + 3600, "sizes": Sizes(24, 12, 2), "rows": 512, "rate": 8e-3}
    more = {"kept": 0.8, "dropout": 0.1, "patience": 0, "networks": 2, "room": 2048}
    return Recipe(**{**small, **more, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def taught() -> Taught:
    return TRAINER.fit(some(THINGS[:4]), some(THINGS[4:]), a_recipe())


def test_what_was_taught_is_known_of_other_things(taught: Taught) -> None:
    reader = TRAINER.reader(taught)
    moods = reader.moods(["the sofa is awful", "the sofa is on monday", "the sofa is great", "沙发很差", "沙发很好"])
    assert moods[0].value < moods[1].value < moods[2].value
    assert moods[3].value < moods[4].value


def test_a_run_can_be_repeated(taught: Taught) -> None:
    assert [outcome.epochs for outcome in taught.outcomes] == [6, 6]
    again = MoodTrainer(QUESTIONS, BASE.weights, seed=1).fit(some(THINGS[:4]), some(THINGS[4:]), a_recipe())
    assert all(np.array_equal(again.weights[name], values) for name, values in taught.weights.items())


def test_embeddings_are_taught_only_where_asked_for_and_only_of_what_occurs(taught: Taught) -> None:
    frozen = TRAINER.fit(some(), some(), a_recipe(epochs=1, tuned=False, rows=0))
    assert frozen.words is None
    assert "votes" not in frozen.weights
    assert TRAINER.reader(frozen).mood("great").confidence > 0
    assert taught.words is not None
    first, second = np.split(taught.words, 2, axis=1)
    occurs = np.zeros(len(first), bool)
    occurs[[piece for one in TRAINER.prepare(some()) for piece in one.pieces]] = True
    base = BASE.weights["words.weight"]
    assert np.array_equal(first[~occurs], base[~occurs])
    assert not np.array_equal(first[occurs], base[occurs])
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("tuned", [True, False])
def test_several_heads_as_one_give_the_mean_of_their_scores(tuned: bool) -> None:
    texts = ["the kettle is awful", "这个水壶很好", "on monday"]
    prepared = TRAINER.prepare([Sample(text, UNMOVED) for text in texts])
    networks, tables = [], []
    for seed in range(3):
        torch.manual_seed(seed)
        moved = BASE.weights["words.weight"] + 0.01 * np.random.default_rng(seed).standard_normal(256)
        tables.append(np.asarray(moved, np.float32))
        words = tables[-1] if tuned else None
        networks.append(MoodNetwork(prepared[0].states.shape[1], Sizes(8, 4, 2), words=words))
    heads = [
        {name: np.asarray(each) for name, each in weights_of(one).items() if "words" not in name} for one in networks
    ]
    taught = Taught(joined(heads, 256 if tuned else 0), np.concatenate(tables, axis=1) if tuned else None, (), 0.0, 1.0)
    mean = np.mean([scores_of(network, prepared, 64) for network in networks], axis=0)
    assert np.allclose(TRAINER.reader(taught).scores(texts), mean, atol=2e-3)  # the states were kept in half precision
    assert np.ptp(mean) > 0.05


def test_a_push_is_towards_the_wrong_answer_and_in_training_alone() -> None:
    prepared = TRAINER.prepare(some())
    network = MoodNetwork(prepared[0].states.shape[1], Sizes(8, 4, 1), dropout=0.0)
    pushed, still = (MoodTask(prepared, prepared, a_recipe(pushed=pushed)) for pushed in (5.0, 0.0))
    assert pushed.loss(network.train(), prepared).item() > still.loss(network, prepared).item() + 1e-3
    assert pushed.loss(network.eval(), prepared).item() == still.loss(network, prepared).item()


def test_to_be_too_sure_does_not_end_training() -> None:
    prepared = TRAINER.prepare(some())
    task = MoodTask(prepared, prepared, a_recipe())
    network = MoodNetwork(prepared[0].states.shape[1], Sizes(8, 4, 1))
    before = task.validate(network)
    with torch.no_grad():
        network.moods.weight.mul_(1.15**2)
        network.moods.bias.mul_(1.15**2)
    assert task.validate(network) == pytest.approx(before, abs=1e-3)


def test_what_was_kept_decides_what_holds_the_votes_down() -> None:
    kept, tried = ((0.1,), (0.1, 1e6))
    once, twice = (TRAINER.fit(some(), some(), a_recipe(epochs=1, decays=decays)) for decays in (kept, tried))
    assert np.array_equal(once.weights["votes"], twice.weights["votes"])
    assert np.abs(once.weights["votes"]).max() > 0.1


def test_votes_learn_words_and_leave_moods_that_no_text_has_alone() -> None:
    samples = [Sample(text, mood) for text, mood in (("bad thing", DISPLEASED), ("good thing", PLEASED))]
    texts, targets = [one.text for one in samples], np.asarray([one.target for one in samples], np.float32)
    votes = fit_votes(texts * 5, np.tile(targets, (5, 1)), 1 << 12, 1.0)
    assert votes.weights.shape == (3, 1 << 12)
    assert not votes.weights[1].any()
    assert votes.bias[1] < min(votes.bias[0], votes.bias[2])
    bad, good = votes_of("bad", votes.weights), votes_of("good", votes.weights)
    assert np.allclose(votes.of([buckets_of("bad", 1 << 12)]), bad + votes.bias, atol=1e-6)
    assert bad[0] > bad[2]
    assert good[2] > good[0]


def test_votes_that_only_mislead_do_not_count() -> None:
    targets = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    assert blended(4 * targets, -4 * targets, targets).share == 0.0
    assert blended(np.zeros_like(targets), 4 * targets, targets).share == 2.0


def test_a_network_that_is_too_sure_is_cooled() -> None:
    targets = np.eye(3, dtype=np.float32)[[0, 0, 0, 2, 2]]
    scores = np.asarray([[9, 0, 0]] * 5, np.float32)
    assert blended(scores, np.zeros_like(scores), targets).temperature > 2.0
    assert cooled(scores, targets).temperature > 2.0


def test_some_pieces_are_hidden_in_training_but_never_all() -> None:
    prepared = TRAINER.prepare(some())
    task = MoodTask(prepared, prepared, a_recipe(hidden_pieces=0.9))
    batches = task.batches(random.Random(1))
    sizes = [len(one.pieces) for batch in batches for one in batch]
    assert min(sizes) >= 1
    assert sum(sizes) < sum(len(one.pieces) for one in prepared)
    assert all(len(one.pieces) == len(one.states) for batch in batches for one in batch)


def test_scores_come_in_the_order_of_the_texts() -> None:
    prepared = TRAINER.prepare([Sample("short", UNMOVED), Sample("a much longer text than that " * 4, UNMOVED)] * 3)
    network = MoodNetwork(prepared[0].states.shape[1], Sizes(8, 4, 1))
    every = scores_of(network, prepared, 16)
    alone = np.concatenate([network(together([one])).detach().numpy() for one in prepared])
    assert np.allclose(every, alone, atol=1e-4)


@pytest.mark.parametrize(
    ("samples", "held_out", "message"),
    [
        ([], some(), "both are needed"),
        (some(), [], "both are needed"),
        ([Sample("a", PLEASED), Sample("b", PLEASED)], some(), "all texts sound the same"),
        ([Sample("a", (0.5, 0.0, 0.0)), *some()], some(), r"text 1 of the moods has the target \(0\.5, 0\.0, 0\.0\)"),
        ([Sample("a", (-1.0, 1.0, 1.0)), *some()], some(), "three probabilities are needed"),
    ],
)
def test_bad_data_is_told(samples: list[Sample], held_out: list[Sample], message: str) -> None:
    with pytest.raises(TrainingError, match=message):
        TRAINER.fit(samples, held_out, a_recipe())
