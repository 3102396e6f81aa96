"""The sentence encoder: words to one vector of a text, entry scores, and a unit vector to compare texts by.

A bidirectional recurrent layer over embedded words (pieces, or words with their n-grams), pooled by attention, maximum
and a weighted mean of the embeddings, under two heads: one scores every entry and "none of them", the other gives the
dense vector of the text. Both directions are read without packed sequences, see ``engine.seq2seq.encoder``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.seq2seq.encoder import reversal, take
from engine.understand.sentence import SHARPNESS
from engine.understand.words import NGRAM_ROWS, PADDING


class Cell(StrEnum):
    """The recurrent cell."""

    LSTM = "lstm"  # Hochreiter, Schmidhuber 1997
    GRU = "gru"  # Cho et al. 2014


GATES = {Cell.LSTM: 4, Cell.GRU: 3}


@dataclass(frozen=True, slots=True)
class EncoderSizes:
    """Sizes of the sentence encoder; stored with the checkpoint.

    ``words`` rows of known words or pieces, ``entries`` classes (one more stands for "none of them"), ``embedding`` E,
    ``hidden`` units a direction H, ``heads`` of attention pooling, ``vector`` width of the dense vector V, ``grams``
    rows of n-grams, 0 where pieces are read. ``by_vector``: entries are scored by the dense vector; else by all of the
    pooled text, which takes ten times the weights, and more questions to fill them.
    """

    words: int
    entries: int
    embedding: int = 160
    hidden: int = 160
    heads: int = 4
    vector: int = 128
    cell: str = Cell.LSTM.value
    grams: int = NGRAM_ROWS
    by_vector: bool = False

    @property
    def pooled(self) -> int:
        """Width of a pooled text, P."""
        return (self.heads + 1) * 2 * self.hidden + self.embedding

    def to_json(self) -> dict[str, Any]:
        """The sizes as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> EncoderSizes:
        """Read what ``to_json`` wrote.

        Raises:
            TypeError, ValueError: If a size is unknown or missing, or the cell is none.
        """
        sizes = cls(**data)
        Cell(sizes.cell)
        return sizes


@dataclass(frozen=True, slots=True)
class Batch:
    """Words as tensors, see ``engine.understand.words.Words``: ``words`` (B, S), ``lengths`` (B,)."""

    words: Tensor
    grams: Tensor
    starts: Tensor
    lengths: Tensor


class SentenceEncoder(nn.Module):
    """Words to scores and vectors; holds weights only.

    Args:
        sizes: The sizes.
        dropout: On states and on the pooled text.
        embedding_dropout: On embedded words.
    """

    def __init__(self, sizes: EncoderSizes, *, dropout: float = 0.4, embedding_dropout: float = 0.25) -> None:
        super().__init__()
        self.sizes = sizes
        self.words = nn.Embedding(sizes.words, sizes.embedding, padding_idx=PADDING)
        self.salience = nn.Embedding(sizes.words, 1)
        self.grams = (
            nn.EmbeddingBag(sizes.grams, sizes.embedding, mode="mean", padding_idx=PADDING) if sizes.grams else None
        )
        layer = nn.GRU if sizes.cell == Cell.GRU else nn.LSTM
        self.onward = layer(sizes.embedding, sizes.hidden, batch_first=True)
        self.backward_ = layer(sizes.embedding, sizes.hidden, batch_first=True)
        self.pooling = AttentionPooling(2 * sizes.hidden, sizes.heads)
        self.dropout = nn.Dropout(dropout)
        self.embedding_dropout = nn.Dropout(embedding_dropout)
        self.head = nn.Linear(sizes.vector if sizes.by_vector else sizes.pooled, sizes.entries + 1)
        self.vector = nn.Linear(sizes.pooled, sizes.vector)

    def encode(self, batch: Batch) -> Tensor:
        """The pooled text. Shape: (B, P)."""
        rows, size = batch.words.shape
        embedded = self.words(batch.words)
        if self.grams is not None:
            embedded = embedded + self.grams(batch.grams, batch.starts).view(rows, size, -1)
        embedded = self.embedding_dropout(embedded * self.sizes.embedding**0.5)
        turned = reversal(batch.lengths, size)
        onward, _ = self.onward(embedded)
        backward, _ = self.backward_(take(embedded, turned))
        values = self.dropout(torch.cat([onward, take(backward, turned)], dim=-1))
        mask = torch.arange(size) < batch.lengths[:, None]
        salience = self.salience(batch.words).masked_fill(~mask[..., None], float("-inf")).softmax(dim=1)
        return torch.cat([self.pooling(values, mask), (embedded * salience).sum(dim=1)], dim=-1)

    def scores(self, pooled: Tensor) -> Tensor:
        """Scores of the entries and, last, of "none of them". Shape: (B, entries + 1)."""
        seen = self.vectors(pooled) * float(SHARPNESS) if self.sizes.by_vector else self.dropout(pooled)
        scores: Tensor = self.head(seen)
        return scores

    def vectors(self, pooled: Tensor) -> Tensor:
        """Dense vectors of length 1. Shape: (B, vector)."""
        return F.normalize(self.vector(pooled), dim=1)


class AttentionPooling(nn.Module):
    """States of a text to one vector: attention with several heads, beside the maximum over the text.

    Lin et al. 2017: A Structured Self-attentive Sentence Embedding.
    """

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.score = nn.Linear(size, heads)
        self.heads = heads

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Pool.

        Args:
            values: States.
            mask: True where a word stands.

        Shape:
            values: (B, S, 2H)
            mask: (B, S)
            result: (B, heads * 2H + 2H)
        """
        weights = self.score(values).masked_fill(~mask[..., None], float("-inf")).softmax(dim=1)
        attended = torch.einsum("bsh,bsd->bhd", weights, values).flatten(1)
        highest = values.masked_fill(~mask[..., None], float("-inf")).amax(dim=1)
        return torch.cat([attended, highest], dim=-1)


def initialise(encoder: SentenceEncoder) -> SentenceEncoder:
    """Start values: embeddings N(0, 1/√E), used times √E; orthogonal recurrent blocks (Saxe et al. 2014); forget gates
    open (Jozefowicz et al. 2015); Xavier elsewhere (Glorot, Bengio 2010).
    """
    gates = GATES[Cell(encoder.sizes.cell)]
    hidden = encoder.sizes.hidden
    for name, parameter in encoder.named_parameters():
        if name in ("words.weight", "grams.weight"):
            nn.init.normal_(parameter, std=encoder.sizes.embedding**-0.5)
            parameter.data[PADDING] = 0.0
        elif name == "salience.weight":
            nn.init.zeros_(parameter)
        elif "weight_hh" in name:
            for block in parameter.data.chunk(gates):
                nn.init.orthogonal_(block)
        elif parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
            if "bias_ih" in name and encoder.sizes.cell == Cell.LSTM:
                parameter.data[hidden : 2 * hidden] = 1.0
    return encoder
