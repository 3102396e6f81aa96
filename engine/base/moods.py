"""The mood head that comes with the base: it tells how a customer sounds from the first day."""

from __future__ import annotations

from pathlib import Path

from engine.base.base import Base, unpack
from engine.errors import CheckpointError
from engine.understand.mood import MoodReader, read_file
from engine.understand.reader import QuestionReader
from engine.understand.sentence import Trunk
from engine.understand.slots import SlotFinder

MOOD = Path(__file__).with_name("mood.safetensors")


def shipped_moods(base: Base, trunk: Trunk, slots: SlotFinder, path: Path = MOOD) -> MoodReader:
    """The mood head of the package.

    Args:
        base: The base that comes with the package; the head was trained on its states and knows no other.
        trunk: Its layers; those of ``BaseEncoder.trunk``, so that a message is read once for all who look at it.
        slots: Finds values whose text says nothing; the same as understanding has, for the same reason.
        path: Another file that ``benchmarks.pretrain.mood`` made.

    Raises:
        CheckpointError: If the file is missing or damaged, or was made on a base of another size.
    """
    packed = read_file(path)
    try:
        weights = unpack(packed)
        width = base.weights["words.weight"].shape[1] + 2 * base.weights["onward.weight_hh_l0"].shape[1]
        if weights["seen.weight"].shape[1] != width:
            raise ValueError(f"it reads {weights['seen.weight'].shape[1]} numbers a piece, the base gives {width}")
    except (KeyError, ValueError, IndexError) as error:
        message = f"{path}: does not go with the base: {error}; install the package again, or train the head again"
        raise CheckpointError(message) from error
    return MoodReader(weights, QuestionReader(base.tokenizer, slots), trunk)
