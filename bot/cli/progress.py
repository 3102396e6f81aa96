"""How far training is: one line that is written over and over on a terminal, one line an epoch elsewhere."""

from __future__ import annotations

import math
import shutil
import sys
from types import TracebackType
from typing import Self, TextIO

from engine.training.options import Progress

_STAGES = {
    "prepare": "reading",
    "rehearse": "rehearsing",
    "understand": "understanding",
    "compose": "composing",
    "finish": "finishing",
}
_LEARNING = ("rehearse", "understand", "compose")
_WIDEST_BAR = 24
_NARROWEST_BAR = 6


class ProgressLine:
    """Shows a run. Used as a context, so that whatever comes afterwards begins on a line of its own.

    Args:
        out: Where to; standard error if None.
        columns: Width of the terminal; 0 for an output that is none, None to look.
    """

    def __init__(self, out: TextIO | None = None, columns: int | None = None) -> None:
        self._out = sys.stderr if out is None else out
        if columns is None:
            columns = shutil.get_terminal_size().columns if self._out.isatty() else 0
        self._columns = columns
        self._stage = ""
        self._open = False

    def __enter__(self) -> Self:
        if self._columns:
            self._write_over("reading …")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._open:
            self._print("\n")
            self._open = False

    def __call__(self, progress: Progress) -> None:
        """Show where the run stands."""
        if not self._columns:
            self._print(f"{_words(progress)}\n")
            return
        if self._open and progress.stage != self._stage and self._stage in _LEARNING:
            self._print("\n")  # what the stage before came to stays readable
        self._stage = progress.stage
        self._write_over(_fitted(progress, self._columns - 1, _blocks(self._out)))

    def _write_over(self, line: str) -> None:
        self._print("\r" + line.ljust(self._columns - 1))
        self._open = True

    def _print(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def duration(seconds: float) -> str:
    """Seconds as ``0:42`` or ``1:02:03``; ``?`` where nobody knows."""
    if not math.isfinite(seconds) or seconds < 0:
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _words(progress: Progress) -> str:
    stage = _STAGES.get(progress.stage, progress.stage)
    if progress.stage not in _LEARNING:
        return stage
    of = f"/{progress.epochs}" if progress.epochs else ""
    return f"{stage:<13} epoch {progress.epoch}{of}, {_figures(progress)}"


def _figures(progress: Progress) -> str:
    parts = [
        f"loss {progress.loss:.3f}",
        *([f"validation {progress.validation:.3f}"] if progress.validation else []),
        f"{progress.tokens_per_second:,.0f} tokens/s",
        f"{duration(progress.seconds_left)} left",
    ]
    return ", ".join(parts)


def _fitted(progress: Progress, width: int, blocks: tuple[str, str]) -> str:
    if progress.stage not in _LEARNING:
        return f"{_STAGES.get(progress.stage, progress.stage)} …"[:width]
    of = f"/{progress.epochs}" if progress.epochs else ""
    head = f"{_STAGES[progress.stage]:<13} epoch {progress.epoch}{of} "
    tail = f" {_figures(progress)}"
    room = min(width - len(head) - len(tail), _WIDEST_BAR)
    if room < _NARROWEST_BAR:
        return (head + tail.lstrip())[:width]
    share = min(progress.epoch / progress.epochs, 1.0) if progress.epochs else 0.0
    done = round(room * share)
    return head + blocks[0] * done + blocks[1] * (room - done) + tail


def _blocks(out: TextIO) -> tuple[str, str]:
    try:
        "━─".encode(getattr(out, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "#", "-"
    return "━", "─"
