"""Composed texts against the texts that were wanted: exact ones, BLEU, chrF, and how much the texts repeat themselves.

BLEU (Papineni et al. 2002) and chrF (Popović 2015) are sacrebleu's (Post 2018), with its signatures, so that figures
can be set beside those of others. It is an extra, since it brings lxml and five more packages for two figures.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import Any

from engine.text.features import tokens
from engine.text.normalise import matching
from engine.text.stopwords import is_chinese

MISSING = "BLEU and chrF need sacrebleu: pip install 'attendant[report]'"


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much texts have in common with those that were wanted, in [0, 100], and how that was counted."""

    bleu: float
    bleu_signature: str
    chrf: float
    chrf_signature: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """How composed texts compare with those that were wanted.

    ``exact`` is the share of texts that are the wanted one, in [0, 1], ``same_form`` of those that are in the form in
    which texts are compared. ``distinct_1`` and ``distinct_2`` are the shares of words and of pairs that are different
    ones (Li et al. 2016), ``wanted_1`` and ``wanted_2`` those of the wanted texts. ``overlap`` is None where there are
    no texts, or ``note`` says what is missing.
    """

    texts: int
    exact: float
    same_form: float
    distinct_1: float
    distinct_2: float
    wanted_1: float
    wanted_2: float
    overlap: Overlap | None
    note: str = ""

    def to_json(self) -> dict[str, Any]:
        """The figures as plain data."""
        return asdict(self)


def judge_texts(composed: Sequence[str], wanted: Sequence[str]) -> Judgement:
    """Compare texts pair by pair.

    Raises:
        ValueError: If there are not as many of one as of the other.
    """
    pairs = list(zip(composed, wanted, strict=True))
    exact = sum(_plain(one) == _plain(other) for one, other in pairs)
    same = sum(matching(one) == matching(other) for one, other in pairs)
    found = overlap(composed, wanted)
    return Judgement(
        texts=len(pairs),
        exact=exact / max(1, len(pairs)),
        same_form=same / max(1, len(pairs)),
        distinct_1=distinct(composed, 1),
        distinct_2=distinct(composed, 2),
        wanted_1=distinct(wanted, 1),
        wanted_2=distinct(wanted, 2),
        overlap=found,
        note=MISSING if pairs and found is None else "",
    )


def distinct(texts: Iterable[str], size: int) -> float:
    """The share of different ones among all runs of ``size`` words, in [0, 1]; Chinese counts by character."""
    counts: Counter[tuple[str, ...]] = Counter()
    for text in texts:
        words = _words(text)
        counts.update(tuple(words[at : at + size]) for at in range(len(words) - size + 1))
    return len(counts) / max(1, counts.total())


def overlap(composed: Sequence[str], wanted: Sequence[str]) -> Overlap | None:
    """BLEU and chrF of all texts together; None where there are none, or sacrebleu is not installed.

    Words are parted as WMT does it (``13a``), or as it does for Chinese where any wanted text is.
    """
    if not composed:
        return None
    try:
        metrics = import_module("sacrebleu.metrics")
    except ImportError:
        return None
    bleu = metrics.BLEU(tokenize="zh" if any(map(_holds_chinese, wanted)) else "13a", force=True)
    chrf = metrics.CHRF()
    scores = [metric.corpus_score(list(composed), [list(wanted)]).score for metric in (bleu, chrf)]
    signatures = [str(metric.get_signature()) for metric in (bleu, chrf)]
    return Overlap(_sure(scores[0]), signatures[0], _sure(scores[1]), signatures[1])


def _sure(score: float) -> float:
    return float(score) if math.isfinite(score) else 0.0


def _words(text: str) -> list[str]:
    return [word for token in tokens(text) for word in (token if is_chinese(token) else (token,))]


def _holds_chinese(text: str) -> bool:
    return any(map(is_chinese, tokens(text)))


def _plain(text: str) -> str:
    return " ".join(text.split())
