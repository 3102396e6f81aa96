"""A whole training run: from data to a checkpoint that says how far it can be trusted."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch

from engine import checkpoint
from engine.errors import EngineError, TrainingError, TrainingStopped
from engine.knowledge.entries import Knowledge
from engine.text.normalise import matching
from engine.training.course import Course, Result
from engine.training.data import TrainingData
from engine.training.earlier import Continuing, Earlier
from engine.training.earlier import joined as joined_knowledge
from engine.training.hardware import chosen
from engine.training.labelled import label
from engine.training.options import Progress, Report, TrainingOptions, TrainingSummary, Tuning
from engine.training.processes import joined
from engine.training.running import Running
from engine.training.savepoint import EVERY, RunFolder, left_by
from engine.training.start import Start
from engine.understand.slots import SlotFinder

UNFINISHED = "unfinished"


def interrupted(out: Path, known: str) -> str:
    """A sentence about an earlier run into ``out`` that did not end; empty where there was none.

    ``known`` is the identity of the run that is about to begin there.
    """
    left = left_by(out / UNFINISHED)
    if left is None:
        return ""
    where = f" ({left.stage}, epoch {left.epoch})" if left.stage else ""
    if left.identity == known:
        return f"an earlier training was stopped{where}; going on from its last savepoint"
    changed = ", but data, options or version have changed since" if left.identity else ""
    return f"an earlier training was stopped{where}{changed}; beginning again"


def identity(data: TrainingData, options: TrainingOptions) -> str:
    """What a run is known by: the same for the same data, options and version of PyTorch, whatever time it has."""
    told_of = {name: value for name, value in asdict(options).items() if name != "minutes"}
    texts = [data.knowledge.fingerprint(), repr(data.conversations), repr(data.background), repr(data.validation)]
    told = json.dumps([texts, told_of, checkpoint.FORMAT, torch.__version__], sort_keys=True, default=str)
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).hexdigest()


def train(
    data: TrainingData,
    out: Path,
    options: TrainingOptions,
    report: Report,
    *,
    stop: Callable[[], bool] = lambda: False,
    every: float = EVERY,
) -> TrainingSummary:
    """Train a model and put it into ``out`` in one step; until then, what was there stays in use.

    A run that was killed goes on from its last savepoint where data and options are the same, and comes to the same
    weights as one that was not, unless the time ran out. With several processes each trains on its share, and the
    first one writes.

    Args:
        data: What to learn from.
        out: The model folder.
        options: Choices for the run.
        report: Called after every epoch.
        stop: Asked after every step whether to end with the best so far.
        every: Seconds between two savepoints.

    Raises:
        TrainingStopped: If it was stopped before there was a whole model; what was reached is saved.
        TrainingError: If there is nothing to learn from, or the loss is no number again and again.
        OSError: If the folder cannot be written; what was there before is untouched.
    """
    if len(data.knowledge) < 2:
        raise TrainingError("at least two entries are needed: with one there is nothing to tell apart")
    run = _Run(data, out, options, identity(data, options))
    return run.go(report, stop, every)


def finetune(
    earlier: Earlier,
    together: Together,
    out: Path,
    options: TrainingOptions,
    tuning: Tuning,
    report: Report,
    *,
    stop: Callable[[], bool] = lambda: False,
    every: float = EVERY,
) -> TrainingSummary:
    """Train an earlier model further with what is new, and put it into ``out`` in one step, as ``train`` does.

    Confidence is fitted anew on the questions that the earlier model was judged by, together with the ``validation`` of
    what is new.

    Args:
        earlier: The model to go on with.
        together: What it knows and what is new to it, from ``gathered``.
        out: The model folder.
        options: Choices for the run; what it starts from is the earlier model's.
        tuning: How it is trained further.
        report: Called after every epoch.
        stop: Asked after every step whether to end with the best so far.
        every: Seconds between two savepoints.

    Raises:
        TrainingStopped: If it was stopped before there was a whole model; what was reached is saved.
        TrainingError: If nothing is new, or the loss is no number again and again.
        CheckpointError: If what the earlier model was started from is not there any more.
        OSError: If the folder cannot be written; what was there before is untouched.
    """
    data = together.data
    answered = any(turn.entry for conversation in data.conversations for turn in conversation.turns)
    if not together.fresh and not answered:
        raise TrainingError(
            "nothing is new: the model knows every question with its answer"
            if not data.conversations
            else "no logged answer is like one that the model knows; `attendant faq mine` makes a FAQ of the logs"
        )
    start = Continuing.after(earlier, together.fresh, SlotFinder(options.slots), tuning)
    known = tuning_identity(earlier, together, options, tuning)
    return _Run(data, out, replace(options, encoder=earlier.encoder), known, start).go(report, stop, every)


def tuning_identity(earlier: Earlier, together: Together, options: TrainingOptions, tuning: Tuning) -> str:
    """What a ``finetune`` is known by, see ``identity``."""
    own = identity(together.data, replace(options, encoder=earlier.encoder))
    return hashlib.sha256(repr((own, earlier.fingerprint, tuning)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Together:
    """All that an earlier model knows and all that is new, and the ids of the entries that are new or changed."""

    data: TrainingData
    fresh: frozenset[str]


def gathered(earlier: Earlier, new: TrainingData) -> Together:
    """What an earlier model is to be trained further on.

    Logged answers that repeat an entry's make the questions before them questions of that entry.
    """
    knowledge, fresh = joined_knowledge(earlier.knowledge, new.knowledge)
    labelled = label(new.conversations, knowledge)
    knowledge, grown = joined_knowledge(knowledge, Knowledge(labelled.entries))
    fresh |= grown
    still = [one for one in earlier.validation if not one.entries or one.entries & {entry.id for entry in knowledge}]
    texts = {matching(one.text) for one in new.validation}
    validation = (*new.validation, *(one for one in still if matching(one.text) not in texts))
    background = tuple(dict.fromkeys((*new.background, *earlier.knowledge.unanswered)))
    return Together(TrainingData(knowledge, labelled.conversations, background, validation, new.warnings), fresh)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run: what is learnt, where to, how, and what it is known by."""

    data: TrainingData
    out: Path
    options: TrainingOptions
    identity: str
    start: Start | None = None

    def go(self, report: Report, stop: Callable[[], bool], every: float) -> TrainingSummary:
        """All of it."""
        began, began_cpu = time.monotonic(), time.process_time()
        self.out.mkdir(parents=True, exist_ok=True)
        torch.set_num_threads(self.options.threads or 1)  # a second saves a third of the time, costs a third more CPU
        torch.manual_seed(self.options.seed)
        with joined() as processes:
            folder = RunFolder(self.out / UNFINISHED, self.identity, every=every, speaks=processes.first)
            hardware = chosen(self.options.device, self.options.precision, number=processes.number)
            running = Running(_noting(report, folder), stop, folder, processes, hardware)
            result = self._course(running, folder, began)
            files = result.files(self.data.knowledge)
            fingerprint = ""
            if processes.first:
                fingerprint = checkpoint.write(self.out, files, result.facts(self.data.knowledge, self.options))
                folder.done()
        return TrainingSummary(
            folder=str(self.out),
            fingerprint=fingerprint,
            entries=len(self.data.knowledge),
            questions=len(self.data.knowledge.examples()),
            conversations=len(self.data.conversations),
            epochs=result.epochs,
            seconds=time.monotonic() - began,
            cpu_seconds=time.process_time() - began_cpu,
            parameters=sum(part.numel() for model in (result.encoder, result.model) for part in model.parameters()),
            megabytes=sum(len(content) for content in files.values()) / 1e6,
            report=result.verdict.report,
            notes=(*result.notes, *folder.notes),
        )

    def _course(self, running: Running, folder: RunFolder, began: float) -> Result:
        deadline = began + self.options.minutes * 60
        try:
            return Course(self.data, self.options, running, deadline, self.start).run()
        except TrainingStopped:
            raise
        except EngineError:
            folder.done()  # refused or failed, which was said; nothing to go on with
            raise


def _noting(report: Report, folder: RunFolder) -> Report:
    """Leaves a note of where a run stands, so that the next one can say what became of it."""

    def told(progress: Progress) -> None:
        folder.note(progress.stage, progress.epoch)
        report(progress)

    return told
