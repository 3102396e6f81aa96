"""Callbacks: signed, to public addresses alone, and every failure said as what to do about it."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from webhook_house import SECRET, Shop

from adapters.shared import addresses
from adapters.webhook.callback import LONGEST_WAIT, Callback
from adapters.webhook.settings import Settings
from bot.clock import now
from bot.errors import NotNow, Refused


class Names(AbstractResolver):
    """Looks names up in a list that is another one each time."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = self.answers.pop(0)
        return [ResolveResult(hostname=host, host=one, port=port, family=family, proto=0, flags=0) for one in found]

    async def close(self) -> None:
        """Nothing is held."""


def to(url: str, **more: Any) -> Settings:
    return Settings(callback_url=url, callback_secrets=(SECRET, b"o" * 32), **more)


async def send(settings: Settings, resolver: AbstractResolver | None = None, seconds: float = 5.0) -> None:
    async with Callback(settings, now, seconds=seconds, resolver=resolver) as callback:
        await callback.send("key-1", "reply.created", {"conversation": "安娜 \ud800"})


async def test_an_event_is_signed_with_every_secret_under_its_id() -> None:
    async with Shop().open() as shop:
        await send(to(shop.url, allow_private=True))
    ((name, event),) = shop.came
    assert (name, event["type"], event["data"]) == ("key-1", "reply.created", {"conversation": "安娜 ?"})
    assert abs(datetime.fromisoformat(event["timestamp"]) - now()) < timedelta(minutes=1)


@pytest.mark.parametrize(
    ("answer", "error", "seconds"),
    [
        ((400, {}), NotNow, None),
        ((404, {}), NotNow, None),
        ((410, {}), Refused, None),
        ((429, {"Retry-After": "120"}), NotNow, 120.0),
        ((503, {"Retry-After": "soon"}), NotNow, None),
        ((503, {"Retry-After": "9" * 4000}), NotNow, LONGEST_WAIT),
        ((503, {"Retry-After": "Mon, 01 Jan 2001 00:00:00 GMT"}), NotNow, 0.0),
        ((302, {"Location": "https://elsewhere.example/"}), NotNow, None),
    ],
)
async def test_what_is_not_taken_is_tried_again_unless_it_is_gone(answer, error, seconds) -> None:
    async with Shop(answers=[answer]).open() as shop:
        with pytest.raises(error, match=f"answers {answer[0]}") as found:
            await send(to(shop.url, allow_private=True))
    assert shop.refused == 1
    assert getattr(found.value, "seconds", None) == seconds
    assert "token" not in str(found.value)


async def test_a_date_to_wait_for_is_understood() -> None:
    then = format_datetime(datetime.now(UTC) + timedelta(minutes=10), usegmt=True)
    async with Shop(answers=[(429, {"Retry-After": then})]).open() as shop:
        with pytest.raises(NotNow) as found:
            await send(to(shop.url, allow_private=True))
    assert 500 < (found.value.seconds or 0) <= 600


@pytest.mark.parametrize("private", [["127.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["::1"], []], ids=str)
async def test_a_name_that_leads_into_a_private_network_is_not_connected_to(private) -> None:
    async with Shop().open() as shop:
        with pytest.raises(NotNow, match="private network") as found:
            await send(to(f"http://shop.example:{shop.port}/hook?token=of-the-shop"), Names(private))
    assert shop.came == []
    assert "token" not in str(found.value)


async def test_what_was_looked_up_is_what_is_connected_to(monkeypatch) -> None:
    """Nobody looks a second time, when the name may lead elsewhere."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    async with Shop().open() as shop:
        await send(to(f"http://shop.example:{shop.port}/hook"), names)
    assert len(shop.came) == len(names.answers) == 1


async def test_nobody_there_and_nobody_answering_are_for_later() -> None:
    async with Shop().open() as shop:
        closed = shop.url
    with pytest.raises(NotNow, match="no connection") as found:
        await send(to(closed, allow_private=True))
    assert "token" not in str(found.value)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(NotNow, match=r"did not answer within 0\.2 seconds"):
            await send(to(f"http://127.0.0.1:{port}/", allow_private=True), seconds=0.2)
