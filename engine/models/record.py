"""A model of the registry as it lies there: its card, its state, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from engine import checkpoint
from engine.checkpoint import Checkpoint
from engine.errors import CheckpointError
from engine.models.card import FILE, Card, CardError, card_from_text, card_of

CURRENT, CANDIDATE, RETIRED, REJECTED = "current", "candidate", "retired", "rejected"
_DAWN = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Record:
    """A model of the registry. ``problem`` is empty where it is whole, else says in words what is wrong with it.

    ``status`` is ``current``, ``candidate``, ``retired`` or ``rejected``; ``bytes`` is its size on the disk.
    """

    folder: Path
    card: Card
    status: str
    bytes: int
    problem: str = ""

    @property
    def name(self) -> str:
        """What it is called: its fingerprint."""
        return self.card.fingerprint


def status_of(card: Card, current: str, trail: Sequence[str]) -> str:
    """What a model is, beside the one in use and those that were in use one after the other."""
    if card.fingerprint == current:
        return CURRENT
    if card.rejected:
        return REJECTED
    return RETIRED if card.promoted_at is not None or card.fingerprint in trail else CANDIDATE


def card_in(folder: Path, model: Checkpoint) -> Card:
    """The card beside a model; where it is missing or damaged, one that says so and what the manifest knows."""
    made = card_of(model.fingerprint, model.facts, changed_at(folder / checkpoint.MANIFEST))
    try:
        card = card_from_text((folder / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return made
    except (OSError, CardError, UnicodeDecodeError) as error:
        return replace(made, note=f"{FILE} cannot be read: {error}")
    return replace(card, fingerprint=model.fingerprint)


def card_alone(folder: Path) -> Card:
    """The card beside a damaged model, or an empty one."""
    try:
        return card_from_text((folder / FILE).read_text("utf-8"))
    except (OSError, CardError, UnicodeDecodeError):
        return Card(folder.name, changed_at(folder))


def is_whole(folder: Path) -> bool:
    """True where a whole model lies there."""
    try:
        checkpoint.read(folder)
    except CheckpointError:
        return False
    return True


def size_of(folder: Path) -> int:
    """Bytes of the files in a folder; 0 where it cannot be read."""
    try:
        return sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
    except OSError:
        return 0


def changed_at(path: Path) -> datetime:
    """When a file was written; long ago where that cannot be said."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return _DAWN
