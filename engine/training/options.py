"""What can be chosen about a training run, and what it says while it runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from engine.training.report import Report as HeldOutReport


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """Choices for a run.

    ``epochs`` 0 chooses by the size of the data, ``minutes`` bounds the wall-clock time of the whole run, ``threads`` 0
    means one, since networks this small gain little from more, ``max_wrong_rate`` is what the thresholds promise,
    ``encoder`` is what it starts from, a name of ``engine.understand.encoders``, ``cell`` the recurrent cell of a
    sentence encoder that starts from nothing, ``lstm`` or ``gru``, ``slots`` are patterns for values as in the
    configuration, ``device`` and ``precision`` what is calculated on and how, see ``engine.training.hardware``.
    """

    epochs: int = 0
    minutes: float = 20.0
    seed: int = 1
    threads: int = 0
    max_wrong_rate: float = 0.1
    encoder: str = "base"
    cell: str = "lstm"
    device: str = "cpu"
    precision: str = "auto"
    locales: tuple[str, ...] = ("en", "zh")
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tuning:
    """How an earlier model is trained further.

    ``replayed`` is the share of what is old that is shown in every epoch, so that it is not forgotten, ``rate`` the
    share of the learning rate, ``frozen`` begins the names of weights that stay as they are, such as ``encoder`` and
    ``embedding`` of the composer.
    """

    replayed: float = 0.2
    rate: float = 0.5
    frozen: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run stands after an epoch (``loss`` and ``validation`` are mean cross entropies in nats).

    ``stage`` is ``prepare``, ``rehearse`` (an encoder on a part of the questions, to fit thresholds on the rest),
    ``understand``, ``compose`` or ``finish``.
    """

    stage: str
    epoch: int
    epochs: int
    loss: float
    validation: float
    tokens_per_second: float
    seconds_left: float


Report = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class TrainingSummary:
    """What came of a run: where the model lies, what it was made from, how it fared on held-out questions."""

    folder: str
    fingerprint: str
    entries: int
    questions: int
    conversations: int
    epochs: int
    seconds: float
    cpu_seconds: float
    parameters: int
    megabytes: float
    report: HeldOutReport
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return {**asdict(self), "report": self.report.to_json()}
