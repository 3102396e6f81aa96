"""``attendant train`` and ``evaluate``, and the line that shows how far training is."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from cli_house import FAQ, TableEngine, a_school, move_in
from click.testing import CliRunner, Result

import engine.training
from bot.cli.learning import options_of
from bot.cli.main import cli
from bot.cli.progress import ProgressLine, duration
from bot.config import load
from engine.errors import KnowledgeError, Problem, TrainingError
from engine.training.options import Progress, TrainingOptions

NEITHER = "neither lstm, gru, base, none or sentence-transformers:FOLDER nor a model folder"
LEARNING = Progress("compose", 3, 10, 1.5, 1.25, 8321.0, 62.0)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_in(tmp_path, monkeypatch)


def go_to(school: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "engine.training.school", school)
    monkeypatch.setattr(engine.training, "school", school, raising=False)


def watched(school: ModuleType) -> list[TrainingOptions]:
    """The options of every run from now on."""
    seen: list[TrainingOptions] = []
    train = school.train

    def watching(data: Any, out: Path, options: TrainingOptions, report: Any, *, stop: Any) -> Any:
        seen.append(options)
        return train(data, out, options, report, stop=stop)

    school.train = watching  # type: ignore[attr-defined]
    return seen


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_training_says_from_what_and_into_which_folder_then_how_it_went(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(a_school(), monkeypatch)
    result = run("train")
    assert result.exit_code == 0
    assert "learning from the configured FAQ" in result.stderr
    assert f"replacing the model in {shop / 'var' / 'model'}" in result.stderr
    assert "composing     epoch 2/2, loss 1.500, validation 1.250, 8,321 tokens/s, 1:02 left" in result.stderr
    assert "learned 3 entries from 6 questions" in result.stdout
    assert "on questions held out from training:\n  answered 10 of 10 questions (100.0%), 1 of them" in result.stdout
    assert all(line == line.rstrip() for line in result.stdout.splitlines())


def test_named_sources_options_and_json(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    school = a_school()
    seen = watched(school)
    go_to(school, monkeypatch)
    options = ["--out", "new/model", "--epochs", "7", "--minutes", "0.5", "--seed", "4", "--json"]
    result = run("train", "faq.csv", *options)
    assert result.exit_code == 0
    assert (seen[0].epochs, seen[0].minutes, seen[0].seed, seen[0].locales) == (7, 0.5, 4, ("en", "zh"))
    data = json.loads(result.stdout)
    assert (data["entries"], data["report"]["whole"]["wrong"]) == (3, 1)
    assert (shop / "new" / "model" / "manifest.json").exists()


def test_the_configuration_chooses_cell_and_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_in(tmp_path, monkeypatch, training='cell = "gru"\nepochs = 3', slots='parcel = "P-[0-9]+"')
    school = a_school()
    seen = watched(school)
    go_to(school, monkeypatch)
    assert run("train").exit_code == 0
    assert (seen[0].cell, seen[0].epochs, dict(seen[0].slots)) == ("gru", 3, {"parcel": "P-[0-9]+"})
    assert seen[0].encoder == "base"


def test_what_training_starts_from_is_the_configured_encoder_or_the_named_one(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = a_school()
    seen = watched(school)
    go_to(school, monkeypatch)
    with (shop / "config.toml").open("a", encoding="utf-8") as configured:
        configured.write('\n[engine]\nencoder = "none"\n')
    for words in ([], ["--from", "base"], ["--from", "sentence-transformers:models/small"]):
        assert run("train", *words).exit_code == 0
    folder = (shop / "models" / "small").resolve()
    assert [options.encoder for options in seen] == ["none", "base", f"sentence-transformers:{folder}"]


def test_the_folder_of_a_configured_transformer_starts_from_that_of_the_configuration(
    shop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (shop / "config.toml").open("a", encoding="utf-8") as configured:
        configured.write('\n[engine]\nencoder = "sentence-transformers:models/small"\n')
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    found = options_of(load(shop / "config.toml"))
    assert found.encoder == f"sentence-transformers:{(shop / 'models' / 'small').resolve()}"


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("name", ["bert", "", "Base", "sentence-transformers:"])
def test_an_encoder_that_there_is_not_is_refused_before_the_training(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(a_school(AssertionError("must not be reached")), monkeypatch)
    result = run("train", "--from", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{name!r} is not base, none or sentence-transformers:FOLDER" in " ".join(result.stderr.split())


def test_a_question_that_two_entries_answer_differently_is_named_before_the_training(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(a_school(), monkeypatch)
    (shop / "faq.csv").write_text("id,question,answer\na,Where?,Here.\nb,where?,There.\n", "utf-8")
    result = run("train")
    assert result.exit_code == 0
    warning = "may be a mistake: faq.csv:3: question: the same question stands in entries a, b with different answers"
    assert warning in result.stderr.replace(f"{shop}/", "")
    assert result.stderr.index("may be a mistake") < result.stderr.index("epoch 1/2")
    assert "may be a mistake" not in result.stdout


def test_of_many_such_questions_the_first_are_shown_and_the_others_counted(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_to(a_school(), monkeypatch)
    rows = "".join(
        f"a{number},question {number},yes {number}\nb{number},question {number},no\n" for number in range(30)
    )
    (shop / "faq.csv").write_text(f"id,question,answer\n{rows}", "utf-8")
    said = run("train").stderr
    assert said.count("may be a mistake: ") == 10
    assert re.search(r"and \d\d more; `attendant faq check` shows all of a file", said)


@pytest.mark.parametrize("rows", ["", "id,question,answer\n"], ids=["empty", "header alone"])
def test_an_empty_faq_is_a_failure_in_words(shop: Path, monkeypatch: pytest.MonkeyPatch, rows: str) -> None:
    go_to(a_school(AssertionError("must not be reached")), monkeypatch)
    (shop / "faq.csv").write_text(rows, "utf-8")
    result = run("train")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "faq.csv: " in result.stderr
    assert "is needed" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.usefixtures("shop")
def test_an_interrupt_says_that_nothing_was_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    go_to(a_school(KeyboardInterrupt()), monkeypatch)
    result = run("train", "--json")
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr.splitlines()[-1].startswith("stopped; nothing was changed: ")


@pytest.mark.usefixtures("shop")
def test_an_earlier_run_that_was_stopped_is_mentioned(monkeypatch: pytest.MonkeyPatch) -> None:
    school = a_school()
    school.interrupted = lambda _out, _known: "an earlier run was stopped in epoch 7; beginning again"  # type: ignore[attr-defined]
    go_to(school, monkeypatch)
    said = run("train").stderr
    assert said.index("stopped in epoch 7; beginning again") < said.index("epoch 1/2")


@pytest.mark.usefixtures("shop")
def test_training_that_fails_is_a_failure_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    go_to(a_school(TrainingError("no room on the disk")), monkeypatch)
    result = run("train")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == "attendant: no room on the disk"


def test_problems_of_the_sources_come_before_any_training(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    go_to(a_school(AssertionError("must not be reached")), monkeypatch)
    (shop / "bad.csv").write_text("question,answer\n,x\ny,\n", "utf-8")
    (shop / "bad.jsonl").write_text("nonsense\n", "utf-8")
    result = run("train", "bad.csv", "bad.jsonl", "missing.csv")
    assert result.exit_code == 1
    assert all(name in result.stderr for name in ("bad.csv:2", "bad.csv:3", "bad.jsonl:1", "missing.csv"))


class Evaluation:
    def to_json(self) -> dict[str, Any]:
        return {"right": 1, "wrong": 0}

    def lines(self) -> list[str]:
        return ["right 1", "wrong 0"]


def examine(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("engine.training.evaluate")

    def read_questions(path: Path, _knowledge: object) -> list[str]:
        if not path.exists():
            raise KnowledgeError([Problem(str(path), 0, "", "no such file")])
        return ["hours"]

    def evaluate(engine: TableEngine, questions: list[str]) -> Evaluation:
        assert engine.respond_many(questions)
        return Evaluation()

    module.read_questions = read_questions  # type: ignore[attr-defined]
    module.evaluate = evaluate  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "engine.training.evaluate", module)


@pytest.mark.usefixtures("shop")
def test_evaluation_is_a_table_for_people_and_one_object_for_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    examine(monkeypatch)
    assert run("evaluate", "faq.csv").stdout == "right 1\nwrong 0\n"
    assert json.loads(run("evaluate", "faq.csv", "--json").stdout) == {"right": 1, "wrong": 0}


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("words", [["missing.csv"], ["faq.csv", "--model", "nowhere"]])
def test_evaluation_without_file_or_model_is_a_failure_in_words(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    examine(monkeypatch)
    result = run("evaluate", "--json", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert words[-1] in result.stderr


class Compared:
    """What one model came to: its name, where it lies, and the seconds that it was trained for."""

    def __init__(self, *figures: object) -> None:
        self.figures = [str(figure) for figure in figures]

    def to_json(self) -> dict[str, Any]:
        return {"figures": self.figures}


def set_side_by_side(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Comparing without a model; what was compared is added to the list."""
    examine(monkeypatch)
    module = ModuleType("engine.training.compare")
    found: list[list[str]] = []

    def compare(name: str, engine: TableEngine, folder: Path, questions: list[str], seconds: float | None) -> Compared:
        assert engine.respond_many(questions)
        assert (folder / "manifest.json").exists()
        found.append([name, str(folder), str(seconds)])
        return Compared(name, seconds)

    module.compare = compare  # type: ignore[attr-defined]
    module.lines = lambda some: [" ".join(one.figures) for one in some]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "engine.training.compare", module)
    return found


