"""The table from end to end on a small set, and what is said where something lacks."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.isolated import TIMED, Job, RowFailedError, RowSkippedError, run
from benchmarks.measures import Quality
from benchmarks.understanding import Figures, chosen, mean

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


@pytest.fixture
def bank(tmp_path: Path) -> Path:
    """A folder with a set of two labels, twelve examples each, of which a few are drawn."""
    (tmp_path / "banking77").mkdir()
    words = ("card lost", "where is it", "in the snow", "found", "broken", "blue")
    examples = [(f"{word} {topic}", topic) for topic in ("pin", "iban") for word in (*words, *map(str, range(6)))]
    asked = [("lost pin", "pin"), ("iban in the snow", "iban"), ("where is my blue card", "pin"), ("5", "iban")]
    for name, rows in (("train.csv", examples), ("dev.csv", asked)):
        with (tmp_path / "banking77" / name).open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([("text", "category"), *rows])
    return tmp_path


def test_few_examples_are_drawn_several_times_and_told_with_mean_and_range(bank: Path) -> None:
    arguments = ("--data", bank, "--sets", "banking77,banking77/5", "--rows", "rapidfuzz-ratio", "--draws", "3")
    done = understanding(*arguments, "--seed", "4", "--json", bank / "figures.json")
    assert (done.returncode, done.stderr) == (0, "")
    whole, few = json.loads((bank / "figures.json").read_bytes())["sets"].values()
    assert (whole["seeds"], few["seeds"]) == ([4], [4, 5, 6])
    assert "draws" not in whole["rows"]["rapidfuzz-ratio"]
    row = few["rows"]["rapidfuzz-ratio"]
    shares = [draw["accuracy"] for draw in row["draws"]]
    assert row["accuracy"] == pytest.approx(sum(shares) / 3)
    assert done.stdout.count("3 draws, seeds 4 to 6") == 1
    (line,) = [line for line in done.stdout.splitlines() if "lowest–highest" in line]
    assert line.split()[1] == f"{100 * min(shares):.1f}–{100 * max(shares):.1f}"


def some_figures(accuracy: float, auroc: float | None, seconds: float) -> Figures:
    found = Quality(accuracy, accuracy / 2, accuracy, auroc, auroc, accuracy, accuracy)
    return Figures(found, seconds, seconds, seconds, None, seconds, asked=7)


def test_a_figure_of_several_draws_is_their_mean_or_none_where_one_has_none() -> None:
    together = mean([some_figures(0.5, 0.75, 1.0), some_figures(1.0, None, 2.0)])
    assert together.quality == Quality(0.75, 0.375, 0.75, None, None, 0.75, 0.75)
    assert (together.training_seconds, together.training_megabytes, together.megabytes) == (1.5, None, 1.5)
    assert together.asked == 7


def test_one_draw_is_its_own_mean() -> None:
    alone = some_figures(0.3, 0.1, 0.7)
    assert mean([alone]) == alone


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
        (("--draws", "0"), "'0' is no number from 1 on"),
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
