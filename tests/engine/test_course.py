"""The steps of a run on tiny and odd knowledge: what is held out, what is promised, what comes out of it."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import checkpoint
from engine.dialogue import Source, Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.knowledge.table import read_knowledge
from engine.memory import WorkingMemory
from engine.ports import Reading
from engine.respond import Engine
from engine.training import course
from engine.training.course import Course, Result
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData
from engine.training.options import Progress, TrainingOptions
from engine.training.questions import Question
from engine.training.rehearsal import split
from engine.training.running import Running
from engine.understand.network import Cell

torch.set_num_threads(1)

QUICK = TrainingOptions(encoder="none", epochs=2, minutes=5, threads=1, max_wrong_rate=0.2)
FROM_BASE = replace(QUICK, encoder="base")
starts = pytest.mark.parametrize("start", [QUICK, FROM_BASE], ids=["nothing", "base"])


def an_entry(name: str, *questions: str, locale: str = "en") -> Entry:
    return Entry(name, f"This is said about {name}.", questions, locale=locale)


ENTRIES = (
    an_entry("refund", "how do I get a refund", "money back please", "refund", "return for a refund", "my money back"),
    an_entry("hours", "when are you open", "opening hours", "open today", "when do you close", "open on monday"),
    an_entry("zh-hours", "几点开门", "营业时间", "你们什么时候开门", "几点关门", "今天开门吗", locale="zh"),
)
BACKGROUND = ("what is the weather", "who won the match", "tell me a joke", "今天天气怎么样", "讲个笑话")


def run(
    entries: Sequence[Entry],
    *,
    background: tuple[str, ...] = BACKGROUND,
    options: TrainingOptions = QUICK,
    validation: tuple[Question, ...] = (),
    conversations: tuple[LoggedConversation, ...] = (),
    told: list[Progress] | None = None,
) -> Result:
    data = TrainingData(Knowledge(tuple(entries)), conversations, background, validation)
    seen: list[Progress] = [] if told is None else told
    return Course(data, options, Running(seen.append), time.monotonic() + options.minutes * 60).run()


@pytest.fixture(scope="module", params=[QUICK, FROM_BASE], ids=["nothing", "base"])
def plain(request: pytest.FixtureRequest) -> Result:
    """A run on the entries of this file as they are, from nothing and from the base; nobody changes it."""
    return run(ENTRIES, options=request.param)


def engine_of(result: Result, entries: Sequence[Entry], folder: Path) -> Engine:
    knowledge = Knowledge(tuple(entries))
    checkpoint.write(folder, result.files(knowledge), result.facts(knowledge, options_of(result)))
    return Engine.load(folder)


def options_of(result: Result) -> TrainingOptions:
    return QUICK if result.start.base is None else FROM_BASE


def best(engine: Engine, text: str) -> str:
    return engine.candidates([text])[0][0].entry


def test_a_run_leaves_these_files_and_facts(plain: Result) -> None:
    knowledge = Knowledge(ENTRIES)
    options = options_of(plain)
    own = {"base.safetensors"} if options.encoder == "base" else {"words.json"}
    assert set(plain.files(knowledge)) == own | {
        "understanding.safetensors", "composing.safetensors", "kernel.safetensors", "meaning.safetensors",
        "questions-1.safetensors", "tokenizer.json", "knowledge.json",
    }  # fmt: skip
    facts = json.loads(json.dumps(plain.facts(knowledge, options)))
    assert set(facts) == {"encoder", "sizes", "ranker", "thresholds", "promise", "knowledge", "training"}
    assert set(facts["training"]) == {"kind", "parent", "seed", "epochs", "max_wrong_rate", "report", "notes"}
    assert facts["encoder"]["name"] == options.encoder
    assert len(facts["encoder"]["known_by"]) > (1 if options.encoder == "base" else -1)
    assert (plain.encoder.sizes.entries, plain.encoder.sizes.words) == (3, plain.reader.size)
    assert facts["promise"]["rate"] == facts["training"]["max_wrong_rate"] == 0.2


@pytest.mark.parametrize("cell", Cell)
def test_either_cell_is_trained_and_answers(cell: Cell, tmp_path: Path) -> None:
    result = run(ENTRIES, options=replace(QUICK, cell=cell, epochs=4))
    assert result.encoder.sizes.cell == cell
    engine = engine_of(result, ENTRIES, tmp_path)
    assert [best(engine, text) for text in ("refund please", "oppening hours", "几点开门？")] == [
        "refund", "hours", "zh-hours",
    ]  # fmt: skip


def test_every_question_is_held_out_at_most_once_and_all_are_reported(plain: Result) -> None:
    report = plain.verdict.report
    assert {group.name: group.questions for group in report.scopes}["in scope"] == 9  # three turns, one of each entry
    assert sum(group.questions for group in report.entries) == 9
    assert {group.name for group in report.locales} == {"en", "zh"}
    assert report.whole.questions == plain.verdict.promise.questions
    assert report.error_before is not None
    assert report.promise is plain.verdict.promise


def test_the_threshold_is_that_of_the_promise_and_the_report_counts_with_it(plain: Result) -> None:
    verdict = plain.verdict
    assert verdict.thresholds.answer == verdict.promise.threshold
    assert verdict.report.whole.answered == verdict.promise.answered
    assert verdict.report.whole.wrong == verdict.promise.wrong


@starts
def test_one_question_an_entry_is_learned_without_any_promise(start: TrainingOptions, tmp_path: Path) -> None:
    single = [replace(entry, questions=entry.questions[:1]) for entry in ENTRIES]
    result = run(single, options=start)
    assert any("no entry has two questions" in note for note in result.notes)
    assert (result.verdict.promise.kept, result.verdict.report.whole.questions) == (False, 0)
    engine = engine_of(result, single, tmp_path)
    assert [best(engine, entry.questions[0]) for entry in single] == [entry.id for entry in single]
    assert engine.arbiter.thresholds.answer == pytest.approx(1 - QUICK.max_wrong_rate)
    assert any("nothing proves that" in note for note in result.notes)


def test_a_turn_that_hides_all_that_could_be_held_out_is_passed_over() -> None:
    entries = [*ENTRIES[:1], *(an_entry(f"single-{number}", f"what about part {number}") for number in range(11))]
    knowledge = Knowledge(tuple(entries))
    seed = next(seed for seed in range(99) if "refund" not in split(knowledge, (), seed=seed).knowledge)
    told: list[Progress] = []
    result = run(entries, options=replace(QUICK, seed=seed, epochs=1), told=told)
    assert [one.stage for one in told].count("rehearse") == 2  # of three turns
    assert result.notes == []
    assert result.verdict.report.whole.questions > 0


def test_an_entry_with_one_question_stands_beside_others(tmp_path: Path) -> None:
    entries = (*ENTRIES, an_entry("cards", "do you sell gift cards"))
    engine = engine_of(run(entries), entries, tmp_path)
    assert best(engine, "Do you sell gift cards?") == "cards"
    assert best(engine, "opening hours") == "hours"


@starts
def test_an_entry_in_a_language_that_nothing_else_is_in_is_found_by_its_words(
    start: TrainingOptions, tmp_path: Path
) -> None:
    entries = (*ENTRIES, an_entry("ru", "часы работы", "когда вы открыты", "во сколько вы закрываетесь", locale="ru"))
    engine = engine_of(run(entries, options=start), entries, tmp_path)
    assert best(engine, "Когда вы открыты?") == "ru"
    assert best(engine, "opening hours") == "hours"


def test_two_entries_with_the_very_same_question_share_it(tmp_path: Path) -> None:
    entries = [replace(entry, questions=(*entry.questions, "where is it")) for entry in ENTRIES[:2]]
    engine = engine_of(run([*entries, ENTRIES[2]], options=replace(QUICK, epochs=3)), [*entries, ENTRIES[2]], tmp_path)
    first, second, third = engine.candidates(["where is it"])[0][:3]
    assert {first.entry, second.entry} == {"refund", "hours"}
    assert first.confidence < 0.9
    assert second.confidence > 2 * third.confidence


def test_entries_that_differ_in_nothing_but_the_answer_do_no_harm(tmp_path: Path) -> None:
    entries = [replace(ENTRIES[0], id=f"same-{number}", answer=f"Answer {number}.") for number in range(4)]
    engine = engine_of(run(entries), entries, tmp_path)
    found = engine.respond("refund", WorkingMemory())
    assert found.provenance.source is not Source.GENERATED
    assert sum(candidate.confidence for candidate in found.candidates) <= 1 + 1e-5


def test_a_table_of_ten_thousand_identical_rows_is_one_entry_more(tmp_path: Path) -> None:
    table = tmp_path / "faq.csv"
    table.write_text(
        "question,answer\n"
        + "where is my parcel,On its way.\n" * 10_000
        + "when are you open,From 9 to 17.\nopening hours,From 9 to 17.\nwhen do you close,From 9 to 17.\n",
        "utf-8",
    )
    entries = list(read_knowledge([table]))
    engine = engine_of(run(entries), entries, tmp_path / "model")
    assert best(engine, "Where is my parcel?") == "where-is-my-parcel"
    assert best(engine, "opening hours") == "when-are-you-open"


def test_enough_validation_questions_make_a_rehearsal_needless(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = tuple(Question(text, frozenset([entry.id])) for entry in ENTRIES for text in entry.questions)
    asked += (Question("what is the weather like", frozenset()), Question("how tall is the tower", frozenset()))
    told: list[Progress] = []
    monkeypatch.setattr(course, "ENOUGH_VALIDATION", len(asked))
    result = run(ENTRIES, validation=asked, told=told)
    assert {one.stage for one in told} == {"prepare", "understand", "compose", "finish"}
    assert {group.name: group.questions for group in result.verdict.report.scopes} == {
        "in scope": 15,
        "out of scope": 2,
    }


def test_few_validation_questions_are_asked_beside_the_rehearsal(plain: Result) -> None:
    asked = (Question("is my money coming back", frozenset(["refund"])), Question("how tall are you", frozenset()))
    both = run(ENTRIES, validation=asked)
    assert both.verdict.report.whole.questions == plain.verdict.report.whole.questions + 2


def test_a_validation_question_whose_answer_is_not_in_the_knowledge_says_nothing(plain: Result) -> None:
    asked = (Question("is my money coming back", frozenset(), answer="We have changed our mind."),)
    both = run(ENTRIES, validation=asked)
    assert both.verdict.report.whole.questions == plain.verdict.report.whole.questions


def a_log(number: int) -> LoggedConversation:
    turns = (
        LoggedTurn(Turn(Speaker.CUSTOMER, "when are you open")),
        LoggedTurn(Turn(Speaker.AGENT, "This is said about hours."), "hours"),
        LoggedTurn(Turn(Speaker.CUSTOMER, f"and the refund of item {number}")),
        LoggedTurn(Turn(Speaker.AGENT, "This is said about refund."), "refund"),
    )
    return LoggedConversation(f"log-{number}", turns)


@pytest.mark.parametrize(("count", "own"), [(0, False), (3, False), (40, True)])
def test_follow_ups_have_a_threshold_of_their_own_where_there_are_enough(count: int, own: bool) -> None:
    result = run(ENTRIES, conversations=tuple(a_log(number) for number in range(count)))
    thresholds = result.verdict.thresholds
    assert (thresholds.follow_up != thresholds.answer or any("of follow-ups" in note for note in result.notes)) is own
    assert result.verdict.ranker["alone"] != result.verdict.ranker["follow_up"]


def test_so_many_entries_that_there_is_no_kernel_machine_are_trained_all_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("engine.retrieval.kernel.MOST_WEIGHTS", 0)
    result = run(ENTRIES)
    assert not result.retriever.files()["kernel.safetensors"]
    assert best(engine_of(result, ENTRIES, tmp_path), "opening hours") == "hours"


@starts
def test_no_background_and_no_words_at_all_are_learned_from(start: TrainingOptions, tmp_path: Path) -> None:
    odd = (an_entry("smile", "🙂", "!!", "?"), an_entry("frown", "🙁", "…", ";"), *ENTRIES[:1])
    engine = engine_of(run(odd, background=(), options=start), odd, tmp_path)
    assert best(engine, "my money back") == "refund"
    assert engine.respond("🙂", WorkingMemory()).text


def test_no_time_at_all_does_one_epoch_of_everything() -> None:
    told: list[Progress] = []
    result = run(ENTRIES, options=replace(QUICK, epochs=30, minutes=0.0), told=told)
    assert [one.epoch for one in told if one.epoch] == [1, 1, 1]
    assert result.epochs == 1


@starts
def test_epochs_that_are_not_chosen_follow_from_the_data(
    start: TrainingOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("start._ASKED", "start._ASKED_OF_BASE", "start._COMPOSED"):
        monkeypatch.setattr(f"engine.training.{name}", 1)
    told: list[Progress] = []
    run(ENTRIES, options=replace(start, epochs=0), told=told)
    fewest = 4 if start.encoder == "base" else 12  # what knows the language has to see questions less often
    assert {(one.stage, one.epochs) for one in told if one.epoch} == {
        ("rehearse", fewest), ("understand", fewest), ("compose", 12),
    }  # fmt: skip


@starts
def test_patterns_of_the_shop_are_read_as_what_they_are(start: TrainingOptions) -> None:
    options = replace(start, slots={"order_number": r"BOX\d+"})
    entries = (*ENTRIES, an_entry("track", "where is BOX12", "track BOX77 for me", "has BOX9 been sent"))
    result = run(entries, options=options)
    shown = " ".join(word for word, _ in result.reader.split("where is BOX1"))
    assert shown.translate(str.maketrans("⟨_⟩", "   ")).split() == ["where", "is", "order", "number"]
    assert result.reader.knows("order")


def test_what_was_learned_is_the_same_in_numpy_after_the_checkpoint(plain: Result, tmp_path: Path) -> None:
    engine = engine_of(plain, ENTRIES, tmp_path)
    reading = Reading("opening hours", "en")
    (stored,) = engine.understander.understand([reading])
    (fresh,) = course.understander_of(plain.encoder, plain.reader).understand([reading])
    np.testing.assert_array_equal(stored.log_probabilities, fresh.log_probabilities)
    assert stored.nearest.max() > 0


def test_a_model_from_the_base_holds_the_base_itself_and_answers_without_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run(ENTRIES, options=FROM_BASE)
    engine_of(result, ENTRIES, tmp_path)
    monkeypatch.setattr("engine.base.base._HERE", tmp_path / "nowhere")
    monkeypatch.setattr("engine.base.base.shipped", None)
    engine = Engine.load(tmp_path)
    assert [best(engine, text) for text in ("refund please", "oppening hours", "几点开门？")] == [
        "refund", "hours", "zh-hours",
    ]  # fmt: skip
    (reading,) = engine.understander.understand([Reading("几点", "zh")])
    assert len(reading.log_probabilities) == 3


def test_what_the_base_knows_is_not_stored_a_second_time(tmp_path: Path) -> None:
    result = run(ENTRIES, options=FROM_BASE)
    engine_of(result, ENTRIES, tmp_path)
    model = checkpoint.read(tmp_path)
    understanding, composing = model.arrays("understanding.safetensors"), model.arrays("composing.safetensors")
    assert not {"words.weight", "salience.weight", "grams.weight"} & set(understanding)
    assert "embedding.weight" not in composing
    assert 0 < len(composing["embedding.rows"]) == len(composing["embedding.values"]) < result.reader.size / 2
    assert model.path("base.safetensors").stat().st_size > model.path("understanding.safetensors").stat().st_size
