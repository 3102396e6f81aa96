"""A whole training run: from data to a checkpoint that says how far it can be trusted."""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engine import checkpoint
from engine.calibration import NEVER, Outcome, Thresholds, calibration_error, fit_answer, fit_clarify
from engine.errors import TrainingError
from engine.faithfulness import review
from engine.knowledge.entries import Knowledge
from engine.knowledge.template import template
from engine.memory import WorkingMemory
from engine.ports import Context, Reading
from engine.retrieval.linear import LinearModel, fit_linear
from engine.retrieval.retriever import HybridRetriever
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise
from engine.seq2seq.source import SourceWriter
from engine.text.language import detect
from engine.text.tokenise import PieceTokenizer
from engine.training.data import TrainingData
from engine.training.fusion import for_follow_ups
from engine.training.lesson import Example, Lesson, follow_ups_of, questions_of, replies_of, turns_of
from engine.training.options import Progress, Report, TrainingOptions, TrainingSummary
from engine.training.rehearsal import Case, cases, fit, split
from engine.training.trainer import Outcome as StageOutcome
from engine.training.trainer import Pace, Trainer
from engine.understand.head import HeadUnderstander
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

MARKER = "training.json"
MOST_PIECES = 4000
ENOUGH_VALIDATION = 150
ENOUGH_FOLLOW_UPS = 30
FEWEST_EPOCHS = 8
LARGE = 6000  # questions from which on the network is made larger
_REHEARSAL_QUESTIONS = 30_000
_TRAINING_QUESTIONS = 43_000
_FAITHFUL = 0.9


def interrupted(out: Path) -> str:
    """A sentence about an earlier run into ``out`` that did not end; empty where there was none."""
    try:
        stand = json.loads((out / MARKER).read_bytes())
        return f"an earlier training was stopped ({stand['stage']}, epoch {stand['epoch']}); beginning again"
    except FileNotFoundError:
        return ""
    except (OSError, ValueError, KeyError, TypeError):
        return "an earlier training was stopped; beginning again"


def train(data: TrainingData, out: Path, options: TrainingOptions, report: Report) -> TrainingSummary:
    """Train a model and put it into ``out`` in one step; until then, what was there stays in use.

    Args:
        data: What to learn from.
        out: The model folder.
        options: Choices for the run.
        report: Called after every epoch.

    Raises:
        TrainingError: If there is nothing to learn from, or the loss stops being a number.
        OSError: If the folder cannot be written; what was there before is untouched.
    """
    if len(data.knowledge) < 2:
        raise TrainingError("at least two entries are needed: with one there is nothing to tell apart")
    began, began_cpu = time.monotonic(), time.process_time()
    out.mkdir(parents=True, exist_ok=True)
    marker = _Marker(out / MARKER, report)
    torch.set_num_threads(options.threads or 1)  # a second thread saves a third of the time and costs a third more CPU
    torch.manual_seed(options.seed)
    course = _Course(data, options, marker, began + options.minutes * 60)
    result = course.run()
    files, facts = result.files(data, options)
    fingerprint = checkpoint.write(out, files, facts)
    marker.path.unlink(missing_ok=True)
    return TrainingSummary(
        folder=str(out),
        fingerprint=fingerprint,
        entries=len(data.knowledge),
        questions=len(data.knowledge.examples()),
        conversations=len(data.conversations),
        epochs=result.stage.kept,
        seconds=time.monotonic() - began,
        cpu_seconds=time.process_time() - began_cpu,
        parameters=sum(parameter.numel() for parameter in result.model.parameters()),
        megabytes=sum(len(content) for content in files.values()) / 1e6,
        held_out=result.held_out,
        notes=tuple(result.notes),
    )


class _Marker:
    """Leaves a note of where a run stands, so that the next one can say what became of it."""

    def __init__(self, path: Path, report: Report) -> None:
        self.path = path
        self._report = report
        self._note("prepare", 0)

    def __call__(self, progress: Progress) -> None:
        self._note(progress.stage, progress.epoch)
        self._report(progress)

    def _note(self, stage: str, epoch: int) -> None:
        self.path.write_text(json.dumps({"stage": stage, "epoch": epoch, "process": os.getpid()}), "utf-8")


