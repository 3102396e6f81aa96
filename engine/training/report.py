"""How far a model can be trusted on questions that it was not trained on: risk and coverage, calibration, groups.

After training it is made from the held-out questions, by an evaluation from those of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from engine.calibration import Outcome, calibration_error
from engine.promise import DOUBT, Promise, binomial_tail

POINTS = 50
_WORST = 10  # entries that are shown to people
_COLUMNS, _ROWS = 60, 16
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 560, 320, 64, 16, 16, 48


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One question that the model was not trained on, and what became of it.

    ``entry`` is the entry that answers it (of several the first), empty where ``in_scope`` is False or none is known.
    ``confidence`` is that of the best candidate, ``right`` whether that candidate is right, ``answered`` whether it was
    given. ``raw`` is the top probability of understanding alone, in [0, 1], None where it is not known.
    """

    entry: str
    locale: str
    in_scope: bool
    confidence: float
    right: bool
    answered: bool
    raw: float | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """What answering from ``threshold`` on comes to: the share of questions answered, and of these the wrong ones."""

    coverage: float
    wrong_rate: float
    threshold: float


@dataclass(frozen=True, slots=True)
class Group:
    """Counts over the questions of one entry, language or scope.

    ``right`` and ``wrong`` add up to ``answered``; ``best_right`` counts questions whose best candidate was right,
    answered or not.
    """

    name: str
    questions: int
    answered: int
    right: int
    wrong: int
    best_right: int


