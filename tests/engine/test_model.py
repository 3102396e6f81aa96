"""The composing network: how it starts, what it may write, how it is stored."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import BEGIN, END, a_model, encode

from engine.seq2seq.decode import beam, greedy
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise, pad
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import PieceTokenizer
from engine.training.steps import weights_of
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder


def a_fresh_model() -> Seq2Seq:
    torch.manual_seed(0)
    return initialise(Seq2Seq(ModelSizes(400, embedding=64, hidden=16, decoder=32), torch.tensor([2, 7, 9])))


def test_forget_gates_begin_open_and_all_other_biases_at_zero() -> None:
    model = a_fresh_model()
    for lstm in (model.encoder.forward_lstm, model.encoder.backward_lstm, model.decoder.lstm):
        units = lstm.hidden_size
        total = lstm.bias_ih_l0 + lstm.bias_hh_l0
        assert total.tolist() == [0.0] * units + [1.0] * units + [0.0] * (2 * units)
    rest = [value for name, value in model.named_parameters() if name.endswith("bias")]
    assert rest
    assert all(bool((bias == 0).all()) for bias in rest)


def test_every_recurrent_block_begins_orthogonal() -> None:
    model = a_fresh_model()
    for lstm in (model.encoder.forward_lstm, model.encoder.backward_lstm, model.decoder.lstm):
        for block in lstm.weight_hh_l0.detach().chunk(4):
            torch.testing.assert_close(block @ block.T, torch.eye(lstm.hidden_size), atol=1e-4, rtol=0)


def test_embeddings_begin_normal_and_reach_the_network_with_a_spread_of_one() -> None:
    model = a_fresh_model()
    weight = model.embedding.weight.detach()
    assert float(weight.mean()) == pytest.approx(0.0, abs=0.01)
    assert float(weight.std()) * model.encoder.scale == pytest.approx(1.0, rel=0.05)
    assert model.encoder.scale == model.decoder.scale == 8.0


def test_encoder_decoder_and_output_share_one_embedding() -> None:
    model = a_fresh_model()
    assert model.encoder.embedding is model.embedding
    assert model.decoder.embedding is model.embedding
    assert sum(tuple(parameter.shape) == (400, 64) for parameter in model.parameters()) == 1


def test_the_same_seed_begins_with_the_same_weights() -> None:
    first, second = a_fresh_model(), a_fresh_model()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=6),
    st.sets(st.integers(3, 7), min_size=1, max_size=4),
    st.booleans(),
    st.integers(0, 5),
)
def test_only_pieces_of_the_short_list_can_be_written(
    text: list[int], listed: set[int], copying: bool, seed: int
) -> None:
    model = a_model(shortlist=(END, *sorted(listed)), seed=seed)
    encoded, pieces = encode(model, [text])
    source = pieces if copying else None
    found = greedy(model, encoded, begin=BEGIN, end=END, limit=6, source=source)
    found += beam(model, encoded, begin=BEGIN, end=END, width=3, limit=4, source=source)
    assert all(set(one.pieces) <= listed for one in found)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 7), min_size=1, max_size=6), st.booleans(), st.integers(0, 9))
def test_what_comes_next_is_a_distribution_over_the_short_list(text: list[int], copying: bool, seed: int) -> None:
    model = a_model(seed=seed)
    encoded, pieces = encode(model, [text])
    decoder = model.decoder
    with torch.inference_mode():
        keys = decoder.prepare(encoded, pieces if copying else None)
        scores, _, _ = decoder(torch.tensor([[BEGIN, 3, 4]]), decoder.begin(encoded.last), keys)
    assert scores.shape == (1, 3, 3)
    torch.testing.assert_close(scores.exp().sum(dim=-1), torch.ones(1, 3), atol=1e-4, rtol=0)


def test_reading_at_once_equals_reading_piece_by_piece() -> None:
    model = a_model()
    encoded, pieces = encode(model, [[3, 4, 5], [6]])
    decoder = model.decoder
    target = torch.tensor([[BEGIN, 3, 4, 2], [BEGIN, 5, 5, 5]])
    with torch.inference_mode():
        keys = decoder.prepare(encoded, pieces)
        whole, end, _ = decoder(target, decoder.begin(encoded.last), keys)
        state = decoder.begin(encoded.last)
        for step in range(4):
            one, state, _ = decoder(target[:, step : step + 1], state, keys)
            torch.testing.assert_close(one[:, 0], whole[:, step])
    torch.testing.assert_close((state.hidden, state.cell), (end.hidden, end.cell))


def test_a_model_holds_nothing_of_what_it_read() -> None:
    model = a_model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    first, source = encode(model, [[3, 4, 5]])
    written = greedy(model, first, begin=BEGIN, end=END, limit=5, source=source)
    other, more = encode(model, [[7, 7], [1, 1]])
    greedy(model, other, begin=BEGIN, end=END, limit=5, source=more)
    assert greedy(model, first, begin=BEGIN, end=END, limit=5, source=source) == written
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_sizes_come_back_as_they_were_written_and_unknown_ones_are_refused() -> None:
    sizes = ModelSizes(300, embedding=32, attention="additive")
    assert ModelSizes.from_json(sizes.to_json()) == sizes
    with pytest.raises(TypeError, match="layers"):
        ModelSizes.from_json(sizes.to_json() | {"layers": 2})
    with pytest.raises(TypeError, match="pieces"):
        ModelSizes.from_json({"embedding": 7})


@given(st.lists(st.lists(st.integers(0, 99), max_size=5), min_size=1, max_size=4), st.integers(0, 9))
def test_padding_keeps_every_text_at_its_beginning(batch: list[list[int]], padding: int) -> None:
    pieces, lengths = pad(batch, padding=padding)
    assert lengths.tolist() == [len(text) for text in batch]
    assert pieces.shape == (len(batch), max(1, *map(len, batch), 1))
    for row, text in zip(pieces.tolist(), batch, strict=True):
        assert row == text + [padding] * (len(row) - len(text))


def test_the_generator_refuses_weights_of_another_shape() -> None:
    from engine.errors import GenerationError

    tokenizer = PieceTokenizer.bytes_only()
    model = a_model()
    weights = {name: value.numpy() for name, value in model.state_dict().items()}
    writer = SourceWriter(tokenizer, QuestionReader(tokenizer, SlotFinder()))
    sizes = model.sizes.to_json()
    assert Seq2SeqGenerator("f", sizes, weights, tokenizer, writer).load() is not None
    for other in (sizes | {"hidden": 9}, sizes | {"layers": 1}):
        with pytest.raises(GenerationError, match="do not fit"):
            Seq2SeqGenerator("f", other, weights, tokenizer, writer).load()
    with pytest.raises(GenerationError, match="missing or unknown"):
        Seq2SeqGenerator("f", sizes, weights | {"more": np.zeros(2)}, tokenizer, writer).load()


def test_rows_that_are_given_apart_go_before_those_of_the_table_and_its_scale() -> None:
    from engine.errors import GenerationError

    tokenizer = PieceTokenizer.bytes_only()
    model = a_model()
    writer = SourceWriter(tokenizer, QuestionReader(tokenizer, SlotFinder()))
    weights = weights_of(model)
    table = weights["embedding.weight"].copy()
    apart = {
        "embedding.scale": np.array(0.25, np.float32),
        "embedding.rows": np.asarray([1, 6], np.int32),
        "embedding.values": np.full((2, 6), 0.5, np.float32),
    }
    found = Seq2SeqGenerator("f", model.sizes.to_json(), weights | apart, tokenizer, writer).load()
    expected = table * np.float32(0.25)
    expected[[1, 6]] = 0.5
    np.testing.assert_array_equal(found.embedding.weight.detach().numpy(), expected)
    np.testing.assert_array_equal(weights["embedding.weight"], table)  # which others read as well
    del weights["embedding.weight"]
    with pytest.raises(GenerationError, match="do not fit"):
        Seq2SeqGenerator("f", model.sizes.to_json(), weights | apart, tokenizer, writer).load()
