"""``make`` for someone who has just cloned: what it says, and what it says is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parents[1]
PREPARE = ROOT / ".ci" / "prepare"
TOOLS = ("sh", "cat", "pwd", "rm", "touch", "make")

pytestmark = pytest.mark.skipif(
    not PREPARE.exists() or shutil.which("make") is None, reason="needs the source tree and make"
)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A clone under a path with a space, and a folder of programs that has everything but Python."""
    clone = tmp_path / "my clone"
    (clone / ".ci").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", ".ci/prepare"):
        shutil.copy(ROOT / name, clone / name)
    (tmp_path / "bin").mkdir()
    for name in TOOLS:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / "bin" / name).symlink_to(found)
    return clone


def make(clone: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *words],
        cwd=clone,
        env={"PATH": str(clone.parent / "bin"), **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def add_python(clone: Path, script: str) -> None:
    program = clone.parent / "bin" / "python3"
    program.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    program.chmod(0o755)


def test_make_alone_prints_its_targets() -> None:
    result = subprocess.run(["make", "-C", str(ROOT), "--no-print-directory"], capture_output=True, text=True)
    assert result.returncode == 0
    targets = [line.split()[1] for line in result.stdout.splitlines()]
    assert targets == ["help", "chat", "test", "check", "format", "clean"]


def test_a_machine_without_python_is_told_what_to_install(machine: Path) -> None:
    result = make(machine, "chat")
    assert result.returncode != 0
    assert "needs Python 3.11 or later" in result.stderr
    assert "apt install python3 python3-venv" in result.stderr
    assert not (machine / ".venv").exists()


def test_a_python_that_is_too_old_does_not_count(machine: Path) -> None:
    add_python(machine, "exit 1")
    assert "none was found" in make(machine, "chat").stderr
    assert "PYTHON=python3 is not a Python 3.11" in make(machine, "chat", "PYTHON=python3").stderr


def test_a_python_without_venv_names_the_package(machine: Path) -> None:
    add_python(machine, f'case "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"')
    result = make(machine, "chat")
    assert result.returncode != 0
    assert "apt install python3-venv" in result.stderr


def test_an_installation_that_fails_shows_why_and_is_tried_again(machine: Path) -> None:
    (machine / "pyproject.toml").write_text("this is no TOML", "utf-8")
    add_python(machine, f'exec "{sys.executable}" "$@"')
    for _ in range(2):
        result = make(machine, "chat", PIP_NO_INDEX="1", HOME=os.environ.get("HOME", "/"))
        assert result.returncode != 0
        assert "ERROR" in result.stderr
        assert "The installation failed" in result.stderr
    assert not (machine / ".venv" / "installed").exists()
