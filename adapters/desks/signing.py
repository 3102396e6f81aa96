"""Signatures of webhooks: an HMAC in hexadecimal digits over the bytes that came, compared in constant time."""

from __future__ import annotations

import hmac
from collections.abc import Mapping

from adapters.desks.ports import Unverified
from adapters.shared.compare import same


def check(headers: Mapping[str, str], header: str, expected: str) -> None:
    """Compare a header with what it has to say, without telling by the time it takes how much of it was right.

    Raises:
        Unverified: If the header is missing or says something else.
    """
    found = headers.get(header, "")
    if not found:
        raise Unverified(f"no {header} header")
    if not same(found, expected):
        raise Unverified(f"the {header} header does not fit")


def digest(algorithm: str, secret: str, *parts: bytes) -> str:
    """The HMAC of ``parts``, one after the other, in hexadecimal digits."""
    made = hmac.new(secret.encode(), digestmod=algorithm)
    for part in parts:
        made.update(part)
    return made.hexdigest()
