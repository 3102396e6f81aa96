"""The tagger that comes with the base: it finds values from the first day, before any company's training."""

from __future__ import annotations

from pathlib import Path

from engine.base.base import Base, unpack
from engine.errors import CheckpointError
from engine.understand.sentence import Trunk
from engine.understand.tagger import Tagger, read_file

TAGGER = Path(__file__).with_name("tagger.safetensors")


def shipped_tagger(base: Base, trunk: Trunk, path: Path = TAGGER) -> Tagger:
    """The tagger of the package.

    Args:
        base: The base that comes with the package; the tagger was trained on its states and knows no other.
        trunk: Its layers; those of ``BaseEncoder.trunk``, so that a message is read once for all who look at it.
        path: Another file that ``benchmarks.pretrain.tagger`` made.

    Raises:
        CheckpointError: If the file is missing or damaged, or was made on a base of another size.
    """
    names, packed = read_file(path)
    try:
        weights = unpack(packed)
        width = base.weights["words.weight"].shape[1] + 2 * base.weights["onward.weight_hh_l0"].shape[1]
        if weights["states.weight"].shape[1] != width:
            raise ValueError(f"it reads {weights['states.weight'].shape[1]} numbers a unit, the base gives {width}")
    except (KeyError, ValueError, IndexError) as error:
        message = f"{path}: does not go with the base: {error}; install the package again, or train the tagger again"
        raise CheckpointError(message) from error
    return Tagger(names, weights, base.tokenizer, trunk)
