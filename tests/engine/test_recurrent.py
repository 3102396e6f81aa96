"""The recurrent layers in numpy against those of PyTorch, one way after the other."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from engine.understand.recurrent import Gru, Lstm

torch.set_num_threads(1)

PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
KINDS = [(Lstm, nn.LSTM), (Gru, nn.GRU)]
kinds = pytest.mark.parametrize(("ours", "theirs"), KINDS, ids=["lstm", "gru"])


def a_pair(theirs: type[nn.LSTM] | type[nn.GRU], *, width: int = 5, units: int = 3, seed: int = 0) -> list[nn.Module]:
    """Two layers with weights of their own, one for each direction."""
    torch.manual_seed(seed)
    return [theirs(width, units, batch_first=True) for _ in range(2)]


def weights(layers: list[nn.Module]) -> list[list[np.ndarray]]:
    return [[getattr(layer, part).detach().numpy() for part in PARTS] for layer in layers]


@kinds
@settings(deadline=None, max_examples=30)
@given(rows=st.integers(1, 4), size=st.integers(1, 7), width=st.integers(1, 6), seed=st.integers(0, 99))
def test_both_ways_read_what_two_layers_of_pytorch_read(
    ours: type[Lstm] | type[Gru], theirs: type[nn.LSTM] | type[nn.GRU], rows: int, size: int, width: int, seed: int
) -> None:
    layers = a_pair(theirs, width=width, seed=seed)
    embedded = np.random.default_rng(seed).normal(size=(2, rows, size, width)).astype(np.float32)
    states = ours(weights(layers)).run(embedded)
    assert (states.shape, states.dtype) == ((2, rows, size, 3), np.float32)
    with torch.inference_mode():
        for way, layer in enumerate(layers):
            expected, _ = layer(torch.from_numpy(embedded[way]))
            np.testing.assert_allclose(states[way], expected.numpy(), atol=1e-5)


@kinds
def test_a_state_says_nothing_of_the_words_after_it(ours: type[Lstm] | type[Gru], theirs: type[nn.LSTM]) -> None:
    layer = ours(weights(a_pair(theirs)))
    embedded = np.random.default_rng(0).normal(size=(2, 1, 6, 5)).astype(np.float32)
    np.testing.assert_allclose(layer.run(embedded[:, :, :4]), layer.run(embedded)[:, :, :4], atol=1e-6)


@kinds
def test_huge_numbers_end_in_bounds(ours: type[Lstm] | type[Gru], theirs: type[nn.LSTM]) -> None:
    embedded = np.random.default_rng(0).normal(size=(2, 2, 5, 5)).astype(np.float32) * 1e6
    states = ours(weights(a_pair(theirs))).run(embedded)
    assert float(np.abs(states).max()) <= 1


@kinds
def test_a_layer_keeps_nothing_of_what_it_read(ours: type[Lstm] | type[Gru], theirs: type[nn.LSTM]) -> None:
    layer = ours(weights(a_pair(theirs)))
    chance = np.random.default_rng(0)
    first, other = (chance.normal(size=(2, 1, 4, 5)).astype(np.float32) for _ in range(2))
    before = first.copy()
    once = layer.run(first)
    layer.run(other)
    np.testing.assert_array_equal(layer.run(first), once)
    np.testing.assert_array_equal(first, before)
