"""Zendesk messaging: the shared secret, what its events mean, who has control, and what is asked of its API."""

from __future__ import annotations

import base64
import contextlib
import json

import pytest
from desk_bodies import (
    JSON,
    NOW,
    SUNSHINE,
    SUNSHINE_PASSED,
    SUNSHINE_PRESSED,
    WRITTEN,
    a_delivery,
    changed,
    clock,
    reads,
    refusal,
    spoiled,
)
from hypothesis import given

from adapters.desks.ports import Malformed, Unverified
from adapters.desks.sunshine import Sunshine
from engine.dialogue import ChannelEvent, ConversationKey, EventKind
from storage.ports import DeliveryKind

THREAD = "029c31f25a21b47effd7be90"
KEY = ConversationKey("sunshine", THREAD)
DESK = Sunshine(
    "https://shop.zendesk.example/sc",
    "app1",
    "key",
    "s3cret",
    "hook-secret",
    "attendant",
    display_name="Fern",
    clock=clock,
)
MESSAGE = "events.0.payload.message"
ACTIVE = "events.0.payload.conversation.activeSwitchboardIntegration"
WORKSPACE = {"id": "9", "name": "zd-agentWorkspace"}
BUSINESS = changed(SUNSHINE, f"{MESSAGE}.author", {"type": "business", "displayName": "Ben"})


def test_the_shared_secret_lets_a_webhook_in_and_nothing_else_does() -> None:
    DESK.verify({"x-api-key": "hook-secret"}, b"{}", NOW)
    with pytest.raises(Unverified, match="no x-api-key header"):
        Sunshine("https://x.example", "a", "k", "s", "", "attendant").verify({"x-api-key": ""}, b"{}", NOW)
    for headers in ({}, {"x-api-key": ""}, {"x-api-key": "hook-secre"}, {"x-api-key": "hook-secretü"}):
        with pytest.raises(Unverified):
            DESK.verify(headers, b"{}", NOW)


def test_a_message_says_that_the_bot_has_control_and_then_itself() -> None:
    assert DESK.events(SUNSHINE) == (
        ChannelEvent(KEY, "m1:given_back", EventKind.GIVEN_BACK, WRITTEN),
        ChannelEvent(KEY, "m1", EventKind.MESSAGE, WRITTEN, "Where is my order?", "u1"),
    )


def test_the_bots_integration_is_known_by_its_name_or_its_id() -> None:
    by_id = Sunshine("https://x.example", "a", "k", "s", "w", "5d8", clock=clock)
    assert len(by_id.events(SUNSHINE)) == 2


def test_all_events_of_a_body_are_read_in_order() -> None:
    later = changed(SUNSHINE, f"{MESSAGE}.id", "m2")["events"]
    ids = [event.event_id for event in DESK.events({"events": [*SUNSHINE["events"], *later]})]
    assert ids == ["m1:given_back", "m1", "m2:given_back", "m2"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (ACTIVE, WORKSPACE),
        (ACTIVE, None),
        ("events.0.type", "conversation:read"),
        ("events.0.type", "switchboard:offerControl"),
        (f"{MESSAGE}.content.text", " "),
        (f"{MESSAGE}.author.type", "of a later version"),
        ("events", []),
        ("events", None),
    ],
)
def test_what_is_not_the_bots_business_is_nothing(path, value) -> None:
    assert DESK.events(changed(SUNSHINE, path, value)) == ()


def test_a_message_of_the_business_says_that_a_person_is_there() -> None:
    for active in (WORKSPACE, {"id": "5d8", "name": "attendant"}):
        (event,) = DESK.events(changed(BUSINESS, ACTIVE, active))
        assert (event.kind, event.event_id, event.sender) == (EventKind.PERSON, "person:m1", "person:Ben")
        assert event.text == "Where is my order?"


def test_what_a_bot_wrote_is_no_person() -> None:
    assert DESK.events(changed(BUSINESS, f"{MESSAGE}.metadata", {"attendant": "k1"})) == ()
    assert DESK.events(changed(BUSINESS, f"{MESSAGE}.author", {"type": "business", "subtypes": ["AI"]})) == ()


