"""Hashed word and character features: what lexical ranking and the kernel model see of a text.

Words are runs of letters and digits; Chinese, which does not part words, gives single characters and pairs. Grams are
character 3- to 5-grams within a word with its borders marked, for Chinese one to three characters: they survive typing
errors.
Hashing (Weinberger et al. 2009) needs no vocabulary, so that new words cost nothing.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise

from engine.text.normalise import matching

BUCKETS = 1 << 22
_TOKEN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_LONGEST_TOKEN = 64  # a longer run of letters is no word that anybody will ask for again


@lru_cache(maxsize=4096)  # one message is looked at from several sides, and an entry with every reply
def tokens(text: str) -> tuple[str, ...]:
    """Words and Chinese runs of a text in its matching form; a long Chinese run comes in several parts."""
    return tuple(_tokens(matching(text)))


@lru_cache(maxsize=4096)
def units(text: str) -> tuple[str, ...]:
    """What a text consists of for an index: its words, and of a Chinese run the up to three characters from each place.

    The words and the n-grams of a text are those of its units, each as often as it occurs.
    """
    return tuple(_units(tokens(text)))


def units_of(form: str) -> list[str]:
    """The same of a text that is in its matching form already; nothing is kept, so that a million can be read."""
    return _units(_tokens(form))


def _tokens(form: str) -> list[str]:
    found: list[str] = []
    for token in _TOKEN.findall(form):
        end = len(token) if _is_chinese(token) else _LONGEST_TOKEN
        found.extend(token[at : at + _LONGEST_TOKEN] for at in range(0, min(len(token), end), _LONGEST_TOKEN))
    return found


def _units(tokens: Iterable[str]) -> list[str]:
    found: list[str] = []
    for token in tokens:
        if _is_chinese(token):
            found.extend(token[at : at + 3] for at in range(len(token)))
        else:
            found.append(token)
    return found


def words(text: str) -> list[int]:
    """Buckets of the words of a text; repeated words repeat."""
    return [bucket for unit in units(text) for bucket in words_of(unit)]


def grams(text: str) -> list[int]:
    """Buckets of the character n-grams of a text."""
    return [bucket for unit in units(text) for bucket in grams_of(unit)]


def pairs(text: str) -> list[int]:
    """Buckets of the pairs of neighbouring words of a text."""
    return [_bucket(f"p{first} {second}") for first, second in pairwise(tokens(text))]


def around(token: str) -> list[tuple[str, tuple[int, ...]]]:
    """A token as words with the buckets of their n-grams; a Chinese run is one word a character.

    The n-grams of a Chinese character are those of up to three characters that hold it and its neighbours.
    """
    if not _is_chinese(token):
        return [(token, grams_of(token))]
    ends = f" {token} "
    return [(ends[at], _neighbourhood(ends[at - 1 : at + 2])) for at in range(1, len(ends) - 1)]


@lru_cache(maxsize=65536)
def _neighbourhood(three: str) -> tuple[int, ...]:
    return tuple(_bucket(f"n{part}") for part in (three[1], three[:2], three[1:], three))


def _is_chinese(token: str) -> bool:
    return "\u3400" <= token[0] <= "\u9fff" or "\uf900" <= token[0] <= "\ufaff"


@lru_cache(maxsize=65536)
def words_of(unit: str) -> tuple[int, ...]:
    """Buckets of the words that begin a unit: the word itself, for Chinese a character and a pair."""
    if not _is_chinese(unit):
        return (_bucket(f"w{unit}"),)
    return _beginnings(unit[:2], _WORD)


@lru_cache(maxsize=65536)
def grams_of(unit: str) -> tuple[int, ...]:
    """Buckets of the character n-grams of a unit; for Chinese those that begin where it begins."""
    if _is_chinese(unit):
        return _beginnings(unit, _GRAM)
    marked = f" {unit} "
    if marked.isascii():  # one byte a character, so that bytes are cut instead of text
        data = marked.encode("ascii")
        return tuple([zlib.crc32(data[at : at + size], _GRAM) & (BUCKETS - 1) for at, size in _cuts(len(data))])
    return tuple(_bucket(f"g{marked[at : at + size]}") for at, size in _cuts(len(marked)))


_WORD, _GRAM = zlib.crc32(b"w"), zlib.crc32(b"g")


def _beginnings(unit: str, kind: int) -> tuple[int, ...]:
    """Buckets of the first Chinese character, the first two, and so on: each goes on where the one before ended."""
    found = []
    for character in unit:
        kind = zlib.crc32(character.encode("utf-8"), kind)
        found.append(kind & (BUCKETS - 1))
    return tuple(found)


@lru_cache(maxsize=_LONGEST_TOKEN + 2)
def _cuts(length: int) -> tuple[tuple[int, int], ...]:
    """Begin and size of the n-grams of a word with its borders marked."""
    return tuple((at, size) for size in (3, 4, 5) for at in range(max(1, length - size + 1)))


def _bucket(text: str) -> int:
    return zlib.crc32(text.encode("utf-8")) & (BUCKETS - 1)
