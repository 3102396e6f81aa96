"""The FAQ as a table: what is read from it, and every problem with its place."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import KnowledgeError, Problem
from engine.knowledge.entries import Entry, Knowledge
from engine.knowledge.table import read_knowledge, read_tables, write_table
from engine.text.normalise import clean, matching

REFUND = ("How do I get a refund?", "Within 14 days.")


def a_file(folder: Path, content: str | bytes, name: str = "faq.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
    return path


def read(folder: Path, content: str | bytes, name: str = "faq.csv") -> list[Entry]:
    return list(read_knowledge([a_file(folder, content, name)]))


def pairs(entries: list[Entry]) -> list[tuple[str, str]]:
    return [(question, entry.answer) for entry in entries for question in entry.questions]


def problems(*paths: Path) -> list[tuple[str, int, str, str]]:
    with pytest.raises(KnowledgeError) as caught:
        read_knowledge(paths)
    found = caught.value.problems
    assert str(caught.value) == "\n".join(map(str, found))
    return [(Path(problem.file).name, problem.line, problem.column, problem.message) for problem in found]


def the_problem(folder: Path, content: str | bytes, name: str = "faq.csv") -> tuple[int, str, str]:
    [(_, line, column, message)] = problems(a_file(folder, content, name))
    return line, column, message


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("question,answer\nHow do I get a refund?,Within 14 days.\n", "faq.csv"),
        ("question,answer\nHow do I get a refund?,Within 14 days.", "faq.csv"),
        ("question,answer\r\nHow do I get a refund?,Within 14 days.\r\n", "faq.csv"),
        ("question,answer\rHow do I get a refund?,Within 14 days.\r", "faq.csv"),
        ("question;answer\nHow do I get a refund?;Within 14 days.\n", "faq.csv"),
        ("question\tanswer\nHow do I get a refund?\tWithin 14 days.\n", "faq.csv"),
        ("question\tanswer\nHow do I get a refund?\tWithin 14 days.\n", "FAQ.TSV"),
        ("\ufeffquestion,answer\nHow do I get a refund?,Within 14 days.\n", "faq.csv"),
        ('"question","answer"\n"How do I get a refund?","Within 14 days."\n', "faq.csv"),
        (" Question , ANSWER \n How do I get a refund? , Within 14 days. \n", "faq.csv"),
        ("answer,question\nWithin 14 days.,How do I get a refund?\n", "faq.csv"),
        ("\n\nquestion,answer\n\n , \nHow do I get a refund?,Within 14 days.\n\n", "faq.csv"),
        ("question,answer,\nHow do I get a refund?,Within 14 days.,\n", "faq.csv"),
        ("question,answer,remark\nHow do I get a refund?,Within 14 days.,check\n", "faq.csv"),
        ("question,answer\nHow do I get a\x07 refund?\u200b,Within 14 days.\n", "faq.csv"),
    ],
    ids=[
        "standard", "no last line break", "Windows", "old Mac", "semicolon", "tabs", "TSV", "BOM", "quoted", "spaces",
        "other order", "blank rows", "empty column", "unknown column", "control characters",
    ],
)  # fmt: skip
def test_every_usual_form_of_a_table_is_read(tmp_path: Path, content: str, name: str) -> None:
    assert pairs(read(tmp_path, content, name)) == [REFUND]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ('"yes, of course"', "yes, of course"),
        ('"say ""please"""', 'say "please"'),
        ('"line one\nline two"', "line one\nline two"),
        ('"line one\r\nline two"', "line one\nline two"),
        ('5" screen', '5" screen'),
        ("“yes”", "“yes”"),
        ("满250英镑包邮，最多14天", "满250英镑包邮，最多14天"),
        ("=1+1", "=1+1"),
        ("👍🏽", "👍🏽"),
    ],
)
def test_a_field_may_hold_anything_when_quoted(tmp_path: Path, field: str, text: str) -> None:
    assert read(tmp_path, f"question,answer\nwhy?,{field}\n")[0].answer == text


