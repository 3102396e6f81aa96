"""The composing network: an encoder over question, memory and entry, and a decoder that attends to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from engine.seq2seq.attention import AttentionKind
from engine.seq2seq.decoder import Decoder, Layout
from engine.seq2seq.encoder import Encoder


@dataclass(frozen=True, slots=True)
class ModelSizes:
    """Sizes of the network; stored with the checkpoint.

    ``pieces`` V, ``embedding`` E, ``hidden`` units a direction of the encoder H, ``decoder`` units D, ``layout`` of the
    decoder, ``depth`` of the encoder in layers, 1 or 2. Models that were stored before these two could be chosen lack
    them, and are what the defaults say.
    """

    pieces: int
    embedding: int = 160
    hidden: int = 128
    decoder: int = 256
    attention: str = AttentionKind.GENERAL.value
    layout: str = Layout.AFTER.value
    depth: int = 1

    def to_json(self) -> dict[str, Any]:
        """The sizes as plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> ModelSizes:
        """Read what ``to_json`` wrote.

        Raises:
            TypeError: If a size is unknown or missing.
        """
        return cls(**data)


class Seq2Seq(nn.Module):
    """Encoder and decoder over shared embeddings.

    Args:
        sizes: The sizes.
        shortlist: Numbers of the pieces that the decoder may write, (O,).
        dropout: Share of units dropped in training.
    """

    def __init__(self, sizes: ModelSizes, shortlist: Tensor, *, dropout: float = 0.3) -> None:
        super().__init__()
        self.sizes = sizes
        self.embedding = nn.Embedding(sizes.pieces, sizes.embedding)
        self.encoder = Encoder(self.embedding, sizes.hidden, dropout, sizes.depth)
        self.decoder = Decoder(
            self.embedding,
            size=sizes.decoder,
            encoded=2 * sizes.hidden,
            attention=AttentionKind(sizes.attention),
            dropout=dropout,
            shortlist=shortlist,
            layout=Layout(sizes.layout),
        )


def lay_changes(weights: dict[str, Tensor]) -> None:
    """Make the embeddings whole of those of a base in ``embedding.weight`` and of what training changed about them.

    They are multiplied by ``embedding.scale``, and the rows ``embedding.rows`` are replaced by ``embedding.values``;
    the three are taken out. Nothing happens where there are none.

    Raises:
        KeyError, IndexError, RuntimeError: If they do not belong together.
    """
    if "embedding.rows" in weights:
        weights["embedding.weight"] *= weights.pop("embedding.scale")
        weights["embedding.weight"][weights.pop("embedding.rows").long()] = weights.pop("embedding.values")


def initialise(model: Seq2Seq) -> Seq2Seq:
    """Set start values that halve the perplexity of a short training against the defaults of PyTorch.

    Embeddings N(0, 1/√E), used times √E at the input and as they are at the tied output; orthogonal recurrent blocks
    (Saxe et al. 2014); forget gates open (Jozefowicz et al. 2015); Xavier elsewhere (Glorot, Bengio 2010).
    """
    for name, parameter in model.named_parameters():
        if name.startswith("embedding") or name.endswith("embedding.weight"):
            nn.init.normal_(parameter, std=model.sizes.embedding**-0.5)
        elif "weight_hh" in name:
            for block in parameter.data.chunk(4):
                nn.init.orthogonal_(block)
        elif "bias_ih" in name:
            nn.init.zeros_(parameter)
            parameter.data[len(parameter) // 4 : len(parameter) // 2] = 1.0
        elif parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
        else:
            nn.init.zeros_(parameter)
    return model


def pad(texts: list[list[int]], *, padding: int = 0, device: torch.device | None = None) -> tuple[Tensor, Tensor]:
    """Piece numbers of several texts as one tensor (B, S), and their lengths (B,); by default on the processor."""
    lengths = [len(text) for text in texts]
    size = max(1, *lengths)
    rows = torch.tensor([text + [padding] * (size - len(text)) for text in texts], device=device)
    return rows, torch.tensor(lengths, device=device)
