"""Deliveries: what is in the outbox is sent until its channel took it, in order within a conversation."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from bot.clock import Clock
from bot.errors import NotNow, Refused
from bot.metrics import Metrics
from bot.ports import Adapter
from storage.errors import StorageError
from storage.ports import Delivery, Store

log = logging.getLogger("attendant.outbox")
_LOOK = 1.0  # seconds between two looks for what became due
_LONGEST_WISH = 24 * 3600.0  # seconds that a service may want to be left alone


@dataclass(frozen=True, slots=True)
class Patience:
    """How it is sent: ``attempts`` until a delivery is parked, the ``first`` and the ``longest`` pause between two of
    them and how long ``one`` may take, in seconds, and how many conversations of a channel are served side by side.
    """

    attempts: int = 12
    first: float = 1.0
    longest: float = 300.0
    one: float = 30.0
    side_by_side: int = 32

    def pause(self, attempts: int, wanted: float | None) -> float:
        """Seconds until the next attempt: twice as long each time, and no shorter than the service wants."""
        grown = min(self.longest, self.first * 2.0 ** min(attempts, 30)) * random.uniform(0.8, 1.2)
        return grown if wanted is None else max(min(wanted, _LONGEST_WISH), grown)


class Dispatcher:
    """Sends what is in the outbox through the adapter of its channel.

    A delivery is leased while it is sent, so that of several processes one sends it; whoever dies with a lease loses it
    when it runs out, and the delivery is sent again under the same idempotency key.

    Args:
        store: Keeps the outbox.
        adapters: By channel.
        clock: Tells the time.
        patience: How long it is tried.
        metrics: Counts deliveries; None where nobody does.
    """

    def __init__(
        self,
        store: Store,
        adapters: Mapping[str, Adapter],
        clock: Clock,
        patience: Patience,
        metrics: Metrics | None = None,
    ) -> None:
        self._store = store
        self._adapters = adapters
        self._clock = clock
        self._patience = patience
        self._metrics = metrics
        self._closed = False
        self._in_hand: set[int] = set()
        self._due = {channel: asyncio.Event() for channel in adapters}
        self._sending: dict[str, set[asyncio.Task[None]]] = {channel: set() for channel in adapters}

    def wake(self, channel: str) -> None:
        """Look at once for what is due on a channel."""
        if channel in self._due:
            self._due[channel].set()

    async def run(self) -> None:
        """Send until ``close``."""
        async with asyncio.TaskGroup() as group:
            for channel in self._adapters:
                group.create_task(self._serve(channel), name=f"outbox {channel}")

    def close(self) -> None:
        """Begin no delivery any more but in ``flush``; one that was claimed is begun, so that no lease is left over."""
        self._closed = True
        for due in self._due.values():
            due.set()

    async def flush(self, seconds: float) -> bool:
        """Send what is due now, at most so long; False where something is left, for the next start."""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            begun = [await self._begin(channel) for channel in self._adapters]
            running = [task for tasks in self._sending.values() for task in tasks]
            if not running and not any(begun):
                break
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                break
            if running:  # else what was just begun has ended already
                await asyncio.wait(running, timeout=left)
        for task in [task for tasks in self._sending.values() for task in tasks]:
            task.cancel()
        return not await asyncio.to_thread(self._waiting)

    def _waiting(self) -> Sequence[Delivery]:
        try:
            return [one for one in self._store.pending(limit=1, due=self._clock()) if one.key.channel in self._adapters]
        except StorageError:
            return ()

    async def _serve(self, channel: str) -> None:
        while not self._closed:
            if await self._begin(channel) or self._closed:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK):
                    await self._due[channel].wait()
            self._due[channel].clear()

    async def _begin(self, channel: str) -> int:
        """Begin to send what is due; how many were begun."""
        free = self._patience.side_by_side - len(self._sending[channel])
        if free <= 0:
            return 0
        try:
            claimed = await asyncio.to_thread(self._claim, channel, free)
        except Exception as error:  # whatever it is, the other channels are to be served
            log.error("the outbox cannot be read: %s", error, exc_info=not isinstance(error, StorageError))
            return 0
        # One that is still being written down is known to have been sent, whatever its lease says by now.
        claimed = [one for one in claimed if one.id not in self._in_hand]
        for delivery in claimed:
            self._in_hand.add(delivery.id)
            task = asyncio.get_running_loop().create_task(self._send(self._adapters[channel], delivery))
            self._sending[channel].add(task)
            task.add_done_callback(self._sending[channel].discard)
        return len(claimed)

    def _claim(self, channel: str, limit: int) -> Sequence[Delivery]:
        with self._store.write() as work:
            lease = self._clock() + timedelta(seconds=self._patience.one + _SPARE)
            claimed = work.claim(channel, until=lease, limit=limit)
            work.commit()  # also where nothing was: what cannot be read was parked
        return claimed

    async def _send(self, adapter: Adapter, delivery: Delivery) -> None:
        failure: Exception | None = None
        try:
            try:
                async with asyncio.timeout(self._patience.one):
                    await adapter.send(delivery)
            except Exception as error:
                failure = error
            await self._settle(delivery, failure)
        finally:
            self._in_hand.discard(delivery.id)
        self.wake(delivery.key.channel)

    async def _settle(self, delivery: Delivery, error: Exception | None) -> None:
        """Write down how it went; where that cannot be written, the lease runs out and it is sent again."""
        for attempt in range(_WRITES):
            try:
                await asyncio.to_thread(self._write_down, delivery, error)
            except Exception as failure:
                log.error("delivery %s of %s cannot be written down: %s", delivery.id, delivery.key, failure)
                await asyncio.sleep(0.2 * 2**attempt)
            else:
                return

    def _write_down(self, delivery: Delivery, error: Exception | None) -> None:
        outcome = "delivered"
        with self._store.write() as work:
            if error is None:
                work.delivered(delivery.id)
            elif isinstance(error, Refused) or delivery.attempts + 1 >= self._patience.attempts:
                outcome = "parked"
                work.park(delivery.id, _told(error))
            else:
                outcome = "postponed"
                wanted = error.seconds if isinstance(error, NotNow) else None
                pause = timedelta(seconds=self._patience.pause(delivery.attempts, wanted))
                work.postpone(delivery.id, self._clock() + pause, _told(error))
            work.commit()
        if self._metrics is not None:
            self._metrics.sent(delivery.key.channel, outcome)
        if error is not None:
            log.warning("delivery %s of %s was %s: %s", delivery.id, delivery.key, outcome, _told(error))


_WRITES = 8
_SPARE = 5.0  # seconds to write down how a delivery went


def _told(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the channel did not take it in time"
    return str(error) or type(error).__name__
