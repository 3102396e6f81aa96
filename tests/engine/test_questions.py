"""Questions with known answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.errors import KnowledgeError
from engine.knowledge.entries import Entry, Knowledge
from engine.training.questions import Question, read_questions

KNOWLEDGE = Knowledge(
    (
        Entry("refund", "Within 14 days.", ("refund?",)),
        Entry("money-back", "Within 14 days.", ("money back?",)),
        Entry("shipping", "It costs £3.95.", ("shipping?",)),
    )
)


def read(folder: Path, content: str) -> list[Question]:
    path = folder / "questions.csv"
    path.write_text(content, "utf-8")
    return read_questions(path, KNOWLEDGE)


def problems(folder: Path, content: str) -> list[tuple[int, str, str]]:
    with pytest.raises(KnowledgeError) as caught:
        read(folder, content)
    return [(problem.line, problem.column, problem.message) for problem in caught.value.problems]


def test_a_question_names_its_entry_and_all_that_is_known_of_it(tmp_path: Path) -> None:
    [question] = read(tmp_path, "question,id,answer,locale,kind\nHow much?,shipping,,en,short\n")
    assert question == Question("How much?", frozenset({"shipping"}), "", "en", "short")
    assert question.in_scope


@pytest.mark.parametrize("ids", ["refund|shipping", " refund | shipping ", "|refund||shipping|"])
def test_a_question_may_have_several_right_entries(tmp_path: Path, ids: str) -> None:
    assert read(tmp_path, f"question,id\nHow?,{ids}\n")[0].entries == {"refund", "shipping"}


@pytest.mark.parametrize("answer", ["It costs £3.95.", "it  COSTS £3.95."])
def test_an_answer_stands_for_the_entries_that_say_it(tmp_path: Path, answer: str) -> None:
    assert read(tmp_path, f"question,answer\nHow?,{answer}\n")[0].entries == {"shipping"}


def test_an_answer_of_two_entries_stands_for_both(tmp_path: Path) -> None:
    assert read(tmp_path, "question,answer\nHow?,Within 14 days.\n")[0].entries == {"refund", "money-back"}


def test_an_id_goes_before_an_answer(tmp_path: Path) -> None:
    assert read(tmp_path, "question,id,answer\nHow?,refund,It costs £3.95.\n")[0].entries == {"refund"}


def test_an_answer_of_no_entry_is_in_scope_all_the_same(tmp_path: Path) -> None:
    [question] = read(tmp_path, "question,answer\nHow?,By pigeon.\n")
    assert (question.entries, question.answer, question.in_scope) == (frozenset(), "By pigeon.", True)


@pytest.mark.parametrize(
    "content", ["question,id\nWhy?,\n", "question,answer\nWhy?,\n", "question,id,answer\nWhy?,|,\n"]
)
def test_a_question_without_id_and_answer_is_out_of_scope(tmp_path: Path, content: str) -> None:
    [question] = read(tmp_path, content)
    assert not question.in_scope


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", (0, "", "is empty: a header line question is needed")),
        ("question,id\n", (0, "", "holds no question")),
        ("id,answer\nrefund,x\n", (1, "question", "column is missing; the header has: id, answer")),
        ("question,locale\nWhy?,en\n", (1, "answer", "a column answer or id is needed to know what is right")),
        ("question,id\nWhy?,refunds\n", (2, "id", "'refunds' is no entry of the knowledge")),
        ("question,id\n,refund\n", (2, "question", "is empty")),
    ],
)
def test_what_is_wrong_is_shown_with_its_place(tmp_path: Path, content: str, problem: tuple[int, str, str]) -> None:
    assert problems(tmp_path, content) == [problem]


def test_all_problems_are_shown_at_once(tmp_path: Path) -> None:
    found = problems(tmp_path, "question,id\nWhy?,x|refund|y\nHow?,z,1\nWho?,z\n")
    assert {(line, column) for line, column, _ in found} == {(2, "id"), (3, ""), (4, "id")}
    assert len(found) == 4


def test_a_missing_file_is_shown(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no such file"):
        read_questions(tmp_path / "none.csv", KNOWLEDGE)
