"""The sentence encoder against PyTorch's own bidirectional layers, and how it starts."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import WORDS, an_encoder
from torch import Tensor, nn

from engine.understand.network import (
    GATES,
    AttentionPooling,
    Batch,
    Cell,
    EncoderSizes,
    SentenceEncoder,
    initialise,
)
from engine.understand.words import NGRAM_ROWS, PADDING, Words, together

texts = st.lists(
    st.sampled_from(["when", "are you open", "几点开门?", "", "🙂", "delivery to ireland on friday please"]),
    min_size=1,
    max_size=5,
)


def batch_of(asked: list[str], *, wider: int = 0) -> Batch:
    """Texts as tensors, with so many places of padding more than they need."""
    words = together([WORDS.read(text) for text in asked])
    if wider:
        words = widened(words, wider)
    return Batch(*(torch.from_numpy(part) for part in (words.words, words.grams, words.starts, words.lengths)))


def widened(words: Words, more: int) -> Words:
    rows, size = words.words.shape
    bags = np.split(words.grams, words.starts[1:])
    padded = [[*bags[row * size : (row + 1) * size], *[np.zeros(1, np.int64)] * more] for row in range(rows)]
    flat = [bag for row in padded for bag in row]
    starts = np.cumsum([0, *map(len, flat)])[:-1]
    filled = np.pad(words.words, ((0, 0), (0, more)), constant_values=PADDING)
    return Words(filled, np.concatenate(flat), starts.astype(np.int64), words.lengths)


def weighted_mean(encoder: SentenceEncoder, text: str) -> Tensor:
    """Mean of the embedded words of a text, each weighed by its salience."""
    weights = torch.stack([encoder.salience.weight[word.row, 0] for word in WORDS.read(text)]).softmax(dim=0)
    return sum(weight * word for weight, word in zip(weights, embedded(encoder, text), strict=True))


def embedded(encoder: SentenceEncoder, text: str) -> list[Tensor]:
    """Embedded words of a text."""
    found = []
    for word in WORDS.read(text):
        bag = torch.zeros(encoder.sizes.embedding)
        if encoder.grams is not None and word.grams:
            bag = encoder.grams.weight[list(word.grams)].mean(dim=0)
        found.append((encoder.words.weight[word.row] + bag) * encoder.sizes.embedding**0.5)
    return found


def packed(encoder: SentenceEncoder, asked: list[str]) -> list[Tensor]:
    """States of every text from PyTorch's bidirectional layer over packed sequences."""
    sizes = encoder.sizes
    layer = nn.GRU if sizes.cell == Cell.GRU else nn.LSTM
    both = layer(sizes.embedding, sizes.hidden, batch_first=True, bidirectional=True)
    onward = dict(encoder.onward.state_dict())
    both.load_state_dict(onward | {f"{name}_reverse": value for name, value in encoder.backward_.state_dict().items()})
    return [both(torch.stack(embedded(encoder, text))[None])[0][0] for text in asked]


