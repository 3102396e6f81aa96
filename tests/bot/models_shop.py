"""Models that answer from a table that lies in their own folder, so that two of them can differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bot import models
from bot.config import Config
from engine import checkpoint
from engine.dialogue import Provenance, Source
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.ports import Response

ENTRIES = {"refund": "Within 14 days.", "hours": "From 9 to 17."}


class TableModel:
    """Answers each question from the entry that its table names, and regrets all others."""

    promise = None

    def __init__(self, fingerprint: str, does: Mapping[str, str], answers: Mapping[str, str]) -> None:
        self.fingerprint, self.does = fingerprint, does
        self.knowledge = Knowledge(tuple(Entry(name, text, (name,), locale="en") for name, text in answers.items()))

    def warm_up(self) -> None:
        """Nothing is loaded late."""

    def respond_many(self, questions: Sequence[str]) -> list[Response]:
        return [self._respond(self.does.get(question, "")) for question in questions]

    def _respond(self, entry: str) -> Response:
        if entry not in self.knowledge:
            return Response("I am sorry.", Provenance(Source.FIXED, "bot", ""), 0.1, WorkingMemory())
        where = Provenance(Source.RETRIEVED, entry, "in the table")
        return Response(self.knowledge[entry].answer, where, 0.9, WorkingMemory(), entry)


def a_table_model(folder: Path, does: Mapping[str, str], answers: Mapping[str, str] = ENTRIES) -> Path:
    """A whole model folder with a table."""
    facts = {"does": dict(does), "answers": dict(answers)}
    checkpoint.write(folder, {"weights.json": repr(sorted(does.items())).encode()}, facts)
    return folder


def load_table(folder: Path, _settings: object) -> Any:
    """Stands for ``Engine.load``: reads the folder as it does, and refuses it as it does."""
    model = checkpoint.read(folder)
    return TableModel(model.fingerprint, model.facts["does"], model.facts["answers"])


def registered(config: Config, does: Mapping[str, str], answers: Mapping[str, str] = ENTRIES) -> str:
    """The name of a model that was just trained and registered."""
    return models.register(config, a_table_model(config.home / "trained", does, answers))