@pytest.mark.parametrize(
    ("content", "line", "column", "message"),
    [
        ("", 0, "", "is empty: a header line question,answer is needed"),
        (" \n\n", 0, "", "is empty: a header line question,answer is needed"),
        ("question,answer\n", 0, "", "holds no entry"),
        ("\xff\xfe".encode("latin-1") + "question,answer\n".encode("utf-16-le"), 0, "", "UTF-16"),
        ("question,answer\n".encode("utf-16-be"), 1, "", "is a binary file"),
        (b"question,answer\na,b\n\x00\x01", 3, "", "is a binary file"),
        ("question,answer\nwhy?,because\nCafé?,yes\n".encode("latin-1"), 3, "", "byte 0xe9 is not UTF-8"),
        ("问题,question,answer\n".encode("gb18030"), 1, "", "is not UTF-8"),
        ('question,answer\nwhy?,because\nhow?,"so\nand so', 3, "", "never closed"),
        ('question,answer\n"why"?,because', 2, "", "double a quote"),
        ("question\nwhy?", 1, "answer", "column is missing; the header has: question"),
        ("frage,,antwort\n", 1, "question", "the header has: frage, (empty), antwort"),
        ("question,answer,Answer\n", 1, "answer", "stands twice"),
        ("question,answer\nwhy?,because,so\n", 2, "", "has 3 fields, the header has 2; quote texts"),
        ("question,answer\nwhy?\n", 2, "", "has 1 fields"),
        ("question,answer\n,because\n", 2, "question", "is empty"),
        ("question,answer\n\u200b,because\n", 2, "question", "is empty"),
        ("question,answer\nwhy?,\n", 2, "answer", "no id says which entry"),
        ("id,question,answer\na,why?,\na,how?,\n", 2, "answer", "is empty in every row of entry a"),
        ("id,question,answer\na,why?,one\na,how?,two\n", 3, "answer", "entry a has another answer in line 2"),
    ],
)
def test_what_is_wrong_is_shown_with_its_place(
    tmp_path: Path, content: str | bytes, line: int, column: str, message: str
) -> None:
    first = problems(a_file(tmp_path, content))[0]
    assert first[:3] == ("faq.csv", line, column)
    assert message in first[3]


def test_a_field_beyond_all_bounds_is_shown_as_a_missing_quote(tmp_path: Path) -> None:
    line, _, message = the_problem(tmp_path, f'question,answer\nwhy?,"{"x" * 140_000}"\n')
    assert line == 2
    assert "is a quote missing?" in message


def test_a_missing_file_and_a_folder_are_shown(tmp_path: Path) -> None:
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    assert problems(tmp_path / "none.csv", folder) == [
        ("none.csv", 0, "", "no such file"),
        ("folder.csv", 0, "", "is a folder, not a file"),
    ]


def test_all_problems_of_all_files_are_shown_at_once(tmp_path: Path) -> None:
    found = problems(
        a_file(tmp_path, 'question,answer\n,one\ntwo,\nthree,3,4\n"four', "a.csv"),
        tmp_path / "b.csv",
        a_file(tmp_path, "", "c.csv"),
        a_file(tmp_path, "q,a\n", "d.csv"),
        a_file(tmp_path, "id,question,answer\nx,one,1\nx,two,2\n", "e.csv"),
    )
    assert {(name, line, column) for name, line, column, _ in found} == {
        ("a.csv", 2, "question"), ("a.csv", 3, "answer"), ("a.csv", 4, ""), ("a.csv", 5, ""),
        ("b.csv", 0, ""), ("c.csv", 0, ""), ("d.csv", 1, "question"), ("d.csv", 1, "answer"), ("e.csv", 3, "answer"),
    }  # fmt: skip


def test_lines_are_counted_as_an_editor_shows_them(tmp_path: Path) -> None:
    content = 'question,answer\nwhy?,"one\ntwo\nthree"\n\n,empty\n'
    assert the_problem(tmp_path, content)[:2] == (6, "question")


def test_endless_problems_end_with_a_word_that_there_are_more(tmp_path: Path) -> None:
    found = problems(a_file(tmp_path, "question,answer\n" + ",x\n" * 1000))
    assert len(found) == 201
    assert "and more" in found[-1][3]


