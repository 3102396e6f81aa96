"""The benchmark of scale, run for real with few questions."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import scale, stock

ROOT = Path(__file__).parents[2]


def test_a_size_is_measured_row_by_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scale, "ASKED", 30)
    rows = {row.row: row for row in scale.measured(stock.made_up(200, 1), ["attendant", "exhaustive", "rapidfuzz"], 1)}
    assert set(rows) == {"attendant", "exhaustive", "rapidfuzz"}
    ours = rows["attendant"]
    assert ours.whole == 1.0
    assert ours.right > 0.8
    assert ours.disk is not None
    assert ours.add is not None
    assert ours.cpu[0] <= ours.cpu[1]
    assert all(len(scale.line(row)) == len(scale.HEAD) for row in rows.values())


def test_a_row_that_does_not_exist_is_named() -> None:
    with pytest.raises(ValueError, match="there is no row fast"):
        scale.measured(["a"], ["fast"], 1)


def test_what_cannot_be_measured_is_said_without_a_traceback(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "scale.py"), "--sizes", "5", "--data", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("scale: ")
    assert "is missing" in done.stderr
