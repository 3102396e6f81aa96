"""Model folders: safetensors and JSON, no pickle anywhere, whole at any moment.

Files are named after their content; ``manifest.json`` names the files that belong together and is replaced last, in one
step. So a folder holds the old model or the new one, also after a crash, and a damaged file is found by its digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.errors import CheckpointError

FORMAT = 1
KIND = "attendant-model"
MANIFEST = "manifest.json"
_CONTENT_NAME = re.compile(r"^.+-[0-9a-f]{16}\.[a-z]+(\.part)?$")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A model folder that was read and found whole. ``facts`` is what the model was written with."""

    folder: Path
    fingerprint: str
    facts: Mapping[str, Any]
    files: Mapping[str, Path]

    def arrays(self, name: str) -> dict[str, NDArray[np.generic]]:
        """The arrays of a safetensors file.

        Raises:
            CheckpointError: If the file is not there or no safetensors file.
        """
        from safetensors.numpy import load_file

        try:
            return dict(load_file(self.path(name)))
        except CheckpointError:
            raise
        except Exception as error:  # the safetensors library raises several kinds
            raise CheckpointError(f"{self.folder}: {name} cannot be read: {error}") from error

    def path(self, name: str) -> Path:
        """Where a file of the model lies.

        Raises:
            CheckpointError: If the model has no such file.
        """
        if name not in self.files:
            raise CheckpointError(f"{self.folder}: the model lacks {name}")
        return self.files[name]


def arrays_to_bytes(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    """Arrays as a safetensors file."""
    from safetensors.numpy import save

    data: bytes = save({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return data


def write(folder: Path, files: Mapping[str, bytes], facts: Mapping[str, Any]) -> str:
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
    folder.mkdir(parents=True, exist_ok=True)
    listed = {}
    for name, data in files.items():
        digest = hashlib.sha256(data).hexdigest()
        stem, _, ending = name.rpartition(".")
        listed[name] = {"file": f"{stem}-{digest[:16]}.{ending}", "sha256": digest, "bytes": len(data)}
    body = {"kind": KIND, "format": FORMAT, "files": listed, "facts": dict(facts)}
    fingerprint = _fingerprint(body)
    manifest = json.dumps({**body, "fingerprint": fingerprint}, ensure_ascii=False, indent=1).encode()
    paths = {name: folder / str(item["file"]) for name, item in listed.items()}
    try:
        for name, data in files.items():
            _write_lasting(paths[name], data)
        _write_lasting(folder / MANIFEST, manifest)
    except OSError:
        for path in paths.values():
            if not _in_use(folder, path.name):
                path.unlink(missing_ok=True)
        raise
    _sweep(folder)
    return fingerprint


def read(folder: Path) -> Checkpoint:
    """Read a model folder and check every file against its digest.

    Raises:
        CheckpointError: If it is missing, damaged, not a model of ours, or of a later format.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except FileNotFoundError as error:
        raise CheckpointError(f"{folder}: no model here ({MANIFEST} is missing)") from error
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"{folder}: {MANIFEST} cannot be read: {error}") from error
    if not isinstance(manifest, dict) or manifest.get("kind") != KIND:
        raise CheckpointError(f"{folder}: {MANIFEST} is not that of an Attendant model")
    if manifest.get("format") != FORMAT:
        raise CheckpointError(f"{folder}: a model of format {manifest.get('format')!r}, this version reads {FORMAT}")
    body = {key: value for key, value in manifest.items() if key != "fingerprint"}
    try:
        if manifest["fingerprint"] != _fingerprint(body):
            raise CheckpointError(f"{folder}: {MANIFEST} was changed after it was written")
        files = {name: _checked(folder, name, item) for name, item in body["files"].items()}
        return Checkpoint(folder, str(manifest["fingerprint"]), body["facts"], files)
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{folder}: {MANIFEST} is damaged: {error!r}") from error


def _checked(folder: Path, name: str, item: Mapping[str, Any]) -> Path:
    path = folder / Path(str(item["file"])).name
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder}: {path.name} of the model is missing or unreadable") from error
    if len(data) != item["bytes"] or hashlib.sha256(data).hexdigest() != item["sha256"]:
        raise CheckpointError(f"{folder}: {name} is damaged: {len(data)} bytes that are not those that were written")
    return path


def _fingerprint(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:32]


def _write_lasting(path: Path, data: bytes) -> None:
    """Write under another name, make it last, then give it its name in one step."""
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


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
