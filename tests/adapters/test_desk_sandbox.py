"""Each desk with its stand-in: a whole conversation over real sockets, on good days and on bad ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from desk_bodies import a_delivery

from adapters.desks.adapter import ChatwootAdapter, DeskAdapter, IntercomAdapter, SunshineAdapter
from adapters.sandbox.chatwoot import ChatwootSandbox
from adapters.sandbox.faults import Answer, Reset
from adapters.sandbox.intercom import IntercomSandbox
from adapters.sandbox.server import Sandbox
from adapters.sandbox.sunshine import SunshineSandbox
from bot import ownership
from bot.compose import House
from bot.config import ServeConfig
from bot.errors import NotNow
from bot.serving import Serving
from bot.wording import BUILT_IN
from engine.dialogue import ChannelEvent, EventKind
from storage.ports import DeliveryKind
from tests.builders import FAQ, a_whole_house
from tests.fakes import BOTH, PERSON

HIDDEN_PATH = "0123456789abcdef"
MOVES = {
    EventKind.MESSAGE: ownership.Event.CUSTOMER_WROTE,
    EventKind.PERSON: ownership.Event.PERSON_SPOKE,
    EventKind.GIVEN_BACK: ownership.Event.GIVEN_BACK,
    EventKind.CLOSED: ownership.Event.CLOSED,
}

ENGLISH = BUILT_IN["en"]


class EchoBot:
    """A house in small: each event once, who may speak, ``echo: …`` for an answer, a person for ``human``."""

    name = "Fern"

    def __init__(self) -> None:
        self.events: list[ChannelEvent] = []
        self.owner = ownership.Owner.BOT
        self.adapter: DeskAdapter | None = None
        self.tasks: set[asyncio.Task[None]] = set()

    async def receive(self, event: ChannelEvent) -> bool:
        if any(event.event_id == one.event_id for one in self.events):
            return False
        self.events.append(event)
        self.owner = ownership.after(self.owner, MOVES.get(event.kind, ownership.Event.CUSTOMER_WROTE))
        if event.kind is EventKind.MESSAGE and ownership.bot_may_speak(self.owner):
            self.tasks.add(asyncio.create_task(self.answer(event)))
        return True

    async def answer(self, event: ChannelEvent) -> None:
        choices = ("Refund", "Opening hours") if event.text == "which" else ()
        await self.deliver(event, f"echo: {event.text}", choices=choices)
        if event.text == "human":
            self.owner = ownership.after(self.owner, ownership.Event.HANDED_OFF)
            await self.deliver(event, "wants a person", kind=DeliveryKind.HANDOFF)

    async def deliver(self, event: ChannelEvent, text: str, **more) -> None:
        key = f"{event.event_id}-{more.get('kind', 'reply')}"
        delivery = a_delivery(event.key.channel, event.key.thread, text, key=key, **more)
        for _ in range(8):
            try:
                return await self.adapter.send(delivery)
            except NotNow:
                await asyncio.sleep(0.05)
        raise AssertionError("not delivered after 8 attempts")

    def said(self, kind: EventKind) -> list[str]:
        return [event.text for event in self.events if event.kind is kind]


async def settled(bot: EchoBot, sandbox: Sandbox) -> None:
    """Until nothing is on its way in either direction."""
    while True:
        await sandbox.settled()
        running = [task for task in bot.tasks if not task.done()]
        if not running:
            break
        await asyncio.wait(running)
    for task in bot.tasks:
        task.result()


@asynccontextmanager
async def joined(sandbox: Sandbox, bot: EchoBot, adapter: DeskAdapter) -> AsyncIterator[None]:
    """The adapter served, and the stand-in told where."""
    bot.adapter = adapter
    app = web.Application()
    app.add_routes(adapter.routes())
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    sandbox.bot_url = f"http://127.0.0.1:{runner.addresses[0][1]}/desks/{adapter.name}/{HIDDEN_PATH}"
    try:
        async with adapter:
            yield
    finally:
        await runner.cleanup()


def made(sandbox: Sandbox, bot: EchoBot) -> DeskAdapter:
    """The adapter that fits a stand-in, with settings as they stand in a file."""
    table = {"path_token_env": "HIDDEN_PATH", "allow_private": True}
    if isinstance(sandbox, ChatwootSandbox):
        named = {"base_url": sandbox.url, "token_env": "BOT", "secret_env": "SHARED"}
        return ChatwootAdapter({**table, **named}, bot)
    if isinstance(sandbox, IntercomSandbox):
        named = {"base_url": sandbox.url, "token_env": "BOT", "client_secret_env": "SHARED", "admin": sandbox.admin}
        return IntercomAdapter({**table, **named}, bot)
    named = {"key_id_env": "KEY", "key_secret_env": "BOT", "webhook_secret_env": "SHARED", "integration": "attendant"}
    app = sandbox.particulars()["app"]
    return SunshineAdapter({**table, **named, "base_url": f"{sandbox.url}/sc", "app": app}, bot)


@pytest.fixture(params=[ChatwootSandbox, SunshineSandbox, IntercomSandbox], ids=["chatwoot", "sunshine", "intercom"])
async def sandbox(request, monkeypatch):
    async with request.param(scale=0.01) as standing:
        monkeypatch.setenv("HIDDEN_PATH", HIDDEN_PATH)
        monkeypatch.setenv("BOT", standing.secret if request.param is SunshineSandbox else standing.token)
        monkeypatch.setenv("SHARED", getattr(standing, "webhook_secret", standing.secret))
        monkeypatch.setenv("KEY", getattr(standing, "key_id", "none"))
        yield standing


@pytest.fixture
async def bot(sandbox):
    echo = EchoBot()
    async with joined(sandbox, echo, made(sandbox, echo)):
        yield echo


def plain(texts) -> list[str]:
    return [text.removeprefix("<p>").removesuffix("</p>") for text in texts]


def gives_back(sandbox, talk) -> None:
    if isinstance(sandbox, ChatwootSandbox):
        sandbox.person_sets(talk, "pending")
    else:
        sandbox.person_gives_back(talk)


def closes(sandbox, talk) -> None:
    if isinstance(sandbox, ChatwootSandbox):
        sandbox.person_sets(talk, "resolved")
    else:
        sandbox.person_closes(talk)


async def test_a_conversation_is_answered_and_the_bot_never_answers_itself(sandbox, bot) -> None:
    talk = sandbox.customer_writes("hello")
    await settled(bot, sandbox)
    sandbox.customer_writes("again", conversation=talk)
    await settled(bot, sandbox)
    assert plain(sandbox.replies(talk)) == ["echo: hello", "echo: again"]
    assert bot.said(EventKind.MESSAGE) == ["hello", "again"]
    assert bot.said(EventKind.PERSON) == []
    assert len({event.sender for event in bot.events if event.kind is EventKind.MESSAGE} - {None}) == 1


async def test_a_person_takes_over_and_gives_back(sandbox, bot) -> None:
    talk = sandbox.customer_writes("human")
    await settled(bot, sandbox)
    assert bot.owner is ownership.Owner.WAITING
    sandbox.person_writes(talk, "Max here.")
    await settled(bot, sandbox)
    sandbox.customer_writes("to Max", conversation=talk)
    await settled(bot, sandbox)
    assert "Max here." in bot.said(EventKind.PERSON)
    assert bot.owner is ownership.Owner.PERSON
    gives_back(sandbox, talk)
    await settled(bot, sandbox)
    sandbox.customer_writes("to the bot", conversation=talk)
    await settled(bot, sandbox)
    assert plain(sandbox.replies(talk)) == ["echo: human", "echo: to the bot"]
    assert list(sandbox.interruptions) == []


async def test_a_note_goes_to_people_alone(sandbox, bot) -> None:
    talk = sandbox.customer_writes("human")
    await settled(bot, sandbox)
    if isinstance(sandbox, SunshineSandbox):
        assert "wants a person" in str(sandbox.journal.entries)
        return
    assert plain(sandbox.notes(talk)) == ["wants a person"]
    assert plain(sandbox.replies(talk)) == ["echo: human"]


async def test_a_closed_conversation_begins_anew(sandbox, bot) -> None:
    talk = sandbox.customer_writes("hello")
    await settled(bot, sandbox)
    closes(sandbox, talk)
    await settled(bot, sandbox)
    assert bot.owner is ownership.Owner.CLOSED
    sandbox.customer_writes("I am back", conversation=talk)
    await settled(bot, sandbox)
    assert plain(sandbox.replies(talk)) == ["echo: hello", "echo: I am back"]


def picks(sandbox, talk, title: str) -> None:
    """Take a choice as the desk's customers do."""
    if isinstance(sandbox, ChatwootSandbox):
        offered = next(one for one in sandbox.conversations[talk].messages if one.content_type == "input_select")
        sandbox.customer_picks(talk, offered.id, title)
    else:
        sandbox.customer_taps(talk, title)


