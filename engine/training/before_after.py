"""What a fine-tuning taught and what it let be forgotten: the same questions, asked of the model before and after.

**Old questions** are those that the earlier model was judged by: the validation questions that it holds, and the golden
questions about entries that it knows. They show what was forgotten, and stand apart by whether an entry answers them or
they are to be declined.

**New questions** are held out where there are other ways to ask for what is new, among the validation questions that
were named and the golden ones; they show what was learned. The new pairs themselves are asked as well: the model was
taught just these, so they show only whether it took them in.

How sure a model must be is fitted on validation questions. So where those are asked, which entry is likeliest was never
taught (``best``), but how much is answered is what suits them; golden questions are free of that.

An answer to a new question is right where it is the *new* answer: an earlier model that finds the entry and gives its
old answer is not. A question that was taught as new is no test of what is old, nor of how it would fare unseen.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.knowledge.entries import Knowledge
from engine.respond import Engine
from engine.text.normalise import matching
from engine.training.evaluate import Evaluation, evaluate
from engine.training.gate import bound, is_well
from engine.training.questions import Question

MOST = 200
"""Questions of a kind that are asked; of more, so many are drawn. Each share is then off by at most 7 points (95 %)."""

KINDS = {
    "old": "old questions",
    "old_to_decline": "old, to be declined",
    "new_held_out": "new, held out",
    "new_taught": "new, as taught",
}
_SEED = 1


@dataclass(frozen=True, slots=True)
class Shares:
    """What a model did, as shares in [0, 1]; ``right`` is declined where no entry answers, and ``best`` is then None.

    ``best`` is the share of questions whose likeliest entry was right, whatever was done with it.
    """

    right: float
    wrong: float
    best: float | None


@dataclass(frozen=True, slots=True)
class Row:
    """Questions of one kind, and how both models fared; ``of`` is how many there were to draw from."""

    kind: str
    questions: int
    of: int
    before: Shares
    after: Shares


@dataclass(frozen=True, slots=True)
class BeforeAfter:
    """How two models, named by their fingerprints, fare on the questions of each kind that there are."""

    before: str
    after: str
    rows: tuple[Row, ...]

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data, by kind."""
        return {"before": self.before, "after": self.after, **{row.kind: _row_to_json(row) for row in self.rows}}

    def lines(self) -> list[str]:
        """A table for people, and what its rows do not say by themselves."""
        if not self.rows:
            return []
        table = [f"{'before -> after':<20}{'count':>7}{'right':>18}{'wrong':>18}{'best right':>18}"]
        table += [
            f"{KINDS[row.kind]:<20}{row.questions:>7,}{_pair(row.before.right, row.after.right):>18}"
            f"{_pair(row.before.wrong, row.after.wrong):>18}{_pair(row.before.best, row.after.best):>18}"
            for row in self.rows
        ]
        return [*table, *self._remarks()]

    def _remarks(self) -> Iterator[str]:
        kinds = {row.kind for row in self.rows}
        if "new_taught" in kinds and "new_held_out" not in kinds:
            yield "  no other ways to ask for what is new are known (--validation), so only the taught ones were asked"
        if not kinds & {"old", "old_to_decline"}:
            yield "  there are neither validation nor golden questions about what it knew: what it forgot is unknown"
        for row in self.rows:
            if row.of > row.questions:
                yield f"  {KINDS[row.kind]}: {row.questions:,} drawn of {row.of:,}"


