"""Training the composer: what is kept is the best average, and it ends in time."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import replace

import pytest
import torch
from parts import a_model

from engine.errors import TrainingError
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise
from engine.text.tokenise import PieceTokenizer
from engine.training import composing
from engine.training.composing import ComposingTrainer, Pace, mean_surprise
from engine.training.lesson import Example, Lesson
from engine.training.loop import Outcome
from engine.training.options import Progress
from engine.training.running import Running

TOKENIZER = PieceTokenizer.bytes_only()
PACE = Pace(epochs=12, deadline=float("inf"), batch=4)


def an_example(source: str, target: str) -> Example:
    return Example(tuple(TOKENIZER.encode(source)), (*TOKENIZER.encode(target), TOKENIZER.end))


REPLIES = (
    tuple(an_example(text, "we open early") for text in ("when do you open", "opening", "are you open")),
    tuple(an_example(text, "money back soon") for text in ("refund", "my money", "money back")),
)
TURNS = (an_example("and on sunday", "closed then"),)
LESSON = Lesson(REPLIES, TURNS)
HELD_OUT = (an_example("what about opening", "we open early"),)


def a_composer(*, seed: int = 0) -> Seq2Seq:
    torch.manual_seed(seed)
    pieces = sorted({piece for own in (*REPLIES, TURNS) for example in own for piece in example.target})
    sizes = ModelSizes(TOKENIZER.size, embedding=16, hidden=12, decoder=24)
    return initialise(Seq2Seq(sizes, torch.tensor(pieces), dropout=0.1))


def train(
    model: Seq2Seq, pace: Pace = PACE, *, held_out: Sequence[Example] = HELD_OUT, lesson: Lesson = LESSON, seed: int = 1
) -> tuple[Outcome, list[Progress]]:
    told: list[Progress] = []
    outcome = ComposingTrainer(model, TOKENIZER, seed=seed).fit(lesson, held_out, pace, Running(told.append))
    assert outcome.epochs == len(told)
    return outcome, told


def test_what_is_taught_is_learned_and_every_epoch_reported() -> None:
    model = a_composer()
    outcome, told = train(model, replace(PACE, epochs=40, patience=40, batch=1))
    assert {one.stage for one in told} == {"compose"}
    assert [one.epoch for one in told] == list(range(1, 41))
    assert all(one.loss > 0 and one.tokens_per_second > 0 for one in told)
    assert told[-1].validation < told[0].validation / 2
    assert outcome.validation == min(one.validation for one in told[PACE.least - 1 :])
    assert not model.training


def test_the_weights_that_are_kept_are_those_that_were_judged_best() -> None:
    model = a_composer()
    outcome, told = train(model, replace(PACE, epochs=6))
    assert mean_surprise(model, HELD_OUT, TOKENIZER) == pytest.approx(outcome.validation, rel=1e-5)
    assert told[outcome.kept - 1].validation == outcome.validation


def test_it_ends_when_nothing_improves(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([5.0, 4.0, 3.0, 2.0, 9.0, 9.0, 9.0, 1.0])
    monkeypatch.setattr(composing, "mean_surprise", lambda *_: next(losses))
    outcome, _ = train(a_composer(), replace(PACE, epochs=50, patience=3))
    assert outcome == Outcome(epochs=7, kept=4, validation=2.0)


def test_nothing_held_out_means_that_the_last_epoch_is_kept() -> None:
    outcome, told = train(a_composer(), replace(PACE, epochs=8, patience=1), held_out=())
    assert (outcome.epochs, outcome.kept, outcome.validation) == (8, 8, 0.0)
    assert told[-1].seconds_left == 0


def test_the_deadline_ends_it_after_the_first_epoch_at_the_latest() -> None:
    outcome, _ = train(a_composer(), replace(PACE, deadline=time.monotonic() - 1))
    assert (outcome.epochs, outcome.kept) == (1, 1)


def test_a_loss_that_is_no_number_is_an_error_in_words() -> None:
    with pytest.raises(TrainingError, match=r"no number any more.*train again with another seed"):
        train(a_composer(), replace(PACE, rate=float("inf")))


def test_the_same_seed_trains_the_same_weights_and_another_one_others() -> None:
    models = [a_composer() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        torch.manual_seed(5)  # dropout draws from PyTorch's own generator
        train(model, replace(PACE, epochs=2, batch=2), seed=seed)
    first, second, other = (model.state_dict() for model in models)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_a_lesson_without_a_reply_changes_nothing() -> None:
    model = a_composer()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    outcome, _ = train(model, replace(PACE, epochs=2), lesson=Lesson((), ()), held_out=())
    assert outcome.epochs == 2
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_the_loss_is_the_mean_surprise_at_the_next_piece() -> None:
    model = a_model(shortlist=(2, 3, 4))
    example = Example((3, 4, 5), (4, 3, 2))
    tokenizer = PieceTokenizer.bytes_only()
    with torch.inference_mode():
        encoded = model.encoder(torch.tensor([example.source]), torch.tensor([3]))
        keys = model.decoder.prepare(encoded, torch.tensor([example.source]))
        begun = torch.tensor([[tokenizer.begin, *example.target[:-1]]])
        scores, _, _ = model.decoder(begun, model.decoder.begin(encoded.last), keys)
    surprise = -sum(float(scores[0, at, [2, 3, 4].index(piece)]) for at, piece in enumerate(example.target)) / 3
    found = mean_surprise(model, [example, example], tokenizer)
    assert found == pytest.approx(surprise, rel=1e-4)
    assert math.isfinite(found)
