"""The adapter of the page on writing one, as it stands there, under the laws that stand there."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from pathlib import Path

import pytest

import bot
from bot.testing import AdapterContract, RecordingDesk
from engine.dialogue import ConversationKey

ROOT = Path(bot.__file__).parents[1]
PAGE = ROOT / "docs" / "how-to" / "write-an-adapter.md"
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL))


def test_the_adapter_of_the_page_has_at_most_50_lines() -> None:
    assert len(FILES["line_adapter.py"].strip().splitlines()) <= 50


def test_the_adapter_of_the_page_keeps_the_laws(tmp_path: Path) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, "utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n", "utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_line_adapter.py"]
    found = subprocess.run(
        command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT), "PATH": ""}, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stdout + found.stderr
    assert "5 passed" in found.stdout


class _Deaf:
    """An adapter that keeps none of the laws."""

    name = "deaf"

    def __init__(self, settings: object, desk: object) -> None:
        del settings, desk

    async def __aenter__(self) -> _Deaf:
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing is open."""

    async def serve(self, _handle: object) -> None:
        await asyncio.Event().wait()

    async def send(self, _delivery: object) -> None:
        """Lose it."""


class _Laws(AdapterContract):
    def build(self, settings: object, desk: object) -> _Deaf:  # type: ignore[override]  # no adapter at all
        return _Deaf(settings, desk)

    async def write(self, _adapter: object, _text: str) -> None:  # type: ignore[override]
        """Nobody listens."""

    async def read(self, _adapter: object) -> str:  # type: ignore[override]
        return ""


async def test_an_adapter_that_keeps_no_law_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.testing.PATIENCE", 0.05)
    laws = _Laws()
    with pytest.raises(AssertionError, match="passed over"):
        laws.test_an_unknown_setting_is_refused()
    for law in (
        laws.test_what_a_customer_writes_arrives_whole_with_an_id_and_an_aware_time,
        laws.test_what_is_delivered_is_read,
        laws.test_other_deliveries_do_not_reach_the_customer,
        laws.test_it_can_be_opened_again,
    ):
        with pytest.raises(TimeoutError):
            await law()


async def test_the_desk_of_the_tests_keeps_what_it_heard() -> None:
    desk = RecordingDesk()
    desk.failing = OSError("full")
    with pytest.raises(OSError, match="full"):
        await desk.receive(None)  # type: ignore[arg-type]  # it does not come so far
    key = ConversationKey("line", "anna")
    assert (desk.history(key, limit=3), desk.remembered(key), desk.conversation(key), desk.forget(key)) == (
        (),
        (),
        None,
        0,
    )
