"""The one bridge between asynchronous channels and the synchronous house.

Messages of one conversation are taken in order; different conversations run side by side in worker threads. When more
wait than may wait, the customer is told so at once. ``handle`` never raises.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import TypeVar

from bot.turn import TurnTaker
from engine.dialogue import ConversationKey, Message, Provenance, Reply, Source
from engine.text.language import detect

log = logging.getLogger("attendant.service")
T = TypeVar("T")


class Service:
    """Hands messages to the turn taker.

    Args:
        taker: Takes the turns.
        workers: How many turns are thought about at once.
        waiting: How many messages may wait in all.
    """

    def __init__(self, taker: TurnTaker, *, workers: int, waiting: int) -> None:
        self._taker = taker
        self._workers = ThreadPoolExecutor(workers, thread_name_prefix="turn")
        self._waiting = waiting
        self._held = 0
        self._locks: dict[ConversationKey, tuple[asyncio.Lock, int]] = {}

    async def handle(self, message: Message) -> Reply:
        """Answer one message, after those of the same conversation that came before it."""
        if self._held >= self._waiting:
            log.warning("turned away: %s messages wait", self._held, extra={"conversation": str(message.key)})
            if self._taker.metrics is not None:
                self._taker.metrics.turned_away()
            return self._sentence("busy", "too many messages wait", message.text)
        self._held += 1
        try:
            async with self._in_order(message.key):
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._workers, self._taker.take, message)
        except Exception:
            log.exception("a turn failed", extra={"conversation": str(message.key)})
            if self._taker.metrics is not None:
                self._taker.metrics.failed()
            return self._sentence("trouble", "the turn failed; the log says why", message.text)
        finally:
            self._held -= 1

    async def run(self, key: ConversationKey, work: Callable[[], T]) -> T:
        """Do some work of a conversation in a worker thread, after all that came before it; its errors come out."""
        async with self._in_order(key):
            return await asyncio.get_running_loop().run_in_executor(self._workers, work)

    def close(self) -> None:
        """Wait for turns in flight, then let the workers go."""
        self._workers.shutdown(wait=True)

    @asynccontextmanager
    async def _in_order(self, key: ConversationKey) -> AsyncIterator[None]:
        lock, users = self._locks.get(key, (asyncio.Lock(), 0))
        self._locks[key] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(key)
            if users > 1:
                self._locks[key] = (lock, users - 1)

    def _sentence(self, name: str, reason: str, asked: str) -> Reply:
        locale = detect(asked, self._taker.locales)
        return Reply(self._taker.wording.say(name, locale), Provenance(Source.FIXED, "bot", reason), 0.0)
