"""Looking at the configured database before anything is done to it; nothing here creates or changes one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bot.cli.output import say
from storage.conversations import SqlStore
from storage.database import connect, open_database, read_url
from storage.errors import StorageError, Unavailable
from storage.faults import place, translated
from storage.schema import REVISION
from storage.upgrade import read_revision


@dataclass(frozen=True, slots=True)
class Look:
    """A database as it stands.

    ``revision`` is None where it holds nothing yet; ``newest`` is the one it should have; ``copy`` names the
    copy that an upgrade would keep, empty where it keeps none.
    """

    where: str
    revision: str | None
    newest: str
    copy: str = ""

    @property
    def plan(self) -> str:
        """What opening it for writing would change, in words; empty: nothing."""
        if self.revision is None:
            return f"creating {self.where} (revision {self.newest})"
        if self.revision >= self.newest:
            return ""  # a later one is refused when it is opened
        kept = f"; a copy is kept as {self.copy}" if self.copy else ""
        return f"bringing the database {self.where} from revision {self.revision} to {self.newest}{kept}"


def look(url: str) -> Look:
    """What there is at ``url``.

    Raises:
        StorageError: If it is something else, damaged, or cannot be read just now.
    """
    parsed = read_url(url)
    where = place(parsed)
    sqlite = parsed.get_backend_name() == "sqlite"
    if sqlite and not Path(where).exists():
        return Look(where, None, REVISION)
    if sqlite and Path(where).is_dir():
        raise Unavailable(f"{where} is a folder; name a file in it")
    engine = connect(parsed)
    try:
        with translated(parsed), engine.connect() as connection:
            revision = read_revision(connection)
    finally:
        engine.dispose()
    older = sqlite and revision is not None and revision < REVISION
    return Look(where, revision, REVISION, f"{Path(where).name}.before-{REVISION}.bak" if older else "")


def copies_of(url: str) -> list[Path]:
    """Copies of a SQLite file that were kept before a migration."""
    parsed = read_url(url)
    if parsed.get_backend_name() != "sqlite":
        return []
    path = Path(str(parsed.database))
    return sorted(copy for copy in path.parent.glob("*.bak") if copy.name.startswith(f"{path.name}.before-"))


def announce(url: str) -> None:
    """Say on standard error what opening the database would change; nothing where nothing would.

    Raises:
        StorageError: If it cannot be read.
    """
    plan = look(url).plan
    if plan:
        say(plan)


def upgrade(url: str) -> None:
    """Create the database, or bring it to the newest revision.

    Raises:
        StorageError: If that fails; the database is then as it was.
    """
    open_database(url, migrate=True).dispose()


def open_existing(url: str) -> SqlStore | None:
    """The store as it is, for reading and forgetting; None where nothing was ever stored.

    Raises:
        StorageError: If it cannot be opened, or is older: looking at conversations must not migrate them.
    """
    found = look(url)
    if found.revision is None:
        return None
    if found.revision < found.newest:
        raise StorageError(
            f"{found.where} is of revision {found.revision}, expected {found.newest}; run `attendant db upgrade`"
        )
    return SqlStore(open_database(url, migrate=False))
