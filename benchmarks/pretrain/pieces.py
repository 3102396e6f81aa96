"""Training the tokenizer of the base: byte-level BPE over both languages."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.pretrain.corpus import Corpus
from engine.text.normalise import clean, matching
from engine.text.tokenise import PieceTokenizer

_CASED = 4  # every so manieth text is also seen as it was typed: answers are written with capitals
_CHINESE_SHARE = 2  # Chinese texts count so often: there are a quarter as many of them as English ones


def train_pieces(corpus: Corpus, size: int) -> PieceTokenizer:
    """Learn at most ``size`` pieces."""
    return PieceTokenizer.train(_texts(corpus), size=size)


def _texts(corpus: Corpus) -> Iterator[str]:
    for at, text in enumerate(corpus.english):
        yield f" {matching(text)}"
        if at % _CASED == 0:
            yield f" {clean(text)}"
    for _ in range(_CHINESE_SHARE):
        yield from (f" {matching(text)}" for text in corpus.chinese)
