"""Training the tagger: what it is shown, its loss against counting, and that it learns where values stand."""

from __future__ import annotations

import itertools
import random
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.base import shipped
from engine.errors import TrainingError
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.tagging import (
    CrfLayer,
    Marked,
    Pace,
    Prepared,
    TaggerNetwork,
    TaggerTrainer,
    TaggingTask,
    names_of,
    together,
    varied,
)
from engine.understand.crf import allowed_moves
from engine.understand.sentence import Trunk
from engine.understand.tagger import Tagger
from engine.understand.units import GRAM_ROWS, GRAMS, LOOKS

BASE = shipped()
TRUNK = Trunk(BASE.weights)
TRAINER = TaggerTrainer(BASE.tokenizer, TRUNK, seed=1)
CITIES = ("Paris", "Leeds", "New York", "Oslo", "Cape Town", "北京", "上海")
FRAMES = ("a flight to {} please", "I live in {}", "从{}出发", "how far is {} from here?", "{}")
NOTHING = ("thank you", "how do I pay?", "怎么付款", "I want a refund", "that is all", "你好", "two please", "no")


def marked(frame: str, value: str, name: str, requested: tuple[str, ...] = ()) -> Marked:
    start = frame.index("{}")
    return Marked(frame.replace("{}", value), ((start, start + len(value), name),), requested)


TEXTS = (
    *(marked(frame, city, "place") for frame in FRAMES for city in CITIES),
    *(marked("call me at {}", hour, "time") for hour in ("6pm", "7:30", "noon", "10 am", "three")),
    *(Marked(text) for text in NOTHING),
)


def a_pace(epochs: int, **changes: float) -> Pace:
    return Pace(epochs=epochs, deadline=time.monotonic() + 300, **{"patience": 0, "room": 256, **changes})


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return TRAINER.fit(TEXTS, (), a_pace(12), Running())[0]


