"""Training the composer by teacher forcing: label smoothing, and the loop of all networks (``loop.py``), of which the
average of the epoch with the least validation loss is kept.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.seq2seq.model import Seq2Seq
from engine.text.tokenise import PieceTokenizer
from engine.training.lesson import Example, Lesson
from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.steps import decay_groups
from engine.training.texts import surprise

PATIENCE = 6  # epochs without improvement after which it ends
RATE = 3e-3  # the highest learning rate
REPLIES_EACH = 2  # replies of every entry in an epoch
_SMOOTHING = 0.1


@dataclass(frozen=True, slots=True)
class Pace:
    """How the composer is trained. ``deadline`` is a time of ``time.monotonic``; ``patience`` counts epochs."""

    epochs: int
    deadline: float
    patience: int = PATIENCE
    batch: int = 20
    rate: float = RATE
    replies_each: int = REPLIES_EACH
    least: int = 3


class ComposingTrainer:
    """Trains a network in place.

    Args:
        model: The network.
        tokenizer: Its pieces.
        seed: Of everything random here; PyTorch's own is set by the caller.
    """

    def __init__(self, model: Seq2Seq, tokenizer: PieceTokenizer, *, seed: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._seed = seed

    def fit(self, lesson: Lesson, held_out: Sequence[Example], pace: Pace, running: Running) -> Outcome:
        """Train until the epochs, the time or the patience run out, and keep the best average.

        Raises:
            TrainingError: If the loss stops being a number.
        """
        task = _Composing(self._tokenizer, lesson, held_out, pace)
        patience = pace.patience if held_out else 0
        how = LoopPace("compose", pace.epochs, pace.deadline, rate=pace.rate, patience=patience, least=pace.least)
        return Loop(self._model, task, how, running, seed=self._seed).run()


class _Composing:
    """The task: after the true pieces so far, which comes next."""

    def __init__(self, tokenizer: PieceTokenizer, lesson: Lesson, held_out: Sequence[Example], pace: Pace) -> None:
        self._tokenizer = tokenizer
        self._lesson = lesson
        self._held_out = held_out
        self._pace = pace

    def batches(self, chance: random.Random) -> list[list[Example]]:
        """One epoch: replies of like length together, in random order."""
        drawn = self._lesson.draw(chance, each=self._pace.replies_each)
        examples = sorted(drawn, key=lambda example: len(example.target) + chance.random() * 8)
        batches = [examples[at : at + self._pace.batch] for at in range(0, len(examples), self._pace.batch)]
        chance.shuffle(batches)
        return batches

    def loss(self, network: Seq2Seq, batch: Sequence[Example]) -> Tensor:
        """Mean surprise at the next piece, smoothed."""
        return surprise(network, batch, self._tokenizer, smoothing=_SMOOTHING, copying=True)

    def pieces(self, batch: Sequence[Example]) -> int:
        """Pieces of sources and targets."""
        return sum(len(example.source) + len(example.target) for example in batch)

    def validate(self, network: Seq2Seq) -> float:
        """Mean surprise at what was kept from training."""
        return mean_surprise(network, self._held_out, self._tokenizer)

    def groups(self, network: Seq2Seq) -> list[dict[str, Any]]:
        """Weight decay for matrices, none for biases and embeddings."""
        return decay_groups(network)


@torch.inference_mode()
def mean_surprise(model: Seq2Seq, examples: Sequence[Example], tokenizer: PieceTokenizer) -> float:
    """Mean loss on examples in nats a piece; 0 where there are none."""
    model.eval()
    parts = [examples[at : at + 32] for at in range(0, len(examples), 32)]
    losses = (float(surprise(model, part, tokenizer, copying=True)) for part in parts)
    return sum(loss * len(part) for loss, part in zip(losses, parts, strict=True)) / max(1, len(examples))
