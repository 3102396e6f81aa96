"""The stores that every contract is tried on: in memory, SQLite, and PostgreSQL where a server is named."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from stored import NOON

from storage.conversations import SqlStore
from storage.database import open_database
from storage.in_memory import InMemoryStore
from storage.ports import Store
from storage.schema import conversations, inbox, models, states

POSTGRES = os.environ.get("ATTENDANT_TEST_POSTGRES")


class Clock:
    """Moves on one second whenever it is asked."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """A URL whose tables lie in a schema of this run alone."""
    if not POSTGRES:
        pytest.skip("ATTENDANT_TEST_POSTGRES names no PostgreSQL server")
    name = f"attendant_{uuid.uuid4().hex}"
    admin = create_engine(POSTGRES.replace("postgresql://", "postgresql+psycopg://"))
    with admin.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {name}"))
    joint = "&" if "?" in POSTGRES else "?"
    try:
        yield f"{POSTGRES}{joint}options=-csearch_path%3D{name}"
    finally:
        with admin.begin() as connection:
            connection.execute(text(f"DROP SCHEMA {name} CASCADE"))
        admin.dispose()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "memory":
        yield InMemoryStore(clock=Clock())
        return
    url = f"sqlite:///{tmp_path}/a.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    engine = open_database(url)
    with engine.begin() as connection:
        for table in (conversations, models, inbox, states):
            connection.execute(table.delete())
    with SqlStore(engine, clock=Clock()) as opened:
        yield opened
