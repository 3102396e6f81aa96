"""Forgetting conversations that nobody continued."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine, delete, select

from storage.database import empty_log
from storage.faults import translated
from storage.inbox import forget_old
from storage.rows import aware
from storage.schema import conversations
from storage.upgrade import WRITES

if TYPE_CHECKING:
    from storage.conversations import SqlStore


def forget_older_than(store: SqlStore | Engine, moment: datetime, *, batch: int = 500) -> int:
    """Remove every trace of conversations last written before ``moment`` (aware UTC), and count them.

    They go in batches, each a short transaction, so that customers are answered meanwhile. Copies that were
    kept before a migration are files of the operator's and are not touched.

    Raises:
        StorageError: If the database cannot be written; batches that were done stay done.
    """
    engine = store if isinstance(store, Engine) else store.engine
    old = conversations.c.updated_at < aware(moment)
    some = select(conversations.c.id).where(old).limit(batch)
    # The age is asked again, for a conversation that was continued while the batch was chosen.
    statement = delete(conversations).where(conversations.c.id.in_(some), old)
    with translated(engine.url), engine.execution_options(**{WRITES: True}).begin() as connection:
        forget_old(connection, moment, only_done=False)
    forgotten = 0
    while True:
        with translated(engine.url), engine.execution_options(**{WRITES: True}).begin() as connection:
            gone = connection.execute(statement).rowcount
        if not gone:
            break
        forgotten += gone
    if forgotten:
        empty_log(engine)
    return forgotten
