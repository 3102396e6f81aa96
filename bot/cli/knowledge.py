"""Which FAQ counts, what is suspicious in one, and how two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Config
from engine.errors import KnowledgeError
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import read_knowledge, read_with_origins
from engine.training.data import sample_sources, sample_validation

if TYPE_CHECKING:
    from engine.checks.finding import Finding

_LOGS = (".jsonl", ".ndjson")


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that the configuration means, and in words where they come from.

    ``validation`` holds tables of questions that confidence is fitted on.
    """

    files: tuple[Path, ...]
    words: str
    validation: tuple[Path, ...] = ()

    @property
    def tables(self) -> tuple[Path, ...]:
        """The FAQ tables among them."""
        return tuple(path for path in self.files if path.suffix.casefold() not in _LOGS)


def configured(config: Config) -> Sources:
    """What to learn from: the configured files, else the imported FAQ, else the sample."""
    logs = tuple(config.home / Path(name).expanduser() for name in config.knowledge.conversations)
    asked = tuple(config.home / Path(name).expanduser() for name in config.knowledge.validation)
    if config.knowledge.files:
        files = tuple(config.home / Path(name).expanduser() for name in config.knowledge.files)
        return Sources((*files, *logs), "the configured FAQ", asked)
    if config.imported_knowledge.exists():
        return Sources((config.imported_knowledge, *logs), "the imported FAQ", asked)
    sample = (*sample_sources(), *logs)
    return Sources(sample, "the sample FAQ of an invented shop", (*sample_validation(), *asked))


def read(config: Config, files: Sequence[Path] = ()) -> Knowledge:
    """The entries of ``files``, else of the configured FAQ.

    Raises:
        KnowledgeError: If anything in any file is wrong; holds every problem.
    """
    return read_knowledge(list(files) or configured(config).tables, locales=config.bot.locales)


def examine(config: Config, files: Sequence[Path], against: Sequence[Path] = ()) -> tuple[Knowledge, list[Finding]]:
    """The entries of files, and what in them may be a mistake, though they can be used.

    Args:
        config: The languages that the bot speaks.
        files: Tables that are read together.
        against: Tables of test questions, which must not stand in the others.

    Raises:
        KnowledgeError: If anything in them is wrong; holds every problem.
    """
    from engine.checks.finding import Material
    from engine.checks.findings import check, read_asked

    found, origins = read_with_origins(files, locales=config.bot.locales)
    asked = read_asked(against)
    return found, check(Material(found, origins, asked, locales=config.bot.locales))


def changed_since(config: Config, trained: Knowledge) -> str:
    """Empty where ``trained`` is the configured FAQ; else what is different, in words."""
    try:
        now = read(config)
    except KnowledgeError as error:
        return f"the FAQ cannot be read ({error.problems[0]}); answering from what was learned before"
    if now.fingerprint() == trained.fingerprint():
        return ""
    difference = compare(trained, now)
    return f"the FAQ has changed since training ({difference.words()}); `attendant train` learns it"


@dataclass(frozen=True, slots=True)
class Difference:
    """Ids of entries that are new, changed, the same and gone from one FAQ to another."""

    new: tuple[str, ...]
    changed: tuple[str, ...]
    same: tuple[str, ...]
    gone: tuple[str, ...]

    def words(self) -> str:
        """The counts that are not zero, in words."""
        counts = {"new": self.new, "changed": self.changed, "gone": self.gone}
        return ", ".join(f"{len(ids)} {name}" for name, ids in counts.items() if ids) or "another order"


def compare(old: Knowledge, new: Knowledge) -> Difference:
    """What changed from ``old`` to ``new``."""
    shared = [entry for entry in new if entry.id in old]
    return Difference(
        tuple(entry.id for entry in new if entry.id not in old),
        tuple(entry.id for entry in shared if entry != old[entry.id]),
        tuple(entry.id for entry in shared if entry == old[entry.id]),
        tuple(entry.id for entry in old if entry.id not in new),
    )
