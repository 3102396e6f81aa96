"""What both trainings share: how many epochs, the learning rate over time, and the weights: their average and names."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

_FEWEST, _MOST = 12, 60
_SHARED = ("encoder.embedding.weight", "decoder.embedding.weight")


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
