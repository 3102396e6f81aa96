"""A desk over real sockets: what is stored before it is acknowledged, and what is tried again."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import hmac
import io
import json
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from aiohttp import web
from desk_bodies import CHATWOOT, INTERCOM, a_delivery, changed

from adapters.desks import incoming, outgoing
from adapters.desks.adapter import ChatwootAdapter, DeskAdapter, IntercomAdapter
from adapters.desks.returns import FRESH_SECONDS, Returns
from adapters.shared import bodies
from adapters.shared import client as shared_client
from bot.errors import AdapterError, NotNow, Refused
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.errors import Unavailable
from storage.ports import DeliveryKind

HIDDEN_PATH = "0123456789abcdef"
SHARED = "hook-secret"
BOT_CREDENTIAL = "credential-of-the-bot"
HANDOFF = a_delivery("chatwoot", "1/42", "Wants a person.", kind=DeliveryKind.HANDOFF, key="k2")


class Desk:
    """Keeps events, each id once; ``before`` may fail or be slow."""

    name = "Fern"

    def __init__(self) -> None:
        self.events: dict[str, ChannelEvent] = {}
        self.before: Callable[[], object] = lambda: None

    async def receive(self, event: ChannelEvent) -> bool:
        waited = self.before()
        if asyncio.iscoroutine(waited):
            await waited
        known = event.event_id in self.events
        self.events.setdefault(event.event_id, event)
        return not known


class Service:
    """A desk's API that answers what it is told to, 200 when it was told nothing more."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict]] = []
        self.headers: list[dict[str, str]] = []
        self.answers: list[Callable[[web.Request], object]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append((request.path.rpartition("/")[2], await request.json()))
        self.headers.append(dict(request.headers))
        made = self.answers.pop(0)(request) if self.answers else web.json_response({"id": len(self.asked)})
        return await made if asyncio.iscoroutine(made) else made

    def then(self, *answers) -> None:
        self.answers.extend((lambda _, a=a: a) if isinstance(a, web.Response) else a for a in answers)


async def reset(request: web.Request) -> web.Response:
    request.transport.abort()
    return web.Response()


async def hang(_request: web.Request) -> web.Response:
    await asyncio.sleep(5)
    return web.Response()


@asynccontextmanager
async def served(*routes: web.RouteDef) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, handle_signals=False, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.fixture
async def service():
    made = Service()
    async with served(web.post("/{path:.*}", made.handle)) as made.url:
        yield made


@pytest.fixture
def desk():
    return Desk()


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv("CW_TOKEN", BOT_CREDENTIAL)
    monkeypatch.setenv("CW_SECRET", SHARED)
    monkeypatch.setenv("CW_PATH", HIDDEN_PATH)


def an_adapter(desk: Desk, base_url: str = "https://desk.example", **more) -> DeskAdapter:
    table = {"token_env": "CW_TOKEN", "secret_env": "CW_SECRET", "path_token_env": "CW_PATH", "allow_private": True}
    return ChatwootAdapter({"base_url": base_url, **table, **more}, desk)


@pytest.fixture
async def adapter(desk, service):
    async with an_adapter(desk, service.url) as made:
        yield made


@pytest.fixture
async def hook(adapter):
    async with served(*adapter.routes()) as url:
        yield f"{url}/desks/chatwoot/{HIDDEN_PATH}"


@pytest.fixture
async def client():
    async with aiohttp.ClientSession() as made:
        yield made


def signed(body: bytes, *, by: str = SHARED) -> dict[str, str]:
    stamp = str(int(time.time()))
    made = hmac.new(by.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"X-Chatwoot-Timestamp": stamp, "X-Chatwoot-Signature": f"sha256={made}", "Content-Type": "application/json"}


async def post(client, url, body=CHATWOOT, **more) -> tuple[int, dict]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with client.post(url, data=data, headers=more.pop("headers", None) or signed(data), **more) as answer:
        if answer.status >= 400:
            assert answer.content_type == "application/problem+json"
        text = await answer.text()
        return answer.status, json.loads(text) if text else {}


async def test_an_event_is_stored_before_it_is_acknowledged(client, hook, desk) -> None:
    assert (await post(client, hook))[0] == 200
    assert list(desk.events) == ["123:given_back", "123"]


async def test_a_redelivery_is_acknowledged_and_stored_once(client, hook, desk) -> None:
    for _ in range(3):
        assert (await post(client, hook))[0] == 200
    assert len(desk.events) == 2


async def test_messages_of_a_burst_have_nothing_between_them(client, hook, desk, adapter) -> None:
    for number in (1, 2):
        await post(client, hook, changed(CHATWOOT, "id", number))
    assert list(desk.events) == ["1:given_back", "1", "2"]
    await post(client, hook, changed(changed(CHATWOOT, "message_type", "outgoing"), "id", 3))
    await post(client, hook, changed(CHATWOOT, "id", 4))
    assert list(desk.events)[3:] == ["person:3", "4:given_back", "4"]
    await adapter.send(HANDOFF)
    await post(client, hook, changed(CHATWOOT, "id", 5))
    assert list(desk.events)[6:] == ["5:given_back", "5"]


async def test_what_could_not_be_stored_was_not_said(client, hook, desk) -> None:
    def full() -> None:
        raise Unavailable("the disk is full")

    desk.before = full
    assert (await post(client, hook))[0] == 500
    desk.before = lambda: None
    await post(client, hook)
    assert list(desk.events) == ["123:given_back", "123"]


def test_a_conversation_is_said_to_be_the_bots_again_after_a_while() -> None:
    seconds = [0.0]
    returns = Returns(lambda: seconds[0])
    key = ConversationKey("chatwoot", "1/42")
    implied = ChannelEvent(key, "1:given_back", EventKind.GIVEN_BACK, datetime.now(UTC))
    returns.stored(implied)
    assert not returns.is_news(implied)
    assert returns.is_news(replace(implied, event_id="given_back:1"))  # somebody gave it back
    assert returns.is_news(replace(implied, key=ConversationKey("chatwoot", "1/43")))
    seconds[0] = FRESH_SECONDS + 1
    assert returns.is_news(implied)


async def test_what_is_none_of_the_bots_business_is_acknowledged(client, hook, desk) -> None:
    assert (await post(client, hook, {"event": "of a later version"}))[0] == 200
    assert desk.events == {}


@pytest.mark.parametrize(
    "path", ["/desks/chatwoot/0123456789abcdeg", "/desks/chatwoot/%C3%BC%ED%B3%BF", "/desks/chatwoot/0"]
)
async def test_another_path_is_not_found(client, hook, desk, path) -> None:
    assert (await post(client, hook.partition("/desks")[0] + path))[0] == 404
    assert desk.events == {}


async def test_another_signature_is_turned_away_without_a_word_why(client, hook, desk, caplog) -> None:
    data = json.dumps(CHATWOOT).encode()
    status, told = await post(client, hook, data, headers=signed(data, by="another"))
    assert (status, told) == (401, {"type": "about:blank", "title": "Unauthorized", "status": 401})
    assert desk.events == {}
    assert "does not fit" in caplog.text
    assert SHARED not in caplog.text


async def test_a_wrong_field_is_named(client, hook, desk) -> None:
    status, told = await post(client, hook, changed(CHATWOOT, "content", ["x"]))
    assert (status, told["detail"]) == (422, "content: expected a text, found a list")
    assert told["errors"] == [{"pointer": "#/content", "detail": told["detail"]}]
    assert desk.events == {}


@pytest.mark.parametrize("body", [b"", b"not json", b"[" * 100 + b"]" * 100, b'{"event": NaN}', b"\xff"])
async def test_what_is_no_json_is_refused(client, hook, body) -> None:
    assert (await post(client, hook, body))[0] == 422


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_long_is_refused(client, hook, desk, chunked) -> None:
    data = b" " * (bodies.LONGEST + 1)

    async def pieces():
        for start in range(0, len(data), 65536):
            yield data[start : start + 65536]

    async with client.post(hook, data=pieces() if chunked else io.BytesIO(data), headers=signed(data)) as answer:
        assert answer.status == 413
    assert desk.events == {}


async def test_the_longest_body_is_taken(client, hook, desk) -> None:
    data = json.dumps(CHATWOOT).encode()
    data += b" " * (bodies.LONGEST - len(data))
    assert (await post(client, hook, data))[0] == 200
    assert len(desk.events) == 2


async def test_a_compressed_body_is_refused(client, hook, desk) -> None:
    data = json.dumps(CHATWOOT).encode()
    headers = {**signed(data), "Content-Encoding": "gzip"}
    assert (await post(client, hook, gzip.compress(data), headers=headers))[0] == 415
    assert desk.events == {}


async def test_a_slow_body_is_not_waited_for(desk) -> None:
    receiver = incoming.Receiver(
        an_adapter(desk)._protocol, desk, HIDDEN_PATH, lambda: datetime.now(UTC), Returns(), print, read_seconds=0.2
    )
    async with served(*receiver.routes()) as url:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(url.rpartition(":")[2]))
        writer.write(f"POST /desks/chatwoot/{HIDDEN_PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode())
        assert b"408" in await asyncio.wait_for(reader.readline(), 3)
        writer.close()
        await writer.wait_closed()
    assert desk.events == {}


async def test_a_body_that_breaks_off_stores_nothing(desk, hook) -> None:
    host, _, path = hook.removeprefix("http://").partition("/")
    _, writer = await asyncio.open_connection("127.0.0.1", int(host.rpartition(":")[2]))
    writer.write(f"POST /{path} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode())
    await writer.drain()
    writer.transport.abort()
    await asyncio.sleep(0.05)
    assert desk.events == {}


async def test_what_cannot_be_stored_is_asked_for_again(client, hook, desk) -> None:
    def full() -> None:
        raise Unavailable("the disk is full")

    desk.before = full
    async with client.post(hook, data=(data := json.dumps(CHATWOOT).encode()), headers=signed(data)) as answer:
        assert answer.status == 500  # one of the two that Chatwoot tries again after
        assert "Retry-After" in answer.headers
        assert "disk" not in await answer.text()
    desk.before = lambda: None
    assert (await post(client, hook))[0] == 200
    assert len(desk.events) == 2


async def test_a_store_that_takes_its_time_is_asked_again_before_the_desk_gives_up(client, desk) -> None:
    receiver = incoming.Receiver(
        an_adapter(desk)._protocol, desk, HIDDEN_PATH, lambda: datetime.now(UTC), Returns(), print, store_seconds=0.1
    )
    desk.before = lambda: asyncio.sleep(5)
    async with served(*receiver.routes()) as url:
        assert (await post(client, f"{url}/desks/chatwoot/{HIDDEN_PATH}"))[0] == 429


async def test_an_address_can_be_tried_with_head(client, hook) -> None:
    async with client.head(hook) as answer:
        assert answer.status == 200
    async with client.head(f"{hook}x") as answer:
        assert answer.status == 404


async def test_a_desk_that_signs_needs_no_secret_path(client, desk) -> None:
    made = IntercomAdapter({"token_env": "CW_TOKEN", "client_secret_env": "CW_SECRET", "admin": 111}, desk)
    data = json.dumps(INTERCOM).encode()
    headers = {"X-Hub-Signature": "sha1=" + hmac.new(SHARED.encode(), data, hashlib.sha1).hexdigest()}
    async with served(*made.routes()) as url:
        assert (await post(client, f"{url}/desks/intercom", data, headers=headers))[0] == 200
    assert list(desk.events) == ["501"]


async def test_a_reply_is_sent(adapter, service) -> None:
    await adapter.send(a_delivery("chatwoot", "1/42"))
    ((path, body),) = service.asked
    assert (path, body["content"]) == ("messages", "Within 14 days.")
    assert service.headers[0]["api_access_token"] == BOT_CREDENTIAL
    assert service.headers[0]["Content-Type"] == "application/json"


async def test_serving_lasts_until_it_is_cancelled(adapter) -> None:
    task = asyncio.create_task(adapter.serve(None))
    await asyncio.sleep(0.01)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_alert_asks_for_nothing(adapter, service) -> None:
    await adapter.send(a_delivery("chatwoot", "1/42", kind=DeliveryKind.ALERT))
    assert service.asked == []


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "99999999999"}, outgoing.LONGEST_WAIT),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"X-RateLimit-Reset": "5"}, 0),
    ],
)
@pytest.mark.parametrize("status", [429, 500, 503])
async def test_what_the_service_cannot_take_now_waits_as_long_as_it_says(
    adapter, service, status, headers, seconds
) -> None:
    service.then(web.Response(status=status, headers=headers, text="busy"))
    with pytest.raises(NotNow, match=f"cannot send the reply: the service answers {status}: busy") as refused:
        await adapter.send(a_delivery("chatwoot", "1/42"))
    assert refused.value.seconds == seconds


