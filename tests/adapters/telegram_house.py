"""The channel against the stand-in for Telegram, with a desk that only listens or with a whole house behind it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from adapters.sandbox.telegram import TelegramSandbox
from adapters.sandbox.telegram_payloads import Group, Person
from adapters.telegram.adapter import TelegramAdapter
from bot.compose import House
from bot.config import ServeConfig
from bot.ports import Desk
from bot.serving import Serving
from bot.testing import RecordingDesk, a_delivery
from engine.dialogue import ConversationKey
from storage.ports import Delivery

VARIABLES = {"A_TOKEN": "1:SANDBOX", "A_SECRET": "a-secret-of-24-characters"}


def key(place: Person | Group) -> ConversationKey:
    return ConversationKey("telegram", str(place.id))


def an_adapter(sandbox: TelegramSandbox, desk: Desk, **more: Any) -> TelegramAdapter:
    return TelegramAdapter({"token_env": "A_TOKEN", "base_url": f"{sandbox.url}/bot", **more}, desk)


@asynccontextmanager
async def served(adapter: TelegramAdapter, desk: RecordingDesk) -> AsyncIterator[TelegramAdapter]:
    """An adapter that is open and served."""
    async with adapter:
        task = asyncio.ensure_future(adapter.serve(desk.handle))
        try:
            yield adapter
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


@asynccontextmanager
async def a_served_house(
    sandbox: TelegramSandbox, house: House, *, webhook: bool = False, **more: Any
) -> AsyncIterator[House]:
    """A house with the channel open, polling or behind a webhook."""
    port = a_free_port()
    if webhook:
        more |= {"mode": "webhook", "webhook_url": f"http://127.0.0.1:{port}/telegram", "secret_env": "A_SECRET"}
    serving = Serving(
        house, [an_adapter(sandbox, house, **more)], ServeConfig(port=port, burst_seconds=0.0, drain_seconds=5.0)
    )
    task = asyncio.ensure_future(serving.run())
    try:
        await until(lambda: task.done() or "telegram" not in serving.missing())
        yield house
        serving.stop()
        async with asyncio.timeout(20):
            await task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait for what rings no bell here."""
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def a_free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def buttons(said: dict[str, Any]) -> dict[str, str]:
    """The data of the buttons below a message, by label."""
    rows = said.get("reply_markup", {}).get("inline_keyboard", [])
    return {button["text"]: button["callback_data"] for row in rows for button in row}


def met(sandbox: TelegramSandbox, name: str = "Ann") -> Person:
    """Somebody who has written to the bot before it was there."""
    person = sandbox.person(name)
    sandbox.write(person, "hello")
    return person


def to(person: Person | Group, text: str = "Within 14 days.", **more: Any) -> Delivery:
    """Something to deliver to somebody."""
    return a_delivery(key(person), text, **more)
