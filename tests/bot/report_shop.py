"""A shop whose model answers by a table, for reports that need no training."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cli_house import move_in

from engine import checkpoint
from engine.checkpoint import Checkpoint
from engine.knowledge.entries import Entry, Knowledge
from engine.respond import Engine
from engine.training.appraisal import Appraisal, Composing, appraise, stored_questions
from engine.training.history import FILE, History, Step
from engine.training.inside import AttentionMap, GateActivity, Surprise
from engine.training.judging import Judgement, Overlap
from tests.engine.parts import KNOWLEDGE, an_engine

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TABLE = {
    "How do I get a refund?": {"refund": 0.9},
    "money back": {"hours": 0.8, "refund": 0.15},
    "When are you open?": {"hours": 0.7, "holidays": 0.2},
    "几点开门": {"zh-hours": 0.95},
    "营业时间": {"zh-hours": 0.4, "hours": 0.3},
    "Do you sell fish?": {"hours": 0.65},
}
HISTORY = History(
    NOON,
    61.0,
    (
        Step("rehearse", 0, 1, 1, 3.0, None, 900.0, 5.0),
        Step("rehearse", 1, 1, 1, 2.5, None, 900.0, 9.0),
        Step("compose", 0, 1, 2, 2.0, 1.5, 900.0, 20.0),
        Step("compose", 0, 2, 2, None, 0.5, 900.0, 30.0),
    ),
)
FACTS: dict[str, Any] = {
    "encoder": {"name": "base", "known_by": [1.0]},
    "knowledge": "d" * 64,
    "training": {"kind": "finetune", "parent": "p" * 32, "seed": 7, "report": {}, "notes": ["a note"]},
}


def a_folder(
    folder: Path, *, held_out: Sequence[tuple[str, str]] = (), history: History | None = HISTORY
) -> Checkpoint:
    """A model folder; ``held_out`` are questions with the entry that is right, none: out of scope."""
    rows = [{"text": text, "entries": entry.split(), "locale": "en"} for text, entry in held_out]
    files = {"validation.json": json.dumps(rows).encode()} if rows else {"words.json": b"[]"}
    checkpoint.write(folder, files, FACTS)
    if history is not None:
        (folder / FILE).write_text(json.dumps(history.to_json()), "utf-8")
    return checkpoint.read(folder)


def a_shop_with(model: Checkpoint, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Move into a shop whose engine is the one of the table, and which has the fingerprint of the model."""
    move_in(folder, monkeypatch)
    engine = an_engine(TABLE)
    engine.fingerprint = model.fingerprint
    monkeypatch.setattr(Engine, "load", staticmethod(lambda *_: engine))


def an_appraisal(folder: Path, text: str = "money back") -> Appraisal:
    """An appraisal with something in every place; ``text`` stands wherever customers or the FAQ speak."""
    from dataclasses import replace

    entries = tuple(replace(one, questions=(f"{text} {one.id}", *one.questions)) for one in KNOWLEDGE)
    odd = Entry("odd", text, (text,), locale="en")
    knowledge = Knowledge((*entries, odd))
    engine = an_engine({**TABLE, text: {"hours": 0.99}}, knowledge=knowledge)
    model = a_folder(folder, held_out=[(text, "odd"), ("money back", "refund"), ("Do you sell fish?", "")])
    found = appraise(engine, model, stored_questions(model, knowledge))
    signatures = ("nrefs:1|tok:13a", "nc:6")
    judgement = Judgement(3, 0.5, 0.5, 0.25, 0.5, 0.2, 0.4, Overlap(31.25, signatures[0], 52.5, signatures[1]))
    without = Judgement(1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, None, text)
    return replace(
        found,
        composing=Composing({"": judgement, text: without}, 500, 2, Surprise(1.5, 3, 30), 1.25),
        attention=(AttentionMap(text, "odd", ("a", text, " "), ("b", text), ((0.9, 0.1, 0.0), (0.0, 0.5, 0.5))),),
        gates=(GateActivity(text, ("a", text), ("input →", "forget →"), ((0.1, 0.2), (0.9, 1.0))),),
        notes=(text,),
    )