async def test_a_choice_that_is_taken_is_a_message(sandbox, bot) -> None:
    talk = sandbox.customer_writes("which")
    await settled(bot, sandbox)
    picks(sandbox, talk, "Opening hours")
    await settled(bot, sandbox)
    assert bot.said(EventKind.MESSAGE) == ["which", "Opening hours"]


@pytest.mark.parametrize("trouble", [Answer(500), Answer(429, 1), Reset()], ids=["500", "429", "reset"])
async def test_a_bad_day_of_the_api_delays_and_loses_nothing(sandbox, bot, trouble) -> None:
    sandbox.faults.add(trouble, times=3)
    talk = sandbox.customer_writes("human")
    await settled(bot, sandbox)
    assert plain(sandbox.replies(talk)) == ["echo: human"]
    assert bot.owner is ownership.Owner.WAITING


async def test_an_answer_that_got_lost_is_not_said_twice_where_messages_come_back(sandbox, bot) -> None:
    sandbox.faults.add(Answer(502), times=1, after=True)
    talk = sandbox.customer_writes("hello")
    await settled(bot, sandbox)
    expected = 2 if isinstance(sandbox, IntercomSandbox) else 1  # Intercom's say nothing of where they came from
    assert plain(sandbox.replies(talk)) == ["echo: hello"] * expected


