"""How the registry touches the disk: alone, whole files only, and one file of a model in memory at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from engine.checkpoint import Checkpoint, Content


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Nobody else changes the registry meanwhile; the system lets go of the lock when a process dies.

    Raises:
        OSError: If the folder cannot be made or opened.
    """
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def write_lasting(path: Path, text: str) -> None:
    """Write a small file so that at any moment the old or the new one is whole, also after a power cut.

    Raises:
        OSError: If it cannot be written; a file that was there before is then unchanged.
    """
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    settle(path.parent)


def settle(folder: Path) -> None:
    """Make what was named or renamed in a folder last."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


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
