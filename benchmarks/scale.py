"""What retrieval costs by the number of stored questions, and whether the index leaves out what it should find.

    python benchmarks/scale.py [--sizes 1000,10000,100000,1000000] [--data FOLDER] [--json FILE]

Every row of a size answers the same mistyped questions in a process of its own, with one thread. `attendant` is the
whole lexical search: features, index, fuzzy comparison of the short list. `exhaustive` is the same with every stored
question scored: where the best score of `attendant` is lower, it left out what it should have found. Beside them stand
a scan by rapidfuzz and BM25 by bm25s, if it is installed. With `--data` the questions are those of
FOLDER/text, else they are made up.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

import numpy as np

from benchmarks import stock
from benchmarks.datasets import DataError
from engine import checkpoint
from engine.retrieval import shelf
from engine.retrieval.fuzzy import similarity
from engine.retrieval.index import QuestionIndex
from engine.text.features import tokens
from engine.text.normalise import matching

ASKED = 500
SCANNED = 50  # of these, questions that are compared with every one of more than 10,000 stored ones
ADDED = 100
TIMES = 5
SHORTLIST = 10
PORTION = 8_000  # questions of a segment in which all are scored
NONE = np.zeros(0, np.int64)


@dataclass(frozen=True, slots=True)
class Row:
    """What one way to search costs and finds; ``None`` where it has no such thing.

    Times to build and to add (milliseconds) are wall-clock, those to search in milliseconds of CPU and wall-clock,
    median and 95th percentile. ``disk`` and ``memory``, that of the searching process with Python and numpy, are in
    megabytes. ``right`` is the share of questions whose own entry came first, ``whole`` of those whose best score was
    that of the exhaustive search.
    """

    row: str
    stored: int
    build_seconds: float
    disk: float | None
    memory: float | None
    cpu: tuple[float, float]
    wall: tuple[float, float]
    right: float
    whole: float | None = None
    add: float | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """What a phase found: the place and score of the best entry for each question, and the times."""

    places: list[int]
    scores: list[float]
    cpu: list[float]
    wall: list[float]


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", help="stored questions, parted by commas")
    parser.add_argument("--data", type=Path, help="folder with text/en-questions.txt.gz and so on")
    parser.add_argument("--rows", default="attendant,exhaustive,rapidfuzz,bm25s")
    parser.add_argument("--json", type=Path, help="file for the figures")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rows: list[Row] = []
    print(HEAD)
    try:
        for size in map(int, options.sizes.split(",")):
            questions = stock.read(options.data, size) if options.data else stock.made_up(size, options.seed)
            for row in measured(questions, options.rows.split(","), options.seed):
                rows.append(row)
                print(line(row), flush=True)
    except (DataError, ValueError) as error:
        sys.exit(f"scale: {error}")
    if options.json:
        options.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")


def measured(questions: Sequence[str], wanted: Sequence[str], seed: int) -> list[Row]:
    """The rows of one size.

    Raises:
        ValueError: If a row is not one of ours.
    """
    chance = random.Random(seed)
    origins = chance.choices(range(len(questions)), k=ASKED)
    asked = [stock.mistyped(questions[origin], chance) for origin in origins]
    right = [origin // stock.QUESTIONS for origin in origins]
    found: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory(prefix="attendant-scale-") as scratch:
        folder = Path(scratch)
        (folder / "questions.json").write_text(json.dumps(questions), "utf-8")
        (folder / "asked.json").write_text(json.dumps(asked), "utf-8")
        for name in wanted:
            if name not in PHASES:
                raise ValueError(f"there is no row {name}; there are {', '.join(PHASES)}")
            if name != "bm25s" or find_spec("bm25s"):
                found[name] = _run(name, folder)
    return [_row(name, result, len(questions), right, found) for name, result in found.items()]


def _row(name: str, result: dict[str, Any], stored: int, right: Sequence[int], found: dict[str, dict[str, Any]]) -> Row:
    places, scores = result["answers"]["places"], result["answers"]["scores"]
    whole = None
    if name == "attendant" and "exhaustive" in found:
        best = found["exhaustive"]["answers"]["scores"]
        whole = float(np.mean(np.asarray(scores) >= np.asarray(best) - 1e-6))
    cpu, wall = ((float(np.median(times)), float(np.percentile(times, 95))) for times in _times(result))
    share = float(np.mean([place == own for place, own in zip(places, right, strict=False)]))
    rest = {key: result.get(key) for key in ("disk", "memory", "add")}
    return Row(name, stored, result["build"], cpu=cpu, wall=wall, right=share, whole=whole, **rest)


def _times(result: dict[str, Any]) -> tuple[list[float], list[float]]:
    return result["answers"]["cpu"], result["answers"]["wall"]


def _run(name: str, folder: Path) -> dict[str, Any]:
    """One row in a process of its own; building, where that is to be forgotten, in another one."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMBA")}
    for phase in ("build", name) if name == "attendant" else (name,):
        command = [sys.executable, __file__, "--phase", phase, str(folder)]
        subprocess.run(command, check=True, env={**os.environ, **threads})
    result: dict[str, Any] = json.loads((folder / f"{name}.json").read_bytes())
    return result


