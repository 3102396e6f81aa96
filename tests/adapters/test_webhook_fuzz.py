"""Whatever is sent to the webhook, it answers as its description says, and never with an error of its own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.config import SchemathesisConfig
from schemathesis.generation import GenerationMode
from webhook_house import KEY, Caller, Shop, serving

from adapters.webhook.openapi import AGENT_REPLIES, FEEDBACK, MESSAGES

FEW = settings(max_examples=15, deadline=None, database=None, suppress_health_check=list(HealthCheck))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
POSTS = (MESSAGES, AGENT_REPLIES, FEEDBACK)
FIELDS = ("conversation", "text", "message_id", "sender", "sent_at", "attachments", "callback", "agent", "give_back")
NEARLY = st.fixed_dictionaries(
    {"conversation": st.just("anna") | JSON, "text": st.text(st.characters())},
    optional=dict.fromkeys((*FIELDS[2:], "close", "verdict"), JSON),
)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
async def test_what_a_program_makes_of_the_description_is_answered_as_it_says(monkeypatch, mode) -> None:
    by_key = {"secret_env": "", "callback_secret_env": "SHOP_SECRET", "allow_private": True}
    async with Shop().open() as shop, serving(monkeypatch, **by_key, callback_url=shop.url) as caller:
        document = (await caller.get("/openapi.json")).data
        asked = await asyncio.to_thread(_fuzz, document, f"http://127.0.0.1:{caller.port}", mode)
    assert all(status < 500 for _, status in asked)
    if mode is GenerationMode.POSITIVE:
        assert {operation for operation, status in asked if status < 300} >= {f"POST {path}" for path in POSTS}


def _fuzz(document: dict[str, Any], base: str, mode: GenerationMode) -> set[tuple[str, int]]:
    refused = [400, 401, 404, 409, 413, 415, 422]
    checks = {"ignored_auth": {"enabled": False}, "negative_data_rejection": {"expected-statuses": refused}}
    config = SchemathesisConfig.from_dict({"checks": checks})
    schema, asked = schemathesis.openapi.from_dict(document, config=config), set()
    for found in schema.get_all_operations():
        operation = found.ok()

        @FEW
        @given(case=operation.as_strategy(generation_mode=mode))
        def call(case: schemathesis.Case) -> None:
            response = case.call_and_validate(base_url=base, headers={"Authorization": f"Bearer {KEY}"})
            asked.add((case.operation.label, response.status_code))

        call()
    return asked


@pytest.mark.parametrize("path", POSTS)
async def test_no_body_makes_it_fail(monkeypatch, path) -> None:
    async with serving(monkeypatch) as caller:
        loop = asyncio.get_running_loop()
        await asyncio.to_thread(_throw, loop, caller, path)
        assert (await caller.post(MESSAGES, {"conversation": "ben", "text": "refund"})).status == 200


def _throw(loop: asyncio.AbstractEventLoop, caller: Caller, path: str) -> None:
    @settings(max_examples=60, deadline=None, database=None)
    @given(JSON | NEARLY | st.binary(max_size=200))
    def throw(body: Any) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        asked = caller.raw("POST", path, data, {"Authorization": f"Bearer {KEY}"})
        answer = asyncio.run_coroutine_threadsafe(asked, loop).result(10)
        assert answer.status in {200, 202, 400, 422}
        assert answer.status < 300 or answer.data["status"] == answer.status

    throw()


async def test_no_headers_make_it_fail(monkeypatch) -> None:
    async with serving(monkeypatch) as caller:
        await asyncio.to_thread(_throw_headers, asyncio.get_running_loop(), caller)


def _throw_headers(loop: asyncio.AbstractEventLoop, caller: Caller) -> None:
    value = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=40) | st.sampled_from(
        [f"Bearer {KEY}", "1"]
    )
    names = ("Authorization", "webhook-id", "webhook-timestamp", "webhook-signature", "Content-Type", "Origin")

    @settings(max_examples=60, deadline=None, database=None)
    @given(st.fixed_dictionaries({}, optional=dict.fromkeys((*names, "Content-Encoding", "X-Forwarded-For"), value)))
    def throw(headers: dict[str, str]) -> None:
        asked = caller.raw("POST", MESSAGES, b'{"conversation": "anna", "text": "refund"}', headers)
        answer = asyncio.run_coroutine_threadsafe(asked, loop).result(10)
        assert answer.status in {200, 401, 409, 415, 422}

    throw()
