"""``attendant outbox`` and what ``attendant serve`` says before it serves, used as an operator would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli.main import cli
from bot.cli.serve import enabled
from bot.config import load
from engine.dialogue import ConversationKey
from storage.conversations import open_store
from tests.builders import a_message, a_reply, an_event

KEY = ConversationKey("telegram", "7")


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(cli, [*arguments, "--config", str(folder / "config.toml")])


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A database with a parked delivery, one that waits, and an event that nobody took up."""
    (tmp_path / "config.toml").write_text("[bot]\ndata = 'var'\n", "utf-8")
    (tmp_path / "var").mkdir()
    with open_store(f"sqlite:///{tmp_path}/var/attendant.db") as store, store.write() as work:
        for text in ("Within\n14 days.", "From 9 to 17."):
            work.enqueue(a_message(key=KEY), a_reply(text))
        work.receive(an_event("poison", key=KEY, event_id="e1"))
        work.commit()
    with open_store(f"sqlite:///{tmp_path}/var/attendant.db") as store, store.write() as work:
        work.park(store.pending()[0].id, "blocked by the user")
        work.park_event(store.events()[0].id, "cannot digest this")
        work.commit()
    return tmp_path


def listed(folder: Path, *options: str) -> dict[str, list[dict[str, object]]]:
    found = run(folder, "outbox", "list", "--json", *options)
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


def test_what_waits_and_what_was_given_up_is_listed(shop: Path) -> None:
    found = run(shop, "outbox", "list")
    assert found.exit_code == 0
    assert "telegram:7" in found.stdout
    assert "blocked by the user" in found.stdout
    assert "cannot digest this" in found.stdout
    assert "Within 14 days." in found.stdout  # one line each
    whole = listed(shop)
    assert [(one["number"], one["parked"]) for one in whole["outbox"]] == [("1", True), ("2", False)]
    assert [(one["number"], one["text"]) for one in whole["inbox"]] == [("in1", "poison")]
    assert [one["number"] for one in listed(shop, "--parked")["outbox"]] == ["1"]


def test_it_is_tried_again_or_dropped_by_its_number(shop: Path) -> None:
    assert run(shop, "outbox", "retry", "1", "in1").exit_code == 0
    again = listed(shop)
    assert not again["outbox"][0]["parked"]
    assert not again["inbox"][0]["parked"]
    assert run(shop, "outbox", "drop", "2", "in1").exit_code == 0
    assert [one["number"] for one in listed(shop)["outbox"]] == ["1"]
    assert listed(shop)["inbox"] == []


@pytest.mark.parametrize(
    ("number", "code", "said"),
    [("99", 1, "not in the outbox, or just being sent: 99"), ("in", 2, "is no number"), ("٣", 2, "is no number")],
)
def test_a_number_that_is_none_is_said_to_be_none(shop: Path, number: str, code: int, said: str) -> None:
    found = run(shop, "outbox", "retry", number)
    assert (found.exit_code, said in found.output) == (code, True), found.output


def test_where_nothing_was_stored_the_list_is_empty(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("", "utf-8")
    assert listed(tmp_path) == {"outbox": [], "inbox": []}


def test_serving_without_a_channel_says_how_to_enable_one(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[adapters.tui]\n[adapters.telegram]\nenabled = false\n", "utf-8")
    found = run(tmp_path, "serve")
    assert found.exit_code == 1
    assert "no channel is enabled" in str(found.output) + str(found.exception)


def test_a_table_enables_a_channel_unless_it_says_no(tmp_path: Path) -> None:
    text = "[adapters.tui]\n[adapters.one]\n[adapters.two]\nenabled = true\n[adapters.three]\nenabled = false\n"
    (tmp_path / "config.toml").write_text(text, "utf-8")
    assert enabled(load(tmp_path / "config.toml")) == ["one", "two"]


def test_the_doctor_builds_what_is_enabled_and_shows_what_it_has_to_say(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.toml").write_text(
        '[adapters.chatwoot]\nbase_url = "https://desk.example"\ntoken_env = "DESK_TOKEN"\nsignature = "off"\n'
        'path_token_env = "DESK_PATH"\n[adapters.intercom]\nadmin = "7"\ntoken_env = "NOT_SET"\n',
        "utf-8",
    )
    monkeypatch.setenv("DESK_TOKEN", "the-token-of-the-bot")
    monkeypatch.setenv("DESK_PATH", "sixteen-letters-and-more")
    found = run(tmp_path, "doctor", "--json")
    checks = {one["name"]: one for one in json.loads(found.stdout)["checks"]}
    assert checks["adapter chatwoot"]["ok"]
    assert "webhooks are not signed" in checks["adapter chatwoot"]["words"]
    assert not checks["adapter intercom"]["ok"]
    assert "NOT_SET" in checks["adapter intercom"]["words"]
    assert "the-token-of-the-bot" not in found.output
