"""Training the sentence encoder: it learns, it repeats itself, it stops in time, and it says when it cannot go on."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
import torch

from engine.errors import TrainingError
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.understanding import Pace, UnderstandingTrainer, as_batch
from engine.understand.network import Cell, EncoderSizes, SentenceEncoder, initialise
from engine.understand.slots import SlotFinder
from engine.understand.words import PADDING, WordReader

torch.set_num_threads(1)

QUESTIONS = [
    *((text, 0) for text in ("how do I get a refund", "money back please", "I want my money back", "refund it")),
    *((text, 1) for text in ("when are you open", "opening hours", "are you open today", "when do you open")),
    *((text, 2) for text in ("几点开门", "你们几点开门", "今天几点开门", "什么时候开门")),
    *((text, 3) for text in ("what is the weather", "will it rain", "今天天气怎么样", "is it going to rain")),
]
READER = WordReader.train([text for text, _ in QUESTIONS], SlotFinder())
PACE = Pace("understand", epochs=30, deadline=float("inf"), batch=8)


def an_encoder(cell: str = Cell.LSTM, *, seed: int = 0, entries: int = 3) -> SentenceEncoder:
    torch.manual_seed(seed)
    return initialise(SentenceEncoder(EncoderSizes(READER.size, entries, embedding=24, hidden=16, vector=8, cell=cell)))


def train(encoder: SentenceEncoder, pace: Pace = PACE, *, seed: int = 1) -> list[Progress]:
    """What was reported; the encoder is trained."""
    told: list[Progress] = []
    outcome = UnderstandingTrainer(encoder, READER, seed=seed).fit(
        QUESTIONS, pace, Running(told.append), chatter=("hello",)
    )
    assert outcome.epochs == len(told)
    return told


@torch.inference_mode()
def answers(encoder: SentenceEncoder, texts: list[str]) -> list[int]:
    found: list[int] = (
        encoder.scores(encoder.encode(as_batch([READER.read(text) for text in texts]))).argmax(1).tolist()
    )
    return found


@pytest.mark.parametrize("cell", Cell)
def test_what_is_taught_is_learned_by_either_cell(cell: Cell) -> None:
    encoder = an_encoder(cell)
    told = train(encoder, replace(PACE, epochs=90))
    assert told[-1].loss < 0.7 * told[0].loss
    assert answers(encoder, [text for text, _ in QUESTIONS]) == [place for _, place in QUESTIONS]
    assert answers(encoder, ["please refund my money", "whn are you opne", "开门时间几点"]) == [0, 1, 2]


def test_vectors_of_one_entry_lie_nearer_to_each_other_than_to_all_others() -> None:
    encoder = an_encoder()
    train(encoder, replace(PACE, epochs=60))
    with torch.inference_mode():
        vectors = encoder.vectors(encoder.encode(as_batch([READER.read(text) for text, _ in QUESTIONS])))
    places = torch.tensor([place for _, place in QUESTIONS])
    alike = vectors @ vectors.T
    same = places[:, None] == places[None]
    assert float(alike[same].mean()) > float(alike[~same].mean()) + 0.4


def test_the_same_seed_trains_the_same_weights_and_another_one_others() -> None:
    pace = replace(PACE, epochs=2)
    encoders = [an_encoder() for _ in range(3)]
    for encoder, seed in zip(encoders, (1, 1, 2), strict=True):
        torch.manual_seed(5)  # dropout draws from PyTorch's own generator
        train(encoder, pace, seed=seed)
    first, second, other = (encoder.state_dict() for encoder in encoders)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], other[name]) for name in first)


def test_every_epoch_is_reported_with_its_stage() -> None:
    told = train(an_encoder(), replace(PACE, stage="rehearse", epochs=3))
    assert [(one.stage, one.epoch, one.epochs) for one in told] == [("rehearse", epoch, 3) for epoch in (1, 2, 3)]
    assert all(one.loss > 0 and one.tokens_per_second > 0 and one.seconds_left >= 0 for one in told)
    assert told[-1].seconds_left == 0


def test_the_deadline_ends_it_after_the_first_epoch_at_the_latest() -> None:
    encoder = an_encoder()
    assert len(train(encoder, replace(PACE, deadline=time.monotonic() - 1))) == 1
    assert not encoder.training
    assert all(bool(part.isfinite().all()) for part in encoder.parameters())


def test_padding_stays_nothing() -> None:
    encoder = an_encoder()
    train(encoder, replace(PACE, epochs=2))
    assert float(encoder.words.weight[PADDING].detach().abs().max()) == 0.0
    assert float(encoder.grams.weight[PADDING].detach().abs().max()) == 0.0


def test_a_loss_that_is_no_number_is_an_error_in_words() -> None:
    with pytest.raises(TrainingError, match=r"no number any more.*train again with another seed"):
        train(an_encoder(), replace(PACE, rate=float("inf"), epochs=3))


@pytest.mark.parametrize(
    "questions",
    [
        [("refund", 0), ("open", 1)],
        [("refund", 0)],
        [("refund", 0), ("refund", 1), ("Refund", 2)],
        [("", 0), ("🙂", 1), ("?" * 5000, 2), ("open " * 3000, 3)],
        [("when are you open", 1)] * 300,
    ],
    ids=["one question an entry", "a single question", "one question, three answers", "no words", "all the same"],
)
def test_whatever_the_questions_are_weights_stay_numbers(questions: list[tuple[str, int]]) -> None:
    encoder = an_encoder()
    UnderstandingTrainer(encoder, READER, seed=1).fit(questions, replace(PACE, epochs=2), Running())
    assert all(bool(part.isfinite().all()) for part in encoder.parameters())


def test_a_question_with_several_answers_is_as_likely_each_of_them() -> None:
    encoder = an_encoder()
    questions = [("refund", 0), ("refund", 1), ("open", 2)] * 4
    UnderstandingTrainer(encoder, READER, seed=1).fit(questions, PACE, Running())
    with torch.inference_mode():
        chances = encoder.scores(encoder.encode(as_batch([READER.read("refund")])))[0].softmax(0)
    assert float(chances[0]) == pytest.approx(float(chances[1]), abs=0.15)
    assert float(chances[:2].sum()) > 0.6


def moved(encoder: SentenceEncoder, pace: Pace) -> set[str]:
    """The weights that training changes."""
    before = {name: value.clone() for name, value in encoder.state_dict().items()}
    train(encoder, pace)
    return {name for name, value in encoder.state_dict().items() if not torch.equal(value, before[name])}


def test_weights_that_were_trained_before_move_by_their_share_of_the_rate_and_new_ones_by_all_of_it() -> None:
    assert moved(an_encoder(), replace(PACE, epochs=1, share=0.0)) == {"head.weight", "head.bias"}
    slow, fast = an_encoder(), an_encoder()
    begin = slow.onward.weight_hh_l0.detach().clone()
    torch.manual_seed(5)
    train(slow, replace(PACE, epochs=2, share=0.1))
    torch.manual_seed(5)
    train(fast, replace(PACE, epochs=2))
    far, near = ((encoder.onward.weight_hh_l0.detach() - begin).norm() for encoder in (fast, slow))
    assert 0 < float(near) < 0.5 * float(far)


def test_frozen_weights_never_move() -> None:
    encoder = an_encoder()
    frozen = {"words.weight", "salience.weight", "onward.weight_hh_l0"}
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_(name not in frozen)
    assert not moved(encoder, replace(PACE, epochs=2)) & frozen
