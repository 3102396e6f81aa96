"""What all stand-ins share: bad days, the journal, the page, and the way to the bot."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from sandbox_bot import Receiver, Said, ask

from adapters.sandbox.chatwoot import ChatwootSandbox
from adapters.sandbox.faults import Answer, Faults, Hang, Reset
from adapters.sandbox.intercom import IntercomSandbox
from adapters.sandbox.journal import LIMIT, Journal, Way
from adapters.sandbox.server import Sandbox, _only_from_here
from adapters.sandbox.sunshine import SunshineSandbox
from adapters.sandbox.telegram import TelegramSandbox

ALL = (TelegramSandbox, ChatwootSandbox, SunshineSandbox, IntercomSandbox)
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\x00\u202e"
each = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.title)


def begin(sandbox: Sandbox, text: str) -> None:
    """Let a customer write a first message, whatever the service."""
    if isinstance(sandbox, TelegramSandbox):
        sandbox.write(sandbox.person(text), text)
    else:
        assert isinstance(sandbox, ChatwootSandbox | SunshineSandbox | IntercomSandbox)
        sandbox.customer_writes(text, name=text)


async def api(sandbox: Sandbox) -> Said:
    """A request that the service answers with 401, 404 or so, if nothing is disturbed."""
    return await ask(f"{sandbox.url}/bot1:X/getMe", {})


async def post(sandbox: Sandbox, act: str, form: Mapping[str, str], **headers: str) -> Said:
    return await ask(f"{sandbox.url}/do/{act}", data=dict(form), headers=headers, allow_redirects=False)


async def page(sandbox: Sandbox, query: str = "", **headers: str) -> Said:
    return await ask(f"{sandbox.url}/{query}", headers=headers, method="GET")


@each
async def test_the_page_shows_what_was_said_and_obeys_none_of_it(kind: type[Sandbox]) -> None:
    async with kind(scale=0.001) as sandbox:
        begin(sandbox, HOSTILE)
        if not isinstance(sandbox, TelegramSandbox):
            await sandbox.settled()
        said = await page(sandbox, "?problem=%3Cscript%3E")
    assert said.status == 200
    assert "default-src 'none'" in said.headers["Content-Security-Policy"]
    assert "form-action 'self'" in said.headers["Content-Security-Policy"]
    assert "<script" not in said.body
    assert "<img" not in said.body
    assert "&lt;script&gt;alert(1)" in said.body
    assert "\x00" not in said.body


@each
async def test_every_form_of_the_page_takes_anything(kind: type[Sandbox]) -> None:
    async with kind(scale=0.001) as sandbox:
        begin(sandbox, "hello")
        names = [act.name for act in sandbox._all_acts() if act.name not in ("trouble", "events")]
        fields = {field.name for act in sandbox._all_acts() for field in act.fields}
        assert len(set(names)) == len(names)
        for value in ("", "1", "1001", "-7", "1e400", "nan", HOSTILE, "x" * 5000):
            answers = [await post(sandbox, name, dict.fromkeys(fields, value)) for name in names]
            assert {answer.status for answer in answers} == {303}
        assert (await page(sandbox)).status == 200
        assert (await post(sandbox, "nothing", {})).status == 404


@each
async def test_a_customer_writes_from_the_page(kind: type[Sandbox]) -> None:
    async with kind(scale=0.001) as sandbox:
        name = "write" if kind is TelegramSandbox else "customer"
        await post(sandbox, name, {"text": "Where is my order?", "person": "Ann"})
        assert [line.text.removeprefix("<p>").removesuffix("</p>") for line in sandbox.talks()[0].lines] == [
            "Where is my order?"
        ]
        refused = await post(sandbox, name, {"text": "  "})
        assert "nothing+was+filled+in" in refused.headers["Location"]


async def test_a_colleague_acts_from_the_page() -> None:
    async with Receiver() as receiver, ChatwootSandbox(bot_url=receiver.url) as desk:
        number = str(desk.customer_writes("hello"))
        await post(desk, "person", {"conversation": number, "text": "I take this", "private": "colleagues"})
        await post(desk, "status", {"conversation": number, "status": "resolved"})
        await desk.settled()
        assert [body["event"] for body in receiver.bodies] == [
            "message_created",
            "message_created",
            "conversation_resolved",
        ]
        assert receiver.bodies[1]["private"] is True
        assert "there+is+no+conversation+99" in (await post(desk, "status", {"conversation": "99"})).headers["Location"]


@pytest.mark.parametrize("kind", ALL[1:], ids=lambda kind: kind.title)
async def test_the_address_of_the_bot_is_set_on_the_page(kind: type[Sandbox]) -> None:
    async with Receiver() as receiver, kind() as desk:
        assert "problem=" in (await post(desk, "address", {"url": "javascript:alert(1)"})).headers["Location"]
        assert desk.bot_url is None
        await post(desk, "address", {"url": receiver.url})
        begin(desk, "hello")
        await desk.settled()
        assert len(receiver.got) == 1


async def test_another_site_in_the_same_browser_can_do_nothing() -> None:
    async with ChatwootSandbox() as desk:
        form = {"text": "hello"}
        assert (await post(desk, "customer", form, Origin="https://evil.example")).status == 403
        assert (await post(desk, "customer", form, Host="evil.example:80")).status == 403
        assert (await page(desk, Host="evil.example")).status == 403
        assert desk.conversations == {}
        assert (await post(desk, "customer", form, Origin=desk.url)).status == 303


def test_the_loopback_address_has_several_names() -> None:
    for host in ("127.0.0.1:80", "localhost", "[::1]:8090"):
        _only_from_here(request(host))
    with pytest.raises(web.HTTPForbidden):
        _only_from_here(request("127.0.0.1.evil.example:80"))


def request(host: str) -> Any:
    from aiohttp.test_utils import make_mocked_request

    return make_mocked_request("GET", "/", headers={"Host": host})


async def test_bad_days_are_switched_on_and_off_from_the_page() -> None:
    async with TelegramSandbox() as sandbox:
        await post(sandbox, "trouble", {"trouble": "429", "seconds": "5", "times": "1", "share": "100"})
        assert "answered 429" in (await page(sandbox)).body
        assert (await api(sandbox)).headers["Retry-After"] == "5"
        assert (await api(sandbox)).status == 401
        await post(sandbox, "trouble", {"trouble": "503", "only": "getMe"})
        await post(sandbox, "events", {"duplicates": "50", "disorder": "7", "clock": "-3"})
        assert (sandbox.faults.duplicates, sandbox.faults.disorder) == (0.5, 0.07)
        said = (await page(sandbox)).body
        for words in ("only getMe", "50% of the events come twice", "7% of the events", "the clock is -3 minutes off"):
            assert words in said
        assert (datetime.now(UTC) - sandbox.now()).total_seconds() == pytest.approx(180, abs=1)
        assert [(await api(sandbox)).status for _ in range(2)] == [503, 503]
        await post(sandbox, "well", {})
        assert (await api(sandbox)).status == 401
        assert sandbox.faults.disorder == 0


@pytest.mark.parametrize(
    "form", [{"trouble": "418"}, {"trouble": "429", "seconds": "soon"}, {"trouble": "429", "times": "0"}]
)
async def test_a_bad_day_that_cannot_be_is_explained(form: dict[str, str]) -> None:
    async with TelegramSandbox() as sandbox:
        assert "problem=" in (await post(sandbox, "trouble", form)).headers["Location"]
        assert sandbox.faults.rules == ()


@each
async def test_a_reset_is_a_reset(kind: type[Sandbox]) -> None:
    async with kind() as sandbox:
        sandbox.faults.add(Reset(), times=1)
        with pytest.raises(aiohttp.ClientOSError) as caught:
            await api(sandbox)
        assert "reset" in str(caught.value).lower()
        assert sandbox.journal.entries[-1].outcome == "the connection was reset on purpose"
        assert (await api(sandbox)).status >= 400


async def test_a_hanging_answer_comes_late() -> None:
    async with TelegramSandbox() as sandbox:
        sandbox.faults.add(Hang(0.2), times=1)
        begun = time.monotonic()
        assert (await api(sandbox)).status == 401
        assert time.monotonic() - begun >= 0.2


@each
async def test_errors_are_said_in_the_words_of_the_service(kind: type[Sandbox]) -> None:
    async with kind() as sandbox:
        for status in (400, 429, 500, 502, 503):
            sandbox.faults.add(Answer(status), times=1)
            said = await api(sandbox)
            assert said.status == status
            assert isinstance(said.body, dict)


async def test_a_broken_form_is_a_bad_request() -> None:
    async with TelegramSandbox() as sandbox:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        said = await ask(f"{sandbox.url}/bot{sandbox.token}/sendMessage", data=b"no boundary here", headers=headers)
    assert (said.status, said.body["ok"]) == (400, False)


def test_a_share_strikes_about_as_often_and_the_same_seed_the_same() -> None:
    def struck(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(Answer(500), share=0.3)
        return [faults.strike("/messages") is not None for _ in range(1000)]

    assert 250 < sum(struck(1)) < 350
    assert struck(1) == struck(1)
    assert struck(1) != struck(2)


def test_a_fault_strikes_only_where_and_as_often_as_it_should() -> None:
    faults = Faults()
    faults.add(Answer(500), times=2, only="/messages")
    assert faults.strike("/typing") is None
    assert [faults.strike("/messages") is not None for _ in range(3)] == [True, True, False]
    assert faults.rules == ()


async def test_waiting_for_what_never_comes_tells_what_came() -> None:
    journal = Journal(lambda: datetime.now(UTC))
    journal.write(Way.TO_BOT, "ping", outcome="200")
    with pytest.raises(TimeoutError, match="to the bot ping: 200"):
        await journal.until(lambda: False, 0.01)


def test_a_journal_forgets_the_oldest() -> None:
    journal = Journal(lambda: datetime.now(UTC))
    for number in range(LIMIT + 5):
        journal.write(Way.FROM_BOT, f"call {number}")
    assert (len(journal.entries), journal.entries[0].what) == (LIMIT, "call 5")


async def test_without_an_address_of_the_bot_events_are_not_sent_and_that_is_said() -> None:
    async with SunshineSandbox(scale=0.001) as desk:
        desk.customer_writes("hello")
        await desk.settled()
        assert desk.journal.entries[-1].outcome == "not sent: the address of the bot is not set"
        desk.bot_url = "http://127.0.0.1:9/"
        desk.customer_writes("hello?")
        await desk.settled()
        assert desk.journal.entries[-1].outcome.startswith("not reached: ")


async def test_repeats_do_not_hold_up_what_comes_later() -> None:
    async with Receiver() as receiver, IntercomSandbox(bot_url=receiver.url, scale=0.005) as desk:
        receiver.statuses = [500]
        name = desk.customer_writes("one")
        desk.customer_writes("two", conversation=name)
        await desk.settled()
        assert [(body["topic"][13:], body["delivery_attempts"]) for body in receiver.bodies] == [
            ("user.created", 1),
            ("user.replied", 1),
            ("user.created", 2),
        ]


async def test_doubles_arrive_at_the_same_time() -> None:
    async with Receiver() as receiver, IntercomSandbox(bot_url=receiver.url) as desk:
        receiver.delay = 0.5
        desk.faults.duplicates = 1.0
        begun = time.monotonic()
        desk.customer_writes("hello")
        await desk.settled()
        assert len(receiver.got) == 2
        assert time.monotonic() - begun < 0.95


async def test_a_stand_in_that_ends_leaves_nothing_running() -> None:
    before = asyncio.all_tasks()
    async with TelegramSandbox() as telegram, ChatwootSandbox(bot_url="http://127.0.0.1:9/") as desk:
        poll = asyncio.create_task(ask(f"{telegram.url}/bot{telegram.token}/getUpdates", {"timeout": 30}))
        desk.customer_writes("hello")
        await telegram.journal.until(lambda: telegram.updates.polled)
    await asyncio.wait([poll], timeout=1)
    assert poll.done()
    assert poll.exception() is not None or poll.result().status == 409
    assert asyncio.all_tasks() == before


async def test_a_port_that_is_taken_is_an_error() -> None:
    async with TelegramSandbox() as one:
        with pytest.raises(OSError, match="address already in use"):
            async with TelegramSandbox(port=int(one.url.rpartition(":")[2])):
                pass
