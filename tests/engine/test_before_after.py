"""Before and after a fine-tuning: what is asked as old and as new, and a table that says what each model really did."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from engine.dialogue import Candidate, Provenance, Source
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.ports import Response
from engine.training import before_after as module
from engine.training.before_after import BeforeAfter, Row, before_and_after, questions_about
from engine.training.questions import Question

REFUND = Entry("refund", "Within 14 days.", ("refund", "my money"), locale="en")
HOURS = Entry("hours", "From 9 to 17.", ("hours",), locale="en")
CARD = Entry("card", "Every card.", ("card", "pay by card"), locale="en")
OLD = Knowledge((REFUND, HOURS))
NOW = Knowledge((REFUND, HOURS, CARD))
LATER = Entry("hours", "From 10 to 18.", ("hours",), locale="en")


class Table:
    """An engine that answers from the entry its table names, with ``?`` only as the likeliest; else it declines."""

    promise = None

    def __init__(self, does: Mapping[str, str], knowledge: Knowledge, name: str = "a") -> None:
        self.does, self.knowledge, self.fingerprint = does, knowledge, name * 32
        self.asked: list[str] = []

    def respond_many(self, questions: Sequence[str]) -> list[Response]:
        self.asked.extend(questions)
        return [self._respond(self.does.get(question, "")) for question in questions]

    def _respond(self, does: str) -> Response:
        entry = does.removesuffix("?")
        if entry not in self.knowledge:
            return Response("I do not know.", Provenance(Source.FIXED, "bot", ""), 0.1, WorkingMemory())
        text = self.knowledge[entry].answer
        found = (Candidate(entry, text, 0.5),)
        if does != entry:
            declined = Provenance(Source.FIXED, "bot", "")
            return Response("I do not know.", declined, 0.1, WorkingMemory(), None, (), found)
        return Response(text, Provenance(Source.RETRIEVED, entry, ""), 0.9, WorkingMemory(), entry, (), found)


def about(text: str, *entries: str) -> Question:
    return Question(text, frozenset(entries))


def texts(found: Mapping[str, Sequence[Question]]) -> dict[str, list[str]]:
    return {kind: [one.text for one in some] for kind, some in found.items() if some}


def compared(
    before: Mapping[str, str],
    after: Mapping[str, str],
    questions: Mapping[str, Sequence[Question]],
    knowledge: tuple[Knowledge, Knowledge] = (OLD, NOW),
) -> BeforeAfter:
    models: Any = Table(before, knowledge[0], "a"), Table(after, knowledge[1], "b")
    return before_and_after(*models, questions)


def row(found: BeforeAfter, kind: str) -> Row:
    return next(row for row in found.rows if row.kind == kind)


def test_what_is_forgotten_and_what_is_learned_stand_side_by_side() -> None:
    questions = questions_about(
        OLD, NOW,
        judged_by=[about("money back", "refund"), about("open today", "hours"), about("a joke")],
        validation=[about("do you take visa", "card")],
    )  # fmt: skip
    found = compared(
        {"money back": "refund", "open today": "hours", "do you take visa": "refund"},
        {"money back": "refund", "open today": "refund", "a joke": "card", "do you take visa": "card", "card": "card",
         "pay by card": "card?"},
        questions,
    )  # fmt: skip
    assert (found.before, found.after) == ("a" * 32, "b" * 32)
    old, declined = row(found, "old"), row(found, "old_to_decline")
    assert (old.questions, old.before.right, old.after.right, old.after.wrong) == (2, 1.0, 0.5, 0.5)
    assert (declined.before.right, declined.after.right, declined.after.wrong) == (1.0, 0.0, 1.0)
    assert declined.after.best is None
    held_out, taught = row(found, "new_held_out"), row(found, "new_taught")
    assert (held_out.before.right, held_out.before.wrong, held_out.after.right) == (0.0, 1.0, 1.0)
    assert (taught.questions, taught.before.right, taught.after.right, taught.after.best) == (2, 0.0, 0.5, 1.0)
    assert found.lines() == [
        "before -> after       count             right             wrong        best right",
        "old questions             2   100.0% -> 50.0%     0.0% -> 50.0%   100.0% -> 50.0%",
        "old, to be declined       1    100.0% -> 0.0%    0.0% -> 100.0%                 -",
        "new, held out             1    0.0% -> 100.0%    100.0% -> 0.0%    0.0% -> 100.0%",
        "new, as taught            2     0.0% -> 50.0%      0.0% -> 0.0%    0.0% -> 100.0%",
    ]


def test_golden_questions_are_old_where_the_earlier_model_knows_the_entry_and_new_where_it_does_not() -> None:
    golden = [about("money back", "refund"), about("visa", "card"), about("lost", "nowhere"), about("a joke"),
              Question("when", frozenset(), "from 9 TO 17."), Question("amex", frozenset(), "Every card."),
              Question("what", frozenset(), "An answer of nobody.")]  # fmt: skip
    assert texts(questions_about(OLD, NOW, golden=golden)) == {
        "old": ["money back", "when"],
        "old_to_decline": ["a joke"],
        "new_held_out": ["visa", "amex"],
        "new_taught": ["card", "pay by card"],
    }


def test_each_text_counts_once_and_what_came_with_the_new_holds() -> None:
    found = questions_about(
        OLD, NOW,
        judged_by=[about("Do you take Visa?"), about("money back", "refund")],
        golden=[about("Money  back", "refund")],
        validation=[about("do you take visa?", "card"), about("about the refund", "refund")],
    )  # fmt: skip
    assert texts(found)["old"] == ["Money  back"]
    assert texts(found)["new_held_out"] == ["do you take visa?"]  # the earlier model was to decline it, which is over
    assert "old_to_decline" not in texts(found)


def test_a_question_that_was_taught_is_neither_held_out_nor_old() -> None:
    more = Knowledge((Entry("refund", REFUND.answer, (*REFUND.questions, "give it back"), locale="en"), HOURS))
    found = questions_about(
        OLD, more,
        judged_by=[about("Give it back", "refund"), about("cash back", "refund")],
        validation=[about("give it BACK", "refund"), about("and my cash", "refund")],
    )  # fmt: skip
    assert texts(found) == {
        "old": ["cash back"], "new_held_out": ["and my cash"], "new_taught": ["give it back"],
    }  # fmt: skip


def test_an_old_answer_is_no_right_answer_to_what_has_a_new_one() -> None:
    changed = Knowledge((REFUND, LATER))
    questions = questions_about(OLD, changed, validation=[about("open on sunday", "hours")])
    assert texts(questions) == {"new_held_out": ["open on sunday"], "new_taught": ["hours"]}
    does = {"open on sunday": "hours", "hours": "hours"}
    found = compared(does, does, questions, (OLD, changed))
    for kind in ("new_held_out", "new_taught"):
        assert (row(found, kind).before.right, row(found, kind).before.wrong) == (0.0, 1.0)
        assert (row(found, kind).before.best, row(found, kind).after.best) == (0.0, 1.0)
        assert row(found, kind).after.right == 1.0


def test_of_many_questions_some_are_drawn_the_same_for_both_and_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 10)
    many = {"old": [about(f"refund {number}", "refund") for number in range(100)]}
    models = [Table({}, OLD) for _ in range(4)]
    for before, after in (models[:2], models[2:]):
        found = before_and_after(before, after, many)  # type: ignore[arg-type]  # has all that is asked
    assert (len({*models[0].asked}), {tuple(model.asked) for model in models}) == (10, {tuple(models[0].asked)})
    assert (row(found, "old").questions, row(found, "old").of) == (10, 100)
    assert found.lines()[-1] == "  old questions: 10 drawn of 100"


def test_what_nothing_can_be_said_about_is_said() -> None:
    lines = compared({}, {"card": "card"}, questions_about(OLD, NOW)).lines()
    assert [line.split("  ")[0] for line in lines[:2]] == ["before -> after", "new, as taught"]
    assert "only the taught ones were asked" in lines[2]
    assert "what it forgot is unknown" in lines[3]
    assert compared({}, {}, {}).lines() == []


def test_the_comparison_as_plain_data() -> None:
    questions = questions_about(OLD, NOW, judged_by=[about("a", "refund"), about("b")], validation=[about("c", "card")])
    data = json.loads(json.dumps(compared({"a": "refund"}, {"c": "card", "b": "card"}, questions).to_json()))
    assert list(data) == ["before", "after", "old", "old_to_decline", "new_held_out", "new_taught"]
    assert data["old"] == {
        "questions": 1, "of": 1, "before": {"right": 1.0, "wrong": 0.0, "best": 1.0},
        "after": {"right": 0.0, "wrong": 0.0, "best": 0.0},
    }  # fmt: skip
    assert "best" not in data["old_to_decline"]["before"]
