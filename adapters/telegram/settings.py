"""The settings of Telegram: read once, every mistake named; secrets come from the environment."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from adapters.shared.table import Table

API = "https://api.telegram.org/bot"
MODES = ("polling", "webhook")
PORTS = (443, 80, 88, 8443)

_OF_WEBHOOK = ("webhook_url", "secret_env")
_TOKEN = re.compile(r"[0-9]+:[A-Za-z0-9_-]+")


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
    of = Table(table)
    token = of.secret("token_env")
    if not _TOKEN.fullmatch(token):
        raise ValueError("token_env: the value of the variable is no token of a bot, such as 123456:ABC-DEF")
    base = of.url("base_url", API).rstrip("/")
    if not urlsplit(base).path.endswith("/bot"):
        raise ValueError(f"base_url must look like {API}")
    of.allow(*_OF_WEBHOOK)  # they may stay there while updates are fetched
    webhook = _webhook(of, base) if of.one_of("mode", MODES) == "webhook" else None
    made = Settings(token, webhook, _admin_chat(of.take("admin_chat")), base)
    of.finish()
    return made


def _webhook(of: Table, base: str) -> Webhook:
    url = of.url("webhook_url")
    address = urlsplit(url)
    if base == API and (address.scheme != "https" or (address.port or 443) not in PORTS):
        raise ValueError(f"webhook_url must begin with https:// and use one of the ports {PORTS}")
    if not re.fullmatch(r"(?:/[\w.~-]+)+", address.path, re.ASCII):
        raise ValueError(f"webhook_url must have a path for Telegram alone, such as /telegram, not {address.path!r}")
    return Webhook(url, of.token("secret_env"))


def _admin_chat(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value.strip()):
        value = int(value)
    if type(value) is not int or not value:
        raise ValueError(f"admin_chat must be the number of a chat, such as -1001234567890, not {value!r}")
    return value
