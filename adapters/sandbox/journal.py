"""What went in both directions, the newest at the end; waiting until something has happened."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

LIMIT = 1_000


class Way(StrEnum):
    """Who told whom."""

    TO_BOT = "to the bot"
    FROM_BOT = "from the bot"
    HERE = "here"


@dataclass(frozen=True, slots=True)
class Entry:
    """One request or one act; ``body`` is what JSON can say, ``outcome`` how it was answered."""

    at: datetime
    way: Way
    what: str
    body: Any
    outcome: str


class Journal:
    """The last ``LIMIT`` entries, by the clock of the stand-in. Neither headers nor addresses stand in it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._entries: deque[Entry] = deque(maxlen=LIMIT)
        self._changed = asyncio.Event()

    @property
    def entries(self) -> Sequence[Entry]:
        """All of them, the oldest first."""
        return tuple(self._entries)

    def of(self, way: Way, what: str = "") -> Sequence[Entry]:
        """Those of one direction whose name holds ``what``."""
        return [entry for entry in self._entries if entry.way is way and what in entry.what]

    def write(self, way: Way, what: str, body: Any = None, outcome: str = "") -> None:
        """Add an entry and wake whoever waits."""
        self._entries.append(Entry(self._now(), way, what, body, outcome))
        self.wake()

    def wake(self) -> None:
        """Let everyone who waits look again."""
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def until(self, holds: Callable[[], object], seconds: float = 5.0) -> None:
        """Wait until ``holds()`` is true; it is asked after every entry.

        Raises:
            TimeoutError: If it is not within ``seconds``; the message lists the last entries.
        """
        try:
            async with asyncio.timeout(seconds):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            last = "; ".join(f"{entry.way} {entry.what}: {entry.outcome}" for entry in list(self._entries)[-5:])
            raise TimeoutError(f"not within {seconds} s; the last entries: {last or 'none'}") from None
