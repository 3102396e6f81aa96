"""Training the sentence encoder: cross entropy over the entries, and questions of one entry drawn together.

Label smoothing, masked words, and the loop of all networks (``loop.py``), of which the running average of the weights
is kept. The dense vector is trained by supervised contrast (Khosla et al. 2020) on the same batches, which helps the
scores as well.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.noise import Noise
from engine.training.running import Running
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
    trained before take ``share``; of old questions the share ``replayed`` is shown in every epoch.
    """

    stage: str
    epochs: int
    deadline: float
    batch: int = 64
    rate: float = 3e-3
    share: float = 1.0
    replayed: float = 0.0


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
        self._seed = seed

    def fit(
        self,
        questions: Sequence[tuple[str, int]],
        pace: Pace,
        running: Running,
        *,
        chatter: Sequence[str] = (),
        old: Sequence[tuple[str, int]] = (),
    ) -> Outcome:
        """Train until the epochs or the time run out; the running average of the weights is kept.

        Args:
            questions: Texts with their classes; the number of entries stands for "none of them".
            pace: How.
            running: What goes on around it.
            chatter: Sentences that are now and then put before or after a question.
            old: Questions of which ``pace.replayed`` is shown in every epoch.

        Raises:
            TrainingError: If the loss stops being a number.
        """
        task = _Understanding(self._reader, questions, pace, chatter, old)
        how = LoopPace(pace.stage, pace.epochs, pace.deadline, rate=pace.rate, kept=_KEPT)
        return Loop(self._encoder, task, how, running, seed=self._seed).run()


class _Understanding:
    """The task: which entry does a question ask for, and which questions ask for the same one."""

    def __init__(
        self,
        reader: TextReader,
        questions: Sequence[tuple[str, int]],
        pace: Pace,
        chatter: Sequence[str],
        old: Sequence[tuple[str, int]],
    ) -> None:
        self._reader = reader
        self._questions = questions
        self._pace = pace
        self._chatter = chatter
        self._old = old

    def batches(self, chance: random.Random) -> list[list[Asked]]:
        """One epoch: fresh noise, and batches of questions of like length in random order."""
        some = chance.sample(self._old, round(self._pace.replayed * len(self._old)))
        order, size = [*self._questions, *some], self._pace.batch
        noise = Noise(chance, self._chatter)
        chance.shuffle(order)
        read = self._reader.read_all([noise.question(text) for text, _ in order])
        asked = [(_masked(words, chance), place) for words, (_, place) in zip(read, order, strict=True)]
        batches: list[list[Asked]] = []
        for at in range(0, len(asked), size * POOL):
            pool = sorted(asked[at : at + size * POOL], key=lambda one: len(one[0]))
            batches.extend(pool[start : start + size] for start in range(0, len(pool), size))
        chance.shuffle(batches)
        return batches

    def loss(self, network: SentenceEncoder, batch: list[Asked]) -> Tensor:
        """Cross entropy of the entries, and the contrast."""
        device = next(network.parameters()).device
        places = torch.tensor([place for _, place in batch], device=device)
        pooled = network.encode(as_batch([words for words, _ in batch], device))
        loss = F.cross_entropy(network.scores(pooled), places, label_smoothing=_SMOOTHING)
        return loss + _CONTRAST * _contrast(network.vectors(pooled), places)

    def pieces(self, batch: list[Asked]) -> int:
        """Words of a batch."""
        return sum(len(words) for words, _ in batch)

    def validate(self, _network: SentenceEncoder) -> float:
        """Nothing is kept from training: how far it can be trusted is found by rehearsing."""
        return 0.0

    def groups(self, network: SentenceEncoder) -> list[dict[str, Any]]:
        """The entry scores are new to every knowledge; the rest may have been trained before."""
        new = set(map(id, network.head.parameters()))
        trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
        before = [parameter for parameter in trained if id(parameter) not in new]
        own = [parameter for parameter in trained if id(parameter) in new]
        return [{"params": before, "share": self._pace.share}, {"params": own}]


def _masked(words: list[ReadWord], chance: random.Random) -> list[ReadWord]:
    return [_hidden(word, chance) if chance.random() < _MASKED else word for word in words]


def _hidden(word: ReadWord, chance: random.Random) -> ReadWord:
    return replace(word, row=UNKNOWN, grams=word.grams if chance.random() < 0.5 else ())


def as_batch(texts: Sequence[Sequence[ReadWord]], device: torch.device | None = None) -> Batch:
    """Read texts as tensors, by default on the processor."""
    words = together(texts)
    parts = (words.words, words.grams, words.starts, words.lengths)
    return Batch(*(torch.from_numpy(part).to(device) for part in parts))


def _contrast(vectors: Tensor, places: Tensor) -> Tensor:
    """Supervised contrast over a batch; texts whose entry stands alone in it are left out."""
    alike = vectors @ vectors.T / _TEMPERATURE
    itself = torch.eye(len(places), dtype=torch.bool, device=places.device)
    same = (places[:, None] == places[None]) & ~itself
    pairs = same.sum(dim=1)
    if not bool(pairs.any()):
        return vectors.sum() * 0.0
    chances = alike.masked_fill(itself, float("-inf")).log_softmax(dim=1).masked_fill(~same, 0.0)
    return -(chances.sum(dim=1)[pairs > 0] / pairs[pairs > 0]).mean()
