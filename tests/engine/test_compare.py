"""Models side by side: figures that can be measured again, and a table of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engine.knowledge.entries import Entry, Knowledge
from engine.respond import Engine
from engine.training.compare import Compared, compare, latency, lines
from engine.training.data import TrainingData
from engine.training.evaluate import evaluate
from engine.training.options import TrainingOptions
from engine.training.questions import Question
from engine.training.school import train

ENTRIES = (
    Entry("refund", "Within 14 days.", ("how do I get a refund", "money back please", "refund"), locale="en"),
    Entry("hours", "From 9 to 17.", ("when are you open", "opening hours", "open today"), locale="en"),
)
QUESTIONS = [
    Question("refund my money", frozenset(["refund"])),
    Question("what are your opening hours", frozenset(["hours"])),
    Question("when do you open a refund", frozenset(["hours"])),
    Question("will it rain", frozenset()),
]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare") / "model"
    train(TrainingData(Knowledge(ENTRIES)), folder, TrainingOptions(epochs=2, max_wrong_rate=0.5), lambda _: None)
    return folder


def test_a_model_is_measured_by_what_it_does_with_the_questions(model: Path) -> None:
    engine = Engine.load(model)
    found = compare("mine", engine, model, QUESTIONS, None)
    judged = evaluate(engine, QUESTIONS)
    figures = judged.to_json()
    assert found.name == "mine"
    assert found.best_right == pytest.approx(figures["in_scope"]["best"], abs=1e-3)
    assert found.answered == pytest.approx(figures["in_scope"]["right"], abs=1e-3)
    assert found.wrong == pytest.approx(figures["wrong_of_answered"], abs=1e-3)
    assert found.aurc == pytest.approx(judged.report().aurc)
    assert found.train_seconds is None
    assert found.milliseconds > 0
    assert found.megabytes == pytest.approx(sum(path.stat().st_size for path in model.iterdir()) / 1e6)
    assert set(found.to_json()) == {
        "name", "best_right", "answered", "wrong", "aurc", "train_seconds", "milliseconds", "megabytes",
    }  # fmt: skip


def test_questions_out_of_scope_alone_and_none_at_all_can_be_measured(model: Path) -> None:
    engine = Engine.load(model)
    outside = compare("mine", engine, model, QUESTIONS[-1:], 3.0)
    assert (outside.best_right, outside.answered, outside.train_seconds) == (0.0, 0.0, 3.0)
    nothing = compare("mine", engine, model, [], None)
    assert (nothing.best_right, nothing.wrong, nothing.aurc, nothing.milliseconds) == (0.0, 0.0, 0.0, 0.0)


def test_latency_is_that_of_one_question_at_a_time(model: Path) -> None:
    engine = Engine.load(model)
    assert latency(engine, []) == 0.0
    assert 0 < latency(engine, ["refund", "opening hours", "will it rain"]) < 1000


def test_the_table_has_a_row_a_model_and_a_dash_for_one_that_was_there_before() -> None:
    first = Compared("lstm", 0.876, 0.5, 0.0312, 0.04, 61.4, 0.91, 12.04)
    table = lines([first, replace(first, name="var/an older model", train_seconds=None)])
    assert len(table) == 3
    assert len(set(map(len, table))) == 1
    assert table[0].split("  ")[0] == "model"
    assert table[1].split() == ["lstm", "87.6%", "50.0%", "3.1%", "0.0400", "61", "0.91", "12.0"]
    assert table[2].split()[-3:] == ["-", "0.91", "12.0"]
    assert table[2].startswith("var/an older model ")
