"""The one widget that shows text: nothing in it is read as markup or obeyed by the terminal."""

from __future__ import annotations

from textual.content import Content
from textual.widgets import Static

from adapters.tui.safe import safe


class Plain(Static):
    """Shows a text as it is."""

    def __init__(self, text: str, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(Content(safe(text)), id=id, classes=classes, markup=False)

    def show(self, text: str) -> None:
        """Show another text instead."""
        self.update(Content(safe(text)))
