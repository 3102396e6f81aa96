"""A whole training run on a tiny knowledge: what it writes, repeats, refuses, and leaves alone when it is stopped."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import pytest

from engine import checkpoint
from engine.dialogue import Source, Speaker, Turn
from engine.errors import CheckpointError, TrainingError
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import WorkingMemory
from engine.respond import Engine, Settings
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData
from engine.training.options import Progress, TrainingOptions
from engine.training.questions import Question
from engine.training.savepoint import RunFolder
from engine.training.school import UNFINISHED, identity, interrupted, train

KNOWLEDGE = Knowledge(
    (
        Entry(
            "refund",
            "You get your money back within 14 days.",
            ("how do I get a refund", "money back please", "can I have my money back", "refund", "return for a refund",
             "when is my refund paid"),
            locale="en",
        ),
        Entry(
            "hours",
            "We are open from 9 to 17.",
            ("when are you open", "opening hours", "what time do you open", "when do you close", "open today",
             "are you open on monday"),
            locale="en",
        ),
        Entry(
            "delivery",
            "Delivery costs £3.95 and takes three days.",
            ("what does delivery cost", "delivery price", "how long does delivery take", "shipping cost",
             "is delivery free", "how much is shipping"),
            locale="en",
        ),
        Entry(
            "password",
            "Choose a new one at https://shop.example/reset.",
            ("I forgot my password", "reset my password", "new password please", "cannot log in", "change password",
             "my password does not work"),
            locale="en",
        ),
        Entry(
            "hello",
            "Hello {name|there}!",
            ("hello", "good morning", "hi there", "hey", "good evening", "greetings"),
            locale="en",
            tags=("smalltalk",),
        ),
        Entry(
            "zh-hours",
            "早上九点到下午五点。",
            ("几点开门", "营业时间", "你们什么时候开门", "几点关门", "今天开门吗", "周一营业吗"),
            locale="zh",
        ),
    )
)  # fmt: skip
BACKGROUND = (
    "what is the weather",
    "who won the match",
    "tell me a joke",
    "how old is the moon",
    "今天天气怎么样",
    "讲个笑话",
)
LOG = LoggedConversation(
    "one",
    (
        LoggedTurn(Turn(Speaker.CUSTOMER, "when are you open")),
        LoggedTurn(Turn(Speaker.AGENT, "From 9 to 17."), "hours"),
        LoggedTurn(Turn(Speaker.CUSTOMER, "and what does delivery cost")),
        LoggedTurn(Turn(Speaker.AGENT, "It costs £3.95."), "delivery"),
    ),
)
DATA = TrainingData(KNOWLEDGE, (LOG,), BACKGROUND)
QUICK = TrainingOptions(epochs=2, minutes=5, threads=1, max_wrong_rate=0.2)


def quiet(progress: Progress) -> None:
    del progress


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of enough epochs to find words of its own."""
    folder = tmp_path_factory.mktemp("school") / "model"
    train(DATA, folder, replace(QUICK, epochs=40), quiet)
    return folder


def test_what_was_trained_is_loaded_and_answers(trained: Path) -> None:
    engine = Engine.load(trained)
    assert engine.knowledge == KNOWLEDGE
    assert engine.fingerprint == checkpoint.read(trained).fingerprint
    taught = [(question, KNOWLEDGE.entries[place].id) for question, place in KNOWLEDGE.examples()]
    found = engine.respond_many([question for question, _ in taught])
    right = [one.candidates[0].entry == entry for one, (_, entry) in zip(found, taught, strict=True)]
    assert sum(right) / len(right) >= 0.9
    for one in found:
        assert one.text
        assert 0 <= one.confidence <= 1
        assert sum(candidate.confidence for candidate in one.candidates) <= 1 + 1e-5


def test_every_answer_is_faithful_to_its_entry(trained: Path) -> None:
    engine = Engine.load(trained)
    for entry in KNOWLEDGE:
        found = engine.respond(entry.questions[0], WorkingMemory())
        if found.provenance.source is Source.RETRIEVED:
            assert found.text == KNOWLEDGE[found.entry].answer.replace("{name|there}", "there")
        digits = {character for character in found.text if character.isdigit()}
        assert digits <= set(KNOWLEDGE[found.entry].answer if found.entry else "")
        assert "\ufffd" not in found.text


