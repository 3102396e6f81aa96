"""A run as TensorBoard's event files: losses by stage, and the figures of the report. TensorBoard is an extra."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from engine.errors import EngineError
from engine.training.history import Curve, History

MISSING = "event files for TensorBoard need the package tensorboard: pip install 'attendant[report]'"


@dataclass(frozen=True, slots=True)
class Scalar:
    """One number: what it is called, the epoch that it belongs to, and when it was known, in seconds since 1970."""

    name: str
    step: int
    value: float
    moment: float


def check_tensorboard() -> None:
    """Find out whether event files can be written, before anything else is done.

    Raises:
        EngineError: If TensorBoard is not installed.
    """
    _writing()


def write_events(folder: Path, history: History | None, figures: Mapping[str, float]) -> int:
    """Write an event file into a folder; what is there stays.

    Args:
        folder: Where to; made if it is missing.
        history: The run; None where none was kept.
        figures: The figures of the report, by name.

    Returns:
        How many numbers were written.

    Raises:
        EngineError: If TensorBoard is not installed.
        OSError: If the folder cannot be written.
    """
    writing, events, summaries = _writing()
    folder.mkdir(parents=True, exist_ok=True)
    scalars = list(scalars_of(history, figures))
    writer = writing.EventFileWriter(str(folder))
    try:
        for one in scalars:
            value = summaries.Summary.Value(tag=one.name, simple_value=one.value)
            writer.add_event(
                events.Event(wall_time=one.moment, step=one.step, summary=summaries.Summary(value=[value]))
            )
    finally:
        writer.close()
    return len(scalars)


def scalars_of(history: History | None, figures: Mapping[str, float]) -> Iterator[Scalar]:
    """Every number of a run: losses and speed by stage, step by step, then the figures of the report."""
    began = history.began.timestamp() if history else 0.0
    for curve in history.curves() if history else ():
        for step in curve.steps:
            moment = began + step.seconds
            values = {"loss": step.loss, "validation": step.validation, "tokens per second": step.tokens_per_second}
            for name, value in values.items():
                if value is not None:
                    yield Scalar(f"{_stage(curve)}/{name}", step.epoch, value, moment)
    ended = began + (history.seconds if history else 0.0)
    yield from (Scalar(f"report/{name}", 0, value, ended) for name, value in figures.items())


def _stage(curve: Curve) -> str:
    return f"{curve.stage} {curve.turn + 1}" if curve.turn else curve.stage


def _writing() -> tuple[Any, Any, Any]:
    """TensorBoard's writer and what it writes; only what does not need TensorFlow."""
    try:
        return (
            import_module("tensorboard.summary.writer.event_file_writer"),
            import_module("tensorboard.compat.proto.event_pb2"),
            import_module("tensorboard.compat.proto.summary_pb2"),
        )
    except ImportError as error:
        raise EngineError(MISSING) from error
