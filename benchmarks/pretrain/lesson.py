"""What the student is taught: texts with the teacher's vectors, Chinese texts by themselves, and pairs."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.pretrain.corpus import Corpus
from benchmarks.pretrain.grammar import Grammar, Said
from benchmarks.pretrain.teacher import WIDTH
from engine.text.normalise import clean, matching
from engine.text.tokenise import PieceTokenizer
from engine.training.noise import Noise

HELD_OUT = 2000
_NOISY = 0.2  # share of texts with a slip of the finger, a word missing, or no mark at the end
_CASED = 0.08  # share of texts that are read as they were typed
_POOL = 64  # batches that are sorted by length together
_FEWEST = 32
_TRANSLATED_EVERY = 2  # every so manieth composed question is taught in Chinese too


@dataclass(frozen=True, slots=True)
class Lesson:
    """All that is taught.

    ``texts`` as typed with, in ``rows``, the row of ``vectors`` (N, V) that each should have: English sentences, single
    words, composed questions, and Chinese translations. ``translated`` are the Chinese ones among them, in the form
    that is read, ``chinese`` all Chinese texts, ``pairs`` texts that mean the same, ``held_out`` the rows that are kept
    for judging.
    """

    texts: tuple[str, ...]
    rows: tuple[int, ...]
    vectors: NDArray[np.float16]
    translated: tuple[tuple[str, int], ...]
    chinese: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    held_out: tuple[int, ...]
    held_out_texts: tuple[str, ...]

    @classmethod
    def of(cls, corpus: Corpus, words: Sequence[str], composed: Sequence[Said], vectors: NDArray[np.float16]) -> Lesson:
        """A lesson from a corpus.

        Args:
            corpus: Sentences and pairs.
            words: Single words that are taught as well.
            composed: Questions composed by the grammar.
            vectors: The teacher's vectors of the English sentences and, after them, of the words and of what was
                composed.
        """
        place = {text: row for row, text in enumerate(corpus.english)}
        held = set(held_out(corpus.english))
        said = [one.english for one in composed]
        english = [(text, row) for row, text in enumerate((*corpus.english, *words, *said)) if row not in held]
        translated = [(second, place[first]) for first, second in corpus.translations if place[first] not in held]
        before = len(corpus.english) + len(words)
        translated.extend((one.chinese, before + at) for at, one in enumerate(composed) if at % _TRANSLATED_EVERY == 0)
        alike = [
            (pair.first, pair.second)
            for pair in corpus.pairs
            if pair.alike == 1 and not {place.get(pair.first), place.get(pair.second)} & held
        ]
        every = [*english, *translated]
        return cls(
            tuple(text for text, _ in every),
            tuple(row for _, row in every),
            vectors,
            tuple((form(text), row) for text, row in translated),
            corpus.chinese,
            tuple(alike),
            tuple(sorted(held)),
            tuple(corpus.english[row] for row in sorted(held)),
        )


def held_out(english: Sequence[str]) -> list[int]:
    """Rows of the English sentences that are kept for judging, in random order: the same for the same sentences."""
    return random.Random(7).sample(range(len(english)), min(HELD_OUT, len(english) // 10))


def form(text: str) -> str:
    """The form in which texts are read, see ``engine.understand.reader``."""
    return f" {matching(text)}"


class Drawing:
    """Draws batches: piece numbers of texts of like length, and the rows of the teacher's vectors.

    Args:
        lesson: What to draw from.
        grammar: Composes pairs.
        tokenizer: The pieces.
        size: Texts of a batch.
        seed: Of everything random.
    """

    def __init__(self, lesson: Lesson, grammar: Grammar, tokenizer: PieceTokenizer, size: int, seed: int) -> None:
        self._lesson = lesson
        self._grammar = grammar
        self._tokenizer = tokenizer
        self._size = size
        self._chance = random.Random(seed)
        self._noise = Noise(self._chance, ())

    def epoch(self) -> Iterator[tuple[list[list[int]], list[int]]]:
        """Every text once, with fresh noise."""
        order = list(range(len(self._lesson.texts)))
        self._chance.shuffle(order)
        for start in range(0, len(order), self._size * _POOL):
            part = order[start : start + self._size * _POOL]
            pieces = self._tokenizer.encode_all([self._read(self._lesson.texts[at]) for at in part])
            for rows in self._alike([len(one) for one in pieces], self._size):
                yield [pieces[row] for row in rows], [self._lesson.rows[part[row]] for row in rows]

    def chinese(self) -> Iterator[list[list[int]]]:
        """Chinese texts by themselves, half as many a batch, without end."""
        half = self._size // 2
        while True:
            part = self._chance.sample(self._lesson.chinese, min(len(self._lesson.chinese), half * _POOL // 2))
            pieces = self._tokenizer.encode_all([form(text) for text in part])
            yield from ([pieces[row] for row in rows] for rows in self._alike([len(one) for one in pieces], half))

    def pairs(self) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
        """Texts that mean the same, half as many a batch, without end."""
        while True:
            part = self._chance.sample(self._lesson.pairs, min(len(self._lesson.pairs), self._size // 2))
            first, second = ([form(pair[side]) for pair in part] for side in (0, 1))
            yield self._tokenizer.encode_all(first), self._tokenizer.encode_all(second)

    def composed(self) -> Iterator[tuple[list[list[int]], list[list[int]]]]:
        """Composed questions that mean the same, in either language, all of one domain, without end."""
        while True:
            both = self._grammar.alike(self._size // 2, self._chance)
            first, second = (self._chance.choices(("english", "chinese"), (3, 2))[0] for _ in range(2))
            yield (
                self._tokenizer.encode_all([self._read(getattr(one, first)) for one, _ in both]),
                self._tokenizer.encode_all([self._read(getattr(other, second)) for _, other in both]),
            )

    def _alike(self, lengths: Sequence[int], size: int) -> Iterator[list[int]]:
        """Batches of like length in random order; one that is too small to compare within is left out."""
        order = sorted(range(len(lengths)), key=lambda at: lengths[at])
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        self._chance.shuffle(batches)
        yield from (rows for rows in batches if len(rows) >= min(_FEWEST, size))

    def _read(self, text: str) -> str:
        text = f" {clean(text)}" if self._chance.random() < _CASED else form(text)
        kind = self._chance.random() / _NOISY
        if kind >= 1:
            return text
        words = text.split(" ")
        if kind < 0.7:
            at = self._chance.randrange(len(words))
            words[at] = self._noise.slip(words[at])
        elif len(words) > 4:
            del words[self._chance.randrange(1, len(words))]
        text = " ".join(words)
        return text.rstrip(" ?.!") or text if kind < 0.2 else text


def narrowed(vectors: NDArray[np.float16], width: int) -> NDArray[np.float16]:
    """The teacher's vectors in their first ``width`` principal directions, of length 1 again.

    Of 384 directions 256 hold 95 % of what they say, and neighbours stay neighbours.
    """
    some = vectors[:200_000].astype(np.float32)
    _, directions = np.linalg.eigh(some.T @ some)
    found = vectors.astype(np.float32) @ directions[:, ::-1][:, :width] if width < WIDTH else vectors.astype(np.float32)
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float16)
