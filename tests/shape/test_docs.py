"""What can be set, typed or go wrong stands in the reference; nothing tells of the machine it was written on."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import click
import pytest

import bot.errors
import engine.errors
import storage.errors
from bot import config
from bot.cli.main import cli
from bot.commands import Command

ROOT = Path(config.__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
ERRORS = (engine.errors, storage.errors, bot.errors)
FOLDERS = ("adapters", "benchmarks", "bot", "docs", "engine", "storage", "tests", ".ci")
# Put together here, so that this file does not hold what it forbids.
MACHINE_PATHS = re.compile("|".join((r"(?<![\w.-])/" + "work/", "/tmp/" + "lab", r"/root/" + r"\.")))  # noqa: S108


def page(name: str) -> str:
    path = REFERENCE / name
    assert path.is_file(), f"docs/reference/{name} is missing"
    return path.read_text("utf-8")


def missing(names: Iterator[str] | list[str], text: str) -> list[str]:
    """Those names that do not stand in the text as whole words."""
    return [name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}(?![\w])", text)]


def commands_of(group: click.Command, name: str = "attendant") -> Iterator[tuple[str, click.Command]]:
    """Every command with its full name."""
    if isinstance(group, click.Group):
        context = click.Context(group)
        for sub in group.list_commands(context):
            command = group.get_command(context, sub)
            assert command is not None
            yield from commands_of(command, f"{name} {sub}")
    else:
        yield name, group


def errors_of(module: ModuleType) -> list[str]:
    found = [item for item in vars(module).values() if isinstance(item, type) and issubclass(item, Exception)]
    return [item.__name__ for item in found if item.__module__ == module.__name__]


def texts() -> Iterator[tuple[str, str]]:
    """Every text file that belongs to the project, with its name: what git tracks, else what lies in its folders."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True).stdout
        paths = [ROOT / name for name in listed.split("\0") if name]
    else:
        paths = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*")] + list(ROOT.glob("*.*"))
    for path in paths:
        if path.is_file() and path.suffix != ".pyc":
            try:
                yield str(path.relative_to(ROOT)), path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def test_every_configuration_key_stands_in_the_reference() -> None:
    assert missing([key for key, _ in list(config.keys())], page("config.md")) == []


def test_every_environment_variable_stands_in_the_reference() -> None:
    assert missing([config.DATABASE_VARIABLE], page("config.md")) == []


def test_every_command_stands_in_the_reference() -> None:
    assert missing([name for name, _ in commands_of(cli)], page("commands.md")) == []


def test_every_option_of_a_command_stands_in_the_reference() -> None:
    options = {
        option
        for _, command in commands_of(cli)
        for parameter in command.params
        for option in parameter.opts
        if option.startswith("--")
    }
    text = page("commands.md")
    assert [option for option in sorted(options) if not re.search(rf"{option}(?![\w-])", text)] == []


def test_every_word_after_the_slash_stands_in_the_reference() -> None:
    assert [command.value for command in Command if f"/{command.value}" not in page("commands.md")] == []


@pytest.mark.parametrize("module", ERRORS, ids=lambda module: module.__name__)
def test_every_error_stands_in_the_reference(module: ModuleType) -> None:
    assert missing(errors_of(module), page("errors.md")) == []


@pytest.mark.parametrize("module", ERRORS, ids=lambda module: module.__name__)
def test_every_error_stands_in_the_tree_at_the_top_of_its_file(module: ModuleType) -> None:
    assert errors_of(module)
    assert missing(errors_of(module), str(module.__doc__)) == []


def test_no_file_names_a_folder_of_the_machine_it_was_written_on() -> None:
    found = [
        f"{name}:{number}"
        for name, text in texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if MACHINE_PATHS.search(line)
    ]
    assert found == []
