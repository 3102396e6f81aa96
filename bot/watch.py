"""Seeing that another model was put in use, and taking it over while messages go on.

A look is one ``stat`` of the manifest, once a second at most, in a thread of its own. The new model is read, checked
and warmed up in that thread too; only when it is whole does it take the place of the one before, in one step. What the
old one has mapped stays readable until its last turn has ended, though its files are gone from the folder.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from engine.errors import EngineError

if TYPE_CHECKING:
    from engine.respond import Engine

PAUSE_SECONDS = 1.0
log = logging.getLogger("attendant.watch")

Stamp = tuple[int, int, int] | None


class ModelWatch:
    """Watches one model folder, from the moment it is made.

    Args:
        folder: The model folder.
        load: Reads the model that lies there.
    """

    def __init__(self, folder: Path, load: Callable[[], Engine]) -> None:
        self._manifest = folder / "manifest.json"
        self._load = load
        self._take: Callable[[Engine], None] = lambda _engine: None
        self._fingerprint = ""
        self._seen = self._stamp()
        self._looking = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def tell(self, fingerprint: str, take: Callable[[Engine], None]) -> None:
        """Say which model is in use, empty for none, and who takes a new one."""
        self._fingerprint = fingerprint
        self._take = take

    def look(self) -> bool:
        """Hand over the model if it is another than the one in use; True where it was.

        A model that cannot be used leaves the one in use where it is; the log says why, once for each.
        """
        with self._looking:
            found = self._stamp()
            if found == self._seen:
                return False
            self._seen = found
            if found is None:
                log.warning("%s is gone; the model that was read before goes on", self._manifest)
                return False
            return self._replace()

    def start(self) -> None:
        """Look once a second until ``close``; nothing happens where that goes on already."""
        if self._thread is None:
            self._ended = threading.Event()  # a new one: an earlier thread may not have seen yet that it has ended
            self._thread = threading.Thread(target=self._run, name="model-watch", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Look no more. A model that is just being read is not waited for, and is not taken."""
        self._ended.set()
        self._thread = None

    def _run(self) -> None:
        ended = self._ended
        while not ended.wait(PAUSE_SECONDS):
            self.look()

    def _replace(self) -> bool:
        try:
            engine = self._load()
        except EngineError as error:
            log.error("the new model cannot be used, the one before goes on: %s", error)
            return False
        except Exception:
            log.exception("the new model cannot be read, the one before goes on")
            return False
        if engine.fingerprint == self._fingerprint or self._ended.is_set():
            return False
        self._warm_up(engine)
        self._take(engine)
        log.info("model %s answers now, before it %s", engine.fingerprint[:12], self._fingerprint[:12] or "none")
        self._fingerprint = engine.fingerprint
        return True

    def _warm_up(self, engine: Engine) -> None:
        try:
            engine.warm_up()
        except Exception:
            log.exception("the generator cannot be loaded; entries will speak in their own words")

    def _stamp(self) -> Stamp:
        try:
            found = self._manifest.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size
