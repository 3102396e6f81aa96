"""Hashed word and character features: what lexical ranking and the linear model see of a text.

Words are runs of letters and digits; Chinese, which does not part words, gives single characters and pairs. Grams are
character 3- to 5-grams within a word with its borders marked, for Chinese one to three characters: they survive typing
errors.
Hashing (Weinberger et al. 2009) needs no vocabulary, so that new words cost nothing.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from itertools import pairwise

from engine.text.normalise import matching

BUCKETS = 1 << 20
_TOKEN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+|[^\\W_\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_LONGEST_TOKEN = 64  # a longer run of letters is no word that anybody will ask for again


@lru_cache(maxsize=4096)  # one message is looked at from several sides, and an entry with every reply
def tokens(text: str) -> tuple[str, ...]:
    """Words and Chinese runs of a text in its matching form; a long Chinese run comes in several parts."""
    found: list[str] = []
    for token in _TOKEN.findall(matching(text)):
        end = len(token) if _is_chinese(token) else _LONGEST_TOKEN
        found.extend(token[at : at + _LONGEST_TOKEN] for at in range(0, min(len(token), end), _LONGEST_TOKEN))
    return tuple(found)


def words(text: str) -> list[int]:
    """Buckets of the words of a text; repeated words repeat."""
    found: list[int] = []
    for token in tokens(text):
        found.extend(_word(token))
    return found


def grams(text: str) -> list[int]:
    """Buckets of the character n-grams of a text."""
    found: list[int] = []
    for token in tokens(text):
        found.extend(_grams(token))
    return found


def mixed(text: str) -> list[int]:
    """Buckets of words, pairs of words and character n-grams: what the linear model is trained on."""
    parts = tokens(text)
    found = [bucket for token in parts for bucket in (*_word(token), *_grams(token))]
    found.extend(_bucket(f"p{first} {second}") for first, second in pairwise(parts))
    return found


def _is_chinese(token: str) -> bool:
    return "\u3400" <= token[0] <= "\u9fff" or "\uf900" <= token[0] <= "\ufaff"


@lru_cache(maxsize=65536)
def _word(token: str) -> tuple[int, ...]:
    if not _is_chinese(token):
        return (_bucket(f"w{token}"),)
    pairs = (token[at : at + 2] for at in range(len(token) - 1))
    return tuple(_bucket(f"w{part}") for part in (*token, *pairs))


@lru_cache(maxsize=65536)
def _grams(token: str) -> tuple[int, ...]:
    if _is_chinese(token):
        return tuple(_bucket(f"g{token[at : at + size]}") for size in (1, 2, 3) for at in range(len(token) - size + 1))
    marked = f" {token} "
    return tuple(
        _bucket(f"g{marked[at : at + size]}") for size in (3, 4, 5) for at in range(max(1, len(marked) - size + 1))
    )


def _bucket(text: str) -> int:
    return zlib.crc32(text.encode("utf-8")) & (BUCKETS - 1)
