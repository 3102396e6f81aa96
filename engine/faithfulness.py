"""Whether a composed reply says only what its sources say.

Numbers, links, addresses and codes must stand in the entry or in the customer's own words; so must names; a "not" must
not appear or vanish; and nearly every word must come from the sources. What fails is not repaired: the entry speaks in
its own words instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from engine.knowledge.template import values_in
from engine.text.features import tokens
from engine.text.normalise import matching

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|neither|nor|without|cannot|can't|\w+n't)\b|[不没无未勿别非]", re.IGNORECASE
)
_SENTENCE = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w'-]+")
_COVERED = 0.8
_FREE = frozenset(
    word
    for line in (
        "a an and are as at be but by can do for from have i if in is it of on or our so that the then there this to",
        "us we will with yes you your please sorry thank thanks hello hi sure course glad welcome help about which",
        "what when",
    )
    for word in line.split()
)
_FREE_CHINESE = frozenset("的了是在和我们您你请可以会就也都吗呢吧啊好谢感抱歉这那有为需要到后")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a reply is faithful, and if not, why in words."""

    faithful: bool
    reason: str = ""


def check(reply: str, entry: str, said: Sequence[str]) -> Verdict:
    """Compare a reply with its sources.

    Args:
        reply: What was composed, with values filled in.
        entry: The entry in its own words, with values filled in.
        said: What the customer said, in this turn and before, and slot values.
    """
    sources = " ".join([entry, *said])
    known = matching(sources)
    values = {matching(value) for source in (entry, *said) for value in values_in(source)}
    strange = [value for value in values_in(reply) if matching(value) not in values]
    if strange:
        return Verdict(False, f"{strange[0]!r} stands in no source")
    name = next((name for name in _NAME.findall(reply) if matching(name) not in known), None)
    if name:
        return Verdict(False, f"the name {name!r} stands in no source")
    slip = _negation(reply, entry)
    if slip:
        return Verdict(False, slip)
    covered = _covered(reply, sources)
    if covered < _COVERED:
        return Verdict(False, f"only {covered:.0%} of its words stand in the sources")
    return Verdict(True)


def _negation(reply: str, entry: str) -> str:
    """Every sentence of the reply must deny as often as the sentence of the entry that it is made from."""
    originals = [sentence for sentence in _SENTENCE.split(entry) if sentence.strip()]
    for sentence in _SENTENCE.split(reply):
        if not sentence.strip() or not originals:
            continue
        own = set(_parts(sentence))
        nearest = max(originals, key=lambda original: len(own & set(_parts(original))))
        if not own & set(_parts(nearest)):
            continue
        said, meant = len(_NEGATION.findall(sentence)), len(_NEGATION.findall(nearest))
        if (said > 0) != (meant > 0) and not _is_part(sentence, nearest):
            return f"{sentence.strip()!r} denies {'more' if said else 'less'} than its source"
    return ""


def _is_part(sentence: str, original: str) -> bool:
    """True where the sentence stands word for word in its source, as a whole clause: leaving out others denies nothing."""
    part = re.escape(matching(sentence).rstrip(".!。！"))
    return re.search(rf"(?:^|[,;:.!?。]\s*){part}\s*(?:$|[,;:.!?。])", matching(original)) is not None


def _covered(reply: str, sources: str) -> float:
    known = set(_parts(sources))
    words = [word for word in _parts(reply) if word not in _FREE and word not in _FREE_CHINESE]
    return sum(word in known for word in words) / len(words) if words else 1.0


def _parts(text: str) -> list[str]:
    """Words; of Chinese, single characters."""
    found: list[str] = []
    for token in tokens(text):
        found.extend(token if token[0] >= "\u3400" else (token,))
    return found
