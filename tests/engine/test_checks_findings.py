"""What the checks find in a FAQ, each with its place, and what they leave alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.checks.finding import Asked, Finding, Kind, Material, Severity
from engine.checks.findings import check, read_asked, warnings_for
from engine.checks.links import differ_in_one
from engine.dialogue import Speaker, Turn
from engine.errors import KnowledgeError
from engine.knowledge.entries import Entry, Knowledge
from engine.knowledge.table import read_with_origins
from engine.seq2seq.source import LONGEST_TEMPLATE
from engine.training.data import (
    LoggedConversation,
    LoggedTurn,
    TrainingData,
    read_training_data,
    sample,
    sample_sources,
)
from engine.training.questions import Question
from engine.understand.reader import LONGEST_QUESTION

GOOD = "id,question,answer,locale\nhours,When are you open?,Nine to five.,en\nhours,opening hours,,\n"
MORE = "refund,How do I get my money back?,Within 14 days.,en\nrefund,refund please,,\n"


def found(folder: Path, rows: str, *, asked: str = "", header: str = GOOD + MORE, **more: object) -> list[Finding]:
    """Findings of a good FAQ to which rows are added: the first of them stands in line 6."""
    (folder / "faq.csv").write_text(header + rows, "utf-8")
    knowledge, origins = read_with_origins([folder / "faq.csv"])
    if asked:
        (folder / "test.csv").write_text(asked, "utf-8")
        more["asked"] = read_asked([folder / "test.csv"])
    material = replace(Material(knowledge, origins), **more)  # type: ignore[arg-type]  # fields by name
    return check(material)


def the_finding(folder: Path, kind: Kind, rows: str, **more: object) -> tuple[str, str, int, str, str]:
    [one] = [finding for finding in found(folder, rows, **more) if finding.kind is kind]  # type: ignore[arg-type]
    return one.severity, Path(one.file).name, one.line, one.column, one.message


def test_a_good_faq_gives_nothing(tmp_path: Path) -> None:
    assert found(tmp_path, "", locales=("en",)) == []


def test_a_question_answered_differently_is_named_with_both_places(tmp_path: Path) -> None:
    rows = "b,opening hours,Never.,en\nb,when closed,,\n"
    severity, file, line, column, message = the_finding(tmp_path, Kind.CONFLICT, rows)
    assert (severity, file, line, column) == ("warning", "faq.csv", 6, "question")
    assert "stands in entries hours, b with different answers: settle it; it stands first in line 3 of" in message


def test_nearly_the_same_question_answered_differently_is_named_with_both_places(tmp_path: Path) -> None:
    rows = "b,So when are you open please,Never.,en\nb,closing times,,\n"
    severity, _, line, _, message = the_finding(tmp_path, Kind.ALIKE, rows)
    assert (severity, line) == ("warning", 6)
    assert (
        "“So when are you open please” in entry b is nearly “When are you open?” in entry hours (line 2 of" in message
    )


@pytest.mark.parametrize("rows", ["b,opening hour,nine to FIVE.,en\n", "b,opening hour,九点到五点。,zh\n"])
def test_the_same_answer_and_another_language_are_no_conflict(tmp_path: Path, rows: str) -> None:
    assert not {Kind.CONFLICT, Kind.ALIKE} & {one.kind for one in found(tmp_path, rows)}


def test_one_answer_under_several_ids_is_named(tmp_path: Path) -> None:
    severity, _, line, column, message = the_finding(tmp_path, Kind.SEVERAL_IDS, "b,till when,nine to five.,en\n")
    assert (severity, line, column) == ("warning", 6, "answer")
    assert "one answer stands under several ids: hours, b" in message


def test_a_question_that_is_answered_and_declined_is_named(tmp_path: Path) -> None:
    header = "id,question,answer,locale,tags\na,When?,Now.,en,\na,What time?,,,\nb,Where?,Here.,en,\nb,What place?,,,\n"
    _, _, line, _, message = the_finding(tmp_path, Kind.DECLINED, ",when?,,,unanswered\n", header=header)
    assert line == 6
    assert "entry a answers it" in message


def test_what_stands_twice_in_its_entry_is_noted_once(tmp_path: Path) -> None:
    severity, _, line, _, message = the_finding(tmp_path, Kind.DUPLICATE, "hours,OPENING hours,,\n" * 3)
    assert (severity, line) == ("note", 6)
    assert "3 times more in entry hours (line 3 of" in message


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("WHEN are you open?,hours", "stands in entry hours (line 2 of"),
        ("hi when are you open,", "nearly stands in entry hours"),
        ("refund please,hours", "and is to be answered from hours: settle it"),
    ],
)
def test_a_test_question_that_training_knows_is_named(tmp_path: Path, row: str, words: str) -> None:
    asked = f"question,id\nis it open on bank holidays,hours\n{row}\n"
    severity, file, line, _, message = the_finding(tmp_path, Kind.LEAK, "", asked=asked)
    assert (severity, file, line) == ("warning", "test.csv", 3)
    assert words in message


def test_test_questions_of_their_own_are_fine(tmp_path: Path) -> None:
    assert found(tmp_path, "", asked="question,id\ntill what time can I come,hours\n?,\n") == []


def test_a_table_of_test_questions_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    with pytest.raises(KnowledgeError, match="no such file"):
        read_asked([tmp_path / "none.csv"])


def test_entries_with_one_way_to_ask_are_counted(tmp_path: Path) -> None:
    rows = "".join(f"e{number},{name} thing,Answer {number}.,en\n" for number, name in enumerate("abcdefg"))
    severity, _, line, _, message = the_finding(tmp_path, Kind.FEW, rows)
    assert (severity, line) == ("warning", 6)
    assert "missed: e0, e1, e2, e3, e4 and 2 more (7 of 9 entries); write at least 3" in message


@pytest.mark.parametrize(
    ("rows", "line", "column", "words"),
    [
        ("hours,几点开门,,\n", 6, "question", "is in Chinese, and entry hours is English (en)"),
        ("b,还有吗,Wie geht es dir und was ist das,zh\n", 6, "answer", "is in German, and the entry is Chinese (zh)"),
        ("b,otvoreno li je,Da.,hr\n", 6, "answer", "one entry has the locale 'hr', and the bot speaks en, zh"),
    ],
)
def test_mixed_languages_are_named(tmp_path: Path, rows: str, line: int, column: str, words: str) -> None:
    severity, _, *place, message = the_finding(tmp_path, Kind.LANGUAGE, rows, locales=("en", "zh"))
    assert (severity, *place) == ("warning", line, column)
    assert words in message


def test_personal_data_in_questions_is_named_and_not_repeated(tmp_path: Path) -> None:
    rows = "hours,is 4111 1111 1111 1111 or a.b@post.example fine,,\n"
    severity, _, line, column, message = the_finding(tmp_path, Kind.PERSONAL, rows)
    assert (severity, line, column) == ("warning", 6, "question")
    assert "a card number and an e-mail address" in message
    assert "4111" not in message
    assert "a.b@" not in message


def test_the_companys_own_addresses_are_only_noted(tmp_path: Path) -> None:
    rows = "b,whom to ask,Write to help@shop.example.,en\nc,where to write,To help@shop.example!,en\n"
    severity, _, line, column, message = the_finding(tmp_path, Kind.CONTACT, rows)
    assert (severity, line, column) == ("note", 6, "answer")
    assert message == "help@shop.example is told to everybody, in b, c"


def test_a_card_in_an_answer_is_more_than_a_note(tmp_path: Path) -> None:
    severity, *_, message = the_finding(tmp_path, Kind.PERSONAL, "b,card?,Use 4111111111111111.,en\n")
    assert severity == "warning"
    assert "told to everybody: take it out" in message


def test_a_link_that_differs_in_one_character_is_named_where_it_is_rarer(tmp_path: Path) -> None:
    rows = (
        "b,return,See https://shop.example/retruns.,en\nc,give back,See https://shop.example/returns.,en\n"
        "d,send back,Read https://shop.example/returns!,en\n"
    )
    severity, _, line, column, message = the_finding(tmp_path, Kind.LINK, rows)
    assert (severity, line, column) == ("warning", 6, "answer")
    assert (
        "https://shop.example/retruns in entry b differs in one character from https://shop.example/returns" in message
    )


@pytest.mark.parametrize(
    ("one", "other", "differ"),
    [
        ("https://shop.example/returns", "https://shop.example/return", True),
        ("https://shop.example", "https://sohp.example", True),
        ("http://shop.example", "https://shop.example", True),
        ("help@shop.example", "halp@shop.example", True),
        ("https://shop.example/a1/help", "https://shop.example/a2/help", False),
        ("https://shop.example/page7", "https://shop.example/page8", False),
        ("https://shop.example/en", "https://shop.example/es", False),
        ("https://shop.example/help", "https://shop.example/help/", False),
        ("https://Shop.example", "https://shop.example", False),
        ("https://shop.example/help", "https://shop.example/other", False),
    ],
)
def test_addresses_that_differ_on_purpose_are_left_alone(one: str, other: str, differ: bool) -> None:
    assert differ_in_one(one, other) is differ
    assert differ_in_one(other, one) is differ


def test_what_will_be_cut_is_named_with_the_limit(tmp_path: Path) -> None:
    severity, _, line, _, message = the_finding(tmp_path, Kind.LENGTH, f"hours,{'why and how ' * 40},,\n")
    assert (severity, line) == ("warning", 6)
    assert f"and {LONGEST_QUESTION} are read: its middle is lost" in message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("So it is. " * 40, f"at most {LONGEST_TEMPLATE} are composed"),
        (" and ".join(f"£{number}.10" for number in range(30)), "has 30 different values, and at most 24"),
        ("Press ⟨1⟩.", "which mark placeholders"),
    ],
)
def test_an_answer_that_is_never_composed_is_noted_with_the_reason(tmp_path: Path, answer: str, words: str) -> None:
    severity, _, line, column, message = the_finding(tmp_path, Kind.LENGTH, f"b,why,{answer},en\n")
    assert (severity, line, column) == ("note", 6, "answer")
    assert words in message


def test_an_endless_answer_is_a_warning(tmp_path: Path) -> None:
    messages = [one for one in found(tmp_path, f"b,why,{'So it is. ' * 500},en\n") if one.kind is Kind.LENGTH]
    assert [one.severity for one in messages] == [Severity.NOTE, Severity.WARNING]
    assert "4,999 characters: say it shorter" in messages[1].message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("Hi {nobody|you}.", "can never be filled in"),
        ("Hi {name}.", "has no default"),
        ("Hi {name|}.", "has no default"),
        ("Size {size}.", "has no default"),
    ],
)
def test_placeholders_that_may_stay_empty_are_named(tmp_path: Path, answer: str, words: str) -> None:
    assert words in the_finding(tmp_path, Kind.PLACEHOLDER, f"b,hey,{answer},en\n", slots=("size",))[-1]


@pytest.mark.parametrize(
    ("table", "kind"),
    [
        ("id,question,answer\na,one,Yes.\na,two,\n", Kind.ONE_ENTRY),
        ("id,question,answer\na,one,Yes.\nb,two,yes.\nc,three,YES.\n", Kind.SAME_ANSWERS),
    ],
)
def test_where_nothing_can_be_told_apart_it_is_an_error(tmp_path: Path, table: str, kind: Kind) -> None:
    errors = [one for one in found(tmp_path, "", header=table) if one.severity is Severity.ERROR]
    assert [(one.kind, one.line) for one in errors] == [(kind, 2)]


def test_the_sample_has_no_errors_no_conflicts_and_nothing_personal() -> None:
    knowledge, origins = read_with_origins([path for path in sample_sources() if path.suffix == ".csv"])
    asked = read_asked([sample("test_questions.csv")])
    kinds = {(one.kind, one.severity) for one in check(Material(knowledge, origins, asked, locales=("en", "zh")))}
    assert Severity.ERROR not in {severity for _, severity in kinds}
    told = {kind for kind, severity in kinds if severity is Severity.WARNING}
    assert told <= {Kind.LANGUAGE, Kind.LEAK}


def test_findings_come_by_kind_and_line_and_read_as_file_line_column_message(tmp_path: Path) -> None:
    rows = "hours,几点开门,,\nhours,is a@b.example right,,\nhours,opening hours,,\nrefund,退款,,\n"
    findings = found(tmp_path, rows)
    assert [(one.kind, one.line) for one in findings] == [
        (Kind.PERSONAL, 7), (Kind.LANGUAGE, 6), (Kind.LANGUAGE, 9), (Kind.DUPLICATE, 8),
    ]  # fmt: skip
    assert str(findings[0]).startswith(f"{tmp_path / 'faq.csv'}:7: question: of entry hours holds")
    assert findings[0].to_json() == {
        "kind": "personal", "severity": "warning", "file": str(tmp_path / "faq.csv"), "line": 7, "column": "question",
        "message": findings[0].message,
    }  # fmt: skip


def test_a_run_is_warned_of_everything_it_learns_from_and_not_of_what_is_only_worth_knowing() -> None:
    entries = (
        Entry("a", "Yes. Write to help@shop.example.", ("is it so", "really"), "", "en"),
        Entry("b", "No.", ("is it so", "call 07700 900123"), "", "en"),
    )
    log = LoggedConversation("one", (LoggedTurn(Turn(Speaker.CUSTOMER, "I am a@b.example")),))
    data = TrainingData(Knowledge(entries), (log,), (), (Question("Really?", frozenset({"a"})),))
    findings = warnings_for(data, locales=("en",))
    assert [one.kind for one in findings] == [Kind.CONFLICT, Kind.LEAK, Kind.PERSONAL]
    assert "entries a, b" in str(findings[0])
    assert {(one.file, one.line) for one in findings} == {("", 0)}


def test_personal_data_of_logs_is_told_in_one_note() -> None:
    turns = tuple(LoggedTurn(Turn(Speaker.CUSTOMER, text)) for text in ("a@b.example", "c@d.example", "07700 900123"))
    logs = (LoggedConversation("one", turns), LoggedConversation("two", ()))
    [one] = check(Material(Knowledge(()), conversations=logs))
    assert (one.kind, one.severity, one.file) == (Kind.PERSONAL, Severity.NOTE, "")
    words = "1 of 2 logged conversations hold personal data (2 e-mail addresses, a telephone number)"
    assert str(one) == f"{words}: it is masked before training"


def test_the_sample_is_trained_with_few_warnings() -> None:
    assert len(warnings_for(read_training_data(sample_sources()), locales=("en", "zh"))) < 6


texts = st.text(max_size=30).map(str.strip).filter(bool) | st.sampled_from(
    [
        "a@b.example",
        "https://a.example/help",
        "https://a.example/hepl",
        "{name}",
        "⟨1⟩",
        "4111111111111111",
        "为什么",
        "why",
    ]
)
entries = st.builds(
    Entry,
    st.text("abcdef", min_size=1, max_size=3),
    texts,
    st.lists(texts, min_size=1, max_size=3, unique=True).map(tuple),
    st.just(""),
    st.sampled_from(["en", "zh", "de-AT", "xx", ""]),
)


@given(st.lists(entries, max_size=6, unique_by=lambda entry: entry.id), st.lists(texts, max_size=3))
def test_any_faq_can_be_checked(some: list[Entry], asked: list[str]) -> None:
    knowledge = Knowledge(tuple(some), tuple(asked[:1]))
    findings = check(Material(knowledge, asked=[Asked(text) for text in asked], locales=("en", "zh")))
    assert all(one.message and str(one) for one in findings)
