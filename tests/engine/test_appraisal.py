"""What is measured about a model: all of it adds up, and what cannot be measured is said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine import checkpoint
from engine.checkpoint import Checkpoint
from engine.errors import CheckpointError
from engine.ports import Generation
from engine.training.appraisal import FILE, HELD_OUT, OWN, Asked, appraise, stored_questions
from engine.training.questions import Question
from tests.engine.parts import KNOWLEDGE, TableGenerator, an_engine

TABLE = {
    "money back": {"hours": 0.8, "refund": 0.15},
    "When are you open?": {"hours": 0.7, "holidays": 0.2},
    "几点开门": {"zh-hours": 0.95},
    "Do you sell fish?": {"hours": 0.65},
}
QUESTIONS = (
    Question("money back", frozenset(["refund"]), locale="en"),
    Question("When are you open?", frozenset(["hours"])),
    Question("几点开门", frozenset(["zh-hours"])),
    Question("Do you sell fish?", frozenset()),
)


@pytest.fixture
def model(tmp_path: Path) -> Checkpoint:
    return a_model(tmp_path)


def a_model(folder: Path, validation: bytes = b"[]") -> Checkpoint:
    checkpoint.write(folder, {"validation.json": validation}, {"training": {"seed": 3, "report": {}}})
    return checkpoint.read(folder)


def test_figures_are_counted_over_the_questions(model: Checkpoint) -> None:
    found = appraise(an_engine(TABLE), model, Asked(QUESTIONS, FILE, "some.csv"))
    figures = found.figures()
    assert figures["recall@1"] == pytest.approx(2 / 3)
    assert figures["recall@3"] == 1.0
    assert (found.report.whole.questions, found.report.whole.answered, found.report.whole.wrong) == (4, 4, 2)
    assert [(one.wanted, one.found) for one in found.confusions] == [("refund", "hours")]
    assert [one.question for one in found.worst] == ["money back", "Do you sell fish?"]
    assert sum(one.questions for one in found.bins) == 4


def test_a_question_without_a_language_counts_for_the_one_that_it_is_in(model: Checkpoint) -> None:
    found = appraise(an_engine(TABLE), model, Asked(QUESTIONS, FILE))
    assert {one.name: one.questions for one in found.report.locales} == {"en": 3, "zh": 1}


def test_the_engine_keeps_its_composer_which_is_not_asked_for_verdicts(model: Checkpoint) -> None:
    generator = TableGenerator({"refund": Generation("You get it back.", 0.99, True)})
    engine = an_engine(TABLE, generator=generator)
    found = appraise(engine, model, Asked(QUESTIONS, FILE))
    assert engine.generator is generator
    assert generator.seen == []
    assert found.composing is None
    assert "no composer of ours" in found.notes[0]


def test_questions_come_from_the_model_and_else_are_those_that_it_learned_from(tmp_path: Path) -> None:
    rows = [{"text": "fish?", "entries": [], "locale": "en"}]
    held = stored_questions(a_model(tmp_path / "held", json.dumps(rows).encode()), KNOWLEDGE)
    assert (held.origin, [one.text for one in held.questions]) == (HELD_OUT, ["fish?"])
    own = stored_questions(a_model(tmp_path / "own"), KNOWLEDGE)
    assert own.origin == OWN
    assert [(one.text, place) for one, (_, place) in zip(own.questions, KNOWLEDGE.examples(), strict=True)] == list(
        KNOWLEDGE.examples()
    )


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'[{"text": "a"}]', b"\xff"])
def test_stored_questions_that_cannot_be_read_are_refused_with_their_file(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(CheckpointError, match=r"validation\.json cannot be read"):
        stored_questions(a_model(tmp_path, content), KNOWLEDGE)


def test_a_damaged_history_is_a_note_and_not_the_end(tmp_path: Path) -> None:
    (tmp_path / "history.json").write_text("{", "utf-8")
    found = appraise(an_engine(TABLE), a_model(tmp_path), Asked(QUESTIONS, FILE))
    assert found.history is None
    assert "history.json: cannot be read" in found.notes[0]


def test_of_many_mistakes_the_worst_are_kept(model: Checkpoint) -> None:
    many = [Question(f"question {number}", frozenset(["refund"]), locale="en") for number in range(300)]
    table = {one.text: {"hours": 0.6 + number / 1000} for number, one in enumerate(many)}
    found = appraise(an_engine(table), model, Asked(tuple(many), FILE), examples=5)
    assert [one.question for one in found.worst] == [f"question {number}" for number in range(299, 294, -1)]
    assert [one.count for one in found.confusions] == [300]


def test_questions_out_of_scope_alone_have_no_recall_and_no_confusion(model: Checkpoint) -> None:
    found = appraise(an_engine(TABLE), model, Asked(QUESTIONS[3:], FILE))
    assert (found.recalls, found.confusions) == ((), ())


def test_all_of_it_is_plain_data_that_json_takes(model: Checkpoint) -> None:
    found = appraise(an_engine(TABLE), model, Asked(QUESTIONS, FILE, "some.csv"))
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data["source"] == "some.csv"
    assert data["report"]["whole"]["questions"] == 4
    assert data["facts"]["training"] == {"seed": 3}
    assert data["versions"]["python"]
    assert data["worst"][0]["wanted"] == ["refund"]
