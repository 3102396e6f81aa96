"""Everything that can be measured about a trained model, for a report that a person reads.

Questions are asked of the engine without its composer, which changes no verdict and takes most of the time. The
composer is measured by itself, on the entries that are right, so that what it does badly does not hide behind what
understanding does badly.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from importlib.metadata import PackageNotFoundError, version
from platform import python_version
from typing import Any

from engine.checkpoint import Checkpoint
from engine.errors import CheckpointError, GenerationError
from engine.knowledge.entries import SMALL_TALK, Entry, Knowledge
from engine.knowledge.template import template
from engine.memory import WorkingMemory
from engine.ports import Context
from engine.respond import Engine
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.training.earlier import VALIDATION
from engine.training.evaluate import Judged, evaluate
from engine.training.history import History, read_history
from engine.training.inside import AttentionMap, GateActivity, Inside, Surprise
from engine.training.judging import Judgement, judge_texts
from engine.training.mistakes import (
    Bin,
    Confusion,
    Example,
    Recall,
    confusions,
    longest,
    recalls,
    reliability,
    worst,
)
from engine.training.questions import Question
from engine.training.report import Report
from engine.understand.slots import SlotFinder

MOST_COMPOSED = 300
"""Questions that the composer is measured on; of more, some are drawn."""
MOST_EXAMPLES = 40
"""Confusions, and wrong answers, that are kept."""
_LONGEST = 10
_SENTENCES = 3  # that are looked at from inside
_EASY_TO_SEE = 40  # characters of a question and of a template that make a map that can be read
_NOT_HERE = ("report", "generated_of_answered")  # of an evaluation
_PACKAGES = ("attendant", "torch", "numpy", "tokenizers", "sacrebleu")

HELD_OUT, OWN, FILE = "held out", "own", "file"


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions with known answers, and where they are from.

    ``origin`` is ``held out`` for those that the model was judged by after its training, ``own`` for those that it
    learned from, ``file`` for those of a file, whose name is ``source``.
    """

    questions: tuple[Question, ...]
    origin: str
    source: str = ""


@dataclass(frozen=True, slots=True)
class Composing:
    """The composer by itself: ``judgements`` by language, ``""`` for all; drawn from ``of`` questions.

    ``surprise`` is how surprised it is by the entries' answers to these questions; ``held_out`` the perplexity of
    replies that were kept from its training, None where no history was kept. ``refused`` counts the entries that it
    may not compose from.
    """

    judgements: Mapping[str, Judgement]
    of: int
    refused: int
    surprise: Surprise | None
    held_out: float | None


@dataclass(frozen=True, slots=True)
class Appraisal:
    """What was measured. ``decisions`` are the figures of ``engine.training.evaluate`` without its report; ``facts``
    what the model was made from, ``versions`` those of the packages that measured; ``notes`` what could not be measured
    and why.
    """

    fingerprint: str
    entries: int
    origin: str
    source: str
    report: Report
    decisions: Mapping[str, Any]
    recalls: tuple[Recall, ...]
    bins: tuple[Bin, ...]
    confusions: tuple[Confusion, ...]
    worst: tuple[Example, ...]
    longest: tuple[Example, ...]
    composing: Composing | None
    attention: tuple[AttentionMap, ...]
    gates: tuple[GateActivity, ...]
    history: History | None
    facts: Mapping[str, Any]
    versions: Mapping[str, str]
    titles: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        data = {name: _plain(getattr(self, name)) for name in self.__slots__}
        return {**data, "report": self.report.to_json(), "history": self.history and self.history.to_json()}

    def figures(self) -> dict[str, float]:
        """The figures that sum it up, by name: shares in [0, 1], BLEU and chrF in [0, 100]."""
        found = {f"recall@{one.depth}": one.share for one in self.recalls}
        found |= {"coverage": self.report.coverage, "wrong_rate": self.report.wrong_rate, "aurc": self.report.aurc}
        found["calibration_error"] = self.report.error_after
        if self.composing is not None:
            found |= _of_composing(self.composing)
        return found


