"""``attendant chat``, ``conversations``, ``db``, ``doctor`` and ``adapters``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cli_house
import pytest
from cli_house import a_school, move_in
from click.testing import CliRunner, Result

import engine.training
from bot.cli.main import cli
from bot.clock import now
from bot.ports import Desk, Handle
from engine.dialogue import ConversationKey, Message


class OneQuestion:
    """An adapter that asks one question of the house and ends."""

    name = "tui"
    settings: dict[str, Any]
    reply = ""

    def __init__(self, settings: dict[str, Any], _desk: Desk) -> None:
        type(self).settings = settings

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def serve(self, handle: Handle) -> None:
        key = ConversationKey("terminal", self.settings.get("conversation", "default"))
        reply = await handle(Message(key, "1", "hours", now()))
        type(self).reply = reply.text


class Broken(OneQuestion):
    async def serve(self, handle: Handle) -> None:  # noqa: ARG002 - the port's signature
        raise OSError(5, "Input/output error")


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_in(tmp_path, monkeypatch)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def sit_down(monkeypatch: pytest.MonkeyPatch, adapter: type[OneQuestion] = OneQuestion) -> None:
    monkeypatch.setattr("bot.cli.chat.at_terminal", lambda: True)
    monkeypatch.setattr("bot.registry.build", lambda _name, settings, desk: adapter(settings, desk))


def test_chat_without_a_terminal_says_how_to_ask_and_touches_nothing(shop: Path) -> None:
    before = sorted(shop.rglob("*"))
    result = run("chat")
    assert (result.exit_code, result.stdout) == (2, "")
    assert 'attendant ask "' in result.stderr
    assert sorted(shop.rglob("*")) == before


def test_chat_opens_the_adapter_with_its_settings_and_the_conversation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_in(tmp_path, monkeypatch, **{"adapters.tui": 'colour = "green"'})
    sit_down(monkeypatch)
    result = run("chat", "--conversation", "anna")
    assert result.exit_code == 0, result.stderr
    assert "creating " in result.stderr
    assert OneQuestion.settings == {"colour": "green", "conversation": "anna"}
    assert OneQuestion.reply == "From 9 to 17."
    shown = json.loads(run("conversations", "show", "anna", "--json").stdout)
    assert [turn["text"] for turn in shown["turns"]] == ["hours", "From 9 to 17."]


def test_chat_trains_first_where_there_is_no_model(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (shop / "var" / "model" / "manifest.json").unlink()
    sit_down(monkeypatch)
    school = a_school()
    monkeypatch.setitem(sys.modules, "engine.training.school", school)
    monkeypatch.setattr(engine.training, "school", school, raising=False)
    result = run("chat")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.index("is trained first") < result.stderr.index("epoch 2/2") < result.stderr.index("learned 3")
    again = run("chat")
    assert "epoch" not in again.stderr


@pytest.mark.parametrize(
    ("rows", "why"),
    [
        ("question,answer\n", "faq.csv: holds no entry"),
        ("question,answer\nwhen?,Now.\n", "at least two entries are needed"),
        ("question\nwhen?\n", "faq.csv:1: answer: column is missing"),
    ],
    ids=["empty", "one entry", "broken"],
)
def test_chat_offers_a_person_where_nothing_can_be_learned(
    shop: Path, monkeypatch: pytest.MonkeyPatch, rows: str, why: str
) -> None:
    (shop / "var" / "model" / "manifest.json").unlink()
    (shop / "faq.csv").write_text(rows, "utf-8")
    sit_down(monkeypatch)
    result = run("chat")
    assert (result.exit_code, result.stdout) == (0, "")
    assert why in result.stderr
    assert "can only offer a person until `attendant train` succeeds" in result.stderr
    assert "/human" in OneQuestion.reply
    assert not (shop / "var" / "model" / "manifest.json").exists()


def test_chat_says_when_the_faq_has_changed_since_training(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sit_down(monkeypatch)
    (shop / "faq.csv").write_text("id,question,answer\nhours,hours,Never.\nnew,new,New.\n", "utf-8")
    result = run("chat")
    assert result.exit_code == 0
    assert "has changed since training (1 new, 1 changed, 2 gone)" in result.stderr
    (shop / "faq.csv").write_text("nonsense", "utf-8")
    assert "cannot be read" in run("chat").stderr


def test_a_channel_that_breaks_is_a_failure_in_words(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sit_down(monkeypatch, Broken)
    result = run("chat")
    assert (result.exit_code, result.stderr.splitlines()[-1]) == (1, "attendant: input/output error")
    assert run("chat", "--conversation", "telegram:5").exit_code == 2
    assert shop.exists()


def test_looking_at_conversations_creates_no_database(shop: Path) -> None:
    assert json.loads(run("conversations", "list", "--json").stdout) == {"conversations": []}
    assert run("conversations", "export").stdout == ""
    for command in ("show", "export", "forget"):
        result = run("conversations", command, "anna")
        assert (result.exit_code, result.stdout) == (1, "")
        assert "there is no conversation anna" in result.stderr
    assert not (shop / "var" / "attendant.db").exists()


def test_conversations_are_listed_shown_exported_and_forgotten(shop: Path) -> None:
    assert run("ask", "hours", "--conversation", "anna").exit_code == 0
    assert run("ask", "refund", "--conversation", "shop:ben").exit_code == 0
    listed = json.loads(run("conversations", "list", "--json").stdout)["conversations"]
    assert [(item["conversation"], item["turns"], item["owner"]) for item in listed] == [
        ("shop:ben", 2, "bot"),
        ("anna", 2, "bot"),
    ]
    assert "customer: refund" in run("conversations", "show", "shop:ben").stdout
    [ben, anna] = [json.loads(line) for line in run("conversations", "export").stdout.splitlines()]
    assert [ben["conversation_id"], anna["conversation_id"]] == ["shop:ben", "anna"]
    assert anna["turns"][1]["entry"] == "hours"
    (shop / "log.jsonl").write_text(run("conversations", "export", "anna").stdout, "utf-8")
    forgotten = run("conversations", "forget", "anna")
    assert forgotten.exit_code == 0
    assert "removing conversation anna: 2 turns" in forgotten.stderr
    assert run("conversations", "show", "anna").exit_code == 1
    assert run("conversations", "show", "shop:ben").exit_code == 0
    from engine.training.data import read_training_data

    data = read_training_data([shop / "faq.csv", shop / "log.jsonl"])
    assert [turn.entry for turn in data.conversations[0].turns] == [None, "hours"]


def test_a_database_is_created_once_and_then_left_alone(shop: Path) -> None:
    first = run("db", "upgrade")
    assert (first.exit_code, "creating " in first.stderr) == (0, True)
    second = run("db", "upgrade")
    assert (second.exit_code, second.stderr, "nothing to do" in second.stdout) == (0, "", True)
    (shop / "var" / "attendant.db").unlink()
    (shop / "var" / "attendant.db").mkdir()
    assert "is a folder" in run("db", "upgrade").stderr


def test_a_later_database_is_refused_everywhere_and_left_alone(shop: Path) -> None:
    import sqlite3
    from contextlib import closing

    assert run("db", "upgrade").exit_code == 0
    with closing(sqlite3.connect(shop / "var" / "attendant.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    for words in (
        ["db", "upgrade"],
        ["conversations", "list"],
        ["ask", "hours", "--conversation", "x"],
        ["doctor"],
    ):
        result = run(*words)
        assert result.exit_code == 1, words
        assert "later version" in result.output


def point(monkeypatch: pytest.MonkeyPatch, target: str) -> None:
    points = [EntryPoint("tui", target, "attendant.adapters")]
    monkeypatch.setattr("bot.registry.entry_points", lambda **_: points)


def test_the_doctor_finds_nothing_and_creates_nothing(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point(monkeypatch, "cli_house:TableEngine")
    before = sorted(shop.rglob("*"))
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["ok", "config"],
        ["ok", "knowledge"],
        ["ok", "model"],
        ["ok", "database"],
        ["ok", "adapter"],
    ]  # fmt: skip - one line, one part
    assert "will be created" in result.stdout
    assert sorted(shop.rglob("*")) == before


def test_the_doctor_names_every_problem(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    point(monkeypatch, "nowhere.at_all:Adapter")
    (shop / "var" / "model" / "manifest.json").unlink()
    (shop / "faq.csv").unlink()
    (shop / "var" / "attendant.db").write_text("no database " * 100, "utf-8")
    result = run("doctor", "--json")
    data = json.loads(result.stdout)
    assert (result.exit_code, data["ok"]) == (1, False)
    words = {check["name"]: check["words"] for check in data["checks"] if not check["ok"]}
    assert set(words) == {"knowledge", "model", "database", "adapter tui"}
    assert "`attendant train` makes one" in words["model"]
    assert "cannot be imported" in words["adapter tui"]


@pytest.mark.skipif(os.geteuid() == 0 and not Path("/proc").is_dir(), reason="needs a folder that takes no files")
def test_the_doctor_sees_a_folder_where_nothing_can_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_in(tmp_path, monkeypatch, storage='url = "sqlite:////proc/nowhere/attendant.db"')
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "nothing can be written there" in run("doctor").stdout


def test_the_adapters_are_listed_with_their_reasons(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move_in(tmp_path, monkeypatch, **{"adapters.pigeon": 'coop = "roof"'})
    point(monkeypatch, "nowhere.at_all:Adapter")
    result = run("adapters", "--json")
    [item] = json.loads(result.stdout)["adapters"]
    assert (result.exit_code, item["name"], item["ready"]) == (0, "tui", False)
    assert "No module named 'nowhere'" in item["problem"]
    assert "settings for pigeon, which is not installed" in result.stderr
    point(monkeypatch, "cli_house:TableEngine")
    assert run("adapters").stdout.split()[-1] == "ready"


def test_a_chat_in_a_pipe_ends_with_code_2_and_no_traceback(shop: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "bot.cli.main", "chat"],
        cwd=shop,
        env=cli_house.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
