"""The stand-in for Intercom: notifications, replies, and how a conversation lives."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sandbox_bot import Receiver, Said, ask

from adapters.sandbox.faults import Answer
from adapters.sandbox.intercom import BOT_ADMIN, PERSON_ADMIN, IntercomSandbox


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with Receiver() as made:
        yield made


@pytest.fixture
async def desk(receiver: Receiver) -> AsyncIterator[IntercomSandbox]:
    async with IntercomSandbox(bot_url=receiver.url, scale=0.0001, timeout=0.5) as made:
        yield made


async def call(desk: IntercomSandbox, conversation: str, action: str = "reply", **given: Any) -> Said:
    headers = {"Authorization": f"Bearer {desk.token}", "Intercom-Version": "2.16"}
    body = {"type": "admin", "admin_id": BOT_ADMIN, **given}
    return await ask(f"{desk.url}/conversations/{conversation}/{action}", body, headers)


async def comment(desk: IntercomSandbox, conversation: str, text: str) -> Said:
    return await call(desk, conversation, message_type="comment", body=text)


def topics(receiver: Receiver) -> list[str]:
    return [body["topic"] for body in receiver.bodies]


def parts(body: dict[str, Any]) -> list[dict[str, Any]]:
    return body["data"]["item"]["conversation_parts"]["conversation_parts"]


async def test_a_new_conversation_is_told_with_a_signature(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("Is 3 < 4?\nYes & no\n\n你好")
    await desk.settled()
    (got,), (body,) = receiver.got, receiver.bodies
    expected = "sha1=" + hmac.new(desk.secret.encode(), got.body, hashlib.sha1).hexdigest()
    assert got.headers["X-Hub-Signature"] == expected
    assert (body["type"], body["topic"], body["id"][:6]) == (
        "notification_event",
        "conversation.user.created",
        "notif_",
    )
    item = body["data"]["item"]
    assert (item["type"], item["id"], item["state"], parts(body)) == ("conversation", name, "open", [])
    assert item["source"]["body"] == "<p>Is 3 &lt; 4?<br>Yes &amp; no</p><p>你好</p>"
    assert item["source"]["author"]["type"] == "user"


async def test_signatures_can_be_left_out_and_a_ping_can_be_sent(desk: IntercomSandbox, receiver: Receiver) -> None:
    desk.signed = False
    desk.ping()
    await desk.settled()
    assert "X-Hub-Signature" not in receiver.got[0].headers
    assert (topics(receiver), receiver.bodies[0]["data"]["item"]["type"]) == (["ping"], "ping")


async def test_what_follows_comes_as_one_part(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("hello", kind="lead")
    desk.customer_writes("are you there?", conversation=name)
    desk.customer_writes("", conversation=name, html='<p>see <a href="https://a.org">this</a></p>')
    desk.customer_attaches(name)
    await desk.settled()
    assert topics(receiver) == ["conversation.user.created"] + ["conversation.user.replied"] * 3
    last = [parts(body) for body in receiver.bodies[1:]]
    assert [len(found) for found in last] == [1, 1, 1]
    assert [found[0]["body"] for found in last] == [
        "<p>are you there?</p>",
        '<p>see <a href="https://a.org">this</a></p>',
        None,
    ]
    assert {found[0]["author"]["type"] for found in last} == {"lead"}
    assert last[2][0]["attachments"][0]["content_type"] == "image/jpeg"


async def test_a_notification_is_tried_twice_with_the_same_id(desk: IntercomSandbox, receiver: Receiver) -> None:
    receiver.statuses = [500, 500, 500]
    desk.customer_writes("hello")
    await desk.settled()
    assert [(body["delivery_attempts"], body["delivery_status"]) for body in receiver.bodies] == [
        (1, "pending"),
        (2, "retry"),
    ]
    assert len({body["id"] for body in receiver.bodies}) == 1


async def test_gone_is_final(desk: IntercomSandbox, receiver: Receiver) -> None:
    receiver.statuses = [410]
    desk.customer_writes("hello")
    await desk.settled()
    assert len(receiver.got) == 1


async def test_a_reply_and_a_note_come_back_as_those_of_an_admin(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("hello")
    said = await comment(desk, name, "<p>Hi</p>")
    await call(desk, name, message_type="note", body="Why: asked for a person")
    await desk.settled()
    assert (said.status, said.body["id"], said.headers["Intercom-Version"]) == (200, name, "2.16")
    assert (desk.replies(name), desk.notes(name)) == (["<p>Hi</p>"], ["Why: asked for a person"])
    assert topics(receiver)[1:] == ["conversation.admin.replied", "conversation.admin.noted"]
    assert parts(receiver.bodies[1])[0]["author"] == {
        "type": "admin",
        "id": BOT_ADMIN,
        "name": "Attendant",
        "email": "admin7001@example.com",
    }


async def test_quick_replies_are_offered_and_taken(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("refund")
    options = [{"text": "Yes", "uuid": "1"}, {"text": "No", "uuid": "2"}]
    assert (await call(desk, name, message_type="quick_reply", reply_options=options)).status == 200
    desk.customer_taps(name, "No")
    with pytest.raises(ValueError, match="nothing offers"):
        desk.customer_taps(name, "Maybe")
    await desk.settled()
    assert (topics(receiver)[-1], parts(receiver.bodies[-1])[0]["body"]) == ("conversation.user.replied", "<p>No</p>")


async def test_the_bot_hands_over_and_is_watched(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("a person please")
    said = await call(desk, name, "parts", message_type="assignment", assignee_id=PERSON_ADMIN)
    await comment(desk, name, "Still me")
    await call(desk, name, message_type="note", body="For colleagues")
    await desk.settled()
    assert (said.body["admin_assignee_id"], desk.interruptions) == (7002, ["Still me"])
    assigned = parts(receiver.bodies[1])[0]
    assert (assigned["part_type"], assigned["assigned_to"]) == ("assignment", {"type": "admin", "id": PERSON_ADMIN})
    await call(desk, name, "parts", message_type="assignment", assignee_id="0")
    assert desk.conversations[name].assignee is None


async def test_people_write_take_give_back_and_close(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("hello")
    desk.person_takes(name)
    desk.person_writes(name, "I am Max")
    desk.person_writes(name, "a difficult one", private=True)
    desk.person_gives_back(name)
    assert desk.conversations[name].assignee == BOT_ADMIN
    desk.person_unassigns(name)
    desk.person_closes(name)
    desk.customer_writes("one more thing", conversation=name)
    await desk.settled()
    assert topics(receiver)[1:] == [
        "conversation.admin.assigned",
        "conversation.admin.replied",
        "conversation.admin.noted",
        "conversation.admin.assigned",
        "conversation.admin.unassigned",
        "conversation.admin.closed",
        "conversation.user.replied",
    ]
    closed, again = receiver.bodies[-2:]
    assert [closed["data"]["item"]["state"], again["data"]["item"]["state"]] == ["closed", "open"]
    assert (parts(again)[0]["part_type"], parts(again)[0]["body"]) == ("open", "<p>one more thing</p>")


async def test_the_bot_may_close_and_open(desk: IntercomSandbox, receiver: Receiver) -> None:
    name = desk.customer_writes("thanks, bye")
    await call(desk, name, "parts", message_type="close", body="<p>Bye</p>")
    assert desk.conversations[name].state == "closed"
    await call(desk, name, "parts", message_type="open")
    await desk.settled()
    assert desk.conversations[name].state == "open"
    assert topics(receiver)[1:] == ["conversation.admin.closed", "conversation.admin.opened"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer sandbox-access-token", "Intercom-Version": "latest"}, 400),
        ({"Authorization": "Bearer sandbox-access-token", "Intercom-Version": "Unstable"}, 200),
        ({"Authorization": "Bearer sandbox-access-token"}, 200),
    ],
)
async def test_token_and_version_are_checked(desk: IntercomSandbox, headers: dict[str, str], status: int) -> None:
    name = desk.customer_writes("hello")
    said = await ask(f"{desk.url}/conversations/{name}", headers=headers, method="GET")
    assert said.status == status
    assert said.body["type"] == ("conversation" if status == 200 else "error.list")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"message_type": "song", "body": "x"}, 422),
        ({"message_type": "comment", "body": ""}, 422),
        ({"message_type": "comment", "body": 7}, 422),
        ({"message_type": "comment", "body": "x", "attachment_urls": ["u"] * 11}, 422),
        ({"message_type": "comment", "body": "x", "type": "user"}, 422),
        ({"message_type": "comment", "body": "x", "admin_id": "1"}, 404),
        ({"message_type": "quick_reply"}, 422),
        ({"message_type": "quick_reply", "reply_options": [{"text": "Yes"}]}, 422),
    ],
)
async def test_a_reply_that_cannot_be_is_refused(desk: IntercomSandbox, given: dict[str, Any], status: int) -> None:
    name = desk.customer_writes("hello")
    assert (await call(desk, name, **given)).status == status
    assert desk.replies(name) == []


async def test_a_part_that_cannot_be_is_refused(desk: IntercomSandbox) -> None:
    name = desk.customer_writes("hello")
    assert (await call(desk, name, "parts", message_type="assignment")).status == 422
    assert (await call(desk, name, "parts", message_type="comment", body="x")).status == 422
    assert (await comment(desk, "nobody", "Hi")).status == 404


async def test_the_api_has_bad_days(desk: IntercomSandbox) -> None:
    name = desk.customer_writes("hello")
    desk.faults.add(Answer(429, retry_after=3), times=1)
    desk.faults.add(Answer(500), times=1, after=True)
    said = await comment(desk, name, "one")
    assert (said.status, said.headers["Retry-After"], said.body["errors"][0]["code"]) == (
        429,
        "3",
        "rate_limit_exceeded",
    )
    assert ((await comment(desk, name, "two")).status, desk.replies(name)) == (500, ["two"])