async def test_a_date_to_wait_for_is_read(adapter, service) -> None:
    until = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    service.then(web.Response(status=429, headers={"Retry-After": until}))
    with pytest.raises(NotNow) as refused:
        await adapter.send(a_delivery("chatwoot", "1/42"))
    assert refused.value.seconds == pytest.approx(30, abs=3)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422, 423])
async def test_what_the_service_never_takes_is_refused_with_its_words(adapter, service, status) -> None:
    service.then(web.Response(status=status, text=f'{{"error":\n"no {BOT_CREDENTIAL}\x1b[31m"}}' + "x" * 5000))
    with pytest.raises(Refused) as refused:
        await adapter.send(a_delivery("chatwoot", "1/42"))
    said = str(refused.value)
    assert said.startswith(f'cannot send the reply: the service answers {status}: {{"error": "no *** [31m"}}xxx')
    assert len(said) < 300


async def test_a_flooded_conversation_is_only_for_now(adapter, service) -> None:
    service.then(web.json_response({"error": "Too many messages"}, status=422))
    with pytest.raises(NotNow) as refused:
        await adapter.send(a_delivery("chatwoot", "1/42"))
    assert refused.value.seconds == 60


async def test_nobody_is_followed_elsewhere(adapter, service) -> None:
    service.then(web.Response(status=307, headers={"Location": f"{service.url}/elsewhere"}))
    with pytest.raises(Refused, match="base_url"):
        await adapter.send(a_delivery("chatwoot", "1/42"))
    assert len(service.asked) == 1


