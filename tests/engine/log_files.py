"""Conversations and entries written in the formats of other systems, for reading them back."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from typing import Any

from engine.dialogue import Speaker
from engine.logs.conversation import LoggedConversation, LoggedTurn

Write = Callable[[Sequence[LoggedConversation]], str]


def _is_customer(turn: LoggedTurn) -> bool:
    return turn.turn.speaker is Speaker.CUSTOMER


def _time(turn: LoggedTurn) -> str:
    return turn.time.isoformat() if turn.time else ""


def _lines(items: Sequence[Any]) -> str:
    return "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items)


def as_conversations(conversations: Sequence[LoggedConversation]) -> str:
    return _lines(
        [
            {
                "conversation_id": each.id,
                "turns": [
                    {"role": turn.turn.speaker.value, "text": turn.turn.text, "time": _time(turn)}
                    for turn in each.turns
                ],
            }
            for each in conversations
        ]
    )


def as_messages(conversations: Sequence[LoggedConversation]) -> str:
    """Messages with those of a conversation in turn, but the conversations mixed."""
    messages = [
        (number, {"chat_id": each.id, "role": turn.turn.speaker.value, "text": turn.turn.text, "time": _time(turn)})
        for each in conversations
        for number, turn in enumerate(each.turns)
    ]
    return _lines([message for _, message in sorted(messages, key=lambda pair: pair[0])])


def as_transcript(conversations: Sequence[LoggedConversation], separator: str = ",") -> str:
    """A table whose rows are in no order at all."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=separator)
    writer.writerow(("Timestamp", "Conversation ID", "Sender", "Agent Name", "Message"))
    rows = [
        (_time(turn), each.id, turn.turn.speaker.value.title(), "x", turn.turn.text)
        for each in conversations
        for turn in reversed(each.turns)
    ]
    writer.writerows(rows)
    return out.getvalue()


def a_chatwoot_conversation(each: LoggedConversation) -> dict[str, Any]:
    messages = [
        {
            "id": number,
            "content": turn.turn.text,
            "message_type": 0 if _is_customer(turn) else 1,
            "private": False,
            "created_at": turn.time.timestamp() if turn.time else None,
            "sender": {"id": 1, "type": "contact" if _is_customer(turn) else "user"},
        }
        for number, turn in enumerate(each.turns)
    ]
    note = {"content": "a note", "message_type": 1, "private": True, "created_at": 1}
    activity = {"content": "was resolved", "message_type": 2, "private": False, "created_at": 2}
    return {"id": each.id, "inbox_id": 1, "messages": [*reversed(messages), note, activity]}


def as_chatwoot(conversations: Sequence[LoggedConversation]) -> str:
    return _lines([a_chatwoot_conversation(each) for each in conversations])


def as_chatwoot_listing(conversations: Sequence[LoggedConversation]) -> str:
    payload = [a_chatwoot_conversation(each) for each in conversations]
    return json.dumps({"data": {"meta": {"all_count": len(payload)}, "payload": payload}})


def a_ticket(each: LoggedConversation) -> dict[str, Any]:
    comments = [
        {
            "id": number,
            "author_id": 7 if _is_customer(turn) else 8,
            "body": turn.turn.text,
            "plain_body": turn.turn.text,
            "public": True,
            "created_at": _time(turn),
        }
        for number, turn in enumerate(each.turns)
    ]
    note = {"author_id": 8, "body": "a note", "public": False, "created_at": "2024-01-01T00:00:00Z"}
    return {"id": each.id, "subject": "Help", "requester_id": 7, "comments": [note, *comments]}


def as_zendesk(conversations: Sequence[LoggedConversation]) -> str:
    return _lines([a_ticket(each) for each in conversations])


def as_zendesk_list(conversations: Sequence[LoggedConversation]) -> str:
    return json.dumps({"tickets": [a_ticket(each) for each in conversations], "count": len(conversations)}, indent=1)


WRITERS: dict[str, tuple[str, Write]] = {
    "conversations": ("conversations", as_conversations),
    "messages": ("messages", as_messages),
    "transcript": ("transcript", as_transcript),
    "transcript with tabs": ("transcript", lambda each: as_transcript(each, "\t")),
    "transcript with semicolons": ("transcript", lambda each: as_transcript(each, ";")),
    "chatwoot": ("chatwoot", as_chatwoot),
    "chatwoot listing": ("chatwoot", as_chatwoot_listing),
    "zendesk": ("zendesk", as_zendesk),
    "zendesk list": ("zendesk", as_zendesk_list),
}
