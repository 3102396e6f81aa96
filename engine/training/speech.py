"""The composer of a run: taught by teacher forcing, then tried, to know from which confidence on it may speak."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence

import torch

from engine.calibration import Outcome, fit_answer
from engine.faithfulness import review
from engine.knowledge.template import template
from engine.memory import WorkingMemory
from engine.ports import Context
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.model import Seq2Seq
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import PieceTokenizer
from engine.training.composing import PATIENCE, RATE, REPLIES_EACH, ComposingTrainer, Pace
from engine.training.data import TrainingData
from engine.training.lesson import Example, Lesson, replies_of, turns_of
from engine.training.loop import Outcome as Training
from engine.training.options import TrainingOptions
from engine.training.running import Running
from engine.training.start import Start
from engine.training.steps import weights_of

_FAITHFUL = 0.9
_JUDGED = 60  # replies that are kept from it
_TRIED = 120  # questions that it is tried on


def teach(
    data: TrainingData,
    start: Start,
    writer: SourceWriter,
    options: TrainingOptions,
    deadline: float,
    running: Running,
) -> tuple[Seq2Seq, Training]:
    """A trained composer, and how its training ended; a few replies are kept from it to stop in time."""
    chance, tokenizer = random.Random(options.seed), start.tokenizer
    composable = replies_of(data.knowledge, writer, tokenizer, chance)
    replies, old = ([own for one, own in composable if start.is_fresh(one) is fresh] for fresh in (True, False))
    turns = turns_of(data, writer, tokenizer)
    chance.shuffle(turns)
    kept = len(turns) // 10
    every = [*replies, *old]
    judged = [chance.choice(own) for own in chance.sample(every, min(_JUDGED, len(every))) if len(own) > 3]
    left = {example.source for example in judged}
    lesson = Lesson(_without(left, replies), tuple(turns[kept:]), _without(left, old), start.replayed_share)
    shortlist = _shortlist(tokenizer, [*(example for own in every for example in own[:1]), *turns])
    model = start.composer(shortlist)
    each = len(lesson.draw(random.Random(0), each=REPLIES_EACH))
    epochs = options.epochs or start.composing_epochs(each)
    pace = Pace(epochs, deadline, patience=options.epochs or PATIENCE, rate=RATE * start.composing_rate)
    trainer = ComposingTrainer(model, tokenizer, seed=options.seed)
    return model, trainer.fit(lesson, [*judged, *turns[:kept]], pace, running)


def _without(
    left: Collection[tuple[int, ...]], replies: Sequence[Sequence[Example]]
) -> tuple[tuple[Example, ...], ...]:
    return tuple(tuple(example for example in own if example.source not in left) for own in replies)


def sure_enough(
    model: Seq2Seq,
    tokenizer: PieceTokenizer,
    writer: SourceWriter,
    data: TrainingData,
    asked: Sequence[tuple[str, int]],
    *,
    seed: int,
) -> float:
    """The lowest confidence from which on composed replies are nearly always faithful.

    Args:
        model: The composer.
        tokenizer: Its pieces.
        writer: Writes sources.
        data: The knowledge that it composes from.
        asked: Questions with the places of their entries; some are drawn.
        seed: Of what is drawn.
    """
    generator = Seq2SeqGenerator("", model.sizes.to_json(), weights_of(model), tokenizer, writer)
    drawn = random.Random(seed).sample(list(asked), min(_TRIED, len(asked)))
    contexts = [Context(text, WorkingMemory(), data.knowledge.entries[place]) for text, place in drawn]
    outcomes = []
    for context, generation in zip(contexts, generator.generate(contexts), strict=True):
        if generation is not None:
            faithful = generation.finished and _faithful(context, generation.text)
            outcomes.append(Outcome(generation.confidence, faithful, 0.0, faithful))
    return fit_answer(outcomes, max_wrong_rate=1 - _FAITHFUL)


def _faithful(context: Context, written: str) -> bool:
    return review(written, template(context.entry.answer), {}, [context.question], whole=True)[1].faithful


def _shortlist(tokenizer: PieceTokenizer, examples: Sequence[Example]) -> torch.Tensor:
    """Pieces that occur in targets and hold no digit: a digit cannot be written at all."""
    used = {piece for example in examples for piece in example.target} | {tokenizer.end}
    allowed = [
        piece for piece in sorted(used) if tokenizer.is_placeholder(piece) or not _has_digit(tokenizer.piece(piece))
    ]
    return torch.tensor(allowed)


def _has_digit(piece: str) -> bool:
    return any("0" <= character <= "9" for character in piece)  # the byte alphabet uses ¹²³ for bytes of other letters