def stored_questions(model: Checkpoint, knowledge: Knowledge) -> Asked:
    """The questions that a model was judged by; where it holds none, those that it learned from.

    Raises:
        CheckpointError: If they cannot be read.
    """
    if VALIDATION in model.files:
        try:
            rows = json.loads(model.path(VALIDATION).read_bytes())
            held = [Question(row["text"], frozenset(row["entries"]), locale=row["locale"]) for row in rows]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise CheckpointError(f"{model.folder}: {VALIDATION} cannot be read: {error!r}; train again") from error
        if held:
            return Asked(tuple(held), HELD_OUT)
    own = [
        Question(text, frozenset([entry.id]), locale=entry.locale) for entry in knowledge for text in entry.questions
    ]
    return Asked(tuple(own), OWN)


def appraise(
    engine: Engine,
    model: Checkpoint,
    asked: Asked,
    *,
    slots: Mapping[str, str] | None = None,
    examples: int = MOST_EXAMPLES,
    seed: int = 1,
) -> Appraisal:
    """Measure a model.

    Args:
        engine: The engine that was loaded from it.
        model: The model as it was read.
        asked: What it is asked.
        slots: Patterns for values, as in the configuration.
        examples: Confusions and wrong answers that are kept at most.
        seed: Of what is drawn for the composer.
    """
    silent = copy(engine)
    silent.generator = None
    evaluation = evaluate(silent, [_with_locale(one, engine) for one in asked.questions])
    judged = evaluation.judged
    notes: list[str] = []
    history = _history(model, notes)
    inside = _inside(engine, model, slots or {}, notes)
    composing = _composing(engine, inside, judged, history, seed, notes)
    shown = _telling(judged, engine.knowledge)
    confused = confusions(judged, examples)
    bad = worst(judged, examples)
    return Appraisal(
        fingerprint=engine.fingerprint,
        entries=len(engine.knowledge),
        origin=asked.origin,
        source=asked.source,
        report=evaluation.report(),
        decisions={name: value for name, value in evaluation.to_json().items() if name not in _NOT_HERE},
        recalls=recalls(judged),
        bins=reliability(judged),
        confusions=confused,
        worst=bad,
        longest=longest(judged, _LONGEST),
        composing=composing,
        attention=_maps(inside, shown) if composing is not None else (),
        gates=tuple(inside.gates(question) for question, _ in shown) if inside is not None else (),
        history=history,
        facts=_facts(model),
        versions=_versions(),
        titles={entry.id: entry.questions[0] for entry in engine.knowledge},
        notes=tuple(notes),
    )


def _with_locale(question: Question, engine: Engine) -> Question:
    return question if question.locale else replace(question, locale=engine.locale(question.text))


def _history(model: Checkpoint, notes: list[str]) -> History | None:
    try:
        return read_history(model)
    except CheckpointError as error:
        notes.append(str(error))
        return None


def _inside(engine: Engine, model: Checkpoint, slots: Mapping[str, str], notes: list[str]) -> Inside | None:
    if not isinstance(engine.generator, Seq2SeqGenerator):
        notes.append("the model has no composer of ours, so it was not looked at from inside")
        return None
    try:
        return Inside.of(model, engine.generator, SlotFinder(slots))
    except KeyError as error:
        notes.append(f"the networks were not looked at from inside: {error} is missing among their weights")
        return None


def _composing(
    engine: Engine,
    inside: Inside | None,
    judged: Sequence[Judged],
    history: History | None,
    seed: int,
    notes: list[str],
) -> Composing | None:
    """The composer on questions whose entry is known; the right entry is handed to it."""
    inside_scope = [_right(one, engine.knowledge) for one in judged if one.question.entries]
    if inside is None or engine.generator is None or not inside_scope:
        return None
    drawn = random.Random(seed).sample(inside_scope, min(MOST_COMPOSED, len(inside_scope)))
    try:
        generations = engine.generator.generate([Context(text, WorkingMemory(), entry) for text, entry in drawn])
        surprise = inside.surprise(drawn)
    except GenerationError as error:
        notes.append(f"nothing was composed: {error}")
        return None
    told = [(one.text, entry) for one, (_, entry) in zip(generations, drawn, strict=True) if one is not None]
    return Composing(_judgements(told), len(inside_scope), len(drawn) - len(told), surprise, _held_out(history))


