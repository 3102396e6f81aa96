"""Vectors in which texts of one meaning lie together: those of an encoder, joined with the words that texts share.

Meaning alone takes "my card was stolen" and "my card was swallowed" for nearly the same. The words are projected at
random into a fixed width (count sketch, Charikar et al. 2002), so that the similarity of two texts stays one product of
two short vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from engine.ports import TextEncoder
from engine.text.features import BUCKETS, pairs, words

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

_WORDS = 0.3  # share of the similarity that shared words make, chosen on banking77 and bitext
_WIDTH = 256  # of the projected words
_MIXERS = np.array(
    [0x9E3779B1, 0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F], np.uint64
)  # odd numbers; a word gets a place by each
_LOW = np.uint64(0xFFFFFFFF)


class Joined:
    """Gives vectors of texts by meaning and words; how rare a word is, ``texts`` say.

    Args:
        encoder: Knows what texts mean.
        texts: The texts among which others are to be found; a word that only one of them has counts nowhere.
    """

    def __init__(self, encoder: TextEncoder, texts: Sequence[str]) -> None:
        self._encoder = encoder
        self._counts = np.zeros(BUCKETS, np.int32)
        self._size = len(texts)
        for text in texts:
            self._counts[_buckets(text)] += 1

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Unit vectors, whose cosines are the weighted mean of those by meaning and by words. Shape: (texts, V)."""
        meaning = self._encoder.vectors(texts) * np.float32((1 - _WORDS) ** 0.5)
        return _unit(np.concatenate([meaning, self._sketched(texts) * np.float32(_WORDS**0.5)], axis=1))

    def _sketched(self, texts: Sequence[str]) -> Floats:
        """Words and pairs of words by their rarity, projected. Shape: (texts, 256)."""
        found = [_buckets(text) for text in texts]
        rows = np.repeat(np.arange(len(texts)), [len(one) for one in found])
        buckets = np.concatenate([*found, np.zeros(0, np.int64)])
        kept = self._counts[buckets] > 1
        rows, buckets = rows[kept], buckets[kept]
        rarity = np.log1p(self._size / self._counts[buckets])
        out = np.zeros(len(texts) * _WIDTH, np.float32)
        for mixer in _MIXERS:
            mixed = (buckets.astype(np.uint64) * mixer) & _LOW
            places = rows * _WIDTH + (mixed >> np.uint64(24)).astype(np.int64)
            signs = np.where((mixed >> np.uint64(23)) & np.uint64(1), 1.0, -1.0)
            out += np.bincount(places, signs * rarity, minlength=len(out)).astype(np.float32)
        return _unit(out.reshape(len(texts), _WIDTH))


def _buckets(text: str) -> Integers:
    return np.array(sorted({*words(text), *pairs(text)}), np.int64)


def _unit(vectors: Floats) -> Floats:
    return np.asarray(vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12), np.float32)
