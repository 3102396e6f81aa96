"""Chatwoot: who signed, what its events mean, whose conversation it is, and what is asked of its API."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from datetime import timedelta

import pytest
from desk_bodies import (
    CHATWOOT,
    CHATWOOT_CHOSEN,
    CHATWOOT_RESOLVED,
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

from adapters.desks.chatwoot import Chatwoot
from adapters.desks.ports import Malformed, Unverified
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import DeliveryKind

KEY = ConversationKey("chatwoot", "1/42")
DESK = Chatwoot("https://desk.example", "the-token", "the-secret", clock=clock)
BODY = json.dumps(CHATWOOT).encode()


def signed(body: bytes = BODY, *, at: float | None = None, by: str = "the-secret") -> dict[str, str]:
    stamp = str(int(NOW.timestamp() if at is None else at))
    made = hmac.new(by.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
    return {"x-chatwoot-timestamp": stamp, "x-chatwoot-signature": f"sha256={made}"}


def kinds(body) -> list[EventKind]:
    return [event.kind for event in DESK.events(body)]


def test_a_signed_body_is_taken() -> None:
    DESK.verify(signed(), BODY, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {**signed(), "x-chatwoot-signature": ""},
        {**signed(), "x-chatwoot-signature": signed()["x-chatwoot-signature"][:-1]},
        {**signed(), "x-chatwoot-signature": "sha256=ü\udcff"},
        {**signed(), "x-chatwoot-timestamp": str(int(NOW.timestamp()) + 1)},
        signed(by="another"),
        signed(BODY + b" "),
        signed(at=NOW.timestamp() - 1000),
        signed(at=NOW.timestamp() + 1000),
    ],
    ids=["none", "empty", "shorter", "not ascii", "time", "secret", "body", "old", "from the future"],
)
def test_what_is_not_signed_so_is_turned_away(headers) -> None:
    with pytest.raises(Unverified):
        DESK.verify(headers, BODY, NOW)


def test_a_clock_that_is_some_minutes_off_is_believed() -> None:
    DESK.verify(signed(at=NOW.timestamp() - 600), BODY, NOW)
    DESK.verify(signed(at=NOW.timestamp() + 600), BODY, NOW)


def test_a_time_that_is_none_is_turned_away_though_it_is_signed() -> None:
    made = hmac.new(b"the-secret", b"soon." + BODY, hashlib.sha256).hexdigest()
    with pytest.raises(Unverified, match="no time"):
        DESK.verify({"x-chatwoot-timestamp": "soon", "x-chatwoot-signature": f"sha256={made}"}, BODY, NOW)


def test_an_older_server_need_not_sign_where_that_is_allowed_but_may_not_sign_wrongly() -> None:
    desk = Chatwoot("https://desk.example", "t", "the-secret", "if_present", clock=clock)
    desk.verify({}, BODY, NOW)
    desk.verify(signed(), BODY, NOW)
    with pytest.raises(Unverified):
        desk.verify(signed(by="another"), BODY, NOW)
    Chatwoot("https://desk.example", "t", signature="off").verify({}, BODY, NOW)


def test_a_message_of_a_customer_says_that_the_conversation_is_the_bots_and_then_itself() -> None:
    assert DESK.events(CHATWOOT) == (
        ChannelEvent(KEY, "123:given_back", EventKind.GIVEN_BACK, WRITTEN),
        ChannelEvent(KEY, "123", EventKind.MESSAGE, WRITTEN, "Where is my order?", "9"),
    )


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("event", "conversation_opened"),
        ("event", "webwidget_triggered"),
        ("event", "of a later version"),
        ("private", True),
        ("message_type", "template"),
        ("content", None),
        ("content", "  "),
        ("conversation.status", "open"),
        ("conversation.status", "resolved"),
        ("conversation.status", "snoozed"),
        ("conversation.meta.assignee", {"id": 3, "name": "Ben", "type": "user"}),
    ],
)
def test_what_is_not_the_bots_business_is_nothing(path, value) -> None:
    assert DESK.events(changed(CHATWOOT, path, value)) == ()


@pytest.mark.parametrize(
    ("path", "value"), [("sender.type", "agent_bot"), ("content_attributes", {"attendant": "k1"})], ids=["bot", "mark"]
)
@pytest.mark.parametrize("private", [True, False])
def test_what_the_bot_wrote_itself_is_nothing(path, value, private) -> None:
    own = changed(changed(CHATWOOT, "message_type", "outgoing"), path, value)
    assert DESK.events(changed(own, "private", private)) == ()


def test_a_conversation_assigned_to_a_bot_is_still_the_bots() -> None:
    by_type = changed(CHATWOOT, "conversation.meta.assignee", {"id": 3, "name": "Fern", "type": "agent_bot"})
    named = changed(CHATWOOT, "conversation.meta", {"assignee": {"id": 3}, "assignee_type": "AgentBot"})
    assert kinds(by_type) == kinds(named) == [EventKind.GIVEN_BACK, EventKind.MESSAGE]


@pytest.mark.parametrize("sender", [None, {"id": 9, "type": "user"}], ids=["from a phone", "from the desk"])
@pytest.mark.parametrize("status", ["pending", "open"])
def test_whatever_else_goes_out_says_that_a_person_is_there(sender, status) -> None:
    body = changed(changed(CHATWOOT, "message_type", "outgoing"), "conversation.status", status)
    (event,) = DESK.events(changed(body, "sender", sender))
    assert (event.kind, event.text, event.event_id) == (EventKind.PERSON, "Where is my order?", "person:123")
    assert event.sender == (sender and "person:9")  # not the customer of this number


def test_rules_and_campaigns_are_no_persons() -> None:
    out = changed(CHATWOOT, "message_type", "outgoing")
    assert kinds(changed(out, "content_attributes", {"automation_rule_id": 4})) == []
    assert kinds(changed(out, "additional_attributes", {"campaign_id": 4})) == []


def test_a_resolved_conversation_is_closed_once_for_each_time() -> None:
    (event,) = DESK.events(CHATWOOT_RESOLVED)
    assert (event.key, event.kind, event.at) == (KEY, EventKind.CLOSED, WRITTEN + timedelta(milliseconds=250))
    (again,) = DESK.events(CHATWOOT_RESOLVED)
    (later,) = DESK.events(changed(CHATWOOT_RESOLVED, "updated_at", 1795259999.5))
    assert event.event_id == again.event_id != later.event_id
    much_later = Chatwoot("https://desk.example", "t", clock=lambda: NOW + timedelta(hours=1))
    assert much_later.events(changed(CHATWOOT_RESOLVED, "updated_at", 1795259999.5))[0].event_id == later.event_id
    assert later.at == NOW + timedelta(minutes=5)


def test_the_account_of_a_resolved_conversation_may_have_to_be_set() -> None:
    bare = changed(CHATWOOT_RESOLVED, "messages", [])
    assert refusal(lambda: DESK.events(bare)) == "account.id: expected an id, found nothing"
    (event,) = Chatwoot("https://desk.example", "t", account="8", clock=clock).events(bare)
    assert event.key.thread == "8/42"


def test_a_changed_text_is_an_edit_once_for_each_text() -> None:
    updated = changed(CHATWOOT, "event", "message_updated")
    (event,) = DESK.events(updated)
    (again,) = DESK.events(changed(updated, "conversation.unread_count", 2))
    (other,) = DESK.events(changed(updated, "content", "Where is my parcel?"))
    assert (event.kind, event.about, event.text) == (EventKind.EDIT, "123", "Where is my order?")
    assert event.event_id == again.event_id != other.event_id
    assert kinds(changed(updated, "content_attributes", {"deleted": True})) == []
    assert kinds(changed(updated, "conversation.status", "open")) == []


def test_a_button_that_was_pressed_is_a_message() -> None:
    (event,) = DESK.events(CHATWOOT_CHOSEN)
    assert event == ChannelEvent(KEY, "124:chosen", EventKind.MESSAGE, NOW, "Refund", "9")
    assert kinds(changed(CHATWOOT_CHOSEN, "content_attributes.submitted_values", None)) == []
    assert kinds(changed(CHATWOOT_CHOSEN, "content_type", "input_csat")) == []
    assert kinds(changed(CHATWOOT_CHOSEN, "conversation.status", "open")) == []


def test_what_comes_with_a_message_is_said_in_words() -> None:
    files = [{"file_type": kind} for kind in ("image", "audio", "video", "file", "location", "sticker", "fallback")]
    body = {**changed(CHATWOOT, "content", None), "attachments": files}
    event = DESK.events(body)[-1]
    assert event.attachments == ("photo", "voice", "video", "file", "location", "sticker", "file")
    assert event.text == ""


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("content", ["x"], "content: expected a text, found a list"),
        ("id", None, "id: expected an id, found nothing"),
        ("id", "../7", "id: expected an id of 1 to 100 letters and digits, found another text"),
        ("id", True, "id: expected an id, found true or false"),
        ("conversation.id", "abc", "conversation.id: expected a whole number, found a text"),
        ("account", 7, "account: expected an object, found a number"),
        ("created_at", "soon", "created_at: expected a time, found another value"),
        ("created_at", 1e300, "created_at: expected a time, found another value"),
        ("private", "no", "private: expected true or false, found a text"),
        ("conversation", None, "conversation.id: expected an id, found nothing"),
    ],
)
def test_a_wrong_field_is_named(path, value, said) -> None:
    open_conversation = path == "conversation"
    body = changed(CHATWOOT, "message_type", "outgoing") if open_conversation else CHATWOOT
    assert refusal(lambda: DESK.events(changed(body, path, value))) == said


def test_a_body_that_is_no_object_is_refused() -> None:
    assert refusal(lambda: DESK.events([CHATWOOT])) == "the body: expected an object, found a list"


@given(spoiled(CHATWOOT, CHATWOOT_CHOSEN, CHATWOOT_RESOLVED, changed(CHATWOOT, "message_type", "outgoing")))
def test_no_body_makes_anything_but_events_or_a_refusal(body) -> None:
    reads(DESK, body)


@given(JSON)
def test_no_json_makes_anything_but_events_or_a_refusal(body) -> None:
    reads(DESK, body)
    with contextlib.suppress(Malformed):
        DESK.echoes(body)


def test_a_reply_is_marked_as_the_bots_own() -> None:
    (request,) = DESK.requests(a_delivery("chatwoot", "1/42"))
    assert (request.method, request.url) == (
        "POST",
        "https://desk.example/api/v1/accounts/1/conversations/42/messages",
    )
    assert request.headers == {"api_access_token": "the-token"}
    assert request.body == {
        "content": "Within 14 days.",
        "message_type": "outgoing",
        "private": False,
        "content_type": "text",
        "content_attributes": {"attendant": "k1"},
    }
    back = {**CHATWOOT, **request.body, "id": 7, "sender": None}
    assert DESK.events(back) == ()
    assert DESK.echoes(back) == (request.mark,)
    assert DESK.echoes(CHATWOOT) == ()


def test_choices_are_buttons_or_lines() -> None:
    delivery = a_delivery("chatwoot", "1/42", "Which one?", choices=("Refund", "Hours"))
    (request,) = DESK.requests(delivery)
    assert request.body["content_type"] == "input_select"
    assert request.body["content_attributes"]["items"] == [
        {"title": "Refund", "value": "Refund"},
        {"title": "Hours", "value": "Hours"},
    ]
    (plain,) = Chatwoot("https://desk.example", "t", buttons=False).requests(delivery)
    assert (plain.body["content_type"], plain.body["content"]) == ("text", "Which one?\n1. Refund\n2. Hours")


def test_a_conversation_is_handed_over_by_a_private_note_and_by_opening_it() -> None:
    note, opened = DESK.requests(a_delivery("chatwoot", "1/42", "Wants a person.", kind=DeliveryKind.HANDOFF))
    assert (note.body["private"], note.body["content"]) == (True, "Wants a person.")
    assert opened.url.endswith("/accounts/1/conversations/42/toggle_status")
    assert opened.body == {"status": "open"}


def test_an_alert_has_no_place_in_a_conversation() -> None:
    assert DESK.requests(a_delivery("chatwoot", "1/42", kind=DeliveryKind.ALERT)) == ()


@pytest.mark.parametrize("thread", ["42", "1/", "/42", "1/../2", "1/42/x", "1/٤"])
def test_a_thread_of_another_channel_is_no_address(thread) -> None:
    with pytest.raises(ValueError, match="ACCOUNT/CONVERSATION"):
        DESK.requests(a_delivery("chatwoot", thread))


def test_a_flood_is_for_now_and_no_other_refusal() -> None:
    assert DESK.pause(422, '{"error":"Too many messages"}') == 60
    assert DESK.pause(422, '{"error":"Content is too long"}') is None


def test_typing_is_shown() -> None:
    request = DESK.typing(KEY)
    assert request is not None
    assert request.url.endswith("/conversations/42/toggle_typing_status")
    assert request.body == {"typing_status": "on"}


def test_no_secret_stands_in_what_is_shown_of_it() -> None:
    shown = repr((DESK, DESK.requests(a_delivery("chatwoot", "1/42"))))
    assert "the-token" not in shown
    assert "the-secret" not in shown
