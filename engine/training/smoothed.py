"""The surprise at the next piece, smoothed, without keeping the probabilities of every piece at every place.

The output is the widest part of a small decoder. Scores, loss and gradients are made in one go, forward, from one
softmax; what is kept for the way back is as large as the weights.
Label smoothing: Szegedy et al. 2016: Rethinking the Inception Architecture.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def smoothed(
    states: Tensor, table: Tensor, bias: Tensor, shortlist: Tensor, places: Tensor, smoothing: float
) -> Tensor:
    """Mean cross entropy of the pieces at ``places``, in nats.

    Args:
        states: What the output sees.
        table: Embeddings that are the output as well.
        bias: Of the short list.
        shortlist: Rows of the table that can be written, each once.
        places: Which of the short list stands there.
        smoothing: Share of the target that all pieces get alike.

    Shape:
        states: (N, E)
        table: (V, E)
        bias, shortlist: (O,)
        places: (N,)
    """
    loss: Tensor = _Smoothed.apply(  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        states, table, bias, shortlist, places, smoothing, torch.is_grad_enabled()
    )
    return loss


class _Smoothed(torch.autograd.Function):
    """Works the gradients out on the way forward, where the probabilities still are."""

    @staticmethod
    def forward(
        ctx: Any,
        states: Tensor,
        table: Tensor,
        bias: Tensor,
        shortlist: Tensor,
        places: Tensor,
        smoothing: float,
        taught: bool,
    ) -> Tensor:
        """The loss, and what ``backward`` needs of it where it is ``taught``; the rest is as in ``smoothed``."""
        rows = table.index_select(0, shortlist)
        scores = torch.addmm(bias, states, rows.T)
        scores = scores.to(table.dtype)  # in mixed precision the product is short, the sum is not
        chances = scores.softmax(dim=1)
        total = scores.amax(dim=1) - chances.amax(dim=1).log()  # of all powers; the largest chance is never nothing
        true = scores.gather(1, places[:, None])[:, 0]
        loss = (total - (1 - smoothing) * true - smoothing * scores.mean(dim=1)).mean()
        if taught:
            excess = _excess(chances, places, smoothing)
            back = torch.zeros_like(table).index_copy_(0, shortlist, (excess.T @ states).to(table.dtype))
            ctx.save_for_backward(excess @ rows, back, excess.sum(dim=0))
        return loss

    @staticmethod
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, ...]:
        """Gradients for states, table and bias, as large as the loss counts in what comes after it."""
        states, table, bias = (saved * given[0] for saved in ctx.saved_tensors)
        return states, table, bias, None, None, None, None


def _excess(chances: Tensor, places: Tensor, smoothing: float) -> Tensor:
    """How far chances lie above their target, over the number of places; takes the chances' room."""
    chances -= smoothing / chances.shape[1]
    chances.scatter_add_(1, places[:, None], chances.new_full((len(places), 1), smoothing - 1))
    return chances.div_(len(places))
