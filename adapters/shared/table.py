"""The settings of a channel: read once, every mistake named with what was expected; secrets from the environment."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from urllib.parse import SplitResult, urlsplit

from adapters.shared import addresses

TOKEN_CHARACTERS = (16, 256)
"""The fewest and the most characters of a secret that stands in a path or a header."""

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_SURELY_MEANT = 0.8  # how alike a name has to be before it is taken for a required one


class Table:
    """The table of a channel. Every method that reads raises ``ValueError`` where a setting is of no use.

    Texts and addresses are not repeated in what it says: they may hold a secret, or be one by mistake.
    """

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self._known: set[str] = set()

    def take(self, name: str, default: Any = None) -> Any:
        """A setting as it stands, for who checks it by other rules."""
        self._known.add(name)
        return self._table.get(name, default)

    def allow(self, *names: str) -> None:
        """Let settings stand there that are of no use just now."""
        self._known.update(names)

    def text(self, name: str, default: str | None = None) -> str:
        """A text, without spaces around it; required where it has no default."""
        value = self.take(name, default)
        if value is None:
            raise self.missing(name)
        if not isinstance(value, str) or (not value.strip() and value != default):
            raise ValueError(f"{name} must be a text{', not an empty one' if isinstance(value, str) else ''}")
        return value.strip()

    def one_of(self, name: str, allowed: Sequence[str], default: str | None = None) -> str:
        """One of some words, the first where nothing is set and no other is the default."""
        value = self.take(name, allowed[0] if default is None else default)
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false."""
        value = self.take(name, default)
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        value = self.take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number between {low:g} and {high:g}, not {value!r}")
        return float(value)

    def secret(self, name: str, *, required: bool = True) -> str:
        """The value of the environment variable that a setting names; empty where none is named and none needed."""
        value = self._of_environment(name, required=required)
        self._check_characters(name, value)
        return value

    def secrets(self, name: str) -> Sequence[str]:
        """Those, between spaces, in the environment variable that a setting names; none where it names none."""
        found = self._of_environment(name, required=False).split()
        for one in found:
            self._check_characters(name, one)
        return found

    def token(self, name: str, *, required: bool = True) -> str:
        """A secret that may stand in a path or a header; empty as ``secret`` is."""
        value, (fewest, most) = self.secret(name, required=required), TOKEN_CHARACTERS
        if value and not (fewest <= len(value) <= most and _TOKEN.fullmatch(value)):
            raise ValueError(f"{name}: expected {fewest} to {most} letters, digits, - or _ in {self._table[name]}")
        return value

    def url(self, name: str, default: str | None = None, *, query: bool = False, private: bool = True) -> str:
        """An address; empty where that is the default and nothing is set.

        Args:
            name: The setting.
            default: What it is where nothing is set; None where it is required.
            query: Whether it may have a query.
            private: Whether it may lead into a private network.
        """
        value = self.text(name, default)
        if value:
            host = web_address(name, value, query=query).hostname or ""
            if not private and addresses.leads_inside(host):
                raise ValueError(f"{name} leads into a private network; allow_private = true allows it")
        return value

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        unknown = sorted(set(self._table) - self._known)
        if unknown:
            near, known = _nearest(unknown[0], self._known), ", ".join(sorted(self._known))
            raise ValueError(
                f"unknown setting {unknown[0]}; {f'did you mean {near}? ' if near else ''}known here: {known}"
            )

    def missing(self, name: str) -> ValueError:
        """The error that says so, and which other setting may be meant to be this one."""
        near = _nearest(name, set(self._table) - self._known, _SURELY_MEANT)
        return ValueError(f"{name} is missing{f'; is {near} meant to be it?' if near else ''}")

    def _of_environment(self, name: str, *, required: bool) -> str:
        variable = self.take(name, None if required else "")
        if variable is None:
            raise self.missing(name)
        if variable == "" and not required:
            return ""
        if not isinstance(variable, str) or not _VARIABLE.fullmatch(variable):
            raise ValueError(f"{name} must be the name of an environment variable, never the secret itself")
        value = os.environ.get(variable, "").strip()
        if not value:
            raise ValueError(f"{name} names the environment variable {variable}, which is not set")
        return value

    def _check_characters(self, name: str, value: str) -> None:
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"{name}: the value of {self._table[name]} holds characters that no secret has")


def web_address(name: str, value: str, *, query: bool = False) -> SplitResult:
    """The parts of an address that begins with http:// or https://.

    Raises:
        ValueError: If it is none, or holds what it should not; ``value`` is not in the message.
    """
    try:
        found = urlsplit(value)
        host, port = found.hostname, found.port
    except ValueError:
        raise ValueError(f"{name} is no address") from None
    if found.scheme not in ("http", "https") or not host or port == 0:
        raise ValueError(f"{name} must begin with https:// or http:// and name a server")
    # Digits of other alphabets become plain ones on the way, and then lead where nobody looked.
    if not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} must be written in ASCII, a name of another alphabet as xn--")
    if found.username is not None or found.password is not None or found.fragment or (found.query and not query):
        raise ValueError(f"{name} must hold no password{'' if query else ', no query'} and no fragment")
    return found


def _nearest(name: str, names: Collection[str], cutoff: float = 0.6) -> str:
    return next(iter(difflib.get_close_matches(name, sorted(names), n=1, cutoff=cutoff)), "")
