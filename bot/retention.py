"""Forgetting conversations that nobody continued for long: when the house opens, and then once a day.

It runs in a thread of its own, in short transactions, so that customers are answered meanwhile.
"""

from __future__ import annotations

import logging
import threading
from datetime import timedelta

from bot.clock import Clock
from storage.errors import StorageError
from storage.ports import Store

DAY_SECONDS = 24 * 60 * 60.0
PATIENCE_SECONDS = 5.0
log = logging.getLogger("attendant.retention")


class Retention:
    """Forgets what is older than so many days.

    Args:
        store: What is forgotten from.
        days: How many days after its last turn a conversation is forgotten; at least 1.
        clock: Tells the time, aware.
        pause: Seconds from one time to the next.
    """

    def __init__(self, store: Store, days: int, clock: Clock, *, pause: float = DAY_SECONDS) -> None:
        self._store = store
        self._age = timedelta(days=days)
        self._clock = clock
        self._pause = pause
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def forget(self) -> int:
        """Forget now, and count the conversations.

        Raises:
            StorageError: If the database cannot be written; what was forgotten by then stays forgotten.
        """
        count = self._store.forget_older_than(self._clock() - self._age)
        if count:
            log.info("%s conversations were forgotten, last written %s days ago or earlier", count, self._age.days)
        return count

    def start(self) -> None:
        """Forget now and then once a day, until ``close``; nothing happens where that goes on already."""
        if self._thread is None:
            self._ended = threading.Event()
            self._thread = threading.Thread(target=self._run, name="retention", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Forget no more; what is being forgotten just now is waited for, but not for long: it goes on next time."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join(PATIENCE_SECONDS)
            self._thread = None

    def _run(self) -> None:
        ended = self._ended
        while True:
            try:
                self.forget()
            except StorageError as error:
                log.error("old conversations were not forgotten, the next try is tomorrow: %s", error)
            except Exception:
                log.exception("old conversations were not forgotten, the next try is tomorrow")
            if ended.wait(self._pause):
                return
