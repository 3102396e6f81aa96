"""Making the mood head that the product ships, from sentences of our own alone.

    python -m benchmarks.pretrain.mood [--turns 7000] [--questions 2000] [--minutes 20] [--out FILE]

``mood.toml`` beside this file has what customers say when they are delighted, pleased, matter-of-fact, politely
unhappy, disappointed, angry or sarcastic, in English and Chinese. The grammar of the base adds its questions, which are
neutral however much has gone wrong. Nothing but this repository is needed.
"""

from __future__ import annotations

import argparse
import random
import re
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.pretrain.grammar import Grammar
from engine.base import base
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.sentiment import MoodTrainer, Recipe, Sample, Sizes, Taught
from engine.understand.mood import write
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

PHRASES = Path(__file__).with_name("mood.toml")
OUT = Path(base.__file__).with_name("mood.safetensors")
Target = tuple[float, float, float]
TARGETS: Mapping[str, Target] = {
    "delighted": (0.0, 0.0, 1.0),
    "pleased": (0.0, 0.15, 0.85),
    "neutral": (0.05, 0.95, 0.0),
    "polite": (0.35, 0.65, 0.0),
    "disappointed": (0.85, 0.15, 0.0),
    "angry": (1.0, 0.0, 0.0),
    "sarcastic": (0.9, 0.05, 0.05),
}
"""What each mood is worth: probabilities of displeased, neutral and pleased."""
_SHARES: Mapping[str, float] = {
    "delighted": 1.6, "pleased": 1.6, "neutral": 1.0, "polite": 0.6, "disappointed": 1.2, "angry": 1.2, "sarcastic": 0.6
}  # fmt: skip
_SLOT = re.compile(r"\{(\w+)\}")
_JOINED, _SHOUTED, _MARKED, _BARE, _HELD_OUT = 0.2, 0.06, 0.25, 0.25, 0.1
_JOINS = {"en": (". ", ", ", "! ", " and ", " - ", " "), "zh": ("。", "，", "！", "，", " ")}
_MARKS = {"en": (".", "!", "!!", ".", "..."), "zh": ("。", "！", "！！", "。", "……", "~")}
_FITTING = {
    "delighted": ("delighted", "pleased"), "pleased": ("pleased", "delighted", "neutral"), "neutral": ("neutral",),
    "polite": ("polite", "neutral"), "disappointed": ("disappointed", "polite", "neutral", "angry"),
    "angry": ("angry", "disappointed", "neutral"), "sarcastic": ("sarcastic", "disappointed", "angry", "neutral"),
}  # fmt: skip
"""What a turn of each mood may hold beside it without sounding otherwise."""


class Turns:
    """Makes up what customers say.

    Args:
        phrases: What ``mood.toml`` holds.

    Raises:
        ValueError: If a line has a place that no words are listed for, or a mood is unknown.
    """

    def __init__(self, phrases: Mapping[str, Any]) -> None:
        self._words = {
            language: {name: [word.strip() for word in text.split("|")] for name, text in own.items()}
            for language, own in phrases["words"].items()
        }
        self._lines: Mapping[str, Mapping[str, Sequence[str]]] = phrases["turns"]
        unknown = set(self._lines) - set(TARGETS)
        if unknown:
            raise ValueError(f"{PHRASES.name}: no mood is called {', '.join(sorted(unknown))}")
        for mood, languages in self._lines.items():
            for language, lines in languages.items():
                for line in lines:
                    for name in _SLOT.findall(line):
                        if name not in self._words[language]:
                            raise ValueError(f"{PHRASES.name}: turns.{mood}: {line!r}: no words for {name}")

    def make(self, count: int, chance: random.Random) -> Iterator[tuple[str, str]]:
        """Moods and texts, about half in each language."""
        moods = list(self._lines)
        weights = [_SHARES[mood] for mood in moods]
        for _ in range(count):
            mood = chance.choices(moods, weights)[0]
            yield mood, self._text(mood, chance.choice(["en", "zh"]), chance)

    def _text(self, mood: str, language: str, chance: random.Random) -> str:
        text = self._line(mood, language, chance)
        if chance.random() < _JOINED:
            other = self._line(chance.choice(_FITTING[mood]), language, chance)
            parts = [text, other] if chance.random() < 0.5 else [other, text]
            text = chance.choice(_JOINS[language]).join(parts)
        if language == "en" and chance.random() < 0.4:
            text = text[0].upper() + text[1:]
        if mood == "angry" and language == "en" and chance.random() < _SHOUTED * 3:
            text = text.upper()
        if chance.random() < _BARE:
            return text.rstrip("!?.。！？")
        if chance.random() < _MARKED and text[-1:] not in "!?.。！？":
            mark = chance.choice(_MARKS[language])
            text += mark if mood not in ("neutral", "polite") else mark[0]
        return text

    def _line(self, mood: str, language: str, chance: random.Random) -> str:
        line = chance.choice(self._lines[mood][language])
        return _SLOT.sub(lambda slot: chance.choice(self._words[language][slot[1]]), line)


def samples(turns: Turns, count: int, questions: int, seed: int) -> list[Sample]:
    """What the head is taught: made-up turns, and questions of the base's grammar, each text once."""
    chance = random.Random(seed)
    found = {text: TARGETS[mood] for mood, text in turns.make(count, chance)}
    for said in Grammar().compose(questions // 2, seed):
        for text in (said.english, said.chinese):
            found.setdefault(text, TARGETS["neutral"])
    return [Sample(text, target) for text, target in found.items()]


def packed(taught: Taught) -> dict[str, np.ndarray[Any, Any]]:
    """The weights of a head as they are stored."""
    return dict(base.pack(taught.weights))


def main() -> int:
    """Train, write, and say how large it is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=7000, help="that are made up")
    parser.add_argument("--questions", type=int, default=2000, help="of the base's grammar")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--minutes", type=float, default=20.0, help="bound of training, wall clock")
    parser.add_argument("--rows", type=int, default=1 << 15, help="of the votes of words; 0 for none")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    began = time.process_time()
    made = samples(Turns(tomllib.loads(PHRASES.read_text("utf-8"))), asked.turns, asked.questions, asked.seed)
    random.Random(asked.seed).shuffle(made)
    apart = round(_HELD_OUT * len(made))
    shipped = base.shipped()
    trainer = MoodTrainer(QuestionReader(shipped.tokenizer, SlotFinder()), shipped.weights, seed=asked.seed)
    recipe = Recipe(
        asked.epochs, time.monotonic() + 60 * asked.minutes, patience=0, sizes=Sizes(96, 48), networks=1, tuned=False,
        pushed=0.0, dropout=0.25, hidden_pieces=0.15, smoothing=0.05, rows=asked.rows, decays=(3.0,), room=1024,
        rate=3e-3, kept=0.95,
    )  # fmt: skip
    taught = trainer.fit(made[apart:], made[:apart], recipe, Running(report=_told))
    write(asked.out, packed(taught))
    print(
        f"{len(made) - apart} texts, {apart} held out, {taught.outcomes[0].epochs} epochs, loss there "
        f"{taught.outcomes[0].validation:.3f}, votes count {taught.share:.2f}; {asked.out}: "
        f"{asked.out.stat().st_size / 1000:.0f} kB, {time.process_time() - began:.0f} CPU s"
    )
    return 0


def _told(progress: Progress) -> None:
    print(f"{progress}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