async def test_events_that_come_twice_or_out_of_order_are_each_taken_once(sandbox, bot) -> None:
    sandbox.faults.duplicates, sandbox.faults.disorder = 1.0, 0.5
    talk = sandbox.customer_writes("one")
    for text in ("two", "three"):
        sandbox.customer_writes(text, conversation=talk)
    await settled(bot, sandbox)
    assert sorted(bot.said(EventKind.MESSAGE)) == ["one", "three", "two"]
    assert len(sandbox.replies(talk)) == 3


@pytest.mark.parametrize("minutes", [-10, 10])
async def test_a_clock_that_is_off_is_no_reason_to_be_silent(sandbox, bot, minutes) -> None:
    sandbox.faults.clock = timedelta(minutes=minutes)
    talk = sandbox.customer_writes("hello")
    await settled(bot, sandbox)
    assert plain(sandbox.replies(talk)) == ["echo: hello"]


@asynccontextmanager
async def a_real_house(sandbox: Sandbox) -> AsyncIterator[House]:
    """The house itself with an engine that reads from a table, its inbox and its outbox."""
    house = a_whole_house()
    serving = Serving(house, [made(sandbox, house)], ServeConfig(port=0, burst_seconds=0.3, drain_seconds=5.0))
    task = asyncio.ensure_future(serving.run())
    try:
        async with asyncio.timeout(30):
            while serving.missing():  # noqa: ASYNC110 - as whoever watches a port does
                await asyncio.sleep(0.01)
            channel = type(sandbox).__name__.removesuffix("Sandbox").lower()
            sandbox.bot_url = f"http://127.0.0.1:{serving.front.port}/desks/{channel}/{HIDDEN_PATH}"
            yield house
            serving.stop()
            assert await task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - what happens elsewhere rings no bell here
        await asyncio.sleep(0.02)


async def test_from_a_question_to_a_person_and_back_to_the_bot(sandbox) -> None:
    async with a_real_house(sandbox) as house:
        sandbox.faults.add(Answer(500), times=1)
        talk = sandbox.customer_writes("hours")
        await until(lambda: said_last(sandbox, talk) == FAQ["hours"])
        sandbox.customer_writes("re", conversation=talk)
        sandbox.customer_writes("fund", conversation=talk)
        await until(lambda: said_last(sandbox, talk) == ENGLISH["unsure"])  # the burst, as one
        sandbox.customer_writes(BOTH, conversation=talk)
        await until(lambda: ENGLISH["clarify"] in " ".join(plain(sandbox.replies(talk))) and not house.store.pending())
        picks(sandbox, talk, "hours")
        await until(lambda: said_last(sandbox, talk) == FAQ["hours"])
        sandbox.customer_writes(PERSON, conversation=talk)
        await until(lambda: said_last(sandbox, talk) == ENGLISH["handoff"] and not house.store.pending())
        sandbox.person_writes(talk, "Max here.")
        await sandbox.settled()
        sandbox.customer_writes("hours", conversation=talk)
        await sandbox.settled()
        gives_back(sandbox, talk)
        await sandbox.settled()
        sandbox.customer_writes("refund", conversation=talk)
        await until(lambda: said_last(sandbox, talk) == FAQ["refund"])
        (key,) = [one.key for one in house.store.conversations()]
        said = [turn.turn.text for turn in house.store.history(key, limit=50)]
    assert plain(sandbox.replies(talk)).count(FAQ["hours"]) == 2  # and not while the person was there
    assert "re\nfund" in said
    assert "Max here." in said
    assert list(sandbox.interruptions) == []
    assert house.store.pending() == []


def said_last(sandbox, talk) -> str:
    """What the customer read last."""
    return (plain(sandbox.replies(talk)) or [""])[-1]
