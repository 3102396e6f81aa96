"""A report of models that were really trained: everything is measured, and the history is that of the run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli.report_page import page
from engine import checkpoint
from engine.knowledge.entries import Entry, Knowledge
from engine.respond import Engine
from engine.training.appraisal import HELD_OUT, OWN, Asked, appraise, stored_questions
from engine.training.data import TrainingData
from engine.training.history import FILE, Recorder
from engine.training.options import TrainingOptions
from engine.training.school import train

SHOP = Knowledge(
    tuple(
        Entry(name, answer, questions, locale="en")
        for name, answer, questions in (
            ("refund", "You get your money back.", ("how do I get a refund", "money back please", "I want a refund")),
            ("hours", "We are open all day.", ("when are you open", "opening hours", "are you open now")),
            ("stores", "There is one store.", ("where is your store", "where are you", "how do I find the store")),
        )
    ),
    ("what is the weather like", "sing me a song"),
)


def test_everything_is_measured_about_the_model_of_the_sample(sample_model: Path) -> None:
    engine, model = Engine.load(sample_model), checkpoint.read(sample_model)
    asked = stored_questions(model, engine.knowledge)
    found = appraise(engine, model, Asked(asked.questions[::4], asked.origin))
    assert (found.origin, found.notes) == (HELD_OUT, ())
    assert len(found.attention) == len(found.gates) == 3
    assert all(len(one.gates) == 6 for one in found.gates)
    assert found.composing is not None
    assert set(found.composing.judgements) == {"", "en", "zh"}
    assert found.composing.surprise is not None
    assert found.composing.surprise.perplexity > 1
    assert found.figures()["recall@1"] > 0.5
    assert found.facts["training"]["seed"] == 1
    json.dumps(found.to_json(), allow_nan=False)
    assert "Inside the networks" in page(found)


@pytest.mark.parametrize(("cell", "gates"), [("lstm", 6), ("gru", 4)])
def test_a_model_from_nothing_is_looked_at_from_inside_too(tmp_path: Path, cell: str, gates: int) -> None:
    recorder = Recorder(lambda _: None)
    train(
        TrainingData(SHOP, (), SHOP.unanswered),
        tmp_path,
        TrainingOptions(epochs=2, encoder="none", cell=cell),
        recorder,
    )
    (tmp_path / FILE).write_text(json.dumps(recorder.to_json()), "utf-8")
    engine, model = Engine.load(tmp_path), checkpoint.read(tmp_path)
    found = appraise(engine, model, stored_questions(model, engine.knowledge))
    assert (found.origin, found.notes) == (OWN, ())
    assert {len(one.gates) for one in found.gates} == {gates}
    assert found.history is not None
    epochs = {(step.stage, step.epoch) for step in found.history.steps}
    assert {("understand", 1), ("understand", 2), ("compose", 1), ("compose", 2)} <= epochs
    assert [step.seconds for step in found.history.steps] == sorted(step.seconds for step in found.history.steps)
    assert "Composing: the next piece of a reply" in page(found)
