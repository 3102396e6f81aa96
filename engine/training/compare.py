"""Models side by side on the same questions: quality, training time, latency, size."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from engine.respond import Engine
from engine.training.evaluate import evaluate
from engine.training.questions import Question

TIMED = 200  # questions that latency is measured on


@dataclass(frozen=True, slots=True)
class Compared:
    """One model on a file of questions.

    Shares are in [0, 1]: ``best_right`` of the questions in scope have the right entry as best candidate; ``answered``
    are in scope and were answered rightly, ``wrong`` is the share of all answers that were wrong, ``aurc`` the area
    under the risk-coverage curve. ``train_seconds`` is CPU time, None for a model that was there before;
    ``milliseconds`` the median CPU time of understanding, retrieval and ranking; ``megabytes`` is the size on disk.
    """

    name: str
    best_right: float
    answered: float
    wrong: float
    aurc: float
    train_seconds: float | None
    milliseconds: float
    megabytes: float

    def to_json(self) -> dict[str, Any]:
        """The figures as plain data."""
        return asdict(self)


def compare(
    name: str, engine: Engine, folder: Path, questions: Sequence[Question], train_seconds: float | None
) -> Compared:
    """Measure a model: the engine that was loaded from a folder."""
    result = evaluate(engine, questions)
    inside = [one for one in result.judged if one.question.in_scope]
    made = result.report()
    return Compared(
        name=name,
        best_right=sum(one.best for one in inside) / max(1, len(inside)),
        answered=sum(one.verdict == "right" for one in inside) / max(1, len(inside)),
        wrong=made.wrong_rate,
        aurc=made.aurc,
        train_seconds=train_seconds,
        milliseconds=latency(engine, [question.text for question in questions[:TIMED]]),
        megabytes=sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) / 1e6,
    )


def latency(engine: Engine, texts: Sequence[str]) -> float:
    """Median CPU milliseconds to find candidates for one question by itself."""
    spent: list[float] = []
    for text in texts:
        began = time.process_time()
        engine.candidates([text])
        spent.append((time.process_time() - began) * 1000)
    return statistics.median(spent) if spent else 0.0


def lines(compared: Sequence[Compared]) -> list[str]:
    """A table for people."""
    width = max(len("model"), *(len(one.name) for one in compared))
    head = f"{'model':<{width}}{'best right':>12}{'answered right':>16}{'wrong of answered':>19}{'AURC':>8}"
    table = [f"{head}{'training s':>12}{'ms':>7}{'MB':>7}"]
    for one in compared:
        trained = "-" if one.train_seconds is None else f"{one.train_seconds:.0f}"
        table.append(
            f"{one.name:<{width}}{one.best_right:>12.1%}{one.answered:>16.1%}{one.wrong:>19.1%}{one.aurc:>8.4f}"
            f"{trained:>12}{one.milliseconds:>7.2f}{one.megabytes:>7.1f}"
        )
    return table