def questions_about(
    earlier: Knowledge,
    now: Knowledge,
    *,
    judged_by: Sequence[Question] = (),
    golden: Sequence[Question] = (),
    validation: Sequence[Question] = (),
) -> dict[str, list[Question]]:
    """The questions of each kind of ``KINDS``, each text once.

    Args:
        earlier: What the earlier model knows.
        now: What it was taught together with that.
        judged_by: Validation questions that the earlier model holds.
        golden: Golden questions, see ``engine.training.gate.read_golden``; ids that nobody knows are passed over.
        validation: Validation questions that came with what is new; what they say holds before all others.
    """
    taught = _taught(earlier, now)
    fresh = {name for one in taught for name in one.entries}
    forms = {matching(one.text) for one in taught}
    former = {matching(one.text): one for one in (*judged_by, *bound(bound(golden, earlier), now))}
    held_out = {matching(one.text): one for one in bound(validation, now)}
    found: dict[str, list[Question]] = {kind: [] for kind in KINDS}
    for form, one in {**former, **held_out}.items():
        if form in forms:
            continue
        if form in former and not one.in_scope:
            found["old_to_decline"].append(one)
        elif form in former and any(name in earlier for name in one.entries):
            found["old"].append(one)
        elif one.entries & fresh:
            found["new_held_out"].append(one)
    found["new_taught"] = taught
    return found


def before_and_after(before: Engine, after: Engine, questions: Mapping[str, Sequence[Question]]) -> BeforeAfter:
    """Ask both models the questions of each kind, at most ``MOST`` of a kind.

    Args:
        before: The earlier model. Neither needs to compose: what counts is the entry.
        after: The one that was made from it.
        questions: By kind, from ``questions_about``.
    """
    drawn = {kind: _drawn(questions[kind]) for kind in KINDS if questions.get(kind)}
    rows = []
    for kind, some in drawn.items():
        renewed = kind.startswith("new")
        old, new = (
            _shares(evaluate(engine, [_as_known(one, engine, after) for one in some] if renewed else some))
            for engine in (before, after)
        )
        rows.append(Row(kind, len(some), len(questions[kind]), old, new))
    return BeforeAfter(before.fingerprint, after.fingerprint, tuple(rows))


def _taught(earlier: Knowledge, now: Knowledge) -> list[Question]:
    """The pairs that are new: new questions, and every question of an entry with a new answer."""
    found: dict[str, Question] = {}
    for entry in now:
        known: set[str] = set()
        if entry.id in earlier and matching(earlier[entry.id].answer) == matching(entry.answer):
            known = {matching(question) for question in earlier[entry.id].questions}
        for text in entry.questions:
            form = matching(text)
            if form not in known:
                same = found[form].entries if form in found else frozenset[str]()
                found[form] = Question(text, same | {entry.id}, locale=entry.locale)
    return list(found.values())


def _as_known(question: Question, engine: Engine, after: Engine) -> Question:
    """The question as this model can be right about it: with those of its entries that have the new answer."""
    wanted = {matching(after.knowledge[name].answer) for name in question.entries if name in after.knowledge}
    right = frozenset(
        name
        for name in question.entries
        if name in engine.knowledge and matching(engine.knowledge[name].answer) in wanted
    )
    if right:
        return replace(question, entries=right)
    answer = next((after.knowledge[name].answer for name in sorted(question.entries) if name in after.knowledge), "")
    return replace(question, entries=frozenset(), answer=answer or question.answer or question.text)


def _drawn(questions: Sequence[Question]) -> list[Question]:
    """All of them, or so many as are asked, the same ones each time."""
    if len(questions) <= MOST:
        return list(questions)
    places = sorted(random.Random(_SEED).sample(range(len(questions)), MOST))
    return [questions[place] for place in places]


def _shares(result: Evaluation) -> Shares:
    judged = result.judged
    inside = all(one.question.in_scope for one in judged)
    right, wrong, best = (
        sum(found) / len(judged)
        for found in (
            [is_well(one) for one in judged],
            [one.verdict == "wrong" for one in judged],
            [one.best for one in judged],
        )
    )
    return Shares(right, wrong, best if inside else None)


def _pair(before: float | None, after: float | None) -> str:
    return "-" if before is None or after is None else f"{before:.1%} -> {after:.1%}"


def _row_to_json(row: Row) -> dict[str, Any]:
    shares = {
        name: {key: round(value, 4) for key in ("right", "wrong", "best") if (value := getattr(one, key)) is not None}
        for name, one in (("before", row.before), ("after", row.after))
    }
    return {"questions": row.questions, "of": row.of, **shares}
