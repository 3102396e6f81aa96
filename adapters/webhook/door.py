"""Who may come in: by signature, by API key, or, where that was set, from this machine; and how often."""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from aiohttp import hdrs, web

from adapters.shared import addresses
from adapters.shared.compare import same
from adapters.shared.problems import Problem, later
from adapters.webhook import signature
from adapters.webhook.buckets import Buckets
from adapters.webhook.settings import Settings

REMEMBERED = 10_000
"""Ids of signed requests of which it is known what they were used for."""

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"

_ID = re.compile(r"[!-~]{1,200}")

log = logging.getLogger("attendant.webhook")


class Door:
    """Lets requests in; every method raises ``Problem`` for one that it does not.

    Args:
        settings: Who may come in.
        clock: Tells the time.
        monotonic: Seconds, never going back.
    """

    def __init__(
        self, settings: Settings, clock: Callable[[], datetime], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._addresses = Buckets(settings.rate, settings.burst, monotonic)
        self._keys = Buckets(settings.rate, settings.burst, monotonic)
        self._used: OrderedDict[str, bytes] = OrderedDict()

    def knock(self, request: web.Request) -> None:
        """Count a request of an address, before anything of it is read."""
        _wait(self._addresses.take(addresses.neighbourhood(self._caller(request))))

    def by_key(self, request: web.Request) -> None:
        """Let in who has an API key, or anybody on this machine where the house is open."""
        if self._settings.open:
            self._locally(request)
            return
        scheme, _, given = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        known = [same(given.strip(), key) for key in self._settings.keys]
        if scheme.lower() != "bearer" or not any(known):
            raise _unknown("no API key" if not given else "the API key is unknown")
        _wait(self._keys.take(f"key {known.index(True)}"))

    def by_signature(self, request: web.Request, body: bytes) -> None:
        """Let in who signed the body."""
        name, stamp, given = (request.headers.get(header, "") for header in (ID, TIMESTAMP, SIGNATURE))
        now = self._clock().timestamp()
        number = signature.fits(self._settings.secrets, name, stamp, given, body, now)
        if number is None:
            raise _unknown("the signature does not fit, or its time is too far from ours")
        _wait(self._keys.take(f"secret {number}"))

    def once(self, request: web.Request, body: bytes) -> str | None:
        """The id of a request, used for one request alone, however often that is sent; None where it has none.

        A signature covers neither path nor method: what was signed for one path shall be of no use at another.
        """
        name = request.headers.get(ID)
        if name is None:
            return None
        if not _ID.fullmatch(name):
            raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, f"expected a {ID} of 1 to 200 ASCII characters, no spaces")
        digest = _digest(b"\n".join((request.method.encode(), request.path.encode("utf-8", "replace"), body)))
        if self._used.get(name, digest) != digest:
            raise Problem(HTTPStatus.CONFLICT, f"this {ID} was used for another request")
        self._used[name] = digest
        self._used.move_to_end(name)
        if len(self._used) > REMEMBERED:
            self._used.popitem(last=False)
        return name

    def _caller(self, request: web.Request) -> str:
        """The address that called: behind proxies of our own, the one that the outermost of them saw."""
        seen = [part.strip() for part in ",".join(request.headers.getall("X-Forwarded-For", [])).split(",")]
        proxies = self._settings.proxies
        if proxies and len(seen) >= proxies and addresses.read(seen[-proxies]) is not None:
            return seen[-proxies]
        return request.remote or ""

    def _locally(self, request: web.Request) -> None:
        """Refuse what came from elsewhere, through a proxy, or from a page that only pretends to be here."""
        here = request.transport.get_extra_info("sockname") if request.transport is not None else None
        ends = (request.remote or "", here[0] if here else "")
        host = _host(request.host)
        passed_on = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
        named = host == "localhost" or addresses.is_loopback(host)
        if passed_on or not named or not all(map(addresses.is_loopback, ends)):
            raise Problem(HTTPStatus.FORBIDDEN, "open = true serves this machine alone")


def _host(named: str) -> str:
    """The name in a ``Host`` header, without its port; empty where it is none."""
    try:
        return urlsplit(f"//{named}").hostname or ""
    except ValueError:
        return ""


def _unknown(reason: str) -> Problem:
    log.warning("a request was turned away: %s", reason)
    challenge = {"WWW-Authenticate": "Bearer"}
    return Problem(HTTPStatus.UNAUTHORIZED, "expected a signature or an API key that is known", headers=challenge)


def _wait(seconds: float) -> None:
    if seconds:
        raise later(HTTPStatus.TOO_MANY_REQUESTS, "too many requests", seconds)


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()
