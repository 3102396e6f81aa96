"""What trainings share: how many epochs, batches of like length, the learning rate over time, and the weights."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_FEWEST, _MOST = 12, 60
_JITTER = 2.0  # pieces by which lengths are mistaken on purpose
_SHARED = ("encoder.embedding.weight", "decoder.embedding.weight")

T = TypeVar("T")


def epochs_for(wanted: int, each: int, *, fewest: int = _FEWEST, most: int = _MOST) -> int:
    """Epochs of ``each`` examples that show about ``wanted`` in all, within bounds."""
    return min(most, max(fewest, round(wanted / max(1, each))))


def rate_share(step: int, total: int) -> float:
    """Learning rate as a share of the highest: warm-up over a twentieth of the steps, then a cosine to a fiftieth."""
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.49 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


@torch.no_grad()
def blend(average: nn.Module, model: nn.Module, keep: float = 0.98) -> None:
    """Move a running average of weights towards a model (Polyak, Juditsky 1992); of the old average ``keep`` stays.

    Weights that are not trained are not looked at.
    """
    for old, new in zip(average.parameters(), model.parameters(), strict=True):
        if new.requires_grad:
            old.lerp_(new, 1 - keep)


def weights_of(model: nn.Module) -> dict[str, NDArray[np.generic]]:
    """Weights by name; shared embeddings stand once."""
    return {name: value.numpy() for name, value in model.state_dict().items() if name not in _SHARED}


def decay_groups(network: nn.Module) -> list[dict[str, Any]]:
    """Parameter groups: weight decay for matrices, none for biases and embeddings."""
    named = list(network.named_parameters())
    decayed = [part for name, part in named if part.dim() > 1 and "embedding" not in name]
    rest = [part for name, part in named if part.dim() <= 1 or "embedding" in name]
    return [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]


def buckets(
    texts: Sequence[T], room: int, length: Callable[[T], int], chance: random.Random | None = None
) -> Iterator[list[T]]:
    """Batches of texts of like length, with at most ``room`` pieces each, padding included.

    A text that is longer by itself is a batch of its own.

    Args:
        texts: What is taught.
        room: Most pieces of a batch.
        length: Of a text, in pieces.
        chance: Mixes texts of nearly the same length, so that batches differ from epoch to epoch.
    """
    jitter = [0.0 if chance is None else chance.random() * _JITTER for _ in texts]
    order = sorted(range(len(texts)), key=lambda at: length(texts[at]) + jitter[at])
    batch: list[T] = []
    longest = 0
    for at in order:
        longest = max(longest, length(texts[at]))
        if batch and longest * (len(batch) + 1) > room:
            yield batch
            batch, longest = [], length(texts[at])
        batch.append(texts[at])
    if batch:
        yield batch
