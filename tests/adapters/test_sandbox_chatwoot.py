"""The stand-in for Chatwoot: its webhooks, its API, and how a conversation lives."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from sandbox_bot import Got, Receiver, Said, ask

from adapters.sandbox.chatwoot import ChatwootSandbox
from adapters.sandbox.faults import Answer, Reset


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture
async def desk(receiver: Receiver) -> AsyncIterator[ChatwootSandbox]:
    async with ChatwootSandbox(bot_url=receiver.url, scale=0.001, timeout=0.5) as made:
        yield made


async def call(desk: ChatwootSandbox, conversation: int, action: str = "messages", **given: Any) -> Said:
    address = f"{desk.url}/api/v1/accounts/{desk.account}/conversations/{conversation}/{action}"
    return await ask(address, given, {"api_access_token": desk.token})


def events(receiver: Receiver) -> list[str]:
    return [body["event"] for body in receiver.bodies]


def signed(desk: ChatwootSandbox, got: Got) -> str:
    text = got.headers["X-Chatwoot-Timestamp"].encode() + b"." + got.body
    return "sha256=" + hmac.new(desk.secret.encode(), text, hashlib.sha256).hexdigest()


async def test_a_customer_is_heard_in_a_signed_webhook(desk: ChatwootSandbox, receiver: Receiver) -> None:
    number = desk.customer_writes("Where is my order? 你好", name="Zoë")
    await desk.settled()
    (got,), (body,) = receiver.got, receiver.bodies
    assert got.headers["X-Chatwoot-Signature"] == signed(desk, got)
    assert (body["event"], body["message_type"], body["private"]) == ("message_created", "incoming", False)
    assert (body["content"], body["sender"]["name"]) == ("Where is my order? 你好", "Zoë")
    assert (body["conversation"]["id"], body["conversation"]["status"]) == (number, "pending")
    assert body["conversation"]["messages"][0]["message_type"] == 0
    assert body["conversation"]["meta"]["assignee"] is None


async def test_older_servers_sign_nothing(desk: ChatwootSandbox, receiver: Receiver) -> None:
    desk.signed = False
    desk.customer_writes("hello")
    await desk.settled()
    assert not [name for name in receiver.got[0].headers if name.startswith("X-Chatwoot")]


@pytest.mark.parametrize("status", [429, 500])
async def test_only_429_and_500_are_tried_again_three_attempts_in_all(
    desk: ChatwootSandbox, receiver: Receiver, status: int
) -> None:
    receiver.statuses = [status, status]
    number = desk.customer_writes("hello")
    await desk.settled()
    assert len(receiver.got) == 3
    assert len({got.headers["X-Chatwoot-Delivery"] for got in receiver.got}) == 1
    assert [got.headers["X-Chatwoot-Signature"] for got in receiver.got] == [signed(desk, got) for got in receiver.got]
    assert desk.conversations[number].status == "pending"


@pytest.mark.parametrize("statuses", [[500] * 3, [503], [401], [302]])
async def test_a_bot_that_fails_loses_the_conversation_to_people(
    desk: ChatwootSandbox, receiver: Receiver, statuses: list[int]
) -> None:
    receiver.statuses = list(statuses)
    number = desk.customer_writes("hello")
    await desk.settled()
    assert desk.conversations[number].status == "open"
    assert "error with the agent bot" in str(desk.conversations[number].messages[-1].content)
    assert events(receiver) == ["message_created"] * len(statuses) + ["conversation_opened"]


async def test_a_bot_that_is_too_slow_is_not_asked_again(desk: ChatwootSandbox, receiver: Receiver) -> None:
    receiver.delay = 0.8
    number = desk.customer_writes("hello")
    await desk.journal.until(lambda: desk.conversations[number].status == "open")
    assert [entry.outcome for entry in desk.journal.entries] == ["no answer within 0.5 s"]


async def test_an_account_may_keep_conversations_pending(desk: ChatwootSandbox, receiver: Receiver) -> None:
    desk.keep_pending = True
    receiver.statuses = [503]
    number = desk.customer_writes("hello")
    await desk.settled()
    assert desk.conversations[number].status == "pending"


async def test_an_answer_reaches_the_customer_and_comes_back_as_an_event(
    desk: ChatwootSandbox, receiver: Receiver
) -> None:
    number = desk.customer_writes("hello")
    said = await call(desk, number, content="Hi", message_type="outgoing", content_attributes={"mine": "7"})
    await call(desk, number, content="Why: asked for a person", message_type="outgoing", private=True)
    await desk.settled()
    assert (said.status, said.body["message_type"], said.body["conversation_id"]) == (200, 1, number)
    assert (desk.replies(number), desk.notes(number)) == (["Hi"], ["Why: asked for a person"])
    _, reply, note = receiver.bodies
    assert (reply["message_type"], reply["private"], reply["sender"]["type"]) == ("outgoing", False, "agent_bot")
    assert reply["content_attributes"] == {"mine": "7"}
    assert (note["private"], note["content"]) == (True, "Why: asked for a person")


@pytest.mark.parametrize("headers", [{}, {"api_access_token": "wrong"}, {"Authorization": "Bearer wrong"}])
async def test_a_wrong_token_is_not_let_in(desk: ChatwootSandbox, headers: dict[str, str]) -> None:
    number = desk.customer_writes("hello")
    address = f"{desk.url}/api/v1/accounts/1/conversations/{number}/messages"
    said = await ask(address, {"content": "Hi"}, headers)
    assert (said.status, said.body) == (401, {"error": "Invalid Access Token"})
    assert (await ask(address, {"content": "Hi"}, {"Authorization": f"Bearer {desk.token}"})).status == 200


async def test_a_bot_may_not_call_everything(desk: ChatwootSandbox) -> None:
    said = await ask(f"{desk.url}/api/v1/profile", headers={"api_access_token": desk.token}, method="GET")
    assert (said.status, "not authorized for bots" in said.body["error"]) == (401, True)


async def test_what_is_not_there_is_not_found(desk: ChatwootSandbox) -> None:
    assert (await call(desk, 99, content="Hi")).status == 404
    desk.customer_writes("hello")
    desk.account = 2
    assert (await call(desk, 1, content="Hi")).status == 200
    headers = {"api_access_token": desk.token}
    assert (await ask(f"{desk.url}/api/v1/accounts/1/conversations/1/messages", {}, headers)).status == 404


async def test_a_hand_over_is_told_back_and_the_bot_is_watched(desk: ChatwootSandbox, receiver: Receiver) -> None:
    number = desk.customer_writes("a person please")
    said = await call(desk, number, "toggle_status", status="open")
    assert said.body["payload"] == {"success": True, "current_status": "open", "conversation_id": number}
    await call(desk, number, content="Still me", message_type="outgoing")
    await call(desk, number, content="For colleagues", message_type="outgoing", private=True)
    await desk.settled()
    assert events(receiver)[:2] == ["message_created", "conversation_opened"]
    assert desk.interruptions == ["Still me"]
    assert (await call(desk, number, "toggle_status", status="asleep")).status == 422


async def test_a_person_may_write_with_a_name_without_one_and_in_private(
    desk: ChatwootSandbox, receiver: Receiver
) -> None:
    number = desk.customer_writes("hello")
    desk.person_writes(number, "I take this")
    desk.person_writes(number, "from my phone", name=None)
    desk.person_writes(number, "a difficult one", private=True)
    await desk.settled()
    assert [(body["sender"], body["private"]) for body in receiver.bodies[1:]] == [
        ({"id": 3, "name": "Max", "email": "agent3@example.com", "type": "user"}, False),
        (None, False),
        ({"id": 3, "name": "Max", "email": "agent3@example.com", "type": "user"}, True),
    ]
    assert {body["conversation"]["status"] for body in receiver.bodies} == {"pending"}


async def test_a_resolved_conversation_is_pending_again_when_the_customer_writes(
    desk: ChatwootSandbox, receiver: Receiver
) -> None:
    number = desk.customer_writes("hello")
    desk.person_sets(number, "resolved")
    desk.customer_writes("one more thing", conversation=number)
    await desk.settled()
    assert events(receiver) == ["message_created", "conversation_resolved", "message_created"]
    assert [receiver.bodies[1]["status"], receiver.bodies[2]["conversation"]["status"]] == ["resolved", "pending"]


async def test_a_snoozed_conversation_opens_and_an_open_one_stays_open(desk: ChatwootSandbox) -> None:
    number = desk.customer_writes("hello")
    for status in ("snoozed", "open"):
        desk.person_sets(number, status)
        desk.customer_writes("hello?", conversation=number)
        assert desk.conversations[number].status == "open"
    desk.person_sets(number, "pending")
    assert desk.conversations[number].status == "pending"
    with pytest.raises(ValueError, match="expected one of"):
        desk.person_sets(number, "asleep")


async def test_an_assignee_stands_in_what_follows(desk: ChatwootSandbox, receiver: Receiver) -> None:
    number = desk.customer_writes("hello")
    desk.person_assigns(number)
    desk.customer_writes("hello?", conversation=number)
    await call(desk, number, content="Me too", message_type="outgoing")
    await desk.settled()
    assert receiver.bodies[1]["conversation"]["meta"]["assignee"]["name"] == "Max"
    assert desk.interruptions == ["Me too"]


async def test_a_choice_comes_as_a_change_of_the_bots_own_message(desk: ChatwootSandbox, receiver: Receiver) -> None:
    number = desk.customer_writes("refund")
    items = [{"title": "Yes", "value": "yes"}, {"title": "No", "value": "no"}]
    said = await call(desk, number, content="Sure?", content_type="input_select", content_attributes={"items": items})
    desk.customer_picks(number, said.body["id"], "no")
    await desk.settled()
    picked = receiver.bodies[-1]
    assert (picked["event"], picked["id"], picked["message_type"]) == ("message_updated", said.body["id"], "outgoing")
    assert picked["content_attributes"]["submitted_values"] == [{"title": "No", "value": "no"}]
    with pytest.raises(ValueError, match="does not offer"):
        desk.customer_picks(number, said.body["id"], "maybe")


async def test_a_customer_may_change_a_message_send_a_file_and_open_the_window(
    desk: ChatwootSandbox, receiver: Receiver
) -> None:
    number = desk.customer_writes("order 4511")
    desk.customer_edits(number, desk.conversations[number].messages[0].id, "order 4512")
    desk.customer_writes(None, conversation=number, file="image")
    desk.customer_opens(number)
    await desk.settled()
    assert events(receiver) == ["message_created", "message_updated", "message_created", "webwidget_triggered"]
    assert receiver.bodies[1]["content"] == "order 4512"
    assert (receiver.bodies[2]["content"], receiver.bodies[2]["attachments"][0]["file_type"]) == (None, "image")
    assert "event_info" in receiver.bodies[3]


async def test_a_conversation_that_is_flooded_refuses_more(desk: ChatwootSandbox) -> None:
    desk.per_minute = 3
    number = desk.customer_writes("hello")
    statuses = [(await call(desk, number, content=str(one))).status for one in range(4)]
    said = await call(desk, number, content="one more")
    assert (statuses, said.body) == ([200, 200, 422, 422], {"error": "Validation failed: Too many messages"})


@pytest.mark.parametrize(
    "given",
    [{"content": 7}, {"content": "x" * 150_001}, {"content": "x", "message_type": "incoming"}],
    ids=["a number", "too long", "not outgoing"],
)
async def test_a_message_that_cannot_be_is_refused(desk: ChatwootSandbox, given: dict[str, Any]) -> None:
    number = desk.customer_writes("hello")
    assert (await call(desk, number, **given)).status == 422
    assert desk.replies(number) == []


async def test_other_things_that_bots_do_are_kept(desk: ChatwootSandbox) -> None:
    number = desk.customer_writes("hello")
    await call(desk, number, "toggle_typing_status", typing_status="on")
    await call(desk, number, "labels", labels=["refund", "bot"])
    await call(desk, number, "custom_attributes", custom_attributes={"order": "4512"})
    await call(desk, number, "assignments", assignee_id=3)
    talk = desk.conversations[number]
    assert (talk.typing, talk.labels, talk.custom) == (True, ["refund", "bot"], {"order": "4512"})
    assert talk.assignee is not None
    headers = {"api_access_token": desk.token}
    said = await ask(f"{desk.url}/api/v1/accounts/1/conversations/{number}", headers=headers, method="GET")
    assert (said.body["labels"], said.body["meta"]["assignee"]["id"]) == (["refund", "bot"], 3)


async def test_a_file_may_be_sent_along_in_a_form(desk: ChatwootSandbox) -> None:
    number = desk.customer_writes("the invoice please")
    form = aiohttp.FormData({"content": "Here", "message_type": "outgoing", "private": "false"})
    form.add_field("attachments[]", b"%PDF", filename="invoice.pdf")
    address = f"{desk.url}/api/v1/accounts/1/conversations/{number}/messages"
    assert (await ask(address, headers={"api_access_token": desk.token}, data=form)).status == 200
    assert desk.replies(number) == ["Here"]


async def test_bad_json_is_refused(desk: ChatwootSandbox) -> None:
    number = desk.customer_writes("hello")
    address = f"{desk.url}/api/v1/accounts/1/conversations/{number}/messages"
    headers = {"api_access_token": desk.token, "Content-Type": "application/json"}
    assert (await ask(address, headers=headers, data=b"{")).status == 400


async def test_a_clock_that_is_off_shows_in_the_signature(desk: ChatwootSandbox, receiver: Receiver) -> None:
    desk.faults.clock = timedelta(minutes=-9)
    desk.customer_writes("hello")
    await desk.settled()
    late = time.time() - int(receiver.got[0].headers["X-Chatwoot-Timestamp"])
    assert 530 < late < 560
    assert receiver.got[0].headers["X-Chatwoot-Signature"] == signed(desk, receiver.got[0])


async def test_webhooks_may_come_twice_and_out_of_order(desk: ChatwootSandbox, receiver: Receiver) -> None:
    desk.faults.duplicates = desk.faults.disorder = 1.0
    number = desk.customer_writes("one")
    desk.customer_writes("two", conversation=number)
    await desk.settled()
    assert [body["content"] for body in receiver.bodies] == ["two", "two", "one", "one"]
    assert len({got.headers["X-Chatwoot-Delivery"] for got in receiver.got}) == 2


async def test_the_api_has_bad_days(desk: ChatwootSandbox) -> None:
    number = desk.customer_writes("hello")
    desk.faults.add(Answer(429, retry_after=7), times=1, only="/messages")
    desk.faults.add(Reset(), times=1, only="/messages", after=True)
    said = await call(desk, number, content="Hi")
    assert (said.status, said.headers["Retry-After"], desk.replies(number)) == (429, "7", [])
    with pytest.raises(aiohttp.ClientError):
        await call(desk, number, content="Hi")
    assert desk.replies(number) == ["Hi"]
