"""``attendant faq mine``: topics out of logs, and out of what the bot could not answer."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cli_house import move_in
from click.testing import CliRunner, Result

from bot.cli.lazy import LazyGroup
from engine.dialogue import ConversationKey, Grade, Message, Provenance, Reply, Source
from engine.knowledge.table import read_knowledge
from engine.respond import Engine
from storage.conversations import open_store
from storage.ports import Conversation

GROUP = LazyGroup(name="faq", commands_in={"mine": "bot.cli.mine"})
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
REFUNDS = [
    "How do I get a refund?",
    "how can I get my money refunded",
    "I want a refund",
    "my name is Priya Lowe and I want a refund for order FW-317042",
]
GIFTS = ["Do you sell gift cards?", "can I buy a gift card", "Do you have gift cards"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop without a model, with a log of seven conversations."""
    real = Engine.load
    move_in(tmp_path, monkeypatch)
    monkeypatch.setattr(Engine, "load", real)
    (tmp_path / "var" / "model" / "manifest.json").unlink()
    asked = [
        *((text, "A refund takes 14 days.") for text in REFUNDS),
        *((text, "Yes, from 10 euros.") for text in GIFTS),
    ]
    (tmp_path / "log.jsonl").write_text("".join(map(a_line, asked)), "utf-8")
    return tmp_path


def a_line(asked: tuple[str, str]) -> str:
    question, answer = asked
    turns = [
        {"role": "customer", "text": f"Hello! {question}"},
        {"role": "agent", "text": f"Hi! {answer} Anything else?"},
        {"role": "customer", "text": "No, thanks. My number is 07700 900123."},
    ]
    return json.dumps({"conversation_id": question, "turns": turns}) + "\n"


def mine(*words: str) -> Result:
    return CliRunner().invoke(GROUP, ["mine", *words])


def tell_the_bot(folder: Path, *said: tuple[str, Provenance]) -> None:
    store = open_store(f"sqlite:///{folder / 'var' / 'attendant.db'}")
    for number, (text, provenance) in enumerate(said):
        key = ConversationKey("terminal", f"c{number}")
        with store.write() as work:
            work.append(Message(key, "m1", text, NOON), Reply("words", provenance, 0.2), NOON)
            work.save(Conversation(key))
            work.commit()
    store.close()


def declined(grade: Grade | None = Grade.UNRELATED) -> Provenance:
    return Provenance(Source.FIXED, "arbiter", "below", grade)


def test_the_most_frequent_topic_comes_first_on_the_screen_and_in_json(shop: Path) -> None:
    before = sorted(path.name for path in shop.iterdir())
    shown = mine("log.jsonl")
    assert shown.exit_code == 0, shown.stderr
    head, refund, gift = shown.stdout.splitlines()
    assert head.split() == ["conversations", "status", "agreement", "question"]
    assert (refund.split()[0], gift.split()[0]) == ("4", "3")
    data = json.loads(mine("log.jsonl", "--json").stdout)
    assert (data["conversations"], data["messages"], data["questions"], data["found"]) == (7, 14, 7, 2)
    first, second = data["topics"]
    assert (first["answer"], first["share"], first["conversations"]) == ("A refund takes 14 days.", 1.0, 4)
    assert (second["answer"], second["status"]) == ("Yes, from 10 euros.", "new")
    assert (first["covered_by"], first["status"] != "new") == ("refund", True)
    assert sorted(path.name for path in shop.iterdir()) == before


def test_the_table_is_taken_in_by_the_faq(shop: Path) -> None:
    result = mine("log.jsonl", "--out", "mined.csv", "--least", "3", "--most", "2")
    assert result.exit_code == 0, result.stderr
    assert "writing mined.csv" in result.stderr
    found = read_knowledge([shop / "mined.csv"])
    assert [entry.answer for entry in found] == ["A refund takes 14 days.", "Yes, from 10 euros."]
    assert not {"refund", "hours"} & {entry.id for entry in found}
    text = (shop / "mined.csv").read_text("utf-8")
    assert "⟨name⟩" in text
    assert not any(personal in text for personal in ("FW-3170", "900123", "Priya"))
    assert mine("log.jsonl", "--out", "-").stdout == (shop / "mined.csv").read_text("utf-8")


def test_the_companys_own_address_stays_in_what_agents_said_and_a_customers_goes(shop: Path) -> None:
    (shop / "faq.csv").write_text("question,answer\ncontact,Write to help@fern.example\n", "utf-8")
    for answer, kept in (
        ("Please write to help@fern.example", "Please write to help@fern.example"),
        ("We wrote to anna@home.example", "We wrote to ⟨email⟩"),
    ):
        (shop / "log.jsonl").write_text(2 * a_line(("Where do I complain?", f"{answer}.")), "utf-8")
        (topic,) = json.loads(mine("log.jsonl", "--json").stdout)["topics"]
        assert topic["answer"] == f"{kept}."


