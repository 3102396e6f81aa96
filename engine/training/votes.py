"""What words and n-grams say of a mood by themselves, and how much that counts beside a network.

The votes are a logistic regression on log-count ratios (Wang, Manning 2012). How strongly they are held at 0, what
they count, and how sure the network may be, is found on texts that were kept from both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from engine.understand.mood import CLASSES, buckets_of
from engine.understand.words import Integers

Floats = NDArray[np.float32]

_SHARES = tuple(step / 8 for step in range(17))  # of the votes of words, beside the network
_TEMPERATURES = tuple(0.4 * 1.15**step for step in range(16))
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Votes:
    """``weights`` (3, rows) of hashed words and n-grams, and ``bias`` (3,)."""

    weights: Floats
    bias: Floats

    def of(self, buckets: Sequence[Integers]) -> Floats:
        """What they say of texts, each given by the rows of what votes in it. Shape: (texts, 3)."""
        sums = [self.weights[:, rows].sum(axis=1) / max(1, len(rows)) ** 0.5 for rows in buckets]
        return np.asarray(np.stack(sums) + self.bias, np.float32)


@dataclass(frozen=True, slots=True)
class Blend:
    """``share`` is what the votes count, ``temperature`` what the scores of the network are divided by; ``surprise``
    is the mean cross entropy of both together, in nats.
    """

    surprise: float
    share: float
    temperature: float


def fit_votes(texts: Sequence[str], targets: Floats, rows: int, decay: float, *, steps: int = 60) -> Votes:
    """Learn votes.

    Args:
        texts: What is learned.
        targets: Probabilities of the moods, (texts, 3).
        rows: Rows that the hashed words share.
        decay: How strongly the weights are held at 0.
        steps: Of L-BFGS (Liu, Nocedal 1989).
    """
    buckets = [buckets_of(text, rows) for text in texts]
    counts = np.asarray([len(one) for one in buckets])
    columns = np.concatenate(buckets)
    ratios = _ratios(columns, counts, targets, rows)
    given = torch.from_numpy(columns)
    lengths = torch.from_numpy(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32))
    starts = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)[:-1]]))
    scale = torch.from_numpy(ratios.T.copy())
    weights = torch.zeros(rows, CLASSES, requires_grad=True)
    bias = torch.zeros(CLASSES, requires_grad=True)
    wanted = torch.from_numpy(targets)
    solver = torch.optim.LBFGS([weights, bias], max_iter=steps, history_size=8, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        scores = F.embedding_bag(given, scale * weights, starts, mode="sum", per_sample_weights=lengths) + bias
        loss = F.cross_entropy(scores, wanted, reduction="sum") + 0.5 * decay * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    votes = (scale * weights).detach().numpy().T
    return Votes(np.asarray(votes, np.float32), np.asarray(bias.detach().numpy(), np.float32))


def _ratios(columns: Integers, counts: Integers, targets: Floats, rows: int) -> Floats:
    """Log-count ratios of each mood against the others, 0 for a mood that no text has. Shape: (3, rows)."""
    ratios = np.zeros((CLASSES, rows), np.float32)
    for mood in np.flatnonzero(targets.sum(axis=0)):
        own = targets[:, mood]
        with_, without = (1 + np.bincount(columns, np.repeat(share, counts), rows) for share in (own, 1 - own))
        ratios[mood] = np.log(with_ / with_.sum()) - np.log(without / without.sum())
    return ratios


def blended(deep: Floats, wide: Floats, targets: Floats) -> Blend:
    """How much the votes count beside the network: what has the least cross entropy on texts that neither was taught.

    Shapes: (texts, 3).
    """
    return min(
        (
            Blend(surprise(deep / temperature + share * wide, targets), share, temperature)
            for share in _SHARES
            for temperature in _TEMPERATURES
        ),
        key=lambda one: (one.surprise, one.share),
    )


def cooled(deep: Floats, targets: Floats) -> Blend:
    """How sure the network may be by itself (Guo et al. 2017)."""
    every = (Blend(surprise(deep / temperature, targets), 0.0, temperature) for temperature in _TEMPERATURES)
    return min(every, key=lambda one: one.surprise)


def surprise(scores: Floats, targets: Floats) -> float:
    """Mean cross entropy in nats."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True) + _LEAST)
    return float(-(targets * logs).sum(axis=1).mean())
