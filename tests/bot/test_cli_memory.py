"""``attendant memory``: what is remembered is seen, changed, handed out and forgotten from the command line."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cli_house import ENTRIES, move_in
from click.testing import CliRunner, Result

from bot.cli.main import cli
from engine import checkpoint
from engine.dialogue import Choice, ConversationKey, Message, Provenance, Reply, Source, Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from storage.conversations import SqlStore, open_store
from storage.database import connect, read_url

KEY = ConversationKey("terminal", "anna")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return move_in(tmp_path, monkeypatch)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def url(shop: Path) -> str:
    return f"sqlite:///{shop / 'var' / 'attendant.db'}"


def a_model(folder: Path, *entries: Entry) -> str:
    """A model folder as far as its entries go."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    data = json.dumps(Knowledge(entries or ENTRIES).to_json(), ensure_ascii=False).encode()
    return checkpoint.write(folder, {"knowledge.json": data}, {"knowledge": "known"})


def talk(
    shop: Path, key: ConversationKey = KEY, said: str = "my card is 4111", sender: str | None = None, **memory: Any
) -> None:
    """One turn of a conversation, with what is remembered after it."""
    reply = Reply("Thank you.", Provenance(Source.RETRIEVED, "refund", "clear"), 0.9, entry="refund")
    with open_store(url(shop)) as store:
        conversation = store.load(key)
        number = len(store.history(key))
        heard = conversation.memory.hear(Turn(Speaker.CUSTOMER, said)).push_topic("refund")
        for name, value in memory.items():
            heard = heard.fill(name, value, heard=NOON)
        with store.write() as work:
            work.append(Message(key, f"m{number}", said, NOON, sender), reply, NOON)
            work.save(conversation.with_memory(heard))
            work.feedback(key, f"m{number}", "good", NOON)
            work.commit()


def remembered(shop: Path, key: ConversationKey = KEY) -> WorkingMemory:
    with open_store(url(shop)) as store:
        return store.load(key).memory


def keep(shop: Path, memory: WorkingMemory) -> None:
    with open_store(url(shop)) as store, store.write() as work:
        work.save(store.load(KEY).with_memory(memory))
        work.commit()


def test_what_is_remembered_is_shown_in_words(shop: Path) -> None:
    a_model(shop / "var" / "model")
    talk(shop, order="A-1234", name="李雷")
    memory = remembered(shop).offer([Choice("hours", "When are you open?")], about="open")
    keep(shop, memory.settle("money", ["refund"]))
    result = run("memory", "show", "anna")
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "anna: 1 message heard, version 2",
        "In short",
        "  It is about: my card is 4111",
        "  Answered so far: refund",
        "  Known: order A-1234, name 李雷",
        "Topics",
        "  refund · “refund” · turn 1 · now",
        "Slots",
        "  order = A-1234 (customer, 2026-03-01 12:00, 100% sure)",
        "  name = 李雷 (customer, 2026-03-01 12:00, 100% sure)",
        "Recent",
        "  customer: my card is 4111",
        "Offered",
        "  1. When are you open? (hours)",
        "About",
        "  open",
        "Settled",
        "  “money” means refund",
    ]


def test_a_program_gets_all_of_it_and_no_bytes_of_a_network(shop: Path) -> None:
    talk(shop, order="A-1234")
    keep(
        shop,
        WorkingMemory.from_json({**remembered(shop).to_json(), "neural": {"fingerprint": "f" * 32, "payload": "AAAA"}}),
    )
    data = json.loads(run("memory", "show", "anna", "--json").stdout)
    assert (data["conversation"], data["channel"], data["thread"], data["version"]) == ("anna", "terminal", "anna", 2)
    assert data["memory"]["slots"]["order"]["value"] == "A-1234"
    assert data["memory"]["topics"] == [{"entry": "refund", "turn": 1, "question": None}]  # no model is there
    assert data["memory"]["neural"] == {"fingerprint": "f" * 32, "bytes": 3}
    assert "neural state" in run("memory", "show", "anna").stdout.casefold()


