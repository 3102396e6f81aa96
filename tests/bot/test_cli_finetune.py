"""``attendant finetune``, and what becomes of a model that was trained: kept, judged, put in use or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import cli
from engine import checkpoint

QUESTIONS = ("please", "how about the", "what is the", "tell me of the", "where is the", "i need the")
SUBJECTS = ("refund", "delivery", "warranty")


def a_table(*subjects: str, answer: str = "This is all about the {}.") -> str:
    rows = [f"{one},{words} {one},{answer.format(one)}" for one in subjects for words in QUESTIONS]
    return "id,question,answer\n" + "\n".join(rows) + "\n"


def golden(*pairs: tuple[str, str]) -> str:
    return "question,id\n" + "\n".join(",".join(pair) for pair in pairs) + "\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop with a model; nobody changes it."""
    shop = tmp_path_factory.mktemp("shop")
    (shop / "faq.csv").write_text(a_table(*SUBJECTS), "utf-8")
    (shop / "golden.csv").write_text(golden(*((f"your {one} please", one) for one in SUBJECTS)), "utf-8")
    (shop / "config.toml").write_text(
        '[knowledge]\nfiles = ["faq.csv"]\n[training]\nepochs = 2\n[models]\ngolden = ["golden.csv"]\n'
        '[engine]\nencoder = "none"\n', "utf-8"
    )  # fmt: skip
    result = attendant(shop, "train", "--json")
    assert result.returncode == 0, result.stderr
    return shop