def _judgements(told: Sequence[tuple[str, Entry]]) -> dict[str, Judgement]:
    """Composed texts judged together and by language; numbers and names stand as placeholders on both sides."""
    groups: dict[str, list[tuple[str, str]]] = {"": []}
    for text, entry in told:
        pair = (text, template(entry.answer).text)
        groups[""].append(pair)
        groups.setdefault(entry.locale, []).append(pair)
    named = {name: pairs for name, pairs in groups.items() if not name or len(pairs) < len(told)}
    return {
        name: judge_texts([one for one, _ in pairs], [other for _, other in pairs]) for name, pairs in named.items()
    }


def _held_out(history: History | None) -> float | None:
    """The perplexity that composing ended with, of the epoch that was kept."""
    for curve in reversed(history.curves() if history else []):
        if curve.stage == "compose" and curve.best is not None and curve.best.validation is not None:
            return math.exp(min(curve.best.validation, 700.0))
    return None


def _right(one: Judged, knowledge: Knowledge) -> tuple[str, Entry]:
    """A question and the entry to answer it from: of several right ones the candidate that came first."""
    names = [candidate.entry for candidate in one.response.candidates if candidate.entry in one.question.entries]
    return one.question.text, knowledge[names[0] if names else min(one.question.entries)]


def _telling(judged: Sequence[Judged], knowledge: Knowledge) -> list[tuple[str, Entry]]:
    """A few questions to look at from inside: of different entries, of every language, neither short nor long."""
    found = [_right(one, knowledge) for one in judged if one.question.entries]
    usable = [pair for pair in found if template(pair[1].answer).whole and SMALL_TALK not in pair[1].tags]
    usable.sort(
        key=lambda pair: sum(abs(len(text) - _EASY_TO_SEE) for text in (pair[0], template(pair[1].answer).text))
    )
    chosen: dict[str, tuple[str, Entry]] = {}
    for locale in [*knowledge.locales, *knowledge.locales, *knowledge.locales]:
        own = (pair for pair in usable if pair[1].locale == locale and pair[1].id not in chosen)
        pair = next(own, None)
        if pair is not None and len(chosen) < _SENTENCES:
            chosen[pair[1].id] = pair
    return list(chosen.values())


def _maps(inside: Inside | None, shown: Sequence[tuple[str, Entry]]) -> tuple[AttentionMap, ...]:
    found = [inside.attention(*pair) for pair in shown] if inside is not None else []
    return tuple(one for one in found if one is not None)


def _facts(model: Checkpoint) -> dict[str, Any]:
    """What the manifest says of where the model comes from; what is measured here is left out."""
    training: Any = model.facts.get("training", {})
    kept = {name: value for name, value in training.items() if name not in ("report", "history")}
    encoder: Any = model.facts.get("encoder", {})
    found = {"data": model.facts.get("knowledge", ""), "encoder": encoder.get("name", ""), "training": kept}
    return {**found, **{name: model.facts[name] for name in ("sizes", "thresholds") if name in model.facts}}


def _versions() -> dict[str, str]:
    """Versions of what measured; packages that are not there are left out."""
    found = {"python": python_version()}
    for name in _PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _of_composing(composing: Composing) -> dict[str, float]:
    whole = composing.judgements.get("")
    found: dict[str, float] = {}
    if whole is not None and whole.texts:
        found = {"exact": whole.exact, "distinct_1": whole.distinct_1, "distinct_2": whole.distinct_2}
    if whole is not None and whole.overlap is not None:
        found |= {"bleu": whole.overlap.bleu, "chrf": whole.overlap.chrf}
    if composing.surprise is not None:
        found["perplexity"] = composing.surprise.perplexity
    return found


def _plain(value: Any) -> Any:
    """Values as JSON knows them."""
    if hasattr(value, "__dataclass_fields__"):
        return _plain({name: getattr(value, name) for name in value.__dataclass_fields__})
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else value