def test_whatever_is_stored_cannot_act_on_the_terminal(shop: Path) -> None:
    talk(shop, said="\x1b[2Jred\nsecond line", order="\x1b]0;owned\x07x")
    result = run("memory", "show", "anna")
    assert "\x1b" not in result.stdout
    assert "customer: [2Jred second line" in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ("show", "nobody"),
        ("show", "nobody", "--json"),
        ("set", "nobody", "order=1"),
        ("clear", "nobody"),
        ("export", "nobody"),
        ("forget", "nobody"),
        ("forget", "--sender", "shop:nobody"),
    ],
)
@pytest.mark.parametrize("stored", [False, True])
def test_who_is_not_there_is_one_clear_line(shop: Path, words: tuple[str, ...], stored: bool) -> None:
    if stored:
        talk(shop)
    result = run("memory", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1
    assert "there is no conversation nobody" in result.stderr or "nobody named nobody wrote" in result.stderr
    assert (shop / "var" / "attendant.db").exists() == stored


def test_a_colleague_sets_values_and_removes_one(shop: Path) -> None:
    talk(shop, order="A-1", size="M")
    result = run("memory", "set", "anna", "order=B-2", "city=  杭州\t市 ", "size=", "never=")
    assert result.exit_code == 0
    slots = remembered(shop).slots
    assert {name: slot.value for name, slot in slots.items()} == {"order": "B-2", "city": "杭州 市"}
    assert {(slot.speaker, slot.confidence) for slot in slots.values()} == {(Speaker.AGENT, 1.0)}
    assert remembered(shop).topic is not None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("order", "'order' is not NAME=VALUE"),
        ("=A-1", "'=A-1' is not NAME=VALUE"),
        ("\x1b\x07=x", "is not NAME=VALUE"),
        ("order=" + "x" * 501, "the value of order has 501 characters, expected at most 500"),
        ("n" * 65 + "=x", "a name of 65 characters, expected at most 64"),
    ],
)
def test_a_value_that_cannot_be_kept_is_refused_with_all_the_others(shop: Path, value: str, why: str) -> None:
    talk(shop, order="A-1")
    result = run("memory", "set", "anna", "city=杭州", value)
    assert result.exit_code == 2
    assert why in " ".join(result.stderr.split())
    assert remembered(shop).values() == {"order": "A-1"}


def test_a_value_of_500_characters_and_with_equals_signs_is_kept(shop: Path) -> None:
    talk(shop)
    assert run("memory", "set", "anna", "note=" + "数" * 500, "sum=1+1=2").exit_code == 0
    assert remembered(shop).values() == {"note": "数" * 500, "sum": "1+1=2"}


@pytest.mark.parametrize(
    ("options", "slots", "topics"),
    [((), 0, 0), (("--all",), 0, 0), (("--slots",), 0, 1), (("--topics",), 1, 0), (("--slots", "--topics"), 0, 0)],
)
def test_memory_is_cleared_in_parts_or_wholly(shop: Path, options: tuple[str, ...], slots: int, topics: int) -> None:
    talk(shop, order="A-1")
    keep(shop, WorkingMemory.from_json({**remembered(shop).to_json(), "neural": {"fingerprint": "f", "payload": ""}}))
    assert run("memory", "clear", "anna", *options).exit_code == 0
    memory = remembered(shop)
    assert (len(memory.slots), len(memory.topics), memory.neural) == (slots, topics, None)
    if not options or "--all" in options:
        assert memory == WorkingMemory()
    with open_store(url(shop)) as store:
        assert len(store.history(KEY)) == 2


