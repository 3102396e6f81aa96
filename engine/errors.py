"""What can go wrong in the engine.

EngineError
├── KnowledgeError     the FAQ or the logs cannot be used; holds every problem found, with file, line and column
├── CheckpointError    a model folder is missing, damaged, foreign or of a later format
├── TrainingError      training cannot begin or go on
│   └── TrainingStopped    somebody stopped it; what was reached is saved
└── GenerationError    the generator could not compose anything
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class EngineError(Exception):
    """Something the engine could not do; the message says what and what to do."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a file. ``line`` counts from 1, 0 means the file as a whole."""

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.column}: {self.message}" if self.column else f"{place}: {self.message}"


class KnowledgeError(EngineError):
    """Files that cannot be used; ``problems`` holds all of them."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class CheckpointError(EngineError):
    """A model folder that cannot be used."""


class TrainingError(EngineError):
    """Training cannot begin or go on."""


class TrainingStopped(TrainingError):  # noqa: N818 - nothing went wrong
    """Training was stopped before there was a whole model; the next run goes on from what was saved.

    Args:
        stage: What was under way.
    """

    def __init__(self, stage: str) -> None:
        self.stage = stage
        super().__init__(f"training was stopped ({stage}); the same command goes on from there")


class GenerationError(EngineError):
    """The generator could not compose anything."""
