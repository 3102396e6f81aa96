"""What follows on what, learned from logs: what is held out, what memory brings, and what becomes of it in a model."""

from __future__ import annotations

import json
import logging
import random
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from parts import DrawnEncoder

from engine import checkpoint
from engine.dialogue import Speaker, Turn
from engine.errors import TrainingStopped
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import NeuralState, WorkingMemory
from engine.respond import Engine, Settings
from engine.training import conversation_logs
from engine.training.conversation_logs import Asked, Learned, LogsTeacher
from engine.training.course import Course, Result
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData
from engine.training.earlier import Earlier
from engine.training.options import TrainingOptions, Tuning
from engine.training.running import Running
from engine.training.school import finetune, gathered
from engine.understand.conversation_head import FILE, EntryVectors
from engine.understand.slots import SlotFinder

torch.set_num_threads(1)

QUICK = TrainingOptions(encoder="base", epochs=1, minutes=5, threads=1, max_wrong_rate=0.2)


def an_entry(name: str, answer: str, *questions: str, tags: tuple[str, ...] = ()) -> Entry:
    return Entry(name, answer, questions, locale="en", tags=tags)


ENTRIES = Knowledge(
    (
        an_entry("password", "Choose a new password on the reset page.", "I forgot my password", "reset password",
                 "new password please", "cannot log in", "password lost"),
        an_entry("voucher", "Type the voucher code in the basket.", "how do I use a voucher", "redeem my coupon",
                 "where does the voucher go", "voucher", "gift code"),
        an_entry("mail", "Then we send you a link by e-mail.", "send me a link", "e-mail me", "link by mail"),
        an_entry("expired", "Then it has run out.", "has it run out", "is it too old", "what ran out"),
        an_entry("hours", "We are open from 9 to 17.", "when are you open", "opening hours", "when do you close"),
        an_entry("hello", "Hello!", "hello", "good morning", "hi", tags=("smalltalk",)),
    )
)  # fmt: skip
THEN = {"password": "mail", "voucher": "expired"}
VAIN = ("nothing happens at all", "my screen stays empty", "you see me puzzled", "there was an error", "it was refused")


def turns(*said: tuple[str, str | None]) -> tuple[LoggedTurn, ...]:
    """What a customer and an agent said in turn, with the entry of each answer."""
    speakers = (Speaker.CUSTOMER, Speaker.AGENT)
    return tuple(LoggedTurn(Turn(speakers[at % 2], text), entry) for at, (text, entry) in enumerate(said))


def logs(count: int, seed: int = 1) -> list[LoggedConversation]:
    """Conversations in which only what was said before tells what comes next."""
    chance = random.Random(seed)
    found = []
    for number in range(count):
        first = chance.choice(list(THEN))
        asked, vain = chance.choice(ENTRIES[first].questions), chance.choice(VAIN)
        told = turns(
            (asked, None), (ENTRIES[first].answer, first), (vain, None), (ENTRIES[THEN[first]].answer, THEN[first])
        )
        found.append(LoggedConversation(str(number), told))
    return found


def teacher() -> LogsTeacher:
    return LogsTeacher(ENTRIES, DrawnEncoder(width=24), SlotFinder(), lambda _: "en", seed=1)