async def test_a_connection_that_breaks_is_tried_later(adapter, service) -> None:
    service.then(reset)
    with pytest.raises(NotNow, match="the connection failed"):
        await adapter.send(a_delivery("chatwoot", "1/42"))
    assert len(service.asked) == 1


async def test_a_service_that_is_not_there_is_tried_later(desk, unused_tcp_port) -> None:
    async with an_adapter(desk, f"http://127.0.0.1:{unused_tcp_port}") as made:
        with pytest.raises(NotNow, match="no connection"):
            await made.send(a_delivery("chatwoot", "1/42"))


async def test_a_service_that_hangs_is_not_waited_for(service) -> None:
    service.then(hang)
    async with outgoing.Sender(allow_private=True, timeout=0.2, pause=lambda *_: None) as sender:
        (request,) = an_adapter(Desk(), service.url)._protocol.requests(a_delivery("chatwoot", "1/42"))
        with pytest.raises(NotNow, match=r"no answer within 0\.2 seconds"):
            await sender.ask(request)


async def test_what_was_done_of_a_delivery_is_not_done_again(adapter, service) -> None:
    service.then(web.Response(), web.Response(status=500), web.Response(status=500))
    for _ in range(2):
        with pytest.raises(NotNow, match="cannot make the conversation open"):
            await adapter.send(HANDOFF)
    await adapter.send(HANDOFF)
    assert [path for path, _ in service.asked] == ["messages", *["toggle_status"] * 3]
    await adapter.send(HANDOFF)  # delivered, and nobody could write that down
    assert len(service.asked) == 4


