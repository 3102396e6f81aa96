"""Telegram's flood limits: messages a second in a chat, a minute in a group, a second in all.

The numbers are those of Telegram's own FAQ for bots; how long a burst may be is not confirmed by the vendor.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

BURST = 3


@dataclass(frozen=True, slots=True)
class _Limit:
    messages: int
    seconds: float


_CHAT = _Limit(BURST, float(BURST))
_GROUP = _Limit(20, 60.0)
_ALL = _Limit(30, 1.0)
_EVERYWHERE = 0


class Flood:
    """Counts what is sent; switched off it lets everything through."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on = False
        self._clock = clock
        self._sent: dict[int, deque[float]] = {}

    def wait(self, chat: int) -> int:
        """Whole seconds until another message may go to a chat; 0 where it may now, and then it counts."""
        if not self.on:
            return 0
        now = self._clock()
        limits = {chat: _GROUP if chat < 0 else _CHAT, _EVERYWHERE: _ALL}
        wait = max(self._left(place, limit, now) for place, limit in limits.items())
        if wait <= 0:
            for place in limits:
                self._sent.setdefault(place, deque()).append(now)
        return math.ceil(wait)

    def _left(self, place: int, limit: _Limit, now: float) -> float:
        sent = self._sent.setdefault(place, deque())
        while sent and sent[0] <= now - limit.seconds:
            sent.popleft()
        return sent[0] + limit.seconds - now if len(sent) >= limit.messages else 0.0
