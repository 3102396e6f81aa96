"""Looking into the networks: the gates are those that the layer really has, the attention is where it really looked."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.knowledge.entries import Entry
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import PieceTokenizer
from engine.training.inside import Inside, gated, grouped
from engine.training.steps import weights_of
from engine.understand.network import Cell
from engine.understand.reader import PieceReader, QuestionReader
from engine.understand.slots import SlotFinder
from tests.engine.parts import HOURS, WORDS, a_base, a_model, an_encoder

PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
BYTES = PieceTokenizer.bytes_only()
LAYERS = pytest.mark.parametrize(
    ("kind", "gates"),
    [(nn.LSTM, ["input", "forget", "output"]), (nn.GRU, ["reset", "update"])],
    ids=["lstm", "gru"],
)


def a_generator(*, shortlist: list[int] | None = None) -> Seq2SeqGenerator:
    """A tiny composer that may write every piece."""
    model = a_model(pieces=BYTES.size, shortlist=shortlist or range(BYTES.size))
    writer = SourceWriter(BYTES, QuestionReader(BYTES, SlotFinder()))
    return Seq2SeqGenerator("f" * 32, model.sizes.to_json(), weights_of(model), BYTES, writer)


def an_inside(cell: str = Cell.LSTM, *, shortlist: list[int] | None = None) -> Inside:
    writer = SourceWriter(BYTES, QuestionReader(BYTES, SlotFinder()))
    return Inside(a_generator(shortlist=shortlist), BYTES, writer, WORDS, weights_of(an_encoder(cell)))


def of_pieces(cell: str = Cell.LSTM) -> Inside:
    """One whose sentence encoder starts from a base that reads bytes."""
    base = a_base(cell)
    reader = QuestionReader(base.tokenizer, SlotFinder())
    return Inside(a_generator(), BYTES, SourceWriter(BYTES, reader), PieceReader(reader), base.weights)


@LAYERS
@settings(deadline=None, max_examples=30)
@given(size=st.integers(1, 7), width=st.integers(1, 6), seed=st.integers(0, 99))
def test_the_layer_whose_gates_are_shown_is_the_one_of_pytorch(
    kind: type[nn.LSTM] | type[nn.GRU], gates: list[str], size: int, width: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = kind(width, 3, batch_first=True)
    embedded = np.random.default_rng(seed).normal(size=(size, width)).astype(np.float32)
    found = gated(embedded, [getattr(layer, part).detach().numpy() for part in PARTS])
    with torch.inference_mode():
        expected, _ = layer(torch.from_numpy(embedded)[None])
    np.testing.assert_allclose(found.states, expected[0].numpy(), atol=1e-5)
    assert list(found.opened) == gates
    assert all(row.shape == (size,) and row.min() >= 0 and row.max() <= 1 for row in found.opened.values())


def test_a_gate_that_is_held_open_is_shown_open_and_one_held_shut_is_shown_shut() -> None:
    layer = nn.LSTM(2, 3)
    bias = torch.tensor([30.0] * 3 + [-30.0] * 3 + [0.0] * 3 + [0.0] * 3)  # PyTorch's order: input, forget, new, output
    parts = [torch.zeros(12, 2), torch.zeros(12, 3), bias, torch.zeros(12)]
    assert [part.shape for part in parts] == [getattr(layer, name).shape for name in PARTS]
    opened = gated(np.ones((4, 2), np.float32), [part.numpy() for part in parts]).opened
    assert {name: round(float(row[-1]), 3) for name, row in opened.items()} == {
        "input": 1.0,
        "forget": 0.0,
        "output": 0.5,
    }


@pytest.mark.parametrize("cell", [Cell.LSTM, Cell.GRU])
@pytest.mark.parametrize("text", ["When are you open?", "几点开门", "", "🦊 ok", "a " * 300])
def test_gates_have_a_value_for_everything_that_is_read_both_ways(cell: str, text: str) -> None:
    for inside in (an_inside(cell), of_pieces(cell)):
        found = inside.gates(text)
        assert len(found.gates) == len(found.values) == (6 if cell == Cell.LSTM else 4)
        assert {len(row) for row in found.values} == {len(found.pieces)}
        assert all(0 <= value <= 1 for row in found.values for value in row)


def test_the_backward_layer_reads_the_last_word_first() -> None:
    long, short = (an_inside().gates(text) for text in ("when are you open", "open"))
    backward = [place for place, name in enumerate(long.gates) if name.endswith("←")]
    assert len(backward) == 3
    for place in backward:
        assert long.values[place][-1] == pytest.approx(short.values[place][0], abs=1e-6)


def test_attention_has_a_row_for_all_that_is_written_and_each_adds_up_to_one() -> None:
    found = an_inside().attention("When are you open?", HOURS)
    assert found is not None
    assert (found.question, found.entry) == ("When are you open?", "hours")
    assert len(found.weights) == len(found.written) > 0
    assert all(len(row) == len(found.read) for row in found.weights)
    assert [sum(row) for row in found.weights] == pytest.approx([1.0] * len(found.written), abs=1e-4)


def test_what_is_read_is_the_question_and_the_template_with_its_marks() -> None:
    found = an_inside().attention("open", HOURS)
    assert found is not None
    assert "".join(found.read) == "<customer> open<entry>We are open from ⟨1⟩ to ⟨2⟩."


@pytest.mark.parametrize("answer", ["long " * 300, "⟨odd⟩ brackets"])
def test_an_answer_that_is_never_composed_has_no_map_and_surprises_nobody(answer: str) -> None:
    entry = Entry("odd", answer, ("odd?",), locale="en")
    assert an_inside().attention("odd?", entry) is None
    assert an_inside().surprise([("odd?", entry)]) is None


def test_surprise_is_the_perplexity_of_all_pieces_together() -> None:
    inside = an_inside()
    one, two = (inside.surprise([pair]) for pair in (("open", HOURS), ("shut?", HOURS)))
    both = inside.surprise([("open", HOURS), ("shut?", HOURS)])
    assert one is not None
    assert two is not None
    assert both is not None
    assert both.replies == 2
    assert both.pieces == one.pieces + two.pieces
    logs = np.log([one.perplexity, two.perplexity]) * [one.pieces, two.pieces]
    assert np.log(both.perplexity) == pytest.approx(logs.sum() / both.pieces, rel=1e-4)


def test_an_answer_with_a_piece_that_may_not_be_written_is_left_out_of_the_surprise() -> None:
    inside = an_inside(shortlist=[BYTES.end, *BYTES.encode("x")])
    assert inside.surprise([("open", HOURS)]) is None


@given(st.text(max_size=20))
def test_pieces_are_shown_whole_and_each_belongs_to_one_label(text: str) -> None:
    pieces = [BYTES.customer, *BYTES.encode(text), BYTES.entry]
    found = grouped(BYTES, pieces)
    assert sum(count for _, count in found) == len(pieces)
    assert "".join(label for label, _ in found) == f"<customer>{BYTES.decode(pieces)}<entry>"


def test_a_character_cut_in_two_takes_no_mark_with_it() -> None:
    half = BYTES.encode("门")[:2]
    assert [count for _, count in grouped(BYTES, [*half, BYTES.entry, *half])] == [2, 1, 2]