def taught(conversations: Sequence[LoggedConversation]) -> Learned | None:
    return teacher().teach(conversations, deadline=time.monotonic() + 60)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few conversations are enough."""
    monkeypatch.setattr(conversation_logs, "LEAST", 4)


def test_too_few_conversations_with_two_answers_teach_nothing() -> None:
    short = LoggedConversation("short", turns(("hello", None), ("Hello!", "hello")))
    unknown = LoggedConversation("unknown", turns(("hello", None), ("Hi", None), ("so?", None), ("So.", "no entry")))
    assert taught([*logs(conversation_logs.LEAST - 1), *[short, unknown] * 200]) is None


def test_what_only_memory_can_tell_is_told_by_a_network_that_never_saw_the_conversation() -> None:
    found = taught(logs(240))
    assert found is not None
    assert found.conversations == 240
    assert found.alone
    right = 0
    for one in found.alone:
        assert one.reading.goes_on is not None
        then = [ENTRIES.place(name) for name in THEN.values()]
        right += one.place == then[int(one.reading.goes_on[then].argmax())]
    assert right / len(found.alone) > 0.9


def asked_of(conversations: Sequence[LoggedConversation]) -> list[Asked]:
    found = taught(conversations)
    assert found is not None
    return [*found.leaning, *found.alone]


@pytest.mark.usefixtures("few")
def test_messages_are_read_as_at_work() -> None:
    told = turns(
        ("good morning", None), ("Hello!", "hello"), ("when do you close", None), ("From 9 to 17.", "hours"),
        ("thank you", None), ("You are welcome.", None), ("and on sundays?", None), ("We are open.", "hours"),
    )  # fmt: skip
    found = asked_of([LoggedConversation(str(number), told) for number in range(6)])
    leaning = [one.reading for one in found if one.reading.text == "and on sundays?"]
    assert len(leaning) == 6
    assert {(one.topic and one.topic.id, one.before) for one in leaning} == {("hours", "when do you close")}
    alone = {one.reading.text for one in found if one.reading.topic is None}
    assert alone == {"when do you close"}  # before the first message nothing was said, and thanks got no entry
    assert all(one.reading.goes_on is not None for one in found)


@pytest.mark.usefixtures("few")
def test_nothing_else_that_is_drawn_changes() -> None:
    torch.manual_seed(7)
    wanted = torch.rand(3)
    torch.manual_seed(7)
    assert taught(logs(8)) is not None
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.usefixtures("few")
def test_the_same_logs_teach_the_same() -> None:
    one, other = (taught(logs(12)) for _ in range(2))
    assert one is not None
    assert other is not None
    assert all(np.array_equal(one.weights[name], other.weights[name]) for name in one.weights)


@pytest.mark.usefixtures("few")
def test_who_stops_it_is_told_what_was_under_way() -> None:
    with pytest.raises(TrainingStopped, match="conversations"):
        teacher().teach(logs(8), deadline=time.monotonic() + 60, stop=lambda: True)


@pytest.mark.usefixtures("few")
def test_without_time_something_is_learned_all_the_same() -> None:
    assert teacher().teach(logs(8), deadline=time.monotonic() - 1) is not None


@pytest.mark.usefixtures("few")
def test_values_that_are_none_and_turns_without_words_do_no_harm() -> None:
    odd = LoggedTurn(Turn(Speaker.CUSTOMER, ""), None, {"name": "", "note": "x" * 2000, "place": "Paris"})
    told = (*turns(("hello", None), ("Hello!", "hello")), odd, LoggedTurn(Turn(Speaker.AGENT, ""), "hours"))
    assert len(asked_of([LoggedConversation(str(number), told) for number in range(6)])) == 6


def run(conversations: Sequence[LoggedConversation], options: TrainingOptions = QUICK) -> Result:
    data = TrainingData(ENTRIES, tuple(conversations), ("what is the weather", "tell me a joke", "who won"))
    return Course(data, options, Running(), time.monotonic() + 300).run()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that has learned what follows on what."""
    folder, result = tmp_path_factory.mktemp("memory") / "model", run(logs(conversation_logs.LEAST))
    checkpoint.write(folder, result.files(ENTRIES), result.facts(ENTRIES, QUICK))
    return folder


def talked(engine: Engine, *said: str, memory: WorkingMemory | None = None) -> tuple[str | None, WorkingMemory]:
    """Which of the entries that follow on others is likelier to be meant at last, and memory after it."""
    entry, after = None, memory or WorkingMemory()
    for text in said:
        response = engine.respond(text, after)
        entry = next((one.entry for one in response.candidates if one.entry in THEN.values()), None)
        after = response.memory
    return entry, after


QUIET = Settings(generate=False)
STATED = Settings(generate=False, neural_state=True)


@pytest.mark.parametrize("settings", [QUIET, STATED], ids=["without state", "with state"])
@pytest.mark.parametrize("first", THEN)
def test_the_same_words_get_the_entry_that_follows_on_what_was_said(
    model: Path, settings: Settings, first: str
) -> None:
    entry, _ = talked(Engine.load(model, settings), ENTRIES[first].questions[0], "nothing happens at all")
    assert entry == THEN[first]


