"""Telegram as a channel."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from adapters.telegram import letters, settings, words
from adapters.telegram.letters import Letter
from adapters.telegram.places import Place
from bot.errors import AdapterError, NotNow, Refused
from bot.ports import AdapterFactory, Desk, Handle
from engine.dialogue import ConversationKey
from storage.errors import StorageError
from storage.ports import Delivery, DeliveryKind

if TYPE_CHECKING:
    from aiohttp.web import RouteDef

    from adapters.telegram.line import Line
    from adapters.telegram.reception import Reception

NAME = "telegram"
REMEMBERED = 10_000
"""Deliveries of which it is remembered what was sent."""
_MOST_FAILURES = 5
_CLOSING, _LONGEST_PAUSE = 5.0, 30.0  # seconds

log = logging.getLogger("attendant.telegram")


class TelegramAdapter:
    """The bot on Telegram, fetching its updates or having them delivered.

    Args:
        table: Its settings.
        desk: The house.

    Raises:
        ValueError: If a setting is unknown, missing or of no use.
    """

    name = NAME

    def __init__(self, table: Mapping[str, Any], desk: Desk) -> None:
        self._settings = settings.read(table)
        self._desk = desk
        self._language = words.language_of(desk.say("welcome"))
        self._line: Line | None = None
        self._reception: Reception | None = None
        self._offset: int | None = None
        self._sent: OrderedDict[str, set[str]] = OrderedDict()

    async def __aenter__(self) -> Self:
        """Connect to Telegram and say how updates are to come.

        Raises:
            AdapterError: If Telegram cannot be reached, or does not know the token.
        """
        from adapters.telegram.line import Line
        from adapters.telegram.reading import Reader
        from adapters.telegram.reception import Reception

        line = Line(self._settings)
        try:
            me = await line.open()
            people = await self._reach_people(line)
            reader = Reader(self.name, me, people, self._language, partial(self._desk.say, "welcome"))
            self._reception = Reception(self._desk, reader, line, people)
            self._line = line  # before a webhook is set: the first update may come at once
            await line.listen(self._settings.webhook)
            await line.present()
        except BaseException:
            self._line = self._reception = None
            await line.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Say what was stored, and disconnect; what Telegram has meanwhile waits there for the next start."""
        line, reception = self._line, self._reception
        self._line = self._reception = None
        if reception is not None:
            await reception.finish(_CLOSING)
        if line is not None:
            if self._offset is not None:
                with suppress(AdapterError, TimeoutError):
                    await asyncio.wait_for(line.acknowledge(self._offset), _CLOSING)
            await line.close()

    async def _reach_people(self, line: Line) -> int | None:
        chat = self._settings.admin_chat
        try:
            return None if chat is None else await line.reach(chat)
        except Refused as error:
            log.error("the bot cannot write in admin_chat, so nobody of the company would be told: %s", error)
            return chat

    def routes(self) -> Sequence[RouteDef]:
        """What Telegram calls, for the HTTP server of the house; nothing where updates are fetched."""
        if self._settings.webhook is None:
            return ()
        from adapters.telegram.webhook import Door

        return Door(self._settings.webhook, self._inside).routes()

    def _inside(self) -> tuple[Line, Reception] | None:
        return None if self._line is None or self._reception is None else (self._line, self._reception)

    async def serve(self, handle: Handle) -> None:  # noqa: ARG002 - what comes of an update goes out through `send`
        """Fetch updates until cancelled; where they are delivered, wait.

        Raises:
            AdapterError: If Telegram cannot be reached for long, or somebody else fetches the updates.
        """
        inside = self._inside()
        if self._settings.webhook is not None or inside is None:
            await asyncio.Event().wait()
            return
        line, reception = inside
        failures = 0
        while True:
            try:
                await self._fetch(line, reception)
                failures = 0
            except (NotNow, StorageError) as error:
                failures += 1
                if failures >= _MOST_FAILURES and isinstance(error, NotNow):
                    raise
                wait = getattr(error, "seconds", None)
                pause = min(float(failures), _LONGEST_PAUSE) if wait is None else wait
                log.warning("updates are fetched again in %.0f s: %s", pause, error)
                await asyncio.sleep(pause)

    async def _fetch(self, line: Line, reception: Reception) -> None:
        """Fetch updates; each is stored before the number that acknowledges it goes up."""
        for number, update in await line.updates(self._offset):
            if update is not None:
                await reception.take(update)
            self._offset = number + 1

    async def send(self, delivery: Delivery) -> None:
        """Deliver; after a failure, parts that were taken are not sent again.

        Raises:
            NotNow: If Telegram cannot take it just now.
            Refused: If it never will, such as where the customer has blocked the bot.
        """
        if self._line is None:
            raise NotNow("Telegram is not open")
        steps, key = self._steps(self._line, await self._letter(delivery)), delivery.idempotency_key
        for name, step in steps.items():
            if name not in self._sent.get(key, ()):
                await step()
                self._remember(key, name)
        self._sent.pop(key, None)

    async def typing(self, key: ConversationKey) -> None:
        """Show that the bot is writing; not in groups, where it would count as one of few messages a minute."""
        with suppress(AdapterError, ValueError):
            place = Place.parse(key.thread)
            if self._line is not None and not place.is_group:
                await self._line.typing(place)

    async def _letter(self, delivery: Delivery) -> Letter:
        try:
            match delivery.kind:
                case DeliveryKind.REPLY:
                    return letters.reply(delivery)
                case DeliveryKind.HANDOFF:
                    people = self._people()
                    history = await asyncio.to_thread(self._desk.history, delivery.key, limit=letters.HISTORY)
                    return letters.handoff(delivery, people, self._language, history)
                case DeliveryKind.ALERT:
                    return letters.alert(delivery, self._people())
        except ValueError as error:
            raise Refused(str(error)) from error

    def _steps(self, line: Line, letter: Letter) -> Mapping[str, Callable[[], Awaitable[object]]]:
        """What is done for a letter, one request each, by a name that stays the same at every attempt."""
        steps: dict[str, Callable[[], Awaitable[object]]] = {}
        for number in letter.forwarded:
            source = letter.source if letter.source is not None else letter.place
            steps[f"forward {number}"] = partial(self._forward, line, letter.place, source, number)
        last = len(letter.texts) - 1
        for number, text in enumerate(letter.texts):
            rows, about = letter.rows if number == last else (), letter.about if number == 0 else None
            steps[f"say {number}"] = partial(line.say, letter.place, text, rows, about=about)
        return steps

    async def _forward(self, line: Line, place: Place, source: Place, number: int) -> None:
        try:
            await line.forward(place, source, number)
        except NotNow:
            raise
        except AdapterError as error:  # the customer may have deleted it; the note matters more
            log.warning("something that a customer sent could not be forwarded: %s", error)

    def _people(self) -> Place:
        people = None if self._reception is None else self._reception.people
        if people is None:
            raise Refused("nobody of the company was told: admin_chat is not set")
        return people

    def _remember(self, key: str, step: str) -> None:
        self._sent.setdefault(key, set()).add(step)
        self._sent.move_to_end(key)
        while len(self._sent) > REMEMBERED:
            self._sent.popitem(last=False)


_FACTORY: AdapterFactory = TelegramAdapter  # what the entry point promises, for mypy