@dataclass(frozen=True, slots=True)
class Report:
    """What is known about a model's answers.

    ``curve`` has about ``POINTS`` points of the risk-coverage curve, strict to lax; ``aurc`` is the area under the
    whole of it (Geifman, Uziel, El-Yaniv 2019), in [0, 1], less is better. ``error_before`` and ``error_after`` are
    expected calibration errors of understanding alone and of the confidence in use; None where no raw score is known.
    ``entries`` are worst first.
    """

    whole: Group
    curve: tuple[Point, ...]
    aurc: float
    error_before: float | None
    error_after: float
    scopes: tuple[Group, ...]
    locales: tuple[Group, ...]
    entries: tuple[Group, ...]
    promise: Promise | None = None

    @property
    def coverage(self) -> float:
        """The share of all questions that was answered, in [0, 1]."""
        return _share(self.whole.answered, self.whole.questions)

    @property
    def wrong_rate(self) -> float:
        """The share of the answers that were wrong, answers to questions out of scope among them, in [0, 1]."""
        return _share(self.whole.wrong, self.whole.answered)

    @property
    def broken(self) -> bool:
        """True where a promise was made and so many wrong answers have at most 5 % probability if it holds."""
        if self.promise is None or not self.promise.kept or not self.whole.wrong:
            return False
        return binomial_tail(self.whole.wrong - 1, self.whole.answered, self.promise.rate) >= 1 - DOUBT

    def to_json(self) -> dict[str, Any]:
        """Everything as plain data."""
        return {**asdict(self), "coverage": self.coverage, "wrong_rate": self.wrong_rate, "broken": self.broken}

    def lines(self) -> list[str]:
        """The report for a terminal, in ASCII apart from names."""
        if not self.whole.questions:
            return ["no question was held out, so nothing can be said about how often answers are wrong"]
        return [
            *([self.promise.sentence()] if self.promise else []),
            f"answered {self.whole.answered:,} of {self.whole.questions:,} questions ({self.coverage:.1%}), "
            f"{self.whole.wrong:,} of them wrongly ({self.wrong_rate:.1%})",
            *self._held(),
            self._calibration(),
            f"area under the risk-coverage curve {self.aurc:.4f}",
            "",
            *self._plot(),
            "",
            "questions  answered   right   wrong  best right",
            *map(_row, (*self.scopes, *self.locales)),
            *self._worst(),
        ]

    def svg(self) -> str:
        """The risk-coverage curve as one SVG element for any HTML page; it takes the colour of the text around it."""
        top = self._top()
        path = " ".join(f"{_across(one.coverage):.1f},{_down(one.wrong_rate, top):.1f}" for one in self.curve)
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
            'font-family="sans-serif" font-size="12" fill="currentColor">',
            "<title>Wrong answers by share of questions answered</title>",
            f"<desc>{self._described()}</desc>",
            *(_tick_across(step / 5) for step in range(6)),
            *(_tick_up(top * step / 4, top) for step in range(5)),
            _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 8, "share of questions answered", "middle"),
            _text(_LEFT, _TOP - 4, "of these wrong", "start"),
            f'<polyline points="{path}" fill="none" stroke="currentColor" stroke-width="2"/>' if path else "",
            *self._svg_promise(top),
            *self._svg_in_force(top),
            "</svg>",
        ]
        return "\n".join(part for part in parts if part)

    def _calibration(self) -> str:
        before = "" if self.error_before is None else f" ({self.error_before:.3f} by understanding alone)"
        return f"expected calibration error {self.error_after:.3f}{before}"

    def _held(self) -> list[str]:
        """What it means where more answers are wrong than promised."""
        if self.broken:
            return [
                "that is more than promised, and not by chance: these questions are unlike the held-out ones; train "
                "again with some of their kind for validation"
            ]
        if self.promise and self.promise.kept and self.wrong_rate > self.promise.rate:
            return ["that is more than promised, which may be chance with so few answers"]
        return []

    def _worst(self) -> list[str]:
        wrong = [one for one in self.entries if one.best_right < one.questions]
        if not wrong:
            return []
        more = f"; {len(wrong) - _WORST:,} more with errors" if len(wrong) > _WORST else ""
        return ["", f"entries whose questions go wrong most{more}:", *map(_row, wrong[:_WORST])]

    def _top(self) -> float:
        """Where the axis of wrong answers ends: the first few answers jump about and would flatten the rest."""
        steady = [one.wrong_rate for one in self.curve if one.coverage >= 0.1]
        promised = 1.5 * self.promise.rate if self.promise else 0.0
        return min(1.0, max([*steady, promised, self.wrong_rate, 0.01]))

    def _plot(self) -> list[str]:
        """The curve in characters: * curve, - promised rate, O where the bot stands."""
        top = self._top()
        grid = [[" "] * (_COLUMNS + 1) for _ in range(_ROWS + 1)]

        def put(coverage: float, wrong_rate: float, mark: str) -> None:
            row = _ROWS - round(min(wrong_rate, top) / top * _ROWS)
            grid[row][round(coverage * _COLUMNS)] = mark

        legend = "* wrong answers by share answered"
        if self.promise:
            for column in range(_COLUMNS + 1):
                put(column / _COLUMNS, self.promise.rate, "-")
            legend += f", - wanted {self.promise.rate:.1%}"
        for column, rate in self._by_column():
            put(column / _COLUMNS, rate, "*")
        if self.whole.answered:
            put(self.coverage, self.wrong_rate, "O")
            legend += ", O now"
        labels = {0: f"{top:.1%}", _ROWS // 2: f"{top / 2:.1%}", _ROWS: "0%"}
        rows = [f"{labels.get(place, ''):>7} |{''.join(row).rstrip()}" for place, row in enumerate(grid)]
        scale = "0%".ljust(_COLUMNS // 2) + "50%".ljust(_COLUMNS // 2) + "100%"
        return [legend, *rows, " " * 8 + "+" + "-" * (_COLUMNS + 1), " " * 9 + scale]

    def _by_column(self) -> Iterable[tuple[int, float]]:
        """The wrong rate at each column of the plot that the curve reaches, straight between its points."""
        if not self.curve:
            return []
        coverages = [one.coverage for one in self.curve]
        columns = range(round(coverages[0] * _COLUMNS), _COLUMNS + 1)
        rates = np.interp([column / _COLUMNS for column in columns], coverages, [one.wrong_rate for one in self.curve])
        return zip(columns, rates.tolist(), strict=True)

    def _described(self) -> str:
        return (
            f"{self.coverage:.1%} of {self.whole.questions} questions answered, {self.wrong_rate:.1%} of them wrongly"
        )

    def _svg_promise(self, top: float) -> list[str]:
        if self.promise is None:
            return []
        height = _down(self.promise.rate, top)
        return [
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="currentColor" '
            'stroke-dasharray="6 4"/>',
            _text(_LEFT + 6, height - 4, f"wanted {self.promise.rate:.1%}", "start"),
        ]

    def _svg_in_force(self, top: float) -> list[str]:
        if not self.whole.answered:
            return []
        across, down = _across(self.coverage), _down(self.wrong_rate, top)
        return [f'<circle cx="{across:.1f}" cy="{down:.1f}" r="5"><title>{self._described()}</title></circle>']


def report(held_out: Sequence[HeldOut], promise: Promise | None = None) -> Report:
    """Count and measure.

    Args:
        held_out: Judged questions in any order.
        promise: What the model promises, to be shown beside it.
    """
    scopes = _groups(held_out, lambda one: "in scope" if one.in_scope else "out of scope")
    entries = _groups([one for one in held_out if one.entry], lambda one: one.entry)
    curve, aurc = _curve(held_out)
    return Report(
        whole=_counted("all", held_out),
        curve=curve,
        aurc=aurc,
        error_before=_error_before(held_out),
        error_after=calibration_error([_outcome(one.confidence, one.right) for one in held_out]),
        scopes=tuple(scopes),
        locales=tuple(_groups([one for one in held_out if one.locale], lambda one: one.locale)),
        entries=tuple(sorted(entries, key=lambda one: (-one.wrong, _share(one.best_right, one.questions), one.name))),
        promise=promise,
    )


def _curve(held_out: Sequence[HeldOut]) -> tuple[tuple[Point, ...], float]:
    """Points that a threshold can reach, thinned, and the area under all of them.

    Equal confidences are answered together, so that each counts with the rate after the last of its equals.
    """
    if not held_out:
        return (), 0.0
    confidences = np.asarray([one.confidence for one in held_out])
    order = np.argsort(-confidences)
    ordered = confidences[order]
    wrong = np.cumsum([not held_out[place].right for place in order])
    last = np.searchsorted(-ordered, -ordered, side="right") - 1
    rates = (wrong / np.arange(1, len(held_out) + 1))[last]
    wanted = np.linspace(0, len(held_out) - 1, min(POINTS, len(held_out))).astype(int)
    places = np.unique(last[wanted])
    points = tuple(Point((at + 1) / len(held_out), float(rates[at]), float(ordered[at])) for at in places.tolist())
    return points, float(rates.mean())


def _error_before(held_out: Sequence[HeldOut]) -> float | None:
    known = [_outcome(one.raw, one.right) for one in held_out if one.raw is not None]
    return calibration_error(known) if known else None


def _outcome(confidence: float, right: bool) -> Outcome:
    return Outcome(confidence, right, 0.0, right)


def _groups(held_out: Sequence[HeldOut], name_of: Callable[[HeldOut], str]) -> list[Group]:
    groups: dict[str, list[HeldOut]] = {}
    for one in held_out:
        groups.setdefault(name_of(one), []).append(one)
    return [_counted(name, group) for name, group in sorted(groups.items())]


def _counted(name: str, group: Sequence[HeldOut]) -> Group:
    right = sum(one.answered and one.right for one in group)
    answered = sum(one.answered for one in group)
    return Group(name, len(group), answered, right, answered - right, sum(one.right for one in group))


def _row(group: Group) -> str:
    counts = f"{group.questions:>9,}{group.answered:>10,}{group.right:>8,}{group.wrong:>8,}{group.best_right:>12,}"
    return f"{counts}  {group.name}"


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _across(coverage: float) -> float:
    return _LEFT + coverage * (_WIDTH - _LEFT - _RIGHT)


def _down(wrong_rate: float, top: float) -> float:
    return _TOP + (1 - min(wrong_rate, top) / top) * (_HEIGHT - _TOP - _BOTTOM)


def _tick_across(coverage: float) -> str:
    return _text(_across(coverage), _HEIGHT - _BOTTOM + 18, f"{coverage:.0%}", "middle")


def _tick_up(wrong_rate: float, top: float) -> str:
    height = _down(wrong_rate, top)
    line = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="currentColor" '
    return line + 'stroke-opacity="0.15"/>' + _text(_LEFT - 8, height + 4, f"{wrong_rate:.1%}", "end")


def _text(across: float, down: float, words: str, anchor: str) -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{words}</text>'