def test_a_trained_generator_speaks_and_stays_with_the_entry(trained: Path) -> None:
    engine = Engine.load(trained)
    found = [engine.respond(entry.questions[0], WorkingMemory()) for entry in KNOWLEDGE]
    spoken = [one for one in found if one.provenance.source is Source.GENERATED]
    assert len(spoken) >= 3
    assert all("found faithful" in one.provenance.reason for one in spoken)
    assert all("⟨" not in one.text for one in spoken)


def test_a_model_without_one_of_its_files_is_refused_with_its_name(trained: Path, tmp_path: Path) -> None:
    whole = checkpoint.read(trained)
    for missing in whole.files:
        rest = {name: path.read_bytes() for name, path in whole.files.items() if name != missing}
        checkpoint.write(tmp_path, rest, whole.facts)
        with pytest.raises(CheckpointError, match=missing.replace(".", r"\.")):
            Engine.load(tmp_path)


@pytest.mark.parametrize("fact", ["encoder", "sizes", "ranker", "thresholds", "promise"])
def test_a_model_without_one_of_its_facts_is_refused_with_its_name(trained: Path, tmp_path: Path, fact: str) -> None:
    whole = checkpoint.read(trained)
    files = {name: path.read_bytes() for name, path in whole.files.items()}
    checkpoint.write(tmp_path, files, {name: value for name, value in whole.facts.items() if name != fact})
    with pytest.raises(CheckpointError, match=fact):
        Engine.load(tmp_path)


def test_the_same_seed_trains_the_same_model_bit_for_bit(tmp_path: Path) -> None:
    first = train(DATA, tmp_path / "first", QUICK, quiet)
    second = train(DATA, tmp_path / "second", QUICK, quiet)
    other = train(DATA, tmp_path / "other", replace(QUICK, seed=2), quiet)
    assert first.fingerprint == second.fingerprint != other.fingerprint
    assert files_of(tmp_path / "first") == files_of(tmp_path / "second")


def test_the_report_tells_every_epoch_of_every_stage_and_the_summary_what_came_of_it(tmp_path: Path) -> None:
    told: list[Progress] = []
    summary = train(DATA, tmp_path, QUICK, told.append)
    stages = [(stage, len(list(group))) for stage, group in groupby(progress.stage for progress in told)]
    assert stages == [("prepare", 1), ("rehearse", 6), ("understand", 2), ("compose", 2), ("finish", 1)]
    assert [progress.epoch for progress in told] == [0, *[1, 2] * 5, 0]
    assert all(progress.loss > 0 and progress.tokens_per_second > 0 for progress in told if progress.epoch)
    assert (summary.entries, summary.questions, summary.conversations) == (6, 36, 1)
    assert summary.folder == str(tmp_path)
    assert summary.fingerprint == checkpoint.read(tmp_path).fingerprint
    assert 0 < summary.parameters < 12_000_000  # twice 3.7 million of them are the pieces of the base
    assert summary.megabytes == pytest.approx(sum(map(len, files_of(tmp_path).values())) / 1e6, rel=0.01)
    data = json.loads(json.dumps(summary.to_json()))
    assert (data["epochs"], data["report"]["whole"]["questions"]) == (2, summary.report.whole.questions)
    assert interrupted(tmp_path, identity(DATA, QUICK)) == ""
    assert not (tmp_path / UNFINISHED).exists()


STOPS = [("prepare", 0), ("rehearse", 1), ("understand", 1), ("compose", 1), ("finish", 0)]


@pytest.mark.parametrize(("stage", "epoch"), STOPS)
def test_a_run_that_is_stopped_leaves_the_model_before_it_and_says_so(tmp_path: Path, stage: str, epoch: int) -> None:
    checkpoint.write(tmp_path, {"knowledge.json": b"[]"}, {"old": True})
    before = files_of(tmp_path)

    def stop(progress: Progress) -> None:
        if (progress.stage, progress.epoch) == (stage, epoch):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(DATA, tmp_path, QUICK, stop)
    said = interrupted(tmp_path, identity(DATA, QUICK))
    assert said == f"an earlier training was stopped ({stage}, epoch {epoch}); going on from its last savepoint"
    shutil.rmtree(tmp_path / UNFINISHED)
    assert files_of(tmp_path) == before
    assert checkpoint.read(tmp_path).facts == {"old": True}


