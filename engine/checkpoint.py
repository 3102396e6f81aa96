"""Model folders: safetensors and JSON, no pickle anywhere, whole at any moment.

Files are named after their content; ``manifest.json`` names the files that belong together and is replaced last, in one
step. So a folder holds the old model or the new one, also after a crash, and a damaged file is found by its digest.
Arrays are mapped into memory, not read: what is never looked at costs nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.disk import alone, write_lasting
from engine.errors import CheckpointError

FORMAT = 4
KIND = "attendant-model"
MANIFEST = "manifest.json"
_CONTENT_NAME = re.compile(r"^.+-[0-9a-f]{16}\.[a-z]+(\.part)?$")
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "|i1", "U64": "<u8",
    "U32": "<u4", "U16": "<u2", "U8": "|u1", "BOOL": "|b1",
}  # fmt: skip
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}

Arrays = Mapping[str, NDArray[np.generic]]
Content = bytes | Arrays
"""What a file holds: its bytes, or arrays for a safetensors file."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model folder that was read. ``facts`` is what the model was written with, ``files`` where its files lie."""

    folder: Path
    fingerprint: str
    facts: Mapping[str, Any]
    files: Mapping[str, Path]
    _data: Mapping[str, mmap.mmap | bytes] = field(repr=False)

    def arrays(self, name: str) -> dict[str, NDArray[np.generic]]:
        """The arrays of a safetensors file, mapped: what is written into them stays in this process.

        Raises:
            CheckpointError: If the file is not there or no safetensors file.
        """
        self.path(name)
        try:
            return bytes_to_arrays(self._data[name])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise CheckpointError(f"{self.folder}: {name} cannot be read: {error!r}") from error

    def path(self, name: str) -> Path:
        """Where a file of the model lies.

        Raises:
            CheckpointError: If the model has no such file.
        """
        if name not in self.files:
            raise CheckpointError(f"{self.folder}: the model lacks {name}")
        return self.files[name]


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a model: files that are new or replaced, files that go, facts that are new or replaced."""

    files: Mapping[str, Content] = field(default_factory=dict)
    without: Collection[str] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)


def arrays_to_bytes(arrays: Arrays) -> bytes:
    """Arrays as a safetensors file."""
    return b"".join(_pieces(arrays))


def bytes_to_arrays(data: mmap.mmap | bytes) -> dict[str, NDArray[np.generic]]:
    """The arrays of a safetensors file, as views.

    Raises:
        KeyError, TypeError, ValueError: If it is none.
    """
    begin = 8 + int.from_bytes(data[:8], "little")
    if begin > len(data):
        raise ValueError("it ends before its header does")
    header = json.loads(data[8:begin])
    found: dict[str, NDArray[np.generic]] = {}
    for name, item in header.items():
        if name == "__metadata__":
            continue
        kind, shape = np.dtype(_TYPES[item["dtype"]]), tuple(map(int, item["shape"]))
        first, last = item["data_offsets"]
        count = math.prod(shape)
        if last - first != count * kind.itemsize or not 0 <= first <= last <= len(data) - begin:
            raise ValueError(f"{name} does not lie where the header says")
        found[name] = np.frombuffer(data, kind, count, begin + first).reshape(shape) if count else np.zeros(shape, kind)
    return found


def write(folder: Path, files: Mapping[str, Content], facts: Mapping[str, Any]) -> str:
    """Write a model in place of the one that was there.

    Args:
        folder: Where to; made if it is missing.
        files: Contents by name, such as ``weights.safetensors``.
        facts: Anything else that belongs to the model, as plain data.

    Returns:
        The fingerprint of the model.

    Raises:
        OSError: If the disk is full or the folder cannot be written; what was there before is untouched.
    """
    with alone(folder):
        return _replace(folder, files, {}, facts)


def update(folder: Path, change: Callable[[Checkpoint], Change]) -> str:
    """Change some files and facts of a model, in one step; the others are not even read.

    Args:
        folder: The model folder.
        change: Says what changes; called with the model as it is, whose files were not checked against their digests.
            Nobody else changes the folder meanwhile.

    Returns:
        The fingerprint of the changed model.

    Raises:
        CheckpointError: If there is no model, or its manifest is damaged.
        OSError: If the disk is full or the folder cannot be written; the model stays as it was.
    """
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no model here ({MANIFEST} is missing)")
    with alone(folder):
        body, model = _parsed(folder, _manifest(folder), check=False)
        wanted = change(model)
        gone = {*wanted.files, *wanted.without}
        kept = {name: item for name, item in body["files"].items() if name not in gone}
        return _replace(folder, wanted.files, kept, {**model.facts, **wanted.facts})


def read(folder: Path) -> Checkpoint:
    """Read a model folder and check every file against its digest.

    Raises:
        CheckpointError: If it is missing, damaged, not a model of ours, or of a later format.
    """
    while True:
        manifest = _manifest(folder)
        try:
            return _parsed(folder, manifest, check=True)[1]
        except CheckpointError:
            if _manifest(folder) == manifest:  # otherwise the model was replaced meanwhile, and its files with it
                raise


def _manifest(folder: Path) -> bytes:
    try:
        return (folder / MANIFEST).read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}: no model here ({MANIFEST} is missing)") from error
    except OSError as error:
        raise CheckpointError(f"{folder}: {MANIFEST} cannot be read: {error}") from error


def _parsed(folder: Path, data: bytes, *, check: bool) -> tuple[dict[str, Any], Checkpoint]:
    """The manifest as it stands, and the model; with ``check`` its files are compared with their digests."""
    try:
        manifest = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder}: {MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise CheckpointError(f"{folder}: {MANIFEST} is not that of an Attendant model")
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{folder}: a model of format {manifest.get('format')!r}, this version reads {FORMAT}")
    body = {key: value for key, value in manifest.items() if key != "fingerprint"}
    try:
        if manifest["fingerprint"] != _fingerprint(body):
            raise CheckpointError(f"{folder}: {MANIFEST} was changed after it was written")
        opened = {name: _opened(folder, name, item, check=check) for name, item in body["files"].items()}
        files = {name: path for name, (path, _) in opened.items()}
        contents = {name: content for name, (_, content) in opened.items()}
        return body, Checkpoint(folder, str(manifest["fingerprint"]), body["facts"], files, contents)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder}: {MANIFEST} is damaged: {error!r}") from error


def _opened(folder: Path, name: str, item: Mapping[str, Any], *, check: bool) -> tuple[Path, mmap.mmap | bytes]:
    """A file of the model, and its content mapped."""
    path = folder / Path(str(item["file"])).name
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            whole = size == item["bytes"]
            if whole and check:  # read, not mapped: what is only checked is not to stay in memory
                whole = hashlib.file_digest(file, "sha256").hexdigest() == item["sha256"]
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if size else b""
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: {path.name} of the model is missing or unreadable") from error
    if not whole:
        raise CheckpointError(f"{folder}: {name} is damaged: {size} bytes that are not those that were written")
    return path, content


def _pieces(content: Content) -> Iterable[bytes | memoryview]:
    """The bytes of a file, piece by piece."""
    if isinstance(content, bytes):
        return [content]
    whole = {name: np.ascontiguousarray(array) for name, array in content.items()}
    order = sorted(whole, key=lambda name: (-whole[name].itemsize, name))  # so that every array is aligned
    header: dict[str, Any] = {}
    end = 0
    for name in order:
        begin, end = end, end + whole[name].nbytes
        kind = _NAMES[whole[name].dtype.newbyteorder("<")]
        header[name] = {"dtype": kind, "shape": list(content[name].shape), "data_offsets": [begin, end]}
    text = json.dumps(header, ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little"), text, *(whole[name].reshape(-1).view(np.uint8).data for name in order)]


def _replace(
    folder: Path, files: Mapping[str, Content], kept: Mapping[str, Mapping[str, Any]], facts: Mapping[str, Any]
) -> str:
    """Write files and a manifest that names them and those that are kept."""
    listed = dict(kept)
    paths = {}
    for name, content in files.items():
        digest, size = _digest(content)
        stem, _, ending = name.rpartition(".")
        listed[name] = {"file": f"{stem}-{digest[:16]}.{ending}", "sha256": digest, "bytes": size}
        paths[name] = folder / str(listed[name]["file"])
    body = {"kind": KIND, "format": FORMAT, "files": listed, "facts": dict(facts)}
    fingerprint = _fingerprint(body)
    manifest = json.dumps({**body, "fingerprint": fingerprint}, ensure_ascii=False, indent=1).encode()
    try:
        for name, content in files.items():
            write_lasting(paths[name], _pieces(content))
        write_lasting(folder / MANIFEST, [manifest])
    except OSError:
        for path in paths.values():
            if not _in_use(folder, path.name):
                path.unlink(missing_ok=True)
        raise
    _sweep(folder)
    return fingerprint


def _digest(content: Content) -> tuple[str, int]:
    """The SHA-256 of a file, and its size in bytes."""
    digest, size = hashlib.sha256(), 0
    for piece in _pieces(content):
        digest.update(piece)
        size += len(piece)
    return digest.hexdigest(), size


def _fingerprint(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def _in_use(folder: Path, name: str) -> bool:
    """True where the manifest that is in force names the file."""
    try:
        return name in (folder / MANIFEST).read_text("utf-8")
    except OSError:
        return False


def _sweep(folder: Path) -> None:
    """Remove files of earlier models."""
    for path in folder.iterdir():
        if _CONTENT_NAME.match(path.name) and not _in_use(folder, path.name):
            path.unlink(missing_ok=True)
