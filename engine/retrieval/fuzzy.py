"""Fuzzy comparison of a question with the short list: edit similarity, once in order and once with words sorted.

Never ``WRatio``, the library's default: it calls nearly everything similar.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.process import cdist

Floats = NDArray[np.float32]

_LONGEST = 500  # characters that are compared: beyond it is no question, and the time grows with the square


def similarity(text: str, others: Sequence[Sequence[str]]) -> Floats:
    """Best ``ratio`` and best ``token_set_ratio`` of ``text`` with any text of each group, in [0, 1].

    All texts are in their matching form. Shape: (groups, 2).
    """
    best = np.zeros((len(others), 2), np.float32)
    texts = [other[:_LONGEST] for other in chain.from_iterable(others)]
    if not texts:
        return best
    own = [text[:_LONGEST]]
    both = [cdist(own, texts, scorer=scorer)[0] / 100 for scorer in (fuzz.ratio, fuzz.token_set_ratio)]
    lengths = np.asarray([len(group) for group in others])
    filled = np.flatnonzero(lengths)
    starts = (np.cumsum(lengths) - lengths)[filled]
    best[filled] = np.maximum.reduceat(np.stack(both, axis=1), starts, axis=0)
    return best
