"""How a question is written down for the sentence encoder: known words, and the character n-grams of every word.

A word that the training questions hold at least twice has a row of its own; every word, known or not, is also the sum
of its n-grams, so that a word with a typing error still lies near the word that was meant (Bojanowski et al. 2017).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.text.features import around, tokens
from engine.understand.slots import SlotFinder

Integers = NDArray[np.int64]

PADDING, UNKNOWN = 0, 1
NGRAM_ROWS = 10_000
LONGEST_QUESTION = 50  # words; of a longer text the beginning and the end are read, where the question mostly stands
_LEAST = 2  # a word that occurs once teaches nothing that its n-grams do not
_MOST_WORDS = 30_000


@dataclass(frozen=True, slots=True)
class Words:
    """Several texts as numbers, padded: ``words`` (B, S), their n-grams one after the other ``grams`` (G,), where those
    of each place begin ``starts`` (B * S,), and how many words each text has ``lengths`` (B,).
    """

    words: Integers
    grams: Integers
    starts: Integers
    lengths: Integers


@dataclass(frozen=True, slots=True)
class ReadWord:
    """One word: its row among the known words, and the rows of its n-grams."""

    row: int
    grams: tuple[int, ...]


class WordReader:
    """Text to known words and n-grams.

    Args:
        known: Known words in the order of their rows, from row 2 on.
        slots: Finds values whose text says nothing, such as order numbers: they are read as the name of their kind.
    """

    def __init__(self, known: Sequence[str], slots: SlotFinder) -> None:
        self.known = tuple(known)
        self._rows: Mapping[str, int] = {word: row for row, word in enumerate(self.known, UNKNOWN + 1)}
        self._slots = slots

    @classmethod
    def train(cls, texts: Iterable[str], slots: SlotFinder) -> WordReader:
        """Learn which words are known, the most frequent first."""
        counts: dict[str, int] = {}
        bare = cls((), slots)
        for text in texts:
            for word, _ in bare.split(text):
                counts[word] = counts.get(word, 0) + 1
        often = sorted((word for word, count in counts.items() if count >= _LEAST), key=lambda word: -counts[word])
        return cls(often[:_MOST_WORDS], slots)

    @property
    def size(self) -> int:
        """Rows of known words, padding and unknown included."""
        return len(self.known) + UNKNOWN + 1

    def split(self, text: str) -> list[tuple[str, int]]:
        """The words that are read, a row each: at least one, at most ``LONGEST_QUESTION``; Chinese by character."""
        return [(word, 1) for word, _ in self._parts(text)]

    def read_all(self, texts: Sequence[str]) -> list[list[ReadWord]]:
        """Rows of every word of each text."""
        return [self.read(text) for text in texts]

    def knows(self, word: str) -> bool:
        """True for a known word."""
        return word in self._rows

    def read(self, text: str) -> list[ReadWord]:
        """Rows of every word of a text."""
        return [
            ReadWord(self._rows.get(word, UNKNOWN), tuple(1 + bucket % (NGRAM_ROWS - 1) for bucket in grams))
            for word, grams in self._parts(text)
        ]

    def _parts(self, text: str) -> list[tuple[str, tuple[int, ...]]]:
        parts = [part for token in tokens(self._slots.masked(text)) for part in around(token)] or [("", ())]
        if len(parts) <= LONGEST_QUESTION:
            return parts
        half = LONGEST_QUESTION // 2
        return parts[:half] + parts[half - LONGEST_QUESTION :]


def together(texts: Sequence[Sequence[ReadWord]]) -> Words:
    """Several read texts as padded arrays."""
    lengths = np.asarray([len(text) for text in texts], np.int64)
    size = int(lengths.max())
    words = np.full((len(texts), size), PADDING, np.int64)
    counts = np.ones((len(texts), size), np.int64)  # a place without n-grams holds the padding row
    grams: list[int] = []
    for at, text in enumerate(texts):
        for place, word in enumerate(text):
            words[at, place] = word.row
            counts[at, place] = max(1, len(word.grams))
            grams.extend(word.grams or (PADDING,))
        grams.extend([PADDING] * (size - len(text)))
    starts = np.concatenate([[0], np.cumsum(counts.ravel())[:-1]])
    return Words(words, np.asarray(grams, np.int64), starts.astype(np.int64), lengths)
