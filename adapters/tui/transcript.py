"""The conversation as it stands on the screen: what was said, the newest at the bottom."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message

from adapters.tui import words
from adapters.tui.plain import Plain
from engine.dialogue import Choice, Reply, Source, Speaker
from storage.ports import StoredTurn

LONGEST = 400
"""How many sayings stay on the screen; the store keeps them all."""
_BEAT = 0.3


class Option(Horizontal, can_focus=True):
    """One choice; a click or Enter sends it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,space", "press", show=False),
        Binding("up", "app.focus_previous", show=False),
        Binding("down", "app.focus_next", show=False),
    ]

    class Pressed(Message):
        """A choice was made."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    def __init__(self, position: int, choice: Choice, *, live: bool) -> None:
        super().__init__(classes="option", disabled=not live)
        self._position = position
        self._text = choice.text

    def compose(self) -> ComposeResult:
        """Its number, then its text."""
        yield Plain(str(self._position), classes="number")
        yield Plain(self._text, classes="text")

    def on_click(self) -> None:
        """Send it."""
        self.action_press()

    def action_press(self) -> None:
        """Send it."""
        self.post_message(self.Pressed(self._text))


class Saying(Vertical):
    """One thing that was said, with what belongs to it.

    Args:
        speaker: Its class in the style sheet.
        text: What was said.
        label: Who said it, where that is not plain from its place.
        note: Where it came from.
        choices: What is offered.
        live: Whether the choices can still be pressed.
    """

    def __init__(
        self,
        speaker: str,
        text: str,
        *,
        label: str = "",
        note: str = "",
        choices: Sequence[Choice] = (),
        live: bool = True,
    ) -> None:
        super().__init__(classes=f"saying {speaker}")
        self._text = text
        self._label = label
        self._note = note
        self._choices = choices
        self._live = live

    def compose(self) -> ComposeResult:
        """From top to bottom: who, what, the choices, where it came from."""
        if self._label:
            yield Plain(self._label, classes="label")
        yield Plain(self._text, classes="body")
        for position, choice in enumerate(self._choices, 1):
            yield Option(position, choice, live=self._live)
        if self._note:
            yield Plain(self._note, classes="note")


class Typing(Plain):
    """Three dots that move while the bot thinks."""

    def __init__(self) -> None:
        super().__init__("● · ·", classes="typing open")
        self._step = 0

    def on_mount(self) -> None:
        """Begin to move."""
        self.set_interval(_BEAT, self._move)

    def _move(self) -> None:
        self._step = (self._step + 1) % 3
        self.show(" ".join("●" if dot == self._step else "·" for dot in range(3)))


class Transcript(VerticalScroll, can_focus=False):
    """All sayings, scrolled to the end unless somebody reads further up.

    A reply stands under its question, even where more was said meanwhile: the order is that of the stored
    history.
    """

    def on_mount(self) -> None:
        """Stay at the end."""
        self.anchor()

    @property
    def open(self) -> bool:
        """Whether a message waits for its reply."""
        return bool(self.query(".open"))

    async def restore(self, sayings: Iterable[Saying]) -> None:
        """Put what was said earlier above what is there."""
        await self.mount_all(sayings, before=0 if self.children else None)

    async def add(self, saying: Saying) -> None:
        """Put a saying at the end."""
        await self.mount(saying)
        await self._shorten()

    async def ask(self, question: Saying) -> None:
        """Put what the customer said at the end, and go there: it waits for its reply."""
        question.add_class("open", "waiting")
        await self.add(question)
        self.anchor()

    async def think(self, question: Saying) -> None:
        """Show that the bot thinks about ``question``."""
        question.remove_class("waiting")
        await self.mount(Typing(), after=question)

    async def answer(self, question: Saying, reply: Saying, *, afresh: bool = False) -> None:
        """Put a reply under its question, in the place of the moving dots.

        Args:
            question: What is answered.
            reply: The answer.
            afresh: Whether all that was said up to the question leaves the screen.
        """
        question.remove_class("open")
        with self.app.batch_update():
            await self.query(Typing).remove()
            await self.mount(reply, after=question)
            if afresh:
                await self.remove_children(list(self.children[: self.children.index(reply)]))
            await self._shorten()

    def spend(self) -> None:
        """Make every choice on the screen a thing of the past."""
        for option in self.query(Option):
            option.disabled = True

    async def _shorten(self) -> None:
        """Let the oldest sayings go; those that wait for their reply stay."""
        settled = [saying for saying in self.children if not saying.has_class("open")]
        if len(settled) > LONGEST:
            await self.remove_children(settled[: len(settled) - LONGEST])


def asked(text: str) -> Saying:
    """What the customer said."""
    return Saying("customer", words.echo(text))


def replied(reply: Reply, *, more: str = "", live: bool = True) -> Saying:
    """What the bot said; ``more`` is what the terminal adds to it."""
    text = f"{reply.text}\n{more}" if more else reply.text
    handed = reply.handoff or reply.provenance.source is Source.HANDOFF
    speaker = "handoff" if handed else "bot"
    return Saying(speaker, text, note=words.note(reply), choices=reply.choices, live=live)


def stored(turn: StoredTurn, *, last: bool) -> Saying:
    """A turn of the stored history; the choices of the last one can still be pressed."""
    if turn.reply is not None:
        return replied(turn.reply, live=last)
    if turn.turn.speaker is Speaker.CUSTOMER:
        return asked(turn.turn.text)
    label = words.COLLEAGUE if turn.turn.speaker is Speaker.AGENT else ""
    return Saying(turn.turn.speaker.value, turn.turn.text, label=label)
