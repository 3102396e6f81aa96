"""Many channels in one process: opened, watched, restarted, and drained when the process is to end."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from bot import clock
from bot.compose import House
from bot.config import ServeConfig
from bot.errors import AdapterError
from bot.inbox import Habit, Inbox
from bot.outbox import Dispatcher, Patience
from bot.ports import Adapter, Handle, Routed, Typing
from bot.service import Service
from bot.web import Front
from engine.dialogue import ConversationKey, Message, Reply

log = logging.getLogger("attendant.serve")
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0  # seconds before an adapter that failed is opened again
_STEADY = 300.0  # seconds after which an adapter that failed counts as well again


@dataclass
class Watched:
    """An adapter and what keeps it from being up; empty while it is."""

    adapter: Adapter
    problem: str = "is not open yet"


class Serving:
    """The adapters of a house, each kept open whatever happens to the others.

    Args:
        house: The house; its ``receive`` works from the first moment of ``run`` on.
        adapters: What is served.
        settings: Where it listens and how long it waits.
    """

    def __init__(self, house: House, adapters: Sequence[Adapter], settings: ServeConfig) -> None:
        self._house = house
        self._watched = {adapter.name: Watched(adapter) for adapter in adapters}
        self._settings = settings
        self._parts: Mapping[str, asyncio.Future[None]] = {}
        self._stopping = asyncio.Event()
        self._closing = asyncio.Event()
        self.front = Front(
            settings.host,
            settings.port,
            [route for adapter in adapters if isinstance(adapter, Routed) for route in adapter.routes()],
            self.missing,
            None if house.taker.metrics is None else house.taker.metrics.registry,
        )

    def missing(self) -> Mapping[str, str]:
        """What keeps the house from being ready, by part."""
        found = {name: watched.problem for name, watched in self._watched.items() if watched.problem}
        found |= {name: "has failed; the log says why" for name, part in self._parts.items() if part.done()}
        if self._house.ready:
            found["model"] = self._house.ready
        if self._stopping.is_set():
            found["house"] = "is closing"
        return found

    def stop(self) -> None:
        """Begin to close; the second time, end at once: what was acknowledged is stored."""
        if self._stopping.is_set():
            os._exit(1)
        self._stopping.set()

    async def run(self) -> bool:
        """Serve until ``stop``; False where something was left for the next start, which will take it up.

        Raises:
            AdapterError: If the port cannot be opened.
        """
        adapters = {name: watched.adapter for name, watched in self._watched.items()}
        service = self._house.service()
        dispatcher = Dispatcher(
            self._house.store,
            adapters,
            clock.now,
            Patience(attempts=self._settings.attempts),
            self._house.taker.metrics,
        )
        inbox = Inbox(
            self._house.store,
            self._house.taker,
            service,
            clock.now,
            Habit(burst=timedelta(seconds=self._settings.burst_seconds)),
            answered=dispatcher.wake,
            typing=self._typing,
        )
        self._house.inbox = inbox
        self._house.begin()
        try:
            async with self.front:
                log.info("listening at http://%s:%s", self.front.host, self.front.port)
                return await self._serve(service, inbox, dispatcher)
        finally:
            self._house.end()
            service.close()
            inbox.close()

    async def _serve(self, service: Service, inbox: Inbox, dispatcher: Dispatcher) -> bool:
        looking, sending = asyncio.ensure_future(inbox.run()), asyncio.ensure_future(dispatcher.run())
        self._parts = {"inbox": looking, "outbox": sending}

        async def handle(message: Message) -> Reply:
            await inbox.settled(message.key)  # a person may have taken over a moment ago
            return await service.handle(message)

        kept = [asyncio.ensure_future(self._keep(one, handle)) for one in self._watched.values()]
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
        try:
            await self._stopping.wait()
            log.info("closing: what was begun is ended, at most %s seconds long", self._settings.drain_seconds)
            began = loop.time()
            looking.cancel()
            dispatcher.close()
            await asyncio.wait([looking, sending])
            drained = await inbox.drain(self._settings.drain_seconds)
            left = max(1.0, self._settings.drain_seconds - (loop.time() - began))
            return await dispatcher.flush(left) and drained
        finally:
            self._closing.set()
            for task in (looking, sending, *kept):
                if task.done() and not task.cancelled() and task.exception() is not None:
                    log.error("a part of the house failed: %s", task.exception())
            await asyncio.wait(kept, timeout=_CLOSING)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def _keep(self, watched: Watched, handle: Handle) -> None:
        """Keep one adapter open and served, with a growing pause after each failure."""
        loop, pause = asyncio.get_running_loop(), _FIRST_PAUSE
        while not self._stopping.is_set():
            began = loop.time()
            try:
                async with watched.adapter:
                    watched.problem = ""
                    await self._until_stopped(watched.adapter, handle)
                    if self._stopping.is_set():
                        await self._closing.wait()  # open for what is still to be sent
                        return
                watched.problem = "ended by itself"
            except Exception as error:
                watched.problem = str(error) or type(error).__name__
                if not isinstance(error, AdapterError):
                    log.exception("adapter %s failed", watched.adapter.name)
            pause = _FIRST_PAUSE if loop.time() - began > _STEADY else pause
            log.error("adapter %s %s; again in %.0f s", watched.adapter.name, watched.problem, pause)
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
            pause = min(_LONGEST_PAUSE, 2 * pause)

    async def _until_stopped(self, adapter: Adapter, handle: Handle) -> None:
        served = asyncio.ensure_future(adapter.serve(handle))
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait([served, stopped], return_when=asyncio.FIRST_COMPLETED)
            if served.cancelled():
                raise AdapterError("was cancelled from within")
            if served.done():
                served.result()
        finally:
            for task in (served, stopped):
                task.cancel()
            await asyncio.wait([served, stopped])

    async def _typing(self, key: ConversationKey) -> None:
        watched = self._watched.get(key.channel)
        if watched is not None and isinstance(watched.adapter, Typing) and not watched.problem:
            with suppress(Exception):
                async with asyncio.timeout(_TYPING):
                    await watched.adapter.typing(key)


_CLOSING, _TYPING = 15.0, 5.0  # seconds
