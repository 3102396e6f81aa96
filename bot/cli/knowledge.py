"""Which FAQ counts, what is suspicious in one, and how two differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bot.config import Config
from engine.errors import KnowledgeError
from engine.knowledge.entries import Knowledge
from engine.logs.source import Sources as Read
from engine.logs.source import read_sources
from engine.training.data import nothing_to_answer, sample_sources, sample_validation

if TYPE_CHECKING:
    from engine.checks.finding import Finding


@dataclass(frozen=True, slots=True)
class Sources:
    """The files that the configuration means, and in words where they come from.

    ``validation`` holds tables of questions that confidence is fitted on, ``faqs`` those of the files that are no logs.
    """

    files: tuple[Path, ...]
    words: str
    validation: tuple[Path, ...] = ()
    faqs: tuple[Path, ...] = ()


def configured(config: Config) -> Sources:
    """What to learn from: the configured files, else the imported FAQ, else the sample."""
    logs = tuple(config.home / Path(name).expanduser() for name in config.knowledge.conversations)
    asked = tuple(config.home / Path(name).expanduser() for name in config.knowledge.validation)
    if config.knowledge.files:
        files = tuple(config.home / Path(name).expanduser() for name in config.knowledge.files)
        return Sources((*files, *logs), "the configured FAQ", asked, files)
    if config.imported_knowledge.exists():
        return Sources((config.imported_knowledge, *logs), "the imported FAQ", asked, (config.imported_knowledge,))
    sample = tuple(sample_sources())
    faqs = tuple(path for path in sample if path.suffix == ".csv")
    return Sources((*sample, *logs), "the sample FAQ of an invented shop", (*sample_validation(), *asked), faqs)


def read(config: Config, files: Sequence[Path] = ()) -> Knowledge:
    """The entries of ``files``, else of the configured FAQ.

    Raises:
        KnowledgeError: If anything in any file is wrong; holds every problem.
    """
    return _gathered(config, list(files) or configured(config).faqs).knowledge


def _gathered(config: Config, files: Sequence[Path]) -> Read:
    found = read_sources(files, locales=config.bot.locales)
    problems = [*nothing_to_answer(found), *found.problems]
    if problems:
        raise KnowledgeError(problems)
    return found


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

    read_ = _gathered(config, files)
    asked = read_asked(against)
    return read_.knowledge, check(
        Material(read_.knowledge, read_.origins, asked, locales=config.bot.locales, slots=tuple(config.slots))
    )


def changed_since(config: Config, trained: Knowledge) -> str:
    """Empty where ``trained`` is the configured FAQ; else what is different, in words."""
    from engine.checks.masking import mask_knowledge

    try:
        now = read(config)
    except KnowledgeError as error:
        return f"the FAQ cannot be read ({error.problems[0]}); answering from what was learned before"
    masked = mask_knowledge(now)  # what a model learned, unless it was told to keep personal data
    if trained.fingerprint() in (now.fingerprint(), masked.fingerprint()):
        return ""
    difference = compare(trained, masked)
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
