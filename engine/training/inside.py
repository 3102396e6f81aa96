"""What goes on inside the networks while they read and write: where the composer looks, and what the gates let through.

The gates belong to the recurrent layer of the sentence encoder (Hochreiter, Schmidhuber 1997; Cho et al. 2014 for GRU).
What is worked out here is what ``engine.understand.recurrent`` works out, step by step, so that the gates can be seen.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from engine.base.base import TOKENIZER
from engine.base.base import read as read_base
from engine.checkpoint import Checkpoint
from engine.knowledge.entries import Entry
from engine.knowledge.template import template
from engine.seq2seq.generator import ROOM, Seq2SeqGenerator
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import MARKS, PieceTokenizer
from engine.understand.encoders import NONE
from engine.understand.reader import PieceReader, QuestionReader, TextReader
from engine.understand.sentence import Trunk
from engine.understand.slots import SlotFinder
from engine.understand.words import WordReader

if TYPE_CHECKING:
    from engine.seq2seq.model import Seq2Seq

Floats = NDArray[np.float32]

_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
_WAYS = (("onward", "→"), ("backward_", "←"))
_SIDE_BY_SIDE = 32


@dataclass(frozen=True, slots=True)
class AttentionMap:
    """Where the composer looks: for every piece ``written`` a row of ``weights`` over the pieces ``read``, about 1 in
    all.
    """

    question: str
    entry: str
    read: tuple[str, ...]
    written: tuple[str, ...]
    weights: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class GateActivity:
    """How far the gates of the sentence encoder are open at every piece, in [0, 1], as the mean of all units.

    ``gates`` names each gate with its direction, ``values`` has a row for each of them.
    """

    text: str
    pieces: tuple[str, ...]
    gates: tuple[str, ...]
    values: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Surprise:
    """How surprised the composer is by what it should say: perplexity a piece, over so many replies and pieces."""

    perplexity: float
    replies: int
    pieces: int


class Inside:
    """Looks into the networks of a model.

    Args:
        generator: The composer.
        tokenizer: Its pieces.
        writer: Writes its sources.
        reader: How the sentence encoder reads.
        weights: The weights of the sentence encoder by name.
    """

    def __init__(
        self,
        generator: Seq2SeqGenerator,
        tokenizer: PieceTokenizer,
        writer: SourceWriter,
        reader: TextReader,
        weights: Mapping[str, NDArray[np.generic]],
    ) -> None:
        self._generator = generator
        self._tokenizer = tokenizer
        self._writer = writer
        self._reader = reader
        self._trunk = Trunk(weights)
        self._layers = [[np.asarray(weights[f"{way}.{part}"], np.float32) for part in _PARTS] for way, _ in _WAYS]

    @classmethod
    def of(cls, model: Checkpoint, generator: Seq2SeqGenerator, slots: SlotFinder) -> Inside:
        """The inside of a model that was read; its composer is already there.

        Raises:
            CheckpointError: If a file of it is missing or damaged.
            KeyError: If a weight is missing.
        """
        tokenizer = PieceTokenizer.load(model.path(TOKENIZER))
        questions = QuestionReader(tokenizer, slots)
        own = model.arrays("understanding.safetensors")
        if model.facts["encoder"]["name"] == NONE:
            words = WordReader(json.loads(model.path("words.json").read_bytes()), slots)
            return cls(generator, tokenizer, SourceWriter(tokenizer, questions), words, own)
        weights = {**read_base(model.files).weights, **own}
        return cls(generator, tokenizer, SourceWriter(tokenizer, questions), PieceReader(questions), weights)

    def gates(self, text: str) -> GateActivity:
        """The gates while a text is read."""
        rows = self._reader.read_all([text])
        embedded = self._trunk.states(rows).embedded[0]
        shown = self._shown(text, len(rows[0]))
        names: list[str] = []
        values: list[tuple[float, ...]] = []
        for (way, arrow), layer in zip(_WAYS, self._layers, strict=True):
            turned = way != "onward"
            opened = gated(embedded[::-1] if turned else embedded, layer).opened
            for name, row in opened.items():
                names.append(f"{name} {arrow}")
                values.append(_means((row[::-1] if turned else row).tolist(), shown))
        return GateActivity(text, tuple(label for label, _ in shown), tuple(names), tuple(values))

    def attention(self, question: str, entry: Entry) -> AttentionMap | None:
        """Where the composer looks while it answers a question from an entry; None where it cannot compose from it.

        Raises:
            GenerationError: If the network cannot be built.
        """
        pieces = self._writer.template(template(entry.answer))
        if pieces is None:
            return None
        source = self._writer.write(question, pieces)
        written, weights = _looked(self._generator.load(), self._tokenizer, source, len(pieces) + ROOM)
        if not written:
            return None
        read, rows = grouped(self._tokenizer, source), grouped(self._tokenizer, written)
        by_column = [_sums(row, read) for row in weights]
        columns = zip(*(_means(column, rows) for column in zip(*by_column, strict=True)), strict=True)
        heads, sides = (tuple(label for label, _ in groups) for groups in (read, rows))
        return AttentionMap(question, entry.id, heads, sides, tuple(tuple(row) for row in columns))

    def surprise(self, asked: Sequence[tuple[str, Entry]]) -> Surprise | None:
        """How surprised the composer is by the answers of the entries; None where it can compose none of them.

        Raises:
            GenerationError: If the network cannot be built.
        """
        model = self._generator.load()
        from engine.training.lesson import Example

        writable = set(model.decoder.shortlist.tolist())
        examples = []
        for question, entry in asked:
            pieces = self._writer.template(template(entry.answer))
            if pieces is not None and writable.issuperset(pieces):
                source = self._writer.write(question, pieces)
                examples.append(Example(tuple(source), (*pieces, self._tokenizer.end)))
        return _surprise(model, self._tokenizer, examples) if examples else None

    def _shown(self, text: str, rows: int) -> list[tuple[str, int]]:
        """What is read of a text as it is shown, and how many rows each part has."""
        if isinstance(self._reader, PieceReader):
            pieces = [word.row for word in self._reader.read_all([text])[0]]
            return grouped(self._tokenizer, pieces)
        shown = self._reader.split(text)
        return shown if sum(count for _, count in shown) == rows else [("", rows)]


@dataclass(frozen=True, slots=True)
class Gated:
    """A recurrent layer that has read: ``states`` (S, H), and by name the mean of each gate at every step (S,)."""

    states: Floats
    opened: Mapping[str, Floats]


def gated(embedded: Floats, layer: Sequence[Floats]) -> Gated:
    """Run one direction of a layer with the weights as PyTorch orders them; LSTM or GRU, as their shape says.

    Shape:
        embedded: (S, E)
    """
    into, back, bias, back_bias = layer
    units = back.shape[1]
    step = _lstm if len(back) == 4 * units else _gru
    hidden = np.zeros(units, np.float32)
    cell = np.zeros(units, np.float32)
    states = np.empty((len(embedded), units), np.float32)
    opened: dict[str, list[float]] = {}
    for place, fresh in enumerate(embedded @ into.T + bias):
        hidden, cell, gates = step(fresh, back @ hidden + back_bias, hidden, cell)
        states[place] = hidden
        for name, values in gates.items():
            opened.setdefault(name, []).append(float(values.mean()))
    return Gated(states, {name: np.asarray(values, np.float32) for name, values in opened.items()})


def grouped(tokenizer: PieceTokenizer, pieces: Sequence[int]) -> list[tuple[str, int]]:
    """Pieces as text, each with the number of pieces that it takes: parts of one character stand together."""
    found: list[tuple[str, int]] = []
    open_: list[int] = []
    for piece in pieces:
        if piece < len(MARKS):
            found.extend([(tokenizer.decode(open_), len(open_))] if open_ else [])
            found.append((tokenizer.piece(piece), 1))
            open_ = []
            continue
        open_.append(piece)
        text = tokenizer.decode(open_)
        if "\ufffd" not in text:
            found.append((text, len(open_)))
            open_ = []
    return [*found, (tokenizer.decode(open_), len(open_))] if open_ else found


def _lstm(fresh: Floats, back: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
    del hidden
    into, forget, new, out = np.split(fresh + back, 4)
    gates = {"input": _sigmoid(into), "forget": _sigmoid(forget), "output": _sigmoid(out)}
    cell = gates["forget"] * cell + gates["input"] * np.tanh(new)
    return gates["output"] * np.tanh(cell), cell, gates


def _gru(fresh: Floats, back: Floats, hidden: Floats, cell: Floats) -> tuple[Floats, Floats, dict[str, Floats]]:
    fresh_reset, fresh_update, fresh_new = np.split(fresh, 3)
    back_reset, back_update, back_new = np.split(back, 3)
    gates = {"reset": _sigmoid(fresh_reset + back_reset), "update": _sigmoid(fresh_update + back_update)}
    new = np.tanh(fresh_new + gates["reset"] * back_new)
    return (1 - gates["update"]) * new + gates["update"] * hidden, cell, gates


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(0.5 * (np.tanh(0.5 * values) + 1), np.float32)


def _looked(
    model: Seq2Seq, tokenizer: PieceTokenizer, source: list[int], limit: int
) -> tuple[list[int], list[list[float]]]:
    """What is written greedily from a source, and for each piece of it the attention over the source."""
    import torch

    from engine.seq2seq.decode import greedy
    from engine.seq2seq.model import pad

    with torch.inference_mode():
        pieces, lengths = pad([source])
        encoded = model.encoder(pieces, lengths)
        marks: dict[str, Any] = {"begin": tokenizer.begin, "end": tokenizer.end}
        written = list(greedy(model, encoded, **marks, limit=limit, source=pieces)[0].pieces)
        keys = model.decoder.prepare(encoded, pieces)
        said = torch.tensor([[tokenizer.begin, *written[:-1]]])
        _, _, weights = model.decoder(said, model.decoder.begin(encoded.last), keys)
    return written, weights[0].tolist() if written else []


def _surprise(model: Seq2Seq, tokenizer: PieceTokenizer, examples: Sequence[Any]) -> Surprise:
    import torch

    from engine.training.texts import surprise

    total, pieces = 0.0, 0
    with torch.inference_mode():
        for at in range(0, len(examples), _SIDE_BY_SIDE):
            part = examples[at : at + _SIDE_BY_SIDE]
            count = sum(len(example.target) for example in part)
            total += float(surprise(model, part, tokenizer, copying=True)) * count
            pieces += count
    return Surprise(math.exp(min(total / pieces, 700.0)), len(examples), pieces)


def _sums(values: Sequence[float], groups: Sequence[tuple[str, int]]) -> tuple[float, ...]:
    rest = iter(values)
    return tuple(sum(next(rest) for _ in range(count)) for _, count in groups)


def _means(values: Sequence[float], groups: Sequence[tuple[str, int]]) -> tuple[float, ...]:
    return tuple(total / count for total, (_, count) in zip(_sums(values, groups), groups, strict=True))
