"""One row of a table in processes of its own, so that time and memory are its own and every library has one thread.

    python -m benchmarks.isolated learn JOB
    python -m benchmarks.isolated answer JOB

The first learns and leaves what it learned in the folder of the job, the second reads that and answers. Both write
``PHASE.json`` there.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.datasets import Asked, Folders, Trial, trial

ROOT = Path(__file__).parents[1]
TIMED = 200
WARM_UP = 5
TOGETHER = 64
_SELF = Path("/proc/self/status")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True, slots=True)
class Job:
    """A row and a trial by their names, what the trial is made from, and ``minutes`` that training may take."""

    data: tuple[str, ...]
    trial: str
    row: str
    seed: int
    minutes: float


@dataclass(frozen=True, slots=True)
class Answers:
    """What a row made of a trial.

    ``places`` are those of the questions that it was asked, in order, ``rankings`` has one ranking for each of them.
    ``training_seconds`` and ``milliseconds`` (of single questions) are CPU time. Megabytes are what a process grew over
    one that holds the questions only: at its height in learning, and after ``TIMED`` answers in answering; None where
    the system does not tell.
    """

    places: tuple[int, ...]
    rankings: list[list[tuple[str, float]]]
    training_seconds: float
    milliseconds: tuple[float, ...]
    training_megabytes: float | None
    megabytes: float | None

    def of(self, asked: Sequence[Asked]) -> list[Asked]:
        """The questions that were asked."""
        return [asked[place] for place in self.places]


class RowSkippedError(Exception):
    """The row cannot be here; says why."""


class RowFailedError(Exception):
    """The row ended with an error; holds what it wrote."""


def run(job: Job) -> Answers:
    """Learn and answer, one process after the other.

    Raises:
        RowSkippedError: If a package lacks or the row makes no sense for this trial.
        RowFailedError: If a process fails.
    """
    with tempfile.TemporaryDirectory(prefix="attendant-benchmark-") as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(asdict(job)), "utf-8")
        learned, answered = _phase("learn", folder), _phase("answer", folder)
    return Answers(
        places=tuple(answered["places"]),
        rankings=[[(label, score) for label, score in ranking] for ranking in answered["rankings"]],
        training_seconds=learned["seconds"],
        milliseconds=tuple(answered["milliseconds"]),
        training_megabytes=learned["megabytes"],
        megabytes=answered["megabytes"],
    )


def environment() -> dict[str, str]:
    """What a process needs to have one thread for every library and to ask the network for nothing."""
    return {**os.environ, **dict.fromkeys(_THREADS, "1"), "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}


def _phase(phase: str, folder: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.isolated", phase, str(folder)]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RowFailedError(done.stderr.strip() or f"the process ended with {done.returncode}")
    result: dict[str, Any] = json.loads((folder / f"{phase}.json").read_bytes())
    if "skipped" in result:
        raise RowSkippedError(result["skipped"])
    return result


def main() -> None:
    """Do one phase of a job."""
    phase, folder = sys.argv[1], Path(sys.argv[2])
    facts = json.loads((folder / "job.json").read_bytes())
    job = Job(**{**facts, "data": tuple(facts["data"])})
    made = trial(job.trial, Folders([Path(path) for path in job.data]), job.seed)
    bare = status("VmRSS")

    from benchmarks.peers import NotApplicableError  # after the memory of a bare process is known

    try:
        result = _learn(job, made, folder, bare) if phase == "learn" else _answer(job, made, folder, bare)
    except NotApplicableError as error:
        result = {"skipped": str(error)}
    (folder / f"{phase}.json").write_text(json.dumps(result), "utf-8")


def _learn(job: Job, made: Trial, folder: Path, bare: float | None) -> dict[str, Any]:
    from benchmarks.peers import ROWS, Terms, prepare

    peer = ROWS[job.row](Terms(folder, job.seed, job.minutes))
    prepare(peer)
    began = time.process_time()
    peer.fit(made.stored)
    seconds = time.process_time() - began
    (folder / "peer.pickle").write_bytes(pickle.dumps(peer))
    return {"seconds": seconds, "megabytes": _growth("VmHWM", bare)}


def _answer(job: Job, made: Trial, folder: Path, bare: float | None) -> dict[str, Any]:
    from benchmarks.peers import Peer

    peer: Peer = pickle.loads((folder / "peer.pickle").read_bytes())  # noqa: S301 - written by the phase before
    places = random.Random(job.seed).sample(range(len(made.asked)), len(made.asked))[: peer.most_asked]
    texts = [made.asked[place].text for place in places]
    for text in texts[:WARM_UP]:
        peer.rank([text])
    timed = (texts * (TIMED // len(texts) + 1))[:TIMED]
    rankings: list[list[tuple[str, float]]] = []
    milliseconds: list[float] = []
    for text in timed:
        began = time.process_time_ns()
        rankings += peer.rank([text])
        milliseconds.append((time.process_time_ns() - began) / 1e6)
    megabytes = _growth("VmRSS", bare)
    rankings = rankings[: len(texts)]
    for at in range(len(rankings), len(texts), TOGETHER):
        rankings += peer.rank(texts[at : at + TOGETHER])
    return {"places": places, "rankings": rankings, "milliseconds": milliseconds, "megabytes": megabytes}


def _growth(name: str, bare: float | None) -> float | None:
    now = status(name)
    return None if now is None or bare is None else now - bare


def status(name: str, path: Path = _SELF) -> float | None:
    """A figure of a process in megabytes, as Linux tells it; ``ru_maxrss`` would count the parent's memory too."""
    try:
        lines = path.read_text("ascii").splitlines()
    except OSError:
        return None
    found = next((line for line in lines if line.startswith(f"{name}:")), None)
    return None if found is None else int(found.split()[1]) * 1024 / 1e6


if __name__ == "__main__":
    main()
