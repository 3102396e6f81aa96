"""Whether a composed reply says only what its sources say.

What is composed must be made of whole sentences of the entry, in any choice that leaves out no "not" about what was
asked; a first answer leaves out nothing at all. Only courtesy may come and go, and a "yes" only where the entry says
yes as well. Besides, numbers, links, addresses, codes and names must stand in the entry or in the customer's own words,
and nothing is stammered. What fails is not repaired: the entry speaks in its own words instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from engine.knowledge.template import Template, values_in
from engine.text.features import tokens
from engine.text.normalise import matching
from engine.text.sentences import sentences

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nothing|neither|nor|without|cannot|can't|\w+n't)\b|[不没无未勿别非]", re.IGNORECASE
)
_CLAUSE = re.compile(r"[,;:()，；：（）]")
_NAME = re.compile(r"(?<![.!?:]\s)(?<!^)\b[A-Z][\w'-]+")
_PLACEHOLDER = re.compile(r"(⟨[^⟩]+⟩)")
_SYMBOL = re.compile(r"[<>≤≥≈~±×÷=+%‰&#*?]")
_COVERED = 0.8
_LEAST_WORDS = 3
_FREE = frozenset(
    word
    for line in (
        "a an and are as at be but by can do for from have i if in is it of on or our so that the then there this to",
        "us we will with yes you your please sorry thank thanks hello hi sure course glad welcome help about which",
        "what when",
    )
    for word in line.split()
)
_COURTESY = frozenset({"please", "sorry", "thank", "thanks", "hello", "hi", "welcome", "glad", "happy"})
_AROUND_COURTESY = frozenset(
    {"a", "am", "are", "be", "for", "help", "i", "m", "much", "of", "so", "to", "us", "very", "we", "you", "your"}
)
_AFFIRMATION = frozenset({"yes", "yeah", "sure", "certainly", "absolutely", "definitely", "of", "course"})
_FREE_CHINESE = frozenset("的了是在和我们您你请可以会就也都吗呢吧啊好谢感抱歉这那有为需要到后")


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a reply is faithful, and if not, why in words."""

    faithful: bool
    reason: str = ""


def review(
    written: str, form: Template, slots: Mapping[str, str], said: Sequence[str], *, whole: bool
) -> tuple[str, Verdict]:
    """Fill in what was composed with placeholders, and say whether it may be spoken.

    Args:
        written: The composed text with placeholders.
        form: The entry that it was composed from.
        slots: Slot values.
        said: What the customer said, in this turn and before.
        whole: True where no value of the entry may be left out.

    Returns:
        The text as the customer would read it (empty where it could not be filled in), and the verdict.
    """
    try:
        text = form.fill(slots, written).strip()
    except KeyError as error:
        return "", Verdict(False, f"there is no value for {error.args[0]}")
    if not text:
        return "", Verdict(False, "nothing was composed")
    if "\ufffd" in text:  # pieces are bytes: half a character can be written
        return text, Verdict(False, "it holds half a character")
    slip = _affirmed(written, form.text) or _rewritten(written, form.text)
    slip = slip or _left_out(written, form.text, said, whole=whole)
    if slip:
        return text, Verdict(False, slip)
    return text, check(text, form.fill(slots), [*said, *slots.values()])


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
    slip = _negation(reply, entry) or _stammer(reply, sources)
    if slip:
        return Verdict(False, slip)
    if _substance(reply, entry) < min(_LEAST_WORDS, _substance(entry, entry)):
        return Verdict(False, "it says too little of what the entry says")
    covered = _covered(reply, sources)
    if covered < _COVERED:
        return Verdict(False, f"only {covered:.0%} of its words stand in the sources")
    return Verdict(True)


def _negation(reply: str, entry: str) -> str:
    """Every sentence of the reply must deny as often as the sentence of the entry that it is made from."""
    originals = sentences(entry)
    for sentence in sentences(reply):
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


