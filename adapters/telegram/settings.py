"""The settings of Telegram: read once, every mistake named; secrets come from the environment."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

API = "https://api.telegram.org/bot"
KNOWN = ("token_env", "mode", "webhook_url", "secret_env", "admin_chat", "base_url")
MODES = ("polling", "webhook")
PORTS = (443, 80, 88, 8443)

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")
_SECRET = re.compile(r"[A-Za-z0-9_-]{16,256}")


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Telegram delivers updates, and the secret that it shows."""

    url: str
    secret: str = field(repr=False)

    @property
    def path(self) -> str:
        """The path of the address, at which the house listens."""
        return urlsplit(self.url).path


@dataclass(frozen=True, slots=True)
class Settings:
    """``webhook`` is None where updates are fetched; ``admin_chat`` None where nobody of the company reads along."""

    token: str = field(repr=False)
    webhook: Webhook | None = None
    admin_chat: int | None = None
    base_url: str = API


def read(table: Mapping[str, Any]) -> Settings:
    """Read the table of the adapter.

    Raises:
        ValueError: If a setting is unknown, missing or of no use.
    """
    for name in table:
        if name not in KNOWN:
            near = difflib.get_close_matches(name, KNOWN, n=1, cutoff=0.0)[0]
            raise ValueError(f"unknown setting {name}; did you mean {near}?")
    token = _secret(table, "token_env")
    if not _TOKEN.fullmatch(token):
        raise ValueError("token_env: the value of the variable is no token of a bot, such as 123456:ABC-DEF")
    base = _base(table)
    mode = table.get("mode", MODES[0])
    if mode not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}, not {mode!r}")
    return Settings(token, _webhook(table, base) if mode == "webhook" else None, _admin_chat(table), base)


def _text(table: Mapping[str, Any], name: str) -> str:
    value = table.get(name)
    if value is None:
        raise ValueError(f"{name} is missing")
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{name} must be a text, not {value!r}")
    return value.strip()


def _secret(table: Mapping[str, Any], name: str) -> str:
    """The value of the variable that a setting names; what is no name may be the secret itself and is not repeated."""
    variable = _text(table, name)
    if not _VARIABLE.fullmatch(variable):
        raise ValueError(f"{name} must be the name of an environment variable, never the secret itself")
    value = os.environ.get(variable, "").strip()
    if not value:
        raise ValueError(f"{name} names the environment variable {variable}, which is not set")
    return value


def _base(table: Mapping[str, Any]) -> str:
    base = _text(table, "base_url").rstrip("/") if "base_url" in table else API
    address = _address("base_url", base)
    if address.scheme not in ("http", "https") or not address.path.endswith("/bot"):
        raise ValueError(f"base_url must look like {API}, not {base!r}")
    return base


def _webhook(table: Mapping[str, Any], base: str) -> Webhook:
    url = _text(table, "webhook_url")
    address = _address("webhook_url", url)
    if base == API and (address.scheme != "https" or (address.port or 443) not in PORTS):
        raise ValueError(f"webhook_url must begin with https:// and use one of the ports {PORTS}, not {url!r}")
    if not re.fullmatch(r"(?:/[\w.~-]+)+", address.path, re.ASCII):
        raise ValueError(f"webhook_url must have a path for Telegram alone, such as /telegram, not {address.path!r}")
    secret = _secret(table, "secret_env")
    if not _SECRET.fullmatch(secret):
        raise ValueError("secret_env: the secret must be 16 to 256 letters, digits, - or _")
    return Webhook(url, secret)


def _address(name: str, url: str) -> Any:
    try:
        address = urlsplit(url)
        complete = bool(address.hostname) and (address.port is None or address.port > 0)
    except ValueError as error:
        raise ValueError(f"{name} is no address: {error}") from None
    if not complete or address.query or address.fragment or address.username or address.password:
        raise ValueError(f"{name} must be an address without password, query and fragment, not {url!r}")
    return address


def _admin_chat(table: Mapping[str, Any]) -> int | None:
    value = table.get("admin_chat")
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        value = int(value)
    if type(value) is not int or not value:
        raise ValueError(f"admin_chat must be the number of a chat, such as -1001234567890, not {value!r}")
    return value
