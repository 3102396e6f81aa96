"""A store that forgets everything when the process ends. It keeps the promises of the ones on disk."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from engine.dialogue import ConversationKey, Reply
from engine.memory import WorkingMemory
from storage.errors import Unavailable
from storage.in_memory_queues import Queues
from storage.in_memory_work import InMemoryWork, Record, of_person, reply_in
from storage.ports import (
    Conversation,
    Delivery,
    StoredEvent,
    StoredModel,
    StoredTurn,
    Summary,
    Tombstone,
    UnitOfWork,
    Verdict,
)
from storage.rows import (
    at_most,
    aware,
    loads,
    safe_key,
    safe_message_id,
)

PATIENCE = 5.0
"""Seconds to wait for another thread that is writing, as long as the stores on disk wait."""


class InMemoryStore:
    """A ``Store`` for tests and for questions outside any conversation; safe to use from many threads.

    Args:
        clock: Tells when a conversation was written; aware UTC.
    """

    def __init__(self, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._clock = clock
        self._records: dict[ConversationKey, Record] = {}
        self._models: dict[str, StoredModel] = {}
        self._queues = Queues()
        self._numbers = itertools.count(1)
        self._writing = threading.Lock()

    def load(self, key: ConversationKey) -> Conversation:
        """The conversation as stored last; a new one where there is none."""
        record = self._records.get(safe_key(key))
        if record is None:
            return Conversation(key)
        return Conversation(key, record.owner, WorkingMemory.from_json(loads(record.memory)), record.version)

    def find_reply(self, key: ConversationKey, message_id: str) -> Reply | None:
        """The reply given to this message, None where it was not answered yet."""
        record = self._records.get(safe_key(key))
        return None if record is None else reply_in(record, safe_message_id(message_id))

    @contextmanager
    def write(self) -> Iterator[UnitOfWork]:
        """Begin a writing transaction, alone in the store until it ends."""
        if not self._writing.acquire(timeout=PATIENCE):
            raise Unavailable("the store in memory is locked by another thread; try again")
        try:
            yield InMemoryWork(
                self._records, self._models, self._queues.copy(), self._replace, self._clock, self._numbers
            )
        finally:
            self._writing.release()

    def history(self, key: ConversationKey, *, limit: int | None = None) -> Sequence[StoredTurn]:
        """The last ``limit`` turns, oldest first; all of them where it is None."""
        limit = at_most(limit)
        record = self._records.get(safe_key(key))
        turns = () if record is None else record.turns
        return list(turns if limit is None else turns[max(0, len(turns) - limit) :])

    def conversations(self, *, limit: int = 100) -> Sequence[Summary]:
        """Conversations, the one written last first."""
        records = sorted(self._records.items(), key=lambda item: (item[1].updated_at, item[1].number), reverse=True)
        return [
            Summary(key, record.owner, len(record.turns), record.updated_at)
            for key, record in records[: at_most(limit)]
        ]

    def pending(
        self,
        channel: str | None = None,
        *,
        key: ConversationKey | None = None,
        limit: int = 100,
        due: datetime | None = None,
    ) -> Sequence[Delivery]:
        """What is not delivered yet, oldest first."""
        return self._queues.pending(channel, key, limit, due)

    def events(
        self, *, key: ConversationKey | None = None, limit: int = 100, parked: bool = True
    ) -> Sequence[StoredEvent]:
        """Events that are not done, in the order in which they came."""
        return self._queues.events(key, limit, parked=parked)

    def waiting(self, *, limit: int = 1000) -> Sequence[ConversationKey]:
        """Conversations with events that are neither done nor parked."""
        return self._queues.conversations_waiting(limit)

    def forget_done(self, before: datetime) -> int:  # noqa: ARG002 - it ends with the process
        """Nothing is left of events that were done but their ids."""
        return 0

    def state(self, name: str) -> Mapping[str, Any] | None:
        """The state that was kept under a name."""
        return self._queues.state(name)

    def verdicts(self, key: ConversationKey) -> Sequence[Verdict]:
        """All verdicts on replies of the conversation, oldest first."""
        record = self._records.get(safe_key(key))
        return [] if record is None else list(record.verdicts)

    def tombstones(self, key: ConversationKey) -> Sequence[Tombstone]:
        """What was forgotten of the conversation, oldest first."""
        record = self._records.get(safe_key(key))
        return [] if record is None else list(record.tombstones)

    def of_person(self, channel: str, sender: str) -> Sequence[ConversationKey]:
        """The conversations of ``channel`` in which ``sender`` wrote, the oldest first."""
        return of_person(self._records, channel, sender)

    def forget_older_than(self, moment: datetime) -> int:
        """Remove every trace of conversations last written before ``moment`` (aware UTC), and count them."""
        moment = aware(moment)
        with self.write() as work:
            old = [key for key, record in self._records.items() if record.updated_at < moment]
            for key in old:
                work.forget(key)
            work.commit()
        return len(old)

    def models(self) -> Sequence[StoredModel]:
        """The list of models, the newest first."""
        by_name = sorted(self._models.values(), key=lambda model: model.fingerprint)
        return sorted(by_name, key=lambda model: model.created, reverse=True)

    def close(self) -> None:
        """Nothing is held."""

    def _replace(self, records: dict[ConversationKey, Record], models: dict[str, StoredModel], queues: Queues) -> None:
        # One assignment each: a reader of conversations, models or queues sees all of a commit or nothing of it.
        self._records = records
        self._models = models
        self._queues = queues
