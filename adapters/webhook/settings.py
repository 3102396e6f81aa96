"""The settings of the webhook: read once, every mistake named; secrets from the environment alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from adapters.shared.table import Table, web_address
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
    of = Table(table)
    secrets = _secrets(of, "secret_env")
    private = of.flag("allow_private")
    made = Settings(
        secrets=secrets,
        keys=_keys(of, "api_key_env"),
        open=of.flag("open"),
        by_callback=of.one_of("answer", ("response", "callback")) == "callback",
        callback_url=_callback(of, "callback_url", private),
        callback_secrets=_secrets(of, "callback_secret_env") or secrets,
        allow_private=private,
        origins=_origins(of, "cors"),
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


def _secrets(of: Table, name: str) -> tuple[bytes, ...]:
    """The secrets in the environment variable that a setting names."""
    found = of.secrets(name)
    try:
        return tuple(secret(word) for word in found)
    except ValueError as error:
        raise ValueError(f"{name}: {error} in {of.take(name)}") from None


def _keys(of: Table, name: str) -> tuple[bytes, ...]:
    """The API keys in the environment variable that a setting names."""
    found = of.secrets(name)
    if any(len(word) < KEY_CHARACTERS for word in found):
        raise ValueError(f"{name}: expected at least {KEY_CHARACTERS} characters in {of.take(name)}")
    return tuple(word.encode() for word in found)


def _callback(of: Table, name: str, private: bool) -> str:
    """Where replies are sent; empty where nothing is set."""
    value = of.url(name, "", query=True, private=private)
    if value and not private and urlsplit(value).scheme != "https":
        raise ValueError(f"{name} must begin with https://; allow_private = true allows http://")
    return value


def _origins(of: Table, name: str) -> frozenset[str]:
    """Who may ask from a browser."""
    value = of.take(name, [])
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f'{name} must be a list such as ["https://shop.example"]')
    return frozenset(_origin(name, one) for one in value)


def _origin(name: str, value: str) -> str:
    """An origin as browsers write it."""
    found = web_address(name, value, query=True)
    if found.path or found.query:
        raise ValueError(f"{name}: {value!r} must be a scheme, a host and a port, without a path")
    port = "" if found.port in (None, _DEFAULT_PORTS[found.scheme]) else f":{found.port}"
    host = found.netloc.lower().rpartition("@")[2].removesuffix(f":{found.port}")
    return f"{found.scheme}://{host}{port}"
