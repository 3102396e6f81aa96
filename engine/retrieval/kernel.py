"""A kernel machine over words and meaning: kernel ridge regression on entry codes.

With few questions an entry it beats any network trained from nothing, and it trains in seconds. Over words, pairs of
words and character n-grams the kernel is a cubic polynomial of the cosine between two questions, so that it sees which
features occur together and not only which occur: as good as a support vector machine over the same features, without
its inner optimisation. Over the vectors of a text encoder it is a Gaussian. Where both are there, their weighted sum;
how much each weighs is chosen by what every question would get if it were left out.
Rifkin, Lippert 2007: Notes on Regularized Least Squares; Schölkopf, Smola 2002 (polynomial and Gaussian kernels).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from engine.ports import TextEncoder
from engine.text.features import grams, pairs, words
from engine.text.normalise import matching

if TYPE_CHECKING:
    from torch import Tensor

Floats = NDArray[np.float32]
Integers = NDArray[np.int64]

MOST_SUPPORT = 10_000  # questions that the machine is trained on; the matrix of all pairs has to fit into memory
MOST_WEIGHTS = 40_000_000  # beyond this the weights would outgrow all the rest of a checkpoint
_RIDGE = 0.1
_OFFSET = 0.5  # how much a question counts that has no feature in common
_DEGREE = 3
_NARROWNESS = 4.0  # of the Gaussian over unit vectors
_SHARES = (0.2, 0.35, 0.5, 0.7, 1.0)  # of the words that are tried, beside what meaning gets
_SHARE = 0.35  # where there is nothing to choose by
_ROWS = 1024  # of the matrix that are made at a time
_MOST_TRIED = 1500  # questions that the share is chosen by
_NEAREST = 400  # of many questions only the nearest are weighed: the others add next to nothing
_DENSE = 3_000_000  # weights up to which all are weighed


class Cosines:
    """Cosines of a text with stored texts, over TF-IDF weights; words with pairs, and n-grams, count half each.

    ``buckets`` (F,) are the features that occur, sorted, ``rarity`` (F,) their inverse document frequencies, ``starts``
    (F + 1,) where the postings of each begin; ``documents`` and ``weights`` (P,) are the postings.
    """

    def __init__(
        self,
        buckets: Integers,
        rarity: Floats,
        starts: Integers,
        documents: NDArray[np.int32],
        weights: Floats,
        size: int,
    ) -> None:
        self._buckets = buckets
        self._rarity = rarity
        self._starts = starts
        self._documents = documents
        self._weights = weights
        self.size = size

    @classmethod
    def build(cls, texts: Sequence[str], counted: Sequence[str]) -> Cosines:
        """Index texts; how rare a feature is, is counted in ``counted``."""
        channels = [_channels(text) for text in texts]
        buckets = np.unique(_joined([np.concatenate(both) for both in channels]))
        spread = _spread(buckets, counted)
        rarity = (np.log((1 + len(counted)) / (1 + spread)) + 1).astype(np.float32)
        empty = cls(buckets, rarity, np.zeros(1, np.int64), np.zeros(0, np.int32), rarity[:0], 0)
        vectors = [empty.vector(both) for both in channels]
        owners = np.repeat(np.arange(len(texts), dtype=np.int32), [len(columns) for columns, _ in vectors])
        columns = np.concatenate([columns for columns, _ in vectors]) if vectors else np.zeros(0, np.int64)
        weights = np.concatenate([values for _, values in vectors]) if vectors else rarity[:0]
        order = np.argsort(columns, kind="stable")
        starts = np.searchsorted(columns[order], np.arange(len(buckets) + 1))
        return cls(empty._buckets, rarity, starts.astype(np.int64), owners[order], weights[order], len(texts))

    def vector(self, channels: Sequence[Integers]) -> tuple[Integers, Floats]:
        """Columns and weights of the known features; each channel has length √½, so that both together have 1."""
        found: list[Integers] = []
        values: list[Floats] = []
        for features in channels:
            wanted, counts = np.unique(features, return_counts=True)
            if not len(wanted) or not len(self._buckets):
                continue
            at = np.minimum(np.searchsorted(self._buckets, wanted), len(self._buckets) - 1)
            known = self._buckets[at] == wanted
            columns = at[known]
            weights = (1 + np.log(counts[known])) * self._rarity[columns]
            length = float(np.sqrt(2 * (weights**2).sum()))
            found.append(columns)
            values.append((weights / length if length else weights).astype(np.float32))
        if not found:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        return np.concatenate(found).astype(np.int64), np.concatenate(values)

    def of(self, text: str) -> Floats:
        """Cosine with every stored text. Shape: (size,)."""
        columns, weights = self.vector(_channels(text))
        if not len(columns):
            return np.zeros(self.size, np.float32)
        begins, ends = self._starts[columns], self._starts[columns + 1]
        lengths = ends - begins
        # the places of all postings at once: a running number, moved to where each run begins
        places = np.arange(int(lengths.sum())) + np.repeat(begins - np.cumsum(lengths) + lengths, lengths)
        values = self._weights[places] * np.repeat(weights, lengths)
        return np.bincount(self._documents[places], values, minlength=self.size).astype(np.float32)

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The index as named arrays, for a checkpoint."""
        return {
            f"{prefix}.buckets": self._buckets.astype(np.int32),
            f"{prefix}.rarity": self._rarity,
            f"{prefix}.starts": self._starts,
            f"{prefix}.documents": self._documents,
            f"{prefix}.postings": self._weights.astype(np.float16),
            f"{prefix}.size": np.asarray([self.size], np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> Cosines:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        return cls(
            arrays[f"{prefix}.buckets"].astype(np.int64),
            arrays[f"{prefix}.rarity"].astype(np.float32, copy=False),
            arrays[f"{prefix}.starts"].astype(np.int64, copy=False),
            arrays[f"{prefix}.documents"].astype(np.int32, copy=False),
            arrays[f"{prefix}.postings"].astype(np.float32),
            int(arrays[f"{prefix}.size"].astype(np.int64)[0]),
        )


class KernelModel:
    """Scores every entry for a text: about 1 for the right one and 0 for the others.

    Args:
        cosines: The questions that it was trained on, its support.
        weights: One row a question of the support, one column an entry, (S, C).
        vectors: Unit vectors of the support, (S, V); of width 0 where words are all there is.
        share: How much the words weigh beside the meaning.
    """

    def __init__(self, cosines: Cosines, weights: Floats, vectors: Floats, share: float) -> None:
        self._cosines = cosines
        self._weights = weights
        self._vectors = vectors
        self._share = share

    @property
    def classes(self) -> int:
        """How many entries it knows."""
        return int(self._weights.shape[1])

    def scores(self, text: str, vector: Floats) -> Floats:
        """Score of every entry.

        Args:
            text: A text.
            vector: Its unit vector, of the same encoder as the support's; not looked at where the support has none.

        Shape:
            vector: (V,)
            result: (classes,)
        """
        likeness = kernel(self._cosines.of(text))
        if self._vectors.shape[1]:
            likeness = self._share * likeness + (1 - self._share) * gaussian(self._vectors @ vector)
        if self._weights.size <= _DENSE or len(likeness) <= _NEAREST:
            return likeness @ self._weights
        nearest = np.argpartition(-likeness, _NEAREST)[:_NEAREST]
        return likeness[nearest] @ self._weights[nearest]

    def arrays(self, prefix: str) -> dict[str, NDArray[np.generic]]:
        """The model as named arrays, for a checkpoint."""
        return self._cosines.arrays(prefix) | {
            f"{prefix}.weights": self._weights.astype(np.float16),
            f"{prefix}.vectors": self._vectors.astype(np.float16),
            f"{prefix}.share": np.asarray([self._share], np.float32),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], prefix: str) -> KernelModel:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        weights = np.ascontiguousarray(arrays[f"{prefix}.weights"].astype(np.float32))
        vectors = np.ascontiguousarray(arrays[f"{prefix}.vectors"].astype(np.float32))
        share = float(arrays[f"{prefix}.share"].astype(np.float32)[0])
        return cls(Cosines.from_arrays(arrays, prefix), weights, vectors, share)


def kernel(cosines: Floats) -> Floats:
    """The cubic kernel of cosines, less its value at cosine 0."""
    floor = (_OFFSET / (1 + _OFFSET)) ** _DEGREE
    return np.asarray(((cosines + _OFFSET) / (1 + _OFFSET)) ** _DEGREE - floor, np.float32)


def gaussian(cosines: Floats) -> Floats:
    """The Gaussian kernel of unit vectors with these cosines, less its value at cosine 0."""
    floor = np.exp(np.float32(-_NARROWNESS))
    return np.asarray(np.exp(_NARROWNESS * (cosines - 1)) - floor, np.float32)


def fit_kernel(
    texts: Sequence[str],
    places: Sequence[int],
    *,
    classes: int,
    counted: Sequence[str],
    encoder: TextEncoder | None = None,
) -> KernelModel | None:
    """Train on questions and the places of their entries; place -1 is a question that belongs to none.

    How rare a word is, is counted in ``counted``; without an ``encoder`` there is no meaning, and words are all.

    What is asked several times counts once, and what several entries claim is shared between them. Of more than
    ``MOST_SUPPORT`` questions every entry keeps an even share. None where there are so many entries that the weights
    would be more than ``MOST_WEIGHTS``.
    """
    import torch

    typed = {matching(text): text for text in reversed(texts)}  # as typed, for an encoder that knows capitals
    asked = list(dict.fromkeys(zip(map(matching, texts), places, strict=True)))
    kept = [asked[at] for at in _support([place for _, place in asked])]
    owners: dict[str, list[int]] = {}
    for text, place in kept:
        owners.setdefault(text, []).append(place)
    if len(owners) * classes > MOST_WEIGHTS:
        return None
    forms = list(owners)
    cosines = Cosines.build(forms, counted)
    vectors = np.zeros((len(forms), 0), np.float32)
    if encoder is not None:
        vectors = encoder.vectors([typed[form] for form in forms])
    target = torch.zeros(len(forms), classes)
    for row, own in enumerate(owners.values()):
        target[row, [place for place in own if place >= 0]] = 1 / len(own)
    matrix = torch.empty(len(forms), len(forms))
    for row, text in enumerate(forms):
        matrix[row] = torch.from_numpy(kernel(cosines.of(text)))
    share = 1.0
    if encoder is not None:
        share = _share_of_words(matrix, torch.from_numpy(vectors), target)
        matrix *= share
        for at in range(0, len(forms), _ROWS):
            alike = gaussian(vectors[at : at + _ROWS] @ vectors.T)
            matrix[at : at + _ROWS].add_(torch.from_numpy(alike), alpha=1 - share)
    matrix.diagonal().add_(_RIDGE)
    factor = torch.linalg.cholesky(matrix, out=matrix)  # in place: the matrix is the largest thing of a whole training
    weights = torch.cholesky_solve(target, factor)
    return KernelModel(cosines, weights.numpy().astype(np.float32), vectors, share)


def _share_of_words(words: Tensor, vectors: Tensor, target: Tensor) -> float:
    """The share of the words with which most questions, each left out in turn, would find their entry.

    What a kernel machine would say to a question that it was trained without needs no second training (Rifkin, Lippert
    2007). Of many questions some are drawn, every so manieth. Another share than the usual has to be better by more
    than the standard error (Breiman et al. 1984).
    """
    import torch

    own = target.argmax(dim=1)
    known = target.amax(dim=1) > 0
    several = known & (torch.bincount(own[known], minlength=target.shape[1])[own] > 1)
    if not bool(several.any()):
        return _SHARE
    rows = torch.arange(0, len(target), max(1, -(-len(target) // _MOST_TRIED)))
    lexical, wanted, counted = words[rows][:, rows], target[rows], several[rows]
    if not bool(counted.any()):
        return _SHARE
    meant = torch.from_numpy(gaussian((vectors[rows] @ vectors[rows].T).numpy()))
    found: dict[float, float] = {}
    for share in _SHARES:
        inverse = torch.linalg.inv(share * lexical + (1 - share) * meant + _RIDGE * torch.eye(len(rows)))
        left_out = wanted - (inverse @ wanted) / inverse.diagonal()[:, None]
        found[share] = float((left_out.argmax(dim=1) == own[rows])[counted].float().mean())
    best = max(found, key=found.__getitem__)
    error = (found[best] * (1 - found[best]) / int(counted.sum())) ** 0.5
    return best if found[best] - found[_SHARE] > error else _SHARE


def _support(places: Sequence[int]) -> list[int]:
    """Numbers of the questions that are kept: all, or of every entry the first so many."""
    if len(places) <= MOST_SUPPORT:
        return list(range(len(places)))
    by_entry: dict[int, list[int]] = {}
    for at, place in enumerate(places):
        by_entry.setdefault(place, []).append(at)
    kept: list[int] = []
    rounds = iter(range(len(places)))
    while len(kept) < MOST_SUPPORT:
        turn = next(rounds)
        kept.extend(own[turn] for own in by_entry.values() if turn < len(own))
    return sorted(kept[:MOST_SUPPORT])


def _joined(arrays: Sequence[Integers]) -> Integers:
    return np.concatenate(arrays) if arrays else np.zeros(0, np.int64)


def _spread(buckets: Integers, counted: Sequence[str]) -> Integers:
    """In how many texts each bucket occurs."""
    every = _joined([np.unique(np.concatenate(_channels(text))) for text in counted])
    at = np.searchsorted(buckets, every)
    known = at[(at < len(buckets)) & (buckets[np.minimum(at, len(buckets) - 1)] == every)] if len(buckets) else at[:0]
    return np.bincount(known, minlength=len(buckets)).astype(np.int64)


def _channels(text: str) -> tuple[Integers, Integers]:
    return np.asarray(words(text) + pairs(text), np.int64), np.asarray(grams(text), np.int64)
