"""Values in a text by a trained tagger: each with its place, its name and how sure it is; numpy alone.

A text is cut into units (``units.py``). A small bidirectional LSTM over what is known of each, and a linear-chain CRF
(``crf.py``), choose the likeliest labels of all units together (Lample et al. 2016). How sure a value is, is the exact
probability of just that value under the CRF (Culotta, McCallum 2004).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import checkpoint
from engine.checkpoint import Arrays
from engine.errors import CheckpointError
from engine.text.tokenise import PieceTokenizer
from engine.understand.crf import Crf, spans_of
from engine.understand.recurrent import Lstm
from engine.understand.sentence import Trunk
from engine.understand.units import Read, UnitReader, unit_states

Floats = NDArray[np.float32]

NEEDED = (
    "states.weight", "states.bias", "grams.weight", "looks.weight", "requested.weight",
    *(f"{way}.{part}" for way in ("onward", "backward_")
      for part in ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")),
    "labels.weight", "labels.bias", "crf.moves", "crf.starts", "crf.ends",
)  # fmt: skip
"""The weights of a tagger, by name."""
ASKED = "asked.weight"
"""What was asked for as it favours labels; a tagger that was trained without it has none."""
NAMES = "names"
"""The array of a file that holds the names of the kinds, as JSON."""

_PARTS = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")


@dataclass(frozen=True, slots=True)
class Span:
    """A value in a text: the characters from ``start`` to before ``end``, its kind, and how sure, in [0, 1]."""

    start: int
    end: int
    name: str
    confidence: float


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
        favours = np.asarray(weights.get(ASKED, np.zeros((2 * len(names) + 1, len(names)))), np.float32)
        if favours.shape != (2 * len(names) + 1, len(names)):
            raise CheckpointError(f"{ASKED} of the tagger has the size {favours.shape}; train it again")
        self.names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(self.names)}
        self._reader = UnitReader(tokenizer)
        self._trunk = trunk
        self._states, self._bias = np.ascontiguousarray(own["states.weight"].T), own["states.bias"]
        self._grams, self._looks = own["grams.weight"], np.ascontiguousarray(own["looks.weight"].T)
        self._requested = own["requested.weight"].T
        self._layer = Lstm([[own[f"{way}.{part}"] for part in _PARTS] for way in ("onward", "backward_")])
        self._labels, self._labels_bias = np.ascontiguousarray(own["labels.weight"].T), own["labels.bias"]
        self._asked = favours.T
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
        asked = sorted({self._numbers[name] for name in requested if name in self._numbers})
        seen = unit_states(self._trunk, [read])[0] @ self._states + self._bias
        seen += self._grams[read.grams].sum(axis=1) + read.looks @ self._looks
        seen += self._requested[asked].sum(axis=0)
        np.tanh(seen, out=seen)
        both = self._layer.run(np.stack([seen, seen[::-1]])[:, None])[:, 0]
        values = np.concatenate([both[0], both[1][::-1], seen], axis=-1)
        bias = self._labels_bias + self._asked[asked].sum(axis=0)
        return np.asarray(values @ self._labels + bias, np.float32)


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
