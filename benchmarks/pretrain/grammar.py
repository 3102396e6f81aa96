"""Questions to a help desk, composed from phrases of our own: rich in the words of trades that open texts lack.

A phrase file names, for one domain, what people want to do (``goals``), what happened to them (``problems``), what they
ask about (``facts``) and whole ``questions``, in both languages, with paraphrases and with slots for classes of words.
``common.toml`` has the frames that are said around them. The teacher says what a composed question means, its Chinese
side means the same, and what is said of one line is what answers would be looked up by.
"""

from __future__ import annotations

import random
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PHRASES = Path(__file__).with_name("phrases")
_COMMON = "common.toml"
_KINDS = ("goals", "problems", "facts", "questions")
_SLOT = re.compile(r"\{(\w+)\}")
_AROUND = 0.12  # share of questions with something before or after
_ASKED = 0.5  # share of the questions drawn from whole ones: they are the most varied
_APART = 0.3  # share of questions in a frame of a meaning of its own
_ANOTHER = 0.3  # share of partners in which the slots hold something else

_Both = tuple[str, str]
_Named = Mapping[str, tuple[_Both, ...]]


@dataclass(frozen=True, slots=True)
class Line:
    """One thing to say, with paraphrases in both languages that have the same slots."""

    kind: str
    english: tuple[str, ...]
    chinese: tuple[str, ...]
    classes: _Named


@dataclass(frozen=True, slots=True)
class Said:
    """One composed question in both languages."""

    english: str
    chinese: str


class Grammar:
    """Composes questions.

    Args:
        folder: The phrase files.

    Raises:
        ValueError: If a line does not hold two languages, or names a class that no one defines.
    """

    def __init__(self, folder: Path = PHRASES) -> None:
        common = _load(folder / _COMMON)
        self._frames, self._apart, self._around = (_named(common[part]) for part in ("frames", "apart", "around"))
        classes = _named(common["classes"])
        self._domains = [list(_lines(path, classes)) for path in sorted(folder.glob("*.toml")) if path.name != _COMMON]
        every = [line for lines in self._domains for line in lines]
        self._kinds = {kind: [line for line in every if line.kind == kind] for kind in _KINDS}

    def compose(self, count: int, seed: int) -> Iterator[Said]:
        """At most ``count`` questions that differ in English."""
        chance = random.Random(seed)
        seen: set[str] = set()
        for _ in range(3 * count):
            kind = "questions" if chance.random() < _ASKED else chance.choice(_KINDS[:3])
            said = self._say(chance.choice(self._kinds[kind]), chance)[0]
            if said.english not in seen:
                seen.add(said.english)
                yield said
            if len(seen) == count:
                return

    def alike(self, count: int, chance: random.Random) -> list[tuple[Said, Said]]:
        """Pairs that mean the same, each of another line of one domain: what is near and yet another question."""
        lines = chance.choice(self._domains)
        return [self._say(line, chance) for line in chance.sample(lines, min(count, len(lines)))]

    def _say(self, line: Line, chance: random.Random) -> tuple[Said, Said]:
        """A question, and the same in other words."""
        frames, apart = self._frames[line.kind], self._apart[line.kind]
        if apart and chance.random() < _APART:
            first = second = chance.choice(apart)
        else:
            first, second = chance.choice(frames), chance.choice(frames)
        names = sorted({*_SLOT.findall(line.english[0] + first[0] + second[0])})
        drawn, other = ({name: chance.choice(line.classes[name]) for name in names} for _ in range(2))
        one = self._filled(line, first, drawn, chance)
        return one, self._filled(line, second, other if chance.random() < _ANOTHER else drawn, chance)

    def _filled(self, line: Line, frame: _Both, drawn: Mapping[str, _Both], chance: random.Random) -> Said:
        sides = [
            frame[0].replace("{}", chance.choice(line.english)),
            frame[1].replace("{}", chance.choice(line.chinese)),
        ]
        if chance.random() < _AROUND:
            before = chance.random() < 0.5
            some = chance.choice(self._around["starts" if before else "ends"])
            sides = [f"{word} {side}" if before else f"{side} {word}" for word, side in zip(some, sides, strict=True)]
        english = _SLOT.sub(lambda slot: drawn[slot[1]][0], sides[0])
        chinese = _SLOT.sub(lambda slot: drawn[slot[1]][1], sides[1])
        return Said(english.replace("??", "?"), chinese.replace("？？", "？"))


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        return tomllib.load(file)


def _both(text: str) -> _Both:
    """An English and a Chinese side.

    Raises:
        ValueError: If there are not two.
    """
    sides = text.split(" = ")
    if len(sides) != 2:
        raise ValueError(f"{text!r}: it should hold an English side, ' = ', and a Chinese side")
    return sides[0].strip(), sides[1].strip()


def _named(part: Mapping[str, Sequence[str]]) -> _Named:
    return {name: tuple(map(_both, texts)) for name, texts in part.items()}


def _lines(path: Path, common: _Named) -> Iterator[Line]:
    """The lines of one domain.

    Raises:
        ValueError: If paraphrases of a line have different slots, or one that nobody defines.
    """
    file = _load(path)
    classes = {**common, **_named(file.get("classes", {}))}
    for kind in _KINDS:
        for text in file["phrases"].get(kind, ()):
            english, chinese = (tuple(part.strip() for part in side.split("|")) for side in _both(text))
            slots = {tuple(sorted(_SLOT.findall(part))) for part in (*english, *chinese)}
            if len(slots) != 1:
                raise ValueError(f"{path.name}: {text!r}: its paraphrases should have the same slots")
            unknown = set(slots.pop()) - set(classes)
            if unknown:
                raise ValueError(f"{path.name}: {text!r}: no class {', '.join(sorted(unknown))}")
            yield Line(kind, english, chinese, classes)
