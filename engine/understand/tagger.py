"""Values in a text by a trained tagger: each with its place, its name and how sure it is; numpy alone.

A text is cut into units (words, numbers, single Chinese characters, single signs). Each is read by what the frozen
layers of the base made of its pieces, by hashed parts of how it is written, and by its looks, which the base does not
see since it folds case. A small bidirectional LSTM and a linear-chain CRF (Lafferty et al. 2001; Lample et al. 2016)
choose the likeliest labels of all units together: ``B`` begins a value of a kind, ``I`` goes on with it, ``O`` is none.
How sure a value is, is the exact probability of just that value under the CRF (Culotta, McCallum 2004).
"""

from __future__ import annotations

import json
import re
import unicodedata
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import checkpoint
from engine.checkpoint import Arrays
from engine.errors import CheckpointError
from engine.text.normalise import matching
from engine.text.tokenise import PieceTokenizer, without_marks
from engine.understand.reader import LONGEST_QUESTION
from engine.understand.recurrent import Lstm
from engine.understand.sentence import Trunk
from engine.understand.words import Integers, ReadWord

Floats = NDArray[np.float32]

GRAM_ROWS = 4096
GRAMS = 5  # parts of how a unit is written
LOOKS = 14  # what can be seen of a unit
OUTSIDE = 0
IMPOSSIBLE = -1e4
"""Score of what no sequence of labels may do, such as going on with a value that never began."""
NEEDED = (
    "states.weight", "states.bias", "grams.weight", "looks.weight", "requested.weight",
    *(f"{way}.{part}" for way in ("onward", "backward_")
      for part in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")),
    "labels.weight", "labels.bias", "crf.moves", "crf.starts", "crf.ends",
)  # fmt: skip
"""The weights of a tagger, by name."""
NAMES = "names"
"""The array of a file that holds the names of the kinds, as JSON."""

_CHINESE = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_UNIT = re.compile(rf"[{_CHINESE}]|\d+|(?:[^\W\d_{_CHINESE}][\u0300-\u036f]*)+|\S")
_IS_CHINESE = re.compile(rf"[{_CHINESE}]")
_LAST_HOUR, _LAST_DAY, _LAST_MINUTE = 24, 31, 60
_YEARS = range(1900, 2100)
_LONGEST_WORD = 32  # characters of a unit that are looked at
_LONG_NUMBER = 5
_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@dataclass(frozen=True, slots=True)
class Span:
    """A value in a text: the characters from ``start`` to before ``end``, its kind, and how sure, in [0, 1]."""

    start: int
    end: int
    name: str
    confidence: float


@dataclass(frozen=True, slots=True)
class Read:
    """A text as it is read: where its units lie, its pieces, and for each unit the first and the last of its pieces,
    rows of ``grams`` (U, GRAMS) and ``looks`` (U, LOOKS).
    """

    units: tuple[tuple[int, int], ...]
    pieces: tuple[int, ...]
    first: Integers
    last: Integers
    grams: Integers
    looks: Floats


class UnitReader:
    """Cuts texts into units and says which pieces of the base each of them has.

    Args:
        tokenizer: The tokenizer of the base.
    """

    def __init__(self, tokenizer: PieceTokenizer) -> None:
        self._tokenizer = tokenizer
        self._bytes = np.asarray([len(tokenizer.piece(piece)) for piece in range(tokenizer.size)], np.int64)

    def read(self, text: str) -> Read:
        """A text of any length; one without a unit has none and no pieces."""
        units = tuple(match.span() for match in _UNIT.finditer(text))
        if not units:
            nothing = np.zeros(0, np.int64)
            return Read((), (), nothing, nothing, np.zeros((0, GRAMS), np.int64), np.zeros((0, LOOKS), np.float32))
        form, begins = folded(text)
        pieces = self._tokenizer.encode(f" {form}")  # the same as the encoders of questions read
        first, last = self._places(form, begins, pieces, units)
        words = [text[start:end] for start, end in units]
        return Read(units, tuple(pieces), first, last, grams_of(words), looks_of(text, units))

    def _places(
        self, form: str, begins: Sequence[int], pieces: Sequence[int], units: Sequence[tuple[int, int]]
    ) -> tuple[Integers, Integers]:
        """First and last piece of each unit. Of byte-level pieces, the length in bytes is that of their name."""
        sizes = np.fromiter(map(_bytes_of, form), np.int64, len(form))
        at = np.concatenate([[1], 1 + np.cumsum(sizes)])  # a blank stands before the form
        ends = np.cumsum(self._bytes[list(pieces)])
        bounds = np.minimum(np.asarray([(begins[start], begins[end]) for start, end in units], np.int64), len(form))
        start, stop = at[bounds[:, 0]], at[bounds[:, 1]]
        most = len(pieces) - 1
        first = np.minimum(np.searchsorted(ends, start, "right"), most)
        last = np.minimum(np.searchsorted(ends, np.maximum(stop - 1, start), "right"), most)
        return first, last


class Tagger:
    """Finds values with trained weights; holds weights only.

    Args:
        names: The kinds of values, in the order in which the weights were trained.
        weights: Weights by name, see ``NEEDED``.
        tokenizer: Of the base that the tagger was trained on.
        trunk: The layers of that base; where understanding shares them, a question is read once.

    Raises:
        CheckpointError: If a weight is missing or of another size than the kinds want.
    """

    def __init__(
        self, names: Sequence[str], weights: Mapping[str, NDArray[np.generic]], tokenizer: PieceTokenizer, trunk: Trunk
    ) -> None:
        missing = [name for name in NEEDED if name not in weights]
        if missing:
            raise CheckpointError(f"the tagger lacks {missing[0]}; install the package again, or train it again")
        own = {name: np.asarray(weights[name], np.float32) for name in NEEDED}
        if own["labels.weight"].shape[0] != 2 * len(names) + 1 or own["requested.weight"].shape[1] != len(names):
            raise CheckpointError(
                f"the tagger has weights for {own['requested.weight'].shape[1]} kinds of values and names for "
                f"{len(names)}; train it again"
            )
        self.names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._reader = UnitReader(tokenizer)
        self._trunk = trunk
        self._states, self._bias = np.ascontiguousarray(own["states.weight"].T), own["states.bias"]
        self._grams, self._looks = own["grams.weight"], np.ascontiguousarray(own["looks.weight"].T)
        self._requested = own["requested.weight"].T
        self._layer = Lstm([[own[f"{way}.{part}"] for part in _PARTS] for way in ("onward", "backward_")])
        self._labels, self._labels_bias = np.ascontiguousarray(own["labels.weight"].T), own["labels.bias"]
        self._crf = Crf(own["crf.moves"], own["crf.starts"], own["crf.ends"])

    def find(self, text: str, requested: Collection[str] = ()) -> tuple[Span, ...]:
        """The values in a text, in order and without overlaps.

        Args:
            text: What a customer wrote, as it was written.
            requested: Names of what was asked for just before; those that the tagger does not know are passed over.
        """
        read = self._reader.read(text)
        if not read.units:
            return ()
        scores = self.scores(read, requested)
        path = self._crf.best(scores)
        found = spans_of(path)
        sure = self._crf.sure(scores, found)
        return tuple(
            Span(read.units[first][0], read.units[last][1], self.names[number], confidence)
            for (first, last, number), confidence in zip(found, sure, strict=True)
        )

    def scores(self, read: Read, requested: Collection[str] = ()) -> Floats:
        """Score of every label for every unit of a text. Shape: (U, labels)."""
        asked = [self._numbers[name] for name in set(requested) if name in self._numbers]
        seen = unit_states(self._trunk, [read])[0] @ self._states + self._bias
        seen += self._grams[read.grams].sum(axis=1) + read.looks @ self._looks
        seen += self._requested[sorted(asked)].sum(axis=0)
        np.tanh(seen, out=seen)
        both = self._layer.run(np.stack([seen, seen[::-1]])[:, None])[:, 0]
        values = np.concatenate([both[0], both[1][::-1], seen], axis=-1)
        return np.asarray(values @ self._labels + self._labels_bias, np.float32)


class Crf:
    """A linear-chain CRF at work.

    Args:
        moves: Score of going from one label to another. Shape: (labels, labels).
        starts: Score of beginning with a label. Shape: (labels,).
        ends: Score of ending with a label. Shape: (labels,).
    """

    def __init__(self, moves: Floats, starts: Floats, ends: Floats) -> None:
        allowed = allowed_moves((len(starts) - 1) // 2)
        self._moves = np.asarray(moves, np.float64) + allowed[0]
        self._starts = np.asarray(starts, np.float64) + allowed[1]
        self._ends = np.asarray(ends, np.float64)
        self._towards = np.ascontiguousarray(self._moves.T)
        self._powers = np.exp(self._moves)
        self._end_powers = np.exp(self._ends)

    def best(self, scores: Floats) -> list[int]:
        """The likeliest labels of all units together (Viterbi 1967). Shape: (U, labels) to U labels."""
        best = self._starts + scores[0]
        came = np.zeros(scores.shape, np.int64)
        for at in range(1, len(scores)):
            ways = self._towards + best
            came[at] = ways.argmax(axis=1)
            best = ways.max(axis=1) + scores[at]
        path = [int((best + self._ends).argmax())]
        for at in range(len(scores) - 1, 0, -1):
            path.append(int(came[at, path[-1]]))
        return path[::-1]

    def sure(self, scores: Floats, spans: Sequence[tuple[int, int, int]]) -> list[float]:
        """Probability that just this value stands there: it begins, goes on and ends where the span says.

        Args:
            scores: Scores of the labels. Shape: (U, labels).
            spans: First unit, last unit, number of the kind.
        """
        if not spans:
            return []
        powers = np.exp(scores - scores.max(axis=1, keepdims=True)).astype(np.float64)
        ahead, scale = np.empty_like(powers), np.empty(len(powers))
        for at, power in enumerate(powers):
            now = (np.exp(self._starts) if at == 0 else ahead[at - 1] @ self._powers) * power
            scale[at] = now.sum()
            ahead[at] = now / scale[at]
        behind = np.empty_like(powers)
        behind[-1] = self._end_powers
        for at in range(len(powers) - 2, -1, -1):
            behind[at] = self._powers @ (behind[at + 1] * powers[at + 1]) / scale[at + 1]
        total = float(ahead[-1] @ self._end_powers)
        found = []
        for first, last, number in spans:
            within = 2 * number + 2
            share, label = float(ahead[first, within - 1]), within - 1
            for at in range(first + 1, last + 1):
                share *= float(self._powers[label, within] * powers[at, within] / scale[at])
                label = within
            if last + 1 < len(powers):
                after = self._powers[label] * powers[last + 1] * behind[last + 1]
                share *= float((after.sum() - after[within]) / scale[last + 1])
            else:
                share *= float(self._end_powers[label])
            found.append(min(1.0, max(0.0, share / total)))
        return found


def allowed_moves(kinds: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What is added to the scores of moves and starts so that nothing goes on that has not begun.

    Shape: (labels, labels), (labels,).
    """
    labels = 2 * kinds + 1
    moves, starts = np.zeros((labels, labels)), np.zeros(labels)
    within = np.arange(2, labels, 2)
    moves[:, within] = IMPOSSIBLE
    moves[within, within] = moves[within - 1, within] = 0.0
    starts[within] = IMPOSSIBLE
    return moves, starts


def spans_of(labels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Values of a sequence of labels: first unit, last unit, number of the kind.

    Label 0 is none, 2k + 1 begins kind k, 2k + 2 goes on with it; what goes on without a beginning is passed over.
    """
    found: list[tuple[int, int, int]] = []
    for at, label in enumerate(labels):
        if label % 2:
            found.append((at, at, label // 2))
        elif label and found and found[-1][1] == at - 1 and found[-1][2] == label // 2 - 1:
            found[-1] = (found[-1][0], at, found[-1][2])
    return found


def labels_of(units: Sequence[tuple[int, int]], spans: Iterable[tuple[int, int, int]]) -> list[int]:
    """Labels of units; a span (start, end, number of the kind) takes in every unit that it touches."""
    found = [OUTSIDE] * len(units)
    for start, end, number in spans:
        touched = [at for at, (first, last) in enumerate(units) if first < end and last > start]
        for at in touched:
            found[at] = 2 * number + (1 if at == touched[0] else 2)
    return found


def unit_states(trunk: Trunk, reads: Sequence[Read]) -> list[Floats]:
    """What the base made of each unit: the state onward at its last piece, backward at its first, its embeddings.

    Long texts are read in parts, so that a part has as many pieces as the base has ever seen.

    Shape: (U, 2H + E) for each text
    """
    parts = [
        [ReadWord(piece, ()) for piece in read.pieces[at : at + LONGEST_QUESTION]]
        for read in reads
        for at in range(0, len(read.pieces), LONGEST_QUESTION)
    ]
    if not parts:
        return [np.zeros((0, 0), np.float32) for _ in reads]
    states = trunk.states(parts)
    half = states.values.shape[-1] // 2
    found, row = [], 0
    for read in reads:
        rows = -(-len(read.pieces) // LONGEST_QUESTION)
        mask = states.mask[row : row + rows]
        values, embedded = states.values[row : row + rows][mask], states.embedded[row : row + rows][mask]
        mean = (embedded[read.first] + embedded[read.last]) / 2
        found.append(np.concatenate([values[read.last, :half], values[read.first, half:], mean], axis=-1))
        row += rows
    return found


def folded(text: str) -> tuple[str, list[int]]:
    """The form in which the base reads a text, and where in it each character of the text begins.

    The form is that of ``engine.text.normalise.matching``, character by character; marks that combine with a character
    are folded together with it. The list has one more number, where the text ends.
    """
    form: list[str] = []
    begins: list[int] = []
    size, at = 0, 0
    while at < len(text):
        stop = at + 1
        while stop < len(text) and not text[stop].isascii() and unicodedata.combining(text[stop]):
            stop += 1
        part = _fold(text[at:stop])
        if part == " " and (not form or form[-1] == " "):
            part = ""
        begins.append(size)
        size += len(part)
        begins.extend([size] * (stop - at - 1))
        if part:
            form.append(part)
        at = stop
    if form and form[-1] == " ":
        form.pop()
        size -= 1
    begins.append(size)
    return "".join(form), begins


@lru_cache(maxsize=8192)
def _fold(cluster: str) -> str:
    return " " if cluster.isspace() else without_marks(matching(without_marks(cluster)))


def _bytes_of(character: str) -> int:
    code = ord(character)
    return 1 if code < 0x80 else 2 if code < 0x800 else 3 if code < 0x10000 else 4


def grams_of(units: Sequence[str]) -> Integers:
    """Rows of hashed parts of how units are written, Chinese ones with their neighbours. Shape: (U, GRAMS)."""
    found = np.empty((len(units), GRAMS), np.int64)
    last = len(units) - 1
    for at, unit in enumerate(units):
        if _IS_CHINESE.match(unit):
            found[at] = _chinese_grams(units[at - 1][-1] if at else "", unit, units[at + 1][0] if at < last else "")
        else:
            found[at] = _grams(unit)
    return found


@lru_cache(maxsize=65536)
def _chinese_grams(before: str, own: str, after: str) -> tuple[int, ...]:
    return tuple(map(_row, (f"c{own}", f"b{before}{own}", f"a{own}{after}", f"t{before}{own}{after}", f"s{after}")))


@lru_cache(maxsize=16384)
def _grams(unit: str) -> tuple[int, ...]:
    word = matching(unit[:_LONGEST_WORD])
    if unit[0].isdecimal():
        size = min(len(unit), _LONG_NUMBER * 2)
        value = int(unit) if len(unit) < _LONG_NUMBER else -1
        kind = next(
            (f"up to {most}" for most in (_LAST_HOUR // 2, _LAST_HOUR, _LAST_DAY, _LAST_MINUTE) if 0 <= value <= most),
            "a year" if value in _YEARS else "more",
        )
        known = word if size < _LONG_NUMBER else "long"
        return tuple(map(_row, (f"d{known}", f"n{size}", f"v{kind}", f"z{word[:1] == '0'}", "number")))
    parts = (f"w{word}", f"p{word[:2]}", f"q{word[:3]}", f"s{word[-2:]}", f"u{word[-3:]}")
    return tuple(map(_row, parts))


def _row(part: str) -> int:
    return zlib.crc32(part.encode("utf-8", "replace")) % GRAM_ROWS


def looks_of(text: str, units: Sequence[tuple[int, int]]) -> Floats:
    """What can be seen of units and the base does not see. Shape: (U, LOOKS)."""
    found = np.zeros((len(units), LOOKS), np.float32)
    for at, (start, end) in enumerate(units):
        found[at, :10] = _looks(text[start:end])
        found[at, 10] = start > 0 and text[start - 1].isspace()
    found[0, 11] = found[-1, 12] = len(units) > 0
    found[:, 13] = len(units) <= 3  # an answer of a word or two is mostly a value
    return found


@lru_cache(maxsize=16384)
def _looks(unit: str) -> tuple[bool, ...]:
    digits, size = unit[0].isdecimal(), len(unit)
    return (
        unit[0].isupper(),
        size > 1 and unit.isupper(),
        unit.islower(),
        digits and size == 1,
        digits and size == 2,
        digits and 2 < size < _LONG_NUMBER,
        digits and size >= _LONG_NUMBER,
        bool(_IS_CHINESE.match(unit)),
        not unit[0].isalnum(),
        unicodedata.category(unit[0]) == "Sc",
    )


def without_case(looks: Floats) -> Floats:
    """The looks of units as if everything had been typed in lower case."""
    found = looks.copy()
    found[:, 2] = np.maximum(found[:, 2], found[:, 0])
    found[:, :2] = 0.0
    return found


def write(path: Path, names: Sequence[str], packed: Arrays) -> None:
    """Write weights, as ``engine.base.base.pack`` made them small, with the names of their kinds."""
    listed = np.frombuffer(json.dumps(list(names), ensure_ascii=False).encode("utf-8"), np.uint8)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(checkpoint.arrays_to_bytes({**packed, NAMES: listed}))
    unfinished.replace(path)


def read_file(path: Path) -> tuple[tuple[str, ...], Arrays]:
    """Names of the kinds and packed weights of a file that ``write`` wrote.

    Raises:
        CheckpointError: If it is missing or damaged.
    """
    try:
        packed = checkpoint.bytes_to_arrays(path.read_bytes())
        names = json.loads(bytes(np.asarray(packed.pop(NAMES), np.uint8)))
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise TypeError("its names are no list of texts")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        message = f"{path}: the tagger cannot be read: {error!r}; install the package again, or train it again"
        raise CheckpointError(message) from error
    return tuple(names), packed