def test_control_that_is_passed_says_who_has_the_conversation() -> None:
    (back,) = DESK.events(SUNSHINE_PASSED)
    (away,) = DESK.events(changed(SUNSHINE_PASSED, ACTIVE, WORKSPACE))
    (accepted,) = DESK.events(
        changed(changed(SUNSHINE_PASSED, ACTIVE, WORKSPACE), "events.0.type", "switchboard:acceptControl")
    )
    assert [event.kind for event in (back, away, accepted)] == [
        EventKind.GIVEN_BACK,
        EventKind.PERSON,
        EventKind.PERSON,
    ]
    assert (back.event_id, back.key) == ("given_back:e2", KEY)


def test_the_bots_own_handing_over_is_nothing_new() -> None:
    (request,) = DESK.requests(a_delivery("sunshine", THREAD, kind=DeliveryKind.HANDOFF))
    passed = changed(SUNSHINE_PASSED, "events.0.payload.metadata", request.body["metadata"])
    assert DESK.events(changed(passed, ACTIVE, WORKSPACE)) == ()
    assert DESK.echoes(passed) == (request.mark,)


@pytest.mark.parametrize("reason", [None, "ticketClosed", "transferToEmail"])
def test_control_that_is_let_go_closes_the_conversation(reason) -> None:
    payload = {"conversation": {"id": THREAD}, "metadata": None, "reason": reason}
    body = changed(changed(SUNSHINE_PASSED, "events.0.type", "switchboard:releaseControl"), "events.0.payload", payload)
    (event,) = DESK.events(body)
    assert (event.kind, event.event_id) == (EventKind.CLOSED, "closed:e2")


def test_a_button_is_a_message_in_full() -> None:
    label = changed(
        SUNSHINE, f"{MESSAGE}.content", {"type": "text", "text": "How long do…", "payload": "How long do I wait?"}
    )
    assert DESK.events(label)[-1].text == "How long do I wait?"
    foreign = changed(SUNSHINE, f"{MESSAGE}.content", {"type": "text", "text": "Yes", "payload": "MENU_17"})
    assert DESK.events(foreign)[-1].text == "Yes"
    pressed = DESK.events(SUNSHINE_PRESSED)
    assert [event.kind for event in pressed] == [EventKind.GIVEN_BACK, EventKind.MESSAGE]
    assert (pressed[1].event_id, pressed[1].text, pressed[1].sender) == ("e3", "Refund", "u1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"type": "image", "mediaUrl": "https://x.example/a.png"}, ("photo",)),
        ({"type": "file", "mediaType": "audio/ogg"}, ("voice",)),
        ({"type": "file", "mediaType": "video/mp4"}, ("video",)),
        ({"type": "file", "mediaType": "application/pdf"}, ("file",)),
        ({"type": "file"}, ("file",)),
        ({"type": "location", "coordinates": {"lat": 1, "long": 2}}, ("location",)),
    ],
)
def test_what_comes_with_a_message_is_said_in_words(content, words) -> None:
    event = DESK.events(changed(SUNSHINE, f"{MESSAGE}.content", content))[-1]
    assert (event.attachments, event.text) == (words, "")


def test_a_form_is_the_text_of_its_fields() -> None:
    content = {"type": "formResponse", "fields": [], "textFallback": "Name: Anna"}
    assert DESK.events(changed(SUNSHINE, f"{MESSAGE}.content", content))[-1].text == "Name: Anna"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (f"{MESSAGE}.content.text", [], "events[0].payload.message.content.text: expected a text, found a list"),
        (MESSAGE, None, "events[0].payload.message: expected an object, found nothing"),
        ("events", {}, "events: expected a list, found an object"),
        ("events.0", 7, "events[0]: expected an object, found a number"),
        (
            "events.0.payload.conversation.id",
            "a/../b",
            "events[0].payload.conversation.id: expected an id of 1 to 100 letters and digits, found another text",
        ),
    ],
)
def test_a_wrong_field_is_named(path, value, said) -> None:
    assert refusal(lambda: DESK.events(changed(SUNSHINE, path, value))) == said


@given(spoiled(SUNSHINE, SUNSHINE_PASSED, SUNSHINE_PRESSED, BUSINESS))
def test_no_body_makes_anything_but_events_or_a_refusal(body) -> None:
    reads(DESK, body)


