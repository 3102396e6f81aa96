"""The gate: a model that is worse is found out, one that is not passes, and too few questions are called too few."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Candidate, Choice, Provenance, Source
from engine.errors import KnowledgeError
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.ports import Response
from engine.training.gate import GateReport, judge, read_golden
from engine.training.questions import Question

ENTRIES = (
    Entry("refund", "Within 14 days.", ("refund",), locale="en"),
    Entry("hours", "From 9 to 17.", ("hours",), locale="en"),
    Entry("zh-hours", "早上九点。", ("几点开门",), locale="zh"),
)


class Table:
    """An engine that does with each question what its table says: an id answers, ``?`` asks back, all else declines."""

    promise = None

    def __init__(self, does: Mapping[str, str], name: str = "a" * 32, entries: Sequence[Entry] = ENTRIES) -> None:
        self.does, self.fingerprint, self.knowledge = does, name, Knowledge(tuple(entries))

    def respond_many(self, questions: Sequence[str]) -> list[Response]:
        return [self._respond(self.does.get(question, "")) for question in questions]

    def _respond(self, does: str) -> Response:
        if does == "?":
            choices = tuple(Choice(entry.id, entry.questions[0]) for entry in self.knowledge)
            return Response("Which?", Provenance(Source.CLARIFY, "bot", ""), 0.4, WorkingMemory(), None, choices)
        if does in self.knowledge:
            entry = self.knowledge[does]
            found = (Candidate(does, entry.answer, 0.9),)
            where = Provenance(Source.RETRIEVED, does, "")
            return Response(entry.answer, where, 0.9, WorkingMemory(), does, (), found)
        return Response("I do not know.", Provenance(Source.FIXED, "bot", ""), 0.1, WorkingMemory())


def judged(
    before: Mapping[str, str], after: Mapping[str, str], golden: Sequence[Question], **options: Any
) -> GateReport:
    return judge(Table(before), Table(after, "b" * 32), golden, **options)  # type: ignore[arg-type]  # has all that is asked


def asked(count: int, entry: str = "refund") -> list[Question]:
    return [Question(f"{entry} {number}", frozenset([entry] if entry else [])) for number in range(count)]


def answers(count: int, entry: str = "refund", says: str | None = None) -> dict[str, str]:
    return {f"{entry} {number}": entry if says is None else says for number in range(count)}


def test_the_same_answers_are_no_worse() -> None:
    report = judged(answers(60), answers(60), asked(60))
    assert (report.verdict, report.promotes, report.changes) == ("no worse", True, ())
    assert (report.chance_well, report.chance_wrong) == (1.0, 1.0)
    assert report.reasons == ("done well +0, answered wrongly +0, of 60 questions",)


def test_one_right_answer_lost_of_few_is_worse() -> None:
    report = judged(answers(20), answers(19), asked(20))
    assert (report.verdict, report.promotes) == ("worse", False)
    assert report.reasons == ("1 fewer questions are done well, and 0 fewer would be allowed",)
    assert [(one.question, one.kind, one.before, one.after) for one in report.changes] == [
        ("refund 19", "regressed", "right", "declined")
    ]


def test_a_loss_within_the_margin_passes_and_beyond_it_does_not() -> None:
    assert judged(answers(200), answers(198), asked(200)).verdict == "no worse"
    assert judged(answers(200), answers(197), asked(200)).verdict == "worse"
    assert judged(answers(200), answers(197), asked(200), margin=0.02).verdict == "no worse"


def test_a_loss_within_the_margin_that_is_no_chance_is_found() -> None:
    report = judged(answers(1000), answers(995), asked(1000), margin=0.01)
    assert report.verdict == "worse"
    assert report.chance_well == pytest.approx(0.5**5)
    assert "too many for chance (p = 0.0312)" in report.reasons[0]


def test_losses_that_gains_make_up_for_pass() -> None:
    before, after = answers(100), answers(100)
    for number in range(6):
        before[f"refund {number}"] = ""
        after[f"refund {99 - number}"] = ""
    report = judged(before, after, asked(100))
    assert report.verdict == "no worse"
    assert (len(report.of("better")), len(report.of("regressed"))) == (6, 6)


def test_more_right_answers_do_not_pay_for_more_wrong_ones() -> None:
    golden = [*asked(50), *asked(50, "hours")]
    before = answers(50, says="")
    after = {**answers(50), **answers(5, "hours", "refund")}
    report = judged(before, after, golden)
    assert report.verdict == "worse"
    assert report.reasons == ("5 more questions are answered wrongly, and 1 more would be allowed",)
    assert report.after.right == 50


def test_out_of_scope_declining_is_well_and_answering_is_wrong() -> None:
    golden = asked(80, "")
    assert judged({}, answers(3, "", "refund"), golden).verdict == "worse"
    report = judged(answers(3, "", "refund"), {}, golden)
    assert (report.verdict, report.after.well, report.before.wrong) == ("no worse", 80, 3)
    assert {one.kind for one in report.changes} == {"better"}


def test_asking_back_is_neither_well_nor_wrong() -> None:
    report = judged(answers(1, says="hours"), answers(1, says="?"), asked(1))
    assert (report.changes[0].kind, report.changes[0].before, report.changes[0].after) == ("better", "wrong", "asked")
    assert judged(answers(1, says=""), answers(1, says="?"), asked(1)).changes[0].kind == "changed"


def test_without_a_model_in_use_anything_is_good_enough() -> None:
    report = judge(None, Table(answers(3)), asked(5))  # type: ignore[arg-type]  # has all that is asked
    assert (report.verdict, report.promotes, report.after.right) == ("first", True, 3)
    assert judge(None, Table({}), []).promotes  # type: ignore[arg-type]  # has all that is asked


def test_without_golden_questions_nobody_is_promoted() -> None:
    report = judged({}, {}, [])
    assert (report.verdict, report.promotes) == ("untested", False)
    assert "[models] golden" in report.reasons[0]


def test_too_few_questions_are_called_too_few() -> None:
    few = judged(answers(10), answers(10), asked(10))
    assert few.verdict == "no worse"
    assert "10 golden questions are too few to tell: a model that loses 26% of all" in few.reasons[1]
    assert "59 would show" in few.reasons[1]
    assert len(judged(answers(59), answers(59), asked(59)).reasons) == 1


@given(st.integers(1, 2000))
def test_the_share_that_may_be_lost_unseen_is_that_of_the_binomial(count: int) -> None:
    report = judged({}, {}, asked(1))
    share = 1 - 0.05 ** (1 / count)
    assert (1 - share) ** count == pytest.approx(0.05)
    assert report.telling == pytest.approx(0.95)


@given(st.integers(0, 12), st.integers(0, 12))
def test_the_test_is_the_exact_sign_test(lost: int, gained: int) -> None:
    before = {**answers(lost), **answers(gained, "hours", "")}
    after = {**answers(lost, says=""), **answers(gained, "hours")}
    report = judged(before, after, [*asked(lost), *asked(gained, "hours"), *asked(1, "")])
    pairs = lost + gained
    exact = sum(math.comb(pairs, more) for more in range(lost, pairs + 1)) / 2**pairs
    assert report.chance_well == pytest.approx(exact)


def test_languages_are_counted_by_themselves_and_found_where_not_named() -> None:
    golden = [*asked(2), Question("几点开门", frozenset(["zh-hours"])), Question("x", frozenset(), locale="de")]
    report = judged({"几点开门": "zh-hours"}, answers(2), golden)
    assert set(report.by_locale) == {"en", "zh", "de"}
    before, after = report.by_locale["zh"]
    assert (before.right, after.right, after.declined) == (1, 0, 1)
    assert [counts.questions for counts in report.by_locale["en"]] == [2, 2]


def test_an_answer_instead_of_an_id_is_looked_up_in_each_models_own_entries() -> None:
    moved = (Entry("returns", "Within 14 days.", ("refund",), locale="en"),)
    golden = [Question("refund", frozenset(), "WITHIN 14 days.")]
    report = judge(Table({"refund": "refund"}), Table({"refund": "returns"}, "b" * 32, moved), golden)  # type: ignore[arg-type]  # has all that is asked
    assert (report.before.right, report.after.right) == (1, 1)
    assert report.changes[0].kind == "changed"


def test_questions_about_entries_that_are_gone_are_said() -> None:
    report = judge(Table(answers(3)), Table({}, "b" * 32, ENTRIES[1:]), asked(3))  # type: ignore[arg-type]  # has all that is asked
    assert report.verdict == "worse"
    assert report.reasons[-1] == "3 golden questions are about entries that the candidate does not have: refund"


def test_the_report_can_be_read_and_parsed() -> None:
    report = judged(
        answers(80), {**answers(60), "refund 79": "hours"}, [*asked(80), Question("x\ny " * 99, frozenset())]
    )
    lines = report.lines()
    assert lines[0].split() == ["golden", "questions", "count", "well", "right", "wrong", "asked", "declined"]
    assert lines[1].split() == ["in", "use", "81", "81", "80", "0", "0", "1"]
    assert lines[2].split() == ["candidate", "81", "61", "60", "1", "0", "20"]
    assert "worse than before: 20" in lines
    assert "  and 10 more" in lines
    assert "verdict: worse" in lines
    assert report.lines(("a", "b"))[2].split()[:2] == ["b", "81"]
    data = report.to_json()
    assert (data["verdict"], data["regressed"], data["before"]["well"], len(data["changes"])) == ("worse", 20, 81, 20)
    assert data["by_locale"]["en"]["after"]["wrong"] == 1


def test_golden_questions_come_from_files_and_bad_ones_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "golden.csv"
    path.write_text("question,id\nwhen?,hours\nrain?,\n", "utf-8")
    assert [question.in_scope for question in read_golden([path, path])] == [True, False] * 2
    path.write_text("question\nwhen?\n", "utf-8")
    with pytest.raises(KnowledgeError, match="a column answer or id is needed"):
        read_golden([path])
    with pytest.raises(KnowledgeError, match="absent"):
        read_golden([tmp_path / "absent.csv"])
    assert read_golden([]) == []


def test_a_question_that_would_command_the_terminal_is_shown_harmless() -> None:
    golden = [Question("\x1b[2Jrefund\n0", frozenset(["refund"]))]
    report = judged({golden[0].text: "refund"}, {}, golden)
    assert "\x1b" not in "".join(report.lines())
    assert any("refund 0 (right -> declined)" in line for line in report.lines())
