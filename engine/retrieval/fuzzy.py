"""Fuzzy comparison of a question with the short list: edit similarity, once in order and once with words sorted.

Never ``WRatio``, the library's default: it calls nearly everything similar.
"""

from __future__ import annotations

from collections.abc import Iterable

from rapidfuzz import fuzz


def similarity(text: str, others: Iterable[str]) -> tuple[float, float]:
    """Best ``ratio`` and best ``token_set_ratio`` of ``text`` with any of ``others``, in [0, 1].

    All texts are in their matching form.
    """
    in_order = sets = 0.0
    for other in others:
        in_order = max(in_order, fuzz.ratio(text, other))
        sets = max(sets, fuzz.token_set_ratio(text, other))
    return in_order / 100, sets / 100
