"""Stored questions in any number: made up from templates and a vocabulary, or read from plain text files.

Made-up words are as frequent as words are (Zipf): a few stand in every other question, most in hardly any. A third of
the questions is Chinese. What is made up repeats its patterns more than people do, so its postings are longer.
"""

from __future__ import annotations

import gzip
import random
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from benchmarks.datasets import DataError
from engine.retrieval.segment import Item
from engine.text.normalise import matching

QUESTIONS = 4  # of an entry
_KINDS = ("questions", "support", "chat", "instructions", "general")
_WORDS = 30_000
_ENGLISH = (
    "how do i {0} my {1} {2}", "can you {0} the {1} {2} for me?", "what does it cost to {0} a {1} {2}",
    "why is my {2} not {1} after i {0} it", "{2} {1}: {0}?", "is there a way to {0} {1} {2}s without a {3}",
    "hello, i tried to {0} the {2} with {3} but it is {1}", "where can i see whether {2} {3} is {1}",
)  # fmt: skip
_CHINESE = (
    "怎么{0}我的{1}{2}",
    "请问{2}可以{0}{1}吗",
    "{1}{2}的{3}是多少",
    "为什么{2}不能{0}",
    "我想{0}{1}{2}，要{3}吗",
)
_ENGLISH_TAILS = ("", "", "", " please", " thanks", " today", " on my phone")
_CHINESE_TAILS = ("", "", "谢谢", "，急")


def made_up(count: int, seed: int) -> list[str]:
    """Distinct questions, the same for the same seed; those about the same follow each other."""
    chance = random.Random(seed)
    english = _vocabulary(chance, _pairs("bcdfghklmnprstvw", "aeiou"), 4)
    chinese = _vocabulary(chance, [chr(0x4E00 + number) for number in range(0, 6000, 4)], 3)
    weights = list(accumulate(1 / rank for rank in range(1, _WORDS + 1)))
    found: dict[str, None] = {}
    while len(found) < count:
        in_chinese = chance.random() < 1 / 3
        topic = chance.choices(chinese if in_chinese else english, cum_weights=weights, k=4)
        for template in chance.sample(_CHINESE if in_chinese else _ENGLISH, QUESTIONS):
            tail = chance.choice(_CHINESE_TAILS if in_chinese else _ENGLISH_TAILS)
            found[template.format(*topic) + tail] = None
    return list(found)[:count]


def read(folder: Path, count: int) -> list[str]:
    """Distinct questions from ``text/en-….txt.gz`` and ``text/zh-….txt.gz``; where they end, other sentences.

    Raises:
        DataError: If the files lack, or hold fewer.
    """
    forms: dict[str, str] = {}
    for kind in _KINDS:
        lines: list[str] = []
        for path in (folder / "text" / f"{language}-{kind}.txt.gz" for language in ("en", "zh")):
            if not path.exists():
                raise DataError(f"{path} is missing")
            lines += gzip.decompress(path.read_bytes()).decode("utf-8").splitlines()
        random.Random(0).shuffle(lines)
        forms |= {matching(line): line for line in lines if line.strip()}
        if len(forms) >= count:
            return list(forms.values())[:count]
    raise DataError(f"{folder / 'text'} has {len(forms)} distinct sentences, {count} are wanted")


def entries(questions: Sequence[str], first: int = 0) -> Iterator[Item]:
    """Entries of ``QUESTIONS`` questions each, from place ``first`` on; their answers are made of these too."""
    for number, at in enumerate(range(0, len(questions), QUESTIONS)):
        own = tuple(questions[at : at + QUESTIONS])
        yield Item(first + number, own, " ".join(own[:2]))


def mistyped(text: str, chance: random.Random) -> str:
    """A text with, at two places, a letter left out, doubled, or swapped with the next."""
    for _ in range(2):
        at = chance.randrange(max(1, len(text) - 1))
        one, two = text[at : at + 1], text[at + 1 : at + 2]
        text = text[:at] + chance.choice((two, one + one + two, two + one)) + text[at + 2 :]
    return text


def _vocabulary(chance: random.Random, parts: Sequence[str], most: int) -> list[str]:
    """Distinct words of at most so many parts; the first, which will be the frequent ones, are short."""
    found: dict[str, None] = {}
    tried = 0
    while len(found) < _WORDS:
        tried += 1
        found["".join(chance.choices(parts, k=min(most, 1 + int(chance.random() + most * tried / _WORDS))))] = None
    return list(found)


def _pairs(first: str, second: str) -> list[str]:
    return [one + other for one in first for other in second]