def test_cells_and_encoders_are_trained_for_a_comparison_and_thrown_away(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = set_side_by_side(monkeypatch)
    school = a_school()
    seen = watched(school)
    go_to(school, monkeypatch)
    before = sorted(shop.rglob("*"))
    result = run("evaluate", "faq.csv", "--compare", "lstm, gru,var/model,base")
    assert (result.exit_code, result.stdout) == (0, "lstm 4.0\ngru 4.0\nvar/model None\nbase 4.0\n")
    assert [(options.cell, options.encoder) for options in seen] == [
        ("lstm", "none"),
        ("gru", "none"),
        ("lstm", "base"),
    ]
    assert sorted(shop.rglob("*")) == before
    assert not any(Path(folder).exists() for _, folder, seconds in found if seconds != "None")


@pytest.mark.usefixtures("shop")
def test_a_comparison_for_programs_is_one_object_and_the_named_model_comes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    set_side_by_side(monkeypatch)
    go_to(a_school(), monkeypatch)
    result = run("evaluate", "faq.csv", "--model", "var/model", "--compare", "gru", "--json")
    data = json.loads(result.stdout)
    assert [one["figures"] for one in data["models"]] == [["var/model", "None"], ["gru", "4.0"]]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("models", "words"),
    [
        ("rnn", f"'rnn' is {NEITHER}"),
        ("lstm,nowhere", f"'nowhere' is {NEITHER}"),
        ("base,sentence-transformers:", f"'sentence-transformers:' is {NEITHER}"),
        ("faq.csv", f"'faq.csv' is {NEITHER}"),
        (",, ,", "name at least one model"),
        ("", "name at least one model"),
    ],
)
def test_a_comparison_of_what_is_no_model_is_refused_before_anything_is_trained(
    models: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_side_by_side(monkeypatch)
    go_to(a_school(AssertionError("must not be reached")), monkeypatch)
    result = run("evaluate", "faq.csv", "--compare", models)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_a_comparison_looks_at_the_questions_before_anything_is_trained(
    shop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_side_by_side(monkeypatch)
    go_to(a_school(AssertionError("must not be reached")), monkeypatch)
    result = run("evaluate", "missing.csv", "--compare", "lstm")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "missing.csv: no such file" in result.stderr
    (shop / "empty").mkdir()
    result = run("evaluate", "faq.csv", "--compare", "empty")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "empty" in result.stderr


@pytest.mark.usefixtures("shop")
def test_an_interrupt_ends_a_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    set_side_by_side(monkeypatch)
    go_to(a_school(KeyboardInterrupt()), monkeypatch)
    assert run("evaluate", "faq.csv", "--compare", "lstm,gru").exit_code == 130


class Terminal(io.StringIO):
    encoding = "utf-8"


def test_on_a_terminal_one_line_is_written_over_and_over_and_never_wraps() -> None:
    out = Terminal()
    with ProgressLine(out, columns=110) as show:
        show(Progress("prepare", 0, 0, 0.0, 0.0, 0.0, float("inf")))
        show(Progress("rehearse", 9, 9, 1.0, 1.0, 10.0, 70.0))
        show(LEARNING)
        show(Progress("finish", 0, 0, 0.0, 0.0, 0.0, 0.0))
    shown = [line for row in out.getvalue().split("\n") for line in row.split("\r")]
    assert max(map(len, shown)) < 110
    assert any("epoch 3/10 ━━━━━━━─────" in line and line.rstrip().endswith("1:02 left") for line in shown)
    assert out.getvalue().count("\n") == 3  # what each stage came to stays, and the next output has its own line


def test_a_narrow_terminal_gets_the_figures_without_the_bar() -> None:
    out = Terminal()
    with ProgressLine(out, columns=40) as show:
        show(LEARNING)
    assert max(len(line) for line in out.getvalue().replace("\n", "\r").split("\r")) < 40


def test_elsewhere_there_is_a_line_an_epoch() -> None:
    out = io.StringIO()
    with ProgressLine(out) as show:
        show(LEARNING)
        show(Progress("understand", 4, 0, 1.0, 0.0, 10.0, float("nan")))
    assert out.getvalue().splitlines() == [
        "composing     epoch 3/10, loss 1.500, validation 1.250, 8,321 tokens/s, 1:02 left",
        "understanding epoch 4, loss 1.000, 10 tokens/s, ? left",
    ]


@pytest.mark.parametrize(("seconds", "words"), [(0, "0:00"), (62.4, "1:02"), (3723, "1:02:03"), (-1, "?")])
def test_times_are_written_like_clocks(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_the_sample_of_this_file_is_a_faq(tmp_path: Path) -> None:
    (tmp_path / "faq.csv").write_text(FAQ, "utf-8")
    assert run("faq", "check", str(tmp_path / "faq.csv")).exit_code == 0
