"""Greedy and beam search over the decoder, with a length bound and a deadline.

Length normalisation and coverage after Wu et al. 2016 (GNMT): a hypothesis is worth its log-probability over
((5 + T) / 6) ** alpha, and beta times the sum over the source of log(min(1, all attention on the piece)): what was left
out counts against it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.seq2seq.encoder import Encoded
from engine.seq2seq.model import Seq2Seq


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """Pieces written, without the end mark; their log-probabilities, the end mark's included when ``finished``.

    ``missed`` says how much of the source it left out, 0 where nothing; it is known where coverage counted.
    """

    pieces: tuple[int, ...]
    log_probabilities: tuple[float, ...]
    finished: bool
    missed: float = 0.0

    @property
    def confidence(self) -> float:
        """Geometric mean of the probabilities, in [0, 1]; 0 where nothing was written."""
        if not self.log_probabilities:
            return 0.0
        return math.exp(sum(self.log_probabilities) / len(self.log_probabilities))

    def score(self, alpha: float, beta: float = 0.0) -> float:
        """Log-probability, normalised by length, less what was left out of the source."""
        worth = sum(self.log_probabilities) / length_penalty(len(self.log_probabilities), alpha)
        return worth - beta * self.missed


def length_penalty(length: int, alpha: float) -> float:
    """What a log-probability of ``length`` pieces is divided by; 1 for ``alpha`` 0."""
    return float(((5 + max(length, 1)) / 6) ** alpha)


def missed(attention: Tensor, mask: Tensor) -> Tensor:
    """How much of each source was left out: the coverage penalty of GNMT, turned positive.

    Args:
        attention: Summed over the steps.
        mask: True where a real piece stands.

    Shape:
        attention: (..., S)
        mask: (..., S)
    """
    return -attention.clamp(1e-6, 1.0).log().masked_fill(~mask, 0.0).sum(dim=-1)


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
    keys = decoder.prepare(encoded, source)
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
    beta: float = 0.0,
    source: Tensor | None = None,
    deadline: float | None = None,
) -> list[Hypothesis]:
    """Beam search for one text; every finished or cut hypothesis of the beam, best first.

    Args:
        encoded: The source, a batch of one.
        width: Hypotheses kept, K.
        limit: Most pieces of a text.
        alpha: Strength of length normalisation.
        beta: Strength of the coverage penalty; 0 counts nothing.
        source: The source pieces (1, S), to copy from; without them nothing is copied.
        deadline: A time of ``time.monotonic`` after which no step is begun.

    Raises:
        ValueError: If ``encoded`` holds more than one text.
    """
    if len(encoded.values) != 1:
        raise ValueError(f"beam search takes one text at a time, not {len(encoded.values)}")
    decoder = model.decoder
    one = model.decoder.prepare(encoded, source)
    state = decoder.begin(encoded.last)
    beams = [Hypothesis((), (), finished=False)]
    seen = torch.zeros(1, one.mask.shape[1])
    done: list[Hypothesis] = []
    for _ in range(limit):
        if deadline is not None and time.monotonic() > deadline:
            break
        last = torch.tensor([[hypothesis.pieces[-1] if hypothesis.pieces else begin] for hypothesis in beams])
        keys = one.repeated(len(beams))
        scores, state, weights = decoder(last, state, keys)
        seen = seen + weights[:, 0]
        left_out = missed(seen, keys.mask).tolist() if beta else [0.0] * len(beams)
        beams, parents, ended = _extend(beams, scores[:, 0], decoder.shortlist, end, width, left_out)
        done.extend(ended)
        if not beams or (len(done) >= width and cannot_win(_likeliest(beams), done, alpha, beta, limit)):
            break
        state, seen = state.select(torch.tensor(parents)), seen[parents]
    else:
        done.extend(beams)
    if not done:
        done = beams
    return sorted(done, key=lambda hypothesis: hypothesis.score(alpha, beta), reverse=True)[:width]


def _extend(
    beams: list[Hypothesis], worth: Tensor, shortlist: Tensor, end: int, width: int, left_out: list[float]
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
                ended.append(Hypothesis(beams[row].pieces, values, finished=True, missed=left_out[row]))
        elif len(kept) < width:
            kept.append(Hypothesis((*beams[row].pieces, piece), values, finished=False, missed=left_out[row]))
            parents.append(row)
    return kept, parents, ended


def _likeliest(beams: list[Hypothesis]) -> float:
    return max(sum(hypothesis.log_probabilities) for hypothesis in beams)


def cannot_win(total: float, done: list[Hypothesis], alpha: float, beta: float, limit: int) -> bool:
    """True where no open hypothesis can beat the best finished one even if it loses nothing from here on.

    ``total`` is the log-probability of the likeliest open one.
    """
    return total / length_penalty(limit + 1, alpha) <= max(hypothesis.score(alpha, beta) for hypothesis in done)
