"""The files of a model, one at a time in memory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.checkpoint import Checkpoint, Content


class Contents(Mapping[str, Content]):
    """The files of a model by name, each read when it is asked for, so that a large model need not fit in memory.

    Reading a file may raise ``OSError``.
    """

    def __init__(self, model: Checkpoint) -> None:
        self._files = model.files

    def __getitem__(self, name: str) -> bytes:
        return self._files[name].read_bytes()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)
