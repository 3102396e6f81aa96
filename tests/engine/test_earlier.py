"""Going on with an earlier model: what counts as new, what is kept, and what a new piece of text changes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine import checkpoint
from engine.errors import CheckpointError, TrainingError
from engine.knowledge.entries import Entry, Knowledge
from engine.respond import Engine
from engine.training.data import TrainingData
from engine.training.earlier import Continuing, Earlier, joined, validation_to_json
from engine.training.options import TrainingOptions, Tuning
from engine.training.questions import Question
from engine.training.school import finetune, gathered, train
from engine.understand.slots import SlotFinder

torch.set_num_threads(1)

REFUND = Entry("refund", "You get your money back.", ("refund please", "my money", "refund", "a refund"), locale="en")
HOURS = Entry("hours", "We open at nine.", ("when do you open", "opening hours", "open today", "hours"), locale="en")
CARD = Entry("card", "We take every card.", ("can I pay by card", "do you take visa", "card", "pay card"), locale="en")
OLD, NEW = Knowledge((REFUND, HOURS)), Knowledge((CARD,))
BACKGROUND = ("tell me a joke", "who won the match")
STARTS = ["none", "base"]
HELD = (Question("money back", frozenset(["refund"]), locale="en"), Question("a joke", frozenset()))


def quiet(_: object) -> None:
    """Nobody is told."""


def options(encoder: str) -> TrainingOptions:
    return TrainingOptions(encoder=encoder, epochs=2, threads=1, max_wrong_rate=0.4)


@pytest.fixture(scope="module", params=STARTS)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("earlier") / "model"
    train(TrainingData(OLD, (), BACKGROUND, HELD), folder, options(request.param), quiet)
    return folder


def tuned(folder: Path, out: Path, new: Knowledge = NEW, tuning: Tuning | None = None) -> Engine:
    earlier = Earlier.read(folder)
    finetune(earlier, gathered(earlier, TrainingData(new)), out, options(earlier.encoder), tuning or Tuning(), quiet)
    return Engine.load(out)


def test_an_entry_with_the_same_answer_or_id_gets_the_new_questions() -> None:
    again = Entry("other-name", "You get your  MONEY back.", ("refund", "return my cash"), locale="en")
    moved = Entry("hours", "We open at ten.", ("opening time",), locale="en")
    found, fresh = joined(OLD, Knowledge((again, moved, CARD)))
    assert [entry.id for entry in found] == ["refund", "hours", "card"]
    assert found["refund"].questions == (*REFUND.questions, "return my cash")
    assert (found["hours"].answer, found["hours"].questions) == ("We open at ten.", (*HOURS.questions, "opening time"))
    assert fresh == {"refund", "hours", "card"}


def test_what_is_known_already_is_not_new() -> None:
    assert joined(OLD, OLD) == (OLD, frozenset())
    elsewhere = replace(REFUND, locale="zh", id="refund-zh")
    assert joined(OLD, Knowledge((elsewhere,)))[1] == {"refund-zh"}


def test_a_tuned_model_knows_what_is_old_and_what_is_new(trained: Path, tmp_path: Path) -> None:
    engine = tuned(trained, tmp_path)
    assert [entry.id for entry in engine.knowledge] == ["refund", "hours", "card"]
    best = [found[0].entry for found in engine.candidates(["my money back", "when do you open", "do you take visa"])]
    assert best == ["refund", "hours", "card"]


def test_the_questions_that_a_model_was_judged_by_stay_with_it(trained: Path, tmp_path: Path) -> None:
    assert Earlier.read(trained).validation == (HELD[0], replace(HELD[1], locale=""))
    tuned(trained, tmp_path)
    assert Earlier.read(tmp_path).validation == Earlier.read(trained).validation


def test_questions_about_an_entry_that_is_gone_are_left_out(trained: Path) -> None:
    earlier = replace(Earlier.read(trained), knowledge=Knowledge((HOURS,)))
    assert gathered(earlier, TrainingData(NEW)).data.validation == (HELD[1],)


def test_the_manifest_says_where_a_tuned_model_comes_from(trained: Path, tmp_path: Path) -> None:
    tuned(trained, tmp_path)
    said = checkpoint.read(tmp_path).facts["training"]
    assert (said["kind"], said["parent"]) == ("finetune", checkpoint.read(trained).fingerprint)
    assert checkpoint.read(trained).facts["training"]["kind"] == "train"


def test_too_little_to_judge_by_keeps_thresholds_and_ranker_and_says_so(trained: Path, tmp_path: Path) -> None:
    earlier = Earlier.read(trained)
    together = gathered(earlier, TrainingData(NEW))
    summary = finetune(earlier, together, tmp_path, options(earlier.encoder), Tuning(), quiet)
    assert any("thresholds stay those of the earlier model" in note for note in summary.notes)
    found = checkpoint.read(tmp_path).facts
    assert found["thresholds"]["answer"] == earlier.facts["thresholds"]["answer"]
    assert found["ranker"] == earlier.facts["ranker"]


def test_text_in_letters_that_were_never_met_needs_no_new_vocabulary(trained: Path, tmp_path: Path) -> None:
    greek = Entry("greek", "Ανοίγουμε στις εννέα.", ("πότε ανοίγετε", "ώρες λειτουργίας", "ανοιχτά"), locale="el")
    engine = tuned(trained, tmp_path, Knowledge((greek,)))
    assert engine.candidates(["πότε ανοίγετε σήμερα"])[0][0].entry == "greek"
    sizes = [Earlier.read(folder).tokenizer.size for folder in (trained, tmp_path)]
    assert sizes[0] == sizes[1]


def test_a_new_composer_begins_with_the_weights_of_the_earlier_one_and_may_write_more(trained: Path) -> None:
    earlier = Earlier.read(trained)
    start = Continuing.after(earlier, frozenset(), SlotFinder({}), Tuning(frozen=("encoder", "embedding")))
    before = torch.from_numpy(np.array(earlier.composing["decoder.shortlist"]))
    unmet = next(piece for piece in range(200, 300) if piece not in before.tolist())
    model = start.composer(torch.tensor([unmet]))
    assert sorted([*before.tolist(), unmet]) == model.decoder.shortlist.tolist()
    own = earlier.composing
    assert np.array_equal(model.decoder.lstm.weight_hh_l0.detach().numpy(), own["decoder.lstm.weight_hh_l0"])
    kept = model.decoder.bias[model.decoder.places[before]].detach().numpy()
    assert np.array_equal(kept, own["decoder.bias"])
    assert float(model.decoder.bias[model.decoder.places[unmet]].detach()) == float(own["decoder.bias"].min())
    frozen = {name for name, part in model.named_parameters() if not part.requires_grad}
    assert {name.split(".")[0] for name in frozen} == {"encoder", "embedding"}


def test_nothing_new_is_an_error_that_says_so(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="nothing is new: the model knows every question with its answer"):
        tuned(trained, tmp_path, OLD)


def test_the_same_seed_tunes_the_same_model(trained: Path, tmp_path: Path) -> None:
    prints = [tuned(trained, tmp_path / name).fingerprint for name in ("one", "two")]
    assert prints[0] == prints[1]


def test_a_model_of_another_version_is_refused_with_the_reason(trained: Path, tmp_path: Path) -> None:
    manifest = (trained / checkpoint.MANIFEST).read_text("utf-8")
    later = f'"format": {checkpoint.FORMAT + 1}'
    (tmp_path / checkpoint.MANIFEST).write_text(manifest.replace(f'"format": {checkpoint.FORMAT}', later), "utf-8")
    with pytest.raises(CheckpointError, match=f"a model of format {checkpoint.FORMAT + 1}, this version reads"):
        Earlier.read(tmp_path)


def test_validation_questions_are_read_back_as_they_were(tmp_path: Path) -> None:
    questions = (Question("a «b»\n⟨1⟩", frozenset(["x", "y"]), locale="zh"), Question("", frozenset()))
    assert validation_to_json(questions).decode("utf-8").isprintable()
    del tmp_path
