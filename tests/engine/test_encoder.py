"""The encoder against the equations of the LSTM and against PyTorch's own bidirectional LSTM."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import a_model, encode
from torch import nn

from engine.seq2seq.encoder import Encoder, reversal, take
from engine.seq2seq.model import pad

ragged = st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=9), min_size=1, max_size=5)


def sigmoid(values: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-values))


def by_the_equations(encoder: Encoder, text: list[int]) -> np.ndarray:
    """States of the forward LSTM, one step at a time, in double precision."""
    weights = {name: value.detach().double().numpy() for name, value in encoder.forward_lstm.named_parameters()}
    of_input = np.split(weights["weight_ih_l0"], 4)
    of_hidden = np.split(weights["weight_hh_l0"], 4)
    bias = np.split(weights["bias_ih_l0"] + weights["bias_hh_l0"], 4)
    table = encoder.embedding.weight.detach().double().numpy()
    h = c = np.zeros(of_hidden[0].shape[0])
    states = []
    for piece in text:
        x = table[piece] * np.sqrt(table.shape[1])
        i = sigmoid(of_input[0] @ x + of_hidden[0] @ h + bias[0])
        f = sigmoid(of_input[1] @ x + of_hidden[1] @ h + bias[1])
        g = np.tanh(of_input[2] @ x + of_hidden[2] @ h + bias[2])
        o = sigmoid(of_input[3] @ x + of_hidden[3] @ h + bias[3])
        c = f * c + i * g
        h = o * np.tanh(c)
        states.append(h)
    return np.stack(states)


def packed(encoder: Encoder, texts: list[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """States of PyTorch's bidirectional LSTM over a packed sequence with the encoder's weights, and the last ones."""
    size, hidden = encoder.embedding.embedding_dim, encoder.forward_lstm.hidden_size
    both = nn.LSTM(size, hidden, batch_first=True, bidirectional=True)
    onward = dict(encoder.forward_lstm.state_dict())
    backward = {f"{name}_reverse": value for name, value in encoder.backward_lstm.state_dict().items()}
    both.load_state_dict(onward | backward)
    pieces, lengths = pad(texts)
    embedded = encoder.embedding(pieces) * size**0.5
    sequence = nn.utils.rnn.pack_padded_sequence(embedded, lengths, batch_first=True, enforce_sorted=False)
    outputs, (last, _) = both(sequence)
    values, _ = nn.utils.rnn.pad_packed_sequence(outputs, batch_first=True)
    return values.detach(), torch.cat([last[0], last[1]], dim=-1).detach()


def test_every_step_is_what_the_equations_of_the_lstm_say() -> None:
    model = a_model()
    text = [3, 7, 0, 5, 5, 1]
    encoded, _ = encode(model, [text])
    np.testing.assert_allclose(encoded.values[0, :, :4].numpy(), by_the_equations(model.encoder, text), atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(ragged, st.integers(0, 3))
def test_both_directions_equal_the_packed_lstm_of_pytorch(texts: list[list[int]], seed: int) -> None:
    model = a_model(seed=seed)
    encoded, _ = encode(model, texts)
    values, last = packed(model.encoder, texts)
    torch.testing.assert_close(encoded.values, values, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(encoded.last, last, atol=1e-5, rtol=1e-4)


@settings(deadline=None, max_examples=60)
@given(ragged, st.integers(0, 7), st.integers(0, 4))
def test_padding_never_changes_a_result(texts: list[list[int]], filler: int, more: int) -> None:
    model = a_model()
    pieces, lengths = pad(texts, padding=filler)
    wider = torch.cat([pieces, torch.full((len(texts), more), filler)], dim=1)
    with torch.inference_mode():
        together = model.encoder(wider, lengths)
    assert together.mask.sum(dim=1).tolist() == [len(text) for text in texts]
    assert bool((together.values[~together.mask] == 0).all())
    for row, text in enumerate(texts):
        alone, _ = encode(model, [text])
        torch.testing.assert_close(together.values[row, : len(text)], alone.values[0], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(together.last[row], alone.last[0], atol=1e-5, rtol=1e-4)


def test_a_text_without_a_piece_is_refused() -> None:
    model = a_model()
    with pytest.raises(ValueError, match="without a single piece"):
        model.encoder(torch.tensor([[3, 4], [0, 0]]), torch.tensor([2, 0]))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 3))
def test_turning_around_twice_changes_nothing(lengths: list[int], more: int) -> None:
    size = max(lengths) + more
    turned = reversal(torch.tensor(lengths), size)
    for row, length in enumerate(lengths):
        assert turned[row].tolist() == [*reversed(range(length)), *range(length, size)]
    assert torch.equal(turned.gather(1, turned), torch.arange(size).expand(len(lengths), -1))
    states = torch.arange(size, dtype=torch.float).expand(len(lengths), -1)[..., None]
    assert torch.equal(take(states, turned)[..., 0].long(), turned)
