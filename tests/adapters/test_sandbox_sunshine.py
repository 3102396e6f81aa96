"""The stand-in for Sunshine Conversations: events, messages, and who is in control."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sandbox_bot import Receiver, Said, ask

from adapters.sandbox.faults import Answer
from adapters.sandbox.sunshine import SunshineSandbox
from adapters.sandbox.sunshine_payloads import APP_ID, BOT, PEOPLE


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture
async def desk(receiver: Receiver) -> AsyncIterator[SunshineSandbox]:
    async with SunshineSandbox(bot_url=receiver.url, scale=0.001) as made:
        yield made


def basic(desk: SunshineSandbox) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{desk.key_id}:{desk.secret}".encode()).decode()}


async def call(desk: SunshineSandbox, conversation: str, action: str, **given: Any) -> Said:
    return await ask(f"{desk.url}/sc/v2/apps/{APP_ID}/conversations/{conversation}/{action}", given, basic(desk))


async def say(desk: SunshineSandbox, conversation: str, text: str, **content: Any) -> Said:
    author = {"type": "business", "displayName": "Bot", "subtypes": ["AI"]}
    return await call(desk, conversation, "messages", author=author, content={"type": "text", "text": text, **content})


def events(receiver: Receiver) -> list[dict[str, Any]]:
    return [event for body in receiver.bodies for event in body["events"]]


def kinds(receiver: Receiver) -> list[str]:
    return [event["type"] for event in events(receiver)]


async def test_a_first_message_comes_with_the_conversation_in_one_webhook(
    desk: SunshineSandbox, receiver: Receiver
) -> None:
    name = desk.customer_writes("Where is my order? 你好")
    await desk.settled()
    (got,), (body,) = receiver.got, receiver.bodies
    assert got.headers["X-API-Key"] == desk.webhook_secret
    assert (body["app"]["id"], body["webhook"]["version"]) == (APP_ID, "v2")
    created, said = body["events"]
    assert (created["type"], said["type"]) == ("conversation:create", "conversation:message")
    assert created["id"] != said["id"]
    assert said["payload"]["conversation"]["id"] == name
    assert said["payload"]["conversation"]["activeSwitchboardIntegration"]["name"] == BOT.name
    assert (said["payload"]["message"]["author"]["type"], said["payload"]["message"]["content"]["text"]) == (
        "user",
        "Where is my order? 你好",
    )


async def test_a_webhook_is_tried_five_times_with_the_same_event(desk: SunshineSandbox, receiver: Receiver) -> None:
    receiver.statuses = [500, 503, 429, 408, 500, 500]
    desk.customer_writes("hello")
    await desk.settled()
    assert len(receiver.got) == 5
    assert len({event["id"] for event in events(receiver) if event["type"] == "conversation:message"}) == 1
    assert len({got.body for got in receiver.got}) == 1


@pytest.mark.parametrize("status", [400, 401, 404, 422])
async def test_a_refusal_of_the_bot_is_final(desk: SunshineSandbox, receiver: Receiver, status: int) -> None:
    receiver.statuses = [status]
    desk.customer_writes("hello")
    await desk.settled()
    assert len(receiver.got) == 1


async def test_a_reply_reaches_the_customer_and_comes_back_as_an_event(
    desk: SunshineSandbox, receiver: Receiver
) -> None:
    name = desk.customer_writes("hello")
    said = await say(desk, name, "Hi")
    await desk.settled()
    assert (said.status, said.body["messages"][0]["content"]["text"]) == (201, "Hi")
    back = events(receiver)[-1]["payload"]["message"]
    assert (back["author"]["type"], back["author"]["subtypes"], back["id"]) == (
        "business",
        ["AI"],
        said.body["messages"][0]["id"],
    )
    assert (desk.replies(name), desk.interruptions) == (["Hi"], [])


@pytest.mark.parametrize("root", ["/sc/v2", "/v2"])
async def test_both_addresses_of_the_api_answer(desk: SunshineSandbox, root: str) -> None:
    name = desk.customer_writes("hello")
    said = await ask(f"{desk.url}{root}/apps/{APP_ID}/conversations/{name}", headers=basic(desk), method="GET")
    assert said.body["conversation"]["id"] == name


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Basic !"}, {"Authorization": "Basic eDp5"}, {"Authorization": "Bearer x"}]
)
async def test_a_wrong_key_is_not_let_in(desk: SunshineSandbox, headers: dict[str, str]) -> None:
    name = desk.customer_writes("hello")
    said = await ask(f"{desk.url}/v2/apps/{APP_ID}/conversations/{name}/messages", {}, headers)
    assert (said.status, said.body["errors"][0]["code"]) == (401, "unauthorized")


async def test_what_is_not_there_is_not_found(desk: SunshineSandbox) -> None:
    name = desk.customer_writes("hello")
    assert (await say(desk, "nobody", "Hi")).body["errors"][0]["code"] == "conversation_not_found"
    said = await ask(f"{desk.url}/v2/apps/another/conversations/{name}/messages", {}, basic(desk))
    assert said.body["errors"][0]["code"] == "app_not_found"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"author": {"type": "user"}, "content": {"type": "text", "text": "x"}},
        {"author": {"type": "business"}, "content": {"type": "text", "text": ""}},
        {"author": {"type": "business"}, "content": {"type": "song", "text": "x"}},
        {"author": {"type": "business"}, "content": {"type": "text", "htmlText": "x" * 4097}},
        {"author": {"type": "business"}, "content": {"type": "text", "text": "x", "actions": [{"type": "reply"}]}},
        {"author": {"type": "business"}, "content": {"type": "text", "text": "x", "actions": ["yes"]}},
        {"author": {"type": "business"}, "content": {"type": "text", "text": "x"}, "metadata": {"a": {"b": 1}}},
        {"author": {"type": "business"}, "content": {"type": "text", "text": "x"}, "metadata": {"a": "b" * 4096}},
    ],
)
async def test_a_message_that_cannot_be_is_refused(desk: SunshineSandbox, given: dict[str, Any]) -> None:
    name = desk.customer_writes("hello")
    assert (await call(desk, name, "messages", **given)).status == 400
    assert desk.replies(name) == []


async def test_a_body_has_at_most_100_kilobytes(desk: SunshineSandbox) -> None:
    name = desk.customer_writes("hello")
    assert (await say(desk, name, "x" * 99_000)).status == 201
    assert (await say(desk, name, "x" * 100_001)).status == 413


async def test_a_full_conversation_is_locked(desk: SunshineSandbox) -> None:
    desk.message_limit = 2
    name = desk.customer_writes("hello")
    assert [(await say(desk, name, "Hi")).status for _ in range(2)] == [201, 423]


async def test_control_goes_to_people_and_the_bot_is_watched(desk: SunshineSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("a person please")
    said = await call(desk, name, "passControl", switchboardIntegration="next", metadata={"why": "asked"})
    await say(desk, name, "Still me")
    await desk.settled()
    assert (said.status, desk.conversations[name].active, desk.interruptions) == (200, PEOPLE, ["Still me"])
    passed = next(event for event in events(receiver) if event["type"] == "switchboard:passControl")
    assert passed["payload"]["conversation"]["activeSwitchboardIntegration"]["name"] == PEOPLE.name
    assert passed["payload"]["metadata"] == {"why": "asked"}
    again = await call(desk, name, "passControl", switchboardIntegration="next")
    assert again.status == 404


async def test_control_may_be_offered_and_accepted(desk: SunshineSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("hello")
    assert (await call(desk, name, "acceptControl")).status == 404
    await call(desk, name, "offerControl", switchboardIntegration=PEOPLE.name)
    assert (desk.conversations[name].active, desk.conversations[name].pending) == (BOT, PEOPLE)
    desk.person_accepts(name)
    with pytest.raises(ValueError, match="nothing was offered"):
        desk.person_accepts(name)
    await desk.settled()
    assert kinds(receiver)[-2:] == ["switchboard:offerControl", "switchboard:acceptControl"]
    offered = events(receiver)[-2]["payload"]["conversation"]
    assert (offered["activeSwitchboardIntegration"]["name"], offered["pendingSwitchboardIntegration"]["name"]) == (
        BOT.name,
        PEOPLE.name,
    )


async def test_people_take_give_back_and_close(desk: SunshineSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("hello")
    desk.person_takes(name)
    desk.person_writes(name, "I am Max")
    desk.person_writes(name, "a difficult one", private=True)
    desk.person_gives_back(name)
    assert desk.conversations[name].active is BOT
    desk.person_closes(name)
    await desk.settled()
    assert kinds(receiver)[2:] == [
        "switchboard:passControl",
        "conversation:message",
        "switchboard:passControl",
        "switchboard:releaseControl",
    ]
    released = events(receiver)[-1]["payload"]
    assert released["reason"] == "ticketClosed"
    assert "activeSwitchboardIntegration" not in released["conversation"]
    assert "a difficult one" not in str(receiver.bodies)
    desk.customer_writes("one more thing", conversation=name)
    assert desk.conversations[name].active is BOT


async def test_a_release_by_the_bot_leaves_nobody_in_control(desk: SunshineSandbox) -> None:
    name = desk.customer_writes("thanks, bye")
    assert (await call(desk, name, "releaseControl", reason="ticketClosed")).status == 200
    assert desk.conversations[name].active is None


async def test_a_pressed_button_is_a_message_or_a_postback(desk: SunshineSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("refund")
    yes = {"type": "reply", "text": "Yes", "payload": "refund-yes"}
    later = {"type": "postback", "text": "Later", "payload": "refund-later"}
    await say(desk, name, "Sure?", actions=[yes, later])
    desk.customer_taps(name, "Yes")
    desk.customer_taps(name, "Later")
    with pytest.raises(ValueError, match="nothing offers"):
        desk.customer_taps(name, "Never")
    await desk.settled()
    pressed, postback = events(receiver)[-2:]
    assert pressed["payload"]["message"]["content"] == {"type": "text", "text": "Yes", "payload": "refund-yes"}
    assert (postback["type"], postback["payload"]["postback"]["payload"]) == ("conversation:postback", "refund-later")


async def test_typing_is_noted(desk: SunshineSandbox) -> None:
    name = desk.customer_writes("hello")
    assert (await call(desk, name, "activity", author={"type": "business"}, type="typing:start")).status == 200
    assert desk.conversations[name].typing
    assert (await call(desk, name, "activity", author={"type": "business"}, type="dancing")).status == 400


async def test_a_picture_is_sent_without_a_text(desk: SunshineSandbox, receiver: Receiver) -> None:
    desk.customer_sends({"type": "image", "mediaUrl": "https://example.org/a.png", "mediaType": "image/png"})
    await desk.settled()
    assert events(receiver)[-1]["payload"]["message"]["content"]["type"] == "image"


async def test_the_api_has_bad_days(desk: SunshineSandbox) -> None:
    name = desk.customer_writes("hello")
    desk.faults.add(Answer(429, retry_after=3), times=1)
    desk.faults.add(Answer(503), times=1, after=True)
    said = await say(desk, name, "one")
    assert (said.status, said.headers["Retry-After"], said.body["errors"][0]["code"]) == (429, "3", "too_many_requests")
    assert ((await say(desk, name, "two")).status, desk.replies(name)) == (503, ["two"])
