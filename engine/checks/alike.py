"""Questions that are nearly the same: other marks, small words, order of words, endings, or one typing error.

No question is compared with all others. What may differ is taken away, and questions of which the same is left are in
one group: one look into a table for each. For a typing error every rare word is looked up among the words that one
deletion makes of it (Garbe 2012, SymSpell), and the question is looked up once more with the right word in its place.
Both are linear in the number of questions. What carries meaning stays: numbers, names, "not", "when" against "where".
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from rapidfuzz.distance import OSA

from engine.text.features import tokens
from engine.text.stopwords import STOP_WORDS, is_chinese

Words = tuple[str, ...]

_SMALL_WORDS = frozenset(
    word
    for line in (
        "a an the please hi hello hey there dear sorry thanks just really also so well ok okay um is s are re am m",
    )
    for word in line.split()
)
_SMALL_CHARACTERS = str.maketrans("您", "你", "吗呢啊吧呀哦嗯的了请")
_POLITE = ("你好", "请问", "麻烦", "谢谢")
_DIRECTIONS = frozenset(
    word
    for line in ("to from into in for than before after with without by of on off not t no or and",)
    for word in line.split()
)
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_FEWEST_TO_REORDER = 3
_SHORTEST_TYPO = 5  # letters: one letter more or less makes of many a shorter word another one
_KNOWN = 3  # questions from which on a word is a word, and no typing error


def alike(texts: Sequence[str]) -> list[tuple[int, ...]]:
    """Groups of places in ``texts`` whose questions are nearly the same, each ascending, of at least two."""
    signatures = [signature(text) for text in texts]
    by_form: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for number, words in enumerate(signatures):
        for form in _forms(words):
            by_form[form].append(number)
    groups = _Groups(len(texts))
    for numbers in by_form.values():
        for number in numbers[1:]:
            groups.join(numbers[0], number)
    typos = _neighbours(Counter(word for words in signatures for word in set(words)), _names(texts))
    for number, words in enumerate(signatures):
        for corrected in _corrections(words, typos):
            for other in by_form.get(("in order", *corrected), ())[:1]:
                groups.join(other, number)
    return groups.found()


def signature(text: str) -> Words:
    """The words of a question that carry meaning, without plural endings; a Chinese run is one word.

    A question that consists of usual words alone keeps all of them: "hey you" is not "are you well".
    """
    whole = tokens(text)
    found = (_chinese(token) if is_chinese(token) else _english(token) for token in whole)
    words = tuple(word for word in found if word)
    return whole if STOP_WORDS.issuperset(words) else words


def _chinese(run: str) -> str:
    for words in _POLITE:
        run = run.replace(words, "")
    return run.translate(_SMALL_CHARACTERS)


def _english(word: str) -> str:
    if word in _SMALL_WORDS:
        return ""
    plural = len(word) > 3 and word.endswith("s") and word[-2] not in "sui"
    return word[:-1] if plural else word


def _forms(words: Words) -> Iterator[tuple[object, ...]]:
    """What another question must share to be nearly the same; nothing for a question of small words alone."""
    if words:
        yield ("in order", *words)
    if len(words) >= _FEWEST_TO_REORDER and _DIRECTIONS.isdisjoint(words) and not any(map(is_chinese, words)):
        yield ("in any order", *sorted(words))


def _names(texts: Sequence[str]) -> set[str]:
    """Words with a capital within a sentence: Ireland and Iceland are two countries and no typing error."""
    return {_english(name.casefold()) for text in texts for name in _NAME.findall(text)}


def _neighbours(counts: Counter[str], names: set[str]) -> dict[str, tuple[str, ...]]:
    """For every rare word the words that are one typing error away; of two names neither is one."""
    by_part: dict[str, list[str]] = defaultdict(list)
    words = [word for word in counts if len(word) >= _SHORTEST_TYPO and word.isalpha() and not is_chinese(word)]
    for word in words:
        for part in shortened(word):
            by_part[part].append(word)
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        if counts[word] < _KNOWN:
            near = {other for part in shortened(word) for other in by_part[part] if other != word}
            near -= names if word in names else set()
            found[word] = tuple(sorted(other for other in near if OSA.distance(word, other, score_cutoff=1) == 1))
    return {word: near for word, near in found.items() if near}


def shortened(word: str) -> set[str]:
    """A word, and what one deletion makes of it: two words that are one error apart have one of these in common."""
    return {word, *(word[:place] + word[place + 1 :] for place in range(len(word)))}


def _corrections(words: Words, typos: dict[str, tuple[str, ...]]) -> Iterator[Words]:
    for place, word in enumerate(words):
        for other in typos.get(word, ()):
            yield (*words[:place], other, *words[place + 1 :])


class _Groups:
    """Numbers in disjoint groups, at first each by itself."""

    def __init__(self, size: int) -> None:
        self._first = list(range(size))

    def join(self, one: int, other: int) -> None:
        """Make one group of those of two numbers."""
        one, other = sorted((self._lead(one), self._lead(other)))
        self._first[other] = one

    def found(self) -> list[tuple[int, ...]]:
        """The groups of at least two, each ascending."""
        groups: dict[int, list[int]] = defaultdict(list)
        for number in range(len(self._first)):
            groups[self._lead(number)].append(number)
        return [tuple(numbers) for numbers in groups.values() if len(numbers) > 1]

    def _lead(self, number: int) -> int:
        while self._first[number] != number:
            self._first[number] = number = self._first[self._first[number]]
        return number
