"""What a run learns from: the sample that comes along, and logs of conversations."""

from __future__ import annotations

import json
from collections import Counter
from itertools import chain
from pathlib import Path

import pytest

from engine.dialogue import Speaker
from engine.errors import KnowledgeError
from engine.text.normalise import clean, matching
from engine.training.data import (
    LoggedConversation,
    TrainingData,
    background,
    read_training_data,
    sample,
    sample_sources,
    sample_validation,
)
from engine.training.questions import Question, read_questions


@pytest.fixture(scope="module")
def shipped() -> TrainingData:
    return read_training_data(sample_sources(), validation=sample_validation())


@pytest.fixture(scope="module")
def exam(shipped: TrainingData) -> list[Question]:
    return read_questions(sample("test_questions.csv"), shipped.knowledge)


@pytest.fixture(scope="module")
def taught(shipped: TrainingData) -> set[str]:
    """Every text that a training on the sample sees, in its matching form."""
    questions = [question for question, _ in shipped.knowledge.examples()]
    said = [logged.turn.text for conversation in shipped.conversations for logged in conversation.turns]
    return set(map(matching, chain(questions, said, shipped.background)))


@pytest.mark.parametrize(("locale", "entries", "questions"), [("en", 80, 8), ("zh", 50, 6)])
def test_the_sample_has_enough_entries_and_ways_to_ask(
    shipped: TrainingData, locale: str, entries: int, questions: int
) -> None:
    found = [entry for entry in shipped.knowledge if entry.locale == locale]
    assert len(found) >= entries
    assert [entry.id for entry in found if len(entry.questions) < questions] == []


def test_the_sample_has_no_other_language(shipped: TrainingData) -> None:
    assert set(shipped.knowledge.locales) == {"en", "zh"}


@pytest.mark.parametrize("locale", ["en", "zh"])
def test_no_question_belongs_to_two_entries_of_one_language(shipped: TrainingData, locale: str) -> None:
    entries = [entry for entry in shipped.knowledge if entry.locale == locale]
    forms = Counter(matching(question) for entry in entries for question in entry.questions)
    assert [form for form, count in forms.items() if count > 1] == []


def test_the_sample_has_enough_conversations_that_make_sense(shipped: TrainingData) -> None:
    assert len(shipped.conversations) >= 60
    assert len({conversation.id for conversation in shipped.conversations}) == len(shipped.conversations)
    for conversation in shipped.conversations:
        assert conversation.turns[0].turn.speaker is Speaker.CUSTOMER, conversation.id
        assert any(logged.entry for logged in conversation.turns), conversation.id
        assert all(logged.turn.text for logged in conversation.turns), conversation.id


def test_the_exam_has_enough_questions(exam: list[Question]) -> None:
    assert sum(question.in_scope for question in exam) >= 300
    assert sum(not question.in_scope for question in exam) >= 150


def test_every_id_of_the_exam_and_of_validation_is_known(shipped: TrainingData, exam: list[Question]) -> None:
    for question in chain(exam, shipped.validation):
        assert all(entry in shipped.knowledge for entry in question.entries), question.text
        assert bool(question.entries) == question.in_scope, question.text


def test_no_exam_question_stands_in_training(exam: list[Question], taught: set[str]) -> None:
    assert [question.text for question in exam if matching(question.text) in taught] == []


def test_no_validation_question_stands_in_training(shipped: TrainingData, taught: set[str]) -> None:
    assert [question.text for question in shipped.validation if matching(question.text) in taught] == []


def test_no_question_stands_in_the_exam_and_in_validation(shipped: TrainingData, exam: list[Question]) -> None:
    assert {matching(question.text) for question in exam}.isdisjoint(
        matching(question.text) for question in shipped.validation
    )


def test_nothing_is_asked_twice_in_the_exam(exam: list[Question]) -> None:
    assert len({matching(question.text) for question in exam}) == len(exam)


def test_the_sample_is_clean(shipped: TrainingData) -> None:
    texts = [text for entry in shipped.knowledge for text in (entry.id, entry.answer, *entry.questions)]
    assert [text for text in texts if clean(text).strip() != text or "\ufffd" in text] == []


def test_background_questions_are_many_and_different() -> None:
    found = background()
    assert len(found) >= 300
    assert len(set(map(matching, found))) == len(found)


TABLE = "id,question,answer\nrefund,money back?,Within 14 days.\n"
TURN = {"role": "customer", "text": "hello"}


