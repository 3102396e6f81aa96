"""Composing for several conversations in one go: whoever comes while the network works is served in the next round.

Nobody waits for company: a caller who finds the network free uses it at once, alone. Under load rounds fill by
themselves.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Sequence

from engine.ports import Context, Generation, Generator


class _Turn:
    """What one caller wants, and what came of it."""

    def __init__(self, contexts: Sequence[Context], deadline: float | None) -> None:
        self.contexts = contexts
        self.deadline = deadline
        self.found: list[Generation | None] = [None] * len(contexts)
        self.error: BaseException | None = None
        self.done = False

    def is_late(self) -> bool:
        return self.deadline is not None and time.monotonic() >= self.deadline


class Rounds:
    """A ``Generator`` before another one, safe to be called from many threads.

    Args:
        generator: Does the work, one round at a time.
        most: Contexts of a round; a caller with more of them has a round of its own.
    """

    def __init__(self, generator: Generator, *, most: int = 16) -> None:
        self._generator = generator
        self._most = most
        self._waiting: deque[_Turn] = deque()
        self._changed = threading.Condition()
        self._busy = False
        self.rounds = 0

    @property
    def fingerprint(self) -> str:
        """The checkpoint that it composes with."""
        return self._generator.fingerprint

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        """One generation a context, in order; None for one that could not be begun before the deadline.

        Raises:
            GenerationError: If nothing at all can be composed.
        """
        turn = _Turn(contexts, deadline)
        with self._changed:
            self._waiting.append(turn)
            while self._busy and not turn.done:
                self._changed.wait()
            mine = not turn.done
            self._busy = self._busy or mine  # the network is free: this thread works for all who wait
        if mine:
            self._lead(turn)
        if turn.error is not None:
            raise turn.error
        return turn.found

    def _lead(self, turn: _Turn) -> None:
        """Work until the turn is done, then leave the network to whoever still waits."""
        try:
            while not turn.done:
                with self._changed:
                    turns = self._next()
                self._work([one for one in turns if not one.is_late()])
                with self._changed:
                    for one in turns:
                        one.done = True
                    self._changed.notify_all()
        finally:
            with self._changed:
                self._busy = False
                self._changed.notify_all()

    def _work(self, turns: Sequence[_Turn]) -> None:
        """One round; nobody is cut short by somebody else's earlier deadline."""
        contexts = [context for turn in turns for context in turn.contexts]
        deadlines = [turn.deadline for turn in turns if turn.deadline is not None]
        latest = max(deadlines) if deadlines and len(deadlines) == len(turns) else None
        self.rounds += 1
        try:
            found = iter(self._generator.generate(contexts, deadline=latest) if contexts else [])
            for turn in turns:
                turn.found = list(itertools.islice(found, len(turn.contexts)))
        except BaseException as failure:  # whatever it is, it is theirs too who wait for this thread
            for turn in turns:
                turn.error = failure

    def _next(self) -> list[_Turn]:
        """Those who waited longest, as many as fit in a round."""
        turns = [self._waiting.popleft()]
        count = len(turns[0].contexts)
        while self._waiting and count + len(self._waiting[0].contexts) <= self._most:
            turns.append(self._waiting.popleft())
            count += len(turns[-1].contexts)
        return turns
