"""Attention against loops that say the same slowly."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import a_model, encode
from torch import Tensor

from engine.seq2seq.attention import Attention, AttentionKind

kinds = st.sampled_from(AttentionKind)


def an_attention(kind: AttentionKind, *, seed: int = 0, value: int = 6) -> Attention:
    torch.manual_seed(seed)
    return Attention(kind, query=6, value=value, size=5).eval()


def compare(attention: Attention, query: Tensor, value: Tensor) -> float:
    """How well one decoder state fits one encoder state."""
    if attention.kind is AttentionKind.DOT:
        return sum(float(a) * float(b) for a, b in zip(query, value, strict=True)) / math.sqrt(len(query))
    if attention.kind is AttentionKind.GENERAL:
        return float(query @ (attention.project_value.weight @ value))
    mixed = attention.project_query(query) + attention.project_value.weight @ value
    return float(attention.score.weight[0] @ torch.tanh(mixed))


def slowly(attention: Attention, queries: Tensor, values: Tensor, mask: Tensor) -> tuple[list[list[float]], Tensor]:
    """Weights and contexts of one text, with loops over places and nothing else."""
    rows, contexts = [], []
    for query in queries:
        powers = [
            math.exp(compare(attention, query, value)) if real else 0.0
            for value, real in zip(values, mask.tolist(), strict=True)
        ]
        weights = [power / sum(powers) for power in powers]
        rows.append(weights)
        contexts.append(sum((weight * value for weight, value in zip(weights, values, strict=True)), values[0] * 0))
    return rows, torch.stack(contexts)


@settings(deadline=None, max_examples=60)
@given(kinds, st.integers(0, 5), st.lists(st.integers(1, 5), min_size=1, max_size=3), st.integers(1, 3))
def test_every_kind_equals_its_slow_reference(kind: AttentionKind, seed: int, lengths: list[int], steps: int) -> None:
    attention = an_attention(kind, seed=seed)
    values = torch.randn(len(lengths), max(lengths), 6)
    mask = torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]
    queries = torch.randn(len(lengths), steps, 6)
    with torch.inference_mode():
        contexts, weights = attention(queries, attention.prepare(values, mask))
        for row in range(len(lengths)):
            expected, averaged = slowly(attention, queries[row], values[row], mask[row])
            torch.testing.assert_close(weights[row], torch.tensor(expected), atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(contexts[row], averaged, atol=1e-5, rtol=1e-4)


@settings(deadline=None)
@given(kinds, st.lists(st.booleans(), min_size=2, max_size=6).filter(any), st.floats(0.1, 200))
def test_a_row_of_weights_sums_to_one_and_is_zero_on_padding(
    kind: AttentionKind, real: list[bool], size: float
) -> None:
    attention = an_attention(kind)
    mask = torch.tensor([real])
    with torch.inference_mode():
        keys = attention.prepare(torch.randn(1, len(real), 6) * size, mask)
        contexts, weights = attention(torch.randn(1, 4, 6) * size, keys)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(1, 4))
    assert bool((weights[:, :, ~mask[0]] == 0).all())
    assert bool(contexts.isfinite().all())


def test_what_stands_on_padding_is_never_seen() -> None:
    attention = an_attention(AttentionKind.ADDITIVE)
    values, queries = torch.randn(1, 4, 6), torch.randn(1, 2, 6)
    mask = torch.tensor([[True, True, False, False]])
    other = values.clone()
    other[0, 2:] = 1000.0
    with torch.inference_mode():
        seen, _ = attention(queries, attention.prepare(values, mask))
        seen_again, _ = attention(queries, attention.prepare(other, mask))
    assert torch.equal(seen, seen_again)


def test_repeated_keys_serve_every_hypothesis_alike() -> None:
    model = a_model()
    encoded, pieces = encode(model, [[3, 4, 5]])
    queries = torch.randn(1, 1, 8)
    with torch.inference_mode():
        keys = model.decoder.prepare(encoded, pieces).repeated(3)
        contexts, _ = model.decoder.attention(queries.expand(3, -1, -1), keys)
    assert keys.keys.shape[0] == keys.values.shape[0] == keys.mask.shape[0] == 3
    torch.testing.assert_close(contexts[0], contexts[1])
    torch.testing.assert_close(contexts[0], contexts[2])
    assert keys.values.untyped_storage().data_ptr() == encoded.values.untyped_storage().data_ptr()


def test_dot_needs_states_of_one_size() -> None:
    with pytest.raises(ValueError, match="equal size, not 6 and 7"):
        an_attention(AttentionKind.DOT, value=7)


@pytest.mark.parametrize("kind", [AttentionKind.GENERAL, AttentionKind.ADDITIVE])
def test_the_learned_kinds_join_states_of_any_size(kind: AttentionKind) -> None:
    attention = an_attention(kind, value=9)
    contexts, weights = attention(torch.randn(2, 3, 6), attention.prepare(torch.randn(2, 4, 9), torch.ones(2, 4) > 0))
    assert (contexts.shape, weights.shape) == ((2, 3, 9), (2, 3, 4))


@pytest.mark.parametrize("kind", AttentionKind)
def test_a_text_of_nothing_but_padding_is_refused(kind: AttentionKind) -> None:
    with pytest.raises(ValueError, match="without a single piece"):
        an_attention(kind).prepare(torch.randn(2, 3, 6), torch.tensor([[True, False, False], [False] * 3]))
