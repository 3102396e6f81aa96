"""Training the composer by teacher forcing.

AdamW with warm-up and cosine decay, clipped gradients, label smoothing, a running average of the weights, and early
stopping: what is kept is the average of the epoch with the least validation loss.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.seq2seq.model import Seq2Seq, pad
from engine.text.tokenise import PieceTokenizer
from engine.training.lesson import Example, Lesson
from engine.training.options import Progress, Report
from engine.training.steps import blend, rate_share

PATIENCE = 6  # epochs without improvement after which it ends
REPLIES_EACH = 2  # replies of every entry in an epoch


@dataclass(frozen=True, slots=True)
class Pace:
    """How the composer is trained. ``deadline`` is a time of ``time.monotonic``; ``patience`` counts epochs."""

    epochs: int
    deadline: float
    patience: int = PATIENCE
    batch: int = 20
    rate: float = 3e-3
    replies_each: int = REPLIES_EACH
    least: int = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended: epochs done, the epoch that was kept, and its validation loss in nats a piece."""

    epochs: int
    kept: int
    validation: float


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
        self._chance = random.Random(seed)

    def fit(self, lesson: Lesson, held_out: Sequence[Example], pace: Pace, report: Report) -> Outcome:
        """Train until the epochs, the time or the patience run out, and keep the best average.

        Raises:
            TrainingError: If the loss stops being a number.
        """
        steps = math.ceil(len(lesson.draw(random.Random(0), each=pace.replies_each)) / pace.batch)
        optimizer = torch.optim.AdamW(_groups(self._model), lr=pace.rate, betas=(0.9, 0.98))
        total = max(1, steps * pace.epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_share(step, total))
        average = copy.deepcopy(self._model).eval()
        best, kept, best_loss = average.state_dict(), 0, math.inf
        began = time.monotonic()
        epoch = 0
        for epoch in range(1, pace.epochs + 1):
            self._model.train()
            losses, tokens, start = [0.0], 0, time.monotonic()
            for examples in self._batches(lesson, pace):
                losses.append(self._step(optimizer, examples))
                schedule.step()
                blend(average, self._model)
                tokens += sum(len(example.source) + len(example.target) for example in examples)
            if not math.isfinite(sum(losses)):
                raise TrainingError("the loss is no number any more; train again with another seed")
            validation = self.validate(average, held_out)
            if validation < best_loss or epoch <= pace.least or not held_out:
                best, kept, best_loss = copy.deepcopy(average.state_dict()), epoch, validation
            now = time.monotonic()
            each = (now - began) / epoch
            left = min(each * (pace.epochs - epoch), max(0.0, pace.deadline - now))
            loss = sum(losses) / max(1, len(losses) - 1)
            report(Progress("compose", epoch, pace.epochs, loss, validation, tokens / max(now - start, 1e-9), left))
            if epoch - kept >= pace.patience or now + each > pace.deadline:
                break
        self._model.load_state_dict(best)
        self._model.eval()
        return Outcome(epoch, kept, best_loss)

    @torch.inference_mode()
    def validate(self, model: Seq2Seq, examples: Sequence[Example]) -> float:
        """Mean loss on held-out examples; 0 where there are none."""
        model.eval()
        parts = [examples[at : at + 32] for at in range(0, len(examples), 32)]
        return sum(float(self._loss(model, part, 0.0)) * len(part) for part in parts) / max(1, len(examples))

    def _batches(self, lesson: Lesson, pace: Pace) -> list[list[Example]]:
        """One epoch: replies of like length together, in random order."""
        examples = sorted(
            lesson.draw(self._chance, each=pace.replies_each),
            key=lambda example: len(example.target) + self._chance.random() * 8,
        )
        batches = [examples[at : at + pace.batch] for at in range(0, len(examples), pace.batch)]
        self._chance.shuffle(batches)
        return batches

    def _step(self, optimizer: torch.optim.Optimizer, examples: Sequence[Example]) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = self._loss(self._model, examples, 0.1)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

    def _loss(self, model: Seq2Seq, examples: Sequence[Example], smoothing: float) -> Tensor:
        """Teacher forcing: the decoder reads the true pieces so far and is asked for the next one."""
        source, sizes = pad([list(example.source) for example in examples])
        encoded = model.encoder(source, sizes)
        target, lengths = pad([list(example.target) for example in examples], padding=self._tokenizer.pad)
        begin = torch.full((len(examples), 1), self._tokenizer.begin)
        keys = model.decoder.prepare(encoded, source)
        scores, _, _ = model.decoder(torch.cat([begin, target[:, :-1]], 1), model.decoder.begin(encoded.last), keys)
        real = torch.arange(target.shape[1]) < lengths[:, None]
        places = torch.where(real, model.decoder.places[target], -100).flatten()
        return F.cross_entropy(scores.flatten(0, 1), places, label_smoothing=smoothing, ignore_index=-100)


def _groups(model: Seq2Seq) -> list[dict[str, object]]:
    """Weight decay for matrices, none for biases and embeddings."""
    decayed = [p for name, p in model.named_parameters() if p.dim() > 1 and "embedding" not in name]
    rest = [p for name, p in model.named_parameters() if p.dim() <= 1 or "embedding" in name]
    return [{"params": decayed, "weight_decay": 0.01}, {"params": rest, "weight_decay": 0.0}]
