"""Bodies of requests, read as they are within bounds of size and time."""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from aiohttp import ClientPayloadError, web

from adapters.shared.problems import Problem

LONGEST = 1024 * 1024  # bytes
SECONDS = 10.0


async def read(request: web.Request, seconds: float = SECONDS) -> bytes:
    """The raw body of a request, whatever Content-Length says of it.

    Raises:
        Problem: If it is compressed, too long, too slow or cut short.
    """
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected a body that is not compressed", last=True)
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > LONGEST:
                    raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected at most {LONGEST} bytes", last=True)
    except TimeoutError:
        slow = f"expected the whole body within {seconds:g} seconds"
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, slow, last=True) from None
    except (ClientPayloadError, web.RequestPayloadError, ConnectionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "expected the whole body", last=True) from None
    return bytes(body)
