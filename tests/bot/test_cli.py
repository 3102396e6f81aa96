"""The command line as a whole: how fast it is, what it imports, and that no failure comes as a traceback."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from pathlib import Path

import cli_house
import click
import pytest
from click.testing import CliRunner

import bot
from bot.cli.failures import report
from bot.cli.main import cli
from bot.errors import ConfigError
from engine.errors import KnowledgeError, Problem
from storage.errors import Unavailable

ROOT = Path(bot.__file__).parents[1]
HEAVY = (
    "torch",
    "numpy",
    "sqlalchemy",
    "alembic",
    "structlog",
    "textual",
    "aiohttp",
    "telegram",
    "tokenizers",
)
COMMANDS = ("chat", "ask", "train", "evaluate", "why", "faq", "conversations", "adapters", "doctor", "db")


def in_a_process(*words: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli.main", *words],
        cwd=folder,
        env={**cli_house.environment(), **environment},
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=60,
        stdin=subprocess.DEVNULL,
    )


def every_command(group: click.Command, words: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(group, click.Group):
        return [words]
    context = click.Context(group)
    found = [words]
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        found += every_command(command, (*words, name))
    return found


def test_help_of_every_command_is_there_and_imports_nothing_heavy() -> None:
    program = f"""
import sys
from click.testing import CliRunner
from bot.cli.main import cli
for words in {every_command(cli)!r}:
    result = CliRunner().invoke(cli, [*words, "--help"])
    assert result.exit_code == 0 and "Usage: " in result.output, (words, result.output)
heavy = sorted({set(HEAVY)!r} & set(sys.modules))
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, timeout=60)


def test_help_names_every_command(tmp_path: Path) -> None:
    result = in_a_process("--help", folder=tmp_path)
    assert result.returncode == 0
    assert all(name in result.stdout for name in COMMANDS)


def test_every_command_takes_a_configuration() -> None:
    groups = {("faq",), ("conversations",), ("models",), ("memory",), ("outbox",), ("db",), ()}
    for words in every_command(cli):
        if words not in {*groups, ("sandbox",)}:  # which stands for somebody else's service
            assert "--config FILE" in CliRunner().invoke(cli, [*words, "--help"]).output, words


def test_the_version_is_shown() -> None:
    result = CliRunner().invoke(cli, ["--version"])
    assert (result.exit_code, result.output.split()[0]) == (0, "attendant")


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["ask", "--nonsense"],
        ["train", "--epochs", "0"],
        ["train", "--seed", "x"],
        ["faq", "check"],
    ],
)
def test_wrong_use_is_exit_code_2(words: list[str]) -> None:
    assert CliRunner().invoke(cli, words).exit_code == 2


def test_a_mistake_in_the_configuration_is_named_with_its_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[bot]\nnmae = 'x'\n[answers]\nchoices = 99\n", "utf-8")
    result = in_a_process("faq", "list", "--config", str(file), folder=tmp_path)
    assert result.returncode == 1
    assert "did you mean bot.name?" in result.stderr
    assert "answers.choices must lie between" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_missing_configuration_is_a_failure_in_words(tmp_path: Path) -> None:
    result = in_a_process("doctor", "--config", "nowhere.toml", folder=tmp_path)
    assert (result.returncode, "nowhere.toml: no such file" in result.stdout) == (1, True)


def test_a_reader_that_goes_away_is_no_failure_to_talk_about(tmp_path: Path) -> None:
    rows = "".join(f"question {number},answer {number}\n" for number in range(20_000))
    (tmp_path / "faq.csv").write_text(f"question,answer\n{rows}", "utf-8")
    program = subprocess.Popen(
        [sys.executable, "-m", "bot.cli.main", "faq", "list", "faq.csv"],
        cwd=tmp_path,
        env=cli_house.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.readline()
        program.stdout.close()
        notes = program.stderr.read().decode()
    assert program.returncode == 141
    assert len(notes.splitlines()) == 1  # what is being listed, and nothing about pipes


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_standard_output_is_a_failure_in_words(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        program = subprocess.run(
            [sys.executable, "-m", "bot.cli.main", "faq", "export", "-"],
            cwd=tmp_path,
            env=cli_house.environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
    assert program.returncode == 1
    assert program.stderr == "attendant: no space left on device\n"


def test_output_that_is_not_unicode_still_gets_valid_json(tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text("question,answer\n几点开门😀,九点\n", "utf-8")
    result = in_a_process("faq", "list", "faq.csv", "--json", folder=tmp_path, PYTHONIOENCODING="ascii")
    assert json.loads(result.stdout)["entries"][0]["questions"] == ["几点开门😀"]
    assert in_a_process("faq", "list", "faq.csv", folder=tmp_path, PYTHONIOENCODING="ascii").returncode == 0


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (ConfigError("config.toml: no"), 1, "attendant: config.toml: no\n"),
        (Unavailable("the database is locked"), 1, "attendant: the database is locked\n"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), 1, "attendant: /x: permission denied\n"),
        (KnowledgeError([Problem("f", 2, "answer", "is empty")]), 1, "attendant: f:2: answer: is empty\n"),
        (KeyboardInterrupt(), 130, "attendant: interrupted\n"),
        (ExceptionGroup("g", [ExceptionGroup("h", [ConfigError("deep")])]), 1, "attendant: deep\n"),
    ],
)
def test_what_went_wrong_is_one_sentence(
    error: BaseException, code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report(error) == code
    assert capsys.readouterr().err == words


def test_all_problems_of_a_file_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    report(KnowledgeError([Problem("f", 2, "", "bad"), Problem("f", 3, "", "worse")]))
    assert capsys.readouterr().err == "attendant: 2 problems:\n  f:2: bad\n  f:3: worse\n"


def test_the_unexpected_shows_its_traceback_only_on_request(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert report(ZeroDivisionError("by\nzero")) == 1
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "ZeroDivisionError: by" in said
    assert "ATTENDANT_DEBUG=1" in said
    monkeypatch.setenv("ATTENDANT_DEBUG", "1")
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        report(error)
    assert "Traceback" in capsys.readouterr().err