@dataclass
class _Result:
    """What a run produced, before it is written."""

    model: Seq2Seq
    tokenizer: PieceTokenizer
    retriever: HybridRetriever
    ranker: dict[str, dict[str, list[float]]]
    thresholds: Thresholds
    stage: StageOutcome
    held_out: dict[str, float]
    notes: list[str]

    def files(self, data: TrainingData, options: TrainingOptions) -> tuple[dict[str, bytes], dict[str, Any]]:
        """Files and facts of the checkpoint."""
        files = {
            "weights.safetensors": checkpoint.arrays_to_bytes(_weights(self.model)),
            "index.safetensors": checkpoint.arrays_to_bytes(self.retriever.arrays()),
            "tokenizer.json": self.tokenizer.to_json().encode(),
            "knowledge.json": json.dumps(data.knowledge.to_json(), ensure_ascii=False).encode(),
        }
        facts: dict[str, Any] = {
            "sizes": self.model.sizes.to_json(),
            "ranker": self.ranker,
            "thresholds": self.thresholds.to_json(),
            "knowledge": data.knowledge.fingerprint(),
            "training": {
                "seed": options.seed,
                "epochs": self.stage.kept,
                "max_wrong_rate": options.max_wrong_rate,
                "held_out": self.held_out,
                "notes": self.notes,
            },
        }
        return files, facts


