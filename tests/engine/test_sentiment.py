"""Teaching moods: what can be learned is learned, votes of words count as much as they help, bad data is told."""

from __future__ import annotations

import random
import time

import numpy as np
import pytest

from engine.base.base import shipped
from engine.errors import TrainingError
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
    blended,
    fit_votes,
    scores_of,
    together,
)
from engine.understand.mood import votes_of
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
    return Recipe(**{**small, "kept": 0.8, "dropout": 0.1, "patience": 0, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def taught() -> Taught:
    return TRAINER.fit(some(THINGS[:4]), some(THINGS[4:]), a_recipe())


def test_what_was_taught_is_known_of_other_things(taught: Taught) -> None:
    reader = TRAINER.reader(taught)
    moods = reader.moods(["the sofa is awful", "the sofa is on monday", "the sofa is great", "沙发很差", "沙发很好"])
    assert moods[0].value < moods[1].value < moods[2].value
    assert moods[3].value < moods[4].value


def test_a_run_can_be_repeated(taught: Taught) -> None:
    assert taught.outcome.epochs == 6
    again = MoodTrainer(QUESTIONS, BASE.weights, seed=1).fit(some(THINGS[:4]), some(THINGS[4:]), a_recipe())
    assert all(np.array_equal(again.weights[name], values) for name, values in taught.weights.items())


def test_embeddings_are_taught_only_where_asked_for(taught: Taught) -> None:
    tuned = TRAINER.fit(some(), some(), a_recipe(epochs=1, tuned=True, rows=0))
    assert taught.words is None
    assert tuned.words is not None
    assert not np.array_equal(tuned.words, BASE.weights["words.weight"])
    assert "votes" not in tuned.weights
    assert TRAINER.reader(tuned).mood("great").confidence > 0


def test_votes_learn_words_and_leave_moods_that_no_text_has_alone() -> None:
    samples = [Sample(text, mood) for text, mood in (("bad thing", DISPLEASED), ("good thing", PLEASED))]
    votes, bias = fit_votes(samples * 5, 1 << 12, 1.0)
    assert votes.shape == (3, 1 << 12)
    assert not votes[1].any()
    assert bias[1] < min(bias[0], bias[2])
    bad, good = votes_of("bad", votes), votes_of("good", votes)
    assert bad[0] > bad[2]
    assert good[2] > good[0]


def test_votes_that_only_mislead_do_not_count() -> None:
    targets = np.eye(3, dtype=np.float32)[np.arange(60) % 3]
    share, _ = blended(4 * targets, -4 * targets, targets)
    assert share == 0.0
    share, _ = blended(np.zeros_like(targets), 4 * targets, targets)
    assert share == 2.0


def test_a_network_that_is_too_sure_is_cooled() -> None:
    targets = np.eye(3, dtype=np.float32)[[0, 0, 0, 2, 2]]
    scores = np.asarray([[9, 0, 0]] * 5, np.float32)
    _, temperature = blended(scores, np.zeros_like(scores), targets)
    assert temperature > 2.0


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
