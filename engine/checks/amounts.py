"""Whether there is enough to learn from, and whether what is to be filled in can be."""

from __future__ import annotations

import re
from collections.abc import Iterator

from engine.checks.finding import Finding, Kind, Material, Severity, at, named
from engine.text.normalise import matching
from engine.text.tokenise import SLOT_NAMES

_BRACES = re.compile(r"\{(\w+)(?:\|[^{}]*)?\}")
_ENOUGH = 3  # questions of an entry, from which on some are held out


def nothing_to_tell_apart(material: Material) -> Iterator[Finding]:
    """A single entry, or entries with one answer: an error, since nothing can be learned from it."""
    entries = material.knowledge.entries
    if len(entries) == 1:
        message = f"there is one entry only, {entries[0].id}: training needs at least two with different answers"
        yield material.of_answer(Kind.ONE_ENTRY, Severity.ERROR, entries[0], message)
    elif entries and len({matching(entry.answer) for entry in entries}) == 1:
        message = f"all {len(entries):,} entries have the same answer: training needs at least two different ones"
        yield material.of_answer(Kind.SAME_ANSWERS, Severity.ERROR, entries[0], message)


def too_few(material: Material) -> Iterator[Finding]:
    """Entries with one way to ask, in one finding, and how many there are."""
    alone = [entry for entry in material.knowledge if len(entry.questions) == 1]
    if alone:
        names = named([entry.id for entry in alone])
        message = (
            f"only one way to ask, so that other wordings may be missed: {names} ({len(alone):,} of "
            f"{len(material.knowledge):,} entries); write at least {_ENOUGH} for each, in really different words"
        )
        row = material.question_row(alone[0], alone[0].questions[0])
        yield at(row, Kind.FEW, Severity.WARNING, "question", message)


def unfilled(material: Material) -> Iterator[Finding]:
    """Placeholders in answers that can never be filled in, or that may vanish."""
    for entry in material.knowledge:
        for found in _BRACES.finditer(entry.answer):
            if found.group(1) not in {*SLOT_NAMES, *material.slots}:
                known = ", ".join(dict.fromkeys([*SLOT_NAMES, *material.slots]))
                message = (
                    f"{found.group()} in entry {entry.id} can never be filled in; slots are {known}, and others once "
                    "the configuration has them in [slots]"
                )
                yield material.of_answer(Kind.PLACEHOLDER, Severity.WARNING, entry, message)
            elif "|" not in found.group() or found.group().endswith("|}"):
                message = f"{found.group()} in entry {entry.id} has no default: it vanishes where nothing is known"
                yield material.of_answer(Kind.PLACEHOLDER, Severity.WARNING, entry, message)