def test_without_logs_what_the_bot_could_not_answer_is_gathered(shop: Path) -> None:
    asked_back = Provenance(Source.CLARIFY, "arbiter", "unsure")
    handed = Provenance(Source.HANDOFF, "threat", "for a person")
    tell_the_bot(
        shop,
        ("Do you sell gift cards?", declined()),
        ("can I buy a gift card", asked_back),
        ("Do you have gift cards", handed),
        ("gift card price?", Provenance(Source.RETRIEVED, "gift", "sure")),
        ("/human", Provenance(Source.HANDOFF, "bot", "the customer asked for a person")),
        ("you idiot", declined(Grade.HOSTILE)),
        ("asdf jkl", declined(Grade.MEANINGLESS)),
    )
    data = json.loads(mine("--json").stdout)
    assert (data["conversations"], data["questions"]) == (7, 3)
    (topic,) = data["topics"]
    assert topic["outcomes"] == {"declined": 1, "asked back": 1, "handed over": 1}
    assert (topic["conversations"], topic["answer"]) == (3, "")
    shown = mine()
    assert "1 topic has no answer yet" in shown.stderr
    assert "1 asked back, 1 declined, 1 handed over" in shown.stdout


def test_without_logs_and_without_conversations_there_is_nothing_and_no_database(shop: Path) -> None:
    result = mine("--out", "mined.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "there are no conversations yet" in result.stderr
    assert not (shop / "var" / "attendant.db").exists()
    assert not (shop / "mined.csv").exists()


def test_a_model_in_use_says_what_is_covered(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Asked:
        """The one method and the two attributes that coverage needs, as an engine has them."""

        def __init__(self, engine: object) -> None:
            from engine.calibration import Thresholds

            self.knowledge = engine.knowledge  # type: ignore[attr-defined]  # the fake of the house
            self.arbiter = type("Arbiter", (), {"thresholds": Thresholds(0.6, 0.3, 0.9)})

        def candidates(self, texts: list[str]) -> list[list[object]]:
            from engine.dialogue import Candidate

            return [[Candidate("refund", "", 0.9 if "refund" in text else 0.1)] for text in texts]

    from cli_house import load_engine

    (shop / "var" / "model" / "manifest.json").write_text("{}", "utf-8")
    monkeypatch.setattr(Engine, "load", staticmethod(lambda folder, settings: Asked(load_engine(folder, settings))))
    topics = json.loads(mine("log.jsonl", "--json").stdout)["topics"]
    assert [(topic["status"], topic["confidence"]) for topic in topics] == [("covered", 0.9), ("new", 0.1)]


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["nowhere.jsonl"], 1, "nowhere.jsonl"),
        (["faq.csv"], 1, "holds no conversations"),
        (["log.jsonl", "--model", "nowhere"], 1, "nowhere"),
        (["log.jsonl", "--out", "config.toml"], 2, "it is not replaced"),
        (["log.jsonl", "--out", "var"], 2, "is a folder"),
        (["log.jsonl", "--out", "-", "--json"], 2, "both want standard output"),
        (["log.jsonl", "--out", "faq.csv"], 2, "is a log or the FAQ itself"),
        (["chats.csv", "--out", "./chats.csv"], 2, "is a log or the FAQ itself"),
        (["log.jsonl", "--most", "0"], 2, "--most"),
        (["log.jsonl", "--format", "word"], 2, "is none of"),
        (["log.jsonl", "--out", "faq.csv/out.csv"], 1, "faq.csv"),
    ],
)
def test_what_cannot_be_done_is_said_in_words(words: list[str], code: int, said: str) -> None:
    result = mine(*words)
    assert (result.exit_code, result.stdout) == (code, "")
    assert said in result.stderr
    assert "unexpected" not in result.stderr
    assert "Traceback" not in result.stderr


def test_every_problem_of_every_log_is_shown_and_nothing_is_written(shop: Path) -> None:
    (shop / "bad.jsonl").write_text('{"turns": [\n' + a_line(("a refund?", "b")), "utf-8")
    (shop / "worse.jsonl").write_bytes(b"\x00\x01\x02")
    result = mine("bad.jsonl", "worse.jsonl", "log.jsonl", "--out", "mined.csv")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "bad.jsonl:1" in result.stderr
    assert "worse.jsonl" in result.stderr
    assert not (shop / "mined.csv").exists()


def test_a_log_in_which_nobody_asks_gives_no_topic(shop: Path) -> None:
    (shop / "quiet.jsonl").write_text(a_line(("Good morning!", "Good morning!")), "utf-8")
    result = mine("quiet.jsonl", "--out", "mined.csv")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "no topic occurs in at least 2 conversations" in result.stderr
    assert not (shop / "mined.csv").exists()