def build(folder: Path) -> dict[str, Any]:
    """Index the questions and write the index."""
    questions = _read(folder, "questions")
    began = time.perf_counter()
    index = QuestionIndex.build(stock.entries(questions))
    checkpoint.write(folder / "model", shelf.files(index), {})
    return {"build": time.perf_counter() - began, "stored": len(questions)}


def attendant(folder: Path) -> dict[str, Any]:
    """Open the index, search it, and add to it."""
    built = json.loads((folder / "build.json").read_bytes())
    index = shelf.read(checkpoint.read(folder / "model"))
    answers = _answers(lambda text: _best(index, text), _read(folder, "asked"))
    memory = _status("VmRSS")
    disk = sum(path.stat().st_size for path in (folder / "model").iterdir()) / 1e6
    added = [_add(folder / "model", built["stored"] + turn * ADDED) for turn in range(TIMES)]
    return {"build": built["build"], "disk": disk, "memory": memory, "add": float(np.median(added)), "answers": answers}


def _best(index: QuestionIndex, text: str) -> tuple[int, float]:
    """The whole of lexical retrieval; what is told of it is the best entry."""
    shown = index.search(text).shown(SHORTLIST, NONE)
    similarity(matching(text), shown.questions)
    total = shown.words + shown.grams
    return (int(shown.places[total.argmax()]), float(total.max())) if len(total) else (-1, 0.0)


def _add(model: Path, first: int) -> float:
    """Milliseconds until a hundred more questions are safely on the disk."""
    items = list(stock.entries(stock.made_up(ADDED, first), first))
    began = time.perf_counter()
    shelf.put(model, items)
    return (time.perf_counter() - began) * 1e3


def exhaustive(folder: Path) -> dict[str, Any]:
    """The same questions in segments so small that in each of them everything is scored.

    Raises:
        ValueError: If a segment was not scored as a whole.
    """
    asked = _read(folder, "asked")
    began = time.perf_counter()
    items = list(stock.entries(_read(folder, "questions")))
    step = PORTION // stock.QUESTIONS
    index = QuestionIndex([QuestionIndex.build(items[at : at + step]).segments[0] for at in range(0, len(items), step)])
    if not index.search(asked[0]).exact:
        raise ValueError("these questions are too long to be scored exhaustively")
    seconds = time.perf_counter() - began
    answers = _answers(lambda text: _best(index, text), asked)
    return {"build": seconds, "memory": _status("VmRSS"), "answers": answers}


