"""What training starts from: the base where there is one, all of it and no second copy; else nothing."""

from __future__ import annotations

import json
import random
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from parts import KNOWLEDGE, a_base

from engine import checkpoint
from engine.base.base import COMPOSED, ENCODER, TOKENIZER, Base, BaseEncoder, read, shipped
from engine.errors import CheckpointError
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.model import Seq2Seq
from engine.seq2seq.source import SourceWriter
from engine.training.composing import ComposingTrainer
from engine.training.composing import Pace as ComposingPace
from engine.training.data import TrainingData
from engine.training.lesson import Lesson, replies_of
from engine.training.options import TrainingOptions
from engine.training.running import Running
from engine.training.start import FROZEN, Start
from engine.training.steps import weights_of
from engine.training.understanding import Pace, UnderstandingTrainer
from engine.understand.encoders import NONE, check_known
from engine.understand.network import Cell, SentenceEncoder
from engine.understand.reader import PieceReader, QuestionReader
from engine.understand.slots import SlotFinder
from engine.understand.words import WordReader

torch.set_num_threads(1)

SLOTS = SlotFinder()
DATA = TrainingData(KNOWLEDGE)
QUESTIONS = KNOWLEDGE.examples()
cells = pytest.mark.parametrize("cell", Cell)


def from_base(base: Base | None = None) -> Start:
    chosen = base or a_base()
    return Start(
        chosen, chosen.tokenizer, QuestionReader(chosen.tokenizer, SLOTS), BaseEncoder(chosen, SLOTS), Cell.LSTM
    )


def from_nothing(cell: str = Cell.LSTM) -> Start:
    return Start.of(DATA, TrainingOptions(encoder=NONE, cell=cell))


def a_network(start: Start) -> SentenceEncoder:
    """A network to train for the knowledge of these tests."""
    torch.manual_seed(0)
    return start.network(start.reader([text for text, _ in QUESTIONS], SLOTS), KNOWLEDGE)


def trained(start: Start) -> SentenceEncoder:
    """The same after one epoch."""
    network = a_network(start)
    reader = start.reader([text for text, _ in QUESTIONS], SLOTS)
    pace = Pace("understand", 1, time.monotonic() + 60, share=start.rate_share)
    UnderstandingTrainer(network, reader, seed=1).fit(QUESTIONS, pace, Running())
    return network


def test_the_options_choose_the_shipped_base_or_nothing() -> None:
    start = Start.of(DATA, TrainingOptions())
    assert start.base is shipped()
    assert isinstance(start.encoder, BaseEncoder)
    assert start.tokenizer is shipped().tokenizer
    nothing = from_nothing(Cell.GRU)
    assert (nothing.base, nothing.encoder, nothing.cell) == (None, None, Cell.GRU)


def test_a_transformer_stands_beside_the_base_and_a_missing_one_is_named() -> None:
    with pytest.raises(CheckpointError, match="holds no sentence transformer"):
        Start.of(DATA, TrainingOptions(encoder="sentence-transformers:/nowhere/at/all"))


def test_from_the_base_questions_are_read_as_pieces_and_else_as_the_words_they_hold() -> None:
    asked = ["when are you open", "when do you close"]
    reader = from_base().reader(asked, SLOTS)
    assert isinstance(reader, PieceReader)
    assert reader.size == a_base().tokenizer.size
    bare = from_nothing().reader(asked, SLOTS)
    assert isinstance(bare, WordReader)
    assert bare.known == ("when", "you")


@cells
def test_a_network_begins_with_all_the_weights_of_the_base(cell: Cell) -> None:
    base = a_base(cell)
    network = a_network(from_base(base))
    found = weights_of(network)
    assert network.sizes.cell == cell
    assert set(found) - set(base.weights) == {"head.weight", "head.bias"}
    for name, values in base.weights.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)
    assert found["head.weight"].shape[0] == len(KNOWLEDGE) + 1


def test_without_a_base_it_begins_with_its_own_cell_and_with_ngrams() -> None:
    network = a_network(from_nothing(Cell.GRU))
    assert network.sizes.cell == Cell.GRU
    assert network.grams is not None
    assert all(parameter.requires_grad for parameter in network.parameters())


@cells
def test_training_moves_every_weight_but_those_that_are_frozen(cell: Cell) -> None:
    start = from_base(a_base(cell))
    before = {name: values.copy() for name, values in weights_of(a_network(start)).items()}
    moved = {name for name, values in weights_of(trained(start)).items() if not np.array_equal(values, before[name])}
    assert set(before) - moved == set(FROZEN)
    assert {"head.weight", "vector.weight", "pooling.score.weight"} <= moved


def test_from_nothing_training_moves_every_weight() -> None:
    start = from_nothing()
    before = {name: values.copy() for name, values in weights_of(a_network(start)).items()}
    assert not [name for name, values in weights_of(trained(start)).items() if np.array_equal(values, before[name])]


def test_training_does_not_touch_the_base_itself() -> None:
    base = a_base()
    before = {name: values.copy() for name, values in base.weights.items()}
    trained(from_base(base))
    compose(from_base(base))
    for name, values in base.weights.items():
        np.testing.assert_array_equal(values, before[name], err_msg=name)


def test_a_networks_own_weights_are_those_that_are_not_frozen() -> None:
    network = a_network(from_base())
    own = from_base().own_weights(network)
    assert not set(own) & set(FROZEN)
    assert set(own) | set(FROZEN) == set(weights_of(network))
    assert set(from_nothing().own_weights(a_network(from_nothing()))) == set(weights_of(a_network(from_nothing())))