def test_by_themselves_questions_are_ranked_as_if_nothing_had_been_learned(model: Path, tmp_path: Path) -> None:
    checkpoint.write(tmp_path, {name: path.read_bytes() for name, path in checkpoint.read(model).files.items()
                                if name != FILE}, checkpoint.read(model).facts)  # fmt: skip
    texts = ["nothing happens at all", "when do you close", "reset password"]
    assert Engine.load(model).candidates(texts) == Engine.load(tmp_path).candidates(texts)


def test_a_model_says_what_memory_brings(model: Path) -> None:
    notes = checkpoint.read(model).facts["training"]["notes"]
    assert any("what was said before" in note and "got the right entry without it" in note for note in notes)


def test_a_conversation_with_a_damaged_state_goes_on(model: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = Engine.load(model, STATED)
    _, memory = talked(engine, "reset password")
    assert memory.neural is not None
    assert memory.neural.fingerprint == engine.fingerprint
    cut = replace(memory, neural=NeuralState(engine.fingerprint, memory.neural.payload[:-3]))
    with caplog.at_level(logging.WARNING):
        entry, after = talked(engine, "nothing happens at all", memory=cut)
    assert entry == "mail"
    assert caplog.text.count("state of a conversation was dropped") == 1
    assert after.neural is not None
    assert len(after.neural.payload) == len(memory.neural.payload)


def test_without_enough_conversations_a_model_has_no_such_file_and_weight() -> None:
    result = run(logs(20))
    assert FILE not in result.files(ENTRIES)
    assert [weights["candidate"][-1] for weights in result.verdict.ranker.values()] == [0.0, 0.0]


@pytest.mark.usefixtures("few")
def test_logs_in_which_nothing_follows_on_anything_give_memory_no_say() -> None:
    chance = random.Random(3)
    names = [entry.id for entry in ENTRIES if entry.id != "hello"]
    found = []
    for number in range(60):
        drawn = [chance.choice(names) for _ in range(3)]
        said = [pair for one in drawn for pair in ((chance.choice(ENTRIES[one].questions), None), (one, one))]
        found.append(LoggedConversation(str(number), turns(*said)))
    result = run(found)
    assert FILE not in result.files(ENTRIES)
    assert any("memory has no say" in note for note in result.notes)


def test_a_model_without_an_encoder_learns_no_memory() -> None:
    result = run(logs(conversation_logs.LEAST), replace(QUICK, encoder="none"))
    assert FILE not in result.files(ENTRIES)


def test_what_was_learned_stays_when_a_model_is_trained_further(model: Path, tmp_path: Path) -> None:
    earlier = Earlier.read(model)
    new = Knowledge((an_entry("card", "We take every card.", "can I pay by card", "visa", "credit card"),))
    together = gathered(earlier, TrainingData(new))
    finetune(earlier, together, tmp_path / "tuned", QUICK, Tuning(), lambda _: None)
    tuned = checkpoint.read(tmp_path / "tuned")
    assert FILE in tuned.files
    weights = json.loads((model / "manifest.json").read_text())["facts"]["ranker"]["alone"]["candidate"]
    assert tuned.facts["ranker"]["alone"]["candidate"][-1] == weights[-1]
    arrays = tuned.arrays(FILE)
    assert len(arrays["entries"]) == len(ENTRIES) + 1
    entry, _ = talked(Engine.load(tmp_path / "tuned", QUIET), "I forgot my password", "nothing happens at all")
    assert entry == "mail"


def test_entries_are_described_as_they_are_now(model: Path) -> None:
    kept = checkpoint.read(model).arrays(FILE)
    base = Earlier.read(model).base
    assert base is not None
    from engine.base.base import BaseEncoder

    wanted = EntryVectors.of(ENTRIES, BaseEncoder(base, SlotFinder()))
    assert kept["entries"].astype(np.float32) == pytest.approx(wanted.vectors, abs=1e-3)
    assert kept["entries.marks"].tolist() == wanted.marks.tolist()
