"""Reading and writing the base, and its vectors of texts.

Matrices lie in the file as 8-bit integers with a scale a row, which keeps the cosine of two texts to about a thousandth
and takes a quarter of the room.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from engine import checkpoint
from engine.checkpoint import Arrays
from engine.errors import CheckpointError
from engine.text.tokenise import PieceTokenizer
from engine.understand.reader import PieceReader, QuestionReader
from engine.understand.sentence import NEEDED, SentenceNetwork, Trunk
from engine.understand.slots import SlotFinder

Floats = NDArray[np.float32]

ENCODER, TOKENIZER = "base.safetensors", "tokenizer.json"
_HERE = Path(__file__).parent
_SCALE = ".scale"
_REPAIR = "install the package again, or train the model again"
COMPOSED = 1.3  # mean length of the embeddings of a composer; decision 6 says what longer ones cost
_MOST = 127  # of an 8-bit integer, the same on both sides of zero


@dataclass(frozen=True, slots=True)
class Base:
    """A base as it was read: its pieces, its weights by name, and its two files as they are."""

    tokenizer: PieceTokenizer
    weights: Mapping[str, Floats]
    files: Mapping[str, bytes]

    def shortening(self) -> np.float32:
        """What brings the embeddings of the pieces to the mean length that a composer begins with, ``COMPOSED``.

        They are its output too, and long ones keep it from ever being sure.
        """
        lengths = np.linalg.norm(self.weights["words.weight"], axis=1)
        return np.float32(COMPOSED / max(float(lengths[lengths > 0].mean()), 1e-6))


class BaseEncoder:
    """Vectors of texts from the base as it was shipped, before any company's training.

    Args:
        base: The base.
        slots: Finds values whose text says nothing; they are read as the name of their kind.

    Attributes:
        trunk: What reads the pieces; understanding stands on the same one.
    """

    def __init__(self, base: Base, slots: SlotFinder) -> None:
        self.trunk = Trunk(base.weights)
        self._network = SentenceNetwork(base.weights, self.trunk)
        self._reader = PieceReader(QuestionReader(base.tokenizer, slots))

    @property
    def width(self) -> int:
        """Width of the vectors."""
        return self._network.width

    def vectors(self, texts: Sequence[str]) -> Floats:
        """Unit vectors. Shape: (texts, width)."""
        return self._network.vectors_of(self._reader.read_all(texts))


@lru_cache(maxsize=1)
def shipped() -> Base:
    """The base that comes with the package.

    Raises:
        CheckpointError: If a file of it is missing or damaged.
    """
    return read({name: _HERE / name for name in (ENCODER, TOKENIZER)})


def read(files: Mapping[str, Path]) -> Base:
    """A base from its two files, in the package or in a model folder.

    Raises:
        CheckpointError: If one is missing or damaged.
    """
    try:
        content = {name: files[name].read_bytes() for name in (ENCODER, TOKENIZER)}
    except (KeyError, OSError) as error:
        raise CheckpointError(f"the base cannot be read: {error}; {_REPAIR}") from error
    try:
        weights = unpack(checkpoint.bytes_to_arrays(content[ENCODER]))
        missing = [name for name in NEEDED if name not in weights]
        if missing:
            raise KeyError(missing[0])
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise CheckpointError(f"{files[ENCODER]}: is no base: {error!r}; {_REPAIR}") from error
    return Base(PieceTokenizer.load(files[TOKENIZER]), weights, content)


def pack(weights: Mapping[str, Floats]) -> Arrays:
    """Weights as they are stored: matrices as 8-bit integers with a scale a row, the rest as it is."""
    packed: dict[str, NDArray[np.generic]] = {}
    for name, values in weights.items():
        if values.ndim < 2 or values.shape[1] == 1:
            packed[name] = values.astype(np.float32)
            continue
        scale = np.maximum(np.abs(values).max(axis=1), 1e-8) / _MOST
        packed[name + _SCALE] = scale.astype(np.float32)
        packed[name] = np.rint(values / scale[:, None]).astype(np.int8)
    return packed


def unpack(packed: Arrays) -> dict[str, Floats]:
    """What ``pack`` was given, to half a hundred-and-twenty-seventh of the largest number of each row.

    Raises:
        KeyError: If the scale of a matrix is missing.
    """
    weights: dict[str, Floats] = {}
    for name, values in packed.items():
        if name.endswith(_SCALE):
            continue
        weights[name] = np.array(values, np.float32)  # a copy: what is read from a file cannot be written to
        if values.dtype == np.int8:
            weights[name] *= np.asarray(packed[name + _SCALE], np.float32)[:, None]
    return weights
