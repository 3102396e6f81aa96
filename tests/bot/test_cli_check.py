"""``attendant faq check``: findings by kind, a verdict, and an exit code for errors alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cli_house import move_in
from click.testing import CliRunner, Result

from bot.cli.main import cli

NAMES = [f"{one}{other}" for one in "bcdfghklmn" for other in ("obi", "aru", "ilo")]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_in(tmp_path, monkeypatch)


def check(*words: str) -> Result:
    return CliRunner().invoke(cli, ["faq", "check", *words])


def write(folder: Path, name: str, rows: str) -> None:
    (folder / name).write_text(rows, "utf-8")


@pytest.mark.usefixtures("shop")
def test_a_good_faq_has_nothing_to_correct() -> None:
    result = check("faq.csv")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == "nothing to correct"


def test_of_each_kind_some_are_shown_and_the_others_counted(shop: Path) -> None:
    rows = "".join(f"{name},{name} place,{name} is here.,en\n{name},我要{name}地方,,\n" for name in NAMES[:12])
    write(shop, "odd.csv", f"id,question,answer,locale\n{rows}")
    result = check("odd.csv")
    assert result.exit_code == 0
    assert result.stdout.count("is in Chinese, and entry") == 10
    assert result.stdout.splitlines()[-1] == "and 2 more (languages); --json shows all"
    assert result.stderr.splitlines() == ["languages: 12", "12 warnings: usable; see to the warnings first"]
    assert len(json.loads(check("odd.csv", "--json").stdout)["findings"]) == 12


def test_notes_are_no_reason_to_worry(shop: Path) -> None:
    write(shop, "faq.csv", "id,question,answer\na,when,Now.\na,when,\na,what time,\nb,where,Here.\nb,what place,\n")
    result = check("faq.csv")
    assert result.exit_code == 0
    assert "note: faq.csv:3: question: stands once more in entry a (line 2 of faq.csv)" in result.stdout
    assert result.stderr.splitlines()[-1] == "nothing to correct (1 note)"


def test_where_nothing_can_be_learned_it_ends_with_one(shop: Path) -> None:
    write(shop, "same.csv", "id,question,answer\na,when,Yes.\na,what time,\nb,where,Yes.\nb,what place,\n")
    result = check("same.csv")
    assert result.exit_code == 1
    assert "wrong: same.csv:2: answer: all 2 entries have the same answer" in result.stdout
    assert result.stderr.splitlines()[-1] == "1 error: nothing can be learned from this yet"
    data = json.loads(check("same.csv", "--json").stdout)
    assert (data["ok"], data["findings"][0]["kind"], data["findings"][0]["severity"]) == (
        False,
        "same-answers",
        "error",
    )
    assert check("same.csv", "--json").exit_code == 1


def test_several_files_are_one_faq(shop: Path) -> None:
    write(shop, "more.csv", "id,question,answer\nclosed,hours,Never open.\nclosed,always shut,\n")
    assert (
        check("more.csv", "faq.csv").stdout.splitlines()[0] == "more.csv, faq.csv: 4 entries, 8 questions (en 3, zh 1)"
    )
    assert (
        "faq.csv:4: question: the same question stands in entries closed, hours" in check("more.csv", "faq.csv").stdout
    )


def test_test_questions_must_not_stand_in_the_faq(shop: Path) -> None:
    write(shop, "test.csv", "question,id\nhow can I send it back,refund\nMoney back!,refund\n")
    write(shop, "other.csv", "question,answer\nhours,From 9 to 17.\n")
    result = check("faq.csv", "--against", "test.csv", "--against", "other.csv")
    assert result.exit_code == 0
    assert "may be a mistake: test.csv:3: question: nearly stands in entry refund (line 3 of faq.csv)" in result.stdout
    assert "other.csv:2: question: stands in entry hours (line 4 of faq.csv)" in result.stdout
    assert result.stdout.count("\n") == 3


@pytest.mark.parametrize(("name", "rows"), [("none.csv", None), ("bad.csv", "q,a\nx,y\n"), ("bad.csv", "")])
def test_test_questions_that_cannot_be_read_are_a_failure_in_words(shop: Path, name: str, rows: str | None) -> None:
    if rows is not None:
        write(shop, name, rows)
    result = check("faq.csv", "--against", name)
    assert result.exit_code == 1
    assert f"attendant: {name}" in result.stderr
    assert json.loads(check("faq.csv", "--against", name, "--json").stdout)["ok"] is False


def test_what_a_terminal_would_obey_is_not_shown(shop: Path) -> None:
    rows = "id,question,answer\n\x1b[31ma,when,Now {x}.\n\x1b[31ma,what time,\nb,where,Here.\nb,what place,\n"
    write(shop, "odd.csv", rows)
    result = check("odd.csv")
    assert "can never be filled in" in result.stdout
    assert "\x1b" not in result.output


@pytest.mark.usefixtures("shop")
def test_without_a_file_it_is_wrong_use() -> None:
    assert check().exit_code == 2
