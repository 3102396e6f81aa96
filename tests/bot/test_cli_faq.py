"""``attendant faq``: checking, listing, importing and exporting."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from cli_house import FAQ, move_in
from click.testing import CliRunner, Result

from bot.cli.files import write_whole
from bot.cli.main import cli


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_in(tmp_path, monkeypatch)


def faq(*words: str) -> Result:
    return CliRunner().invoke(cli, ["faq", *words])


def test_a_good_file_is_counted(shop: Path) -> None:
    result = faq("check", "faq.csv")
    assert (result.exit_code, result.stdout) == (0, "faq.csv: 3 entries, 6 questions (en 2, zh 1)\n")
    data = json.loads(faq("check", "faq.csv", "--json").stdout)
    assert data["ok"]
    assert (data["entries"], data["questions"], data["locales"]) == (3, 6, {"en": 2, "zh": 1})
    assert sorted(path.name for path in shop.iterdir()) == ["config.toml", "faq.csv", "var"]


def test_all_problems_are_shown_at_once(shop: Path) -> None:
    (shop / "bad.csv").write_text("question,answer\n,no question\nno answer,\none,two,three\n", "utf-8")
    result = faq("check", "bad.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "3 problems" in result.stderr
    assert all(f"bad.csv:{line}: " in result.stderr for line in (2, 3, 4))
    checked = faq("check", "bad.csv", "--json")
    assert checked.exit_code == 1
    data = json.loads(checked.stdout)
    assert (data["ok"], [problem["line"] for problem in data["problems"]]) == (False, [4, 2, 3])


def test_what_may_be_a_mistake_is_named(shop: Path) -> None:
    rows = "id,question,answer\na,Where?,Here.\nb,where?,There.\nc,When?,Now.\nd,What time?,Now.\n"
    (shop / "odd.csv").write_text(rows, "utf-8")
    result = faq("check", "odd.csv")
    assert result.exit_code == 0
    assert "odd.csv:3: question: the same question stands in entries a, b with different answers" in result.stdout
    assert "one answer stands under several ids: c, d" in result.stdout
    assert "only one way to ask, so that other wordings may be missed: a, b, c, d" in result.stdout
    warnings = json.loads(faq("check", "odd.csv", "--json").stdout)["warnings"]
    assert result.stdout.splitlines()[1:] == [f"may be a mistake: {warning}" for warning in warnings]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"question,answer\n", "holds no entry"),
        (b"q,a\nx,y\n", "column is missing"),
        (b"\x00\x01\x02", "is a binary file"),
        ("question,answer\nx,ÿ\n".encode("latin-1"), "is not UTF-8"),
        ("question,answer\ncaf\u00e9,y\n".encode("latin-1"), "is not UTF-8"),
        (b'question,answer\n"half,quoted\n', "never closed"),
        (None, "no such file"),
    ],
)
@pytest.mark.parametrize("command", ["check", "list", "import"])
def test_a_file_that_cannot_be_used_says_why_and_changes_nothing(
    command: str, data: bytes | None, words: str, shop: Path
) -> None:
    if data is not None:
        (shop / "bad.csv").write_bytes(data)
    result = faq(command, "bad.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert words in result.stderr
    assert not (shop / "var" / "knowledge.csv").exists()


@pytest.mark.usefixtures("shop")
def test_the_list_is_of_the_faq_in_use_or_of_a_file() -> None:
    assert [line.split()[0] for line in faq("list").stdout.splitlines()] == ["refund", "hours", "zh-hours"]
    [entry, *_] = json.loads(faq("list", "faq.csv", "--json").stdout)["entries"]
    assert (entry["id"], entry["questions"]) == ("refund", ["refund", "money back"])


def test_import_says_what_is_new_and_changed_and_export_gives_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = move_in(tmp_path, monkeypatch, knowledge="files = []")
    first = faq("import", "faq.csv")
    assert first.exit_code == 0
    assert "creating" in first.stderr
    assert "3 entries new: refund, hours, zh-hours" in first.stderr
    again = faq("import", "faq.csv")
    assert "3 entries the same" in again.stderr
    assert "nothing to do" in again.stdout
    (shop / "more.csv").write_text("id,question,answer\nhours,hours,All day.\nprice,price,Nothing.\n", "utf-8")
    more = faq("import", "more.csv")
    assert "1 entry new: price" in more.stderr
    assert "1 entry changed: hours" in more.stderr
    listed = json.loads(faq("list", "--json").stdout)["entries"]
    assert [(entry["id"], entry["answer"]) for entry in listed[:2]] == [
        ("refund", "Within 14 days."),
        ("hours", "All day."),
    ]
    assert "the imported FAQ" in faq("list").stderr
    assert faq("export", "out.csv").exit_code == 0
    assert faq("export", "-").stdout == (shop / "out.csv").read_text("utf-8")
    assert json.loads(faq("list", "out.csv", "--json").stdout)["entries"] == listed


@pytest.mark.usefixtures("shop")
def test_import_says_when_the_configuration_uses_other_files() -> None:
    assert "not in use" in faq("import", "faq.csv").stderr


def test_without_anything_of_its_own_the_sample_is_in_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_in(tmp_path, monkeypatch, knowledge="files = []")
    result = faq("list")
    assert "the sample FAQ" in result.stderr
    assert len(result.stdout.splitlines()) >= 130


def test_a_file_that_cannot_be_written_stays_as_it_was(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "out.csv").write_text("before", "utf-8")

    def full(_number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = faq("export", "out.csv")
    assert result.exit_code == 1
    assert result.stderr.endswith("out.csv: no space left on device\n")
    assert (shop / "out.csv").read_text("utf-8") == "before"
    assert sorted(path.name for path in shop.iterdir()) == ["config.toml", "faq.csv", "out.csv", "var"]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("where", ["/proc/nowhere/out.csv", "faq.csv/out.csv"])
def test_a_folder_that_takes_no_file_is_a_failure_in_words(where: str) -> None:
    result = faq("export", where)
    assert result.exit_code == 1
    assert "attendant: " in result.stderr
    assert "unexpected" not in result.stderr


def test_a_link_is_followed_and_the_rights_of_a_file_are_kept(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("before", "utf-8")
    (tmp_path / "real").chmod(0o640)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    write_whole(tmp_path / "link", FAQ)
    assert (tmp_path / "real").read_text("utf-8") == FAQ
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o640


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_whole(tmp_path / "pipe", "text")
        assert os.read(reader, 10) == b"text"
    finally:
        os.close(reader)
