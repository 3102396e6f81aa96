"""What a model did with questions whose answers are known, counted and shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from parts import KNOWLEDGE, TableGenerator, an_engine

from engine.calibration import Outcome
from engine.ports import Generation
from engine.promise import fit_promise
from engine.training.evaluate import Evaluation, evaluate
from engine.training.questions import Question

SURE = {"refund": 0.9}
TABLE: Mapping[str, Mapping[str, float]] = {
    "my money": SURE,
    "open now": {"hours": 0.8, "holidays": 0.1},
    "open at easter": {"hours": 0.7, "holidays": 0.2},
    "open when": {"hours": 0.4, "holidays": 0.35},
    "what about it": {"hours": 0.12, "holidays": 0.1},
    "几点": {"zh-hours": 0.95},
    "I will see my lawyer": {"threat": 0.9},
    "the weather": {"hours": 0.65},
}


def a_question(text: str, *entries: str, locale: str = "en", kind: str = "", answer: str = "") -> Question:
    return Question(text, frozenset(entries), answer, locale, kind)


def judged(*questions: Question, generator: TableGenerator | None = None) -> Evaluation:
    return evaluate(an_engine(TABLE, generator=generator), questions)


@pytest.mark.parametrize(
    ("question", "verdict", "offered", "best"),
    [
        (a_question("my money", "refund"), "right", False, True),
        (a_question("my money", "hours"), "wrong", False, False),
        (a_question("open at easter", "holidays"), "wrong", False, False),
        (a_question("open at easter", "holidays", "hours"), "right", False, True),
        (a_question("open when", "hours"), "asked", True, True),
        (a_question("open when", "holidays"), "asked", True, False),
        (a_question("open when", "refund"), "asked", False, False),
        (a_question("nothing at all", "refund"), "declined", False, False),
        (a_question("nothing at all"), "declined", False, False),
        (a_question("the weather"), "wrong", False, False),
        (a_question("I will see my lawyer", "threat"), "right", False, True),
        (a_question("I will see my lawyer", "refund"), "declined", False, False),
        (a_question("my money", answer="You get your money back within 14 DAYS."), "right", False, False),
        (a_question("my money", answer="Never."), "wrong", False, False),
    ],
    ids=lambda value: str(value.text) if isinstance(value, Question) else None,
)
def test_a_response_is_judged_by_what_was_done(question: Question, verdict: str, offered: bool, best: bool) -> None:
    (one,) = judged(question).judged
    assert (one.verdict, one.offered, one.best) == (verdict, offered, best)


def test_a_near_miss_is_declined_though_the_nearest_are_offered() -> None:
    (one,) = judged(a_question("what about it", "hours")).judged
    assert one.response.choices
    assert (one.verdict, one.offered, one.best) == ("declined", True, True)


ALL = (
    a_question("my money", "refund", kind="short"),
    a_question("open at easter", "holidays", kind="plain"),
    a_question("open when", "hours", kind="plain"),
    a_question("几点", "zh-hours", locale="zh", kind="short"),
    a_question("the weather", kind="absurd"),
    a_question("nothing at all", locale="zh", kind="absurd"),
)


def test_figures_are_given_for_the_whole_by_scope_language_and_kind() -> None:
    data = json.loads(json.dumps(judged(*ALL).to_json()))
    assert data["questions"] == 6
    assert data["in_scope"] == {
        "count": 4, "right": 0.5, "wrong": 0.25, "asked": 0.25, "asked_well": 0.25, "declined": 0.0, "best": 0.75,
    }  # fmt: skip
    assert (data["out_of_scope"]["count"], data["out_of_scope"]["declined"]) == (2, 0.5)
    assert {name: group["in_scope"]["count"] for name, group in data["by_locale"].items()} == {"en": 3, "zh": 1}
    assert {name: group["out_of_scope"]["count"] for name, group in data["by_kind"].items()} == {
        "absurd": 2, "plain": 0, "short": 0,
    }  # fmt: skip
    assert data["wrong_of_answered"] == 0.5
    assert data["generated_of_answered"] == 0.0


def test_the_table_has_a_row_for_every_group_and_the_report_stands_under_it() -> None:
    lines = judged(*ALL).lines()
    head = lines[0].split()
    assert head == ["count", "right", "wrong", "asked", "declined", "best", "right"]
    names = [line[:28].strip() for line in lines[1:10]]
    assert names == ["in scope", "en", "zh", "plain", "short", "out of scope", "en", "zh", "absurd"]
    assert lines[1].split()[2:] == ["4", "50.0%", "25.0%", "25.0%", "0.0%", "75.0%"]
    assert lines[10].startswith("of all answers 50.0% wrong, 0% composed by the generator; ")
    assert "answered 4 of 6 questions (66.7%), 2 of them wrongly (50.0%)" in lines


def test_the_report_counts_what_was_answered_and_ranks_by_the_best_candidate() -> None:
    report = judged(*ALL).report()
    assert (report.whole.questions, report.whole.answered, report.whole.wrong, report.whole.best_right) == (6, 4, 2, 3)
    assert {group.name: group.questions for group in report.entries} == {
        "refund": 1, "holidays": 1, "hours": 1, "zh-hours": 1,
    }  # fmt: skip
    assert report.error_before is None  # what understanding alone says is not known here
    assert report.entries[0].name == "holidays"


def test_the_promise_of_the_model_stands_beside_what_came_of_it() -> None:
    engine = an_engine(TABLE)
    engine.promise = fit_promise([Outcome(0.99, right=True, offered=1.0, among=True)] * 400, max_wrong_rate=0.05)
    result = evaluate(engine, ALL * 5)
    assert result.promise is engine.promise
    lines = result.lines()
    assert engine.promise.sentence() in lines
    assert any(line.startswith("that is more than promised, and not by chance") for line in lines)
    assert result.to_json()["report"]["broken"] is True


def test_the_generators_share_is_counted() -> None:
    said = Generation("You get your money back within ⟨1⟩ days.", confidence=0.99, finished=True)
    result = judged(ALL[0], ALL[3], generator=TableGenerator({"refund": said}))
    assert result.to_json()["generated_of_answered"] == 0.5


def test_more_questions_than_fit_into_one_batch_are_all_judged_in_order() -> None:
    questions = [replace(ALL[number % len(ALL)], kind=str(number)) for number in range(150)]
    result = judged(*questions)
    assert [one.question.kind for one in result.judged] == [str(number) for number in range(150)]
    assert len({one.verdict for one in result.judged}) == 4


def test_nothing_asked_gives_a_table_of_nothing() -> None:
    result = judged()
    assert result.to_json()["in_scope"]["count"] == 0
    assert result.lines()[-1] == "no question was held out, so nothing can be said about how often answers are wrong"


def test_a_question_without_language_or_kind_is_in_no_group() -> None:
    data = judged(Question("my money", frozenset(["refund"]))).to_json()
    assert (data["by_locale"], data["by_kind"]) == ({}, {})
    assert KNOWLEDGE["refund"].locale == "en"
