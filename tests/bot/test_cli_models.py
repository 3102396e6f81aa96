"""``attendant models``: what is kept, what is in use, and what a person may do about it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from models_shop import ENTRIES, a_table_model, load_table, registered

from bot import models
from bot.cli.main import cli
from bot.config import Config, load
from engine.respond import Engine
from storage.conversations import open_store

GOOD = {"refund": "refund", "hours": "hours"}
BAD = {"refund": "hours"}
ALIKE = {**GOOD, "rain": "refund"}


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    monkeypatch.setattr(Engine, "load", staticmethod(load_table))
    monkeypatch.setattr("bot.journal.open_journal", lambda **_settings: None)
    monkeypatch.delenv("ATTENDANT_DATABASE_URL", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "golden.csv").write_text("question,id\nrefund,refund\nhours,hours\n", "utf-8")
    (tmp_path / "config.toml").write_text('[models]\ngolden = ["golden.csv"]\n', "utf-8")
    return load(tmp_path / "config.toml")


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["models", *words])


def data(*words: str, code: int = 0) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == code, result.stderr
    return json.loads(result.stdout)


def listed(config: Config) -> dict[str, str]:
    with open_store(config.database_url) as store:
        return {model.fingerprint: model.status for model in store.models()}


def test_where_there_is_nothing_it_says_so_and_makes_nothing(config: Config) -> None:
    result = run("list")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "there are no models" in result.stderr
    assert data("list") == {"current": None, "previous": None, "models": []}
    assert not config.data.exists()


def test_a_model_is_promoted_shown_and_taken_back(config: Config) -> None:
    bad, good = registered(config, BAD), registered(config, GOOD)
    assert data("promote", bad[:10])["verdict"] == "first"
    promoted = data("promote", good[:10], "--note", "knows refunds")
    assert (promoted["promoted"], promoted["verdict"], promoted["better"]) == (True, "no worse", 2)
    lines = run("list").stdout.splitlines()
    assert lines[0].startswith(f"*  {good[:12]}")
    assert "golden 2/2" in lines[0]
    assert "knows refunds" in lines[0]
    assert lines[1].startswith(f"   {bad[:12]}")
    assert "retired" in lines[1]
    result = run("rollback")
    assert result.stdout == f"{bad[:12]} is in use again, instead of {good[:12]}\n"
    assert data("list")["current"] == bad
    result = run("rollback")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "no model before this one" in result.stderr


def test_a_worse_model_stays_out_unless_it_is_forced_in(config: Config) -> None:
    good, bad = registered(config, GOOD), registered(config, BAD)
    run("promote", good)
    result = run("promote", bad)
    assert result.exit_code == 1
    assert "verdict: worse" in result.stdout
    assert "2 fewer questions are done well" in result.stdout
    assert "--force" in result.stdout
    assert data("list")["current"] == good
    forced = data("promote", bad, "--force", "--note", "the old FAQ was wrong")
    assert (forced["promoted"], forced["forced"], forced["in_use"]) == (True, True, bad)
    assert data("show", "current")["status"] == "current"
    assert data("promote", bad) == {"promoted": False, "forced": False, "in_use": bad}


def test_without_golden_questions_it_has_to_be_forced(config: Config) -> None:
    (config.home / "config.toml").write_text('[knowledge]\nfiles = ["faq.csv"]\n', "utf-8")
    good, other = registered(config, GOOD), registered(config, ALIKE)
    assert run("promote", good).exit_code == 0
    result = run("promote", other)
    assert (result.exit_code, "there are no golden questions" in result.stdout) == (1, True)
    assert run("promote", other, "--questions", "golden.csv").exit_code == 0


def test_the_difference_of_two_models(config: Config) -> None:
    old = registered(config, GOOD, {**ENTRIES, "gone": "Never."})
    new = registered(
        config, {**BAD, "hours": "hours"}, {"refund": "In 30 days.", "hours": ENTRIES["hours"], "new": "Ja."}
    )
    found = data("diff", old[:8], new[:8])
    assert found["entries"] == {"added": ["new"], "changed": ["refund"], "removed": ["gone"]}
    assert [(one["question"], one["kind"]) for one in found["golden"]["changes"]] == [("refund", "regressed")]
    assert found["golden"]["verdict"] == "worse"
    text = run("diff", old, new).stdout
    assert "entries changed: 1 (refund)" in text
    assert "refund (right -> wrong)" in text
    assert "megabytes" in text
    assert data("list")["current"] is None


SHARES = {"right": 0.25, "wrong": 0.5}


def compared(config: Config, kind: Any, parent: str) -> str:
    folder = a_table_model(config.home / "tuned", ALIKE)
    return models.register(config, folder, kind="finetune", parent=parent, metrics={"before_after": kind})


def test_a_model_that_was_made_from_the_other_stands_beside_it_as_then_compared(config: Config) -> None:
    row = {"questions": 8, "of": 8, "before": SHARES, "after": {"right": 0.75, "wrong": 0.0}}
    old = registered(config, GOOD)
    new = compared(config, {"before": old, "after": "", "old": row}, old)
    found = data("diff", old, new)["metrics"]
    assert found["before_after.old.right"] == {"a": "0.25", "b": "0.75"}
    assert found["before_after.old.wrong"] == {"a": "0.5", "b": "0"}
    assert found["before_after.old.questions"] == {"a": "8", "b": "8"}
    other = registered(config, BAD)  # not made from it: what was compared is told of the one model alone
    assert data("diff", other, new)["metrics"]["before_after.old.after.right"] == {"a": "-", "b": "0.75"}


@pytest.mark.parametrize("rot", ["", [], {"old": 3}, {"old": {"before": 3}}, {"old": {"before": [], "after": None}}])
def test_a_comparison_that_somebody_damaged_hinders_nothing(config: Config, rot: Any) -> None:
    old = registered(config, GOOD)
    assert data("diff", old, compared(config, rot, old))["golden"]["verdict"] == "no worse"


def test_all_that_is_known_of_a_model(config: Config) -> None:
    name = registered(config, GOOD)
    shown = data("show", name[:6])
    assert (shown["fingerprint"], shown["status"], shown["kind"]) == (name, "candidate", "train")
    assert shown["folder"] == str(config.models_path / name)
    assert f"fingerprint: {name}\n" in run("show", name).stdout


@pytest.mark.parametrize("words", [["show", "zz"], ["promote", "zz"], ["diff", "zz", "zz"], ["rollback"]])
@pytest.mark.usefixtures("config")
def test_what_is_not_there_is_said_in_one_sentence(words: list[str]) -> None:
    result = run(*words)
    assert result.exit_code == 1
    assert result.stderr.startswith("attendant: there is no model")
    assert len(result.stderr.splitlines()) == 1


def test_damaged_and_deleted_models_are_shown_as_such(config: Config) -> None:
    open_store(config.database_url).close()
    good, bad, other = (registered(config, does) for does in (GOOD, BAD, ALIKE))
    run("promote", good)
    shutil.rmtree(config.models_path / bad)
    next((config.models_path / other).glob("weights-*")).write_bytes(b"rot")
    models = {model["fingerprint"]: model for model in data("list")["models"]}
    assert models[bad]["problem"] == "its folder is gone"
    assert "damaged" in models[other]["problem"]
    assert models[good]["problem"] == ""
    assert run("list").exit_code == 0
    result = run("promote", other)
    assert (result.exit_code, "damaged" in result.stderr) == (1, True)


def test_a_lost_database_loses_no_model(config: Config) -> None:
    open_store(config.database_url).close()
    good, bad = registered(config, GOOD), registered(config, BAD)
    run("promote", good)
    before = listed(config)
    assert before == {good: "current", bad: "candidate"}
    for path in config.data.glob("attendant.db*"):
        path.unlink()
    assert {model["fingerprint"] for model in data("list")["models"]} == {good, bad}
    open_store(config.database_url).close()
    run("list")
    assert listed(config) == before


def test_a_database_that_cannot_be_used_hinders_nothing_else(config: Config) -> None:
    good = registered(config, GOOD)
    (config.data / "attendant.db").write_bytes(b"no database at all" * 99)
    result = run("promote", good)
    assert result.exit_code == 0
    assert "the list of models in the database was not written" in result.stderr
    assert data("list")["current"] == good


def test_a_database_of_an_earlier_version_is_not_migrated_for_a_list(config: Config) -> None:
    open_store(config.database_url).close()
    path = config.data / "attendant.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "DROP TABLE models; DROP TABLE tombstones; DROP INDEX ix_turns_sender; DROP TABLE inbox; "
            "DROP TABLE states; DROP INDEX ix_outbox_pending; ALTER TABLE outbox DROP COLUMN kind; "
            "ALTER TABLE outbox DROP COLUMN error; ALTER TABLE outbox DROP COLUMN leased_until; "
            "ALTER TABLE turns DROP COLUMN sender; UPDATE alembic_version SET version_num = '0001';"
        )
    good = registered(config, GOOD)
    result = run("promote", good)
    assert result.exit_code == 0
    assert "attendant db upgrade" in result.stderr
    assert not list(config.data.glob("*.bak"))
    assert CliRunner().invoke(cli, ["db", "upgrade"]).exit_code == 0
    run("list")
    assert listed(config) == {good: "current"}
