"""What the webhook turns away, and how it says so: bodies, fields, strangers, too many, other origins and machines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_house import ENVIRONMENT, GUARDED, KEY, OLDER, SECRET, serving

from adapters.shared.bodies import LONGEST
from adapters.shared.bounded import DEEPEST
from adapters.webhook.buckets import MOST, Buckets
from adapters.webhook.door import Door
from adapters.webhook.openapi import MESSAGES
from adapters.webhook.receiver import Receiver
from adapters.webhook.settings import read
from bot.clock import now
from bot.testing import RecordingDesk
from bot.web import Front

BEARER = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
ASKED = {"conversation": "anna", "text": "refund"}


def deep(levels: int) -> bytes:
    return b'{"a":' * (levels - 1) + b"[]" + b"}" * (levels - 1)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff\xfe{}", 400),
        (b'\xef\xbb\xbf{"conversation":"a","text":"b"}', 400),
        (b'{"conversation":"a","text":"b","more":NaN}', 400),
        (b'{"conversation":"a","text":"b","more":-Infinity}', 400),
        (b'{"conversation":"a","text":"b","more":1e999}', 400),
        (b'{"conversation":"a","text":"b","more":' + b"9" * 5000 + b"}", 400),
        (deep(DEEPEST + 1), 400),
        (b"[" * 500_000, 400),
        (deep(DEEPEST), 422),
        (b"[]", 422),
        (b"null", 422),
        (b'{"conversation":"a","text":"b"' + b" " * LONGEST + b"}", 413),
        (b'{"conversation":"first","conversation":"a","text":1,"text":"refund","more":{"unknown":[]}}', 200),
    ],
)
async def test_a_body_is_taken_within_bounds(monkeypatch, body, status) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.raw("POST", MESSAGES, body, BEARER)
        assert answer.status == status
        if status == 200:
            assert answer.data["conversation"] == "a"
        else:
            assert answer.headers["Content-Type"] == "application/problem+json"
            assert answer.data["status"] == status
        assert (await caller.post(MESSAGES, ASKED)).status == 200


async def test_a_body_in_pieces_is_as_long_as_its_pieces(monkeypatch) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _number in range(40):
            yield b" " * (LONGEST // 32)

    async with serving(monkeypatch) as caller:
        assert (await caller.raw("POST", MESSAGES, pieces(), BEARER)).status == 413


async def test_a_slow_body_is_waited_for_only_so_long(monkeypatch) -> None:
    async with standing(monkeypatch, RecordingDesk(), seconds=0.2) as port:
        head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n"
        answer = await spoken(port, f"{head}Content-Type: application/json\r\n\r\n{{".encode())
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_body_that_ends_too_early_harms_nobody(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        head = f"POST {MESSAGES} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Length: 100\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", caller.port)
        writer.write(f"{head}Content-Type: application/json\r\n\r\n{{".encode())
        writer.close()
        await reader.read()
        assert (await caller.post(MESSAGES, ASKED)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": ";;/;="},
        {"Content-Encoding": "gzip"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    ],
)
async def test_another_kind_of_body_is_not_read(monkeypatch, headers) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.raw("POST", MESSAGES, b"\x1f\x8b", {**BEARER, **headers})
    assert answer.status == 415


@pytest.mark.parametrize(
    ("path", "body", "pointers"),
    [
        (MESSAGES, {}, ["#/conversation", "#/text"]),
        (MESSAGES, {"conversation": 7, "text": None}, ["#/conversation", "#/text"]),
        (MESSAGES, {"conversation": "a/b", "text": ""}, ["#/conversation"]),
        (MESSAGES, {"conversation": "anna\n", "text": ""}, ["#/conversation"]),
        (MESSAGES, {"conversation": "x" * 201, "text": ""}, ["#/conversation"]),
        (MESSAGES, {"conversation": "..", "text": ""}, ["#/conversation"]),
        (MESSAGES, {**ASKED, "text": "\ud800"}, ["#/text"]),
        (MESSAGES, {**ASKED, "text": "x" * 100_001}, ["#/text"]),
        (MESSAGES, {**ASKED, "message_id": "with a space"}, ["#/message_id"]),
        (MESSAGES, {**ASKED, "message_id": ""}, ["#/message_id"]),
        (MESSAGES, {**ASKED, "callback": "yes"}, ["#/callback"]),
        (MESSAGES, {**ASKED, "attachments": ["photo", 7, "A B"]}, ["#/attachments/1", "#/attachments/2"]),
        (MESSAGES, {**ASKED, "attachments": "photo"}, ["#/attachments"]),
        (MESSAGES, {**ASKED, "sent_at": 0}, ["#/sent_at"]),
        (MESSAGES, {**ASKED, "sent_at": "2026-02-30T00:00:00Z"}, ["#/sent_at"]),
        (MESSAGES, {**ASKED, "sent_at": "2026-02-01T00:00:00"}, ["#/sent_at"]),
        (MESSAGES, {**ASKED, "sent_at": "0001-01-01T00:00:00+14:00"}, ["#/sent_at"]),
        ("/v1/agent-replies", {"conversation": "anna"}, ["#"]),
        ("/v1/agent-replies", {"conversation": "anna", "give_back": 1}, ["#/give_back"]),
        ("/v1/agent-replies", {"conversation": "anna", "text": ""}, ["#/text"]),
        ("/v1/feedback", {"conversation": "anna", "message_id": "m", "verdict": "fine"}, ["#/verdict"]),
        (MESSAGES, "refund", ["#"]),
    ],
)
async def test_a_field_that_is_wrong_is_named_by_its_place(monkeypatch, path, body, pointers) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.post(path, body)
    assert (answer.status, answer.data["title"]) == (422, "Unprocessable Entity")
    assert [one["pointer"] for one in answer.data["errors"]] == pointers
    assert all(one["detail"] for one in answer.data["errors"])


async def test_everything_that_may_be_sent_is_taken(monkeypatch) -> None:
    full = {
        "conversation": "+44:anna@shop.example",
        "text": "refund",
        "message_id": "m/1?#%20",
        "sender": "customer 7",
        "sent_at": "2099-03-01t12:00:00.123456+05:30",
        "attachments": ["photo"],
        "callback": None,
    }
    async with serving(monkeypatch) as caller:
        assert (await caller.post(MESSAGES, full)).data["message_id"] == "m/1?#%20"
        turns = (await caller.get("/v1/conversations/+44:anna@shop.example")).data["turns"]
    assert (turns[0]["text"], turns[0]["id"]) == ("[photo] refund", "m/1?#%20")


@pytest.mark.parametrize(
    ("sent_at", "ago"),
    [
        (None, 0),
        ("0001-01-01T00:00:00Z", 30 * 86_400),
        ("9999-12-31T23:59:59Z", 0),
        ("an hour ago", 3600),
    ],
)
async def test_the_time_of_a_message_is_believed_within_a_month(monkeypatch, sent_at, ago) -> None:
    if sent_at == "an hour ago":
        sent_at = (now() - timedelta(hours=1)).isoformat(timespec="seconds")
    desk = RecordingDesk()
    async with standing(monkeypatch, desk) as port, aiohttp.ClientSession() as session:
        url, body = f"http://127.0.0.1:{port}{MESSAGES}", {**ASKED, "sent_at": sent_at}
        async with session.post(url, json=body, headers=BEARER) as answer:
            assert answer.status == 200
    (message,) = desk.messages
    assert abs((now() - message.sent_at).total_seconds() - ago) < 60


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer " + KEY[:-1]},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer é"},
        {"webhook-id": "m", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"},
        {"webhook-signature": "v1,AAAA", "Authorization": f"Bearer {KEY}"},
    ],
    ids=["nothing", "no key", "shorter", "basic", "not ascii", "signature", "both, the signature wrong"],
)
async def test_a_stranger_is_turned_away(monkeypatch, caplog, headers) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.raw("POST", MESSAGES, json.dumps(ASKED).encode(), headers)
        assert list(caller.house.store.conversations()) == []
    assert (answer.status, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert KEY not in answer.text + caplog.text
    assert "AAAA" not in answer.text + caplog.text


@pytest.mark.parametrize("at", [-301, 301])
async def test_a_signature_of_another_time_is_turned_away(monkeypatch, at) -> None:
    async with serving(monkeypatch) as caller:
        assert (await caller.signed(MESSAGES, ASKED, at=at)).status == 401


async def test_a_signature_opens_no_conversation(monkeypatch) -> None:
    """It covers no path: one that was seen for one conversation would open them all."""
    async with serving(monkeypatch) as caller:
        await caller.post(MESSAGES, ASKED)
        signed = {"webhook-id": "m", "webhook-timestamp": str(int(now().timestamp())), "webhook-signature": "v1,AAAA"}
        for method in ("GET", "DELETE"):
            assert (await caller.raw(method, "/v1/conversations/anna", None, signed)).status == 401


@pytest.mark.parametrize("name", ["with space", "x" * 201, "é"])
async def test_an_id_of_a_request_is_short_and_plain(monkeypatch, name) -> None:
    async with serving(monkeypatch) as caller:
        assert (await caller.post(MESSAGES, ASKED, name=name)).status == 422


async def test_too_many_requests_are_told_when_to_come_again(monkeypatch) -> None:
    async with serving(monkeypatch, rate=0.5, burst=3) as caller:
        answers = [await caller.post(MESSAGES, ASKED, name="m") for _ in range(4)]
    assert [answer.status for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].headers["Retry-After"] == "2"
    assert answers[-1].data["title"] == "Too Many Requests"


async def test_each_key_and_each_secret_has_a_bucket_wherever_it_comes_from(monkeypatch) -> None:
    async with serving(monkeypatch, rate=0.01, burst=1, proxies=1) as caller:
        seen = []
        for number in range(6):
            passed = {"X-Forwarded-For": f"1.2.3.{number}"}
            if number < 2:
                answer = await caller.post(MESSAGES, ASKED, **passed)
            else:
                secret = SECRET if number < 4 else OLDER
                answer = await caller.signed(MESSAGES, ASKED, f"msg_{number}", secret=secret, more=passed)
            seen.append(answer.status)
    assert seen == [200, 429] * 3


async def test_behind_a_proxy_each_caller_has_a_bucket(monkeypatch) -> None:
    async with serving(monkeypatch, rate=0.01, burst=1, proxies=1, api_key_env="", secret_env="", open=True) as caller:
        seen = [
            (await caller.raw("GET", "/docs", None, {"X-Forwarded-For": passed})).status
            for passed in ("1.2.3.4", "9.9.9.9, 1.2.3.4", "1.2.3.4, 5.6.7.8", "5.6.7.8")
        ]
    assert seen == [200, 429, 200, 429]


async def test_without_a_proxy_nobody_says_who_they_are(monkeypatch) -> None:
    async with serving(monkeypatch, rate=0.01, burst=1) as caller:
        seen = [(await caller.get("/docs", **{"X-Forwarded-For": one})).status for one in ("1.2.3.4", "5.6.7.8")]
    assert seen == [200, 429]


def test_a_bucket_is_full_again_after_a_while_and_nobody_fills_the_memory() -> None:
    seconds = [0.0]
    buckets = Buckets(2.0, 3.0, lambda: seconds[0])
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    seconds[0] = 0.5
    assert [buckets.take("a"), buckets.take("a"), buckets.take("b")] == [0.0, 0.5, 0.0]
    seconds[0] = 100.0
    assert [buckets.take("a") for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    for number in range(2 * MOST):
        buckets.take(str(number))
    assert len(buckets._buckets) == MOST


@given(st.lists(st.floats(0, 10), max_size=60))
def test_in_any_time_no_more_is_let_in_than_burst_and_rate_allow(pauses) -> None:
    seconds = [0.0]
    buckets, let_in = Buckets(1.0, 5.0, lambda: seconds[0]), 0
    for pause in pauses:
        seconds[0] += pause
        let_in += buckets.take("a") == 0.0
    assert let_in <= 5.0 + seconds[0] + 1e-6


async def test_other_origins_are_allowed_only_where_that_is_set(monkeypatch) -> None:
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    async with serving(monkeypatch) as caller:
        off = await caller.raw("OPTIONS", MESSAGES, None, asks)
    assert (off.status, off.headers["Allow"]) == (405, "POST")
    async with serving(monkeypatch, cors=["https://shop.example"]) as caller:
        asked = await caller.raw("OPTIONS", MESSAGES, None, asks)
        other = await caller.raw("OPTIONS", MESSAGES, None, {**asks, "Origin": "https://evil.example"})
        answer = await caller.post(MESSAGES, ASKED, Origin="https://shop.example")
        problem = await caller.post(MESSAGES, {}, Origin="https://shop.example")
        stranger = await caller.post(MESSAGES, ASKED, Origin="https://shop.example.evil.example")
    allowed = "Access-Control-Allow-Origin"
    assert (asked.status, asked.headers[allowed]) == (204, "https://shop.example")
    assert "webhook-signature" in asked.headers["Access-Control-Allow-Headers"]
    assert [one.headers[allowed] for one in (answer, problem)] == ["https://shop.example"] * 2
    assert all(allowed not in one.headers for one in (off, other, stranger))
    assert all(one.headers["Vary"] == "Origin" for one in (asked, other, answer, problem, stranger))


@pytest.mark.parametrize(("method", "path"), [("GET", MESSAGES), ("PUT", "/v1/feedback"), ("POST", "/docs")])
async def test_another_method_is_a_problem_too(monkeypatch, method, path) -> None:
    async with serving(monkeypatch) as caller:
        answer = await caller.raw(method, path, None, BEARER)
    assert (answer.status, answer.data["status"]) == (405, 405)
    assert answer.headers["Allow"]


async def test_who_is_open_serves_this_machine_alone(monkeypatch) -> None:
    open_house = {"api_key_env": "", "secret_env": "", "open": True}
    async with serving(monkeypatch, **open_house) as caller:
        body = json.dumps(ASKED).encode()
        statuses = [
            (await caller.raw("POST", MESSAGES, body, headers)).status
            for headers in (
                {},
                {"Host": "localhost"},
                {"Host": "[::1]:8080"},
                {"Host": "shop.example"},
                {"Host": "["},
                {"X-Forwarded-For": "127.0.0.1"},
                {"Forwarded": "for=127.0.0.1"},
            )
        ]
        from_a_page = await caller.raw("POST", MESSAGES, body, {"Content-Type": "text/plain"})
        assert (await caller.raw("GET", "/v1/conversations/anna", None, {})).status == 200
    assert statuses == [200, 200, 200, 403, 403, 403, 403]
    assert from_a_page.status == 415


async def test_the_page_runs_no_script_and_loads_nothing(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        page = await caller.raw("GET", "/docs", None, {})
        document = await caller.raw("GET", "/openapi.json", None, {})
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    policy = page.headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in page.text
    assert "src=" not in page.text
    assert all(path in page.text for path in document.data["paths"])
    assert all(name in page.text for name in document.data["components"]["schemas"])
    assert document.data["openapi"] == "3.1.0"


@asynccontextmanager
async def standing(monkeypatch, desk: RecordingDesk, **more: Any) -> AsyncIterator[int]:
    """The routes at a real port, without a house."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    settings = read(GUARDED)
    routes = Receiver("webhook", settings, desk, Door(settings, now), lambda: desk.handle, now, **more).routes()
    async with Front("127.0.0.1", 0, routes, dict, drain=0.1) as front:
        yield front.port


async def spoken(port: int, said: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    async with asyncio.timeout(10):
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return answer
