"""The channels of the house against the stand-ins: on bad days nobody stays without an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from builders import a_reply

from adapters.sandbox import chatwoot, intercom, sunshine
from adapters.sandbox.faults import Answer, Hang, Reset
from adapters.sandbox.journal import Way
from adapters.sandbox.server import Sandbox
from adapters.sandbox.sunshine_payloads import APP_ID
from adapters.sandbox.telegram import TOKEN, TelegramSandbox
from bot import registry
from bot.errors import NotNow
from bot.ports import Adapter
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import Delivery, DeliveryKind

CUSTOMERS = 12
PATH = "p" * 24
SECRETS = {
    "T_TELEGRAM": TOKEN,
    "T_CHATWOOT": chatwoot.TOKEN,
    "T_CHATWOOT_SECRET": chatwoot.SECRET,
    "T_SUNSHINE_ID": sunshine.KEY_ID,
    "T_SUNSHINE": sunshine.SECRET,
    "T_SUNSHINE_SECRET": sunshine.WEBHOOK_SECRET,
    "T_INTERCOM": intercom.TOKEN,
    "T_INTERCOM_SECRET": intercom.SECRET,
    "T_PATH": PATH,
}


@dataclass
class House:
    """Stores each event once, answers messages with an echo, and hands over whoever asks for a person."""

    name: str = "Attendant"
    ready: str = ""
    events: list[ChannelEvent] = field(default_factory=list)
    todo: asyncio.Queue[ChannelEvent] = field(default_factory=asyncio.Queue)
    deliveries: int = 0

    def history(self, _key: ConversationKey, *, limit: int) -> Sequence[Any]:  # noqa: ARG002 - the port's signature
        return ()

    def say(self, wording: str, _locale: str | None = None) -> str:
        return f"({wording})"

    def remembered(self, _key: ConversationKey) -> Sequence[str]:
        return ()

    def conversation(self, _key: ConversationKey) -> Mapping[str, Any] | None:
        return None

    def forget(self, _key: ConversationKey) -> int:
        return 0

    async def receive(self, event: ChannelEvent) -> bool:
        if any((event.key, event.event_id) == (one.key, one.event_id) for one in self.events):
            return False
        self.events.append(event)
        if event.kind is EventKind.MESSAGE:
            self.todo.put_nowait(event)
        return True

    async def work(self, adapter: Adapter) -> None:
        """Deliver until cancelled, each delivery as often as it takes."""
        while True:
            event = await self.todo.get()
            await self._deliver(adapter, event, f"You said: {event.text}", DeliveryKind.REPLY)
            if event.text == "human":
                await self._deliver(adapter, event, "Wants a person", DeliveryKind.HANDOFF)

    async def _deliver(self, adapter: Adapter, event: ChannelEvent, text: str, kind: DeliveryKind) -> None:
        self.deliveries += 1
        key = f"{self.deliveries:064x}"
        delivery = Delivery(self.deliveries, event.key, key, a_reply(text), 0, event.event_id, kind)
        while True:
            try:
                return await adapter.send(delivery)
            except NotNow:
                await asyncio.sleep(0.02)  # the house waits longer; here nobody has the time


def table(sandbox: Sandbox) -> tuple[str, dict[str, Any]]:
    """The name of the channel for a stand-in, and its settings."""
    match sandbox:
        case TelegramSandbox():
            return "telegram", {"base_url": f"{sandbox.url}/bot", "token_env": "T_TELEGRAM"}
        case chatwoot.ChatwootSandbox():
            secrets = {"token_env": "T_CHATWOOT", "secret_env": "T_CHATWOOT_SECRET"}
            name, more = "chatwoot", {"base_url": sandbox.url, **secrets}
        case sunshine.SunshineSandbox():
            keys = ("key_id_env", "key_secret_env", "webhook_secret_env")
            secrets = dict(zip(keys, ("T_SUNSHINE_ID", "T_SUNSHINE", "T_SUNSHINE_SECRET"), strict=True))
            name, more = "sunshine", {"base_url": f"{sandbox.url}/sc", "app": APP_ID, **secrets}
            more["integration"] = "attendant"
        case _:
            admins = {"admin": intercom.BOT_ADMIN, "hand_to": intercom.PERSON_ADMIN}
            secrets = {"token_env": "T_INTERCOM", "client_secret_env": "T_INTERCOM_SECRET"}
            name, more = "intercom", {"base_url": sandbox.url, **admins, **secrets}
    return name, {**more, "path_token_env": "T_PATH", "allow_private": True}


@asynccontextmanager
async def served(sandbox: Sandbox) -> AsyncIterator[House]:
    """A house that is connected to a stand-in by its own channel."""
    house, (name, settings) = House(), table(sandbox)
    async with registry.build(name, settings, house) as adapter:
        app = web.Application()
        app.add_routes(adapter.routes())
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        sandbox.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/desks/{name}/{PATH}"
        tasks = [asyncio.create_task(adapter.serve(unused)), asyncio.create_task(house.work(adapter))]
        try:
            yield house
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await runner.cleanup()


async def unused(_message: Any) -> Any:
    raise AssertionError("these channels do not wait for replies")


def write(sandbox: Any, text: str) -> Callable[[], Sequence[str]]:
    """Let somebody new write; returns how to see what they were told."""
    if isinstance(sandbox, TelegramSandbox):
        person = sandbox.person()
        sandbox.write(person, text)
        return lambda: sandbox.texts(person)
    there = sandbox.customer_writes(text)
    return lambda: [said.removeprefix("<p>").removesuffix("</p>") for said in sandbox.replies(there)]


DESKS = (chatwoot.ChatwootSandbox, sunshine.SunshineSandbox, intercom.IntercomSandbox)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize("kind", [TelegramSandbox, *DESKS], ids=lambda kind: kind.title)
async def test_everybody_is_answered_on_bad_days_and_twice_only_where_an_answer_got_lost(kind: type[Sandbox]) -> None:
    async with kind(scale=0.001, seed=4) as sandbox, served(sandbox):
        sandbox.faults.duplicates, sandbox.faults.clock = 0.3, timedelta(minutes=4)
        sandbox.faults.disorder = 0.0 if kind is TelegramSandbox else 0.2
        only = "sendMessage" if kind is TelegramSandbox else ""
        for trouble, after in (
            (Answer(429, retry_after=1), False),
            (Answer(503), False),
            (Reset(), False),
            (Reset(), True),
            (Answer(500), True),
            (Hang(0.05), False),
        ):
            sandbox.faults.add(trouble, share=0.1, after=after, only=only)
        told = [write(sandbox, f"question {number}") for number in range(CUSTOMERS)]
        await sandbox.journal.until(lambda: all(look() for look in told), 60)
    assert [set(look()) for look in told] == [{f"You said: question {number}"} for number in range(CUSTOMERS)]
    lost = [entry for entry in sandbox.journal.of(Way.FROM_BOT) if entry.outcome.endswith("carried out")]
    assert sum(len(look()) - 1 for look in told) <= len(lost)


@pytest.mark.parametrize("kind", DESKS, ids=lambda kind: kind.title)
async def test_a_conversation_that_was_handed_over_is_left_alone(kind: type[Any]) -> None:
    async with kind(scale=0.001) as desk, served(desk) as house:
        there = desk.customer_writes("human")
        await desk.journal.until(lambda: "with Max" in state(desk) or state(desk) in ("open", f"{PEOPLE} in control"))
        desk.person_writes(there, "Max here")
        desk.customer_writes("thank you, Max", conversation=there)
        await desk.settled()
        assert [event.text for event in house.events if event.kind is EventKind.PERSON] == ["Max here"]
        assert "thank you, Max" not in [event.text for event in house.events]
        assert (desk.interruptions, len(desk.replies(there))) == ([], 1)


@pytest.mark.parametrize("kind", DESKS[1:], ids=lambda kind: kind.title)
async def test_who_has_a_conversation_is_read_off_every_step_of_its_life(kind: type[Any]) -> None:
    async with kind(scale=0.001) as desk, served(desk) as house:
        there = desk.customer_writes("hello")
        desk.person_takes(there)
        desk.customer_writes("for Max", conversation=there)
        desk.person_writes(there, "Max here")
        desk.person_writes(there, "a difficult one", private=True)
        desk.person_gives_back(there)
        desk.customer_writes("for the bot", conversation=there)
        desk.person_closes(there)
        desk.customer_writes("once more", conversation=there)
        await desk.journal.until(lambda: len(desk.replies(there)) == 3)
    assert [f"{event.kind} {event.text}".strip() for event in house.events if event.kind != "given_back"] == [
        "message hello",
        "person",
        "person Max here",
        "message for the bot",
        "closed",
        "message once more",
    ]


async def test_a_chatwoot_conversation_that_is_given_back_or_resolved_is_the_bots_again() -> None:
    async with chatwoot.ChatwootSandbox(scale=0.001) as desk, served(desk) as house:
        there = desk.customer_writes("hello")
        desk.person_writes(there, "from my phone", name=None)
        for status in ("open", "pending", "resolved"):
            desk.person_sets(there, status)
            desk.customer_writes(f"while {status}", conversation=there)
        await desk.journal.until(lambda: len(desk.replies(there)) == 3)
    assert [f"{event.kind} {event.text}".strip() for event in house.events if event.kind != "given_back"] == [
        "message hello",
        "person from my phone",
        "message while pending",
        "closed",
        "message while resolved",
    ]


PEOPLE = "zd-agentWorkspace"


def state(desk: Sandbox) -> str:
    """How the only conversation stands."""
    return desk.talks()[0].state