def test_a_problem_reads_as_file_line_column_and_message() -> None:
    assert str(Problem("faq.csv", 3, "answer", "is empty")) == "faq.csv:3: answer: is empty"
    assert str(Problem("faq.csv", 0, "", "no such file")) == "faq.csv: no such file"


def test_rows_with_one_id_form_one_entry(tmp_path: Path) -> None:
    content = (
        "id,question,answer,intent,locale,tags\n"
        'r,one?,,,,\nx,other?,no,,,\nr,two?,yes,refund,en,"money, back"\nr,ONE?,yes,,,back;more\n'
    )
    assert read(tmp_path, content)[0] == Entry("r", "yes", ("one?", "two?"), "refund", "en", ("money", "back", "more"))


def test_rows_with_one_answer_form_one_entry(tmp_path: Path) -> None:
    [first, second] = read(tmp_path, "question,answer\none?,yes\nother?,no\ntwo?,yes\n")
    assert (first.questions, second.questions) == (("one?", "two?"), ("other?",))


def test_entries_of_different_ids_may_share_an_answer(tmp_path: Path) -> None:
    assert [entry.id for entry in read(tmp_path, "id,question,answer\na,one?,yes\nb,two?,yes\n")] == ["a", "b"]


@pytest.mark.parametrize("rows", ["a,one?,yes\n,two?,yes\n", ",one?,yes\na,two?,yes\n"])
def test_a_row_without_id_joins_the_entry_with_its_answer(tmp_path: Path, rows: str) -> None:
    assert [entry.id for entry in read(tmp_path, f"id,question,answer\n{rows}")] == ["a"]


def test_rows_of_one_id_may_stand_in_different_files(tmp_path: Path) -> None:
    one = a_file(tmp_path, "id,question,answer\nr,one?,yes\n", "a.csv")
    two = a_file(tmp_path, "id\tquestion\tanswer\nr\ttwo?\t\n", "b.tsv")
    assert pairs(list(read_knowledge([one, two]))) == [("one?", "yes"), ("two?", "yes")]


def test_entries_without_an_id_get_readable_free_and_lasting_ones(tmp_path: Path) -> None:
    content = "id,question,answer\n,How are you?,fine\n,how are you,well\n,怎么退货,14天\nhow-are-you-2,x?,y\n,¿¡,?\n"
    ids = [entry.id for entry in read(tmp_path, content)]
    assert ids[0] == "how-are-you"
    assert ids[3] == "how-are-you-2"
    assert len(set(ids)) == len(ids)
    assert ids == [entry.id for entry in read(tmp_path, content)]


def test_a_given_id_is_never_taken_by_an_entry_without_one(tmp_path: Path) -> None:
    ids = [entry.id for entry in read(tmp_path, "id,question,answer\n,why?,one\nwhy,how?,two\n")]
    assert ids[1] == "why"
    assert ids[0].startswith("why-")


def test_the_intent_is_the_id_unless_that_was_made_of_the_first_question(tmp_path: Path) -> None:
    content = "id,question,answer,intent\nr,How?,one,refund\nlost_card,Where?,two,\n,When is it?,three,\n,几点,四,\n"
    found = read_knowledge([a_file(tmp_path, content)])
    assert [entry.intent for entry in found] == ["refund", "lost_card", "", ""]
    again = read_knowledge([a_file(tmp_path, write_table(found), "again.csv")])
    assert again == found  # an export writes the names that were made, and they still say nothing of their own


def warnings(*paths: Path) -> list[tuple[str, int, str, str]]:
    _, found = read_tables(paths)
    return [(Path(problem.file).name, problem.line, problem.column, problem.message) for problem in found]


def test_a_question_that_two_entries_answer_differently_is_named_with_both_places(tmp_path: Path) -> None:
    one = a_file(tmp_path, "id,question,answer\na,Where?,Here.\na,Where is it?,\n", "a.csv")
    two = a_file(tmp_path, 'id,question,answer\nb,"How\nmuch?",Two pounds.\nb,where ?,\nb,WHERE?,\n', "b.csv")
    [(name, line, column, message)] = warnings(one, two)
    assert (name, line, column) == ("b.csv", 5, "question")
    assert "entries a, b with different answers: settle it" in message
    assert message.endswith(f"in line 2 of {one}")