async def test_a_message_that_came_back_is_not_sent_again(adapter, service, client, hook) -> None:
    service.then(web.Response(status=504))  # taken, and the answer got lost
    delivery = a_delivery("chatwoot", "1/42")
    with pytest.raises(NotNow):
        await adapter.send(delivery)
    back = {**CHATWOOT, **service.asked[0][1], "sender": {"id": 1, "type": "agent_bot"}}
    assert (await post(client, hook, back))[0] == 200
    await adapter.send(delivery)
    assert len(service.asked) == 1
    await adapter.send(HANDOFF)
    assert len(service.asked) == 3


async def test_a_note_that_came_back_is_not_written_again_and_the_rest_is_done(adapter, service, client, hook) -> None:
    service.then(web.Response(status=504))
    with pytest.raises(NotNow):
        await adapter.send(HANDOFF)
    await post(client, hook, {**CHATWOOT, **service.asked[0][1]})
    await adapter.send(HANDOFF)
    assert [path for path, _ in service.asked] == ["messages", "toggle_status"]


async def test_deliveries_of_several_conversations_go_side_by_side(adapter, service) -> None:
    service.then(*[lambda _: asyncio.sleep(0.2, web.Response())] * 8)
    started = time.perf_counter()
    await asyncio.gather(*(adapter.send(a_delivery("chatwoot", f"1/{n}", key=f"k{n}")) for n in range(8)))
    assert time.perf_counter() - started < 1.2
    assert len(service.asked) == 8