def _affirmed(written: str, original: str) -> str:
    """A yes to the customer's question that the original does not give."""

    def says_yes(text: str) -> bool:
        return any(_is_yes(words) for sentence in sentences(text) for words in _clauses(sentence))

    return "it says yes where the entry does not" if says_yes(written) and not says_yes(original) else ""


def _rewritten(written: str, original: str) -> str:
    """What is not a sentence of the original: a word left out of one can turn an estimate into a promise."""
    if any(written.count(opening) != written.count(closing) for opening, closing in ("()", "（）", "“”")):
        return "its brackets do not match"
    known = set(_sentences(original))
    strange = next((sentence for sentence in _sentences(written) if sentence not in known), None)
    return f"{' / '.join(strange)!r} is no sentence of the entry" if strange else ""


def _left_out(written: str, original: str, said: Sequence[str], *, whole: bool) -> str:
    """A sentence of the original that must not be missing: any at all, or a "not" about what was just asked."""
    there = set(_sentences(written))
    asked = set(_parts(said[-1])) - _FREE - _FREE_CHINESE if said else set()
    for sentence in sentences(original):
        missing = any(key not in there for key in _sentences(sentence))
        about = _NEGATION.search(sentence) and asked & set(_parts(sentence))
        if missing and (whole or about):
            return f"it leaves out {sentence.strip()!r}"
    return ""


def _sentences(text: str) -> list[tuple[str, ...]]:
    """Each sentence as its clauses, each clause as its words; courtesy and a yes by themselves are passed over."""
    found: list[tuple[str, ...]] = []
    for sentence in sentences(text):
        telling = [" ".join(words) for words in _clauses(sentence) if not _is_yes(words) and not _is_courtesy(words)]
        if telling:
            found.append(tuple(telling))
    return found


def _clauses(text: str) -> list[list[str]]:
    """The words and symbols of every clause that has some."""
    clauses = ([*_pieces(clause), *_SYMBOL.findall(matching(clause))] for clause in _CLAUSE.split(text))
    return [words for words in clauses if words]


def _is_courtesy(words: Sequence[str]) -> bool:
    return not _COURTESY.isdisjoint(words) and all(word in _COURTESY or word in _AROUND_COURTESY for word in words)


def _is_yes(words: Sequence[str]) -> bool:
    return _AFFIRMATION.issuperset(words)


def _stammer(reply: str, sources: str) -> str:
    """A word or pair of words said twice in a row, unless a source does so too."""
    words, known = _parts(reply), " ".join(_parts(sources))
    for size in (1, 2, 3):
        for at in range(len(words) - 2 * size + 1):
            once = words[at : at + size]
            if size == 1 and once[0] >= "\u3400":
                continue  # Chinese doubles characters in ordinary words
            if once == words[at + size : at + 2 * size] and " ".join([*once, *once]) not in known:
                return f"{' '.join(once)!r} is said twice"
    return ""


def _substance(text: str, entry: str) -> int:
    """How many different telling words of the entry a text has."""
    known = set(_parts(entry))
    return len({word for word in _parts(text) if word in known and word not in _FREE and word not in _FREE_CHINESE})


def _is_part(sentence: str, original: str) -> bool:
    """True where the sentence is a whole clause of its source: leaving out the others denies nothing."""
    part = re.escape(matching(sentence).rstrip(".!。！"))
    return re.search(rf"(?:^|[,;:.!?。]\s*){part}\s*(?:$|[,;:.!?。])", matching(original)) is not None


def _covered(reply: str, sources: str) -> float:
    known = set(_parts(sources))
    words = [word for word in _parts(reply) if word not in _FREE and word not in _FREE_CHINESE]
    return sum(word in known for word in words) / len(words) if words else 1.0


def _pieces(text: str) -> list[str]:
    """Words and placeholders."""
    return [part for piece in _PLACEHOLDER.split(text) for part in ([piece] if piece[:1] == "⟨" else _parts(piece))]


def _parts(text: str) -> list[str]:
    """Words; of Chinese, single characters."""
    found: list[str] = []
    for token in tokens(text):
        found.extend(token if token[0] >= "\u3400" else (token,))
    return found
