"""The understanding head in numpy against the same head in PyTorch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import a_model, encode

from engine.ports import Reading
from engine.seq2seq.model import ModelSizes, Seq2Seq
from engine.text.tokenise import PieceTokenizer
from engine.understand.head import HeadUnderstander
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

TOKENIZER = PieceTokenizer.bytes_only()
READER = QuestionReader(TOKENIZER, SlotFinder())


def weights_of(model: Seq2Seq) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.state_dict().items()}


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=12), min_size=1, max_size=6), st.integers(0, 20))
def test_numpy_and_pytorch_say_the_same_about_every_batch(batch: list[list[int]], seed: int) -> None:
    model = a_model(seed=seed, entries=5)
    found = HeadUnderstander(READER, weights_of(model)).log_probabilities(batch)
    encoded, _ = encode(model, batch)
    with torch.inference_mode():
        expected = model.understand(encoded).log_softmax(dim=-1).numpy()
    assert found.shape == (len(batch), 6)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def a_real_model(entries: int = 4) -> Seq2Seq:
    torch.manual_seed(1)
    sizes = ModelSizes(TOKENIZER.size, entries, embedding=8, hidden=6, decoder=8, heads=2)
    return Seq2Seq(sizes, torch.tensor([2, 40])).eval()


def test_readings_are_understood_in_order_and_the_last_class_is_none_of_them() -> None:
    model = a_real_model()
    head = HeadUnderstander(READER, weights_of(model))
    texts = ["When are you open?", "退款", "a" * 500]
    found = head.understand([Reading(text, "en") for text in texts])
    table = head.log_probabilities([READER.pieces(text) for text in texts])
    for one, row in zip(found, table, strict=True):
        np.testing.assert_array_equal(one.log_probabilities, row[:-1])
        assert one.outside == pytest.approx(float(row[-1]))
        assert float(np.exp(one.log_probabilities).sum() + np.exp(one.outside)) == pytest.approx(1.0, abs=1e-5)


def test_what_stands_beside_a_question_in_a_batch_does_not_matter() -> None:
    head = HeadUnderstander(READER, weights_of(a_real_model()))
    alone = head.understand([Reading("refund", "en")])[0]
    among = head.understand([Reading("x" * 90, "en"), Reading("refund", "en"), Reading("a", "en")])[1]
    np.testing.assert_allclose(among.log_probabilities, alone.log_probabilities, atol=1e-5)


def test_nothing_asked_gives_nothing_and_an_empty_question_is_understood_all_the_same() -> None:
    head = HeadUnderstander(READER, weights_of(a_real_model()))
    assert head.understand([]) == []
    (found,) = head.understand([Reading("", "en")])
    assert bool(np.isfinite(found.log_probabilities).all())


def test_huge_weights_overflow_nothing() -> None:
    model = a_model()
    weights = {name: value * 1000 if value.dtype == np.float32 else value for name, value in weights_of(model).items()}
    found = HeadUnderstander(READER, weights).log_probabilities([[3, 4, 5], [1]])
    assert bool(np.isfinite(found).all())


def test_a_missing_weight_is_named() -> None:
    weights = weights_of(a_model())
    del weights["pooling.score.bias"]
    with pytest.raises(KeyError, match=r"pooling\.score\.bias"):
        HeadUnderstander(READER, weights)
