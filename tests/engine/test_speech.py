"""The composer of a run: what it is taught, what it cannot write, and from which confidence on it may speak."""

from __future__ import annotations

import time
from collections.abc import Sequence

import pytest
import torch
from parts import GREETING, HOURS, REFUND

from engine.calibration import NEVER
from engine.dialogue import Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.seq2seq.model import Seq2Seq
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import PieceTokenizer
from engine.training import speech
from engine.training.composing import Pace
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData
from engine.training.lesson import Example, Lesson
from engine.training.loop import Outcome as Training
from engine.training.options import Progress, TrainingOptions
from engine.training.running import Running
from engine.training.speech import sure_enough, teach
from engine.training.start import Start
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

TOKENIZER = PieceTokenizer.bytes_only()
QUESTIONS = QuestionReader(TOKENIZER, SlotFinder())
WRITER = SourceWriter(TOKENIZER, QUESTIONS)
NOTHING = Start(None, TOKENIZER, QUESTIONS, None, "lstm")
OPTIONS = TrainingOptions(epochs=1)


def an_entry(name: str, answer: str, count: int) -> Entry:
    return Entry(name, answer, tuple(f"{name} {number}" for number in range(count)), locale="en")


RICH = Knowledge((an_entry("open", "From 9 on.", 6), an_entry("refund", "In 14 days.", 6), an_entry("poor", "No.", 2)))


class Taught:
    """Stands for the trainer: keeps what it was to teach."""

    lesson: Lesson
    held_out: tuple[Example, ...]
    pace: Pace

    def __init__(self, model: Seq2Seq, tokenizer: PieceTokenizer, *, seed: int) -> None:
        del model, tokenizer, seed

    def fit(self, lesson: Lesson, held_out: Sequence[Example], pace: Pace, running: Running) -> Training:
        del running
        Taught.lesson, Taught.held_out, Taught.pace = lesson, tuple(held_out), pace
        return Training(1, 1, 0.0)


def taught(knowledge: Knowledge, *, logs: int = 0, options: TrainingOptions = OPTIONS) -> Seq2Seq:
    """The composer as ``teach`` gives it."""
    torch.manual_seed(0)
    data = TrainingData(knowledge, tuple(a_log(number) for number in range(logs)))
    return teach(data, NOTHING, WRITER, options, float("inf"), Running())[0]


def a_log(number: int) -> LoggedConversation:
    turns = (
        LoggedTurn(Turn(Speaker.CUSTOMER, "hello")),
        LoggedTurn(Turn(Speaker.AGENT, "Hi.")),
        LoggedTurn(Turn(Speaker.CUSTOMER, f"question {number}")),
        LoggedTurn(Turn(Speaker.AGENT, "From 9 on, yes."), "open"),
    )
    return LoggedConversation(str(number), turns)


@pytest.fixture
def _kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "ComposingTrainer", Taught)


@pytest.mark.usefixtures("_kept")
def test_one_reply_of_every_entry_with_enough_questions_is_kept_to_judge_by() -> None:
    taught(RICH)
    assert [len(own) for own in Taught.lesson.replies] == [5, 5, 2]
    assert len(Taught.held_out) == 2
    shown = {example.source for own in Taught.lesson.replies for example in own}
    assert not shown & {example.source for example in Taught.held_out}


@pytest.mark.usefixtures("_kept")
def test_a_tenth_of_the_logged_turns_is_kept_to_judge_by() -> None:
    taught(RICH, logs=30)
    assert (len(Taught.lesson.turns), len(Taught.held_out)) == (27, 2 + 3)
    assert not set(Taught.lesson.turns) & set(Taught.held_out)


@pytest.mark.usefixtures("_kept")
def test_chosen_epochs_are_all_done_and_others_follow_from_the_data() -> None:
    taught(RICH, options=TrainingOptions(epochs=7))
    assert (Taught.pace.epochs, Taught.pace.patience) == (7, 7)
    taught(RICH, options=TrainingOptions(epochs=0))
    assert (Taught.pace.epochs, Taught.pace.patience) == (60, 6)


@pytest.mark.usefixtures("_kept")
def test_it_can_write_what_stands_in_answers_and_no_digit() -> None:
    model = taught(Knowledge((REFUND, HOURS, GREETING)))
    writable = {TOKENIZER.piece(piece) for piece in model.decoder.shortlist.tolist()}
    assert {TOKENIZER.piece(TOKENIZER.end), "Y", "o", "u", "⟨1⟩", "⟨name⟩"} <= writable
    assert not {piece for piece in writable if any("0" <= character <= "9" for character in piece)} - {
        piece for piece in writable if piece.startswith("⟨")
    }
    assert "Z" not in writable


@pytest.mark.usefixtures("_kept")
def test_answers_that_cannot_be_composed_leave_nothing_to_teach_and_the_end_to_write() -> None:
    model = taught(Knowledge((an_entry("long", "word " * 1000, 5), an_entry("longer", "words " * 1000, 5))))
    assert (Taught.lesson.replies, Taught.held_out) == ((), ())
    assert model.decoder.shortlist.tolist() == [TOKENIZER.end]


def asked_of(model: Seq2Seq, knowledge: Knowledge, asked: Sequence[tuple[str, int]]) -> float:
    return sure_enough(model, TOKENIZER, WRITER, TrainingData(knowledge), asked, seed=1)


def test_a_composer_after_a_single_epoch_may_never_speak() -> None:
    model = taught(RICH)
    assert asked_of(model.eval(), RICH, RICH.examples()) == NEVER


def test_without_a_question_or_an_answer_to_compose_nothing_is_known_of_it() -> None:
    model = taught(RICH).eval()
    assert asked_of(model, RICH, []) == NEVER
    long = Knowledge((an_entry("long", "word " * 1000, 5),))
    assert asked_of(model, long, long.examples()) == NEVER


def test_a_composer_that_learned_its_answers_may_speak() -> None:
    torch.manual_seed(0)
    knowledge = Knowledge((an_entry("open", "yes we do", 6), an_entry("refund", "no way", 6)))
    told: list[Progress] = []
    options, deadline = TrainingOptions(epochs=50), time.monotonic() + 60
    model, _ = teach(TrainingData(knowledge), NOTHING, WRITER, options, deadline, Running(told.append))
    assert {one.stage for one in told} == {"compose"}
    found = asked_of(model, knowledge, knowledge.examples())
    assert 0 < found <= 1
