"""Logging: standard library records, rendered by structlog as lines for people or as JSON, with personal data masked.

Masking is the last step before rendering, so that nothing reaches a log around it: e-mail addresses, long numbers
(phones, cards, orders) and the password of a database URL become placeholders.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

_MASKS = (
    (re.compile(r"(?<=://)([^:/@\s]*):[^@\s]*@"), r"\1:***@"),
    (re.compile(r"(?<![A-Za-z0-9_])\d{6,}:[A-Za-z0-9_-]{30,}"), "[token]"),
    (re.compile(r"(?i)\b((?:password|passwd|secret|token|api_key)=)[^&\s]+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer )[A-Za-z0-9._~+/=-]{8,}"), r"\1***"),
    (re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"), "[email]"),
    (re.compile(r"(?<![A-Za-z0-9_.])\+?\d{2,4}(?:\.\d{2,4}){2,4}(?![A-Za-z0-9_.])"), "[number]"),
    (re.compile(r"(?<![A-Za-z0-9_.])\+?\d(?:[ -]?\d){6,}(?![A-Za-z0-9_])"), "[number]"),
)
_OWN_FIELDS = frozenset({"timestamp", "level", "logger"})


def masked(text: str) -> str:
    """``text`` with personal data and secrets replaced by what they were."""
    for pattern, instead in _MASKS:
        text = pattern.sub(instead, text)
    return text


def mask_personal_data(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor that masks every text of an event but its time and place."""
    for key, value in event.items():
        if key not in _OWN_FIELDS:
            event[key] = value if isinstance(value, bool | int | float | None) else masked(str(value))
    return event


def open_journal(*, level: str, form: str, file: Path | None = None) -> None:
    """Send the logs of the whole house to standard error, or to ``file``.

    Args:
        level: The least level that is written.
        form: ``console`` or ``json``.
        file: Where to append to, for channels that own the screen.
    """
    import structlog

    shared: list[Any] = [
        structlog.stdlib.ExtraAdder(),  # first, so that no extra takes the place of the fields below
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = structlog.processors.JSONRenderer(ensure_ascii=False) if form == "json" else _console(file)
    handler = (
        logging.FileHandler(file, encoding="utf-8", errors="backslashreplace")
        if file
        else logging.StreamHandler(_Stderr())
    )
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, mask_personal_data, renderer],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
        old.close()
    root.addHandler(handler)
    root.setLevel(level.upper())


def _console(file: Path | None) -> Any:
    import structlog

    colours = file is None and sys.stderr is not None and sys.stderr.isatty()
    return structlog.dev.ConsoleRenderer(colors=colours)


class _Stderr:
    """Standard error as it is when a line is written, not as it was when logging began."""

    def write(self, text: str) -> None:
        if sys.stderr is not None:  # a daemon may have closed it
            sys.stderr.write(text)

    def flush(self) -> None:
        if sys.stderr is not None:
            sys.stderr.flush()
