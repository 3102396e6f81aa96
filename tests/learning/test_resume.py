"""Runs that are killed, stopped, or trained by several processes: nothing is lost, and the weights are the same."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from engine import checkpoint
from engine.errors import TrainingStopped
from engine.knowledge.entries import Entry, Knowledge
from engine.training.data import TrainingData
from engine.training.options import Progress, TrainingOptions
from engine.training.school import UNFINISHED, identity, interrupted, train

SUBJECTS = ("refund", "delivery", "warranty", "voucher", "return", "newsletter")
WAYS = ("how about the {}", "tell me of the {}", "{} please", "what is your {}", "i need the {}", "where is the {}")
KNOWLEDGE = Knowledge(
    tuple(
        Entry(subject, f"This is all about the {subject}.", tuple(way.format(subject) for way in WAYS), locale="en")
        for subject in SUBJECTS
    )
)
DATA = TrainingData(KNOWLEDGE, (), ("who won the match", "tell me a joke", "what is the weather like"))
OPTIONS = TrainingOptions(encoder="none", epochs=3, minutes=10, threads=1, max_wrong_rate=0.3)

CHILD = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
import test_resume as here
from engine.training.school import train
train(here.DATA, Path(sys.argv[1]), here.OPTIONS, lambda _: print("epoch", flush=True), every=0.0)
"""


def quiet(_: Progress) -> None:
    """Nobody is told."""


def a_child(out: Path, *before: str, **chosen: object) -> subprocess.Popen[str]:
    """A process of its own that trains into ``out`` and saves at every step."""
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2])]
    code = CHILD.format(paths=paths)
    script = out.with_suffix(".py")
    script.write_text(code, "utf-8")
    command = [sys.executable, *before, str(script), str(out)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, **chosen)  # type: ignore[call-overload,no-any-return]  # keyword arguments as they come


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The fingerprint of the model of a run that nobody disturbs."""
    return train(DATA, tmp_path_factory.mktemp("whole"), OPTIONS, quiet).fingerprint


@pytest.mark.parametrize("epochs", [1, 10, 13])
def test_a_killed_run_goes_on_to_the_same_weights_bit_by_bit(tmp_path: Path, uninterrupted: str, epochs: int) -> None:
    out = tmp_path / "model"
    out.mkdir()
    child = a_child(out)
    assert child.stdout is not None
    for _ in range(epochs + 1):  # the first line says that it began
        assert child.stdout.readline() == "epoch\n"
    time.sleep(0.01 * (epochs % 4))  # somewhere within an epoch
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert child.returncode == -signal.SIGKILL
    assert "going on from its last savepoint" in interrupted(out, identity(DATA, OPTIONS))
    told: list[Progress] = []
    summary = train(DATA, out, OPTIONS, told.append, every=0.0)
    assert summary.fingerprint == uninterrupted == checkpoint.read(out).fingerprint
    assert sum(progress.epoch > 0 for progress in told) <= 15 - epochs + 1
    assert not (out / UNFINISHED).exists()


def test_a_run_with_other_data_does_not_go_on_from_what_is_not_its_own(tmp_path: Path) -> None:
    other = replace(DATA, background=("something else",))
    stopped_in(tmp_path, "compose")
    assert "have changed since; beginning again" in interrupted(tmp_path, identity(other, OPTIONS))
    went_on = train(other, tmp_path, OPTIONS, quiet, every=0.0)
    afresh = train(other, tmp_path / "afresh", OPTIONS, quiet)
    assert went_on.fingerprint == afresh.fingerprint


def test_damaged_savepoints_are_not_taken_up(tmp_path: Path, uninterrupted: str) -> None:
    stopped_in(tmp_path, "compose")
    for path in (tmp_path / UNFINISHED).rglob("weights-*.safetensors"):
        path.write_bytes(path.read_bytes()[:-10] + b"0123456789")
    assert train(DATA, tmp_path, OPTIONS, quiet, every=0.0).fingerprint == uninterrupted


@pytest.mark.parametrize("stage", ["rehearse", "understand"])
def test_whoever_stops_it_before_there_is_a_composer_gets_no_model_and_loses_nothing(
    tmp_path: Path, uninterrupted: str, stage: str
) -> None:
    with pytest.raises(TrainingStopped, match=f"stopped \\({stage}\\); the same command goes on from there"):
        stopped_in(tmp_path, stage)
    assert not (tmp_path / checkpoint.MANIFEST).exists()
    assert train(DATA, tmp_path, OPTIONS, quiet, every=0.0).fingerprint == uninterrupted


def test_whoever_stops_the_composing_gets_the_best_so_far(tmp_path: Path, uninterrupted: str) -> None:
    told: list[Progress] = []

    def stop() -> bool:
        return (told[-1].stage, told[-1].epoch) == ("compose", 2)

    summary = train(DATA, tmp_path, OPTIONS, told.append, stop=stop)
    assert summary.fingerprint == checkpoint.read(tmp_path).fingerprint != uninterrupted
    assert "it was stopped in epoch 3 of composing; the best so far is kept" in summary.notes
    assert max(progress.epoch for progress in told if progress.stage == "compose") == 2


def test_where_nothing_can_be_saved_training_goes_on_and_says_so(tmp_path: Path) -> None:
    """The limit on the size of a file lets a savepoint fail as a full disk does."""
    out = tmp_path / "model"
    out.mkdir()

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    child = a_child(out, stderr=subprocess.PIPE, preexec_fn=small_files)
    told, failed = child.communicate(timeout=300)
    assert told.count("epoch") > 15  # it came to its end, and could not write the model
    assert "File too large" in failed
    assert not list(out.rglob("*.part"))
    assert not (out / checkpoint.MANIFEST).exists()


def test_two_processes_train_one_model_together(tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    child = a_child(out, *launcher, stderr=subprocess.PIPE)
    told, failed = child.communicate(timeout=300)
    assert child.returncode == 0, failed
    assert told.count("epoch") == 17  # one of the two speaks
    assert checkpoint.read(out).facts["training"]["epochs"] == 3
    assert not (out / UNFINISHED).exists()


def stopped_in(out: Path, stage: str) -> None:
    """A run that is stopped in the middle of a stage."""
    told: list[Progress] = []

    def stop() -> bool:
        return told[-1].stage == stage and told[-1].epoch == 1

    def report(progress: Progress) -> None:
        told.append(progress)
        if stage == "compose" and (progress.stage, progress.epoch) == ("compose", 2):
            raise KeyboardInterrupt

    try:
        train(DATA, out, OPTIONS, report, stop=(lambda: False) if stage == "compose" else stop, every=0.0)
    except KeyboardInterrupt:
        return
