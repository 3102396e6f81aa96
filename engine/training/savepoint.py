"""Savepoints of a run: what is done, and how far the rest is, so that a run that was killed goes on.

A folder beside the model that is being made holds one model folder a part (content-named files, replaced in one step,
see ``engine.checkpoint``): a kill at any moment leaves the last whole savepoint, and so does a full disk. What was
saved belongs to one run: the same data, options and version; anything else is not taken up.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from engine import checkpoint
from engine.errors import CheckpointError

EVERY = 30.0  # seconds between two savepoints of one part
_WEIGHTS = "weights.safetensors"
_RUN = "run.json"


@dataclass(frozen=True, slots=True)
class Saved:
    """Weights by name, of which the part before the first slash says whose, and plain values."""

    weights: Mapping[str, Tensor]
    values: Mapping[str, Any] = field(default_factory=dict)

    def parts(self) -> dict[str, dict[str, Tensor]]:
        """The weights of each part by their own names."""
        found: dict[str, dict[str, Tensor]] = {}
        for name, values in self.weights.items():
            part, slash, own = name.partition("/")
            if slash:
                found.setdefault(part, {})[own] = values
        return found


class Savepoint(Protocol):
    """Where one part of a run leaves how far it is; ``every`` so many seconds."""

    every: float

    def save(self, saved: Saved) -> None:
        """Put this in place of what was saved before."""

    def load(self) -> Saved | None:
        """What was saved last, None where nothing was."""


class _Nowhere:
    """For runs that nobody goes on with."""

    every = float("inf")

    def save(self, saved: Saved) -> None:
        """Nothing is kept."""

    def load(self) -> Saved | None:
        """Nothing was kept."""
        return None


NOWHERE: Savepoint = _Nowhere()


@dataclass
class FolderSavepoint:
    """A savepoint in a folder of its own.

    ``unwritable`` is called where it cannot be written, with the reason: training goes on, and what was saved before
    stays.
    """

    folder: Path
    every: float = EVERY
    unwritable: Callable[[OSError], None] = lambda _: None

    def save(self, saved: Saved) -> None:
        """Put this in place of what was saved before; what cannot be written is said, and no reason to stop."""
        weights = {name: values.detach().cpu().numpy() for name, values in saved.weights.items()}
        try:
            checkpoint.write(self.folder, {_WEIGHTS: weights}, {"values": json.loads(json.dumps(dict(saved.values)))})
        except OSError as error:
            self.unwritable(error)

    def load(self) -> Saved | None:
        """What was saved last; None where nothing was, or where it is damaged."""
        try:
            model = checkpoint.read(self.folder)
            weights = {name: torch.from_numpy(np.array(values)) for name, values in model.arrays(_WEIGHTS).items()}
            return Saved(weights, model.facts["values"])
        except CheckpointError:
            return None


class RunFolder:
    """The savepoints of one run.

    Args:
        folder: Where they lie.
        identity: Of the run: data, options, version. What another run left there is taken away.
        every: Seconds between two savepoints of a part.
        speaks: False where another process of the same run writes.
    """

    def __init__(self, folder: Path, identity: str, *, every: float = EVERY, speaks: bool = True) -> None:
        self.folder = folder
        self._identity = identity
        self._every = every
        self._speaks = speaks
        self.notes: list[str] = []
        left = left_by(folder)
        if speaks and (left is None or left.identity != identity):
            self.done()
            self.note("prepare", 0)

    def part(self, name: str) -> FolderSavepoint:
        """The savepoint of one part."""
        return FolderSavepoint(self.folder / name, self._every, self._unwritable)

    def note(self, stage: str, epoch: int) -> None:
        """Leave a note of where the run stands."""
        if not self._speaks:
            return
        stand = json.dumps({"identity": self._identity, "stage": stage, "epoch": epoch, "process": os.getpid()})
        part = self.folder / f"{_RUN}.part"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            part.write_text(stand, "utf-8")
            part.replace(self.folder / _RUN)
        except OSError as error:
            self._unwritable(error)

    def done(self) -> None:
        """Take everything away: the run has ended."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _unwritable(self, error: OSError) -> None:
        note = f"how far training is could not be saved ({error.strerror}: {error.filename}); the last savepoint stays"
        if note not in self.notes:
            self.notes.append(note)


@dataclass(frozen=True, slots=True)
class Left:
    """What a run that did not end left: its ``identity`` and where it stood; empty where that cannot be read."""

    identity: str = ""
    stage: str = ""
    epoch: int = 0


def left_by(folder: Path) -> Left | None:
    """What an unfinished run left in a folder; None where there was none."""
    try:
        stand = json.loads((folder / _RUN).read_bytes())
        return Left(str(stand["identity"]), str(stand["stage"]), int(stand["epoch"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Left()
