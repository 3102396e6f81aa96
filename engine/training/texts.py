"""Training the composing network on plain pairs of texts, one to be written for the other, by teacher forcing.

Without entries, and without copying unless that is asked for: the task by which the field measures such a network.
Batches hold texts of like length, as many as fit into a number of pieces, so that little is spent on padding.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.errors import TrainingError
from engine.seq2seq.decoder import Decoder
from engine.seq2seq.model import Seq2Seq, pad
from engine.text.tokenise import PieceTokenizer
from engine.training.lesson import Example
from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.smoothed import smoothed
from engine.training.steps import buckets as by_length
from engine.training.steps import decay_groups


@dataclass(frozen=True, slots=True)
class Pace:
    """How pairs are taught. ``deadline`` is a time of ``time.monotonic``; ``patience`` counts epochs, 0 for the last.

    ``room`` is how many pieces a batch may have on its longer side, padding included, ``steps`` how many batches make
    an epoch, 0 for all pairs once. ``smoothing`` is the share of every target that all pieces get alike, ``sampled``
    the share of the pieces read that the decoder's own guess stands in for, and ``coverage`` the weight of looking
    twice at the same place. ``copying`` lets pieces be copied from the source.
    """

    epochs: int
    deadline: float
    patience: int = 0
    steps: int = 0
    room: int = 1024
    rate: float = 3e-3
    kept: float = 0.98
    smoothing: float = 0.1
    sampled: float = 0.0
    coverage: float = 0.0
    copying: bool = False


class TextsTrainer:
    """Trains a network in place; what only copying needs stays as it is where nothing is copied.

    Args:
        model: The network.
        tokenizer: Its pieces.
        seed: Of everything random here; PyTorch's own is set by the caller.
    """

    def __init__(self, model: Seq2Seq, tokenizer: PieceTokenizer, *, seed: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._seed = seed

    def fit(self, pairs: Sequence[Example], held_out: Sequence[Example], pace: Pace, running: Running) -> Outcome:
        """Train until the epochs, the time or the patience run out, or until it is stopped.

        Raises:
            TrainingError: If a text has no piece, a target has one that the network cannot write, or the loss stops
                being a number.
        """
        _check(self._model, [*pairs, *held_out])
        task = TextsTask(self._tokenizer, pairs, held_out, pace)
        patience = pace.patience if held_out else 0
        how = LoopPace("texts", pace.epochs, pace.deadline, rate=pace.rate, kept=pace.kept, patience=patience)
        unused = [] if pace.copying else list(self._model.decoder.copying.parameters())
        unused = [part for part in unused if part.requires_grad]
        for part in unused:
            part.requires_grad_(False)
        try:
            return Loop(self._model, task, how, running, seed=self._seed).run()
        finally:
            for part in unused:
                part.requires_grad_(True)


def _check(model: Seq2Seq, examples: Sequence[Example]) -> None:
    writable = set(model.decoder.shortlist.tolist())
    for number, example in enumerate(examples, 1):
        if not example.source or not example.target:
            raise TrainingError(f"pair {number} has a text without a single piece; leave it out")
        foreign = next((piece for piece in example.target if piece not in writable), None)
        if foreign is not None:
            raise TrainingError(f"pair {number} wants piece {foreign}, which is not on the short list of the network")


class TextsTask:
    """The task: after the true pieces so far, which comes next."""

    def __init__(
        self, tokenizer: PieceTokenizer, pairs: Sequence[Example], held_out: Sequence[Example], pace: Pace
    ) -> None:
        self._tokenizer = tokenizer
        self._pairs = pairs
        self._held_out = list(buckets(held_out, pace.room))
        self._pace = pace

    def batches(self, chance: random.Random) -> list[list[Example]]:
        """The batches of an epoch: all pairs, in random order, again and again where it has more steps."""
        found = self._once(chance)
        while found and len(found) < self._pace.steps:
            found += self._once(chance)
        return found[: self._pace.steps or None]

    def _once(self, chance: random.Random) -> list[list[Example]]:
        found = list(buckets(self._pairs, self._pace.room, chance))
        chance.shuffle(found)
        return found

    def loss(self, network: Seq2Seq, batch: Sequence[Example]) -> Tensor:
        """Mean surprise at the next piece, smoothed, and the price of looking twice."""
        pace = self._pace
        return surprise(
            network,
            batch,
            self._tokenizer,
            smoothing=pace.smoothing,
            sampled=pace.sampled,
            coverage=pace.coverage,
            copying=pace.copying,
        )

    def pieces(self, batch: Sequence[Example]) -> int:
        """Pieces of targets, as the field counts speed."""
        return sum(len(example.target) for example in batch)

    def validate(self, network: Seq2Seq) -> float:
        """Mean surprise at what was kept from training."""
        return mean_surprise(network, self._held_out, self._tokenizer, copying=self._pace.copying)

    def groups(self, network: Seq2Seq) -> list[dict[str, Any]]:
        """Weight decay for matrices, none for biases and embeddings."""
        return decay_groups(network)


def buckets(examples: Sequence[Example], room: int, chance: random.Random | None = None) -> Iterator[list[Example]]:
    """Batches of pairs of like length: the longer side of a batch has at most ``room`` pieces, padding included."""
    return by_length(examples, room, _longer, chance)


def _longer(example: Example) -> int:
    return max(len(example.source), len(example.target))


@torch.inference_mode()
def mean_surprise(
    model: Seq2Seq, batches: Sequence[Sequence[Example]], tokenizer: PieceTokenizer, *, copying: bool = False
) -> float:
    """Mean surprise in nats a piece; 0 where there is none."""
    model.eval()
    counts = [sum(len(example.target) for example in batch) for batch in batches]
    losses = (float(surprise(model, batch, tokenizer, copying=copying)) for batch in batches)
    return sum(loss * count for loss, count in zip(losses, counts, strict=True)) / max(1, sum(counts))


def surprise(
    model: Seq2Seq,
    batch: Sequence[Example],
    tokenizer: PieceTokenizer,
    *,
    smoothing: float = 0.0,
    sampled: float = 0.0,
    coverage: float = 0.0,
    copying: bool = False,
) -> Tensor:
    """Teacher forcing: the decoder reads the true pieces so far and is asked for the next one.

    Args:
        smoothing: Share of the target that all pieces get alike.
        sampled: Share of the pieces read that a guess stands in for (``_with_guesses``).
        coverage: Weight of the attention that a step spends on what was attended to before (See, Liu, Manning 2017).
        copying: Whether pieces may be copied from the source.
    """
    decoder, device = model.decoder, model.embedding.weight.device
    source, sizes = pad([list(example.source) for example in batch], device=device)
    target, lengths = pad([list(example.target) for example in batch], padding=tokenizer.pad, device=device)
    encoded = model.encoder(source, sizes)
    keys = decoder.prepare(encoded, source if copying else None)
    state = decoder.begin(encoded.last)
    read = torch.cat([torch.full((len(batch), 1), tokenizer.begin, device=device), target[:, :-1]], 1)
    if sampled:
        with torch.no_grad():
            scores, _, _ = decoder(read, state, keys)
            guessed = decoder.shortlist[scores.exp().flatten(0, 1).multinomial(1)].view_as(read)
            read = _with_guesses(read, guessed, sampled)
    written, _, weights = decoder.read(read, state, keys)
    real = (torch.arange(target.shape[1], device=device) < lengths[:, None]).flatten().nonzero()[:, 0]
    places = decoder.places[target.flatten()[real]]
    states = written.flatten(0, 1).index_select(0, real)
    if keys.places is None:
        loss = smoothed(states, decoder.embedding.weight, decoder.bias, decoder.shortlist, places, smoothing)
    else:
        looked_at = weights.flatten(0, 1).index_select(0, real)
        there = keys.places.index_select(0, real.div(target.shape[1], rounding_mode="floor"))
        loss = _surprise_with_copies(decoder, states, looked_at, there, places, smoothing)
    return loss + coverage * _seen_again(weights, real) if coverage else loss


def _surprise_with_copies(
    decoder: Decoder, states: Tensor, looked_at: Tensor, there: Tensor, places: Tensor, smoothing: float
) -> Tensor:
    """Mean surprise at pieces that are written or copied, worked out for the true pieces alone.

    Only what is written is smoothed: smoothing what is copied would keep the network from ever being sure of copying.

    Args:
        states: What the output sees.
        looked_at: Attention.
        there: Which output each source piece is.
        places: The true outputs.

    Shape:
        states: (N, E)
        looked_at, there: (N, S)
        places: (N,)
    """
    rows = decoder.embedding.weight.index_select(0, decoder.shortlist)
    written = torch.addmm(decoder.bias, states, rows.T).float().log_softmax(dim=1)
    share = torch.sigmoid(decoder.copying(states).float())[:, 0]
    copied = (looked_at.float() * (there == places[:, None])).sum(dim=1)
    some = (looked_at.float() * (there < written.shape[1])).sum(dim=1)
    true = written.gather(1, places[:, None])[:, 0].exp()
    chance = ((1 - share) * true + share * copied) / (1 - share * (1 - some)).clamp_min(1e-6)
    return -((1 - smoothing) * chance.clamp_min(1e-9).log() + smoothing * written.mean(dim=1)).mean()


def _with_guesses(read: Tensor, guessed: Tensor, share: float) -> Tensor:
    """What the decoder reads, with a share of it replaced by guesses, each drawn after the true pieces before it.

    Scheduled sampling (Bengio et al. 2015) in two passes over the whole text (Mihaylova, Martins 2019), so that the
    decoder need not go step by step. The share stays the same throughout.
    """
    own = torch.cat([read[:, :1], guessed[:, :-1]], dim=1)
    drawn = torch.rand(read.shape, device=read.device) < share
    drawn[:, 0] = False
    return torch.where(drawn, own, read)


def _seen_again(weights: Tensor, real: Tensor) -> Tensor:
    """Mean over the real places of the attention spent on what was attended to before."""
    before = weights.cumsum(dim=1) - weights
    return torch.minimum(weights, before).sum(dim=-1).flatten()[real].mean()