@pytest.mark.parametrize("grams", [NGRAM_ROWS, 0])
@pytest.mark.parametrize("cell", Cell)
@settings(deadline=None, max_examples=40)
@given(asked=texts, seed=st.integers(0, 5))
def test_a_text_is_the_pooled_states_of_a_bidirectional_layer_and_a_mean_of_its_words(
    cell: Cell, grams: int, asked: list[str], seed: int
) -> None:
    encoder = an_encoder(cell, seed=seed, grams=grams)
    with torch.inference_mode():
        pooled = encoder.encode(batch_of(asked))
        for row, text, states in zip(pooled, asked, packed(encoder, asked), strict=True):
            alone = encoder.pooling(states[None], torch.ones(1, len(states), dtype=torch.bool))[0]
            expected = torch.cat([alone, weighted_mean(encoder, text)])
            torch.testing.assert_close(row, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", Cell)
@settings(deadline=None, max_examples=40)
@given(asked=texts, more=st.integers(0, 4))
def test_padding_never_changes_a_result(cell: Cell, asked: list[str], more: int) -> None:
    encoder = an_encoder(cell)
    with torch.inference_mode():
        beside = encoder.encode(batch_of(asked, wider=more))
        alone = torch.cat([encoder.encode(batch_of([text])) for text in asked])
        torch.testing.assert_close(beside, alone, atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(encoder.scores(beside), encoder.scores(alone), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("cell", Cell)
def test_there_is_a_score_for_every_entry_and_one_for_none_and_vectors_have_length_one(cell: Cell) -> None:
    encoder = an_encoder(cell, entries=7)
    with torch.inference_mode():
        pooled = encoder.encode(batch_of(["when are you open", "", "几点"]))
        scores, vectors = encoder.scores(pooled), encoder.vectors(pooled)
    assert (pooled.shape, scores.shape, vectors.shape) == ((3, 3 * 2 * 4 + 6), (3, 8), (3, 5))
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    assert float((vectors[0] - vectors[2]).norm()) > 0.01


def test_pooling_is_a_weighted_mean_for_each_head_and_the_maximum() -> None:
    torch.manual_seed(0)
    pooling = AttentionPooling(4, 2)
    values = torch.randn(1, 5, 4)
    values[0, 3:] = 1000.0  # what stands on padding is never seen
    pooled = pooling(values, torch.tensor([[True, True, True, False, False]]))[0]
    real = values[0, :3]
    weights = torch.stack([pooling.score(state) for state in real]).softmax(dim=0)
    means = [sum(weights[place, head] * real[place] for place in range(3)) for head in range(2)]
    torch.testing.assert_close(pooled, torch.cat([*means, real.max(dim=0).values]))


def test_words_are_dropped_in_training_only() -> None:
    encoder = an_encoder()
    batch = batch_of(["when are you open"])
    with torch.inference_mode():
        assert torch.equal(encoder.encode(batch), encoder.encode(batch))
        encoder.train()
        assert not torch.equal(encoder.encode(batch), encoder.encode(batch))


def a_fresh_encoder(cell: str) -> SentenceEncoder:
    torch.manual_seed(0)
    return initialise(SentenceEncoder(EncoderSizes(400, 5, embedding=64, hidden=16, cell=cell)))


@pytest.mark.parametrize("cell", Cell)
def test_every_recurrent_block_begins_orthogonal(cell: Cell) -> None:
    encoder = a_fresh_encoder(cell)
    for layer in (encoder.onward, encoder.backward_):
        for block in layer.weight_hh_l0.detach().chunk(GATES[cell]):
            torch.testing.assert_close(block @ block.T, torch.eye(16), atol=1e-4, rtol=0)


@pytest.mark.parametrize(("cell", "open_"), [(Cell.LSTM, [0.0] * 16 + [1.0] * 16 + [0.0] * 32), (Cell.GRU, [0.0] * 48)])
def test_forget_gates_begin_open_and_all_other_biases_at_zero(cell: Cell, open_: list[float]) -> None:
    encoder = a_fresh_encoder(cell)
    for layer in (encoder.onward, encoder.backward_):
        assert (layer.bias_ih_l0 + layer.bias_hh_l0).tolist() == open_
    rest = [value for name, value in encoder.named_parameters() if name.endswith(".bias")]
    assert len(rest) == 3
    assert all(bool((bias == 0).all()) for bias in rest)


@pytest.mark.parametrize("table", ["words", "grams"])
def test_embeddings_begin_normal_and_padding_at_zero(table: str) -> None:
    weight = getattr(a_fresh_encoder(Cell.LSTM), table).weight.detach()
    assert float(weight[PADDING].abs().max()) == 0.0
    assert float(weight[1:].mean()) == pytest.approx(0.0, abs=0.01)
    assert float(weight[1:].std()) == pytest.approx(1 / 8, rel=0.05)


def test_the_same_seed_begins_with_the_same_weights() -> None:
    first, second = a_fresh_encoder(Cell.GRU), a_fresh_encoder(Cell.GRU)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@pytest.mark.parametrize("cell", Cell)
def test_sizes_come_back_as_they_were_written(cell: Cell) -> None:
    sizes = EncoderSizes(300, 7, hidden=32, cell=cell)
    again = EncoderSizes.from_json(sizes.to_json())
    assert again == sizes
    assert SentenceEncoder(again).state_dict().keys() == SentenceEncoder(sizes).state_dict().keys()


def test_sizes_that_are_unknown_or_missing_and_cells_that_are_none_are_refused() -> None:
    sizes = EncoderSizes(300, 7).to_json()
    with pytest.raises(TypeError, match="layers"):
        EncoderSizes.from_json(sizes | {"layers": 2})
    with pytest.raises(TypeError, match="words"):
        EncoderSizes.from_json({"entries": 7})
    with pytest.raises(ValueError, match="'rnn' is not a valid Cell"):
        EncoderSizes.from_json(sizes | {"cell": "rnn"})


def test_without_ngrams_there_is_no_table_of_them() -> None:
    encoder = an_encoder(grams=0)
    assert encoder.grams is None
    assert "grams.weight" not in encoder.state_dict()
    with torch.inference_mode():
        assert encoder.encode(batch_of(["when are you open", "几点"])).shape == (2, encoder.sizes.pooled)


def test_a_word_that_says_much_weighs_more_in_the_mean() -> None:
    encoder = an_encoder()
    (told,) = WORDS.read("you")
    with torch.inference_mode():
        encoder.salience.weight[told.row] = 50.0
        mean = encoder.encode(batch_of(["when are you open"]))[0, -encoder.sizes.embedding :]
        torch.testing.assert_close(mean, embedded(encoder, "when are you open")[2], atol=1e-4, rtol=1e-4)
