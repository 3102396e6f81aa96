"""The decoder in both layouts and an encoder of two layers, against references that go step by step."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import BEGIN, END, a_model, alike, encode, greedy_slowly, next_log_probabilities
from torch import Tensor

from engine.errors import GenerationError
from engine.seq2seq.beams import Search, beams
from engine.seq2seq.decode import Hypothesis, beam, greedy, missed
from engine.seq2seq.decoder import Layout
from engine.seq2seq.encoder import Encoded
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import PieceTokenizer
from engine.training.steps import weights_of
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

SHORTLIST = (2, 3, 4, 6)
texts = st.lists(st.integers(0, 7), min_size=1, max_size=5)
batches = st.lists(texts, min_size=1, max_size=4)
layouts = st.sampled_from(list(Layout))
seeds = st.integers(0, 30)


def a_network(layout: Layout, *, seed: int = 0, depth: int = 1) -> Seq2Seq:
    return a_model(shortlist=SHORTLIST, layout=layout, seed=seed, depth=depth)


def one_layer(cell: torch.nn.LSTM, value: Tensor, hidden: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """One step of an LSTM, gate by gate (Hochreiter, Schmidhuber 1997)."""
    gates = cell.weight_ih_l0 @ value + cell.bias_ih_l0 + cell.weight_hh_l0 @ hidden + cell.bias_hh_l0
    entry, forget, new, out = gates.chunk(4)
    memory = forget.sigmoid() * memory + entry.sigmoid() * new.tanh()
    return out.sigmoid() * memory.tanh(), memory


def slowly(model: Seq2Seq, encoded: Encoded, pieces: list[int]) -> Tensor:
    """What the output sees after each piece of one text, written out layer by layer and step by step."""
    decoder = model.decoder
    size = decoder.lstm.hidden_size
    first, second = decoder.bridge(encoded.last[0]).chunk(2)
    layers = [(hidden.tanh(), memory) for hidden, memory in zip(first.split(size), second.split(size), strict=True)]
    found = []
    for piece in pieces:
        below = one_layer(decoder.lstm, decoder.embedding.weight[piece] * decoder.scale, *layers[0])
        compared = decoder.attention.project_value(encoded.values[0]) @ below[0]
        weights = compared.masked_fill(~encoded.mask[0], float("-inf")).softmax(0)
        context, words = weights @ encoded.values[0], (weights @ encoded.embedded[0]).tanh()
        layers[0], top = below, below[0]
        if decoder.upper is not None:
            layers[1] = one_layer(decoder.upper, torch.cat([below[0], context]), *layers[1])
            top = layers[1][0]
        found.append(decoder.combine(torch.cat([top, context])).tanh() + decoder.lexical(words).tanh() + words)
    return torch.stack(found)


@settings(deadline=None, max_examples=40)
@given(layouts, texts, st.lists(st.integers(0, 7), min_size=1, max_size=6), seeds)
def test_reading_at_once_equals_gates_written_out_step_by_step(
    layout: Layout, text: list[int], pieces: list[int], seed: int
) -> None:
    model = a_network(layout, seed=seed)
    encoded, _ = encode(model, [text])
    decoder = model.decoder
    with torch.inference_mode():
        keys = decoder.prepare(encoded)
        found, _, _ = decoder.read(torch.tensor([pieces]), decoder.begin(encoded.last), keys)
        torch.testing.assert_close(found[0], slowly(model, encoded, pieces), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("layout", Layout)
def test_reading_at_once_equals_reading_piece_by_piece_with_the_state_handed_on(layout: Layout) -> None:
    model = a_network(layout)
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
    assert state.hidden.shape == (decoder.layers, 2, 8)


@settings(deadline=None, max_examples=30)
@given(batches, st.sampled_from([1, 2]), seeds)
def test_padding_changes_nothing_whatever_the_depth_of_the_encoder(
    batch: list[list[int]], depth: int, seed: int
) -> None:
    model = a_network(Layout.BETWEEN, seed=seed, depth=depth)
    together, _ = encode(model, batch)
    for row, text in enumerate(batch):
        alone, _ = encode(model, [text])
        torch.testing.assert_close(together.values[row, : len(text)], alone.values[0])
        torch.testing.assert_close(together.last[row], alone.last[0])
        assert not together.values[row, len(text) :].any()


@settings(deadline=None, max_examples=40)
@given(batches, seeds, st.booleans(), st.integers(1, 6))
def test_greedy_in_the_layout_between_equals_reading_everything_again(
    batch: list[list[int]], seed: int, copying: bool, limit: int
) -> None:
    model = a_network(Layout.BETWEEN, seed=seed)
    encoded, source = encode(model, batch)
    found = greedy(model, encoded, begin=BEGIN, end=END, limit=limit, source=source if copying else None)
    for text, one in zip(batch, found, strict=True):
        alone, pieces = encode(model, [text])
        assert alike(one, greedy_slowly(model, alone, pieces if copying else None, limit))


def attention_on(model: Seq2Seq, encoded: Encoded, written: tuple[int, ...]) -> Tensor:
    """All attention spent while a text and its next piece were written, (S,)."""
    decoder = model.decoder
    with torch.inference_mode():
        keys = decoder.prepare(encoded)
        _, _, weights = decoder(torch.tensor([[BEGIN, *written]]), decoder.begin(encoded.last), keys)
    return weights[0].sum(dim=0)


def beam_slowly(model: Seq2Seq, encoded: Encoded, *, width: int, limit: int, alpha: float, beta: float) -> Hypothesis:
    """Beam search that never stops early and keeps no state; an end counts where it is among the best ``width``."""
    open_ = [Hypothesis((), (), finished=False)]
    done: list[Hypothesis] = []
    for _ in range(limit):
        longer = []
        for one in open_:
            seen = attention_on(model, encoded, one.pieces)
            left_out = -sum(min(1.0, float(weight)) and torch.tensor(min(1.0, float(weight))).log() for weight in seen)
            for piece, worth in next_log_probabilities(model, encoded, None, one.pieces).items():
                ended = piece == END
                pieces = one.pieces if ended else (*one.pieces, piece)
                values = (*one.log_probabilities, worth)
                longer.append(Hypothesis(pieces, values, finished=ended, missed=float(left_out)))
        longer.sort(key=lambda one: -sum(one.log_probabilities))
        done += [one for one in longer[:width] if one.finished]
        open_ = [one for one in longer if not one.finished][:width]
    return max([*done, *open_], key=lambda one: one.score(alpha, beta))


@settings(deadline=None, max_examples=40)
@given(layouts, texts, seeds, st.integers(1, 4), st.sampled_from([0.0, 1.0]), st.sampled_from([0.0, 0.4]))
def test_the_best_of_a_beam_with_coverage_is_that_of_a_slow_one(
    layout: Layout, text: list[int], seed: int, width: int, alpha: float, beta: float
) -> None:
    model = a_network(layout, seed=seed)
    encoded, _ = encode(model, [text])
    found = beam(model, encoded, begin=BEGIN, end=END, width=width, limit=4, alpha=alpha, beta=beta)
    expected = beam_slowly(model, encoded, width=width, limit=4, alpha=alpha, beta=beta)
    assert found[0].score(alpha, beta) == pytest.approx(expected.score(alpha, beta), abs=1e-3)


@settings(deadline=None, max_examples=60)
@given(
    batches,
    st.sampled_from([(layout, seed) for layout in Layout for seed in range(6)]),
    st.integers(1, 6),
    st.integers(1, 5),
    st.sampled_from([(0.0, 0.0), (1.0, 0.0), (0.6, 0.3)]),
    st.booleans(),
)
def test_many_texts_side_by_side_find_what_each_finds_alone(
    batch: list[list[int]],
    which: tuple[Layout, int],
    width: int,
    limit: int,
    strengths: tuple[float, float],
    copying: bool,
) -> None:
    alpha, beta = strengths
    model = a_network(which[0], seed=which[1])
    encoded, source = encode(model, batch)
    search = Search(BEGIN, END, width, limit, alpha, beta)
    found = beams(model, encoded, search, source if copying else None)
    assert len(found) == len(batch)
    for text, own in zip(batch, found, strict=True):
        alone, pieces = encode(model, [text])
        expected = beam(
            model,
            alone,
            begin=BEGIN,
            end=END,
            width=width,
            limit=limit,
            alpha=alpha,
            beta=beta,
            source=pieces if copying else None,
        )
        assert len(own) == len(expected) <= width
        assert all(alike(one, other) for one, other in zip(own, expected, strict=True))


def test_what_was_looked_at_fully_or_twice_is_not_missed_and_padding_never_is() -> None:
    attention = torch.tensor([[1.0, 2.5, 0.0], [0.5, 1.0, 1.0]])
    mask = torch.tensor([[True, True, False], [True, True, True]])
    assert missed(attention, mask).tolist() == pytest.approx([0.0, 0.6931], abs=1e-4)
    assert missed(torch.zeros(1, 3), mask[1:]).isfinite().all()


def test_coverage_prefers_the_text_that_looked_at_everything() -> None:
    whole = Hypothesis((3, 4), (-1.0, -1.0, -0.5), finished=True, missed=0.1)
    short = Hypothesis((3,), (-0.9, -0.5), finished=True, missed=5.0)
    assert short.score(0.0) > whole.score(0.0)
    assert whole.score(0.0, 0.5) > short.score(0.0, 0.5)


def test_a_model_stored_before_layout_and_depth_could_be_chosen_is_read_as_it_was() -> None:
    stored = {"pieces": 8, "embedding": 6, "hidden": 4, "decoder": 8, "attention": "general"}
    sizes = ModelSizes.from_json(stored)
    assert (sizes.layout, sizes.depth) == ("after", 1)
    names = set(Seq2Seq(sizes, torch.tensor(SHORTLIST)).state_dict())
    assert not [name for name in names if "upper" in name]
    assert Seq2Seq(sizes, torch.tensor(SHORTLIST)).decoder.bridge.weight.shape == (16, 8)


@pytest.mark.parametrize(("layout", "depth"), [(Layout.AFTER, 2), (Layout.BETWEEN, 1), (Layout.BETWEEN, 2)])
def test_every_layout_and_depth_survives_the_journey_through_a_checkpoint(layout: Layout, depth: int) -> None:
    model = a_network(layout, depth=depth)
    tokenizer = PieceTokenizer.bytes_only()
    writer = SourceWriter(tokenizer, QuestionReader(tokenizer, SlotFinder()))
    sizes, weights = model.sizes.to_json(), weights_of(model)
    again = Seq2SeqGenerator("f", sizes, weights, tokenizer, writer).load()
    encoded, _ = encode(model, [[3, 4, 5]])
    other, _ = encode(again, [[3, 4, 5]])
    search = {"begin": BEGIN, "end": END, "width": 3, "limit": 5}
    assert beam(model, encoded, **search) == beam(again, other, **search)
    for wrong in (sizes | {"layout": "beside"}, sizes | {"depth": 3}, sizes | {"depth": 3 - depth}):
        with pytest.raises(GenerationError):
            Seq2SeqGenerator("f", wrong, weights, tokenizer, writer).load()


def test_every_layer_begins_orthogonal_with_open_forget_gates() -> None:
    torch.manual_seed(0)
    sizes = ModelSizes(50, embedding=12, hidden=8, decoder=16, layout="between", depth=2)
    model = initialise(Seq2Seq(sizes, torch.tensor([2, 3])))
    layers = [part for part in model.modules() if isinstance(part, torch.nn.LSTM)]
    assert len(layers) == 6
    for layer in layers:
        units = layer.hidden_size
        total = layer.bias_ih_l0 + layer.bias_hh_l0
        assert total.tolist() == [0.0] * units + [1.0] * units + [0.0] * (2 * units)
        for block in layer.weight_hh_l0.detach().chunk(4):
            torch.testing.assert_close(block @ block.T, torch.eye(units), atol=1e-4, rtol=0)
