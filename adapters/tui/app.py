"""The screen of the terminal channel."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from textual import events, on
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal

from adapters.tui import words
from adapters.tui.driver import fitting_driver
from adapters.tui.line import Line
from adapters.tui.plain import Plain
from adapters.tui.remembered import Remembered
from adapters.tui.transcript import Option, Saying, Transcript, asked, replied, stored
from bot.commands import Command, parse, to_forget
from bot.ports import Desk, Handle
from engine.dialogue import Choice, ConversationKey, Message, Reply, Speaker
from storage.ports import StoredTurn

RESTORED = 50
"""How many turns of the stored history are shown at the start."""


class TerminalApp(App[None]):
    """One conversation. Messages are handed over one after the other; the line stays usable meanwhile.

    A message that still waits when the screen is left is not handed over.
    """

    CSS_PATH = "style.tcss"
    AUTO_FOCUS = "#line"
    ENABLE_COMMAND_PALETTE = False
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (64, "-wide"), (110, "-broad")]  # noqa: RUF012 - as Textual types it
    BINDINGS: ClassVar[list[BindingType]] = [
        # Where something is selected, the line and the screen come first, and copy it.
        Binding("ctrl+c", "quit", show=False),
        Binding("pageup", "page_up", show=False),
        Binding("pagedown", "page_down", show=False),
        Binding("f3", "memory", show=False),
    ]

    def __init__(self, desk: Desk, key: ConversationKey, handle: Handle) -> None:
        super().__init__()
        self.driver_class = fitting_driver(self.driver_class)
        self._desk = desk
        self._key = key
        self._handle = handle
        self._waiting: asyncio.Queue[tuple[Message, Saying]] = asyncio.Queue()
        self._unasked: asyncio.Queue[Reply] = asyncio.Queue()
        self._offered: Sequence[Choice] = ()

    def deliver(self, reply: Reply) -> None:
        """Show a reply that nobody asked for, as soon as the screen is up."""
        self._unasked.put_nowait(reply)

    def compose(self) -> ComposeResult:
        """From top to bottom: who answers, what was said, the line, the keys."""
        with Horizontal(id="head"):
            yield Plain(self._desk.name, id="name")
            yield Plain(self._key.thread, id="thread")
        with Horizontal(id="middle"):
            yield Transcript(id="transcript")
            yield Remembered()
        yield Line()
        with Horizontal(id="keys"):
            yield Plain("/help", classes="key")
            yield Plain("↑↓ earlier", classes="key extra")
            yield Plain("PgUp PgDn scroll", classes="key extra")
            yield Plain("F3 memory", classes="key extra")
            yield Plain("Ctrl+Q leave", classes="key")

    def on_mount(self) -> None:
        """Begin the conversation once the screen is up."""
        self._transcript = self.query_one(Transcript)
        self._line = self.query_one(Line)
        self._remembered = self.query_one(Remembered)
        self.run_worker(self._converse())

    @on(Line.Said)
    async def _said(self, event: Line.Said) -> None:
        if event.text.strip().casefold() == "/quit":
            self.exit()
        else:
            await self._say(words.chosen(event.text, self._offered))

    @on(Option.Pressed)
    async def _pressed(self, event: Option.Pressed) -> None:
        self._line.focus()
        await self._say(event.text)

    def on_key(self, event: events.Key) -> None:
        """Type on the line, wherever the focus is."""
        if event.is_printable and event.character is not None and not self._line.has_focus:
            self._line.focus()
            self._line.insert_text_at_cursor(event.character)

    def action_page_up(self) -> None:
        """Read further up."""
        self._transcript.scroll_page_up(animate=False)

    def action_page_down(self) -> None:
        """Read further down."""
        self._transcript.scroll_page_down(animate=False)

    async def action_memory(self) -> None:
        """Show what is remembered, or hide it."""
        if self._remembered.display:
            self._remembered.display = False
        else:
            self._remembered.display = True
            await self._look()

    async def _look(self) -> None:
        """Show what is remembered now, where it is shown at all."""
        if self._remembered.display:
            self._remembered.show(await asyncio.to_thread(self._desk.remembered, self._key))

    async def _say(self, text: str) -> None:
        """Put what the customer said on the screen, then in the queue."""
        message = Message(self._key, str(uuid.uuid4()), text, datetime.now(UTC))
        question = asked(text)
        self._offer(())
        await self._transcript.ask(question)
        self._waiting.put_nowait((message, question))

    async def _converse(self) -> None:
        await self._begin()
        self.run_worker(self._show_unasked())
        while True:
            message, question = await self._waiting.get()
            await self._transcript.think(question)
            reply = await self._handle(message)
            if not reply.text:  # a person has the conversation, and nobody else says so here
                reply = replace(reply, text=self._desk.say("person"))
            command = parse(message.text)
            shown = replied(reply, more=words.LEAVING if command is Command.HELP else "")
            self._offer(reply.choices)
            forgotten = to_forget(message.text) is not None
            if forgotten:
                self._line.forget()
            await self._transcript.answer(question, shown, afresh=forgotten or command is Command.NEW)
            await self._look()

    async def _show_unasked(self) -> None:
        while True:
            reply = await self._unasked.get()
            if reply.choices:
                self._offer(reply.choices)
            await self._transcript.add(replied(reply))

    async def _begin(self) -> None:
        """Show what was said since the conversation was last begun afresh, else the welcome."""
        stored_turns = await asyncio.to_thread(self._desk.history, self._key, limit=RESTORED)
        turns = _since_new([turn for turn in stored_turns if turn.turn.text])  # a wish to be forgotten has no words
        sayings = [stored(turn, last=turn is turns[-1]) for turn in turns]
        if not sayings:
            sayings.append(Saying("bot", self._desk.say("welcome")))
        if self._desk.ready:
            sayings.append(Saying("notice", words.notice(self._desk.ready)))
        self._line.remember_earlier(turn.turn.text for turn in turns if turn.turn.speaker is Speaker.CUSTOMER)
        await self._transcript.restore(sayings)
        last = turns[-1].reply if turns else None
        self._offered = () if last is None else last.choices
        if self._transcript.open:  # somebody has written already, and did not see these choices
            self._offer(())

    def _offer(self, choices: Sequence[Choice]) -> None:
        """Let these choices be the ones that a number means, and no earlier ones."""
        self._transcript.spend()
        self._offered = choices


def _since_new(turns: Sequence[StoredTurn]) -> Sequence[StoredTurn]:
    for position in range(len(turns) - 1, -1, -1):
        said = turns[position].turn
        if said.speaker is Speaker.CUSTOMER and parse(said.text) is Command.NEW:
            return turns[position + 1 :]
    return turns