class _Course:
    """The steps of a run, and what they share."""

    def __init__(self, data: TrainingData, options: TrainingOptions, report: Report, deadline: float) -> None:
        self._data = data
        self._options = options
        self._report = report
        self._deadline = deadline
        self._began = time.monotonic()
        self._locales = data.knowledge.locales
        self._slots = SlotFinder(options.slots)
        self.tokenizer = _tokenizer(data, self._slots)
        self.reader = QuestionReader(self.tokenizer, self._slots)
        self.writer = SourceWriter(self.tokenizer, self.reader)
        self.notes: list[str] = []

    def run(self) -> _Result:
        """All steps: rehearse where nothing else is held out, train, fit the ranker and the thresholds."""
        knowledge = self._data.knowledge
        self._report(Progress("prepare", 0, 0, 0.0, 0.0, 0.0, 0.0))
        asked = self._validation()
        found = [] if len(asked) >= ENOUGH_VALIDATION else self._rehearse()
        linear = self._linear(knowledge, self._data.background)
        model, stage, speeches = self._train()
        self._report(Progress("finish", 0, 0, 0.0, 0.0, 0.0, 0.0))
        retriever = HybridRetriever.build(knowledge, linear)
        understander = HeadUnderstander(self.reader, _weights(model))
        found += cases(knowledge, understander, retriever, asked)
        follow_ups = cases(knowledge, understander, retriever, self._follow_ups())
        weights, outcomes = fit(found)
        leaning, leaning_outcomes = fit(follow_ups, towards=for_follow_ups(weights))
        thresholds = self._thresholds(outcomes, leaning_outcomes, self._speaking(model, speeches))
        ranker = {"alone": weights.to_json(), "follow_up": leaning.to_json()}
        held_out = _figures(outcomes, thresholds, [bool(right) for _, right in found])
        if leaning_outcomes:
            held_out["follow_ups"] = float(len(leaning_outcomes))
            held_out["follow_ups_best_right"] = sum(one.right for one in leaning_outcomes) / len(leaning_outcomes)
        return _Result(model, self.tokenizer, retriever, ranker, thresholds, stage, held_out, self.notes)

    def _thresholds(self, outcomes: Sequence[Outcome], follow_ups: Sequence[Outcome], generate: float) -> Thresholds:
        """Thresholds for the wanted rate; what it costs in words where no confidence is high enough."""
        rate = self._options.max_wrong_rate
        answer = fit_answer(outcomes, max_wrong_rate=rate)
        if answer == NEVER:
            self.notes.append(
                f"the held-out questions are too few or too hard to keep {rate:.1%} wrong answers: the bot will ask "
                "back or decline; more questions an entry help, or a higher answers.max_wrong_rate"
            )
        follow_up = fit_answer(follow_ups, max_wrong_rate=rate) if len(follow_ups) >= ENOUGH_FOLLOW_UPS else answer
        clarify = fit_clarify([*outcomes, *follow_ups], answer=answer)
        return Thresholds(answer, clarify, generate, follow_up)

    def _validation(self) -> list[tuple[Reading, frozenset[int]]]:
        place = self._data.knowledge.place
        known = [question for question in self._data.validation if question.entries or not question.answer]
        return [(self._reading(one.text), frozenset(place(name) for name in one.entries)) for one in known]

    def _follow_ups(self) -> list[tuple[Reading, frozenset[int]]]:
        """Follow-ups of the logged conversations: understanding never saw them, so they are held out by nature."""
        knowledge = self._data.knowledge
        found: list[tuple[Reading, frozenset[int]]] = []
        for one in follow_ups_of(self._data):
            reading = replace(self._reading(one.text), topic=knowledge[one.topic], before=one.before)
            found.append((reading, frozenset([knowledge.place(one.entry)])))
        return found

    def _reading(self, text: str) -> Reading:
        return Reading(text, detect(text, self._locales))

    def _rehearse(self) -> list[Case]:
        """Cases from a model of a part of the questions."""
        part = split(self._data.knowledge, self._data.background, seed=self._options.seed)
        if not any(place >= 0 for _, place in part.asked):
            self.notes.append("no entry has three questions, so confidence could not be fitted on held-out questions")
            return []
        size = len(part.knowledge)
        lesson = Lesson(questions_of(part.knowledge, part.background), (), ())
        held_out = Lesson(tuple((text, place if place >= 0 else size) for text, place in part.asked), (), ())
        model = self._network(part.knowledge, ())
        pace = self._pace("rehearse", len(lesson.questions), _REHEARSAL_QUESTIONS, share=0.35)
        trainer = Trainer(model, self.tokenizer, self.reader, seed=self._options.seed)
        trainer.fit(lesson, held_out, pace, self._report, chatter=self._data.background)
        retriever = HybridRetriever.build(part.knowledge, self._linear(part.knowledge, part.background))
        asked = [(self._reading(text), frozenset([place] if place >= 0 else [])) for text, place in part.asked]
        return cases(part.knowledge, HeadUnderstander(self.reader, _weights(model)), retriever, asked)

    def _train(self) -> tuple[Seq2Seq, StageOutcome, list[tuple[str, int]]]:
        """The model itself; a few replies are kept from it to judge composing."""
        knowledge = self._data.knowledge
        chance = random.Random(self._options.seed)
        replies = replies_of(knowledge, self.writer, self.tokenizer)
        turns = turns_of(self._data, self.writer, self.tokenizer)
        chance.shuffle(turns)
        kept = len(turns) // 10
        judged = [chance.choice(own) for own in chance.sample(replies, min(60, len(replies))) if len(own) > 3]
        left = {example.source for example in judged}
        taught = [tuple(example for example in own if example.source not in left) for own in replies]
        lesson = Lesson(questions_of(knowledge, self._data.background), tuple(taught), tuple(turns[kept:]))
        model = self._network(knowledge, [*(example for own in replies for example in own[:1]), *turns])
        pace = self._pace("train", len(lesson.questions), _TRAINING_QUESTIONS, share=0.93)
        trainer = Trainer(model, self.tokenizer, self.reader, seed=self._options.seed)
        held_out = Lesson((), (), (*judged, *turns[:kept]))
        stage = trainer.fit(lesson, held_out, pace, self._report, chatter=self._data.background)
        return model, stage, self._speeches(chance)

    def _speeches(self, chance: random.Random) -> list[tuple[str, int]]:
        """Questions to try the finished generator on, with the places of their entries."""
        asked = [(reading.text, min(right)) for reading, right in self._validation() if right]
        if len(asked) < 60:
            asked = self._data.knowledge.examples()
        return chance.sample(asked, min(120, len(asked)))

    def _speaking(self, model: Seq2Seq, asked: Sequence[tuple[str, int]]) -> float:
        """The lowest confidence from which on composed replies are nearly always faithful."""
        generator = Seq2SeqGenerator("", model.sizes.to_json(), _weights(model), self.tokenizer, self.writer)
        entries = self._data.knowledge.entries
        contexts = [Context(text, WorkingMemory(), entries[place]) for text, place in asked]
        outcomes = []
        for context, generation in zip(contexts, generator.generate(contexts), strict=True):
            if generation is not None:
                faithful = generation.finished and _faithful(context, generation.text)
                outcomes.append(Outcome(generation.confidence, faithful, 0.0, faithful))
        return fit_answer(outcomes, max_wrong_rate=1 - _FAITHFUL)

    def _network(self, knowledge: Knowledge, examples: Sequence[Example]) -> Seq2Seq:
        sizes = ModelSizes(self.tokenizer.size, len(knowledge), embedding=128, hidden=96, decoder=192)
        if len(self._data.knowledge.examples()) > LARGE:
            sizes = replace(sizes, embedding=160, hidden=128, decoder=256)
        return initialise(Seq2Seq(sizes, _shortlist(self.tokenizer, examples), dropout=0.3))

    def _linear(self, knowledge: Knowledge, background: Sequence[str]) -> LinearModel | None:
        texts, places = zip(*knowledge.examples(), strict=True)
        return fit_linear([*texts, *background], [*places, *[-1] * len(background)], classes=len(knowledge))

    def _pace(self, stage: str, questions: int, wanted: int, *, share: float) -> Pace:
        epochs = self._options.epochs or min(40, max(FEWEST_EPOCHS, round(wanted / questions)))
        whole = self._deadline - self._began
        patience = epochs if self._options.epochs else 6
        return Pace(stage, epochs, self._began + share * whole, patience=patience)


