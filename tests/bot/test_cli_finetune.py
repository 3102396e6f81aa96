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
