"""The command line with an engine that answers from a table, in this process or, as a script, in another."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import bot
from engine import checkpoint
from engine.dialogue import Candidate, Choice, Provenance, Source, Speaker, Turn
from engine.errors import CheckpointError, TrainingError
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.ports import Response
from engine.training.options import Progress, TrainingSummary
from engine.training.report import HeldOut
from engine.training.report import report as report_of

ENTRIES = (
    Entry("refund", "Within 14 days.", ("refund", "money back"), "refund", "en"),
    Entry("hours", "From 9 to 17.", ("hours", "when are you open"), "hours", "en"),
    Entry("zh-hours", "早上九点到下午五点。", ("几点开门", "营业时间"), "zh-hours", "zh"),
)
HELD_OUT = [HeldOut("refund", "en", True, 0.9, right=number > 0, answered=True) for number in range(10)]
FAQ = textwrap.dedent("""\
    id,question,answer,locale
    refund,refund,Within 14 days.,en
    refund,money back,,
    hours,hours,From 9 to 17.,en
    hours,when are you open,,
    zh-hours,几点开门,早上九点到下午五点。,zh
    zh-hours,营业时间,,
    """)


class TableEngine:
    """Answers what stands in the table, asks back at ``both``, and regrets everything else."""

    fingerprint = "f" * 64

    def __init__(self) -> None:
        self.knowledge = Knowledge(ENTRIES)
        self.batches: list[int] = []

    def warm_up(self) -> None:
        """Nothing is loaded late."""

    def respond(self, text: str, memory: WorkingMemory, **_circumstances: Any) -> Response:
        said = memory.hear(Turn(Speaker.CUSTOMER, text))
        candidates = tuple(Candidate(entry.id, entry.answer, 0.3) for entry in self.knowledge) * 5
        if text == "both":
            choices = tuple(Choice(entry.id, entry.questions[0]) for entry in self.knowledge.entries[:2])
            return Response("Which?", Provenance(Source.CLARIFY, "bot", ""), 0.4, said, None, choices, candidates)
        if text == "explode":
            raise RuntimeError("the table\nis broken")
        for entry in self.knowledge:
            if text in entry.questions:
                why = Provenance(Source.RETRIEVED, entry.id, "in the table")
                return Response(entry.answer, why, 0.9, said, entry.id, (), candidates)
        return Response("I am sorry.", Provenance(Source.FIXED, "bot", "not in the table"), 0.1, said)

    def respond_many(self, questions: Sequence[str]) -> list[Response]:
        self.batches.append(len(questions))
        return [self.respond(question, WorkingMemory()) for question in questions]


def load_engine(folder: Path, _settings: object) -> TableEngine:
    """Stands for ``Engine.load``: the model folder must be there, and not say that it is broken."""
    manifest = folder / "manifest.json"
    if not manifest.exists() or "broken" in manifest.read_text("utf-8"):
        raise CheckpointError(f"{folder}: damaged")
    return TableEngine()


def a_school(outcome: BaseException | None = None) -> ModuleType:
    """Stands for ``engine.training.school``: two epochs, then a model or ``outcome``."""
    school = ModuleType("engine.training.school")

    def train(data: Any, out: Path, options: Any, report: Any, *, stop: Any = None) -> TrainingSummary:
        assert stop is None or not stop()
        report(Progress("prepare", 0, 0, 0.0, 0.0, 0.0, float("inf")))
        for epoch in (1, 2):
            report(Progress("compose", epoch, 2, 1.5, 1.25, 8321.0, 62.0))
        if outcome is not None:
            raise outcome
        try:
            out.mkdir(parents=True, exist_ok=True)
            fingerprint = checkpoint.write(out, {"knowledge.json": b"{}"}, {"knowledge": "known"})
        except OSError as error:
            raise TrainingError(f"{out} cannot be written: {error.strerror}") from error
        entries = len(data.knowledge)
        return TrainingSummary(
            str(out),
            fingerprint,
            entries,
            6,
            len(data.conversations),
            options.epochs,
            2.0,
            4.0,
            1000,
            0.1,
            report_of(HELD_OUT),
        )

    school.train = train  # type: ignore[attr-defined]
    school.identity = lambda _data, _options: "a run"  # type: ignore[attr-defined]
    school.interrupted = lambda _out, _known: ""  # type: ignore[attr-defined]
    return school


def a_shop(folder: Path, **sections: str) -> Path:
    """A folder with a FAQ, a model and a configuration, to which ``sections`` are added."""
    (folder / "var" / "model").mkdir(parents=True)
    (folder / "var" / "model" / "manifest.json").write_text("{}", "utf-8")
    (folder / "faq.csv").write_text(FAQ, "utf-8")
    chosen = {"bot": 'name = "Fern"', "knowledge": 'files = ["faq.csv"]', **sections}
    lines = [f"[{name}]\n{text}\n" for name, text in chosen.items()]
    (folder / "config.toml").write_text("".join(lines), "utf-8")
    return folder


def move_in(folder: Path, monkeypatch: pytest.MonkeyPatch, **sections: str) -> Path:
    """Work in a shop of ``folder``, with the engine of this file and the log left alone."""
    from engine.respond import Engine

    monkeypatch.setattr(Engine, "load", staticmethod(load_engine))
    monkeypatch.setattr("bot.journal.open_journal", lambda **_settings: None)
    monkeypatch.delenv("ATTENDANT_DATABASE_URL", raising=False)
    monkeypatch.chdir(a_shop(folder, **sections))
    return folder


def environment() -> dict[str, str]:
    """The environment for this file as a script: it finds the packages wherever it is started."""
    root = str(Path(bot.__file__).parents[1])
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))}


if __name__ == "__main__":
    from bot.cli.main import main
    from engine.respond import Engine

    Engine.load = staticmethod(load_engine)  # type: ignore[method-assign,assignment]
    main()
