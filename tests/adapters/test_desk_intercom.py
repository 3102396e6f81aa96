"""Intercom: signatures, what its topics mean, whose conversation it is, and what is asked of its API."""

from __future__ import annotations

import hashlib
import hmac
import json

import pytest
from desk_bodies import (
    INTERCOM,
    INTERCOM_ANSWERED,
    INTERCOM_CREATED,
    JSON,
    NOW,
    WRITTEN,
    a_delivery,
    changed,
    clock,
    reads,
    refusal,
    spoiled,
)
from hypothesis import given

from adapters.desks.intercom import Intercom
from adapters.desks.ports import Unverified
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import DeliveryKind

KEY = ConversationKey("intercom", "77")
DESK = Intercom("https://api.intercom.example", "the-token", "the-secret", "111", clock=clock)
BODY = json.dumps(INTERCOM).encode()
PARTS = "data.item.conversation_parts.conversation_parts"
ASSIGNEE = "data.item.admin_assignee_id"


def signed(body: bytes = BODY, secret: bytes = b"the-secret") -> dict[str, str]:
    return {"x-hub-signature": "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()}


def topic(name: str, body=INTERCOM_ANSWERED):
    return changed(body, "topic", name)


def kinds(body) -> list[EventKind]:
    return [event.kind for event in DESK.events(body)]


def test_a_signed_body_is_taken_and_no_other() -> None:
    DESK.verify(signed(), BODY, NOW)
    for headers, body in (
        ({}, BODY),
        ({"x-hub-signature": ""}, BODY),
        ({"x-hub-signature": "sha1=\udcff"}, BODY),
        (signed(secret=b"another"), BODY),
        (signed(), BODY + b" "),
    ):
        with pytest.raises(Unverified):
            DESK.verify(headers, body, NOW)


def test_a_reply_of_a_customer_is_a_message_in_text() -> None:
    assert DESK.events(INTERCOM) == (
        ChannelEvent(KEY, "501", EventKind.MESSAGE, WRITTEN, "Where is my order?", "64e1"),
    )


def test_what_begins_a_conversation_is_a_message() -> None:
    assert DESK.events(INTERCOM_CREATED) == (
        ChannelEvent(KEY, "source:900", EventKind.MESSAGE, WRITTEN, "Hello & good day", "64e1"),
    )
    subject = changed(changed(INTERCOM_CREATED, "data.item.source.body", None), "data.item.source.subject", "Refund?")
    assert DESK.events(subject)[-1].text == "Refund?"
    assert kinds(changed(INTERCOM_CREATED, "data.item.source.author.type", "admin")) == []


def test_of_several_parts_the_customers_last_one_counts() -> None:
    parts = INTERCOM["data"]["item"]["conversation_parts"]["conversation_parts"]
    later = {**parts[0], "id": "502", "body": "<p>Hello?</p>"}
    assigned = {"id": "503", "part_type": "assignment", "body": None, "author": {"type": "admin", "id": "555"}}
    (event,) = DESK.events(changed(INTERCOM, PARTS, [*parts, later, assigned]))
    assert (event.event_id, event.text) == ("502", "Hello?")


@pytest.mark.parametrize("name", ["ping", "conversation.admin.noted", "user.created", "of.a.later.version", ""])
def test_other_topics_are_nothing_whatever_they_bring(name) -> None:
    assert DESK.events({"topic": name, "data": ["anything"]}) == ()


def test_a_conversation_of_another_teammate_is_not_the_bots() -> None:
    assert kinds(changed(INTERCOM, ASSIGNEE, 555)) == []
    assert (
        kinds(changed(INTERCOM, "data.item", {**INTERCOM["data"]["item"], "assignee": {"type": "admin", "id": "5"}}))
        == []
    )


def test_a_conversation_assigned_to_the_bot_or_to_a_team_is_the_bots() -> None:
    assert kinds(changed(INTERCOM, ASSIGNEE, 111)) == [EventKind.GIVEN_BACK, EventKind.MESSAGE]
    assert kinds(changed(INTERCOM, ASSIGNEE, 0)) == [EventKind.MESSAGE]
    team = {**INTERCOM["data"]["item"], "assignee": {"type": "team", "id": "5"}}
    assert kinds(changed(INTERCOM, "data.item", team)) == [EventKind.MESSAGE]


def test_an_answer_of_a_teammate_says_that_a_person_is_there() -> None:
    (event,) = DESK.events(INTERCOM_ANSWERED)
    assert (event.kind, event.event_id, event.sender) == (EventKind.PERSON, "person:501", "person:555")
    assert event.text == "Where is my order?"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (f"{PARTS}.0.author.id", "111"),
        (f"{PARTS}.0.author.type", "bot"),
        (f"{PARTS}.0.part_type", "note"),
        (f"{PARTS}.0.body", None),
    ],
    ids=["the bot itself", "another bot", "a note", "no words"],
)
def test_what_is_no_answer_of_a_person_is_nothing(path, value) -> None:
    assert DESK.events(changed(INTERCOM_ANSWERED, path, value)) == ()


def test_a_closed_conversation_is_closed() -> None:
    (event,) = DESK.events(topic("conversation.admin.closed"))
    assert (event.kind, event.event_id, event.text) == (EventKind.CLOSED, "closed:501", "")
    (bare,) = DESK.events(changed(topic("conversation.admin.closed"), PARTS, []))
    assert (bare.kind, bare.event_id) == (EventKind.CLOSED, "closed:notif_1")


