"""Beam search for many texts side by side; finds what ``decode.beam`` finds for each by itself.

All hypotheses of all texts are rows of one batch, ``width`` rows a text, so that a step costs little more than one of
greedy decoding. A row that holds nothing is worth minus infinity.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.seq2seq.decode import Hypothesis, cannot_win, missed
from engine.seq2seq.encoder import Encoded
from engine.seq2seq.model import Seq2Seq


@dataclass(frozen=True, slots=True)
class Search:
    """How it is searched: ``width`` hypotheses a text of at most ``limit`` pieces; ``alpha`` and ``beta`` as in
    ``decode.beam``.
    """

    begin: int
    end: int
    width: int
    limit: int
    alpha: float = 1.0
    beta: float = 0.0


@dataclass(frozen=True, slots=True)
class _Rows:
    """Open hypotheses, ``width`` rows a text: pieces and their log-probabilities (R, T), attention so far (R, S), and
    the sum of the log-probabilities (R,).
    """

    pieces: Tensor
    worth: Tensor
    seen: Tensor
    total: Tensor

    def extended(self, parents: Tensor, piece: Tensor, worth: Tensor) -> _Rows:
        """Each parent with one piece more."""
        pieces = torch.cat([self.pieces[parents], piece[:, None]], dim=1)
        values = torch.cat([self.worth[parents], worth[:, None]], dim=1)
        return _Rows(pieces, values, self.seen[parents], self.total[parents] + worth)


@torch.inference_mode()
def beams(model: Seq2Seq, encoded: Encoded, search: Search, source: Tensor | None = None) -> list[list[Hypothesis]]:
    """The hypotheses of every text, best first.

    Args:
        encoded: The sources.
        source: The source pieces (B, S), to copy from; without them nothing is copied.
    """
    decoder, width = model.decoder, search.width
    keys = decoder.prepare(encoded, source).each(lambda part: part.repeat_interleave(width, 0))
    state = decoder.begin(encoded.last.repeat_interleave(width, 0))
    searching = _Searching(search, keys.mask, decoder.shortlist, len(encoded.values))
    for _ in range(search.limit):
        scores, state, weights = decoder(searching.last(), state, keys)
        state = state.select(searching.step(scores[:, 0], weights[:, 0]))
        if all(searching.settled):
            break
    return searching.found()


class _Searching:
    """One search: the open rows of all texts, what is done of each, and which texts are settled."""

    def __init__(self, search: Search, mask: Tensor, shortlist: Tensor, texts: int) -> None:
        self._search = search
        self._mask = mask
        self._shortlist = shortlist
        self._done: list[list[Hypothesis]] = [[] for _ in range(texts)]
        self.settled = [False] * texts
        total = torch.full((texts, search.width), float("-inf"))
        total[:, 0] = 0.0
        empty = torch.zeros(texts * search.width, 0)
        self._rows = _Rows(empty.long(), empty, torch.zeros(mask.shape), total.flatten())

    def last(self) -> Tensor:
        """The piece that every row reads next, (R, 1)."""
        if self._rows.pieces.shape[1]:
            return self._rows.pieces[:, -1:]
        return torch.full((len(self._rows.total), 1), self._search.begin)

    def step(self, scores: Tensor, weights: Tensor) -> Tensor:
        """Go on with the best continuations; the rows that they came from, (R,).

        Shape:
            scores: (R, O)
            weights: (R, S)
        """
        width, size = self._search.width, scores.shape[1]
        self._rows = replace(self._rows, seen=self._rows.seen + weights)
        total = (self._rows.total[:, None] + scores).view(-1, width * size)
        worth, order = total.topk(min(2 * width, width * size), dim=1)
        parents = order // size + torch.arange(len(total))[:, None] * width
        values, pieces = scores.flatten()[parents * size + order % size], self._shortlist[order % size]
        ends, empty = pieces == self._search.end, worth == float("-inf")
        self._end(ends & ~empty, parents, values)
        chosen = self._keep(ends | empty, parents, pieces, values)
        self._settle()
        return chosen

    def _end(self, ends: Tensor, parents: Tensor, values: Tensor) -> None:
        """Put aside what ends; an end counts where it is among the best ``width``."""
        left_out = self._left_out()
        for text, rank in ends[:, : self._search.width].nonzero().tolist():
            if not self.settled[text]:
                row = int(parents[text, rank])
                worth = (*self._rows.worth[row].tolist(), float(values[text, rank]))
                pieces = tuple(self._rows.pieces[row].tolist())
                self._done[text].append(Hypothesis(pieces, worth, finished=True, missed=left_out[row]))

    def _keep(self, closed: Tensor, parents: Tensor, pieces: Tensor, values: Tensor) -> Tensor:
        """Go on with the best ``width`` that are open; where there are fewer, rows that hold nothing fill up."""
        width, there = self._search.width, closed.shape[1]
        best = closed.int().argsort(dim=1, stable=True)[:, :width]
        best = torch.cat([best, best[:, :1].expand(-1, max(0, width - there))], dim=1)
        nothing = closed.gather(1, best) | (torch.arange(width) >= there)
        worth = values.gather(1, best).masked_fill(nothing, float("-inf"))
        chosen = parents.gather(1, best).flatten()
        self._rows = self._rows.extended(chosen, pieces.gather(1, best).flatten(), worth.flatten())
        return chosen

    def _settle(self) -> None:
        search = self._search
        likeliest = self._rows.total.view(-1, search.width).amax(dim=1).tolist()
        for text, (total, done) in enumerate(zip(likeliest, self._done, strict=True)):
            if total == float("-inf") or (
                len(done) >= search.width and cannot_win(total, done, search.alpha, search.beta, search.limit)
            ):
                self.settled[text] = True

    def _left_out(self) -> list[float]:
        if not self._search.beta:
            return [0.0] * len(self._rows.seen)
        found: list[float] = missed(self._rows.seen, self._mask).tolist()
        return found

    def found(self) -> list[list[Hypothesis]]:
        """Of every text what is done, and what is open where it was cut at the limit; best first."""
        search, left_out = self._search, self._left_out()
        for row, total in enumerate(self._rows.total.tolist()):
            text = row // search.width
            if not self.settled[text] and total > float("-inf"):
                pieces, worth = self._rows.pieces[row].tolist(), self._rows.worth[row].tolist()
                cut = Hypothesis(tuple(pieces), tuple(worth), finished=False, missed=left_out[row])
                self._done[text].append(cut)
        return [
            sorted(done, key=lambda one: one.score(search.alpha, search.beta), reverse=True)[: search.width]
            for done in self._done
        ]
