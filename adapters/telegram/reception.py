"""Updates on their way into the house: stored first, then whatever else is to be done about them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from adapters.telegram import buttons, words
from adapters.telegram.parts import LONGEST, parts, units
from adapters.telegram.places import Place, signature, signed
from adapters.telegram.reading import Answer, Reader, Reading, Said, Tap
from bot.clock import now
from bot.errors import AdapterError, NotNow
from bot.ports import Desk
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.errors import StorageError

if TYPE_CHECKING:
    from telegram import Update

    from adapters.telegram.line import Line

REMEMBERED = 10_000
"""Updates of which it is remembered that everything was done about them."""
ATTEMPTS = 3
_LONGEST_WAIT = 10.0  # seconds between two attempts to hand a person's words on
_WITH_PEOPLE = ("waiting", "person")

log = logging.getLogger("attendant.telegram")
Doing = Callable[[], Awaitable[None]]


class Reception:
    """Takes updates.

    Args:
        desk: The house.
        reader: Reads them.
        line: To Telegram.
        admin_chat: Where people of the company are, as ``people`` says later; None where they are not on Telegram.
    """

    def __init__(self, desk: Desk, reader: Reader, line: Line, admin_chat: int | None) -> None:
        self._desk = desk
        self._reader = reader
        self._line = line
        self.people = None if admin_chat is None else Place(admin_chat)
        self._language = words.language_of(desk.say("welcome"))
        self._done: OrderedDict[int, None] = OrderedDict()
        self._last: dict[int, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def take(self, update: Update) -> None:
        """Store what an update says; when this returns, it may be acknowledged.

        Raises:
            StorageError: If it could not be stored; Telegram should send it again.
        """
        try:
            reading = self._reader.read(update, now())
        except Exception:
            log.exception("update %s cannot be understood", update.update_id)  # and would not be the next time
            return
        if reading.event is not None:
            await self._desk.receive(reading.event)
        if update.update_id in self._done:
            return
        self._done[update.update_id] = None
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)
        await self._follow(reading)

    async def finish(self, seconds: float) -> None:
        """Let what was begun end, at most so long."""
        running = [*self._running]
        if running:
            _, late = await asyncio.wait(running, timeout=seconds)
            for task in late:
                task.cancel()
            await asyncio.wait(running)

    async def _follow(self, reading: Reading) -> None:
        if reading.note:
            log.info("%s", reading.note)
        if reading.moved is not None:
            self.people, self._reader.admin_chat = Place(reading.moved), reading.moved
        if reading.answer is not None:
            await self._hand_on(reading.answer)
        if reading.tap is not None:
            self._begin(reading.tap.place, partial(self._confirm, reading.tap))
        if reading.said is not None:
            self._begin(reading.said.place, partial(self._say, reading.said))
        if reading.event is not None and reading.heard is not None and self.people is not None:
            self._begin(self.people, partial(self._tell, self.people, reading.event, reading.heard))

    def _begin(self, place: Place, doing: Doing) -> None:
        """Do something after everything else at a place, while the next update is taken."""
        task = asyncio.get_running_loop().create_task(self._after(self._last.get(place.chat), doing))
        self._last[place.chat] = task
        self._running.add(task)
        task.add_done_callback(lambda done: self._forget(place.chat, done))

    async def _after(self, before: asyncio.Task[None] | None, doing: Doing) -> None:
        if before is not None:
            await asyncio.wait([before])
        try:
            await doing()
        except (AdapterError, StorageError) as error:
            log.warning("%s", error)
        except Exception:
            log.exception("something beside an update failed")

    def _forget(self, chat: int, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if self._last.get(chat) is task:
            del self._last[chat]

    # What is done

    async def _confirm(self, tap: Tap) -> None:
        await self._line.confirm(tap.query, tap.notice)
        if tap.clear:
            await self._line.clear(tap.place, tap.message)

    async def _say(self, said: Said) -> None:
        """Say something of the channel's own, unless a person has the conversation."""
        if await self._owner(self._reader.key(said.place)) != "person":
            for text in parts(said.text):
                await self._surely(partial(self._line.say, said.place, text, force_reply=said.force_reply))

    async def _tell(self, people: Place, event: ChannelEvent, message: int) -> None:
        """Show people what a customer writes who waits for them or has spoken to one."""
        if event.text.startswith("/") or await self._owner(event.key) not in _WITH_PEOPLE:
            return
        place = Place.parse(event.key.thread)
        kinds = " ".join(f"[{kind}]" for kind in event.attachments)
        name = "edited" if event.kind is EventKind.EDIT else "wrote"
        written = words.say(name, self._language, f"{kinds} {event.text}".strip())
        if event.attachments:
            await self._surely(partial(self._line.forward, people, place, message))
        for text in parts(written, LONGEST - units(signature(place))):
            await self._surely(partial(self._line.say, people, signed(text, place)))

    async def _hand_on(self, answer: Answer) -> None:
        """Send a person's words to the customer, and tell the person how that went.

        It is waited for before the update is acknowledged: a process that dies meanwhile gets the update again.
        """
        problem = await self._patiently(partial(self._carry, answer))
        name = "not_sent" if problem else "sent"
        text = signed(words.say(name, self._language, problem), answer.place)
        rows = buttons.for_people(answer.place, self._language, answer=False)
        self._begin(answer.source, partial(self._report, answer, text, rows))

    async def _report(self, answer: Answer, text: str, rows: buttons.Rows) -> None:
        await self._surely(partial(self._line.say, answer.source, text, rows, about=answer.message))

    async def _carry(self, answer: Answer) -> None:
        if answer.copied:
            await self._line.copy(answer.place, answer.source, answer.message)
            return
        for text in parts(answer.text):
            await self._line.say(answer.place, text)

    async def _surely(self, doing: Callable[[], Awaitable[object]]) -> None:
        """Do it patiently; what cannot be done is in the log."""
        if problem := await self._patiently(doing):
            log.error("something could not be sent: %s", problem)

    async def _patiently(self, doing: Callable[[], Awaitable[object]]) -> str:
        """Do it, in several attempts if need be; returns what kept it from being done, empty if nothing did."""
        problem = ""
        for attempt in range(ATTEMPTS):
            try:
                await doing()
            except NotNow as error:
                problem = str(error)
                if attempt + 1 < ATTEMPTS:
                    await asyncio.sleep(min(_LONGEST_WAIT, 1.0 if error.seconds is None else error.seconds))
            except AdapterError as error:
                return str(error)
            else:
                return ""
        return problem

    async def _owner(self, key: ConversationKey) -> str:
        """Who has a conversation, as far as that can be told."""
        try:
            return await asyncio.to_thread(self._desk.owner, key)
        except StorageError as error:
            log.warning("nobody can tell who has conversation %s: %s", key, error)
            return ""
