"""What goes on around a run: who is told of it, who may stop it, where it is saved, who trains along, and on what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from engine.training.hardware import CPU, Hardware
from engine.training.options import Progress, Report
from engine.training.processes import Processes
from engine.training.savepoint import NOWHERE, RunFolder, Savepoint


def _nobody(_: Progress) -> None:
    """Nobody is told."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Running:
    """``report`` is called after every epoch, ``stop`` asked after every step whether to end with the best so far.

    ``folder`` holds the savepoints; without one nothing is saved.
    """

    report: Report = _nobody
    stop: Callable[[], bool] = _never
    folder: RunFolder | None = None
    processes: Processes = field(default_factory=Processes)
    hardware: Hardware = CPU
    turn: int = 0  # of parts that are trained several times

    def part(self, stage: str) -> Savepoint:
        """Where a stage is saved."""
        return NOWHERE if self.folder is None else self.folder.part(f"{stage}-{self.turn}" if self.turn else stage)
