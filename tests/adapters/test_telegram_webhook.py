"""Updates that Telegram delivers: who may, what is answered, and when."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web
from telegram_house import VARIABLES, a_free_port, an_adapter, met, served, until

from adapters.sandbox.journal import Way
from adapters.sandbox.telegram import TelegramSandbox
from adapters.telegram.adapter import TelegramAdapter
from adapters.telegram.webhook import SECRET_HEADER
from bot.testing import RecordingDesk
from storage.errors import Unavailable


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def sandbox() -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(scale=0.001) as made:
        yield made


@pytest.fixture
def desk() -> RecordingDesk:
    return RecordingDesk()


@asynccontextmanager
async def behind_a_webhook(sandbox: TelegramSandbox, desk: RecordingDesk) -> AsyncIterator[tuple[TelegramAdapter, str]]:
    """The adapter, not open yet, in an HTTP server like that of the house; and the address that Telegram calls."""
    url = f"http://127.0.0.1:{a_free_port()}/telegram"
    adapter = an_adapter(sandbox, desk, mode="webhook", webhook_url=url, secret_env="A_SECRET")  # noqa: S106 - a name
    app = web.Application(client_max_size=1024 * 1024)
    app.add_routes(adapter.routes())
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", int(url.split(":")[2].split("/")[0])).start()
        yield adapter, url
    finally:
        await runner.cleanup()


async def posted(url: str, data: bytes, secret: str | None = VARIABLES["A_SECRET"]) -> int:
    headers = {} if secret is None else {SECRET_HEADER: secret}
    async with aiohttp.ClientSession() as session, session.post(url, data=io.BytesIO(data), headers=headers) as answer:
        return answer.status


async def test_updates_that_are_delivered_are_stored_before_they_are_taken(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    async with behind_a_webhook(sandbox, desk) as (adapter, _), served(adapter, desk):
        ann = met(sandbox)
        await desk.heard(1)
        desk.failing = Unavailable("the disk is full")
        sandbox.write(ann, "again")
        await until(lambda: any("503" in entry.outcome for entry in sandbox.journal.of(Way.TO_BOT)))
        desk.failing = None
        await desk.heard(2)
        await until(lambda: sandbox.idle)
    assert [event.text for event in desk.events] == ["hello", "again"]


@pytest.mark.parametrize("secret", [None, "", "wrong", VARIABLES["A_SECRET"][:-1], VARIABLES["A_SECRET"] + "x", "ü"])
async def test_whoever_does_not_know_the_secret_is_sent_away(
    sandbox: TelegramSandbox, desk: RecordingDesk, secret: str | None
) -> None:
    async with behind_a_webhook(sandbox, desk) as (adapter, url), adapter:
        assert await posted(url, b'{"update_id": 1}', secret) == 403
    assert desk.events == []


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
        (b"[" * 100_000, 400),
        (b'{"update_id": NaN}', 400),
        (b'{"update_id": 1, "more": ' + b"[" * 64 + b"]" * 64 + b"}", 400),
        (b"null", 200),
        (b"[]", 200),
        (b"{}", 200),
        (b'"text"', 200),
        (b'{"update_id": "x", "message": {}}', 200),
        (b'{"update_id": 1, "message": {"message_id": 1}}', 200),
        (b'{"update_id": 1, "message": 7}', 200),
        (b'{"update_id": 1, "something_new": {}}', 200),
        (b" " * (1024 * 1024 + 1), 413),
    ],
)
async def test_whatever_is_sent_is_answered(
    sandbox: TelegramSandbox, desk: RecordingDesk, body: bytes, status: int
) -> None:
    async with behind_a_webhook(sandbox, desk) as (adapter, url), adapter:
        assert await posted(url, body) == status
    assert desk.events == []


async def test_while_the_channel_is_not_open_telegram_keeps_its_updates(
    sandbox: TelegramSandbox, desk: RecordingDesk
) -> None:
    async with behind_a_webhook(sandbox, desk) as (adapter, url):
        assert await posted(url, b'{"update_id": 1}') == 503
        async with adapter:
            assert await posted(url, b'{"update_id": 1}') == 200
        assert await posted(url, b'{"update_id": 1}') == 503


async def test_polling_ends_a_webhook_and_has_no_routes(sandbox: TelegramSandbox, desk: RecordingDesk) -> None:
    async with behind_a_webhook(sandbox, desk) as (adapter, url), adapter:
        assert (sandbox.updates.webhook.url, sandbox.updates.webhook.secret) == (url, VARIABLES["A_SECRET"])
    poller = an_adapter(sandbox, desk)
    assert poller.routes() == ()
    async with served(poller, desk):
        assert sandbox.updates.webhook.url == ""
        met(sandbox)
        await desk.heard(1)
