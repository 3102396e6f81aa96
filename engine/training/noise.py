"""Noise on training questions: typing errors, dropped words, and chatter around the question.

Drawn from a seeded generator, so that a run can be repeated. With few questions an entry this is what makes the encoder
look at more than one word of each.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "wa", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "x": "zc", "y": "tu", "z": "x",
}  # fmt: skip


class Noise:
    """Changes questions at random.

    Args:
        chance: Source of randomness.
        chatter: Sentences of which one is now and then put before or after a question.
    """

    def __init__(self, chance: random.Random, chatter: Sequence[str]) -> None:
        self._chance = chance
        self._chatter = chatter

    def question(self, text: str) -> str:
        """A question as somebody else might have typed it."""
        words = text.split(" ")
        if len(words) > 3 and self._chance.random() < 0.5:
            words = [word for word in words if self._chance.random() > 0.12] or words
        if self._chance.random() < 0.35:
            at = self._chance.randrange(len(words))
            words[at] = self.slip(words[at])
        text = " ".join(words)
        if self._chatter and self._chance.random() < 0.12:
            other = self._chance.choice(self._chatter)
            return f"{other} {text}" if self._chance.random() < 0.6 else f"{text} {other}"
        return text

    def slip(self, word: str) -> str:
        """A word with one typing error; words of less than four characters stay as they are."""
        if len(word) < 4:
            return word
        at = self._chance.randrange(len(word) - 1)
        kind = self._chance.randrange(4)
        if kind == 0:
            return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        if kind == 1:
            return word[:at] + word[at + 1 :]
        if kind == 2:
            return word[:at] + word[at] * 2 + word[at + 1 :]
        near = _NEIGHBOURS.get(word[at].casefold())
        return word[:at] + self._chance.choice(near) + word[at + 1 :] if near else word
