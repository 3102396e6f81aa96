"""A whole training run: from data to a checkpoint that says how far it can be trusted."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import torch

from engine import checkpoint
from engine.errors import EngineError, TrainingError
from engine.training.course import Course
from engine.training.data import TrainingData
from engine.training.options import Progress, Report, TrainingOptions, TrainingSummary

MARKER = "training.json"


def interrupted(out: Path) -> str:
    """A sentence about an earlier run into ``out`` that did not end; empty where there was none."""
    try:
        stand = json.loads((out / MARKER).read_bytes())
        return f"an earlier training was stopped ({stand['stage']}, epoch {stand['epoch']}); beginning again"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return "an earlier training was stopped; beginning again"


def train(data: TrainingData, out: Path, options: TrainingOptions, report: Report) -> TrainingSummary:
    """Train a model and put it into ``out`` in one step; until then, what was there stays in use.

    Args:
        data: What to learn from.
        out: The model folder.
        options: Choices for the run.
        report: Called after every epoch.

    Raises:
        TrainingError: If there is nothing to learn from, or the loss stops being a number.
        OSError: If the folder cannot be written; what was there before is untouched.
    """
    if len(data.knowledge) < 2:
        raise TrainingError("at least two entries are needed: with one there is nothing to tell apart")
    began, began_cpu = time.monotonic(), time.process_time()
    out.mkdir(parents=True, exist_ok=True)
    marker = _Marker(out / MARKER, report)
    torch.set_num_threads(options.threads or 1)  # a second thread saves a third of the time and costs a third more CPU
    torch.manual_seed(options.seed)
    try:
        result = Course(data, options, marker, began + options.minutes * 60).run()
    except EngineError:
        marker.path.unlink(missing_ok=True)  # refused or failed, which was said; nothing to begin again
        raise
    files = result.files(data.knowledge)
    fingerprint = checkpoint.write(out, files, result.facts(data.knowledge, options))
    marker.path.unlink(missing_ok=True)
    return TrainingSummary(
        folder=str(out),
        fingerprint=fingerprint,
        entries=len(data.knowledge),
        questions=len(data.knowledge.examples()),
        conversations=len(data.conversations),
        epochs=result.epochs,
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - began_cpu,
        parameters=sum(part.numel() for model in (result.encoder, result.model) for part in model.parameters()),
        megabytes=sum(len(content) for content in files.values()) / 1e6,
        report=result.verdict.report,
        notes=tuple(result.notes),
    )


class _Marker:
    """Leaves a note of where a run stands, so that the next one can say what became of it."""

    def __init__(self, path: Path, report: Report) -> None:
        self.path = path
        self._report = report
        self._note("prepare", 0)

    def __call__(self, progress: Progress) -> None:
        self._note(progress.stage, progress.epoch)
        self._report(progress)

    def _note(self, stage: str, epoch: int) -> None:
        self.path.write_text(json.dumps({"stage": stage, "epoch": epoch, "process": os.getpid()}), "utf-8")
