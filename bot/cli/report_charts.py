"""The pictures of a report, each one SVG element that takes its colours from the page around it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from bot.cli.page import plain
from engine.training.history import Curve
from engine.training.mistakes import Bin

_NOTHING = 1e-9  # a loss that is drawn as none
_WIDTH, _HEIGHT, _LEFT, _TOP, _RIGHT, _BOTTOM = 560, 320, 56, 28, 16, 44
_CELL, _LABEL = 20, 7.5  # of a map: side of a cell, width of a character beside it
_MOST_LABEL = 16
_LEAST_SHOWN = 0.02
_DEEPEST = 0.8  # of the colour of a cell, so that what stands in it can be read


def losses(curves: Sequence[Curve]) -> str:
    """The losses of a stage by epoch: training as a line, what was kept to judge by as dashes; a pair for each turn."""
    points = [step for curve in curves for step in curve.steps]
    values = [value for step in points for value in (step.loss, step.validation) if value is not None]
    last = max((step.epoch for step in points), default=1)
    top = _rounded_up(max(values, default=1.0))
    lines = [
        *_frame("epoch", "loss in nats", [f"{top * part / 4:.2f}" for part in range(5)]),
        *_epochs(last),
    ]
    for curve in curves:
        training = [(step.epoch, step.loss) for step in curve.steps if step.loss is not None]
        held_out = [(step.epoch, step.validation) for step in curve.steps if step.validation is not None]
        lines += _line(training, last, top, 'stroke="var(--first)"')
        lines += _line(held_out, last, top, 'stroke="var(--second)" stroke-dasharray="6 4"')
    ends = [_said(curve) for curve in curves]
    return _svg("; ".join(ends), [*lines, *_legend(any(step.validation is not None for step in points))])


def reliability(bins: Sequence[Bin]) -> str:
    """How often the bot was right (bars) beside how sure it was (the line from corner to corner)."""
    lines = [
        *_frame("confidence", "share of right ones", [f"{part / 4:.0%}" for part in range(5)]),
        *(_words(_across(part / 5), _HEIGHT - _BOTTOM + 18, f"{part / 5:.0%}", "middle") for part in range(6)),
        *map(_bar, bins),
        f'<line x1="{_across(0):.1f}" y1="{_down(0):.1f}" x2="{_across(1):.1f}" y2="{_down(1):.1f}" '
        'stroke="currentColor" stroke-dasharray="6 4"/>',
    ]
    said = [f"{one.begin:.0%} to {one.end:.0%}: {one.right:.0%} of {one.questions}" for one in bins]
    return _svg(f"share of right ones by confidence: {'; '.join(said)}", lines)


def grid(
    title: str,
    rows: Sequence[str],
    columns: Sequence[str],
    values: Sequence[Sequence[float]],
    *,
    numbers: bool = False,
) -> str:
    """A map of values in [0, 1], the darker the more; with ``numbers`` each as a percentage in its cell."""
    side = _CELL + (8 if numbers else 0)
    left = 12 + _LABEL * max((min(len(label), _MOST_LABEL) * _widening(label) for label in rows), default=0)
    top = 12 + _LABEL * max((min(len(label), _MOST_LABEL) * _widening(label) for label in columns), default=0)
    width, height = left + side * len(columns) + 40, top + _CELL * len(rows) + 8
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map" role="img" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" aria-label="{plain(title)}">',
        *_side(rows, left, top),
        *_heading(columns, left, top, side),
        f'<rect x="{left:.0f}" y="{top:.0f}" width="{side * len(columns)}" height="{_CELL * len(rows)}" fill="none" '
        'stroke="var(--line)"/>',
        *_cells(values, left, top, side, numbers=numbers),
        "</svg>",
    ]
    return "\n".join(parts)


def _cells(values: Sequence[Sequence[float]], left: float, top: float, side: int, *, numbers: bool) -> Iterator[str]:
    for down, row in enumerate(values):
        for across, value in enumerate(row):
            if value < _LEAST_SHOWN:  # nearly all of a map is that, and thousands of cells say nothing
                continue
            x, y = left + side * across, top + _CELL * down
            deep = _DEEPEST * min(1.0, value)
            yield (
                f'<rect x="{x:.0f}" y="{y:.0f}" width="{side}" height="{_CELL}" fill="rgb(var(--look))" '
                f'fill-opacity="{deep:.2f}"><title>{value:.0%}</title></rect>'
            )
            if numbers:
                yield _words(x + side / 2, y + _CELL * 0.7, f"{100 * value:.0f}", "middle")


def _side(labels: Sequence[str], left: float, top: float) -> Iterator[str]:
    for place, label in enumerate(labels):
        yield _words(left - 6, top + _CELL * (place + 0.7), _short(label), "end")


def _heading(labels: Sequence[str], left: float, top: float, side: int) -> Iterator[str]:
    for place, label in enumerate(labels):
        x, y = left + side * (place + 0.6), top - 6
        yield f'<text transform="translate({x:.1f} {y:.1f}) rotate(-70)">{plain(_short(label))}</text>'


def _short(label: str) -> str:
    return label if len(label) <= _MOST_LABEL else f"{label[: _MOST_LABEL - 1]}…"


def _widening(label: str) -> float:
    return 1.0 if label.isascii() else 1.7


def _frame(across: str, up: str, ticks: Sequence[str]) -> Iterator[str]:
    """The lines at even heights with what they stand for, and what the axes are."""
    for place, tick in enumerate(ticks):
        height = _down(place / (len(ticks) - 1))
        yield (
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" stroke="currentColor" '
            'stroke-opacity="0.15"/>'
        )
        yield _words(_LEFT - 8, height + 4, tick, "end")
    yield _words((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 6, across, "middle")
    yield _words(4, 14, up, "start")


def _epochs(last: int) -> Iterator[str]:
    step = max(1, math.ceil(last / 10))
    for epoch in range(step, last + 1, step):
        yield _words(_across(_along(epoch, last)), _HEIGHT - _BOTTOM + 18, str(epoch), "middle")


def _line(points: Sequence[tuple[int, float]], last: int, top: float, look: str) -> list[str]:
    if not points:
        return []
    places = [(_across(_along(epoch, last)), _down(value / top)) for epoch, value in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places)
    fill = look.replace("stroke=", "fill=").partition(" ")[0]
    return [f'<polyline points="{path}" fill="none" stroke-width="2" {look}/>', f"<g {fill}>{dots}</g>"]


def _legend(judged: bool) -> Iterator[str]:
    right = _WIDTH - _RIGHT
    begin = right - 232 if judged else right - 86
    yield f'<line x1="{begin}" x2="{begin + 26}" y1="10" y2="10" stroke="var(--first)" stroke-width="2"/>'
    yield _words(begin + 32, 14, "training", "start")
    if judged:
        yield (
            f'<line x1="{right - 132}" x2="{right - 106}" y1="10" y2="10" stroke="var(--second)" stroke-width="2" '
            'stroke-dasharray="6 4"/>'
        )
        yield _words(right - 100, 14, "kept to judge by", "start")


def _bar(one: Bin) -> str:
    x, width = _across(one.begin), _across(one.end) - _across(one.begin)
    y, bottom = _down(one.right), _down(0)
    note = f"{one.questions} questions, confidence {one.confidence:.0%}, right {one.right:.0%}"
    return (
        f'<rect x="{x + 1:.1f}" y="{y:.1f}" width="{width - 2:.1f}" height="{bottom - y:.1f}" fill="var(--first)" '
        f'fill-opacity="0.6"><title>{note}</title></rect>'
        + _words(x + width / 2, max(y - 4, _TOP + 10), f"{one.questions:,}", "middle")
    )


def _said(curve: Curve) -> str:
    last = curve.steps[-1]
    held = f", {last.validation:.3f} on what was kept to judge by" if last.validation is not None else ""
    loss = f"{last.loss:.3f}" if last.loss is not None else "no number"
    return f"turn {curve.turn + 1} ended after {last.epoch} epochs with loss {loss}{held}"


def _svg(description: str, parts: Sequence[str]) -> str:
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img">'
    return "\n".join([head, f"<title>{plain(description)}</title>", *parts, "</svg>"])


def _words(across: float, down: float, words: str, anchor: str) -> str:
    return f'<text x="{across:.1f}" y="{down:.1f}" text-anchor="{anchor}">{plain(words)}</text>'


def _across(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _down(share: float) -> float:
    return _TOP + (1 - min(1.0, max(0.0, share))) * (_HEIGHT - _TOP - _BOTTOM)


def _along(epoch: int, last: int) -> float:
    return (epoch - 1) / (last - 1) if last > 1 else 0.5


def _rounded_up(value: float) -> float:
    """The next number above that looks like the end of an axis."""
    if value < _NOTHING:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(size * step for step in (1, 1.2, 1.6, 2, 3, 4, 5, 6, 8, 10, 20) if size * step >= value)
