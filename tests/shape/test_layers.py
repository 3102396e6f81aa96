"""Rooms see only the rooms below them, and looking at a room loads nothing heavy."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import bot

ROOT = Path(bot.__file__).parents[1]
ROOMS = ("engine", "storage", "bot", "adapters")
HEAVY = {"torch", "sqlalchemy", "alembic", "textual", "aiohttp", "telegram", "structlog", "numpy"}


def python(script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a fresh Python that finds the rooms, from the folder of the project."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    return subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def loaded_by(module: str) -> set[str]:
    """Names of the modules that importing ``module`` brings in, itself among them."""
    done = python(
        f"import sys\nbefore = set(sys.modules)\nimport {module}\n"
        "import json\nprint(json.dumps(sorted(set(sys.modules) - before)))"
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def roots(modules: set[str]) -> set[str]:
    return {module.partition(".")[0] for module in modules}


def test_every_import_contract_is_kept() -> None:
    done = python("from importlinter.cli import lint_imports_command\nlint_imports_command(['--no-cache'])")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "KEPT" in done.stdout
    assert "BROKEN" not in done.stdout


@pytest.mark.parametrize("module", ["engine.dialogue", "engine.memory"])
def test_the_words_of_the_house_need_only_the_standard_library(module: str) -> None:
    found = loaded_by(module)
    assert roots(found) - set(sys.stdlib_module_names) == {"engine"}
    assert {name for name in found if name.startswith("engine")} <= {"engine", "engine.dialogue", "engine.memory"}


@pytest.mark.parametrize("module", ["storage.ports", "storage.errors", "storage.in_memory", "bot.ports", "bot.config"])
def test_ports_and_settings_load_nothing_heavy(module: str) -> None:
    assert roots(loaded_by(module)) & HEAVY == set()


def test_the_terminal_channel_loads_no_screen_before_it_is_served() -> None:
    assert roots(loaded_by("adapters.tui.adapter")) & HEAVY == set()


def test_the_command_line_loads_nothing_heavy_before_a_command_is_chosen() -> None:
    assert roots(loaded_by("bot.cli.main")) & HEAVY == set()


@pytest.mark.parametrize("module", ["bot.turn", "bot.house", "engine.respond"])
def test_answering_needs_no_torch_before_a_model_is_loaded(module: str) -> None:
    assert "torch" not in roots(loaded_by(module))


@pytest.mark.parametrize("room", ROOMS)
def test_a_package_is_opened_by_a_docstring_and_nothing_else(room: str) -> None:
    more = []
    for path in sorted((ROOT / room).rglob("__init__.py")):
        tree = ast.parse(path.read_text("utf-8"))
        if ast.get_docstring(tree) is None or len(tree.body) != 1:
            more.append(str(path.relative_to(ROOT)))
    assert more == []


@pytest.mark.parametrize("room", ROOMS)
def test_every_folder_with_code_is_a_package(room: str) -> None:
    folders = {path.parent for path in (ROOT / room).rglob("*.py")}
    assert [str(folder) for folder in sorted(folders) if not (folder / "__init__.py").exists()] == [
        str(folder)
        for folder in sorted(folders)
        if folder.name == "versions"  # numbered migrations, found by path
    ]


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_says_that_it_is_typed(room: str) -> None:
    assert (ROOT / room / "py.typed").is_file()
