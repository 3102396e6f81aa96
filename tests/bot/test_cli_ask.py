"""``attendant ask``: one question, many, and the turns of a conversation."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import cli_house
import pytest
from cli_house import TableEngine, move_in
from click.testing import CliRunner, Result

from bot.cli.main import cli
from bot.cli.questions import read_questions
from engine.errors import KnowledgeError
from engine.respond import Engine

REPLY = {"conversation", "text", "source", "grade", "confidence", "entry", "choices", "candidates", "ms"}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_in(tmp_path, monkeypatch)


def ask(*words: str, input: str | bytes | None = None) -> Result:  # noqa: A002 - click's own word
    return CliRunner().invoke(cli, ["ask", *words], input=input)


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.stderr
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.usefixtures("shop")
def test_a_question_gets_its_answer_and_nothing_else() -> None:
    result = ask("money", "back")
    assert (result.exit_code, result.stdout) == (0, "Within 14 days.\n")


@pytest.mark.usefixtures("shop")
def test_json_is_exactly_the_reply_of_the_contract() -> None:
    result = ask("both", "--json")
    [reply] = lines(result)
    assert set(reply) == REPLY
    assert (reply["conversation"], reply["source"], reply["entry"]) == (None, "clarify", None)
    assert reply["choices"] == [{"entry": "refund", "text": "refund"}, {"entry": "hours", "text": "hours"}]
    assert len(reply["candidates"]) == 10
    assert set(reply["candidates"][0]) == {"entry", "text", "confidence"}
    assert reply["ms"] >= 0


def test_nothing_is_written_without_a_conversation(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    assert ask("hours").exit_code == 0
    assert ask("--file", "-", "--jsonl", input="hours\nrefund\n").exit_code == 0
    assert sorted(shop.rglob("*")) == before


def test_a_conversation_is_stored_and_goes_on(shop: Path) -> None:
    first = ask("hours", "--conversation", "anna", "--json")
    assert "creating " in first.stderr
    assert lines(first)[0]["conversation"] == "anna"
    second = ask("/why", "--conversation", "terminal:anna", "--json")
    assert "creating" not in second.stderr
    assert "in the table" in lines(second)[0]["text"]
    assert (shop / "var" / "attendant.db").exists()


@pytest.mark.usefixtures("shop")
def test_a_file_run_with_a_conversation_takes_turns_in_order() -> None:
    replies = lines(ask("--file", "-", "--jsonl", "--conversation", "t", input="hours\n/why\n/human\nhours\n"))
    assert [reply["source"] for reply in replies] == ["retrieved", "fixed", "handoff", "fixed"]
    assert {reply["conversation"] for reply in replies} == {"t"}


@pytest.mark.usefixtures("shop")
def test_a_file_run_answers_every_question_for_itself_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = TableEngine()
    monkeypatch.setattr(Engine, "load", staticmethod(lambda *_: engine))
    asked = ["hours", "", "/human", "x" * 5000, "hours", "营业时间", *["refund"] * 200]
    replies = lines(ask("--file", "-", "--jsonl", input="\n".join(asked) + "\n"))
    assert [reply["question"] for reply in replies] == asked
    assert set(replies[0]) == REPLY | {"question"}
    assert [reply["source"] for reply in replies[:6]] == [
        "retrieved",
        "fixed",
        "handoff",
        "fixed",
        "retrieved",
        "retrieved",
    ]  # fmt: skip - one kind of question each
    assert replies[0]["text"] == "From 9 to 17."
    assert max(engine.batches) == 64
    assert sum(engine.batches) == 203


@pytest.mark.usefixtures("shop")
def test_a_file_run_without_jsonl_is_for_people() -> None:
    assert ask("--file", "-", input="hours\n").stdout == "> hours\nFrom 9 to 17.\n\n"


@pytest.mark.usefixtures("shop")
def test_the_question_can_come_from_standard_input() -> None:
    assert ask(input="hours\n").stdout == "From 9 to 17.\n"
    assert lines(ask("--jsonl", input="hours\nrefund\n"))[1]["entry"] == "refund"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("text", ["", "   ", "\x00\x1b[31m", "\udcff", "x" * 20_000, "😀" * 100, "-" * 3 + " dashes"])
def test_any_text_is_answered(text: str) -> None:
    [reply] = lines(ask("--json", "--", text))
    assert reply["text"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    "words",
    [
        ["text", "--file", "x"],
        ["text", "--jsonl"],
        ["--file", "x", "--json"],
        ["text", "--conversation", ""],
        ["text", "--conversation", "terminal:"],
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(words: list[str]) -> None:
    result = ask(*words)
    assert (result.exit_code, result.stdout) == (2, "")


def test_without_a_model_it_says_how_to_make_one(shop: Path) -> None:
    (shop / "var" / "model" / "manifest.json").unlink()
    result = ask("hours", "--json", "--conversation", "t")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "`attendant train` makes one" in result.stderr


def test_a_damaged_or_missing_model_is_a_failure_in_words(shop: Path) -> None:
    (shop / "var" / "model" / "manifest.json").write_text("broken", "utf-8")
    assert "damaged" in ask("hours").stderr
    result = ask("hours", "--model", "nowhere")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere" in result.stderr


def test_a_database_that_is_none_fails_before_anything_is_asked(shop: Path) -> None:
    (shop / "var" / "attendant.db").write_text("no database " * 100, "utf-8")
    result = ask("hours", "--conversation", "t")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "attendant.db" in result.stderr
    assert ask("hours").exit_code == 0


@pytest.mark.usefixtures("shop")
def test_an_engine_that_explodes_is_one_line() -> None:
    result = ask("explode")
    assert result.exit_code == 1
    assert "RuntimeError: the table" in result.stderr
    assert "Traceback" not in result.stderr


FORMATS = {
    "lines": "one\n\ntwo, three?\n",
    "windows lines": "one\r\n\r\ntwo, three?\r\n",
    "csv": 'id,Question\n1,one\n2,""\n3,"two, three?"\n',
    "csv with one column": 'question\none\n""\n"two, three?"\n',
    "semicolons": "question;kind\none;a\n;b\ntwo, three?;c\n",
    "tabs": "kind\tquestion\na\tone\nb\t\nc\ttwo, three?\n",
    "json lines": '{"question": "one"}\n{"question": "", "id": 4}\n\n{"question": "two, three?"}\n',
    "json list": '[{"question": "one"},\n {"question": ""}, "two, three?"]',
}


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "bom"])
def test_the_format_of_a_file_is_found_by_its_content(name: str, mark: bytes, tmp_path: Path) -> None:
    file = tmp_path / "asked"
    file.write_bytes(mark + FORMATS[name].encode())
    assert read_questions(str(file)) == ["one", "", "two, three?"]


@pytest.mark.parametrize(
    "text",
    [
        "Question, how do I pay?\nand this\n",
        "{curly} question\nx\n",
        "[1] what is this\nx\n",
        "the question\tis\nx\n",
    ],
)
def test_plain_questions_are_not_taken_for_a_table(text: str, tmp_path: Path) -> None:
    (tmp_path / "asked").write_text(text, "utf-8")
    assert read_questions(str(tmp_path / "asked")) == text.rstrip("\n").split("\n")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_a_file_without_questions_has_none(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "asked").write_bytes(data)
    assert read_questions(str(tmp_path / "asked")) == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"one\ntwo\xff\n", "asked:2: byte 0xff is not UTF-8"),
        ("one".encode("utf-16"), "is UTF-16"),
        (b'{"question": "one"}\nnonsense\n{"text": "x"}\n', "asked:2: not JSON"),
        (b'{"question": "one"}\nnonsense\n{"text": "x"}\n', "asked:3: question: is missing"),
        (b"question,id\none,1\ntwo,2,3\n", "asked:3: has 3 fields"),
        (b'question\n"open\n', "asked:2: not valid CSV"),
    ],
)
def test_what_is_wrong_in_a_file_is_named_by_line(data: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "asked").write_bytes(data)
    with pytest.raises(KnowledgeError) as caught:
        read_questions(str(tmp_path / "asked"))
    assert words in str(caught.value)


@pytest.mark.usefixtures("shop")
def test_a_file_that_is_not_there_is_a_failure_in_words() -> None:
    result = ask("--file", "nowhere.txt", "--jsonl")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "nowhere.txt: cannot be read: No such file or directory" in result.stderr


@pytest.mark.usefixtures("shop")
def test_a_reader_that_goes_away_ends_a_file_run_quietly(shop: Path) -> None:
    (shop / "asked").write_text("hours\n" * 20_000, "utf-8")
    program = subprocess.Popen(
        [sys.executable, cli_house.__file__, "ask", "--file", "asked", "--jsonl"],
        env=cli_house.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        assert program.stderr is not None
        assert json.loads(program.stdout.readline())["entry"] == "hours"
        program.stdout.close()
        notes = program.stderr.read()
    assert (program.returncode, notes) == (141, b"")
