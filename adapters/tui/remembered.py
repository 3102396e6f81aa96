"""The pane beside the conversation that shows what the bot remembers of it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from adapters.tui.plain import Plain

NOTHING = "Nothing yet."
_LONGEST = 20_000


class Remembered(VerticalScroll, can_focus=False):
    """Hidden until it is asked for; its text is what the desk says, harmless."""

    def __init__(self) -> None:
        super().__init__(id="remembered")
        self.display = False
        self._text = Plain("", id="remembered-text")

    def compose(self) -> ComposeResult:
        """The title, then the lines."""
        yield Plain("Memory", id="remembered-title")
        yield self._text

    def show(self, lines: Sequence[str]) -> None:
        """Show other lines instead."""
        self._text.show("\n".join(lines)[:_LONGEST] or NOTHING)
