"""Training the tokenizer of the base: byte-level BPE over both languages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from benchmarks.pretrain.corpus import Corpus
from benchmarks.pretrain.grammar import Said
from engine.text.normalise import clean, matching
from engine.text.tokenise import PieceTokenizer

_CASED = 4  # every so manieth text is also seen as it was typed: answers are written with capitals
_COMPOSED_EVERY = 10  # their words repeat: a tenth of them shows all
_CHINESE_SHARE = 2  # Chinese texts count so often: there are a quarter as many of them as English ones


def train_pieces(corpus: Corpus, composed: Sequence[Said], size: int) -> PieceTokenizer:
    """Learn at most ``size`` pieces."""
    return PieceTokenizer.train(_texts(corpus, composed), size=size)


def _texts(corpus: Corpus, composed: Sequence[Said]) -> Iterator[str]:
    for one in composed[::_COMPOSED_EVERY]:
        yield f" {matching(one.english)}"
        yield f" {matching(one.chinese)}"
    for at, text in enumerate(corpus.english):
        yield f" {matching(text)}"
        if at % _CASED == 0:
            yield f" {clean(text)}"
    for _ in range(_CHINESE_SHARE):
        yield from (f" {matching(text)}" for text in corpus.chinese)
