"""The sentence encoder in numpy: the same numbers as in PyTorch, whatever is read beside a text or was read before."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import WORDS, an_encoder

from engine.training.steps import weights_of
from engine.training.understanding import as_batch
from engine.understand.network import Cell, EncoderSizes, SentenceEncoder, initialise
from engine.understand.sentence import SentenceNetwork, Trunk, softmax
from engine.understand.words import NGRAM_ROWS, ReadWord

words = st.builds(ReadWord, st.integers(1, WORDS.size - 1), st.lists(st.integers(1, 9_999), max_size=5).map(tuple))
texts = st.lists(words, min_size=1, max_size=9)
encoders = pytest.mark.parametrize(("cell", "grams"), [(cell, grams) for cell in Cell for grams in (NGRAM_ROWS, 0)])


def a_network(cell: str = Cell.LSTM, grams: int = NGRAM_ROWS) -> SentenceNetwork:
    return SentenceNetwork(weights_of(an_encoder(cell, grams=grams)))


def some_texts(count: int, seed: int = 0) -> list[list[ReadWord]]:
    """So many texts of one to nine words, no two of them alike."""
    chance = np.random.default_rng(seed)
    return [
        [ReadWord(int(row), (number + 1, place + 1)) for place, row in enumerate(chance.integers(1, WORDS.size, size))]
        for number, size in enumerate(chance.integers(1, 10, count))
    ]


@encoders
@settings(deadline=None, max_examples=40)
@given(batch=st.lists(texts, min_size=1, max_size=6), seed=st.integers(0, 20))
def test_numpy_reads_what_pytorch_reads(cell: Cell, grams: int, batch: list[list[ReadWord]], seed: int) -> None:
    encoder = an_encoder(cell, grams=grams, seed=seed)
    network = SentenceNetwork(weights_of(encoder))
    found = network.encode(batch)
    with torch.inference_mode():
        pooled = encoder.encode(as_batch(batch))
        np.testing.assert_allclose(found.pooled, pooled.numpy(), atol=1e-5, rtol=1e-5)
        np.testing.assert_allclose(network.vectors(found.pooled), encoder.vectors(pooled).numpy(), atol=1e-5)


@encoders
def test_numpy_reads_what_pytorch_reads_at_the_sizes_in_use(cell: Cell, grams: int) -> None:
    torch.manual_seed(0)
    sizes = EncoderSizes(WORDS.size, 4, embedding=256, hidden=256, vector=256, cell=cell, grams=grams)
    encoder = initialise(SentenceEncoder(sizes)).eval()
    batch = WORDS.read_all(["when are you open", "", "🙂", "几点", "delivery " * 80])
    with torch.inference_mode():
        expected = encoder.vectors(encoder.encode(as_batch(batch))).numpy()
    np.testing.assert_allclose(SentenceNetwork(weights_of(encoder)).vectors_of(batch), expected, atol=1e-5)


@encoders
@pytest.mark.parametrize("count", [1, 16, 17, 64, 65, 150])
def test_many_texts_have_the_vectors_that_each_has_alone(cell: Cell, grams: int, count: int) -> None:
    network, asked = a_network(cell, grams), some_texts(count)
    found = network.vectors_of(asked)
    assert found.shape == (count, network.width) == (count, 5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    for row, text in zip(found, asked, strict=True):
        np.testing.assert_allclose(row, network.vectors_of([text])[0], atol=1e-5)


def test_no_text_has_no_vector() -> None:
    assert a_network().vectors_of([]).shape == (0, 5)


def test_networks_on_one_trunk_read_what_each_would_read_alone() -> None:
    first, second = (weights_of(an_encoder(seed=seed)) for seed in (0, 1))
    shared = {name: first[name] if name.split(".")[0] in ("words", "grams", "onward", "backward_") else second[name]
              for name in first}  # fmt: skip
    trunk = Trunk(first)
    one, other = SentenceNetwork(first, trunk), SentenceNetwork(shared, trunk)
    for asked in [some_texts(3, seed) for seed in range(8)] * 2:  # more batches than are kept, and each once more
        np.testing.assert_allclose(one.vectors_of(asked), SentenceNetwork(first).vectors_of(asked), atol=1e-6)
        np.testing.assert_allclose(other.vectors_of(asked), SentenceNetwork(shared).vectors_of(asked), atol=1e-6)


def test_a_batch_read_again_is_read_as_before() -> None:
    network, asked = a_network(), some_texts(4)
    once = network.encode(asked)
    network.encode(list(reversed(asked)))
    again = network.encode(asked)
    np.testing.assert_array_equal(again.pooled, once.pooled)
    np.testing.assert_array_equal(again.attention, once.attention)


def test_the_order_of_the_words_makes_a_difference() -> None:
    network, (text,) = a_network(), [text for text in some_texts(9) if len(text) > 3][:1]
    forth, back = network.vectors_of([text, text[::-1]])
    assert float(np.linalg.norm(forth - back)) > 0.01


@pytest.mark.parametrize("name", ["words.weight", "onward.weight_hh_l0", "salience.weight", "vector.bias"])
def test_a_missing_weight_is_named(name: str) -> None:
    weights = weights_of(an_encoder())
    del weights[name]
    with pytest.raises(KeyError, match=name.replace(".", r"\.")):
        SentenceNetwork(weights)


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=1, max_size=9))
def test_softmax_adds_up_to_one_and_keeps_the_order(values: list[float]) -> None:
    found = softmax(np.asarray([values], np.float32), axis=1)[0]
    assert float(found.sum()) == pytest.approx(1.0, abs=1e-5)
    assert found[int(np.argmax(values))] == found.max()


def test_reading_imports_no_pytorch() -> None:
    program = "import sys, engine.understand.sentence, engine.base.base; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