def test_a_run_that_is_refused_leaves_no_note_of_one_that_was_stopped(tmp_path: Path) -> None:
    nowhere = replace(QUICK, encoder=f"sentence-transformers:{tmp_path / 'nowhere'}")
    with pytest.raises(CheckpointError, match="nowhere: holds no sentence transformer"):
        train(DATA, tmp_path, nowhere, quiet)
    assert interrupted(tmp_path, identity(DATA, nowhere)) == ""


@pytest.mark.parametrize("left", [b"", b"{", b"[]", b'{"stage": "train"}', b"\xff"])
def test_a_damaged_note_of_an_earlier_run_still_says_that_there_was_one(tmp_path: Path, left: bytes) -> None:
    assert interrupted(tmp_path, identity(DATA, QUICK)) == ""
    RunFolder(tmp_path / UNFINISHED, identity(DATA, QUICK))
    (tmp_path / UNFINISHED / "run.json").write_bytes(left)
    assert interrupted(tmp_path, identity(DATA, QUICK)) == "an earlier training was stopped; beginning again"


def test_a_run_is_known_by_data_and_options_but_not_by_the_time_it_may_take() -> None:
    assert identity(DATA, QUICK) == identity(replace(DATA), replace(QUICK, minutes=1))
    others = [
        identity(DATA, replace(QUICK, seed=2)),
        identity(DATA, replace(QUICK, epochs=3)),
        identity(replace(DATA, background=()), QUICK),
        identity(replace(DATA, knowledge=Knowledge(KNOWLEDGE.entries[:3])), QUICK),
    ]
    assert identity(DATA, QUICK) not in others


@pytest.mark.parametrize("count", [0, 1])
def test_with_fewer_than_two_entries_there_is_nothing_to_tell_apart(tmp_path: Path, count: int) -> None:
    with pytest.raises(TrainingError, match="at least two entries"):
        train(TrainingData(Knowledge(KNOWLEDGE.entries[:count])), tmp_path / "model", QUICK, quiet)
    assert not (tmp_path / "model").exists()


def test_entries_with_one_question_each_are_trained_and_the_notes_say_what_is_missing(tmp_path: Path) -> None:
    single = Knowledge(tuple(replace(entry, questions=entry.questions[:1]) for entry in KNOWLEDGE))
    summary = train(TrainingData(single), tmp_path, QUICK, quiet)
    assert any("no entry has two questions" in note for note in summary.notes)
    assert summary.report.whole.questions == 0
    assert summary.report.lines() == [
        "no question was held out, so nothing can be said about how often answers are wrong"
    ]
    assert not Engine.load(tmp_path).promise.kept
    assert any("nothing proves that" in note for note in summary.notes)


def test_answers_of_five_thousand_characters_are_given_in_their_own_words(tmp_path: Path) -> None:
    long = " ".join(f"Sentence {number} of the terms." for number in range(200))[:5000]
    entries = (replace(KNOWLEDGE.entries[0], answer=long), replace(KNOWLEDGE.entries[1], answer=long[::-1]))
    validation = tuple(Question(text, frozenset([entry.id])) for entry in entries for text in entry.questions)
    data = TrainingData(Knowledge(entries), background=BACKGROUND, validation=validation)
    train(data, tmp_path, replace(QUICK, max_wrong_rate=1.0), quiet)
    found = Engine.load(tmp_path, Settings()).respond("how do I get a refund", WorkingMemory())
    assert (found.text, found.provenance.source) == (long, Source.RETRIEVED)


def test_without_background_and_conversations_a_model_is_trained_all_the_same(tmp_path: Path) -> None:
    train(TrainingData(KNOWLEDGE), tmp_path, QUICK, quiet)
    assert Engine.load(tmp_path).respond("opening hours", WorkingMemory()).candidates[0].entry == "hours"


def test_questions_and_answers_without_a_single_word_do_no_harm(tmp_path: Path) -> None:
    odd = Knowledge((Entry("smile", "🙂", ("?", "!!", "🙂"), locale="en"), *KNOWLEDGE.entries[:2]))
    train(TrainingData(odd, background=("...",)), tmp_path, QUICK, quiet)
    assert Engine.load(tmp_path).respond("???", WorkingMemory()).text


def test_no_time_at_all_still_gives_a_model(tmp_path: Path) -> None:
    summary = train(DATA, tmp_path, replace(QUICK, epochs=30, minutes=0.0), quiet)
    assert summary.epochs == 1
    assert Engine.load(tmp_path).fingerprint == summary.fingerprint