async def test_a_conversation_of_another_channel_is_refused(adapter) -> None:
    with pytest.raises(Refused, match="not a conversation of chatwoot"):
        await adapter.send(a_delivery("chatwoot", "default"))


async def test_a_channel_that_is_not_open_cannot_deliver(desk) -> None:
    made = an_adapter(desk)
    with pytest.raises(NotNow, match="not open"):
        await made.send(a_delivery("chatwoot", "1/42"))


async def test_names_that_lead_inside_are_not_connected_to(service, monkeypatch) -> None:
    port = service.url.rpartition(":")[2]

    async def inside(_self, host, port=0, family=0):
        return [{"hostname": host, "host": "127.0.0.1", "port": port, "family": family, "proto": 0, "flags": 0}]

    monkeypatch.setattr(shared_client.DefaultResolver, "resolve", inside)
    desk = Desk()
    made = an_adapter(desk, f"http://desk.example:{port}", allow_private=False)
    async with made:
        with pytest.raises(NotNow, match="allow_private = true allows it"):
            await made.send(a_delivery("chatwoot", "1/42"))
    assert service.asked == []
    async with an_adapter(desk, f"http://desk.example:{port}") as made:
        await made.send(a_delivery("chatwoot", "1/42"))
    assert len(service.asked) == 1


async def test_typing_is_shown_and_its_failures_are_nobodys_business(adapter, service, caplog) -> None:
    caplog.set_level(logging.DEBUG, "attendant.desks")
    service.then(web.Response(), web.Response(status=404, text=BOT_CREDENTIAL))
    for thread in ("1/42", "1/42", "default"):
        await adapter.typing(ConversationKey("chatwoot", thread))
    assert [path for path, _ in service.asked] == ["toggle_typing_status"] * 2
    assert BOT_CREDENTIAL not in caplog.text


async def test_an_adapter_keeps_count_of_what_it_remembers(adapter, monkeypatch) -> None:
    monkeypatch.setattr("adapters.desks.adapter.REMEMBERED", 10)
    for number in range(50):
        adapter._came_back(str(number))
    assert list(adapter._back) == [str(number) for number in range(40, 50)]


def test_errors_of_delivery_are_errors_of_adapters() -> None:
    assert issubclass(NotNow, AdapterError)
    assert issubclass(Refused, AdapterError)
