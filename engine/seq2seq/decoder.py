"""LSTM decoder with attention after it (Luong et al. 2015) and an output tied to the embeddings (Press, Wolf 2017).

The fused ``nn.LSTM`` runs over the whole target at once in training. The decoder writes only pieces of a short list:
those that occur in answers and hold no digit, so that a digit cannot be generated at all.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.seq2seq.attention import Attention, AttentionKind, Keys


@dataclass(frozen=True, slots=True)
class DecoderState:
    """Where decoding stands: hidden and cell state, each (1, B, D)."""

    hidden: Tensor
    cell: Tensor

    def select(self, rows: Tensor) -> DecoderState:
        """The state of some rows, in the order of ``rows`` (N,)."""
        return DecoderState(self.hidden[:, rows], self.cell[:, rows])


class Decoder(nn.Module):
    """Writes pieces; holds weights only.

    Args:
        embedding: Piece embeddings (V, E), shared with the encoder and the output.
        size: Units, D.
        encoded: Size of an encoder state, 2H.
        attention: The kind of attention.
        dropout: On embedded pieces and on what the output sees.
        shortlist: Numbers of the pieces that may be written, (O,).
    """

    shortlist: Tensor

    def __init__(
        self,
        embedding: nn.Embedding,
        *,
        size: int,
        encoded: int,
        attention: AttentionKind,
        dropout: float,
        shortlist: Tensor,
    ) -> None:
        super().__init__()
        width = embedding.embedding_dim
        self.embedding = embedding
        self.scale = width**0.5
        self.lstm = nn.LSTM(width, size, batch_first=True)
        self.attention = Attention(attention, query=size, value=encoded)
        self.bridge = nn.Linear(encoded, 2 * size)
        self.combine = nn.Linear(size + encoded, width)
        self.bias = nn.Parameter(torch.zeros(len(shortlist)))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("shortlist", shortlist)

    def begin(self, last: Tensor) -> DecoderState:
        """The state before the first piece, from the encoder's last states (B, 2H)."""
        hidden, cell = self.bridge(last).chunk(2, dim=-1)
        return DecoderState(torch.tanh(hidden)[None], cell[None].contiguous())

    def forward(self, pieces: Tensor, state: DecoderState, keys: Keys) -> tuple[Tensor, DecoderState, Tensor]:
        """Read the pieces so far and score the next one at every place.

        Shape:
            pieces: (B, T)
            returns: scores over the short list (B, T, O), the state after the last piece, attention (B, T, S)
        """
        embedded = self.dropout(self.embedding(pieces) * self.scale)
        outputs, (hidden, cell) = self.lstm(embedded, (state.hidden.contiguous(), state.cell.contiguous()))
        context, weights = self.attention(outputs, keys)
        combined = torch.tanh(self.combine(torch.cat([outputs, context], dim=-1)))
        scores = F.linear(self.dropout(combined), self.embedding.weight[self.shortlist], self.bias)
        return scores, DecoderState(hidden, cell), weights
