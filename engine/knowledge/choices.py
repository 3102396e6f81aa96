"""Short questions that stand for entries when the customer is to choose between them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence, Set
from heapq import nlargest

from engine.dialogue import Choice
from engine.knowledge.entries import Entry
from engine.knowledge.template import own_words
from engine.text.normalise import matching
from engine.text.stopwords import content

SHORT = 60
"""Columns that fit on a button; a Chinese character takes two."""
_WIDE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uff60]")
_LOOKED_AT = 40  # questions of an entry
_FEWEST = 4  # questions from which on a word that only one of them has is no usual one
_TELLING_WORDS = 3
_COMMON = 2 / 3  # of the content words of a first question must be in other questions of its entry as well
_NEARLY = 0.8  # of the best: a question may be worth so much less where it is shorter
_ANSWER = 30  # columns of an answer that tell two equal questions apart


class _Words:
    """How usual words are in the questions of an entry."""

    def __init__(self, questions: Sequence[str]) -> None:
        self._size = len(questions)
        self._counts = Counter(word for question in questions for word in set(content(question)))

    def share(self, word: str) -> float:
        """The share of the questions that have a word."""
        return self._counts[word] / self._size

    def common(self, words: Set[str]) -> float:
        """The share of a question's words that other questions have as well; 1 where there are too few to say."""
        if not words or self._size < _FEWEST:
            return float(bool(words))
        return sum(self._counts[word] > 1 for word in words) / len(words)


def choices(entries: Sequence[Entry]) -> tuple[Choice, ...]:
    """A choice for each entry: its first question where that is short, usual and unlike the others; else a better one.

    The better one is short and in words that are usual for this entry and not for the others. No two choices read the
    same: where the questions do, the beginning of the answer is added.
    """
    usual = [_Words(entry.questions[:_LOOKED_AT]) for entry in entries]
    firsts = [set(content(entry.questions[0])) for entry in entries]
    found: list[Choice] = []
    for place, entry in enumerate(entries):
        text = entry.questions[0]
        alike = any(firsts[place] <= first for at, first in enumerate(firsts) if at != place)
        if alike or width(text) > SHORT or usual[place].common(firsts[place]) < _COMMON:
            text = _best(entry, usual[place], [words for at, words in enumerate(usual) if at != place])
        if matching(text) in {matching(choice.text) for choice in found}:
            text = _told_apart(entry, text, found)
        found.append(Choice(entry.id, text))
    return tuple(found)


def width(text: str) -> int:
    """Columns that a text takes."""
    return len(text) + len(_WIDE.findall(text))


def shortened(text: str, columns: int) -> str:
    """The beginning of a text, in one line, where the whole is wider than ``columns``."""
    line = " ".join(text.split())
    if width(line) <= columns:
        return line
    while width(line) >= columns:
        line = line[: -max(1, (width(line) - columns) // 2)]
    return f"{line.rstrip()}…"


def _best(entry: Entry, usual: _Words, others: Sequence[_Words]) -> str:
    """The shortest of the questions that say most clearly what this entry is about and the others are not."""
    questions = entry.questions[:_LOOKED_AT]
    fitting = [question for question in questions if width(question) <= SHORT] or [min(questions, key=width)]
    worth = {question: _worth(set(content(question)), usual, others) for question in fitting}
    best = max(worth.values())
    if not best:
        return fitting[0]
    return min((question for question in fitting if worth[question] >= _NEARLY * best), key=width)


def _worth(words: Set[str], usual: _Words, others: Sequence[_Words]) -> float:
    """How far the most telling words of a question are more usual in its own entry than in any other, in [0, 1].

    Words that only this question has (a place, a typing error) make it worth less.
    """
    lead = (max(0.0, usual.share(word) - max((other.share(word) for other in others), default=0.0)) for word in words)
    return usual.common(words) * sum(nlargest(_TELLING_WORDS, lead)) / _TELLING_WORDS


def _told_apart(entry: Entry, text: str, found: Sequence[Choice]) -> str:
    """The question with the beginning of the answer, or with the entry's name where that is the same as well."""
    taken = {matching(choice.text) for choice in found}
    named = f"{text} ({shortened(own_words(entry.answer, {}), _ANSWER)})"
    return named if matching(named) not in taken else f"{text} ({entry.id})"
