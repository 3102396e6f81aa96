"""Whatever a bot sends to a stand-in, the answer is one that the service would give: never trouble of our own."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sandbox_bot import ask

from adapters.sandbox.chatwoot import ChatwootSandbox
from adapters.sandbox.intercom import BOT_ADMIN, IntercomSandbox
from adapters.sandbox.sunshine import SunshineSandbox
from adapters.sandbox.sunshine_payloads import APP_ID
from adapters.sandbox.telegram import TelegramSandbox
from adapters.sandbox.telegram_payloads import addressed_to, bot_user, text
from adapters.sandbox.telegram_text import Unparsable, parse, units

ODD = (
    None,
    True,
    0,
    -1,
    7,
    3.5,
    1e300,
    "",
    "x",
    "yes",
    "0",
    "[]",
    "{",
    "答🎉",
    [],
    [[]],
    [1],
    ["x"],
    [{}],
    {},
    {"a": 1},
)
WORDS = (
    "content", "message_type", "private", "content_type", "content_attributes", "status", "typing_status", "labels",
    "assignee_id", "team_id", "custom_attributes", "author", "type", "text", "actions", "metadata", "htmlText", "body",
    "switchboardIntegration", "reason", "admin_id", "reply_options", "attachment_urls", "attachments", "chat_id",
    "message_id", "reply_markup", "inline_keyboard", "entities", "parse_mode", "reply_parameters", "commands", "scope",
    "language_code", "callback_query_id", "action", "offset", "limit", "allowed_updates", "url", "secret_token",
    "callback_data", "length", "file_id", "draft_id", "command", "description", "uuid", "payload",
)  # fmt: skip
MANY = 40


def odd(chance: random.Random, depth: int = 3) -> Any:
    """A value that JSON can say, of the words that the services know."""
    if depth == 0 or chance.random() < 0.4:
        return chance.choice(ODD)
    if chance.random() < 0.4:
        return [odd(chance, depth - 1) for _ in range(chance.randrange(3))]
    return {chance.choice(WORDS): odd(chance, depth - 1) for _ in range(chance.randrange(5))}


def bodies(**fixed: Any) -> list[Any]:
    """Odd bodies, in half of which the ``fixed`` parts are as they should be."""
    chance = random.Random(20)
    made: list[Any] = [odd(chance) for _ in range(MANY)]
    return made + [{**{word: odd(chance) for word in chance.sample(WORDS, 12)}, **fixed} for _ in range(MANY)]


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(scale=0.001) as made:
        yield made


@pytest.mark.parametrize(
    "method",
    [
        "sendMessage", "editMessageText", "editMessageReplyMarkup", "answerCallbackQuery", "sendChatAction",
        "setMyCommands", "getMyCommands", "deleteMyCommands", "sendMessageDraft", "deleteMessage", "getChat", "getFile",
        "setWebhook", "getWebhookInfo",
    ],
)  # fmt: skip
async def test_telegram_takes_any_parameters(telegram: TelegramSandbox, method: str) -> None:
    ann = telegram.person()
    telegram.write(ann, "hello")
    await ask(f"{telegram.url}/bot{telegram.token}/sendMessage", {"chat_id": ann.id, "text": "hi"})
    chance = random.Random(21)
    for body in bodies(chat_id=ann.id, message_id=2, text="hello"):
        if isinstance(body, dict) and chance.random() < 0.5:
            buttons = {"text": odd(chance), "callback_data": odd(chance)}
            body["reply_markup"] = {"inline_keyboard": chance.choice([odd(chance), [odd(chance)], [[buttons]]])}
            body["commands"] = [{"command": odd(chance), "description": odd(chance)}]
            body["reply_parameters"] = {"message_id": odd(chance)}
            body["entities"] = [{"type": "bold", "offset": odd(chance, 0), "length": odd(chance, 0)}]
        said = await ask(f"{telegram.url}/bot{telegram.token}/{method}", body)
        assert said.status < 500, body
        assert said.body["ok"] is (said.status == 200)


async def test_polling_takes_any_parameters(telegram: TelegramSandbox) -> None:
    for body in bodies(timeout=0, url=""):
        if isinstance(body, dict):
            said = await ask(f"{telegram.url}/bot{telegram.token}/getUpdates", {**body, "timeout": 0})
            assert said.status < 500, body


@pytest.mark.parametrize(
    "action", ["messages", "toggle_status", "toggle_typing_status", "assignments", "labels", "custom_attributes"]
)
async def test_chatwoot_takes_any_body(action: str) -> None:
    async with ChatwootSandbox(scale=0.001) as desk:
        desk.per_minute = 10_000
        number = desk.customer_writes("hello")
        address = f"{desk.url}/api/v1/accounts/1/conversations/{number}/{action}"
        for body in bodies(content="hello", message_type="outgoing"):
            said = await ask(address, body, {"api_access_token": desk.token})
            assert said.status < 500, body
        assert (await ask(f"{desk.url}/", method="GET")).status == 200


@pytest.mark.parametrize(
    "action", ["messages", "activity", "passControl", "offerControl", "acceptControl", "releaseControl"]
)
async def test_sunshine_takes_any_body(action: str) -> None:
    async with SunshineSandbox(scale=0.001) as desk:
        name = desk.customer_writes("hello")
        headers = {"Authorization": "Basic YXBwX3NhbmRib3g6c2FuZGJveC1rZXktc2VjcmV0"}
        for body in bodies(author={"type": "business"}, content={"type": "text", "text": "hello", "actions": [{}]}):
            said = await ask(f"{desk.url}/v2/apps/{APP_ID}/conversations/{name}/{action}", body, headers)
            assert said.status < 500, body
            assert said.status != 401
        assert (await ask(f"{desk.url}/", method="GET")).status == 200


@pytest.mark.parametrize("action", ["reply", "parts"])
async def test_intercom_takes_any_body(action: str) -> None:
    async with IntercomSandbox(scale=0.001) as desk:
        name = desk.customer_writes("hello")
        headers = {"Authorization": f"Bearer {desk.token}"}
        for kind in ("comment", "quick_reply", "assignment", "close", "open"):
            for body in bodies(type="admin", admin_id=BOT_ADMIN, message_type=kind):
                said = await ask(f"{desk.url}/conversations/{name}/{action}", body, headers)
                assert said.status < 500, body
        assert (await ask(f"{desk.url}/", method="GET")).status == 200


MARKUP = st.text(st.sampled_from("ab 答🎉\\*_~|`[]()<>/!.&;=\"'\nhttps:#") | st.characters(codec="utf-8"), max_size=60)


@given(MARKUP, st.sampled_from(["", "HTML", "Markdown", "MarkdownV2"]))
def test_any_markup_is_read_or_refused_and_entities_lie_inside(said: str, mode: str) -> None:
    try:
        plain, entities = parse(said, mode)
    except Unparsable:
        return
    for entity in entities:
        assert 0 <= entity["offset"] < entity["offset"] + entity["length"] <= units(plain)


@given(MARKUP)
def test_what_people_write_has_entities_inside_the_text(said: str) -> None:
    for entity in text(said).get("entities", []):
        assert 0 <= entity["offset"] < entity["offset"] + entity["length"] <= units(said)
    addressed_to(text(said), bot_user(1, "Bot", "attendant_test_bot"))
