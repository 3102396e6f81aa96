"""Distilling the teacher into the student.

Three losses on the teacher's side: the cosine with its vector, and, which says more about neighbours, its similarities
with a few thousand other texts as a distribution (Fang et al. 2021: SEED). Beside it three contrasts: pairs that mean
the same; composed questions to one desk, of which two that ask the same should find each other among all the others
(Sung et al. 2023: pre-training intent-aware encoders); and Chinese texts read twice with other units dropped (Gao et
al. 2021: SimCSE), since most of them have no translation.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmarks.pretrain.grammar import Grammar
from benchmarks.pretrain.lesson import Drawing, Lesson, form
from benchmarks.pretrain.student import batch, encode
from engine.text.tokenise import PieceTokenizer
from engine.training.steps import blend, rate_share
from engine.understand.network import SentenceEncoder

_SHARPNESS = 1 / 0.05  # of similarities as distributions
_OTHERS = 2048  # texts that similarities are compared with, beside those of the batch
_CHINESE, _CHINESE_EVERY = 0.3, 6
_PAIRS, _PAIRS_EVERY = 0.2, 10
_COMPOSED, _COMPOSED_EVERY = 0.2, 5
_DROPPED = 0.1
_AVERAGED_EVERY, _KEPT = 5, 0.995


@dataclass(frozen=True, slots=True)
class Pace:
    """For how many ``minutes`` of the process's own time it is trained, ``batch`` texts a step at most at ``rate``."""

    minutes: float
    batch: int = 256
    rate: float = 2e-3
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Judged:
    """On texts that it was not taught: mean ``cosine`` with the teacher, Pearson ``correlation`` of all cosines between
    two texts with the teacher's, and the share of ``neighbours`` that are the teacher's too.
    """

    cosine: float
    correlation: float
    neighbours: float


def distil(
    network: SentenceEncoder,
    tokenizer: PieceTokenizer,
    lesson: Lesson,
    grammar: Grammar,
    pace: Pace,
    keep: Callable[[SentenceEncoder], None],
) -> SentenceEncoder:
    """Train until the time is up; a running average of the weights comes back, and goes to ``keep`` every minute."""
    drawing = Drawing(lesson, grammar, tokenizer, pace.batch, pace.seed)
    chinese, pairs, composed = drawing.chinese(), drawing.pairs(), drawing.composed()
    vectors = torch.from_numpy(lesson.vectors)
    taught = torch.tensor(sorted(set(lesson.rows)))
    optimizer = torch.optim.AdamW(network.parameters(), lr=pace.rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)
    average = copy.deepcopy(network).eval()
    began = said = time.process_time()
    step = 0
    losses: list[tuple[float, float]] = []
    while True:
        for pieces, rows in drawing.epoch():
            now = time.process_time()
            share = (now - began) / (60 * pace.minutes)
            if share >= 1:
                return average
            for group in optimizer.param_groups:
                group["lr"] = (
                    pace.rate * min(1.0, (step + 1) / 300) * rate_share(int(1000 * (0.05 + 0.95 * share)), 1000)
                )
            wanted = vectors[rows].float()
            found = encode(network, batch(pieces))
            apart = (1 - (found * wanted).sum(dim=1)).mean()
            others = vectors[taught[torch.randint(0, len(taught), (_OTHERS,))]].float()
            unlike = _unlike(found, wanted, others)
            loss = apart + unlike
            if step % _CHINESE_EVERY == 0:
                read = batch(next(chinese))
                loss = loss + _CHINESE * _contrast(_dropped(network, read), _dropped(network, read))
            if step % _PAIRS_EVERY == _PAIRS_EVERY // 2:
                loss = loss + _PAIRS * _alike(network, next(pairs))
            if step % _COMPOSED_EVERY == _COMPOSED_EVERY // 2:
                loss = loss + _COMPOSED * _alike(network, next(composed))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            step += 1
            if step % _AVERAGED_EVERY == 0:
                blend(average, network, min(_KEPT, step / (step + 9)))
            losses.append((float(apart.detach()), float(unlike.detach())))
            if now - said >= 60:
                said = now
                keep(average)
                cosine, similarity = np.mean(losses, axis=0)
                losses = []
                judged = judge(average, tokenizer, lesson)
                print(
                    f"{(now - began) / 60:.0f} min, step {step:,}: apart {cosine:.3f}, unlike {similarity:.3f}; "
                    f"held out: {judged}",
                    flush=True,
                )


@torch.no_grad()
def judge(network: SentenceEncoder, tokenizer: PieceTokenizer, lesson: Lesson) -> Judged:
    """How near the student is to the teacher on held-out sentences."""
    forms = [form(text) for text in lesson.held_out_texts]
    found = vectors_of(network, tokenizer.encode_all(forms))
    wanted = torch.from_numpy(lesson.vectors[list(lesson.held_out)]).float()
    own, theirs = found @ found.T, wanted @ wanted.T
    above = torch.triu_indices(len(found), len(found), 1)
    correlation = torch.corrcoef(torch.stack([own[tuple(above)], theirs[tuple(above)]]))[0, 1]
    itself = 2 * torch.eye(len(found))
    neighbours = ((own - itself).argmax(dim=1) == (theirs - itself).argmax(dim=1)).float().mean()
    return Judged(
        round(float((found * wanted).sum(1).mean()), 4), round(float(correlation), 4), round(float(neighbours), 4)
    )


@torch.no_grad()
def vectors_of(network: SentenceEncoder, pieces: list[list[int]], size: int = 128) -> Tensor:
    """Vectors of any number of texts. Shape: (texts, V)."""
    order = sorted(range(len(pieces)), key=lambda at: len(pieces[at]))
    found = torch.zeros(len(pieces), network.sizes.vector)
    for start in range(0, len(order), size):
        rows = order[start : start + size]
        found[rows] = encode(network, batch([pieces[row] for row in rows]))
    return found


def _unlike(found: Tensor, wanted: Tensor, others: Tensor) -> Tensor:
    """How differently student and teacher spread their attention over other texts, those of the batch among them."""
    every = torch.cat([others, wanted])
    itself = torch.zeros(len(found), len(every), dtype=torch.bool)
    itself[:, len(others) :] = torch.eye(len(found), dtype=torch.bool)
    theirs = (wanted @ every.T * _SHARPNESS).masked_fill(itself, -1e9).softmax(dim=1)
    own = (found @ every.T * _SHARPNESS).masked_fill(itself, -1e9).log_softmax(dim=1)
    return F.kl_div(own, theirs, reduction="batchmean")


def _contrast(first: Tensor, second: Tensor) -> Tensor:
    """Every text should find its own partner among those of the batch."""
    return F.cross_entropy(first @ second.T * _SHARPNESS, torch.arange(len(first)))


def _alike(network: SentenceEncoder, pairs: tuple[list[list[int]], list[list[int]]]) -> Tensor:
    first, second = (encode(network, batch(side)) for side in pairs)
    return (_contrast(first, second) + _contrast(second, first)) / 2


def _dropped(network: SentenceEncoder, read: object) -> Tensor:
    """Vectors with units dropped at random."""
    network.dropout.p = network.embedding_dropout.p = _DROPPED
    found = encode(network, read)
    network.dropout.p = network.embedding_dropout.p = 0.0
    return found