@pytest.mark.parametrize("name", ["conversation.admin.assigned", "conversation.admin.unassigned"])
@pytest.mark.parametrize(
    ("assignee", "expected"), [(111, [EventKind.GIVEN_BACK]), (555, [EventKind.PERSON]), (0, []), (None, [])]
)
def test_an_assignment_says_who_has_the_conversation(name, assignee, expected) -> None:
    assert kinds(changed(topic(name), ASSIGNEE, assignee)) == expected


def test_the_bots_own_handing_over_is_nothing_new() -> None:
    own = changed(topic("conversation.admin.assigned"), f"{PARTS}.0.author.id", "111")
    assert DESK.events(changed(own, ASSIGNEE, 555)) == ()
    workflow = changed(topic("conversation.admin.assigned"), f"{PARTS}.0.author", {"type": "bot", "id": "1"})
    assert kinds(changed(workflow, ASSIGNEE, 111)) == [EventKind.GIVEN_BACK]


def test_what_comes_with_a_message_is_said_in_words() -> None:
    types = ["image/png", "audio/ogg", "video/mp4", "application/pdf", None]
    files = changed(INTERCOM, f"{PARTS}.0.attachments", [{"type": "upload", "content_type": kind} for kind in types])
    (event,) = DESK.events(changed(files, f"{PARTS}.0.body", '<p><img src="https://x.example/a.png"></p>'))
    assert (event.text, event.attachments) == ("", ("photo", "photo", "voice", "video", "file", "file"))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("data.item", [], "data.item: expected an object, found a list"),
        ("data.item.id", None, "data.item.id: expected an id, found nothing"),
        (f"{PARTS}.0.body", 7, f"{PARTS}[0].body: expected a text, found a number"),
        (f"{PARTS}.0.created_at", "x", f"{PARTS}[0].created_at: expected a time, found another value"),
        ("topic", {}, "topic: expected a text, found an object"),
    ],
)
def test_a_wrong_field_is_named(path, value, said) -> None:
    assert refusal(lambda: DESK.events(changed(INTERCOM, path, value))) == said


@given(
    spoiled(
        INTERCOM,
        INTERCOM_CREATED,
        INTERCOM_ANSWERED,
        topic("conversation.admin.closed"),
        topic("conversation.admin.assigned"),
    )
)
def test_no_body_makes_anything_but_events_or_a_refusal(body) -> None:
    reads(DESK, body)


@given(JSON)
def test_no_json_makes_anything_but_events_or_a_refusal(body) -> None:
    reads(DESK, {"topic": "conversation.user.replied", "data": {"item": body}})
    assert DESK.echoes(body) == ()


def test_a_reply_is_a_comment_of_the_bots_teammate() -> None:
    (request,) = DESK.requests(a_delivery("intercom", "77", "Shoes & socks:\n<b>14 days</b>\n\nBye"))
    assert (request.method, request.url) == ("POST", "https://api.intercom.example/conversations/77/reply")
    assert request.headers == {"Authorization": "Bearer the-token", "Intercom-Version": "2.16"}
    assert request.body == {
        "type": "admin",
        "admin_id": "111",
        "message_type": "comment",
        "body": "<p>Shoes &amp; socks:<br>&lt;b&gt;14 days&lt;/b&gt;</p><p>Bye</p>",
    }


def test_choices_are_quick_replies_after_the_text_or_lines_in_it() -> None:
    delivery = a_delivery("intercom", "77", "Which one?", choices=("Refund", "Hours"))
    text, offer = DESK.requests(delivery)
    assert (text.body["message_type"], text.body["body"]) == ("comment", "<p>Which one?</p>")
    assert offer.body["message_type"] == "quick_reply"
    assert [option["text"] for option in offer.body["reply_options"]] == ["Refund", "Hours"]
    assert len({option["uuid"] for option in offer.body["reply_options"]}) == 2
    assert DESK.requests(delivery)[1].body == offer.body  # the same at every attempt
    (plain,) = Intercom("https://x.example", "t", "s", "111", buttons=False).requests(delivery)
    assert plain.body["body"] == "<p>Which one?<br>1. Refund<br>2. Hours</p>"


def test_a_conversation_is_handed_over_by_a_note_and_an_assignment() -> None:
    handed = a_delivery("intercom", "77", "Wants a person.", kind=DeliveryKind.HANDOFF)
    note, assigned = DESK.requests(handed)
    assert (note.body["message_type"], note.body["body"]) == ("note", "<p>Wants a person.</p>")
    assert assigned.url == "https://api.intercom.example/conversations/77/parts"
    assert assigned.body == {"message_type": "assignment", "type": "admin", "admin_id": "111", "assignee_id": "0"}
    _, to_team = Intercom("https://x.example", "t", "s", "111", "5", "team").requests(handed)
    assert to_team.body == {"message_type": "assignment", "type": "team", "admin_id": "111", "assignee_id": "5"}


def test_an_alert_has_no_place_in_a_conversation_and_typing_cannot_be_shown() -> None:
    assert DESK.requests(a_delivery("intercom", "77", kind=DeliveryKind.ALERT)) == ()
    assert DESK.typing(KEY) is None


def test_no_secret_stands_in_what_is_shown_of_it() -> None:
    shown = repr((DESK, DESK.requests(a_delivery("intercom", "77"))))
    assert "the-token" not in shown
    assert "the-secret" not in shown