def rapidfuzz(folder: Path) -> dict[str, Any]:
    """Compare with every stored question."""
    from rapidfuzz import fuzz, process

    asked = _read(folder, "asked")
    began = time.perf_counter()
    forms = [matching(question) for question in _read(folder, "questions")]
    seconds = time.perf_counter() - began

    def find(text: str) -> tuple[int, float]:
        found = process.extractOne(matching(text), forms, scorer=fuzz.ratio)
        return (-1, 0.0) if found is None else (found[2] // stock.QUESTIONS, found[1])

    some = asked if len(forms) <= 10_000 else asked[:SCANNED]
    answers = _answers(find, some)
    return {"build": seconds, "memory": _status("VmRSS"), "answers": answers}


def bm25s(folder: Path) -> dict[str, Any]:
    """BM25 over words; of Chinese, characters and pairs."""
    import bm25s as library

    asked = _read(folder, "asked")
    began = time.perf_counter()
    index = library.BM25()
    index.index([_terms(question) for question in _read(folder, "questions")], show_progress=False)
    seconds = time.perf_counter() - began

    def find(text: str) -> tuple[int, float]:
        terms = [term for term in _terms(text) if term in index.vocab_dict]
        if not terms:
            return -1, 0.0
        places, scores = index.retrieve([terms], k=SHORTLIST, show_progress=False, n_threads=0)
        return int(places[0, 0]) // stock.QUESTIONS, float(scores[0, 0])

    answers = _answers(find, asked)
    return {"build": seconds, "memory": _status("VmRSS"), "answers": answers}


def _terms(text: str) -> list[str]:
    """Words; of a Chinese run its characters and pairs."""
    found: list[str] = []
    for token in tokens(text):
        parts = [*token, *(token[at : at + 2] for at in range(len(token) - 1))] if token[0] >= "㐀" else [token]
        found.extend(parts)
    return found


def _answers(find: Callable[[str], tuple[int, float]], asked: Sequence[str]) -> dict[str, Any]:
    """Ask every question by itself, after a few to warm up."""
    for text in asked[:20]:
        find(f"{text} ")
    found, cpu, wall = [], [], []
    for text in asked:
        began, began_cpu = time.perf_counter(), time.thread_time()
        found.append(find(text))
        cpu.append((time.thread_time() - began_cpu) * 1e3)
        wall.append((time.perf_counter() - began) * 1e3)
    places, scores = zip(*found, strict=True)
    return asdict(Answers(list(places), list(scores), cpu, wall))


PHASES: dict[str, Callable[[Path], dict[str, Any]]] = {
    "attendant": attendant,
    "exhaustive": exhaustive,
    "rapidfuzz": rapidfuzz,
    "bm25s": bm25s,
}

HEAD = (
    f"{'stored':>10}  {'row':<10} {'build s':>8} {'disk MB':>8} {'mem. MB':>8} {'CPU ms':>8} {'p95':>7} {'wall ms':>8}"
    f" {'p95':>7} {'right':>6} {'whole':>6} {'add 100':>8}"
)


def line(row: Row) -> str:
    """A row of the table."""
    figures = (
        (row.build_seconds, 8, 1), (row.disk, 8, 1), (row.memory, 8, 0), (row.cpu[0], 8, 2), (row.cpu[1], 7, 2),
        (row.wall[0], 8, 2), (row.wall[1], 7, 2), (row.right, 6, 3), (row.whole, 6, 3), (row.add, 8, 0),
    )  # fmt: skip
    cells = [f"{'–':>{width}}" if value is None else f"{value:>{width}.{digits}f}" for value, width, digits in figures]
    return f"{row.stored:>10,}  {row.row:<10} {' '.join(cells)}"


def _read(folder: Path, name: str) -> list[str]:
    texts: list[str] = json.loads((folder / f"{name}.json").read_bytes())
    return texts


def _status(name: str) -> float | None:
    """A figure of this process in megabytes, as Linux tells it."""
    try:
        lines = Path("/proc/self/status").read_text("ascii").splitlines()
    except OSError:
        return None
    found = next((text for text in lines if text.startswith(f"{name}:")), None)
    return None if found is None else int(found.split()[1]) * 1024 / 1e6


def phase(name: str, folder: Path) -> None:
    """Do one phase and leave its result in the folder."""
    result = {"build": build, **PHASES}[name](folder)
    (folder / f"{name}.json").write_text(json.dumps(result), "utf-8")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--phase"]:
        phase(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
