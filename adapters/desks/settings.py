"""The settings of a desk: read once, every mistake named with what was expected; secrets from the environment."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

SECRET_CHARACTERS = 16

_TOKEN = re.compile(r"[A-Za-z0-9_-]+")
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_LOCAL = ("localhost", "local", "internal", "localdomain", "home.arpa")


class Settings:
    """The table of an adapter. Every method raises ``ValueError`` where a setting is of no use."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = dict(table)
        self._known: set[str] = set()

    def text(self, name: str, default: str | None = None) -> str:
        """A text; required where it has no default."""
        value = self._take(name, default)
        if value is None:
            raise ValueError(f"{name} is missing")
        if not isinstance(value, str) or (not value.strip() and value != default):
            raise ValueError(f"{name} must be a text, not {value!r}")
        return value

    def one_of(self, name: str, allowed: Collection[str], default: str) -> str:
        """One of some words."""
        value = self._take(name, default)
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._take(name, default)
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        """A number within bounds."""
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number between {low:g} and {high:g}, not {value!r}")
        return float(value)

    def identifier(self, name: str, default: str | None = None) -> str:
        """An id, written as a text or a number."""
        value = self._take(name, default)
        if type(value) is int:
            self._table[name] = str(value)
        found = self.text(name, default)
        if not re.fullmatch(r"[\w.-]*", found, re.ASCII):
            raise ValueError(f"{name} must be an id of letters and digits, not {found!r}")
        return found

    def secret(self, name: str, *, required: bool = True) -> str:
        """The value of the environment variable that a setting names; empty where none is named and none needed."""
        variable = self.text(name, None if required else "")
        if not variable:
            return ""
        value = os.environ.get(variable, "").strip()
        if not value:
            raise ValueError(f"{name} names the environment variable {variable}, which is not set")
        if not value.isascii() or not value.isprintable():
            raise ValueError(f"{name}: the value of {variable} holds characters that no secret has")
        return value

    def path_token(self, name: str, *, required: bool) -> str:
        """The secret part of the path that the desk calls."""
        value = self.secret(name, required=required)
        if value and (len(value) < SECRET_CHARACTERS or not _TOKEN.fullmatch(value)):
            raise ValueError(f"{name}: expected at least {SECRET_CHARACTERS} letters, digits, - or _")
        return value

    def base_url(self, name: str, default: str | None = None, *, allow_private: bool) -> str:
        """The address of an API, without a slash at its end."""
        value = self.text(name, default).strip().rstrip("/")
        try:
            address = urlsplit(value)
            host, _ = address.hostname, address.port
        except ValueError as error:
            raise ValueError(f"{name} is no address: {error}") from None
        if address.scheme not in ("http", "https") or not host:
            raise ValueError(f"{name} must begin with https:// or http:// and name a server")
        if address.username or address.password or address.query or address.fragment:
            raise ValueError(f"{name} must hold no password, query or fragment")
        if not allow_private and is_private(host):
            raise ValueError(f"{name} leads into a private network; allow_private = true allows it")
        return value

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        unknown = sorted(set(self._table) - self._known)
        if unknown:
            raise ValueError(f"unknown setting {unknown[0]}; known here: {', '.join(sorted(self._known))}")

    def _take(self, name: str, default: Any) -> Any:
        self._known.add(name)
        return self._table.get(name, default)


def is_private(host: str) -> bool:
    """True for names and addresses that lead to this machine or a network not everybody shares.

    A name is not looked up: what it leads to is asked again when it is connected to.
    """
    host = host.strip("[]").rstrip(".").lower()
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        # A name without a dot, or of digits alone (0x7f000001, 2130706433), is nobody's on the public network.
        last = host.rpartition(".")[2]
        return "." not in host or last in _LOCAL or bool(re.fullmatch(r"\d+|0x[0-9a-f]*", last))
    inner = _inside(address) if isinstance(address, ipaddress.IPv6Address) else None
    return not address.is_global or address.is_multicast or (inner is not None and not inner.is_global)


def _inside(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The address of the older kind that this one leads to."""
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
