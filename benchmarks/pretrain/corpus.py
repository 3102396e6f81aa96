"""The sentences and pairs that the base is made from, read from a folder of gzip files, see its README."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_SENTENCES = ("questions", "support", "chat", "instructions", "general")
_WORD = re.compile(r"[a-z][a-z'-]*[a-z]|[a-z]")
_LEAST = 3  # occurrences from which on a word is taught on its own


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and how alike they are, from 0 to 1."""

    first: str
    second: str
    alike: float


@dataclass(frozen=True, slots=True)
class Corpus:
    """All texts: ``english`` and ``chinese`` sentences, each once, ``pairs`` of one language, ``translations``."""

    english: tuple[str, ...]
    chinese: tuple[str, ...]
    pairs: tuple[Pair, ...]
    translations: tuple[tuple[str, str], ...]

    @classmethod
    def read(cls, folder: Path) -> Corpus:
        """Read a folder.

        Raises:
            FileNotFoundError: If it holds no sentences.
        """
        english = [line for name in _SENTENCES for line in _lines(folder / f"en-{name}.txt.gz")]
        chinese = [line for name in _SENTENCES for line in _lines(folder / f"zh-{name}.txt.gz")]
        if not english:
            raise FileNotFoundError(f"{folder}: no en-*.txt.gz there; it should hold plain sentences")
        alike = [*_pairs(folder / "pairs-en.tsv.gz"), *_pairs(folder / "pairs-zh.tsv.gz")]
        both = [(line.split("\t")[0], line.split("\t")[1]) for line in _lines(folder / "pairs-en-zh.tsv.gz")]
        for pair in alike:
            side = chinese if _is_chinese(pair.first) else english
            side.extend((pair.first, pair.second))
        english.extend(first for first, _ in both)
        chinese.extend(second for _, second in both)
        return cls(tuple(dict.fromkeys(english)), tuple(dict.fromkeys(chinese)), tuple(alike), tuple(both))

    def words(self) -> list[str]:
        """English words that occur at least three times, the most frequent first: taught alone, as a title would be."""
        counts = Counter(word for text in self.english for word in _WORD.findall(text.lower()))
        return [word for word, count in counts.most_common() if count >= _LEAST]


def _lines(path: Path) -> Iterator[str]:
    if path.exists():
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from (line.rstrip("\n") for line in lines)


def _pairs(path: Path) -> Iterator[Pair]:
    for line in _lines(path):
        first, second, label = line.split("\t")
        kind, _, grade = label.rpartition(":")
        most = {"": 1.0, "sts": 5.0, "rel": 2.0}[kind]
        yield Pair(first, second, float(grade) / most)


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= letter <= "\u9fff" for letter in text)
