"""How pleased a customer sounds, by trained weights, and which way that goes in a conversation; numpy alone.

A text is read by the frozen layers of the base, as understanding reads it, so that both look at the same states. A
small bidirectional LSTM over these states is pooled by attention and maximum (Lin et al. 2017), and beside it words,
pairs of words and n-grams vote on their own (wide and deep, Cheng et al. 2016). Three scores come out: displeased,
neutral, pleased; what a turn is worth is the difference of the outer two.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import checkpoint
from engine.checkpoint import Arrays
from engine.errors import CheckpointError
from engine.text import features
from engine.understand.reader import QuestionReader, cut
from engine.understand.recurrent import Lstm
from engine.understand.sentence import States, Trunk, softmax
from engine.understand.words import Integers, ReadWord

Floats = NDArray[np.float32]

CLASSES = 3
"""Displeased, neutral, pleased, in this order."""
LONGEST_TURN = 128  # pieces; of a longer turn the beginning and the end are read
SMOOTHING = 0.5
"""What the newest turn counts in the trend of a conversation; the turns before it share the rest in the same way."""
FALLING, RISING = -0.3, 0.3
DISPLEASED = -0.5
"""From here down a turn counts as displeased."""
_WORTH = np.asarray([-1.0, 0.0, 1.0], np.float32)
_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_WAYS = ("onward", "backward_")
NEEDED = (
    "seen.weight", "seen.bias", *(f"{way}.{part}" for way in _WAYS for part in _PARTS),
    "pooling.score.weight", "pooling.score.bias", "moods.weight", "moods.bias",
)  # fmt: skip
"""The weights of a mood head by name; ``votes`` (3, rows), of words and n-grams, may be among them too."""
_TOGETHER = 64
_ANGRY_TURNS = 2


@dataclass(frozen=True, slots=True)
class Mood:
    """How a turn sounds: ``value`` from -1, angry, over 0, matter-of-fact, to 1, delighted; ``confidence`` in [0, 1] is
    the probability of the likeliest of displeased, neutral and pleased.
    """

    value: float
    confidence: float


NEUTRAL = Mood(0.0, 1.0)
"""Of a text without a word."""


class Course(Enum):
    """Which way the mood of a conversation goes."""

    FALLING = "it gets worse"
    LEVEL = "it stays"
    RISING = "it gets better"


@dataclass(frozen=True, slots=True)
class Trend:
    """The mood of a conversation: ``level`` in [-1, 1] is where it stands, the newest turns first of all, ``change``
    how far that is from where it began, ``course`` the same in a word.

    ``angry_twice``: the last two turns were both displeased, which one bad turn is not: a reason to offer a person.
    """

    level: float
    change: float
    course: Course
    angry_twice: bool


def trend(values: Sequence[float], *, smoothing: float = SMOOTHING) -> Trend:
    """The trend of a customer's turns, an exponentially weighted mean (Roberts 1959); of no turn it is level at 0.

    Args:
        values: Of the turns, the oldest first, each in [-1, 1].
        smoothing: What the newest turn counts, in (0, 1].

    Raises:
        ValueError: If ``smoothing`` or a value is out of range.
    """
    if not 0.0 < smoothing <= 1.0:
        raise ValueError(f"smoothing is {smoothing}; a share above 0 and up to 1 is needed")
    for at, value in enumerate(values, 1):
        if not -1.0 <= value <= 1.0:
            raise ValueError(f"turn {at} has the mood {value}; moods lie between -1 and 1")
    if not values:
        return Trend(0.0, 0.0, Course.LEVEL, angry_twice=False)
    level = values[0]
    for value in values[1:]:
        level += smoothing * (value - level)
    change = level - values[0]
    course = Course.FALLING if change <= FALLING else Course.RISING if change >= RISING else Course.LEVEL
    last = values[-_ANGRY_TURNS:]
    return Trend(level, change, course, len(last) == _ANGRY_TURNS and max(last) <= DISPLEASED)


class MoodReader:
    """Reads the mood of texts; holds weights only.

    Args:
        weights: The weights by name, see ``NEEDED``.
        questions: Writes texts down as pieces, the same as for understanding.
        trunk: The layers that the head was trained on; where understanding shares them, a turn is read once.

    Raises:
        CheckpointError: If a weight is missing or of the wrong size.
    """

    def __init__(self, weights: Mapping[str, NDArray[np.generic]], questions: QuestionReader, trunk: Trunk) -> None:
        self._questions = questions
        self._trunk = trunk
        try:
            get = {name: np.asarray(weights[name], np.float32) for name in NEEDED}
            self._seen, self._seen_bias = np.ascontiguousarray(get["seen.weight"].T), get["seen.bias"]
            self._layer = Lstm([[get[f"{way}.{part}"] for part in _PARTS] for way in _WAYS])
            self._score, self._score_bias = get["pooling.score.weight"].T, get["pooling.score.bias"]
            self._moods, self._bias = get["moods.weight"].T, get["moods.bias"]
            self._votes = np.asarray(weights["votes"], np.float32) if "votes" in weights else None
            if self._moods.shape[1] != CLASSES or (self._votes is not None and len(self._votes) != CLASSES):
                raise ValueError(f"it tells {self._moods.shape[1]} moods apart and not {CLASSES}")
        except (KeyError, ValueError, IndexError) as error:
            raise CheckpointError(
                f"this is no mood head: {error}; install the package again, or train it again"
            ) from error

    def mood(self, text: str) -> Mood:
        """The mood of a text."""
        return self.moods([text])[0]

    def moods(self, texts: Sequence[str]) -> list[Mood]:
        """The mood of each text; ``NEUTRAL`` where there is nothing to read."""
        chances = softmax(self.scores(texts), axis=1) if texts else np.zeros((0, CLASSES), np.float32)
        return [
            Mood(float(np.clip(row @ _WORTH, -1.0, 1.0)), float(row.max())) if text.strip() else NEUTRAL
            for text, row in zip(texts, chances, strict=True)
        ]

    def scores(self, texts: Sequence[str]) -> Floats:
        """Scores of displeased, neutral and pleased. Shape: (texts, 3)."""
        read = pieces_of(texts, self._questions)
        found = np.zeros((len(texts), CLASSES), np.float32)
        order = sorted(range(len(texts)), key=lambda at: len(read[at]))
        for start in range(0, len(order), _TOGETHER):
            rows = order[start : start + _TOGETHER]
            states = self._trunk.states([[ReadWord(piece, ()) for piece in read[row]] for row in rows])
            found[rows] = self._deep(states)
        if self._votes is not None:
            found += np.stack([votes_of(text, self._votes) for text in texts]) if texts else 0.0
        return found

    def _deep(self, states: States) -> Floats:
        given = np.concatenate([states.embedded, states.values], axis=-1)
        if given.shape[-1] != len(self._seen):
            raise CheckpointError(
                f"the mood head reads {len(self._seen)} numbers a piece and the base gives {given.shape[-1]}; "
                "use the base that it was trained on"
            )
        seen = np.tanh(given @ self._seen + self._seen_bias)
        mask = states.mask
        lengths = mask.sum(axis=1)[:, None]
        places = np.arange(mask.shape[1])[None]
        turned = np.where(places < lengths, lengths - 1 - places, places)[..., None]
        both = self._layer.run(np.stack([seen, np.take_along_axis(seen, turned, 1)]))
        values = np.concatenate([both[0], np.take_along_axis(both[1], turned, 1), seen], axis=-1)
        shown = mask[..., None]
        weights = softmax(np.where(shown, values @ self._score + self._score_bias, -np.inf), axis=1)
        attended = np.matmul(weights.transpose(0, 2, 1), values).reshape(len(values), -1)
        pooled = np.concatenate([attended, np.where(shown, values, -np.inf).max(axis=1)], axis=-1)
        return np.asarray(pooled @ self._moods + self._bias, np.float32)


def pieces_of(texts: Sequence[str], questions: QuestionReader, longest: int = LONGEST_TURN) -> list[list[int]]:
    """Pieces of texts, at least one each; up to ``LONGEST_QUESTION`` pieces they are those that understanding reads."""
    forms = [questions.form(text) for text in texts]
    return [cut(pieces, longest) or [0] for pieces in questions.tokenizer.encode_all(forms)]


def buckets_of(text: str, rows: int) -> Integers:
    """The rows of what votes in a text, each once: its words, pairs of words, and n-grams."""
    found = {*features.words(text), *features.pairs(text), *features.grams(text)}
    return np.unique(np.fromiter((bucket % rows for bucket in found), np.int64, len(found)))


def votes_of(text: str, votes: Floats) -> Floats:
    """What words and n-grams say of a text. Shape: votes (3, rows), result (3,)."""
    rows = buckets_of(text, votes.shape[1])
    return np.asarray(votes[:, rows].sum(axis=1) / math.sqrt(max(1, len(rows))), np.float32)


def write(path: Path, packed: Arrays) -> None:
    """Write weights, as ``engine.base.base.pack`` made them small."""
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(checkpoint.arrays_to_bytes(packed))
    unfinished.replace(path)


def read_file(path: Path) -> Arrays:
    """Packed weights of a file that ``write`` wrote.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    try:
        return checkpoint.bytes_to_arrays(path.read_bytes())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        message = f"{path}: the mood head cannot be read: {error!r}; install the package again, or train it again"
        raise CheckpointError(message) from error
