"""Token buckets: how many requests somebody may make, in a burst and in the long run."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000
"""Names that are remembered; who was not heard of for longest is forgotten, with a full bucket."""


class Buckets:
    """A bucket for each name.

    Args:
        rate: Requests a second in the long run.
        burst: Requests at once.
        clock: Seconds, never going back.
    """

    def __init__(self, rate: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str) -> float:
        """Count a request; seconds until one is free again, 0 where this one may be made."""
        now = self._clock()
        left, since = self._buckets.pop(name, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait = 0.0 if left >= 1.0 else (1.0 - left) / self._rate
        self._buckets[name] = (left if wait else left - 1.0, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return wait
