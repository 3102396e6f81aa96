"""Text encoders by name, as the configuration names them. Loads what a name stands for only when it is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.base.base import Base
    from engine.ports import TextEncoder
    from engine.understand.slots import SlotFinder

BASE, NONE = "base", "none"
TRANSFORMER = "sentence-transformers:"
_PROBE = "How long does the delivery take?"
_SHOWN, _TOLERANCE = 8, 0.01
NAMES = f"{BASE}, {NONE} or {TRANSFORMER}FOLDER"


def is_encoder(name: str) -> bool:
    """True for the name of an encoder; whether the folder of a transformer is there is seen when it is read."""
    return name in (BASE, NONE) or (name.startswith(TRANSFORMER) and len(name) > len(TRANSFORMER))


def placed(name: str, home: Path) -> str:
    """The name with the folder of a transformer as an absolute path; a relative one starts from ``home``."""
    if not name.startswith(TRANSFORMER):
        return name
    return f"{TRANSFORMER}{(home / Path(name.removeprefix(TRANSFORMER)).expanduser()).resolve()}"


def encoder_named(name: str, base: Base | None, slots: SlotFinder) -> TextEncoder | None:
    """The encoder of a name; None for ``none``.

    Raises:
        CheckpointError: If there is no such encoder, or it cannot be read.
    """
    from engine.errors import CheckpointError

    if name == NONE:
        return None
    if name == BASE and base is not None:
        from engine.base.base import BaseEncoder

        return BaseEncoder(base, slots)
    if name.startswith(TRANSFORMER):
        from engine.understand.transformer import TransformerEncoder

        return TransformerEncoder(Path(name.removeprefix(TRANSFORMER)))
    raise CheckpointError(f"{name}: no such encoder here; there are {NAMES}")


def known_by(encoder: TextEncoder) -> list[float]:
    """The beginning of an encoder's vector of a certain text, and its width: by these it is known again."""
    vector = encoder.vectors([_PROBE])[0]
    return [float(len(vector)), *(round(float(value), 4) for value in vector[:_SHOWN])]


def check_known(encoder: TextEncoder | None, known: Sequence[float], name: str) -> None:
    """Make sure that an encoder is the one that a model was trained with.

    Raises:
        CheckpointError: If it is another one.
    """
    from engine.errors import CheckpointError

    found = known_by(encoder) if encoder is not None else []
    if len(found) != len(known) or any(abs(a - b) > _TOLERANCE for a, b in zip(found, known, strict=True)):
        raise CheckpointError(f"{name} is not the encoder that the model was trained with; train again, or put it back")
