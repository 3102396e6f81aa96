"""The registry: every model that was kept, which of them is in use, and the way back.

A folder holds one model folder for each fingerprint. The model in use is a whole copy in a folder of its own, the one
that the bot has always read: it is replaced by ``checkpoint.write``, in one step, by the manifest. So no pointer can
name a model that is not there, whoever reads that folder needs to know nothing of the registry, and what is in use is
still whole when the registry is lost. The folders are the truth; a table in a database may list them, and is made anew
from them.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import checkpoint
from engine.checkpoint import Checkpoint, Content
from engine.disk import alone, settle, write_lasting
from engine.errors import CheckpointError
from engine.models.card import FILE, Card, card_of, figures
from engine.models.contents import Contents
from engine.models.record import CURRENT, Record, card_alone, card_in, changed_at, is_whole, size_of, status_of

HISTORY = "history.json"
_FINGERPRINT = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[0-9a-f]{1,32}")
_MOST_REMEMBERED = 200
_log = logging.getLogger("attendant.models")


class Registry:
    """Models in ``folder``, and the folder ``current`` of the one in use. Safe to use from several processes."""

    def __init__(self, folder: Path, current: Path) -> None:
        self.folder = folder
        self.current_folder = current

    def current(self) -> str:
        """The fingerprint of the model in use as its manifest names it; empty where there is none to be read."""
        try:
            found = json.loads((self.current_folder / checkpoint.MANIFEST).read_bytes())["fingerprint"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return ""
        return found if isinstance(found, str) and _FINGERPRINT.fullmatch(found) else ""

    def records(self) -> list[Record]:
        """Every model, the newest first; damaged ones too, and the one in use where the registry lacks it."""
        current, trail = self.current(), self._trail()
        found = [self._record(folder, current, trail) for folder in self._folders()]
        if current and all(one.name != current for one in found):
            found.append(self._record(self.current_folder, current, trail))
        return sorted(found, key=lambda one: (one.card.created, one.name), reverse=True)

    def find(self, name: str) -> Record:
        """The model of this name: a fingerprint, the beginning of one that no other shares, or ``current``.

        Raises:
            CheckpointError: If there is none, or several.
        """
        current = self.current()
        wanted = current if name == CURRENT else name.casefold()
        names = {folder.name for folder in self._folders()} | ({current} if current else set())
        fitting = sorted(one for one in names if one.startswith(wanted)) if _NAME.fullmatch(wanted) else []
        if not fitting:
            raise CheckpointError(f"there is no model {name!r} in {self.folder}; `attendant models list` shows them")
        if len(fitting) > 1:
            shown = ", ".join(one[:12] for one in fitting)
            raise CheckpointError(f"{name!r} fits several models ({shown}); type more of the name")
        folder = self.folder / fitting[0]
        return self._record(folder if folder.is_dir() else self.current_folder, current, self._trail())

    def add(self, model: Checkpoint, card: Card | None = None) -> str:
        """Keep a copy of a model that lies elsewhere; nothing happens where it is kept already.

        Args:
            model: The model as it was read.
            card: What is known of it; ``fingerprint`` is put right. Else what its manifest says.

        Raises:
            OSError: If the disk is full or the folder cannot be written; then nothing was added.
        """
        with alone(self.folder):
            self._clear()
            return self._add(Contents(model), model.facts, card or card_of(model.fingerprint, model.facts, _now()))

    def write(self, files: Mapping[str, Content], facts: Mapping[str, Any], card: Card | None = None) -> str:
        """Keep a model that was never written anywhere; see ``add`` and ``checkpoint.write``."""
        with alone(self.folder):
            self._clear()
            return self._add(files, facts, card or card_of("", facts, _now()))

    def held(self) -> AbstractContextManager[None]:
        """Nobody else changes the registry inside the block; neither may whoever is in it, by these methods."""
        return alone(self.folder)

    def promote(self, name: str, *, at: datetime, note: str = "", instead_of: str | None = None) -> str:
        """Put a model in use, in one step; the one before is kept.

        Args:
            name: Its fingerprint.
            at: When, aware.
            note: Why, for people; empty leaves the note as it is.
            instead_of: The fingerprint that must be in use, empty for none; None takes the place of any.

        Returns:
            The fingerprint of the model that was in use before; empty where there was none.

        Raises:
            CheckpointError: If there is no such model, it is damaged, or ``instead_of`` is not in use any more; the one
                in use stays.
            OSError: If the disk is full or a folder cannot be written; the one in use stays.
        """
        with alone(self.folder):
            self._clear()
            if instead_of is not None and self.current() != instead_of:
                raise CheckpointError(f"another model came into use while {name[:12]} was judged; promote it again")
            before = self._adopt(at)
            model = checkpoint.read(self.folder / name)
            trail = self._trail()
            if trail[-1:] != [name]:
                self._remember([*trail, name])  # first, so that the way back is there whenever the new model is
            self._use(model)
            if before != name or note:
                self._tell(lambda: self._mark(model, promoted_at=at, rejected=False, **_noted(note)))
        return before

    def rollback(self, *, at: datetime, note: str = "") -> tuple[str, str]:
        """Put the model in use again that was in use before this one; called again, the one before that.

        Returns:
            Fingerprints: of the model that was in use, and of the one that is now.

        Raises:
            CheckpointError: If there was none before, or it is gone or damaged; the one in use stays.
            OSError: If a folder cannot be written; the one in use stays.
        """
        with alone(self.folder):
            self._clear()
            now = self._adopt(at)
            trail = self._trail()
            if len(trail) < 2:
                raise CheckpointError("there is no model before this one; `attendant models list` shows all there are")
            try:
                model = checkpoint.read(self.folder / trail[-2])
            except CheckpointError as error:
                raise CheckpointError(f"the model before cannot be used ({error}); promote another by name") from error
            self._use(model)
            self._tell(lambda: self._remember(trail[:-1]))
            self._tell(lambda: self._mark(model, promoted_at=at, rejected=False, **_noted(note)))
        return now, model.fingerprint

    def previous(self) -> str:
        """The fingerprint of the model that a rollback would bring back; empty where there is none."""
        return "".join(self._trail()[-2:-1])

    def note(self, name: str, **changes: Any) -> None:
        """Change fields of a model's card, such as ``metrics`` or ``rejected``.

        Raises:
            CheckpointError: If there is no such model, or it is damaged.
            OSError: If the card cannot be written; then it is as it was.
        """
        with alone(self.folder):
            self._mark(checkpoint.read(self.folder / name), **changes)

    def prune(self, keep: int, *, spare: str = "") -> list[str]:
        """Remove the oldest models beyond ``keep`` in all, but never the one in use, the one before it, and ``spare``.

        A folder that is not named after a model is left alone.

        Returns:
            Names of the models that were removed.

        Raises:
            OSError: If a folder cannot be removed.
        """
        with alone(self.folder):
            self._clear()
            spared = {self.current(), self.previous(), spare} - {""}
            kept = [one for one in self.records() if _FINGERPRINT.fullmatch(one.folder.name)]
            gone = [one for one in kept if one.name not in spared][max(0, keep - len(spared)) :]
            for one in gone:
                self._bury(one.folder)
            self._clear()
        return [one.name for one in gone]

    def _folders(self) -> list[Path]:
        if not self.folder.is_dir():
            return []
        return sorted(path for path in self.folder.iterdir() if path.is_dir() and not path.name.startswith("."))

    def _record(self, folder: Path, current: str, trail: Sequence[str]) -> Record:
        card, problem = None, self._problem_in_use() if folder.name == current else ""
        try:
            model = checkpoint.read(folder)
            card = card_in(folder, model)
            if folder != self.current_folder and folder.name != model.fingerprint:
                problem = f"the folder holds another model, {model.fingerprint[:12]}; give it that name"
        except CheckpointError as error:
            problem = str(error)
        name = current if folder == self.current_folder else folder.name
        card = replace(card or card_alone(folder), fingerprint=name)
        return Record(folder, card, status_of(card, current, trail), size_of(folder), problem)

    def _problem_in_use(self) -> str:
        try:
            checkpoint.read(self.current_folder)
        except CheckpointError as error:
            return f"the copy in use is damaged, promote it again: {error}"
        return ""

    def _trail(self) -> list[str]:
        """The models that were in use one after the other, up to the one that is; the last is ``current``."""
        try:
            kept = json.loads((self.folder / HISTORY).read_bytes())["promoted"]
            trail = [name for name in kept if isinstance(name, str) and _FINGERPRINT.fullmatch(name)]
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            trail = []
        now = self.current()
        if not now:
            return trail
        if now not in trail:
            return [*trail, now]
        # A promotion that was cut short left names behind the one in use: they never came into use.
        return trail[: len(trail) - trail[::-1].index(now)]

    def _remember(self, trail: Sequence[str]) -> None:
        write_lasting(self.folder / HISTORY, [json.dumps({"promoted": list(trail[-_MOST_REMEMBERED:])}).encode()])

    def _adopt(self, at: datetime) -> str:
        """Keep the model in use, whoever put it there, before it is replaced; its fingerprint, empty for none."""
        now = self.current()
        if not now:
            return ""
        try:
            model = checkpoint.read(self.current_folder)
        except CheckpointError:
            return now  # it cannot be kept, and is no reason against a better one
        if not is_whole(self.folder / now):
            self._add(Contents(model), model.facts, card_in(self.current_folder, model))
        card = card_in(self.folder / now, model)
        if card.promoted_at is None or card.rejected:  # somebody else put it in use, or was cut short after that
            came = card.promoted_at or min(at, changed_at(self.current_folder / checkpoint.MANIFEST))
            self._mark(model, promoted_at=came, rejected=False)
        return now

    def _add(self, files: Mapping[str, Content], facts: Mapping[str, Any], card: Card) -> str:
        part = self.folder / f".part-{uuid.uuid4().hex}"
        try:
            fingerprint = checkpoint.write(part, files, facts)
            whole = replace(card, fingerprint=fingerprint, metrics={**figures(facts), **card.metrics})
            write_lasting(part / FILE, [whole.to_text().encode()])
            place = self.folder / fingerprint
            if is_whole(place):
                return fingerprint
            if place.exists():  # damaged, and now there is a better one
                self._bury(place)
            part.rename(place)
            settle(self.folder)
        finally:
            self._clear()
        return fingerprint

    def _use(self, model: Checkpoint) -> None:
        """Put a model in use; it was read, and so checked, a moment ago."""
        if self.current() == model.fingerprint and is_whole(self.current_folder):
            return
        written = checkpoint.write(self.current_folder, Contents(model), model.facts)
        if written != model.fingerprint:
            raise CheckpointError(f"{model.folder} changed while it was promoted; promote it again")

    def _mark(self, model: Checkpoint, **changes: Any) -> None:
        folder = self.folder / model.fingerprint
        write_lasting(folder / FILE, [replace(card_in(folder, model), **changes).to_text().encode()])

    def _tell(self, write: Callable[[], None]) -> None:
        """Write down what has happened; where that fails it has happened all the same; the next change repairs it."""
        try:
            write()
        except OSError as error:
            _log.warning("the model is in use, but %s could not be written: %s", error.filename, error.strerror)

    def _bury(self, folder: Path) -> None:
        """Take a model away in one step; ``_clear`` removes it."""
        folder.rename(self.folder / f".gone-{uuid.uuid4().hex}")

    def _clear(self) -> None:
        """Remove what was left of changes that were cut short. Only called by whoever is alone."""
        for path in self.folder.iterdir():
            if path.name.startswith((".part-", ".gone-")):
                shutil.rmtree(path, ignore_errors=True)


def _noted(note: str) -> dict[str, Any]:
    return {"note": note} if note else {}


def _now() -> datetime:
    return datetime.now(UTC)
