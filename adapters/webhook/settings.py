"""The settings of the webhook: read once, every mistake named; secrets from the environment alone."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, urlsplit

from adapters.webhook import addresses
from adapters.webhook.signature import secret

KEY_CHARACTERS = 20
"""The fewest characters of an API key."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Settings:
    """What was set.

    ``secrets`` verify what comes in, ``callback_secrets`` sign what goes out; ``keys`` are API keys. ``open`` serves
    anybody on this machine. ``origins`` may ask from a browser. ``rate`` and ``burst`` bound the requests of a key and
    of an address; ``proxies`` are in front of the house and say in ``X-Forwarded-For`` who called them.
    """

    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    keys: tuple[bytes, ...] = field(default=(), repr=False)
    open: bool = False
    by_callback: bool = False
    callback_url: str = field(default="", repr=False)
    callback_secrets: tuple[bytes, ...] = field(default=(), repr=False)
    allow_private: bool = False
    origins: frozenset[str] = frozenset()
    rate: float = 10.0
    burst: float = 60.0
    proxies: int = 0


def read(table: Mapping[str, Any]) -> Settings:
    """The settings in the table of the adapter.

    Raises:
        ValueError: If one is unknown, of no use, or missing.
    """
    of = _Table(table)
    secrets = of.secrets("secret_env")
    private = of.flag("allow_private")
    made = Settings(
        secrets=secrets,
        keys=of.keys("api_key_env"),
        open=of.flag("open"),
        by_callback=of.one_of("answer", ("response", "callback")) == "callback",
        callback_url=of.callback("callback_url", private),
        callback_secrets=of.secrets("callback_secret_env") or secrets,
        allow_private=private,
        origins=of.origins("cors"),
        rate=of.number("rate", 10.0, 0.01, 10_000),
        burst=of.number("burst", 60.0, 1, 100_000),
        proxies=int(of.number("proxies", 0, 0, 10)),
    )
    of.finish()
    _fits_together(made)
    return made


def _fits_together(made: Settings) -> None:
    guarded = bool(made.secrets or made.keys)
    if not guarded and not made.open:
        raise ValueError("secret_env or api_key_env is missing; open = true serves anybody on this machine")
    if guarded and made.open:
        raise ValueError("open = true goes neither with secret_env nor with api_key_env")
    if made.by_callback and not made.callback_url:
        raise ValueError('answer = "callback" needs callback_url')
    if made.callback_url and not made.callback_secrets:
        raise ValueError("callback_url needs secret_env or callback_secret_env: what is sent there is signed")


class _Table:
    """The table, and which of its settings were asked for. Every method raises ``ValueError``."""

    def __init__(self, table: Mapping[str, Any]) -> None:
        self._table = table
        self._known: list[str] = []

    def flag(self, name: str) -> bool:
        value = self._take(name, False)
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
        return value

    def number(self, name: str, default: float, low: float, high: float) -> float:
        value = self._take(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            raise ValueError(f"{name} must be a number between {low:g} and {high:g}, not {value!r}")
        return float(value)

    def one_of(self, name: str, allowed: Sequence[str]) -> str:
        """One of some words, the first where nothing is set."""
        value = self._take(name, allowed[0])
        if value not in allowed:
            raise ValueError(f"{name} must be one of {', '.join(allowed)}, not {value!r}")
        return str(value)

    def secrets(self, name: str) -> tuple[bytes, ...]:
        """The secrets in the environment variable that a setting names."""
        try:
            return tuple(secret(word) for word in self._words(name))
        except ValueError as error:
            raise ValueError(f"{name}: {error} in {self._table[name]}") from None

    def keys(self, name: str) -> tuple[bytes, ...]:
        """The API keys in the environment variable that a setting names."""
        found = self._words(name)
        if any(len(word) < KEY_CHARACTERS or not word.isascii() or not word.isprintable() for word in found):
            raise ValueError(f"{name}: expected at least {KEY_CHARACTERS} ASCII characters in {self._table[name]}")
        return tuple(word.encode() for word in found)

    def callback(self, name: str, private: bool) -> str:
        """Where replies are sent; empty where nothing is set. It may hold a token, so that no error shows it."""
        value = self._take(name, "")
        if not isinstance(value, str):
            raise ValueError(f"{name} must be a text")
        if not value:
            return ""
        host = _split(name, value).hostname or ""
        if urlsplit(value).scheme != "https" and not private:
            raise ValueError(f"{name} must begin with https://; allow_private = true allows http://")
        if not private and (addresses.read(host) is not None or "." not in host) and not addresses.is_public(host):
            raise ValueError(f"{name} leads into a private network; allow_private = true allows it")
        return value

    def origins(self, name: str) -> frozenset[str]:
        """Who may ask from a browser."""
        value = self._take(name, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError(f'{name} must be a list such as ["https://shop.example"]')
        return frozenset(_origin(name, one) for one in value)

    def finish(self) -> None:
        """Refuse what nobody asked for."""
        for name in self._table:
            if name not in self._known:
                raise ValueError(f"unknown setting {name}{_nearest(name, self._known)}")

    def _words(self, name: str) -> list[str]:
        variable = self._take(name, "")
        if not isinstance(variable, str):
            raise ValueError(f"{name} must be the name of an environment variable")
        if not variable:
            return []
        found = os.environ.get(variable, "").split()
        if not found:
            raise ValueError(f"{name} names the environment variable {variable}, which is not set")
        return found

    def _take(self, name: str, default: Any) -> Any:
        self._known.append(name)
        return self._table.get(name, default)


def _split(name: str, value: str) -> SplitResult:
    try:
        found = urlsplit(value)
        host, _ = found.hostname, found.port
    except ValueError:
        raise ValueError(f"{name} is no address") from None
    if found.scheme not in _DEFAULT_PORTS or not host or not value.isascii() or not value.isprintable():
        raise ValueError(f"{name} must begin with https:// or http:// and name a server")
    if found.username or found.password or found.fragment:
        raise ValueError(f"{name} must hold no password and no fragment")
    return found


def _origin(name: str, value: str) -> str:
    """An origin as browsers write it."""
    found = _split(name, value)
    if found.path or found.query:
        raise ValueError(f"{name}: {value!r} must be a scheme, a host and a port, without a path")
    port = "" if found.port in (None, _DEFAULT_PORTS[found.scheme]) else f":{found.port}"
    host = found.netloc.lower().rpartition("@")[2].removesuffix(f":{found.port}")
    return f"{found.scheme}://{host}{port}"


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; known here: {', '.join(sorted(known))}"