def test_the_base_and_the_own_weights_are_the_whole_network() -> None:
    start = from_base()
    network = trained(start)
    assert start.base is not None
    whole = {**start.base.weights, **start.own_weights(network)}
    for name, values in weights_of(network).items():
        np.testing.assert_array_equal(whole[name], values, err_msg=name)


def test_what_knows_the_language_is_trained_for_fewer_epochs_and_more_gently() -> None:
    for questions in (1, 100, 1000, 10_000):
        assert 1 <= from_base().epochs(questions) <= from_nothing().epochs(questions)
    assert 0 < from_base().rate_share < from_nothing().rate_share == 1.0


def test_the_fact_of_an_encoder_names_it_and_says_by_what_it_is_known_again() -> None:
    fact = json.loads(json.dumps(from_base().fact("base")))
    assert fact["name"] == "base"
    check_known(from_base().encoder, fact["known_by"], "base")
    with pytest.raises(CheckpointError, match="train again, or put it back"):
        check_known(from_base(a_base(Cell.GRU)).encoder, fact["known_by"], "base")
    assert from_nothing().fact("none") == {"name": "none", "known_by": []}


SHORTLIST = torch.tensor([2, *range(70, 90)])


def a_composer(start: Start) -> Seq2Seq:
    torch.manual_seed(0)
    return start.composer(SHORTLIST)


def compose(start: Start) -> Seq2Seq:
    """A composer after one epoch."""
    tokenizer = start.tokenizer
    writer = SourceWriter(tokenizer, start.questions)
    lesson = Lesson(tuple(own for _, own in replies_of(KNOWLEDGE, writer, tokenizer, random.Random(1))), ())
    targets = {piece for own in lesson.replies for example in own for piece in example.target}
    torch.manual_seed(0)
    model = start.composer(torch.tensor(sorted(targets)))
    pace = ComposingPace(1, time.monotonic() + 60, patience=1)
    ComposingTrainer(model, tokenizer, seed=1).fit(lesson, [], pace, Running())
    return model.eval()


def test_a_composer_begins_with_the_pieces_of_the_base_and_draws_those_that_it_never_met() -> None:
    base = a_base()
    table = a_composer(from_base(base)).embedding.weight.detach().numpy()
    met = base.weights["words.weight"].any(axis=1)
    assert 0 < int((~met).sum()) < len(met)
    np.testing.assert_array_equal(table[met], base.weights["words.weight"][met] * base.shortening())
    assert float(np.linalg.norm(table[met], axis=1).mean()) == pytest.approx(COMPOSED, rel=0.01)
    cosines = (table[met] * base.weights["words.weight"][met]).sum(axis=1)
    assert (cosines > 0).all()
    assert bool(table[~met].any(axis=1).all())


def test_of_a_composer_only_the_rows_that_changed_are_kept() -> None:
    base = a_base()
    start = from_base(base)
    weights = start.composer_weights(a_composer(start))
    assert "embedding.weight" not in weights
    drawn = np.flatnonzero(~base.weights["words.weight"].any(axis=1))
    assert weights["embedding.rows"].tolist() == drawn.tolist()  # nothing was trained
    model = a_composer(start)
    with torch.no_grad():
        model.embedding.weight[100] += 1.0
    changed = start.composer_weights(model)
    assert changed["embedding.rows"].tolist() == sorted([*drawn.tolist(), 100])
    assert len(changed["embedding.values"]) == len(drawn) + 1


def generator_of(start: Start, model: Seq2Seq) -> Seq2SeqGenerator:
    """The composer as it is at work, after a journey through a file."""
    weights = checkpoint.bytes_to_arrays(checkpoint.arrays_to_bytes(start.composer_weights(model)))
    if start.base is not None:
        weights["embedding.weight"] = start.base.weights["words.weight"]
    writer = SourceWriter(start.tokenizer, start.questions)
    return Seq2SeqGenerator("f", model.sizes.to_json(), weights, start.tokenizer, writer)


@pytest.mark.parametrize("base", [True, False], ids=["base", "nothing"])
def test_the_generator_gets_back_the_very_table_that_was_trained(base: bool) -> None:
    start = from_base() if base else from_nothing()
    model = compose(start)
    found = generator_of(start, model).load()
    assert found.state_dict().keys() == model.state_dict().keys()
    for name, values in model.state_dict().items():
        torch.testing.assert_close(found.state_dict()[name], values, atol=0, rtol=0, msg=name)


def test_the_generator_leaves_the_table_of_the_base_as_it_was() -> None:
    start = from_base()
    assert start.base is not None
    before = start.base.weights["words.weight"].copy()
    model = compose(start)
    generator_of(start, model).load()
    np.testing.assert_array_equal(start.base.weights["words.weight"], before)


def test_the_files_of_a_base_are_the_base_itself(tmp_path: Path) -> None:
    base = a_base()
    files = from_base(base).files(from_base(base).reader([], SLOTS))
    assert set(files) == {ENCODER, TOKENIZER}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    assert read({name: tmp_path / name for name in files}).files == base.files


def test_the_files_of_nothing_are_the_words_and_pieces_that_were_learned() -> None:
    start = from_nothing()
    files = start.files(start.reader(["when are you open", "when do you close"], SLOTS))
    assert json.loads(files["words.json"]) == ["when", "you"]
    assert files["tokenizer.json"] == start.tokenizer.to_json().encode()


def test_from_the_shipped_base_both_networks_have_its_shapes() -> None:
    start = Start.of(DATA, TrainingOptions(encoder="base"))
    words, width = shipped().weights["words.weight"].shape
    network = a_network(start)
    assert (network.sizes.words, network.sizes.embedding, network.sizes.grams) == (words, width, 0)
    model = a_composer(start)
    assert tuple(model.embedding.weight.shape) == (words, width)
    assert sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad) < words * width
