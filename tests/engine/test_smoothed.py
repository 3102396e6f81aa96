"""The smoothed surprise against PyTorch's own cross entropy, in value and in gradient."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from engine.training.smoothed import smoothed

PIECES, WIDTH = 9, 4


def parts(count: int, seed: int, size: float = 1.0) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    torch.manual_seed(seed)
    shortlist = torch.randperm(PIECES)[:5]
    states, table = torch.randn(count, WIDTH) * size, torch.randn(PIECES, WIDTH)
    places = torch.randint(0, 5, (count,))
    return states.requires_grad_(), table.requires_grad_(), torch.randn(5, requires_grad=True), shortlist, places


def plainly(states: Tensor, table: Tensor, bias: Tensor, shortlist: Tensor, places: Tensor, smoothing: float) -> Tensor:
    return F.cross_entropy(F.linear(states, table[shortlist], bias), places, label_smoothing=smoothing)


@settings(deadline=None)
@given(st.integers(1, 7), st.integers(0, 50), st.sampled_from([0.0, 0.1, 0.5]), st.floats(0.01, 30), st.floats(-2, 2))
def test_value_and_gradients_are_those_of_cross_entropy(
    count: int, seed: int, smoothing: float, size: float, weight: float
) -> None:
    own, other = parts(count, seed, size), parts(count, seed, size)
    loss, expected = smoothed(*own, smoothing), plainly(*other, smoothing)
    torch.testing.assert_close(loss, expected, atol=1e-4, rtol=1e-4)
    (loss * weight).backward()
    (expected * weight).backward()
    for part, same in zip(own[:3], other[:3], strict=True):
        torch.testing.assert_close(part.grad, same.grad, atol=1e-4, rtol=1e-4)


def test_gradients_are_those_of_small_differences() -> None:
    states, table, bias, shortlist, places = parts(3, 0)
    doubles = [part.detach().double().requires_grad_() for part in (states, table, bias)]
    assert torch.autograd.gradcheck(lambda *own: smoothed(*own, shortlist, places, 0.1), doubles)


def test_scores_far_apart_stay_numbers() -> None:
    states, table, bias, shortlist, places = parts(4, 1, size=1e4)
    loss = smoothed(states, table, bias, shortlist, places, 0.1)
    loss.backward()
    assert bool(loss.isfinite())
    assert bool(states.grad.isfinite().all())


def test_without_gradients_nothing_is_kept() -> None:
    own = parts(3, 2)
    with torch.inference_mode():
        loss = smoothed(*own, 0.0)
    assert not loss.requires_grad
    assert float(loss) == pytest.approx(float(plainly(*own, 0.0).detach()), rel=1e-5)


def test_rows_outside_the_short_list_are_not_moved() -> None:
    states, table, bias, shortlist, places = parts(6, 3)
    smoothed(states, table, bias, shortlist, places, 0.1).backward()
    outside = sorted(set(range(PIECES)) - set(shortlist.tolist()))
    assert not table.grad[outside].any()
