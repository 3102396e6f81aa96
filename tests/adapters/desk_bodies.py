"""What desks send, as their own sources and pages show it, and bodies that are wrong in one place."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from adapters.desks.ports import DeskProtocol, Malformed
from engine.dialogue import ChannelEvent, Choice, ConversationKey, Provenance, Reply, Source
from storage.ports import Delivery, DeliveryKind

NOW = datetime(2026, 11, 21, 9, 0, 30, tzinfo=UTC)
WRITTEN = datetime(2026, 11, 21, 9, tzinfo=UTC)


def clock() -> datetime:
    return NOW


def a_delivery(
    channel: str,
    thread: str,
    text: str = "Within 14 days.",
    *,
    kind: DeliveryKind = DeliveryKind.REPLY,
    choices: tuple[str, ...] = (),
    key: str = "k1",
) -> Delivery:
    reply = Reply(
        text,
        Provenance(Source.RETRIEVED, "refund", "sure"),
        0.9,
        choices=tuple(Choice(f"entry-{number}", choice) for number, choice in enumerate(choices)),
    )
    return Delivery(1, ConversationKey(channel, thread), key, reply, 0, "m1", kind)


def changed(body: Any, path: str, value: Any) -> Any:
    """A copy of a body with another value at ``a.b.0.c``."""
    body = copy.deepcopy(body)
    *above, last = path.split(".")
    place = body
    for name in above:
        place = place[int(name) if isinstance(place, list) else name]
    place[int(last) if isinstance(place, list) else last] = value
    return body


def paths(value: Any, path: str = "") -> Iterator[str]:
    """Where every value of a body stands."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, item in inner:
        yield f"{path}{name}"
        yield from paths(item, f"{path}{name}.")


WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.lists(st.integers() | st.text(max_size=3), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers() | st.none(), max_size=3),
)
JSON = st.recursive(
    WRONG, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def spoiled(*bodies: Any) -> st.SearchStrategy[Any]:
    """One of the bodies with up to three values replaced by others."""
    return st.sampled_from(bodies).flatmap(
        lambda body: st.lists(st.tuples(st.sampled_from(sorted(paths(body))), WRONG), max_size=3).map(
            lambda changes: _spoil(body, changes)
        )
    )


def _spoil(body: Any, changes: list[tuple[str, Any]]) -> Any:
    for path, value in changes:
        try:
            body = changed(body, path, value)
        except (KeyError, IndexError, TypeError, ValueError):
            continue  # the place went with an earlier change
    return body


def reads(protocol: DeskProtocol, data: Any) -> list[ChannelEvent] | Malformed:
    """What comes of a body; every event is one that can be stored."""
    try:
        events = list(protocol.events(data))
    except Malformed as error:
        return error
    for event in events:
        assert event.key.channel == protocol.name
        assert 0 < len(event.key.thread) <= 255
        assert 0 < len(event.event_id) <= 512
        assert event.at.tzinfo is not None
        assert isinstance(event.text, str)
        assert event.sender is None or isinstance(event.sender, str)
    assert len({event.event_id for event in events}) == len(events) or protocol.name == "sunshine"
    return events


def refusal(call: Callable[[], Any]) -> str:
    """What a body is refused with."""
    try:
        found = call()
    except Malformed as error:
        return str(error)
    raise AssertionError(f"not refused, but {found!r}")


CHATWOOT: dict[str, Any] = {
    "event": "message_created",
    "id": 123,
    "content": "Where is my order?",
    "content_type": "text",
    "content_attributes": {},
    "additional_attributes": {},
    "message_type": "incoming",
    "private": False,
    "source_id": None,
    "created_at": "2026-11-21T09:00:00.000Z",
    "sender": {"id": 9, "name": "Anna", "email": "anna@example.org", "type": "contact"},
    "inbox": {"id": 1, "name": "Shop"},
    "account": {"id": 1, "name": "Shop"},
    "conversation": {
        "id": 42,
        "inbox_id": 1,
        "channel": "Channel::WebWidget",
        "status": "pending",
        "can_reply": True,
        "additional_attributes": {},
        "custom_attributes": {},
        "labels": [],
        "priority": None,
        "snoozed_until": None,
        "contact_inbox": {"id": 1, "contact_id": 9, "inbox_id": 1, "source_id": "s", "hmac_verified": False},
        "meta": {"sender": {"id": 9, "name": "Anna"}, "assignee": None, "assignee_type": None, "team": None},
        "messages": [{"id": 123, "account_id": 1, "message_type": 0, "content": "Where is my order?"}],
        "unread_count": 1,
        "timestamp": 1795251600,
        "created_at": 1795251600,
        "updated_at": 1795251600.25,
    },
}
CHATWOOT_RESOLVED: dict[str, Any] = {**CHATWOOT["conversation"], "status": "resolved", "event": "conversation_resolved"}
CHATWOOT_CHOSEN: dict[str, Any] = {
    **CHATWOOT,
    "event": "message_updated",
    "id": 124,
    "content": "Which one?",
    "content_type": "input_select",
    "content_attributes": {
        "attendant": "k1",
        "items": [{"title": "Refund", "value": "Refund"}, {"title": "Hours", "value": "Hours"}],
        "submitted_values": [{"title": "Refund", "value": "Refund"}],
    },
    "message_type": "outgoing",
    "sender": {"id": 1, "name": "Fern", "type": "agent_bot"},
}

_CONVERSATION: dict[str, Any] = {
    "id": "029c31f25a21b47effd7be90",
    "type": "personal",
    "brandId": "11",
    "metadata": {},
    "activeSwitchboardIntegration": {
        "id": "5d8",
        "name": "attendant",
        "integrationId": "6",
        "integrationType": "custom",
    },
}
SUNSHINE: dict[str, Any] = {
    "app": {"id": "5d8cff3cd55b040010928b5b"},
    "webhook": {"id": "w1", "version": "v2"},
    "events": [
        {
            "id": "e1",
            "createdAt": "2026-11-21T09:00:01.440Z",
            "type": "conversation:message",
            "payload": {
                "conversation": _CONVERSATION,
                "message": {
                    "id": "m1",
                    "received": "2026-11-21T09:00:00.000Z",
                    "author": {"type": "user", "userId": "u1", "displayName": "Anna", "user": {"id": "u1"}},
                    "content": {"type": "text", "text": "Where is my order?"},
                    "source": {"type": "web", "integrationId": "7"},
                    "metadata": {},
                    "deleted": False,
                },
                "recentNotifications": [],
            },
        }
    ],
}
SUNSHINE_PASSED: dict[str, Any] = {
    "events": [
        {
            "id": "e2",
            "createdAt": "2026-11-21T09:00:00.000Z",
            "type": "switchboard:passControl",
            "payload": {"conversation": _CONVERSATION, "metadata": {}},
        }
    ]
}
SUNSHINE_PRESSED: dict[str, Any] = {
    "events": [
        {
            "id": "e3",
            "createdAt": "2026-11-21T09:00:00.000Z",
            "type": "conversation:postback",
            "payload": {
                "postback": {"payload": "Refund", "metadata": {}},
                "conversation": _CONVERSATION,
                "user": {"id": "u1"},
                "source": {"type": "web"},
            },
        }
    ]
}

_PART: dict[str, Any] = {
    "type": "conversation_part",
    "id": "501",
    "part_type": "comment",
    "body": "<p>Where is my <b>order</b>?</p>",
    "created_at": 1795251600,
    "author": {"type": "user", "id": "64e1", "name": "Anna", "email": "anna@example.org"},
    "attachments": [],
}
INTERCOM: dict[str, Any] = {
    "type": "notification_event",
    "id": "notif_1",
    "topic": "conversation.user.replied",
    "app_id": "app",
    "created_at": 1795251601,
    "delivery_status": "pending",
    "delivery_attempts": 1,
    "data": {
        "type": "notification_event_data",
        "item": {
            "type": "conversation",
            "id": "77",
            "created_at": 1795251600,
            "updated_at": 1795251600,
            "admin_assignee_id": None,
            "team_assignee_id": None,
            "source": {
                "type": "conversation",
                "id": "900",
                "delivered_as": "customer_initiated",
                "subject": "",
                "body": "<p>Hello &amp; good day</p>",
                "author": {"type": "user", "id": "64e1"},
                "attachments": [],
            },
            "conversation_parts": {"type": "conversation_part.list", "conversation_parts": [_PART], "total_count": 1},
        },
    },
}
INTERCOM_CREATED = changed(INTERCOM, "topic", "conversation.user.created")
INTERCOM_ANSWERED = changed(
    changed(INTERCOM, "topic", "conversation.admin.replied"),
    "data.item.conversation_parts.conversation_parts.0.author",
    {"type": "admin", "id": "555", "name": "Ben"},
)