def test_of_many_entries_with_one_question_some_are_named_and_the_others_counted(tmp_path: Path) -> None:
    rows = "".join(f"e{number},Where?,Place {number}.\n" for number in range(1000))
    [(_, line, _, message)] = warnings(a_file(tmp_path, f"id,question,answer\n{rows}"))
    assert line == 3
    assert "entries e0, e1, e2, e3, e4 and 995 more with" in message


@pytest.mark.parametrize(
    "rows",
    [
        "a,Where?,Here.,en\nb,Where?,here.,en\n",
        "a,PayPal?,Yes.,en\nb,PayPal?,可以。,zh\n",
        "a,Where?,Here.,en\na,where?,,en\n",
        "a,Where?,Here.,en\nb,Where to?,There.,en\n",
    ],
    ids=["the same answer", "another language", "the same entry", "another question"],
)
def test_what_needs_no_settling_is_left_alone(tmp_path: Path, rows: str) -> None:
    assert warnings(a_file(tmp_path, f"id,question,answer,locale\n{rows}")) == []


def test_ten_thousand_identical_rows_are_one_question(tmp_path: Path) -> None:
    path = a_file(tmp_path, "question,answer\n" + "Where?,Here.\n" * 10_000)
    assert [entry.questions for entry in read_knowledge([path])] == [("Where?",)]
    assert warnings(path) == []


def test_an_entry_without_a_locale_gets_that_of_its_text(tmp_path: Path) -> None:
    content = "question,answer,locale\nwhy?,because,\n为什么,因为,\nwarum?,darum,de\n"
    assert [entry.locale for entry in read(tmp_path, content)] == ["en", "zh", "de"]


def test_stray_commas_make_no_empty_tags(tmp_path: Path) -> None:
    [entry] = read(tmp_path, 'question,answer,tags\nwhy?,because,", a ,; b,"\n')
    assert entry.tags == ("a", "b")


fields = st.text(st.characters(exclude_categories=("Cs",)), max_size=20).map(clean).map(str.strip).filter(bool)
names = st.text('abcxyz-，" ;', min_size=1, max_size=6).map(str.strip).filter(bool)
tags = st.text("abc-中\"'", min_size=1, max_size=5)
entries = st.builds(
    Entry,
    fields,
    fields | st.just("a, \"b\"\n'c';\td"),
    st.lists(fields, min_size=1, max_size=4, unique_by=matching).map(tuple),
    names,
    st.sampled_from(["en", "zh", "de-AT"]),
    st.lists(tags, max_size=3, unique=True).map(tuple),
)


@given(st.lists(entries, min_size=1, max_size=5, unique_by=lambda entry: entry.id))
def test_a_written_table_is_read_back_to_the_same_entries(
    tmp_path_factory: pytest.TempPathFactory, written: list[Entry]
) -> None:
    path = a_file(tmp_path_factory.getbasetemp(), write_table(Knowledge(tuple(written))), "round-trip.csv")
    assert list(read_knowledge([path])) == written


@given(
    st.binary(max_size=60)
    | st.text('qa,;\t"\n\r \u2028é', max_size=60).map(lambda text: f"question,answer\n{text}".encode())
)
def test_any_file_is_either_read_or_refused_with_problems(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    path = a_file(tmp_path_factory.getbasetemp(), data, "any.csv")
    with suppress(KnowledgeError):
        assert len(read_knowledge([path]))


def test_a_row_tagged_unanswered_is_an_example_of_what_is_out_of_scope(tmp_path: Path) -> None:
    path = a_file(tmp_path, "question,answer,tags\nwhen?,At nine.,\ndo you sell skis,,unanswered\n")
    knowledge = read_knowledge([path])
    assert [entry.questions for entry in knowledge] == [("when?",)]
    assert knowledge.unanswered == ("do you sell skis",)


def test_unanswered_questions_survive_the_round_trip(tmp_path: Path) -> None:
    knowledge = read_knowledge(
        [a_file(tmp_path, "question,answer,tags\nwhen?,At nine.,\ndo you sell skis,,unanswered\n")]
    )
    again = read_knowledge([a_file(tmp_path, write_table(knowledge, knowledge.unanswered), "again.csv")])
    assert again == knowledge
