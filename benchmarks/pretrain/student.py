"""The student: the sentence encoder of the engine, and where its pieces begin.

A piece begins with the teacher's vector of its own text; a Chinese piece, which the teacher cannot read, with the mean
of the teacher's vectors of the translations of what it occurs in, less the mean of all. The mean of the embeddings
then says something about a text from the first step on, and the recurrent layers learn what it leaves open.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.pretrain.lesson import Lesson
from engine.seq2seq.model import pad
from engine.text.tokenise import MARKS, SLOT_NAMES, PieceTokenizer
from engine.understand.network import Batch, EncoderSizes, SentenceEncoder, initialise
from engine.understand.reader import cut

LONGEST = 48  # pieces of a text that are read
_RARE = 1e-3  # share of all pieces below which a piece counts in full (Arora et al. 2017)
_LEAST = 3  # translations that a Chinese piece has to occur in
_SMALL = 0.1  # what the recurrent layers say at first, beside the mean of the embeddings

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sizes:
    """``hidden`` units a direction; the embedding is as wide as the vectors, so that it can begin with them."""

    vector: int = 256
    hidden: int = 256
    heads: int = 4


def student(tokenizer: PieceTokenizer, sizes: Sizes) -> SentenceEncoder:
    """A network without entries."""
    found = EncoderSizes(
        tokenizer.size, 0, embedding=sizes.vector, hidden=sizes.hidden, heads=sizes.heads, vector=sizes.vector, grams=0
    )
    return initialise(SentenceEncoder(found, dropout=0.0, embedding_dropout=0.0))


def begin(network: SentenceEncoder, tokenizer: PieceTokenizer, lesson: Lesson, own: Mapping[int, Floats]) -> None:
    """Set where the pieces begin.

    Args:
        network: The student.
        tokenizer: Its pieces.
        lesson: What it will be taught.
        own: The teacher's vectors of the texts of pieces.
    """
    width = network.sizes.embedding
    table = network.words.weight.data
    rows = sorted(own)
    table[rows] = torch.from_numpy(np.stack([own[row] for row in rows]))
    for row, vector in _translated(tokenizer, lesson).items():
        table[row] = torch.from_numpy(vector)
    table[: len(MARKS)] = 0.0  # marks are nowhere in plain sentences
    counts = np.zeros(tokenizer.size)
    for pieces in tokenizer.encode_all(lesson.texts[::5]):
        np.add.at(counts, pieces, 1)
    share = torch.from_numpy((counts / counts.sum()).astype(np.float32))
    network.salience.weight.data[:, 0] = torch.log(_RARE / (_RARE + share))
    head = network.vector.weight.data
    head[:, :-width] *= _SMALL
    head[:, -width:] = torch.eye(width) / width**0.5


def _translated(tokenizer: PieceTokenizer, lesson: Lesson) -> dict[int, Floats]:
    """Mean vectors of the translations that Chinese pieces occur in."""
    mean = lesson.vectors.astype(np.float32).mean(axis=0)
    sums = np.zeros((tokenizer.size, lesson.vectors.shape[1]), np.float32)
    counts = np.zeros(tokenizer.size)
    pieces = tokenizer.encode_all([text for text, _ in lesson.translated])
    for found, (_, row) in zip(pieces, lesson.translated, strict=True):
        once = sorted(set(found))
        sums[once] += lesson.vectors[row].astype(np.float32) - mean
        counts[once] += 1
    often = [row for row in np.flatnonzero(counts >= _LEAST) if _is_chinese(tokenizer.decode([int(row)]))]
    found_ = {int(row): sums[row] / counts[row] for row in often}
    return {row: vector / np.linalg.norm(vector) for row, vector in found_.items()}


def with_named_slots(weights: Mapping[str, Floats], tokenizer: PieceTokenizer) -> dict[str, Floats]:
    """The weights, with the placeholders of slots as what their names say: no text that was learnt holds one."""
    found = {name: np.array(values, np.float32) for name, values in weights.items()}
    for name in SLOT_NAMES:
        pieces = tokenizer.encode(" " + name.replace("_", " "))
        for table in ("words.weight", "salience.weight"):
            found[table][tokenizer.number(f"⟨{name}⟩")] = found[table][pieces].mean(axis=0)
    return found


def batch(pieces: Sequence[list[int]]) -> Batch:
    """Texts in pieces as tensors."""
    words, lengths = pad([cut(one, LONGEST) for one in pieces])
    none = torch.zeros(0, dtype=torch.long)
    return Batch(words, none, none, lengths)


def encode(network: SentenceEncoder, read: Batch) -> Tensor:
    """Unit vectors of a batch; products in bfloat16, which is twice as fast where the processor can. Shape: (B, V)."""
    with torch.autocast("cpu", torch.bfloat16):
        pooled = network.encode(read)
    return network.vectors(pooled.float())


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)