@given(JSON)
def test_no_json_makes_anything_but_events_or_a_refusal(body) -> None:
    reads(DESK, {"events": body})
    with contextlib.suppress(Malformed):
        DESK.echoes({"events": body})


def test_a_reply_is_marked_as_the_bots_own() -> None:
    (request,) = DESK.requests(a_delivery("sunshine", THREAD))
    assert request.url == f"https://shop.zendesk.example/sc/v2/apps/app1/conversations/{THREAD}/messages"
    assert request.headers == {"Authorization": "Basic " + base64.b64encode(b"key:s3cret").decode()}
    assert request.body == {
        "author": {"type": "business", "displayName": "Fern", "subtypes": ["AI"]},
        "content": {"type": "text", "text": "Within 14 days."},
        "metadata": {"attendant": "k1"},
    }
    back = changed(SUNSHINE, MESSAGE, {**request.body, "id": "m9"})
    assert DESK.events(back) == ()
    assert DESK.echoes(back) == (request.mark,)
    assert DESK.echoes(SUNSHINE) == ()


def test_choices_are_buttons_or_lines() -> None:
    long = "How long does it take until my money is back on my account?"
    delivery = a_delivery("sunshine", THREAD, "Which one?", choices=("Refund", long))
    (request,) = DESK.requests(delivery)
    first, second = request.body["content"]["actions"]
    assert first == {"type": "reply", "text": "Refund", "payload": "Refund"}
    assert (len(second["text"]), second["payload"]) == (40, long)
    pressed = changed(SUNSHINE, f"{MESSAGE}.content", {"type": "text", **{k: second[k] for k in ("text", "payload")}})
    assert DESK.events(pressed)[-1].text == long
    plain = Sunshine("https://x.example", "a", "k", "s", "w", "attendant", buttons=False).requests(delivery)
    assert plain[0].body["content"] == {"type": "text", "text": f"Which one?\n1. Refund\n2. {long}"}


def test_control_is_passed_on_with_the_note() -> None:
    (request,) = DESK.requests(a_delivery("sunshine", THREAD, "Wants a person.", kind=DeliveryKind.HANDOFF))
    assert request.url.endswith(f"/conversations/{THREAD}/passControl")
    assert request.body == {
        "switchboardIntegration": "next",
        "metadata": {"attendant": "k1", "attendant_note": "Wants a person."},
    }
    into_field = Sunshine("https://x.example", "a", "k", "s", "w", "attendant", "zd", "360")
    (request,) = into_field.requests(a_delivery("sunshine", THREAD, "Wants a person.", kind=DeliveryKind.HANDOFF))
    assert request.body["switchboardIntegration"] == "zd"
    assert request.body["metadata"]["dataCapture.ticketField.360"] == "Wants a person."


def test_a_long_note_is_cut_to_what_metadata_may_take() -> None:
    (request,) = DESK.requests(a_delivery("sunshine", THREAD, "退款" * 3000, kind=DeliveryKind.HANDOFF))
    assert 3400 < len(json.dumps(request.body["metadata"])) < 4096
    assert request.body["metadata"]["attendant_note"].endswith("…")


def test_an_alert_has_no_place_in_a_conversation() -> None:
    assert DESK.requests(a_delivery("sunshine", THREAD, kind=DeliveryKind.ALERT)) == ()


def test_typing_is_shown() -> None:
    request = DESK.typing(KEY)
    assert request is not None
    assert request.url.endswith(f"/conversations/{THREAD}/activity")
    assert request.body["type"] == "typing:start"


def test_no_id_leaves_its_place_in_an_address() -> None:
    request = DESK.typing(ConversationKey("sunshine", "../../x?y#z"))
    assert request is not None
    assert "/conversations/..%2F..%2Fx%3Fy%23z/activity" in request.url


def test_no_secret_stands_in_what_is_shown_of_it() -> None:
    shown = repr((DESK, DESK.requests(a_delivery("sunshine", THREAD))))
    assert not any(secret in shown for secret in ("s3cret", "hook-secret", base64.b64encode(b"key:s3cret").decode()))