def test_a_change_is_made_again_where_somebody_else_wrote_first(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    talk(shop)
    load, loads = SqlStore.load, itertools.count()

    def load_then_lose(self: SqlStore, key: ConversationKey) -> Any:
        found = load(self, key)
        if next(loads) == 1:  # the first only looks whether there is such a conversation
            with SqlStore(connect(read_url(url(shop)))) as other, other.write() as work:
                work.save(load(other, key).with_memory(found.memory.fill("rival", "1", heard=NOON)))
                work.commit()
        return found

    monkeypatch.setattr(SqlStore, "load", load_then_lose)
    assert run("memory", "set", "anna", "order=A-1").exit_code == 0
    assert remembered(shop).values() == {"rival": "1", "order": "A-1"}


def test_all_that_is_stored_is_handed_out(shop: Path) -> None:
    talk(shop, ConversationKey("shop", "ben"), sender="b-1", order="A-1")
    (line,) = run("memory", "export", "shop:ben").stdout.splitlines()
    data = json.loads(line)
    assert [turn["text"] for turn in data["turns"]] == ["my card is 4111", "Thank you."]
    assert (data["turns"][0]["sender"], data["turns"][1]["reply"]["entry"]) == ("b-1", "refund")
    assert WorkingMemory.from_json(data["memory"]).values() == {"order": "A-1"}
    assert [(one["message_id"], one["verdict"]) for one in data["feedback"]] == [("m0", "good")]
    assert data["forgotten"] == []


def test_a_conversation_is_forgotten_and_that_it_was_is_shown(shop: Path) -> None:
    talk(shop, order="A-1")
    result = run("memory", "forget", "anna")
    assert result.exit_code == 0
    assert "forgotten: 2 turns of 1 conversation" in result.stdout
    assert "no command trains from the database" in result.stdout
    assert "no model that is kept holds such a sentence" in result.stdout
    assert "4111" not in result.output
    shown = run("memory", "show", "anna").stdout
    assert "nothing is remembered" in shown
    assert "2 turns, by the operator (conversation)" in shown
    assert b"4111" not in (shop / "var" / "attendant.db").read_bytes()
    assert json.loads(run("memory", "export", "anna").stdout)["turns"] == []


def test_a_person_is_forgotten_on_their_channel(shop: Path) -> None:
    for thread, sender in (("one", "a"), ("two", "a"), ("three", "b")):
        talk(shop, ConversationKey("shop", thread), sender=sender)
    data = json.loads(run("memory", "forget", "--sender", "shop:a", "--json").stdout)
    assert data == {"conversations": ["shop:one", "shop:two"], "turns": 4, "models": [], "copies": []}
    with open_store(url(shop)) as store:
        left = [len(store.history(ConversationKey("shop", thread))) for thread in ("one", "two", "three")]
    assert left == [0, 0, 2]


def test_models_that_learned_a_forgotten_sentence_are_named(shop: Path) -> None:
    folder = shop / "var" / "made"
    asked = Entry("card", "We never ask for it.", ("My card is  4111",), "card", "en")
    name = a_model(folder, *ENTRIES, asked)
    from bot.config import load
    from bot.models import register

    register(load(), folder, kind="finetune")
    a_model(folder)
    register(load(), folder)
    talk(shop)
    result = run("memory", "forget", "anna")
    assert f"model {name[:12]} (finetune) holds such a sentence word for word: card" in result.stdout
    assert result.stdout.count("word for word") == 1
    talk(shop)
    (model,) = json.loads(run("memory", "forget", "anna", "--json").stdout)["models"]
    assert (model["fingerprint"], model["kind"], model["entries"]) == (name, "finetune", ["card"])


def test_copies_of_the_database_are_named(shop: Path) -> None:
    talk(shop)
    copy = shop / "var" / "attendant.db.before-0004.bak"
    copy.write_bytes(b"")
    result = run("memory", "forget", "anna")
    assert f"may still hold it: {copy}" in result.stderr


@pytest.mark.parametrize(
    "words", [(), ("anna", "--sender", "shop:a"), ("--sender", "shop"), ("--sender", ":a"), ("--sender", "shop: ")]
)
def test_whom_to_forget_is_said_once_and_clearly(shop: Path, words: tuple[str, ...]) -> None:
    talk(shop)
    assert run("memory", "forget", *words).exit_code == 2
    assert remembered(shop).turn == 1


def test_old_conversations_are_pruned(shop: Path) -> None:
    talk(shop)
    talk(shop, ConversationKey("shop", "ben"))
    long_ago = (datetime.now(UTC) - timedelta(days=40)).strftime("%Y-%m-%d %H:%M:%S.000000")
    with closing(sqlite3.connect(shop / "var" / "attendant.db")) as connection:
        connection.execute("UPDATE conversations SET updated_at = ? WHERE thread = 'anna'", (long_ago,))
        connection.commit()
    kept = run("memory", "prune")
    assert (kept.exit_code, kept.stdout) == (0, "")
    assert "every conversation is kept" in kept.stderr
    assert run("memory", "prune", "--days", "41").stdout == "forgotten: 0 conversations\n"
    with (shop / "config.toml").open("a", encoding="utf-8") as file:
        file.write("[memory]\nretention_days = 39\n")
    assert run("memory", "prune").stdout == "forgotten: 1 conversation\n"
    assert run("memory", "show", "anna").exit_code == 1
    assert run("memory", "show", "shop:ben").exit_code == 0
    assert run("memory", "prune", "--days", "0").exit_code == 2


def test_pruning_where_nothing_was_ever_stored_creates_nothing(shop: Path) -> None:
    assert run("memory", "prune", "--days", "1").stdout == "forgotten: 0 conversations\n"
    assert not (shop / "var" / "attendant.db").exists()


def test_a_conversation_with_a_wish_to_be_forgotten_can_be_handed_out_and_learned_from(shop: Path) -> None:
    talk(shop)
    assert run("ask", "/forget me", "--conversation", "anna").exit_code == 0
    talk(shop, said="refund")
    (line,) = run("conversations", "export", "anna").stdout.splitlines()
    assert [turn["text"] for turn in json.loads(line)["turns"]] == ["refund", "Thank you."]


def test_form_moods_and_moment_are_said_in_words(shop: Path) -> None:
    talk(shop, order="A-1234")
    memory = remembered(shop).ask("refund", "email").ask("refund", "email").feel(0.04).feel(-0.93)
    keep(shop, replace(memory, heard=datetime(2026, 3, 1, 12, tzinfo=UTC)))
    said = run("memory", "show", "anna").stdout
    assert "  refund waits for email, tried in vain: 1\n" in said
    assert "  +0.0 -0.9\n" in said
    assert "Heard\n  2026-03-01 12:00\n" in said
