"""Requests of channels go to public addresses alone, and failures are said without what was sent."""

from __future__ import annotations

import socket
import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from hypothesis import given
from hypothesis import strategies as st

from adapters.shared.client import PublicResolver, failure, session, wait_of

PUBLIC, PRIVATE = "93.184.216.34", "10.0.0.1"


class Names(AbstractResolver):
    """Looks every name up in one list, and knows whether it was closed."""

    def __init__(self, *found: str) -> None:
        self.found = found
        self.closed = False

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in self.found
        ]

    async def close(self) -> None:
        self.closed = True


@pytest.mark.parametrize("found", [(PRIVATE,), (PUBLIC, PRIVATE), (PRIVATE, PUBLIC), ("::1",), ("shop.example",), ()])
async def test_a_name_is_taken_only_where_all_its_addresses_are_public(found: tuple[str, ...]) -> None:
    with pytest.raises(OSError, match="private network"):
        await PublicResolver(Names(*found)).resolve("shop.example", 443)


async def test_public_addresses_are_what_the_lookup_found() -> None:
    names = Names(PUBLIC, "2606:4700::1111")
    found = await PublicResolver(names).resolve("shop.example", 443)
    assert [one["host"] for one in found] == list(names.found)


async def test_the_name_of_this_machine_is_private_to_the_resolver_of_the_system() -> None:
    with pytest.raises(OSError, match="private network"):
        await PublicResolver(DefaultResolver()).resolve("localhost", 443)


async def test_a_session_closes_its_lookup_and_connects_to_nobody_inside() -> None:
    names = Names("127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.setblocking(False)
        url = f"http://shop.example:{silent.getsockname()[1]}/"
        async with session(allow_private=False, seconds=5.0, resolver=names) as asked:
            with pytest.raises(aiohttp.ClientConnectorError) as refused:
                await asked.get(url)
        with pytest.raises(BlockingIOError):
            silent.accept()
    assert names.closed
    assert asked.closed
    assert "private network" in failure(refused.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("9" * 4000, 999_999_999.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("٣", None),
        ("", None),
        ("Mon, 01 Jan 2001 00:00:00 GMT", 0.0),
        ("Mon, 99 Jan 2001 00:00:00 GMT", None),
    ],
)
def test_how_long_to_wait_is_read(text: str, seconds: float | None) -> None:
    assert wait_of(text) == seconds


def test_a_date_to_wait_for_is_read() -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert wait_of(until) == pytest.approx(30, abs=3)


@given(st.text(max_size=40))
def test_any_header_asks_for_some_seconds_or_for_none(text: str) -> None:
    found = wait_of(text)
    assert found is None or found >= 0


def test_a_certificate_that_is_not_trusted_is_said_so() -> None:
    key: Any = None
    error = aiohttp.ClientConnectorCertificateError(key, ssl.CertificateError("self-signed"))
    assert failure(error) == "its certificate is not trusted"


def test_the_words_of_a_failure_are_not_passed_on() -> None:
    assert failure(aiohttp.ClientPayloadError("https://x.example/?token=abc")) == (
        "the connection failed (ClientPayloadError)"
    )
