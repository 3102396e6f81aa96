"""``attendant train --dry-run``: what was understood of the sources, and nothing more."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from cli_house import FAQ, a_school, move_in
from click.testing import CliRunner, Result

import engine.training
from bot.cli.main import cli

LOG = (
    '{"id": 1, "turns": [{"role": "customer", "text": "where is it?"}, {"role": "agent", "text": "On its way."}]}\n'
    '{"id": 2, "turns": [{"role": "customer", "text": "几点开门？"}, {"role": "agent", "text": "九点。"}]}\n'
)
TICKET = {"id": 5, "requester_id": 1, "comments": [{"author_id": 1, "body": "Hi"}, {"author_id": 2, "body": "Yes?"}]}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop in which a training would fail."""
    school = a_school(AssertionError("must not be reached"))
    monkeypatch.setitem(sys.modules, "engine.training.school", school)
    monkeypatch.setattr(engine.training, "school", school, raising=False)
    folder = move_in(tmp_path, monkeypatch)
    (folder / "log.txt").write_text(LOG, "utf-8")
    return folder


def train(*words: str) -> Result:
    return CliRunner().invoke(cli, ["train", "--dry-run", *words])


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_it_says_format_encoding_counts_and_examples_and_changes_nothing(shop: Path) -> None:
    before = everything(shop)
    result = train("faq.csv", "log.txt")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout.splitlines() == [
        "faq.csv: read as faq, a FAQ as a table (CSV, TSV); UTF-8",
        "  3 entries, 6 questions (en 2, zh 1)",
        "  for example: refund → Within 14 days.",
        "               hours → From 9 to 17.",
        "               几点开门 → 早上九点到下午五点。",
        "log.txt: read as conversations, one JSON object a conversation; UTF-8",
        "  2 conversations, 4 turns (en 1, zh 1)",
        "  for example: where is it? → On its way.",
        "               几点开门？ → 九点。",
        "all together: 3 entries, 2 conversations; a dry run: nothing was trained",
    ]
    assert everything(shop) == before


@pytest.mark.usefixtures("shop")
def test_without_sources_it_looks_at_those_of_the_configuration() -> None:
    assert "faq.csv: read as faq" in train().stdout


def test_what_was_left_out_is_counted_with_its_reason(shop: Path) -> None:
    private = {"author_id": 2, "body": "between us", "public": False}
    ticket = {**TICKET, "comments": [*TICKET["comments"], private]}  # type: ignore[misc]  # a list, see above
    (shop / "tickets").write_text(json.dumps({"tickets": [ticket]}), "utf-16")
    result = train("faq.csv", "tickets")
    assert "tickets: read as zendesk, tickets of Zendesk; UTF-16" in result.stdout
    assert "  left out: private comments: 1" in result.stdout


def test_json_is_one_object_with_all_of_it(shop: Path) -> None:
    (shop / "questions.csv").write_text("question,id\nmoney?,refund\n", "utf-8")
    result = train("faq.csv", "log.txt", "--validation", "questions.csv", "--json")
    data = json.loads(result.stdout)
    assert (result.exit_code, data["dry_run"], data["ok"], data["problems"]) == (0, True, True, [])
    assert [data[key] for key in ("entries", "questions", "unanswered", "conversations", "validation")] == [
        3,
        6,
        0,
        2,
        1,
    ]
    faq, log = data["sources"]
    assert (faq["file"], faq["format"], faq["encoding"], faq["languages"]) == (
        "faq.csv",
        "faq",
        "UTF-8",
        {"en": 2, "zh": 1},
    )
    assert (log["turns"], log["examples"][0]) == (4, {"question": "where is it?", "answer": "On its way."})


@pytest.mark.usefixtures("shop")
def test_a_named_format_is_for_all_sources_or_for_one() -> None:
    assert "log.txt: read as conversations" in train("faq.csv", "log.txt", "--format", "conversations=./log.txt").stdout
    wrong = train("faq.csv", "log.txt", "--format", "zendesk=log.txt")
    assert wrong.exit_code == 1
    assert "log.txt: read as zendesk" in wrong.stdout
    both = train("faq.csv", "--format", "faq-jsonl")
    assert "faq.csv: read as faq-jsonl" in both.stdout
    assert both.exit_code == 1


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("name", "words"), [("excel", "'excel' is none of faq, faq-jsonl"), ("faq=other.csv", "'other.csv' is none of the")]
)
def test_a_format_or_a_file_that_there_is_not_is_wrong_use(name: str, words: str) -> None:
    result = train("faq.csv", "--format", name)
    assert (result.exit_code, result.stdout) == (2, "")
    assert words in " ".join(result.stderr.split())


def test_problems_are_shown_beside_what_was_understood(shop: Path) -> None:
    (shop / "bad.jsonl").write_text(LOG + "nonsense\n", "utf-8")
    (shop / "letter").write_text("Dear Anna\n", "utf-8")
    result = train("faq.csv", "bad.jsonl", "letter", "gone.csv")
    assert result.exit_code == 1
    assert "  2 conversations, 4 turns" in result.stdout
    assert "letter: not understood" in result.stdout
    assert "3 problems, so that nothing can be trained from this:" in result.stdout
    assert all(
        place in result.stdout for place in ("  bad.jsonl:3: not JSON", "  letter: neither", "  gone.csv: no such")
    )
    data = json.loads(train("faq.csv", "bad.jsonl", "--json").stdout)
    assert (data["ok"], [(problem["file"], problem["line"]) for problem in data["problems"]]) == (
        False,
        [("bad.jsonl", 3)],
    )


@pytest.mark.usefixtures("shop")
def test_a_log_alone_is_shown_but_cannot_be_trained_from() -> None:
    result = train("log.txt")
    assert result.exit_code == 1
    assert "2 conversations" in result.stdout
    assert "no FAQ was named" in result.stdout


def test_what_may_be_a_mistake_is_said_and_examples_are_harmless_on_a_terminal(shop: Path) -> None:
    (shop / "odd.csv").write_text(f"{FAQ}odd,\x1b[31mred?\x1b[0m,{'long ' * 1200}\nodd2,red?,No.\n", "utf-8")
    result = train("odd.csv")
    assert result.exit_code == 1  # rows of two fields too few
    (shop / "odd.csv").write_text(f"{FAQ}odd,\x1b[31mred?,{'long ' * 1200},\n", "utf-8")
    result = train("odd.csv")
    assert result.exit_code == 0
    assert "may be a mistake: odd.csv:8: answer: has 5,999 characters; it is kept" in result.stdout
    assert "\x1b" not in result.stdout
    assert max(map(len, result.stdout.splitlines())) < 250


def test_training_itself_takes_the_named_format_and_any_source(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    school = a_school()
    monkeypatch.setitem(sys.modules, "engine.training.school", school)
    monkeypatch.setattr(engine.training, "school", school, raising=False)
    (shop / "faq.yml").write_text("conversations:\n- - when?\n  - At nine.\n- - who?\n  - We.\n", "utf-8")
    result = CliRunner().invoke(cli, ["train", "faq.yml", "log.txt", "--format", "conversations=log.txt"])
    assert result.exit_code == 0
    assert "2 entries, 2 conversations" in result.stderr
