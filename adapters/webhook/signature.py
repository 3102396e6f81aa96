"""Standard Webhooks 1.0: what is signed by whom and when, on bytes, with several secrets at once for rotation."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Sequence

from adapters.shared.compare import same

TOLERANCE = 300
"""Seconds by which the sender's clock, and the way here, may differ from ours."""

SECRET_BYTES = 24
"""The fewest bytes of a secret."""

_PREFIX = "whsec_"
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def secret(text: str) -> bytes:
    """The key in ``whsec_`` and base64.

    Raises:
        ValueError: If it is none, or a short one; the text is not in the message.
    """
    encoded = text.removeprefix(_PREFIX).rstrip("=")
    try:
        key = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("expected whsec_ and base64") from None
    if len(key) < SECRET_BYTES:
        raise ValueError(f"expected a secret of at least {SECRET_BYTES} bytes")
    return key


def sign(secrets: Sequence[bytes], name: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: one signature for each secret."""
    return " ".join(f"v1,{_digest(key, name, str(timestamp), body).decode()}" for key in secrets)


def fits(secrets: Sequence[bytes], name: str, timestamp: str, signatures: str, body: bytes, now: float) -> int | None:
    """Which of the secrets signed ``body`` within ``TOLERANCE`` seconds of ``now``; None where none did.

    How long it takes tells nothing of how much of a signature was right.
    """
    if not name or not _TIMESTAMP.fullmatch(timestamp) or abs(now - int(timestamp)) > TOLERANCE:
        return None
    given = [_bytes(part[3:]) for part in signatures.split(" ") if part.startswith("v1,")]
    found = None
    for number, key in enumerate(secrets):
        expected = _digest(key, name, timestamp, body)
        fitting = [same(one, expected) for one in given]
        found = number if any(fitting) and found is None else found
    return found


def _digest(key: bytes, name: str, timestamp: str, body: bytes) -> bytes:
    signed = b".".join((_bytes(name), _bytes(timestamp), body))
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256))


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
