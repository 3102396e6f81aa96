"""The sentence encoder in numpy against the same encoder in PyTorch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import WORDS, a_base, an_encoder

from engine.base.base import BaseEncoder
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Reading
from engine.training.steps import weights_of
from engine.training.understanding import as_batch
from engine.understand.head import HeadUnderstander
from engine.understand.network import Cell, EncoderSizes, SentenceEncoder, initialise
from engine.understand.reader import PieceReader, QuestionReader
from engine.understand.sentence import SentenceNetwork
from engine.understand.slots import SlotFinder
from engine.understand.stored import Stored
from engine.understand.words import ReadWord

cells = pytest.mark.parametrize("cell", Cell)
words = st.builds(ReadWord, st.integers(1, WORDS.size - 1), st.lists(st.integers(1, 9_999), max_size=5).map(tuple))
batches = st.lists(st.lists(words, min_size=1, max_size=9), min_size=1, max_size=6)


def a_head(encoder: SentenceEncoder) -> HeadUnderstander:
    return HeadUnderstander(WORDS, weights_of(encoder))


def read(encoder: SentenceEncoder, batch: Sequence[list[ReadWord]]) -> tuple[np.ndarray, np.ndarray]:
    """Log-probabilities and vectors of a batch in numpy."""
    network = SentenceNetwork(weights_of(encoder))
    pooled = network.encode(batch).pooled
    return a_head(encoder).scores(pooled, network.vectors(pooled)), network.vectors(pooled)


def readings(*texts: str) -> list[Reading]:
    return [Reading(text, "en") for text in texts]


@cells
@settings(deadline=None, max_examples=50)
@given(batch=batches, seed=st.integers(0, 20))
def test_numpy_and_pytorch_say_the_same_about_every_batch(cell: Cell, batch: list[list[ReadWord]], seed: int) -> None:
    encoder = an_encoder(cell, entries=5, seed=seed)
    found_scores, found_vectors = read(encoder, batch)
    with torch.inference_mode():
        pooled = encoder.encode(as_batch(batch))
        scores, vectors = encoder.scores(pooled).log_softmax(dim=-1), encoder.vectors(pooled)
    assert (found_scores.shape, found_vectors.shape) == ((len(batch), 6), (len(batch), 5))
    np.testing.assert_allclose(found_scores, scores.numpy(), atol=1e-4)
    np.testing.assert_allclose(found_vectors, vectors.numpy(), atol=1e-4)


@cells
def test_they_say_the_same_at_the_sizes_and_start_values_in_use(cell: Cell) -> None:
    torch.manual_seed(0)
    encoder = initialise(SentenceEncoder(EncoderSizes(WORDS.size, 40, cell=cell))).eval()
    asked = ["when are you open", "", "🙂", "几点", "a", "delivery " * 80, "几点关门" * 30]
    found_scores, found_vectors = read(encoder, WORDS.read_all(asked))
    with torch.inference_mode():
        pooled = encoder.encode(as_batch(WORDS.read_all(asked)))
        scores, vectors = encoder.scores(pooled).log_softmax(dim=-1).numpy(), encoder.vectors(pooled).numpy()
    np.testing.assert_allclose(found_scores, scores, atol=1e-4)
    np.testing.assert_allclose(found_vectors, vectors, atol=1e-4)


@cells
def test_readings_are_understood_in_order_and_chances_add_up_to_one(cell: Cell) -> None:
    head = a_head(an_encoder(cell))
    asked = readings("When are you open?", "退款", "a" * 500)
    together = head.understand(asked)
    for one, reading in zip(together, asked, strict=True):
        (alone,) = head.understand([reading])
        np.testing.assert_allclose(one.log_probabilities, alone.log_probabilities, atol=1e-5)
        assert len(one.log_probabilities) == 3
        assert float(np.exp(one.log_probabilities).sum() + np.exp(one.outside)) == pytest.approx(1.0, abs=1e-5)


@cells
@pytest.mark.parametrize("text", ["", "   ", "!?", "🙂" * 50, "open", "门", "x" * 100_000, "几" * 100_000])
def test_every_text_is_understood_as_something(cell: Cell, text: str) -> None:
    encoder = an_encoder(cell)
    (found,) = a_head(encoder).understand(readings(text))
    assert bool(np.isfinite(found.log_probabilities).all())
    _, vectors = read(encoder, [WORDS.read(text)])
    assert float(np.linalg.norm(vectors[0])) == pytest.approx(1.0, abs=1e-5)


STORED = Knowledge(
    (Entry("open", "At nine.", ("when are you open", "opening hours")), Entry("refund", "Yes.", ("退款",)))
)


@cells
def test_a_stored_question_is_nearest_to_itself_and_nothing_is_near_without_any(cell: Cell) -> None:
    head = a_head(an_encoder(cell, entries=2))
    assert not head.understand(readings("opening hours"))[0].nearest.any()
    head.store(STORED)
    hours, refund = head.understand(readings("opening hours", "退款"))
    assert hours.nearest[0] == pytest.approx(1.0, abs=1e-5)
    assert refund.nearest[1] == pytest.approx(1.0, abs=1e-5)
    assert refund.nearest[0] < 1


def test_stored_vectors_survive_the_checkpoint() -> None:
    stored = a_head(an_encoder(entries=2)).store(STORED)
    again = Stored.from_arrays(stored.arrays("questions"), "questions")
    np.testing.assert_array_equal(again.starts, stored.starts)
    np.testing.assert_allclose(again.vectors, stored.vectors, atol=1e-3)


def test_of_too_many_questions_every_entry_keeps_an_even_share(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.understand.stored.MOST_STORED", 2)
    stored = a_head(an_encoder(entries=2)).store(STORED)
    assert stored.starts.tolist() == [0, 1]
    assert len(stored.vectors) == 2


def test_nothing_asked_gives_nothing() -> None:
    assert a_head(an_encoder()).understand([]) == []


@cells
def test_the_attention_says_which_words_were_looked_at(cell: Cell) -> None:
    head = a_head(an_encoder(cell))
    found = head.attention("When are you open 几点?")
    assert [word for word, _ in found] == ["when", "are", "you", "open", "几", "点"]
    assert sum(share for _, share in found) == pytest.approx(1.0, abs=1e-5)
    assert min(share for _, share in found) > 0
    assert head.attention("") == [("", pytest.approx(1.0))]


def test_no_attention_falls_on_padding() -> None:
    network = SentenceNetwork(weights_of(an_encoder()))
    found = network.encode([WORDS.read("open"), WORDS.read("when are you open")]).attention
    assert found[0, 1:].tolist() == [0.0, 0.0, 0.0]
    np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-5)


@cells
def test_huge_weights_overflow_nothing(cell: Cell) -> None:
    encoder = an_encoder(cell)
    weights = {name: value * 1000 for name, value in weights_of(encoder).items()}
    found = HeadUnderstander(WORDS, weights).understand(readings("when are you open", "几"))
    assert all(bool(np.isfinite(one.log_probabilities).all()) for one in found)


@pytest.mark.parametrize(
    "name",
    ["pooling.score.bias", "words.weight", "backward_.bias_hh_l0", "vector.weight", "salience.weight", "head.bias"],
)
def test_a_missing_weight_is_named(name: str) -> None:
    weights = weights_of(an_encoder())
    del weights[name]
    with pytest.raises(KeyError, match=name.replace(".", r"\.")):
        HeadUnderstander(WORDS, weights)


def test_understanding_imports_no_pytorch() -> None:
    program = "import sys, engine.understand.head; print('torch' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout == "False\n"
    )


def test_pieces_are_understood_like_words_and_shown_as_the_words_they_make_up() -> None:
    base = a_base()
    reader = PieceReader(QuestionReader(base.tokenizer, SlotFinder()))
    entries = {"head.weight": np.zeros((3, base.weights["vector.weight"].shape[1])), "head.bias": np.zeros(3)}
    head = HeadUnderstander(reader, {**base.weights, **entries})
    shown = head.attention("open 几点 🙂")
    assert "".join(word for word, _ in shown) == "open几点🙂"
    assert sum(share for _, share in shown) == pytest.approx(1.0, abs=1e-5)
    (found,) = head.understand(readings("open"))
    np.testing.assert_allclose(np.exp([*found.log_probabilities, found.outside]), 1 / 3, atol=1e-5)


def test_on_the_trunk_of_an_encoder_the_same_is_understood() -> None:
    base = a_base()
    encoder = BaseEncoder(base, SlotFinder())
    reader = PieceReader(QuestionReader(base.tokenizer, SlotFinder()))
    chance = np.random.default_rng(0)
    entries = {
        "head.weight": chance.normal(size=(3, base.weights["vector.weight"].shape[1])),
        "head.bias": chance.normal(size=3),
    }
    alone = HeadUnderstander(reader, {**base.weights, **entries})
    shared = HeadUnderstander(reader, {**base.weights, **entries}, trunk=encoder.trunk)
    for text in ("when are you open", "几点", "", "when are you open"):
        encoder.vectors([text])
        (one,), (other,) = alone.understand(readings(text)), shared.understand(readings(text))
        np.testing.assert_allclose(one.log_probabilities, other.log_probabilities, atol=1e-6)
