"""Attention over encoder states: dot and general (Luong et al. 2015), additive (Bahdanau et al. 2015)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn


class AttentionKind(StrEnum):
    """How a decoder state is compared with an encoder state."""

    DOT = "dot"
    GENERAL = "general"
    ADDITIVE = "additive"


@dataclass(frozen=True, slots=True)
class Keys:
    """Encoder states made ready once for all decoding steps: compared ``keys``, averaged ``values``, ``mask``.

    A decoder needs ``embedded`` (B, S, E) too, the pieces as they were embedded. ``places`` (B, S) says which output
    each source piece is, for copying; None where nothing can be copied.
    """

    keys: Tensor
    values: Tensor
    mask: Tensor
    embedded: Tensor | None = None
    places: Tensor | None = None

    def each(self, change: Callable[[Tensor], Tensor]) -> Keys:
        """The keys with every part changed alike."""
        embedded, places = (None if part is None else change(part) for part in (self.embedded, self.places))
        return Keys(change(self.keys), change(self.values), change(self.mask), embedded, places)

    def repeated(self, times: int) -> Keys:
        """The keys of one text, seen by several hypotheses; nothing is copied."""
        return self.each(lambda part: part.expand(times, *part.shape[1:]))


class Attention(nn.Module):
    """Weighs encoder states for decoder states; holds weights only.

    Args:
        kind: The comparison.
        query: Size of a decoder state, D.
        value: Size of an encoder state, H; for ``dot`` it must equal ``query``.
        size: Inner size of ``additive``.
    """

    def __init__(self, kind: AttentionKind, *, query: int, value: int, size: int = 128) -> None:
        super().__init__()
        if kind is AttentionKind.DOT and query != value:
            raise ValueError(f"dot attention needs states of equal size, not {query} and {value}")
        self.kind = kind
        self.scale = query**-0.5 if kind is AttentionKind.DOT else 1.0
        if kind is AttentionKind.GENERAL:
            self.project_value = nn.Linear(value, query, bias=False)
        elif kind is AttentionKind.ADDITIVE:
            self.project_value = nn.Linear(value, size, bias=False)
            self.project_query = nn.Linear(query, size)
            self.score = nn.Linear(size, 1, bias=False)

    def prepare(self, values: Tensor, mask: Tensor) -> Keys:
        """Project encoder states once, before the first decoding step.

        Args:
            values: Encoder states.
            mask: True where a real piece stands.

        Shape:
            values: (B, S, H)
            mask: (B, S)

        Raises:
            ValueError: If a row of ``mask`` has no real piece.
        """
        if not bool(mask.any(dim=1).all()):
            raise ValueError("attention over a text without a single piece")
        keys = values if self.kind is AttentionKind.DOT else self.project_value(values)
        return Keys(keys, values, mask)

    def forward(self, queries: Tensor, keys: Keys) -> tuple[Tensor, Tensor]:
        """Attend from every decoder state.

        Shape:
            queries: (B, T, D)
            returns: contexts (B, T, H), weights (B, T, S); a row of weights sums to 1 and is 0 on padding
        """
        if self.kind is AttentionKind.ADDITIVE:
            mixed = torch.tanh(self.project_query(queries)[:, :, None] + keys.keys[:, None])
            scores = self.score(mixed)[..., 0]
        else:
            scores = queries @ keys.keys.transpose(1, 2) * self.scale
        weights = scores.masked_fill(~keys.mask[:, None], float("-inf")).softmax(dim=-1)
        return weights @ keys.values, weights
