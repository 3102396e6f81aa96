"""How a model fares on questions with known answers: right, wrong, asked back, declined, by language and kind."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from engine.dialogue import Grade, Source
from engine.ports import Response
from engine.promise import Promise
from engine.respond import Engine
from engine.text.normalise import matching
from engine.training.questions import Question, read_questions
from engine.training.report import HeldOut, Report, report

__all__ = ["Evaluation", "Judged", "evaluate", "read_questions"]

SIDE_BY_SIDE = 64
_ANSWERS = (Source.GENERATED, Source.RETRIEVED)


@dataclass(frozen=True, slots=True)
class Judged:
    """A question, the response to it, and what that was: ``right``, ``wrong``, ``asked`` back or ``declined``.

    A near miss is declined, though it offers what lies nearest. ``offered`` says whether the right entry was among the
    choices, ``best`` whether the best candidate was right, whatever was done.
    """

    question: Question
    response: Response
    verdict: str
    offered: bool
    best: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts of verdicts over a group of questions."""

    count: int
    right: int
    wrong: int
    asked: int
    asked_well: int
    declined: int
    best: int

    def share(self, name: str) -> float:
        """A count as a share of the group, in [0, 1]."""
        return float(getattr(self, name)) / self.count if self.count else 0.0


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All judged questions, and how long they took in seconds."""

    judged: tuple[Judged, ...]
    seconds: float
    promise: Promise | None = None

    def report(self) -> Report:
        """How far these answers could be trusted, beside what the model promises."""
        return report([_held_out(one) for one in self.judged], self.promise)

    def to_json(self) -> dict[str, Any]:
        """Figures as plain data: in scope, out of scope, by language and by kind."""
        answered = [one for one in self.judged if one.response.provenance.source in _ANSWERS]
        return {
            "questions": len(self.judged),
            "seconds": round(self.seconds, 3),
            "per_second": round(len(self.judged) / self.seconds, 1) if self.seconds else 0.0,
            "in_scope": _figures(one for one in self.judged if one.question.in_scope),
            "out_of_scope": _figures(one for one in self.judged if not one.question.in_scope),
            "by_locale": _groups(self.judged, "locale"),
            "by_kind": _groups(self.judged, "kind"),
            "wrong_of_answered": round(sum(one.verdict == "wrong" for one in answered) / max(1, len(answered)), 4),
            "generated_of_answered": round(
                sum(one.response.provenance.source is Source.GENERATED for one in answered) / max(1, len(answered)), 4
            ),
            "report": self.report().to_json(),
        }

    def lines(self) -> list[str]:
        """The figures as a table for people."""
        head = f"{'':<28}{'count':>7}{'right':>8}{'wrong':>8}{'asked':>8}{'declined':>10}{'best right':>12}"
        table = [head]
        for name, group in self._tables():
            tally = _tally(group)
            table.append(
                f"{name:<28}{tally.count:>7}{tally.share('right'):>8.1%}{tally.share('wrong'):>8.1%}"
                f"{tally.share('asked'):>8.1%}{tally.share('declined'):>10.1%}{tally.share('best'):>12.1%}"
            )
        data = self.to_json()
        table.append(
            f"of all answers {data['wrong_of_answered']:.1%} wrong, {data['generated_of_answered']:.0%} composed by "
            f"the generator; {data['per_second']:.0f} questions a second"
        )
        return [*table, "", *self.report().lines()]

    def _tables(self) -> list[tuple[str, list[Judged]]]:
        inside = [one for one in self.judged if one.question.in_scope]
        outside = [one for one in self.judged if not one.question.in_scope]
        tables = [("in scope", inside)]
        tables += [(f"  {name}", group) for name, group in _by(inside, "locale")]
        tables += [(f"  {name}", group) for name, group in _by(inside, "kind")]
        tables += [("out of scope", outside)] if outside else []
        tables += [(f"  {name}", group) for name, group in _by(outside, "locale")]
        return tables + [(f"  {name}", group) for name, group in _by(outside, "kind")]


def evaluate(engine: Engine, questions: Sequence[Question]) -> Evaluation:
    """Ask every question by itself and judge the response."""
    began = time.monotonic()
    responses: list[Response] = []
    for at in range(0, len(questions), SIDE_BY_SIDE):
        responses += engine.respond_many([question.text for question in questions[at : at + SIDE_BY_SIDE]])
    seconds = time.monotonic() - began
    return Evaluation(tuple(judge(*pair) for pair in zip(questions, responses, strict=True)), seconds, engine.promise)


def judge(question: Question, response: Response) -> Judged:
    """What a response to a question with known answers is; asking for what the right entry needs is right as well."""
    source = response.provenance.source
    offered = any(choice.entry in question.entries for choice in response.choices)
    best = bool(response.candidates) and response.candidates[0].entry in question.entries
    if source is Source.CLARIFY and response.entry is not None:
        verdict = "right" if response.entry in question.entries else "wrong"
    elif source is Source.CLARIFY:
        verdict = "declined" if response.provenance.grade is Grade.NEAR_MISS else "asked"
    elif source is Source.HANDOFF and response.entry in question.entries:
        verdict = "right"
    elif source not in _ANSWERS:
        verdict = "declined"
    else:
        verdict = "right" if _is_right(question, response) else "wrong"
    return Judged(question, response, verdict, offered, best)


def _is_right(question: Question, response: Response) -> bool:
    if question.entries:
        return response.entry in question.entries
    return bool(question.answer) and matching(response.text) == matching(question.answer)


def _held_out(one: Judged) -> HeldOut:
    answered = one.verdict in ("right", "wrong")
    confidence = min(max(one.response.confidence, 0.0), 1.0)
    right = one.verdict == "right" if answered else one.best
    entry = min(one.question.entries, default="")
    return HeldOut(entry, one.question.locale, one.question.in_scope, confidence, right, answered)


def _tally(group: Sequence[Judged]) -> Tally:
    count = {name: sum(one.verdict == name for one in group) for name in ("right", "wrong", "asked", "declined")}
    asked_well = sum(one.verdict == "asked" and one.offered for one in group)
    return Tally(len(group), asked_well=asked_well, best=sum(one.best for one in group), **count)


def _figures(judged: Iterable[Judged]) -> dict[str, Any]:
    tally = _tally(list(judged))
    shares = {
        name: round(tally.share(name), 4) for name in ("right", "wrong", "asked", "asked_well", "declined", "best")
    }
    return {"count": tally.count, **shares}


def _by(judged: Iterable[Judged], what: str) -> list[tuple[str, list[Judged]]]:
    groups: dict[str, list[Judged]] = {}
    for one in judged:
        groups.setdefault(str(getattr(one.question, what)), []).append(one)
    return sorted((name, group) for name, group in groups.items() if name)


def _groups(judged: Sequence[Judged], what: str) -> dict[str, Any]:
    return {
        name: {
            "in_scope": _figures(one for one in group if one.question.in_scope),
            "out_of_scope": _figures(one for one in group if not one.question.in_scope),
        }
        for name, group in _by(judged, what)
    }