def found(tagger: Tagger, text: str, requested: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    return [(text[span.start : span.end], span.name) for span in tagger.find(text, requested)]


class TestLearning:
    def test_it_finds_again_what_it_was_shown(self, tagger: Tagger) -> None:
        right = [sorted((s.start, s.end, s.name) for s in tagger.find(one.text)) == sorted(one.values) for one in TEXTS]
        assert sum(right) >= 0.95 * len(TEXTS)

    def test_it_finds_a_value_in_words_that_it_was_never_shown_around_it(self, tagger: Tagger) -> None:
        assert found(tagger, "please, a flight to Leeds") == [("Leeds", "place")]

    def test_where_nothing_is_it_finds_nothing(self, tagger: Tagger) -> None:
        assert found(tagger, "thank you") == []

    def test_small_letters_are_read_too(self, tagger: Tagger) -> None:
        assert found(tagger, "i live in oslo") == [("oslo", "place")]

    def test_two_runs_of_one_seed_are_alike(self) -> None:
        one, other = (TRAINER.fit(TEXTS[:12], TEXTS[12:20], a_pace(2), Running())[1] for _ in range(2))
        assert all(np.array_equal(values, other[name]) for name, values in one.items())

    def test_what_was_asked_for_decides_what_a_number_is(self) -> None:
        numbers = [str(number) for number in range(2, 12)]
        texts = [marked("{}", number, name, (name,)) for number in numbers for name in ("people", "hour")]
        tagger = TRAINER.fit(texts, (), a_pace(100, variants=0, kept=0.9), Running())[0]
        assert found(tagger, "7", ("people",)) == [("7", "people")]
        assert found(tagger, "7", ("hour",)) == [("7", "hour")]

    def test_training_ends_by_what_was_kept_from_it(self) -> None:
        heard: list[Progress] = []
        running = Running(report=heard.append)
        outcome = TRAINER.fit(TEXTS, TEXTS[:5], a_pace(3, patience=2), running)[2]
        assert [progress.epoch for progress in heard] == [1, 2, 3]
        assert heard[-1].validation < heard[0].validation
        assert outcome.validation == min(progress.validation for progress in heard)


class TestTexts:
    def test_names_are_in_the_order_of_the_alphabet(self) -> None:
        assert names_of(TEXTS) == ("place", "time")

    def test_without_a_value_there_is_nothing_to_learn(self) -> None:
        with pytest.raises(TrainingError, match="no text has a value"):
            TRAINER.fit([Marked("hello")], (), a_pace(1), Running())

    @pytest.mark.parametrize(
        "values",
        [((3, 3, "a"),), ((4, 2, "a"),), ((-1, 2, "a"),), ((0, 6, "a"),), ((0, 3, "a"), (2, 5, "b"))],
    )
    def test_values_out_of_place_are_told(self, values: tuple[tuple[int, int, str], ...]) -> None:
        with pytest.raises(TrainingError, match="text 2: the value"):
            names_of([Marked("fine"), Marked("hello", values)])

    def test_values_without_a_word_teach_nothing(self) -> None:
        with pytest.raises(TrainingError, match="no text has a word"):
            TRAINER.fit([Marked("   ", ((0, 2, "a"),))], (), a_pace(1), Running())

    def test_kinds_that_training_lacks_are_no_values_of_held_out_texts(self) -> None:
        prepared = TRAINER.prepare([marked("so {} it is", "blue", "colour", ("colour",))], ("place", "time"))
        assert not prepared[0].labels.any()
        assert not prepared[0].requested.any()

    @given(st.integers(0, 10_000))
    @settings(max_examples=30, deadline=None)
    def test_varied_texts_hold_values_of_the_same_kinds_in_their_places(self, seed: int) -> None:
        known = {"place": {*CITIES, "Rome"}, "time": {"6pm", "7:30", "noon", "10 am", "three"}}
        copies = list(varied(TEXTS, 1, random.Random(seed), {"place": ["Rome"]}))
        assert len(copies) == sum(bool(one.values) for one in TEXTS)
        for one in copies:
            assert all(
                one.text[start:end].casefold() in {value.casefold() for value in known[name]}
                for start, end, name in one.values
            )

    def test_what_stands_around_a_replaced_value_stays(self) -> None:
        one = Marked("from Oslo to Paris, now", ((5, 9, "place"), (13, 18, "place")), ("place",))
        for copy in varied([one], 20, random.Random(1), {"place": ["Cape Town", "X"]}):
            (start, end, _), (other, last, _) = copy.values
            assert copy.text[:start] + "|" + copy.text[end:other] + "|" + copy.text[last:] == "from | to |, now"
            assert copy.requested == ("place",)

    def test_a_replaced_value_is_in_small_letters_where_the_first_one_was(self) -> None:
        copies = list(varied([marked("i live in {}", "oslo", "place")], 30, random.Random(1), {"place": ["ROME"]}))
        assert {copy.text for copy in copies} == {"i live in oslo", "i live in rome"}

    def test_nothing_is_replaced_by_no_copies(self) -> None:
        assert list(varied(TEXTS, 0, random.Random(1))) == []


def a_prepared(chance: np.random.Generator, units: int, kinds: int) -> Prepared:
    return Prepared(
        chance.normal(size=(units, 12)).astype(np.float16),
        chance.integers(0, GRAM_ROWS, (units, GRAMS)),
        chance.random((units, LOOKS)).astype(np.float32),
        np.zeros(kinds, np.float32),
        np.asarray([2 * int(chance.integers(kinds)) + 1 for _ in range(units)], np.int64),
    )


class TestNetwork:
    @given(st.integers(1, 4), st.integers(1, 2), st.integers(0, 10_000))
    @settings(max_examples=30, deadline=None)
    def test_surprise_is_that_over_all_sequences_of_labels(self, units: int, kinds: int, seed: int) -> None:
        torch.manual_seed(seed)
        labels = 2 * kinds + 1
        layer = CrfLayer(kinds)
        for part in layer.parameters():
            part.data.normal_()
        scores, truth = torch.randn(1, units, labels), torch.randint(kinds, (1, units)) * 2 + 1
        moves, starts = (torch.tensor(part) for part in allowed_moves(kinds))

        def worth(path: tuple[int, ...]) -> torch.Tensor:
            on = sum(moves[one, other] + layer.moves[one, other] for one, other in itertools.pairwise(path))
            own = sum(scores[0, at, label] for at, label in enumerate(path))
            return own + on + starts[path[0]] + layer.starts[path[0]] + layer.ends[path[-1]]

        every = torch.stack([worth(path) for path in itertools.product(range(labels), repeat=units)])
        expected = torch.logsumexp(every, 0) - worth(tuple(truth[0].tolist()))
        found = layer.surprise(scores, truth, torch.tensor([units]))
        assert found[0].item() == pytest.approx(expected.item(), abs=1e-3)

    def test_padding_changes_nothing(self) -> None:
        chance = np.random.default_rng(1)
        torch.manual_seed(1)
        network = TaggerNetwork(2, 12).eval()
        short, long = a_prepared(chance, 2, 2), a_prepared(chance, 9, 2)
        task = TaggingTask([], [], 64)
        with torch.inference_mode():
            alone = float(task.loss(network, [short])) + float(task.loss(network, [long]))
            side_by_side = 2 * float(task.loss(network, [short, long]))
            assert torch.allclose(network(together([short]))[0], network(together([short, long]))[0, :2], atol=1e-5)
        assert alone == pytest.approx(side_by_side, rel=1e-4)

    @given(st.lists(st.integers(1, 30), max_size=40), st.integers(0, 1000))
    @settings(deadline=None)
    def test_an_epoch_shows_every_text_once_in_batches_that_fit(self, lengths: list[int], seed: int) -> None:
        chance = np.random.default_rng(seed)
        texts = [a_prepared(chance, length, 2) for length in lengths]
        batches = TaggingTask(texts, [], 60).batches(random.Random(seed))
        assert sorted(len(one.labels) for batch in batches for one in batch) == sorted(lengths)
        assert all(len(batch) == 1 or max(len(one.labels) for one in batch) * len(batch) <= 60 for batch in batches)

    def test_what_was_asked_for_is_hidden_in_the_share_of_texts_that_the_pace_says(self) -> None:
        chance = np.random.default_rng(1)
        texts = [replace(a_prepared(chance, 3, 2), requested=np.ones(2, np.float32)) for _ in range(200)]
        for share, least, most in ((0.0, 0, 0), (0.5, 60, 140), (1.0, 200, 200)):
            batches = TaggingTask(texts, [], 60, unasked=share).batches(random.Random(1))
            hidden = sum(not one.requested.any() for batch in batches for one in batch)
            assert least <= hidden <= most

    def test_without_held_out_texts_there_is_nothing_to_validate(self) -> None:
        assert TaggingTask([], [], 60).validate(TaggerNetwork(2, 12)) == 0.0
