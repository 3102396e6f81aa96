"""What a run leaves behind of how it went: the losses of every epoch, and when they were reached.

The history holds times, which no two runs share. It lies beside the model (``history.json``) or among its facts; where
it is among the facts, two runs with one seed have different fingerprints.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from engine.checkpoint import Checkpoint
from engine.errors import CheckpointError
from engine.training.options import Progress, Report

FILE = "history.json"
FORMAT = 1


@dataclass(frozen=True, slots=True)
class Step:
    """An epoch: mean losses in nats; ``loss`` is None where it was no number, ``validation`` where nothing was kept.

    ``turn`` counts from 0 how often its stage was begun anew with other data, ``seconds`` run from the start of the
    run to the end of the epoch, in all processes that worked on it.
    """

    stage: str
    turn: int
    epoch: int
    epochs: int
    loss: float | None
    validation: float | None
    tokens_per_second: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Curve:
    """The epochs of one turn of a stage, in order."""

    stage: str
    turn: int
    steps: tuple[Step, ...]

    @property
    def best(self) -> Step | None:
        """The epoch with the least validation loss; None where nothing was kept to judge by."""
        judged = [step for step in self.steps if step.validation is not None]
        return min(judged, key=lambda step: step.validation or 0.0, default=None)


@dataclass(frozen=True, slots=True)
class History:
    """A run as it went: when it began (aware UTC), how many seconds it took, and its epochs in order."""

    began: datetime
    seconds: float
    steps: tuple[Step, ...]

    def curves(self) -> list[Curve]:
        """The epochs by stage and turn, in the order in which these were begun."""
        found: dict[tuple[str, int], list[Step]] = {}
        for step in self.steps:
            found.setdefault((step.stage, step.turn), []).append(step)
        return [Curve(stage, turn, tuple(steps)) for (stage, turn), steps in found.items()]

    def to_json(self) -> dict[str, Any]:
        """The history as plain data, that ``from_json`` reads back."""
        steps = [asdict(step) for step in self.steps]
        return {"format": FORMAT, "began": self.began.isoformat(), "seconds": self.seconds, "steps": steps}

    @classmethod
    def from_json(cls, data: Any) -> History:
        """Read what ``to_json`` wrote.

        Raises:
            ValueError: If it is something else, or of another format.
        """
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            raise ValueError(f"no history of format {FORMAT}")
        try:
            began = datetime.fromisoformat(data["began"])
            steps = tuple(_step(item) for item in data["steps"])
            return cls(began.astimezone(UTC), _number(data["seconds"]), steps)
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"no history: {error!r}") from error


class Recorder:
    """Passes on what a run says of itself, and keeps it.

    Args:
        report: Who else is told.
        before: What an earlier process recorded of the same run, which this one goes on with. Epochs that it went
            through again are kept once.
        now: A clock that never goes back, in seconds.
        began: When the run began; now by default.
    """

    def __init__(
        self,
        report: Report,
        *,
        before: History | None = None,
        now: Callable[[], float] = time.monotonic,
        began: datetime | None = None,
    ) -> None:
        self._report = report
        self._now = now
        self._start = now() - (before.seconds if before else 0.0)
        self._began = before.began if before else began or datetime.now(UTC)
        self._steps = list(before.steps) if before else []
        self._resumed = before is not None

    def __call__(self, progress: Progress) -> None:
        """Keep an epoch, and pass it on."""
        if progress.epoch > 0:
            if self._resumed:
                self._steps, self._resumed = _until(self._steps, progress), False
            self._steps.append(self._taken(progress))
        self._report(progress)

    def history(self) -> History:
        """The run up to now."""
        return History(self._began, self._now() - self._start, tuple(self._steps))

    def to_json(self) -> dict[str, Any]:
        """The run up to now as plain data."""
        return self.history().to_json()

    def _taken(self, progress: Progress) -> Step:
        return Step(
            stage=progress.stage,
            turn=self._turn(progress),
            epoch=progress.epoch,
            epochs=progress.epochs,
            loss=_finite(progress.loss),
            validation=_finite(progress.validation) or None,  # 0 is what is said where nothing was kept to judge by
            tokens_per_second=_finite(progress.tokens_per_second) or 0.0,
            seconds=self._now() - self._start,
        )

    def _turn(self, progress: Progress) -> int:
        """A stage that begins to count its epochs again is in its next turn."""
        last = next((step for step in reversed(self._steps) if step.stage == progress.stage), None)
        if last is None:
            return 0
        return last.turn + (progress.epoch <= last.epoch)


def read_history(model: Checkpoint) -> History | None:
    """The history of a model, from its facts, its files, or beside them; None where none was kept.

    Raises:
        CheckpointError: If there is one that cannot be read.
    """
    facts = model.facts.get("history")
    path = model.files.get(FILE, model.folder / FILE)
    if facts is None and not path.is_file():
        return None
    try:
        return History.from_json(json.loads(path.read_bytes()) if facts is None else facts)
    except (OSError, ValueError, RecursionError) as error:
        place = f"{path}" if facts is None else f"{model.folder}: history"
        raise CheckpointError(f"{place}: cannot be read: {error}; remove it, the model does not need it") from error


def _until(steps: Sequence[Step], progress: Progress) -> list[Step]:
    """The steps before an epoch that a resumed run goes through again.

    Where the last step is the end of the same stage, its next turn has begun and nothing is gone through again; where
    another stage had begun already, the run went back to the beginning of this one.
    """
    own = [step for step in steps if step.stage == progress.stage]
    if not own or (own[-1] is steps[-1] and progress.epoch == 1 and own[-1].epoch == own[-1].epochs):
        return list(steps)
    turn = own[-1].turn if own[-1] is steps[-1] else own[0].turn
    for place, step in enumerate(steps):
        if (step.stage, step.turn) == (progress.stage, turn) and step.epoch >= progress.epoch:
            return list(steps[:place])
    return list(steps)


def _step(item: Mapping[str, Any]) -> Step:
    loss, validation = item["loss"], item["validation"]
    return Step(
        stage=str(item["stage"]),
        turn=int(item["turn"]),
        epoch=int(item["epoch"]),
        epochs=int(item["epochs"]),
        loss=None if loss is None else _number(loss),
        validation=None if validation is None else _number(validation),
        tokens_per_second=_number(item["tokens_per_second"]),
        seconds=_number(item["seconds"]),
    )


def _number(value: Any) -> float:
    found = float(value)
    if not math.isfinite(found):
        raise ValueError(f"{value!r} stands where a number was expected")
    return found


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None  # JSON knows no other numbers
