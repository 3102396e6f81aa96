"""The table from end to end on a small set, and what is said where something lacks."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.isolated import TIMED, Job, RowFailedError, RowSkippedError, run
from benchmarks.understanding import chosen

ROOT = Path(__file__).parents[2]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder with an FAQ of two entries and three questions, one of them hard."""
    (tmp_path / "covidfaq").mkdir()
    tables = {
        "faq.csv": [
            ("id", "question", "answer"),
            ("m", "should i wear a mask", "Yes."),
            ("t", "where to test", "Here."),
        ],
        "queries.csv": [("query", "relevant"), ("wear a mask?", "m"), ("test where", "t"), ("should i test", "t")],
    }
    for name, rows in tables.items():
        with (tmp_path / "covidfaq" / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
    return tmp_path


def understanding(*arguments: object, inside: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks/understanding.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=inside, capture_output=True, text=True, check=False)


def test_a_table_is_printed_and_written_as_json(data: Path) -> None:
    arguments = ("--data", ".", "--sets", "covidfaq,zh_bank", "--rows", "rapidfuzz-ratio", "--json", "figures.json")
    done = understanding(*arguments, inside=data)
    assert (done.returncode, done.stderr) == (0, "")
    assert "covidfaq: 2 texts of 2 labels; asked 3 in scope, none out of scope" in done.stdout
    assert "zh_bank: skipped: zh_bank/paraphrases_test.csv or" in done.stdout
    row = json.loads((data / "figures.json").read_bytes())["sets"]["covidfaq"]["rows"]["rapidfuzz-ratio"]
    (line,) = [line for line in done.stdout.splitlines() if line.startswith("rapidfuzz-ratio")]
    assert f"{row['accuracy']:.1%}" == line.split()[1]
    assert row["asked"] == 3


def test_a_row_runs_in_processes_of_its_own(data: Path) -> None:
    answers = run(Job((str(data),), "covidfaq", "rapidfuzz-ratio", seed=1, minutes=1))
    assert sorted(answers.places) == [0, 1, 2]
    assert len(answers.rankings) == 3
    assert len(answers.milliseconds) == TIMED
    mask = answers.places.index(0)
    assert answers.rankings[mask][0][0] == "m"


def test_a_row_that_makes_no_sense_is_skipped_with_its_reason(data: Path) -> None:
    pytest.importorskip("sklearn")
    with pytest.raises(RowSkippedError, match="every label has one text"):
        run(Job((str(data),), "covidfaq", "tfidf-svm", seed=1, minutes=1))


def test_a_row_that_breaks_says_what_it_wrote(data: Path) -> None:
    with pytest.raises(RowFailedError, match="no-such-row"):
        run(Job((str(data),), "covidfaq", "no-such-row", seed=1, minutes=1))


def test_nothing_to_measure_is_a_failure(tmp_path: Path) -> None:
    done = understanding("--data", tmp_path, "--sets", "covidfaq")
    assert done.returncode == 1
    assert "covidfaq: skipped: covidfaq/faq.csv is not in" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sets", "covidfak"), "there is no set 'covidfak'; near: covidfaq"),
        (("--rows", "bm26"), "there is no row 'bm26'; near: bm25"),
        (("--rows", "?"), "there is no row '?'; known: rapidfuzz-ratio"),
        (("--data", "/nowhere"), "/nowhere: is no folder"),
        (("--json", "/nowhere/figures.json"), "No such file or directory: '/nowhere/figures.json'"),
    ],
)
def test_names_that_are_not_known_are_an_error(arguments: tuple[str, str], said: str, tmp_path: Path) -> None:
    done = understanding("--data", tmp_path, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_name_stands_for_itself_or_for_all_below_it() -> None:
    known = ["bank", "bank/10", "hint/a", "hint/b"]
    assert chosen("bank", known, "set") == ["bank"]
    assert chosen("hint, bank/10,hint/a", known, "set") == ["hint/a", "hint/b", "bank/10"]
    assert chosen("", known, "set") == known
