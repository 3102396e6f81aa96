"""The training loop: both lessons at once, one step of each at a time.

AdamW with warm-up and cosine decay, clipped gradients, label smoothing, a running average of the weights, and early
stopping: what is kept is the average of the epoch with the least validation loss.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.seq2seq.model import Seq2Seq, pad
from engine.text.tokenise import PieceTokenizer
from engine.training.lesson import Example, Lesson
from engine.training.noise import Noise
from engine.training.options import Progress, Report
from engine.understand.reader import QuestionReader

Item = TypeVar("Item")

POOL = 12  # batches that are sorted by length together


@dataclass(frozen=True, slots=True)
class Pace:
    """How a stage is trained. ``deadline`` is a time of ``time.monotonic``; ``patience`` counts epochs."""

    stage: str
    epochs: int
    deadline: float
    batch: int = 48
    rate: float = 3e-3
    patience: int = 6
    replies_each: int = 2
    least: int = 3


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended: epochs done, the epoch that was kept, and its validation loss."""

    epochs: int
    kept: int
    validation: float


class Trainer:
    """Trains a network in place.

    Args:
        model: The network.
        tokenizer: Its pieces.
        reader: Turns questions into pieces.
        seed: Of everything random here; PyTorch's own is set by the caller.
    """

    def __init__(self, model: Seq2Seq, tokenizer: PieceTokenizer, reader: QuestionReader, *, seed: int) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._reader = reader
        self._chance = random.Random(seed)

    def fit(
        self, lesson: Lesson, held_out: Lesson, pace: Pace, report: Report, *, chatter: Sequence[str] = ()
    ) -> Outcome:
        """Train until the epochs, the time or the patience run out, and keep the best average.

        Raises:
            TrainingError: If the loss stops being a number.
        """
        noise = Noise(self._chance, chatter)
        steps = sum(math.ceil(len(pool) / pace.batch) for pool in _parts(lesson.questions, pace.batch * POOL))
        optimizer = torch.optim.AdamW(_groups(self._model), lr=pace.rate, betas=(0.9, 0.98))
        total = max(1, steps * pace.epochs)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, total))
        average = copy.deepcopy(self._model).eval()
        best, kept, best_loss = average.state_dict(), 0, math.inf
        began = time.monotonic()
        epoch = 0
        for epoch in range(1, pace.epochs + 1):
            self._model.train()
            losses, tokens, start = [], 0, time.monotonic()
            for questions, examples in self._steps(lesson, noise, pace, steps):
                loss = self._step(optimizer, questions, examples)
                schedule.step()
                _blend(average, self._model)
                losses.append(loss)
                tokens += sum(len(pieces) for pieces, _ in questions)
                tokens += sum(len(example.source) + len(example.target) for example in examples)
            validation = self.validate(average, held_out)
            if not math.isfinite(sum(losses)):
                raise TrainingError("the loss is no number any more; train again with another seed")
            if validation < best_loss or epoch <= pace.least or not self._judged(held_out):
                best, kept, best_loss = copy.deepcopy(average.state_dict()), epoch, validation
            now = time.monotonic()
            left = (now - began) / epoch * (pace.epochs - epoch)
            speed = tokens / max(now - start, 1e-9)
            report(
                Progress(
                    pace.stage,
                    epoch,
                    pace.epochs,
                    sum(losses) / len(losses),
                    validation,
                    speed,
                    min(left, max(0.0, pace.deadline - now)),
                )
            )
            if epoch - kept >= pace.patience or now + (now - began) / epoch > pace.deadline:
                break
        self._model.load_state_dict(best)
        self._model.eval()
        return Outcome(epoch, kept, best_loss)

    @staticmethod
    def _judged(held_out: Lesson) -> bool:
        """True where there is something to validate on; without it the last epoch is kept."""
        return bool(held_out.questions or held_out.turns)

    @torch.inference_mode()
    def validate(self, model: Seq2Seq, lesson: Lesson) -> float:
        """Mean loss of both parts on a held-out lesson; 0 for a part without examples."""
        model.eval()
        loss = 0.0
        questions = [(self._reader.pieces(text) or [0], place) for text, place in lesson.questions]
        if questions:
            parts = [self._understanding(model, list(part), 0.0) * len(part) for part in _parts(questions, 256)]
            loss += float(sum(parts)) / len(questions)
        if lesson.turns:
            parts = [self._composing(model, list(part), 0.0) * len(part) for part in _parts(lesson.turns, 32)]
            loss += float(sum(parts)) / len(lesson.turns)
        return loss

    def _steps(
        self, lesson: Lesson, noise: Noise, pace: Pace, steps: int
    ) -> Iterator[tuple[list[tuple[list[int], int]], list[Example]]]:
        """One epoch: shuffled questions with fresh noise, and replies of like length together."""
        order = list(lesson.questions)
        self._chance.shuffle(order)
        texts = self._reader.all_pieces([noise.question(text) for text, _ in order])
        questions = [(pieces or [0], place) for pieces, (_, place) in zip(texts, order, strict=True)]
        asked = self._alike(questions, pace.batch)
        examples = sorted(
            lesson.draw(self._chance, each=pace.replies_each),
            key=lambda example: len(example.target) + self._chance.random() * 8,
        )
        size = math.ceil(len(examples) / steps) if examples else 1
        batches = [examples[at : at + size] for at in range(0, len(examples), size)]
        self._chance.shuffle(batches)
        batches += [[]] * (steps - len(batches))
        for number, batch in enumerate(batches[:steps]):
            yield asked[number], batch

    def _alike(self, questions: list[tuple[list[int], int]], size: int) -> list[list[tuple[list[int], int]]]:
        """Batches of questions of like length, in random order; padding would cost more than the questions."""
        batches: list[list[tuple[list[int], int]]] = []
        for pool in _parts(questions, size * POOL):
            ordered = sorted(pool, key=lambda question: len(question[0]))
            batches.extend(list(part) for part in _parts(ordered, size))
        self._chance.shuffle(batches)
        return batches

    def _step(
        self, optimizer: torch.optim.Optimizer, questions: list[tuple[list[int], int]], examples: list[Example]
    ) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = self._understanding(self._model, questions, 0.1)
        if examples:
            loss = loss + self._composing(self._model, examples, 0.1)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        nn.utils.clip_grad_norm_(self._model.parameters(), 1.0)
        optimizer.step()
        return float(loss.detach())

    @staticmethod
    def _understanding(model: Seq2Seq, questions: list[tuple[list[int], int]], smoothing: float) -> Tensor:
        pieces, lengths = pad([text for text, _ in questions])
        scores = model.understand(model.encoder(pieces, lengths))
        return F.cross_entropy(scores, torch.tensor([place for _, place in questions]), label_smoothing=smoothing)

    def _composing(self, model: Seq2Seq, examples: list[Example], smoothing: float) -> Tensor:
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


def _rate(step: int, total: int) -> float:
    """Warm-up over a twentieth of the steps, then a cosine down to a fiftieth."""
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return 0.02 + 0.49 * (1 + math.cos(math.pi * (step - warm) / max(1, total - warm)))


@torch.no_grad()
def _blend(average: Seq2Seq, model: Seq2Seq, keep: float = 0.98) -> None:
    for old, new in zip(average.parameters(), model.parameters(), strict=True):
        old.lerp_(new, 1 - keep)


def _parts(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    for at in range(0, len(items), size):
        yield items[at : at + size]
