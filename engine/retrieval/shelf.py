"""The index in a model folder: one file a segment, mapped; added to while others read, never rebuilt."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.checkpoint import Arrays, Change, Checkpoint, Content, update
from engine.errors import CheckpointError
from engine.retrieval.index import QuestionIndex
from engine.retrieval.segment import Item, Segment

_NAME = re.compile(r"questions-([0-9]+)\.safetensors")


def files(index: QuestionIndex) -> dict[str, Arrays]:
    """The files of an index by name; the later one has the higher number."""
    return {_name(number): segment.arrays() for number, segment in enumerate(index.segments, 1)}


def read(model: Checkpoint) -> QuestionIndex:
    """The index of a model.

    Raises:
        CheckpointError: If it has none, or one of another version.
    """
    return QuestionIndex([segment for _, segment in _segments(model)])


def put(
    folder: Path,
    items: Iterable[Item],
    *,
    others: Mapping[str, Content] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> str:
    """Add entries to the index of a model, in one step; whoever reads the model afterwards finds them.

    Args:
        folder: The model folder.
        items: Entries; each takes the place of what the index had at its place, and one without questions removes that.
        others: Files that are replaced in the same step, such as the knowledge that has these entries.
        facts: Facts that are replaced in the same step.

    Returns:
        The fingerprint of the model.

    Raises:
        CheckpointError: If there is no model, or it has no index.
        ValueError: If two items have the same place.
        OSError: If the disk is full or the folder cannot be written; the model stays as it was.
    """
    return _change(folder, lambda index: index.put(items), others, facts)


def compact(folder: Path) -> str:
    """Write the index of a model as one segment, without what is no longer in force.

    Returns:
        The fingerprint of the model.

    Raises:
        CheckpointError, OSError: As ``put``.
    """
    return _change(folder, QuestionIndex.compacted)


def _change(
    folder: Path,
    changed: Callable[[QuestionIndex], QuestionIndex],
    others: Mapping[str, Content] | None = None,
    facts: Mapping[str, Any] | None = None,
) -> str:
    def change(model: Checkpoint) -> Change:
        before = _segments(model)
        after = changed(QuestionIndex([segment for _, segment in before])).segments
        new = [segment for segment in after if all(segment is not old for _, old in before)]
        written = {_name(before[-1][0] + step): segment.arrays() for step, segment in enumerate(new, 1)}
        without = [_name(number) for number, old in before if all(segment is not old for segment in after)]
        return Change(written | dict(others or {}), without, facts or {})

    return update(folder, change)


def _segments(model: Checkpoint) -> Sequence[tuple[int, Segment]]:
    """The segments of a model with the numbers of their files, the oldest first."""
    names = sorted(int(match[1]) for name in model.files if (match := _NAME.fullmatch(name)))
    found = []
    for number in names or [1]:
        try:
            found.append((number, Segment.from_arrays(model.arrays(_name(number)))))
        except KeyError as error:
            raise CheckpointError(f"{model.folder}: {_name(number)} lacks {error}; train the model again") from error
    return found


def _name(number: int) -> str:
    return f"questions-{number}.safetensors"
