"""LSTM decoder with attention, copying, and an output tied to the embeddings.

Attention stands after one layer (Luong et al. 2015), or between two, of which the upper one reads what was attended to
(after GNMT, Wu et al. 2016). Neither feeds it back into the layer that asked, so that in training each ``nn.LSTM`` runs
over the whole target at once.

Beside the context of states the output sees what was attended to as the pieces themselves, embedded: a word is chosen
for a word, before the states mean anything (Nguyen, Chiang 2018: Improving Lexical Choice in Neural Machine
Translation).

Every piece comes from a mixture: generated from the short list, or copied from where the attention looks (See, Liu,
Manning 2017: Get To The Point). The output is tied to the embeddings (Press, Wolf 2017). The short list holds pieces
that occur in answers and hold no digit, and only such pieces are copied, so that a digit cannot be written at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.seq2seq.attention import Attention, AttentionKind, Keys
from engine.seq2seq.encoder import Encoded


class Layout(StrEnum):
    """Where the decoder attends: after its one layer, or between two."""

    AFTER = "after"
    BETWEEN = "between"


@dataclass(frozen=True, slots=True)
class DecoderState:
    """Where decoding stands: hidden and cell state, each (L, B, D) for L layers."""

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
        layout: Where it attends.
    """

    shortlist: Tensor
    places: Tensor

    def __init__(
        self,
        embedding: nn.Embedding,
        *,
        size: int,
        encoded: int,
        attention: AttentionKind,
        dropout: float,
        shortlist: Tensor,
        layout: Layout = Layout.AFTER,
    ) -> None:
        super().__init__()
        width = embedding.embedding_dim
        self.embedding = embedding
        self.scale = width**0.5
        self.lstm = nn.LSTM(width, size, batch_first=True)
        self.attention = Attention(attention, query=size, value=encoded)
        self.upper = nn.LSTM(size + encoded, size, batch_first=True) if layout is Layout.BETWEEN else None
        self.layers = 1 if self.upper is None else 2
        self.bridge = nn.Linear(encoded, 2 * self.layers * size)
        self.combine = nn.Linear(size + encoded, width)
        self.lexical = nn.Linear(width, width)
        self.copying = nn.Linear(width, 1)
        self.bias = nn.Parameter(torch.zeros(len(shortlist)))
        self.dropout = nn.Dropout(dropout)
        self.register_buffer("shortlist", shortlist)
        places = torch.full((embedding.num_embeddings,), len(shortlist))
        places[shortlist] = torch.arange(len(shortlist))
        self.register_buffer("places", places, persistent=False)

    def prepare(self, encoded: Encoded, pieces: Tensor | None = None) -> Keys:
        """Make a source ready for decoding: attention keys, and which output each of its pieces is; without the pieces
        nothing is copied.

        Shape:
            pieces: (B, S)
        """
        keys = self.attention.prepare(encoded.values, encoded.mask)
        places = None if pieces is None else self.places[pieces]
        return Keys(keys.keys, keys.values, keys.mask, encoded.embedded, places)

    def begin(self, last: Tensor) -> DecoderState:
        """The state before the first piece, from the encoder's last states (B, 2H)."""
        hidden, cell = self.bridge(last).chunk(2, dim=-1)
        return DecoderState(
            torch.stack(torch.tanh(hidden).chunk(self.layers, -1)), torch.stack(cell.chunk(self.layers, -1))
        )

    def forward(self, pieces: Tensor, state: DecoderState, keys: Keys) -> tuple[Tensor, DecoderState, Tensor]:
        """Read the pieces so far and score the next one at every place.

        Shape:
            pieces: (B, T)
            returns: log-probabilities over the short list (B, T, O), the last state, attention (B, T, S)
        """
        written, state, weights = self.read(pieces, state, keys)
        return self.scores(written, weights, keys), state, weights

    def scores(self, written: Tensor, weights: Tensor, keys: Keys) -> Tensor:
        """Log-probabilities over the short list (B, T, O), from what ``read`` gave, with what ``keys`` let copy."""
        scores = F.linear(written, self.embedding.weight[self.shortlist], self.bias).float().log_softmax(dim=-1)
        return scores if keys.places is None else self._with_copies(scores, written, weights, keys.places)

    def read(self, pieces: Tensor, state: DecoderState, keys: Keys) -> tuple[Tensor, DecoderState, Tensor]:
        """Read the pieces so far, without scoring what comes next.

        Shape:
            pieces: (B, T)
            returns: what the output sees (B, T, E), the last state, attention (B, T, S)

        Raises:
            ValueError: If ``keys`` were not made by ``prepare``.
        """
        if keys.embedded is None:
            raise ValueError("a decoder reads what its own prepare made ready")
        embedded = self.dropout(self.embedding(pieces) * self.scale)
        outputs, lower = self.lstm(embedded, _layer(state, 0))
        context, weights = self.attention(outputs, keys)
        after = [lower]
        if self.upper is not None:
            outputs, upper = self.upper(self.dropout(torch.cat([outputs, context], dim=-1)), _layer(state, 1))
            after.append(upper)
        looked_up = torch.tanh(weights @ keys.embedded)
        words = torch.tanh(self.lexical(looked_up)) + looked_up
        written = self.dropout(torch.tanh(self.combine(torch.cat([outputs, context], dim=-1))) + words)
        hidden, cell = (torch.cat(parts) for parts in zip(*after, strict=True))
        return written, DecoderState(hidden, cell), weights

    def _with_copies(self, scores: Tensor, combined: Tensor, weights: Tensor, places: Tensor) -> Tensor:
        """Mix what is generated with what is copied; attention on pieces that may not be written goes to nothing."""
        size = scores.shape[-1]
        share, weights = torch.sigmoid(self.copying(combined).float()), weights.float()
        looked_at = places[:, None].expand(-1, weights.shape[1], -1)
        copies = weights.new_zeros(*weights.shape[:2], size + 1).scatter_add(2, looked_at, weights)[..., :size]
        mixed = scores.exp() * (1 - share) + copies * share
        total = 1 - share * (1 - copies.sum(dim=-1, keepdim=True))
        return (mixed / total.clamp_min(1e-6)).clamp_min(1e-9).log()


def _layer(state: DecoderState, number: int) -> tuple[Tensor, Tensor]:
    return state.hidden[number : number + 1].contiguous(), state.cell[number : number + 1].contiguous()
