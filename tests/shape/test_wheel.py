"""What is built is what is needed: data files, entry points, type marks, and nothing of the tests."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    return zipfile.ZipFile(path)


@pytest.mark.parametrize(
    "name",
    [
        "adapters/tui/style.tcss",
        "bot/py.typed",
        "engine/base/MODEL_CARD.md",
        "engine/base/base.safetensors",
        "engine/base/tokenizer.json",
        "engine/py.typed",
        "engine/samples/background.csv",
        "engine/samples/conversations.jsonl",
        "engine/samples/faq_en.csv",
        "engine/samples/faq_zh.csv",
        "engine/samples/test_questions.csv",
        "engine/samples/unanswered.csv",
        "engine/samples/validation_questions.csv",
        "storage/migrations/env.py",
        "storage/migrations/versions/0001_first.py",
        "storage/migrations/versions/0002_models.py",
        "storage/migrations/versions/0003_forgetting.py",
        "storage/migrations/versions/0004_channels.py",
    ],
)
def test_the_wheel_holds_what_the_program_reads(wheel: zipfile.ZipFile, name: str) -> None:
    assert name in wheel.namelist()


def test_the_wheel_holds_no_tests_and_no_models(wheel: zipfile.ZipFile) -> None:
    rooms = {name.partition("/")[0] for name in wheel.namelist()}
    assert {room for room in rooms if not room.endswith(".dist-info")} == {"adapters", "bot", "engine", "storage"}


def test_the_wheel_brings_the_command_and_the_terminal_adapter(wheel: zipfile.ZipFile) -> None:
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("entry_points.txt"))
    said = wheel.read(entry_points).decode()
    assert "attendant = bot.cli.main:main" in said
    assert "tui = adapters.tui.adapter:TerminalAdapter" in said