def _tokenizer(data: TrainingData, slots: SlotFinder) -> PieceTokenizer:
    reader = QuestionReader(PieceTokenizer.bytes_only(), slots)
    questions = [reader.form(question) for question, _ in data.knowledge.examples()]
    answers = [template(entry.answer).text for entry in data.knowledge]
    turns = [logged.turn.text for conversation in data.conversations for logged in conversation.turns]
    others = [reader.form(text) for text in data.background]
    return PieceTokenizer.train([*questions, *answers, *turns, *others], size=MOST_PIECES)


def _shortlist(tokenizer: PieceTokenizer, examples: Sequence[Example]) -> torch.Tensor:
    """Pieces that occur in targets and hold no digit: a digit cannot be written at all."""
    used = {piece for example in examples for piece in example.target} | {tokenizer.end}
    allowed = [
        piece for piece in sorted(used) if tokenizer.is_placeholder(piece) or not _has_digit(tokenizer.piece(piece))
    ]
    return torch.tensor(allowed)


def _has_digit(piece: str) -> bool:
    return any("0" <= character <= "9" for character in piece)  # the byte alphabet uses ¹²³ for bytes of other letters


def _faithful(context: Context, written: str) -> bool:
    return review(written, template(context.entry.answer), {}, [context.question], whole=True)[1].faithful


def _weights(model: Seq2Seq) -> dict[str, NDArray[np.generic]]:
    """Weights by name; shared embeddings stand once."""
    shared = ("encoder.embedding.weight", "decoder.embedding.weight")
    return {name: value.numpy() for name, value in model.state_dict().items() if name not in shared}


def _figures(outcomes: Sequence[Outcome], thresholds: Thresholds, in_scope: Sequence[bool]) -> dict[str, float]:
    """Shares of the held-out questions, for the summary and the checkpoint."""
    if not outcomes:
        return {}
    inside = [one for one, scope in zip(outcomes, in_scope, strict=True) if scope]
    outside = [one for one, scope in zip(outcomes, in_scope, strict=True) if not scope]
    answered = [one for one in outcomes if one.confidence >= thresholds.answer]
    return {
        "questions": float(len(outcomes)),
        "in_scope": float(len(inside)),
        "best_right": sum(one.right for one in inside) / max(1, len(inside)),
        "answered": sum(one.confidence >= thresholds.answer for one in inside) / max(1, len(inside)),
        "wrong_of_answered": sum(not one.right for one in answered) / max(1, len(answered)),
        "out_of_scope_declined": sum(one.confidence < thresholds.answer for one in outside) / max(1, len(outside)),
        "calibration_error": calibration_error(outcomes),
    }
