"""The line that the customer types on, with what was typed before on the arrow keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Input

from adapters.tui.safe import one_line
from adapters.tui.words import PLACEHOLDER

LONGEST = 20_000
"""Characters that the line holds: far more than the bot reads, and few enough to draw at once."""
_REMEMBERED = 200


class Line(Input):
    """One line of text. Whatever is typed, pasted or recalled is harmless before it is seen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "earlier", show=False),
        Binding("down", "later", show=False),
    ]

    class Said(Message):
        """A line was sent; it is not blank."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self) -> None:
        super().__init__(placeholder=PLACEHOLDER, id="line", select_on_focus=False)
        self._said: list[str] = []
        self._draft = ""
        self._back = 0

    def replace(self, text: str, start: int, end: int) -> None:
        """Put ``text`` in the place of a range; every way of entering text ends here."""
        start, end = sorted((start, end))
        room = max(0, LONGEST - len(self.value) + end - start)
        super().replace(one_line(text)[:room], start, end)

    async def action_submit(self) -> None:
        """Send what stands on the line.

        The line is emptied here and not where the message arrives: what is typed in between is the next one.
        """
        text = self.value
        self.value = ""
        self._back = 0
        if text.strip():
            self._said = [*self._said, text][-_REMEMBERED:]
            self.post_message(self.Said(text))

    def remember_earlier(self, said: Iterable[str]) -> None:
        """Let the arrow keys find texts that are older than what was typed here."""
        self._said = [*(one_line(text)[:LONGEST] for text in said), *self._said][-_REMEMBERED:]

    def forget(self) -> None:
        """Let the arrow keys find nothing that was said before."""
        self._said, self._back = [], 0

    def action_earlier(self) -> None:
        """Show what was said before."""
        if self._back < len(self._said):
            if self._back == 0:
                self._draft = self.value
            self._recall(self._back + 1)

    def action_later(self) -> None:
        """Show what was said after, and at last what was being typed."""
        if self._back > 0:
            self._recall(self._back - 1)

    def _recall(self, back: int) -> None:
        self._back = back
        self.value = self._said[-back] if back else self._draft
        self.cursor_position = len(self.value)

    async def on_key(self, event: events.Key) -> None:
        """Send at once on Enter; a binding goes by way of the app, and the next letters overtake it."""
        if event.key == "enter":
            event.stop()
            event.prevent_default()
            await self.action_submit()

    def on_paste(self, event: events.Paste) -> None:
        """Take a paste whole, all its lines as one; the stock widget keeps only the first."""
        event.stop()
        event.prevent_default()
        self.replace(event.text, *self.selection)