@pytest.fixture
def shop(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "shop"
    subprocess.run(["cp", "-r", str(trained), str(folder)], check=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("ATTENDANT_DATABASE_URL", raising=False)
    return folder


def attendant(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if key != "ATTENDANT_DATABASE_URL"}
    command = [sys.executable, "-m", "bot.cli.main", *words]
    root = str(Path(__file__).parents[2])
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, env={**environment, "PYTHONPATH": root}
    )


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def in_use(shop: Path) -> str:
    return checkpoint.read(shop / "var" / "model").fingerprint


def test_the_first_model_is_kept_and_in_use(trained: Path) -> None:
    listed = json.loads(attendant(trained, "models", "list", "--json").stdout)
    assert listed["current"] == in_use(trained)
    assert [model["kind"] for model in listed["models"]] == ["train"]
    assert not (trained / "var" / "training").exists()


def test_what_is_new_is_learnt_and_the_model_put_in_use_with_its_origin(shop: Path) -> None:
    before = in_use(shop)
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    result = run("finetune", "new.csv", "--json")
    assert result.exit_code == 0, result.stderr
    data = json.loads(result.stdout)
    assert (data["entries"], data["in_use"], data["fingerprint"]) == (4, True, in_use(shop))
    assert "1 entry new or changed, beside 3 that model" in result.stderr
    listed = json.loads(run("models", "list", "--json").stdout)["models"]
    assert [(one["kind"], one["parent"]) for one in listed] == [("finetune", before), ("train", None)]


def test_what_was_learned_and_what_was_kept_is_shown_and_stays_with_the_model(shop: Path) -> None:
    before = in_use(shop)
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    (shop / "real.csv").write_text(golden(("a voucher for me", "voucher"), ("my voucher", "voucher")), "utf-8")
    result = run("finetune", "new.csv", "--validation", "real.csv", "--epochs", "30", "--rate", "1", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    compared = told["before_after"]
    assert (compared["before"], compared["after"]) == (before, told["fingerprint"])
    assert {kind: row["questions"] for kind, row in compared.items() if isinstance(row, dict)} == {
        "old": 3,
        "new_held_out": 2,
        "new_taught": 6,
    }
    for kind in ("new_held_out", "new_taught"):  # the earlier model has no such entry
        assert (compared[kind]["before"]["right"], compared[kind]["before"]["best"]) == (0, 0)
        assert compared[kind]["after"]["best"] == 1
    assert compared["old"]["before"]["best"] == compared["old"]["after"]["best"] == 1
    shown = json.loads(run("models", "show", "current", "--json").stdout)
    assert shown["metrics"]["before_after"] == compared
    side_by_side = json.loads(run("models", "diff", before, "current", "--json").stdout)["metrics"]
    assert side_by_side["before_after.new_taught.best"] == {"a": "0", "b": "1"}
    assert side_by_side["before_after.new_taught.questions"] == {"a": "6", "b": "6"}


def test_without_other_ways_to_ask_the_taught_ones_are_asked_and_that_is_said(shop: Path) -> None:
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    lines = run("finetune", "new.csv").stdout.splitlines()
    assert [line for line in lines if line.startswith("old questions") and "->" in line]
    assert [line.split()[3] for line in lines if line.startswith("new, as taught")] == ["6"]
    assert not [line for line in lines if line.startswith("new, held out")]
    assert any("only the taught ones were asked" in line for line in lines)
    assert lines.index("verdict: no worse") > lines.index(next(line for line in lines if "-> after" in line))


def test_the_comparison_is_with_the_model_it_was_made_from_even_where_it_is_written_over_it(shop: Path) -> None:
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    assert run("finetune", "new.csv", "--out", "try").exit_code == 0
    first = checkpoint.read(shop / "try").fingerprint
    (shop / "newer.csv").write_text(a_table("parking"), "utf-8")
    told = json.loads(run("finetune", "newer.csv", "--from", "try", "--out", "try", "--json").stdout)
    compared = told["before_after"]
    assert (compared["before"], compared["after"]) == (first, checkpoint.read(shop / "try").fingerprint)
    assert (compared["new_taught"]["questions"], compared["new_taught"]["before"]["best"]) == (6, 0)


def test_an_interrupt_while_both_are_asked_costs_no_training(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = in_use(shop)
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engine.training.before_after.before_and_after", interrupted)
    assert run("finetune", "new.csv").exit_code != 0
    assert in_use(shop) == before
    listed = json.loads(run("models", "list", "--json").stdout)["models"]
    assert [(one["kind"], one["status"]) for one in listed] == [("finetune", "candidate"), ("train", "current")]
    assert run("models", "promote", listed[0]["fingerprint"]).exit_code == 0


def test_golden_questions_that_cannot_be_read_are_told_before_anything_is_trained(shop: Path) -> None:
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    (shop / "golden.csv").write_text("question,id\n,refund\n", "utf-8")
    result = run("finetune", "new.csv", "--out", "try")
    assert result.exit_code == 1
    assert "golden.csv" in result.stderr
    assert "understanding" not in result.stderr
    assert not (shop / "try").exists()


def test_a_training_has_no_model_before_it_to_compare_with(trained: Path) -> None:
    listed = json.loads(attendant(trained, "models", "show", "current", "--json").stdout)
    assert "before_after" not in listed["metrics"]


def test_with_out_the_model_in_use_stays(shop: Path) -> None:
    before = in_use(shop)
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    result = run("finetune", "new.csv", "--out", "elsewhere", "--freeze", "encoder", "--replay", "1", "--rate", "0.2")
    assert result.exit_code == 0, result.stderr
    assert (in_use(shop), len(checkpoint.read(shop / "elsewhere").files) > 5) == (before, True)
    again = run("finetune", "new.csv", "--from", "elsewhere", "--out", "further")
    assert (again.exit_code, again.stderr.splitlines()[-1]) == (
        1,
        "attendant: nothing is new: the model knows every question with its answer",
    )


def test_a_model_that_answers_the_golden_questions_worse_is_kept_but_not_put_in_use(shop: Path) -> None:
    before = in_use(shop)
    (shop / "golden.csv").write_text(
        golden(*((f"{words} {one}", one) for one in SUBJECTS for words in QUESTIONS)), "utf-8"
    )
    (shop / "faq.csv").write_text(a_table("refund", "voucher"), "utf-8")  # two of three subjects are gone
    result = run("train")
    assert result.exit_code == 0, result.stderr
    assert in_use(shop) == before
    assert "the one before stays in use; `attendant models promote --force` insists" in result.stdout
    listed = json.loads(run("models", "list", "--json").stdout)["models"]
    assert sorted(one["status"] for one in listed) == ["current", "rejected"]


def a_log(question: str, answer: str) -> str:
    turns = [{"role": "customer", "text": question}, {"role": "agent", "text": answer}]
    return json.dumps({"conversation_id": question, "turns": turns}) + "\n"


def test_logs_alone_teach_by_the_answers_that_agents_repeat(shop: Path) -> None:
    answer = "This is all about the refund."
    (shop / "tickets.jsonl").write_text(a_log("give my cash back at once", answer), "utf-8")
    result = run("finetune", "tickets.jsonl")
    assert result.exit_code == 0, result.stderr
    assert "1 entry new or changed" in result.stderr
    assert "give my cash back" in checkpoint.read(shop / "var" / "model").path("knowledge.json").read_text("utf-8")


def test_logs_that_repeat_no_answer_are_for_mining(shop: Path) -> None:
    (shop / "tickets.jsonl").write_text(a_log("can you help me", "Let me see what I can do."), "utf-8")
    result = run("finetune", "tickets.jsonl")
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1].endswith("`attendant faq mine` makes a FAQ of the logs")


def test_validation_may_ask_about_what_the_model_knows(shop: Path) -> None:
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    (shop / "real.csv").write_text(golden(("a refund for me", "refund"), ("a voucher for me", "voucher")), "utf-8")
    assert run("finetune", "new.csv", "--validation", "real.csv").exit_code == 0


def test_a_dry_run_teaches_nothing(shop: Path) -> None:
    before = in_use(shop)
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    result = run("finetune", "new.csv", "--dry-run")
    assert result.exit_code == 0
    assert "1 entry" in result.stdout
    assert in_use(shop) == before


def test_personal_data_is_masked_before_it_is_learnt_unless_told_otherwise(shop: Path) -> None:
    rows = "".join(f"mail,{words} mail of jo@example.org,We write to you.\n" for words in QUESTIONS)
    (shop / "new.csv").write_text(f"id,question,answer\n{rows}", "utf-8")
    for words, kept in (((), False), (("--keep-personal",), True)):
        assert run("finetune", "new.csv", "--out", "out", *words).exit_code == 0
        learnt = checkpoint.read(shop / "out").path("knowledge.json").read_text("utf-8")
        assert ("jo@example.org" in learnt) is kept


@pytest.mark.parametrize("words", [("--from", "nowhere"), ("--freeze", "head"), ("--replay", "2"), ("--rate", "0")])
def test_what_there_is_not_is_refused_in_words(shop: Path, words: tuple[str, str]) -> None:
    (shop / "new.csv").write_text(a_table("voucher"), "utf-8")
    result = run("finetune", "new.csv", *words)
    assert result.exit_code in (1, 2)
    assert words[1] in result.stderr
    assert "Traceback" not in result.stderr


def test_an_interrupt_leaves_the_model_and_the_same_command_goes_on(shop: Path) -> None:
    before = in_use(shop)
    (shop / "config.toml").write_text(
        (shop / "config.toml").read_text("utf-8").replace("epochs = 2", "epochs = 4000"), "utf-8"
    )
    command = [sys.executable, "-m", "bot.cli.main", "train"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, cwd=shop, stderr=subprocess.PIPE, text=True, env=environment) as child:
        assert child.stderr is not None
        while "rehearsing" not in child.stderr.readline():
            assert child.poll() is None
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=60)[1]
    assert child.returncode == 130
    assert "stopping after this step; Ctrl-C once more leaves at once" in said
    assert "training was stopped (rehearse); the same command goes on from there" in said
    assert "Traceback" not in said
    assert in_use(shop) == before