def a_file(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read_log(folder: Path, *lines: str, end: str = "\n") -> tuple[LoggedConversation, ...]:
    sources = [a_file(folder, "faq.csv", TABLE), a_file(folder, "log.jsonl", end.join(lines) + end)]
    return read_training_data(sources).conversations


def problems(sources: list[Path], validation: list[Path] | None = None) -> list[tuple[str, int, str]]:
    with pytest.raises(KnowledgeError) as caught:
        read_training_data(sources, validation=validation or [])
    return [(Path(problem.file).name, problem.line, problem.column) for problem in caught.value.problems]


def a_line(**turn: object) -> str:
    return json.dumps({"conversation_id": "1", "turns": [{**TURN, **turn}]}, ensure_ascii=False)


@pytest.mark.parametrize(
    ("role", "speaker"),
    [
        ("customer", Speaker.CUSTOMER),
        ("User", Speaker.CUSTOMER),
        ("agent", Speaker.AGENT),
        ("BOT", Speaker.AGENT),
    ],
)
def test_a_role_is_a_speaker(tmp_path: Path, role: str, speaker: Speaker) -> None:
    [conversation] = read_log(tmp_path, a_line(role=role))
    assert conversation.turns[0].turn.speaker is speaker


def test_a_turn_keeps_its_entry_its_slots_and_its_clean_text(tmp_path: Path) -> None:
    line = a_line(role="agent", text=" Yes,\x00 Anna ", entry="refund", slots={"name": "Anna", "amount": 5})
    [conversation] = read_log(tmp_path, "", line, "  ")
    [logged] = conversation.turns
    assert (logged.turn.text, logged.entry, logged.slots) == ("Yes, Anna", "refund", {"name": "Anna"})
    assert conversation.id == "1"


@pytest.mark.parametrize("sign", ["\u2028", "\x85", "\x0c"], ids=["U+2028", "U+0085", "escaped U+000C"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["Unix", "Windows"])
def test_a_line_of_a_log_ends_with_a_line_break_and_nothing_else(tmp_path: Path, sign: str, end: str) -> None:
    assert len(read_log(tmp_path, a_line(text=f"one{sign}two"), a_line(), end=end)) == 2


@pytest.mark.parametrize(
    ("line", "column", "message"),
    [
        ('{"turns": [', "", "not JSON"),
        ("hello", "", "not JSON: Expecting value at character 1"),
        ("[]", "turns", "not a conversation"),
        ("5", "turns", "not a conversation"),
        ("{}", "turns", "not a conversation: KeyError('turns')"),
        ('{"turns": 5}', "turns", "not a conversation"),
        ('{"turns": "hello"}', "turns", "not a conversation"),
        ('{"turns": [{"text": "hello"}]}', "turns", "KeyError('role')"),
        ('{"turns": [{"role": "customer"}]}', "turns", "KeyError('text')"),
        (a_line(slots=["Anna"]), "turns", "not a conversation"),
        (a_line(entry=["refund"]), "turns", "not a conversation"),
        (a_line(role="dog"), "turns", "role 'dog' is none of agent, bot, customer, user"),
        (a_line(role="agent", entry="refunds"), "turns", "entry 'refunds' is not in the FAQ"),
    ],
)
def test_a_line_that_is_no_conversation_is_shown_with_its_place(
    tmp_path: Path, line: str, column: str, message: str
) -> None:
    with pytest.raises(KnowledgeError) as caught:
        read_log(tmp_path, a_line(), line, a_line())
    [problem] = caught.value.problems
    assert (Path(problem.file).name, problem.line, problem.column) == ("log.jsonl", 2, column)
    assert message in problem.message


def test_a_log_that_cannot_be_read_is_shown(tmp_path: Path) -> None:
    faq = a_file(tmp_path, "faq.csv", TABLE)
    latin = a_file(tmp_path, "latin.jsonl", b'{"turns": [{"role": "user", "text": "caf\xe9"}]}')
    assert problems([faq, tmp_path / "none.jsonl", latin]) == [("none.jsonl", 0, ""), ("latin.jsonl", 0, "")]


def test_all_problems_of_all_files_are_shown_at_once(tmp_path: Path) -> None:
    sources = [a_file(tmp_path, "faq.csv", "question,answer\n,x\n"), a_file(tmp_path, "log.jsonl", "5\n")]
    validation = [a_file(tmp_path, "v1.csv", 'question,id\n,""\n,refund\n'), tmp_path / "v2.csv"]
    assert problems(sources, validation) == [
        ("faq.csv", 2, "question"),
        ("log.jsonl", 1, "turns"),
        ("v1.csv", 3, "question"),
        ("v2.csv", 0, ""),
    ]


def test_a_broken_faq_does_not_make_every_id_unknown(tmp_path: Path) -> None:
    sources = [a_file(tmp_path, "faq.csv", f"{TABLE},x,\n"), a_file(tmp_path, "log.jsonl", a_line(entry="refund"))]
    validation = [a_file(tmp_path, "validation.csv", "question,id\nhow?,refund\n")]
    assert problems(sources, validation) == [("faq.csv", 3, "answer")]


def test_a_training_needs_a_table(tmp_path: Path) -> None:
    assert problems([]) == [("nothing", 0, "")]
    assert problems([a_file(tmp_path, "log.jsonl", a_line())]) == [("log.jsonl", 0, "")]


def test_what_in_the_tables_may_be_a_mistake_comes_along_as_warnings(tmp_path: Path) -> None:
    table = tmp_path / "faq.csv"
    table.write_text("id,question,answer\na,Where?,Here.\nb,Where?,There.\n", "utf-8")
    [warning] = read_training_data([table]).warnings
    assert (warning.file, warning.line, warning.column) == (str(table), 3, "question")
    assert "settle it" in warning.message


def test_the_sample_leaves_nothing_to_settle(shipped: TrainingData) -> None:
    assert shipped.warnings == ()
