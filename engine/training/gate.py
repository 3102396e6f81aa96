"""The gate: whether a new model may take the place of the one in use, by the same golden questions asked of both.

**How.** A question is done well where it is answered rightly, or, when no entry answers it, where it is declined. The
candidate is no worse where all of these hold:

- It does not do fewer questions well, nor answer more of them wrongly, by more than ``margin`` of all questions.
- Neither loss shows by itself: the exact one-sided sign test (McNemar's test, 1947, in its exact form) over the
  questions that only one of the two does well, and over those that only one answers wrongly, gives each a probability
  above ``ALPHA`` when nothing were lost.

The margin looks at what was counted, the test at what counting so many cannot have got by chance: a small loss among
many questions is within the one and found by the other. Too few questions say little either way, and then the report
says so.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from engine.knowledge.entries import Knowledge
from engine.promise import binomial_tail
from engine.respond import Engine
from engine.text.language import detect
from engine.text.normalise import clean, matching
from engine.training.evaluate import Judged, evaluate
from engine.training.questions import Question, read_questions

ALPHA = 0.05
MARGIN = 0.01
TELLING = 0.05
"""Golden questions say little where a model may lose this share of all questions without any of them showing it."""

NO_WORSE, WORSE, UNTESTED, FIRST = "no worse", "worse", "untested", "first"
BETTER, REGRESSED, CHANGED = "better", "regressed", "changed"
_SHOWN = 10
_LONGEST = 100


@dataclass(frozen=True, slots=True)
class Counts:
    """What a model did with questions; ``well`` are right in scope or declined out of it."""

    questions: int = 0
    right: int = 0
    wrong: int = 0
    asked: int = 0
    declined: int = 0
    well: int = 0


@dataclass(frozen=True, slots=True)
class Changed:
    """A golden question that two models answer differently: ``better``, ``regressed`` or merely ``changed``.

    ``before`` and ``after`` are ``right``, ``wrong``, ``asked`` or ``declined``; the texts are what the customer reads.
    """

    question: str
    locale: str
    kind: str
    before: str
    after: str
    text_before: str
    text_after: str


@dataclass(frozen=True, slots=True)
class GateReport:
    """What the golden questions say about a candidate beside the model in use.

    ``verdict`` is ``no worse``, ``worse``, ``untested`` (there were no questions) or ``first`` (there is no model in
    use). ``chance_well`` and ``chance_wrong`` are the probabilities of the sign tests, in [0, 1]; ``reasons`` says in
    words what decided. ``by_locale`` holds the counts of both by language, of the model in use first.
    """

    current: str
    candidate: str
    verdict: str
    before: Counts = Counts()
    after: Counts = Counts()
    by_locale: dict[str, tuple[Counts, Counts]] = field(default_factory=dict)
    changes: tuple[Changed, ...] = ()
    chance_well: float = 1.0
    chance_wrong: float = 1.0
    margin: float = MARGIN
    reasons: tuple[str, ...] = ()

    @property
    def promotes(self) -> bool:
        """True where the candidate may take over without anybody being asked."""
        return self.verdict in (NO_WORSE, FIRST)

    @property
    def telling(self) -> float:
        """The share of all questions that may be lost without one golden question showing it, with 95 %."""
        return 1 - ALPHA ** (1 / self.after.questions) if self.after.questions else 1.0

    def of(self, kind: str) -> list[Changed]:
        """The questions that are ``better``, ``regressed`` or ``changed``."""
        return [one for one in self.changes if one.kind == kind]

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {
            "verdict": self.verdict,
            "promotes": self.promotes,
            "reasons": list(self.reasons),
            "current": self.current,
            "candidate": self.candidate,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "by_locale": {
                name: {"before": asdict(before), "after": asdict(after)}
                for name, (before, after) in self.by_locale.items()
            },
            **{kind: len(self.of(kind)) for kind in (BETTER, REGRESSED, CHANGED)},
            "chance_well": round(self.chance_well, 6),
            "chance_wrong": round(self.chance_wrong, 6),
            "alpha": ALPHA,
            "margin": self.margin,
            "telling": round(self.telling, 4),
            "changes": [asdict(one) for one in self.changes],
        }

    def lines(self, names: tuple[str, str] = ("in use", "candidate")) -> list[str]:
        """The report for people, with what both models are called in it."""
        return [
            *self._table(*names),
            *self._changes(),
            f"verdict: {self.verdict}",
            *(f"  {one}" for one in self.reasons),
        ]

    def _table(self, old: str, new: str) -> Iterator[str]:
        if not self.after.questions:
            return
        yield f"{'golden questions':<18}{'count':>7}{'well':>7}{'right':>7}{'wrong':>7}{'asked':>7}{'declined':>10}"
        groups = {"": (self.before, self.after), **(self.by_locale if len(self.by_locale) > 1 else {})}
        for name, (before, after) in groups.items():
            for who, counts in ((old, before), (new, after)):
                if counts is after or self.current:
                    yield f"{f'{name} {who}'.strip():<18}{_row(counts)}"

    def _changes(self) -> Iterator[str]:
        titles = {REGRESSED: "worse than before", BETTER: "better than before", CHANGED: "other words or entry"}
        for kind, title in titles.items():
            found = self.of(kind)
            if found:
                yield f"{title}: {len(found)}"
            yield from (f"  {_short(one.question)} ({one.before} -> {one.after})" for one in found[:_SHOWN])
            if len(found) > _SHOWN:
                yield f"  and {len(found) - _SHOWN:,} more"


def read_golden(paths: Sequence[Path]) -> list[Question]:
    """Golden questions of several files, not yet bound to any knowledge.

    Raises:
        KnowledgeError: If anything in a file is wrong; holds every problem of it.
    """
    return [question for path in paths for question in read_questions(path, Knowledge(()))]


def judge(
    current: Engine | None, candidate: Engine, golden: Sequence[Question], *, margin: float = MARGIN
) -> GateReport:
    """Ask both models the golden questions, and say whether the candidate may take over.

    Args:
        current: The model in use; None where there is none.
        candidate: The one that may take its place.
        golden: Questions with known answers, see ``read_golden``; ids that only one of the models knows are no error.
        margin: The share of all questions, in [0, 1], that may be lost.
    """
    name = current.fingerprint if current else ""
    after = evaluate(candidate, bound(golden, candidate.knowledge)).judged if golden else ()
    unknown = tuple(_unknown(golden, candidate.knowledge))
    if current is None:
        reasons = ("there is no model in use, so there is nothing to be worse than", *unknown)
        return GateReport(name, candidate.fingerprint, FIRST, after=_counts(after), margin=margin, reasons=reasons)
    if not golden:
        reasons = ("there are no golden questions, so nothing says whether it is worse; name some in [models] golden",)
        return GateReport(name, candidate.fingerprint, UNTESTED, margin=margin, reasons=reasons)
    before = evaluate(current, bound(golden, current.knowledge)).judged
    locales = candidate.knowledge.locales or ("en",)
    return _compared(name, candidate.fingerprint, _located(before, locales), _located(after, locales), margin, unknown)


def _compared(
    current: str, candidate: str, before: Sequence[Judged], after: Sequence[Judged], margin: float, notes: Sequence[str]
) -> GateReport:
    pairs = list(zip(before, after, strict=True))
    well = _chance([(is_well(old), is_well(new)) for old, new in pairs])
    wrong = _chance([(old.verdict != "wrong", new.verdict != "wrong") for old, new in pairs])
    names = sorted({one.question.locale for one in after})
    report = GateReport(
        current=current,
        candidate=candidate,
        verdict=NO_WORSE,
        before=_counts(before),
        after=_counts(after),
        by_locale={name: (_counts(before, name), _counts(after, name)) for name in names},
        changes=tuple(found for pair in pairs if (found := _changed(*pair))),
        chance_well=well,
        chance_wrong=wrong,
        margin=margin,
    )
    losses = list(_losses(report))
    if losses:
        return replace(report, verdict=WORSE, reasons=(*losses, *notes))
    return replace(report, reasons=(*_gains(report), *_doubts(report), *notes))


def _losses(report: GateReport) -> Iterator[str]:
    """Why the candidate is worse, in words; nothing where it is not."""
    allowed = math.floor(report.margin * report.after.questions + 1e-9)
    fewer, more = report.before.well - report.after.well, report.after.wrong - report.before.wrong
    if fewer > allowed:
        yield f"{fewer:,} fewer questions are done well, and {allowed:,} fewer would be allowed"
    elif report.chance_well <= ALPHA:
        yield f"{fewer:,} fewer questions are done well, too many for chance (p = {report.chance_well:.4f})"
    if more > allowed:
        yield f"{more:,} more questions are answered wrongly, and {allowed:,} more would be allowed"
    elif report.chance_wrong <= ALPHA:
        yield f"{more:,} more questions are answered wrongly, too many for chance (p = {report.chance_wrong:.4f})"


def _gains(report: GateReport) -> Iterator[str]:
    well, wrong = report.after.well - report.before.well, report.after.wrong - report.before.wrong
    yield f"done well {well:+,}, answered wrongly {wrong:+,}, of {report.after.questions:,} questions"


def _doubts(report: GateReport) -> Iterator[str]:
    if report.telling > TELLING:
        needed = math.ceil(math.log(ALPHA) / math.log(1 - TELLING))
        yield (
            f"{report.after.questions:,} golden questions are too few to tell: a model that loses {report.telling:.0%} "
            f"of all questions may pass them; {needed} would show a loss of {TELLING:.0%}"
        )


def _chance(pairs: Iterable[tuple[bool, bool]]) -> float:
    """The probability of at least so many losses among the pairs that differ, if a loss were as likely as a gain."""
    differing = [old for old, new in pairs if old != new]
    lost = sum(differing)
    return float(binomial_tail(len(differing) - lost, len(differing), 0.5)) if lost else 1.0


def is_well(one: Judged) -> bool:
    """True where a question was done well: answered rightly, or declined where no entry answers it."""
    return one.verdict == ("right" if one.question.in_scope else "declined")


def _rank(one: Judged) -> int:
    return 2 if is_well(one) else 0 if one.verdict == "wrong" else 1


def _changed(old: Judged, new: Judged) -> Changed | None:
    """What became of a question; None where it gets the same words from the same entry."""
    same = (old.response.text, old.response.entry) == (new.response.text, new.response.entry)
    if same and old.verdict == new.verdict:
        return None
    kind = BETTER if _rank(new) > _rank(old) else REGRESSED if _rank(new) < _rank(old) else CHANGED
    asked, texts = new.question, (old.response.text, new.response.text)
    return Changed(asked.text, asked.locale, kind, old.verdict, new.verdict, *texts)


def bound(golden: Sequence[Question], knowledge: Knowledge) -> list[Question]:
    """The questions with the entries of a knowledge that have the answer, where no id was given."""
    by_answer: dict[str, set[str]] = {}
    for entry in knowledge:
        by_answer.setdefault(matching(entry.answer), set()).add(entry.id)
    return [
        one
        if one.entries or not one.answer
        else replace(one, entries=frozenset(by_answer.get(matching(one.answer), ())))
        for one in golden
    ]


def _unknown(golden: Sequence[Question], knowledge: Knowledge) -> Iterator[str]:
    """A sentence about golden questions that no answer of the candidate can be right for."""
    lost = [one for one in golden if one.entries and not any(name in knowledge for name in one.entries)]
    if lost:
        names = sorted({name for one in lost for name in one.entries})
        shown = ", ".join(names[:5]) + (f" and {len(names) - 5:,} more" if len(names) > 5 else "")
        yield f"{len(lost):,} golden questions are about entries that the candidate does not have: {shown}"


def _located(judged: Sequence[Judged], locales: Sequence[str]) -> list[Judged]:
    """The same, each question with its language."""
    return [
        one
        if one.question.locale
        else replace(one, question=replace(one.question, locale=detect(one.question.text, tuple(locales))))
        for one in judged
    ]


def _counts(judged: Sequence[Judged], locale: str | None = None) -> Counts:
    found = [one for one in judged if locale is None or one.question.locale == locale]
    verdicts = {name: sum(one.verdict == name for one in found) for name in ("right", "wrong", "asked", "declined")}
    return Counts(questions=len(found), well=sum(map(is_well, found)), **verdicts)


def _row(counts: Counts) -> str:
    shown = f"{counts.questions:>7,}{counts.well:>7,}{counts.right:>7,}{counts.wrong:>7,}"
    return f"{shown}{counts.asked:>7,}{counts.declined:>10,}"


def _short(text: str) -> str:
    line = " ".join(clean(text).split())  # nothing that a terminal would obey
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
