"""Greedy and beam search over the decoder, with a length bound and a deadline.

Length normalisation after Wu et al. 2016 (GNMT): a hypothesis is worth its log-probability over ((5 + T) / 6) ** alpha.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.seq2seq.attention import Keys
from engine.seq2seq.encoder import Encoded
from engine.seq2seq.model import Seq2Seq


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Pieces written, without the end mark; their log-probabilities, the end mark's included when ``finished``."""

    pieces: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    finished: bool

    @property
    def confidence(self) -> float:
        """Geometric mean of the probabilities, in [0, 1]; 0 where nothing was written."""
        if not self.log_probabilities:
            return 0.0
        return math.exp(sum(self.log_probabilities) / len(self.log_probabilities))

    def score(self, alpha: float) -> float:
        """Log-probability, normalised by length."""
        return sum(self.log_probabilities) / length_penalty(len(self.log_probabilities), alpha)


def length_penalty(length: int, alpha: float) -> float:
    """What a log-probability of ``length`` pieces is divided by; 1 for ``alpha`` 0."""
    return float(((5 + max(length, 1)) / 6) ** alpha)


@torch.inference_mode()
def greedy(
    model: Seq2Seq,
    encoded: Encoded,
    *,
    begin: int,
    end: int,
    limit: int,
    source: Tensor | None = None,
    deadline: float | None = None,
) -> list[Hypothesis]:
    """Write the likeliest piece at every step, for a whole batch.

    Args:
        limit: Most pieces of a text.
        source: The source pieces (B, S), to copy from; without them nothing is copied.
        deadline: A time of ``time.monotonic`` after which no step is begun.
    """
    decoder = model.decoder
    keys = _keys(model, encoded, source)
    state = decoder.begin(encoded.last)
    rows = len(encoded.values)
    piece = torch.full((rows, 1), begin)
    written: list[Tensor] = []
    worth: list[Tensor] = []
    open_rows = torch.ones(rows, dtype=torch.bool)
    for _ in range(limit):
        if deadline is not None and time.monotonic() > deadline:
            break
        scores, state, _ = decoder(piece, state, keys)
        best, place = scores[:, 0].max(dim=-1)
        piece = decoder.shortlist[place][:, None]
        written.append(piece[:, 0])
        worth.append(best)
        open_rows &= piece[:, 0] != end
        if not bool(open_rows.any()):
            break
    if not written:
        return [Hypothesis((), (), finished=False)] * rows
    return [
        _cut(pieces, values, end)
        for pieces, values in zip(torch.stack(written, 1).tolist(), torch.stack(worth, 1).tolist(), strict=True)
    ]


def _keys(model: Seq2Seq, encoded: Encoded, source: Tensor | None) -> Keys:
    if source is None:
        return model.decoder.attention.prepare(encoded.values, encoded.mask)
    return model.decoder.prepare(encoded, source)


def _cut(pieces: list[int], values: list[float], end: int) -> Hypothesis:
    if end not in pieces:
        return Hypothesis(tuple(pieces), tuple(values), finished=False)
    at = pieces.index(end)
    return Hypothesis(tuple(pieces[:at]), tuple(values[: at + 1]), finished=True)


@torch.inference_mode()
def beam(
    model: Seq2Seq,
    encoded: Encoded,
    *,
    begin: int,
    end: int,
    width: int,
    limit: int,
    alpha: float = 1.0,
    source: Tensor | None = None,
    deadline: float | None = None,
) -> list[Hypothesis]:
    """Beam search for one text; every finished or cut hypothesis of the beam, best first.

    Args:
        encoded: The source, a batch of one.
        width: Hypotheses kept, K.
        limit: Most pieces of a text.
        alpha: Strength of length normalisation.
        source: The source pieces (1, S), to copy from; without them nothing is copied.
        deadline: A time of ``time.monotonic`` after which no step is begun.

    Raises:
        ValueError: If ``encoded`` holds more than one text.
    """
    if len(encoded.values) != 1:
        raise ValueError(f"beam search takes one text at a time, not {len(encoded.values)}")
    decoder = model.decoder
    one = _keys(model, encoded, source)
    state = decoder.begin(encoded.last)
    beams = [Hypothesis((), (), finished=False)]
    done: list[Hypothesis] = []
    for _ in range(limit):
        if deadline is not None and time.monotonic() > deadline:
            break
        last = torch.tensor([[hypothesis.pieces[-1] if hypothesis.pieces else begin] for hypothesis in beams])
        keys = one.repeated(len(beams))
        scores, state, _ = decoder(last, state, keys)
        worth = scores[:, 0]
        beams, parents, ended = _extend(beams, worth, decoder.shortlist, end, width)
        done.extend(ended)
        if not beams or (len(done) >= width and _cannot_win(beams, done, alpha, limit)):
            break
        state = state.select(torch.tensor(parents))
    else:
        done.extend(beams)
    if not done:
        done = beams
    return sorted(done, key=lambda hypothesis: hypothesis.score(alpha), reverse=True)[:width]


def _extend(
    beams: list[Hypothesis], worth: Tensor, shortlist: Tensor, end: int, width: int
) -> tuple[list[Hypothesis], list[int], list[Hypothesis]]:
    """The best ``width`` open continuations with the rows they came from, and those that ended on the way."""
    before = torch.tensor([sum(hypothesis.log_probabilities) for hypothesis in beams])
    total = (before[:, None] + worth).flatten()
    order = total.topk(min(2 * width, len(total))).indices.tolist()
    kept: list[Hypothesis] = []
    parents: list[int] = []
    ended: list[Hypothesis] = []
    for rank, at in enumerate(order):
        row, place = divmod(at, worth.shape[1])
        piece = int(shortlist[place])
        values = (*beams[row].log_probabilities, float(worth[row, place]))
        if piece == end:
            if rank < width:  # an end that is worth less than what is kept does not count: width 1 is greedy
                ended.append(Hypothesis(beams[row].pieces, values, finished=True))
        elif len(kept) < width:
            kept.append(Hypothesis((*beams[row].pieces, piece), values, finished=False))
            parents.append(row)
    return kept, parents, ended


def _cannot_win(beams: list[Hypothesis], done: list[Hypothesis], alpha: float, limit: int) -> bool:
    """True where no open hypothesis can beat the best finished ones even if it loses nothing from here on."""
    bar = max(hypothesis.score(alpha) for hypothesis in done)
    reach = max(sum(hypothesis.log_probabilities) for hypothesis in beams) / length_penalty(limit + 1, alpha)
    return reach <= bar
