"""Training the sentence encoder: cross entropy over the entries, and questions of one entry drawn together.

AdamW with warm-up and cosine decay, clipped gradients, label smoothing, masked words, and a running average of the
weights, which is what is kept. The dense vector is trained by supervised contrast (Khosla et al. 2020) on the same
batches, which helps the scores as well.
"""

from __future__ import annotations

import copy
import math
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.training.noise import Noise
from engine.training.options import Progress, Report
from engine.training.steps import blend, rate_share
from engine.understand.network import Batch, SentenceEncoder
from engine.understand.reader import TextReader
from engine.understand.words import UNKNOWN, ReadWord, together

POOL = 10  # batches that are sorted by length together
_SMOOTHING = 0.1
_CONTRAST = 0.5  # how much the contrast counts beside the cross entropy
_TEMPERATURE = 0.15
_MASKED = 0.12  # share of words that are hidden in training; of half of them the n-grams stay
_KEPT = 0.98  # of the running average, at every step

Asked = tuple[list[ReadWord], int]


@dataclass(frozen=True, slots=True)
class Pace:
    """How an encoder is trained.

    ``deadline`` is a time of ``time.monotonic``; ``rate`` is the highest learning rate, of which weights that were
    trained before take ``share``.
    """

    stage: str
    epochs: int
    deadline: float
    batch: int = 64
    rate: float = 3e-3
    share: float = 1.0


class UnderstandingTrainer:
    """Trains a sentence encoder in place.

    Args:
        encoder: The network.
        reader: Turns questions into words or pieces.
        seed: Of everything random here; PyTorch's own is set by the caller.
    """

    def __init__(self, encoder: SentenceEncoder, reader: TextReader, *, seed: int) -> None:
        self._encoder = encoder
        self._reader = reader
        self._chance = random.Random(seed)

    def fit(
        self, questions: Sequence[tuple[str, int]], pace: Pace, report: Report, *, chatter: Sequence[str] = ()
    ) -> int:
        """Train until the epochs or the time run out; the running average of the weights is kept.

        Args:
            questions: Texts with their classes; the number of entries stands for "none of them".
            pace: How.
            report: Called after every epoch.
            chatter: Sentences that are now and then put before or after a question.

        Returns:
            How many epochs were done.

        Raises:
            TrainingError: If the loss stops being a number.
        """
        noise = Noise(self._chance, chatter)
        steps = math.ceil(len(questions) / pace.batch) * pace.epochs
        optimizer = torch.optim.AdamW(self._groups(pace), betas=(0.9, 0.98), weight_decay=0.01, fused=True)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: rate_share(step, steps))
        average = copy.deepcopy(self._encoder).eval()
        began, epoch, step = time.monotonic(), 0, 0
        for epoch in range(1, pace.epochs + 1):
            self._encoder.train()
            losses, count, start = [], 0, time.monotonic()
            for asked in self._batches(questions, noise, pace.batch):
                losses.append(self._step(optimizer, asked))
                schedule.step()
                step += 1
                blend(average, self._encoder, min(_KEPT, step / (step + 1)))
                count += sum(len(words) for words, _ in asked)
            loss = sum(losses) / max(1, len(losses))
            if not math.isfinite(loss):
                raise TrainingError("the loss is no number any more; train again with another seed")
            now = time.monotonic()
            each = (now - began) / epoch
            left = min(each * (pace.epochs - epoch), max(0.0, pace.deadline - now))
            report(Progress(pace.stage, epoch, pace.epochs, loss, 0.0, count / max(now - start, 1e-9), left))
            if now + each > pace.deadline:
                break
        self._encoder.load_state_dict(average.state_dict())
        self._encoder.eval()
        return epoch

    def _trained(self) -> list[nn.Parameter]:
        return [parameter for parameter in self._encoder.parameters() if parameter.requires_grad]

    def _groups(self, pace: Pace) -> list[dict[str, object]]:
        """The entry scores are new to every knowledge; the rest may have been trained before."""
        new = set(map(id, self._encoder.head.parameters()))
        before = [parameter for parameter in self._trained() if id(parameter) not in new]
        own = [parameter for parameter in self._trained() if id(parameter) in new]
        return [{"params": before, "lr": pace.rate * pace.share}, {"params": own, "lr": pace.rate}]

    def _batches(self, questions: Sequence[tuple[str, int]], noise: Noise, size: int) -> Iterator[list[Asked]]:
        """One epoch: fresh noise, and batches of questions of like length in random order."""
        order = list(questions)
        self._chance.shuffle(order)
        read = self._reader.read_all([noise.question(text) for text, _ in order])
        asked = [(self._masked(words), place) for words, (_, place) in zip(read, order, strict=True)]
        batches: list[list[Asked]] = []
        for at in range(0, len(asked), size * POOL):
            pool = sorted(asked[at : at + size * POOL], key=lambda one: len(one[0]))
            batches.extend(pool[start : start + size] for start in range(0, len(pool), size))
        self._chance.shuffle(batches)
        yield from batches

    def _masked(self, words: list[ReadWord]) -> list[ReadWord]:
        return [self._hidden(word) if self._chance.random() < _MASKED else word for word in words]

    def _hidden(self, word: ReadWord) -> ReadWord:
        return replace(word, row=UNKNOWN, grams=word.grams if self._chance.random() < 0.5 else ())

    def _step(self, optimizer: torch.optim.Optimizer, asked: Sequence[Asked]) -> float:
        optimizer.zero_grad(set_to_none=True)
        places = torch.tensor([place for _, place in asked])
        pooled = self._encoder.encode(as_batch([words for words, _ in asked]))
        loss = F.cross_entropy(self._encoder.scores(pooled), places, label_smoothing=_SMOOTHING)
        loss = loss + _CONTRAST * _contrast(self._encoder.vectors(pooled), places)
        loss.backward()  # type: ignore[no-untyped-call]  # PyTorch leaves it untyped
        nn.utils.clip_grad_norm_(self._trained(), 1.0)
        optimizer.step()
        return float(loss.detach())


def as_batch(texts: Sequence[Sequence[ReadWord]]) -> Batch:
    """Read texts as tensors."""
    words = together(texts)
    return Batch(*(torch.from_numpy(part) for part in (words.words, words.grams, words.starts, words.lengths)))


def _contrast(vectors: Tensor, places: Tensor) -> Tensor:
    """Supervised contrast over a batch; texts whose entry stands alone in it are left out."""
    alike = vectors @ vectors.T / _TEMPERATURE
    itself = torch.eye(len(places), dtype=torch.bool)
    same = (places[:, None] == places[None]) & ~itself
    pairs = same.sum(dim=1)
    if not bool(pairs.any()):
        return vectors.sum() * 0.0
    chances = alike.masked_fill(itself, float("-inf")).log_softmax(dim=1).masked_fill(~same, 0.0)
    return -(chances.sum(dim=1)[pairs > 0] / pairs[pairs > 0]).mean()
