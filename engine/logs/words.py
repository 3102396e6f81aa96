"""What other systems call the same things: who speaks, which conversation, when, and what was said."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from engine.dialogue import Speaker
from engine.text.normalise import clean

CONVERSATION = (
    *("conversation_id", "conversation", "conversationid", "conv_id", "chat_id", "chatid", "chat", "session_id"),
    *("sessionid", "session", "thread_id", "thread", "ticket_id", "ticketid", "ticket", "dialogue_id", "dialog_id"),
    *("case_id", "room_id", "会话id", "会话编号", "会话", "对话id", "对话"),
)
SPEAKER = (
    *("role", "speaker", "sender_type", "sender", "author_type", "author", "from", "participant", "user_type", "who"),
    *("角色", "发言人", "说话人", "发送者", "发送人"),
)
TEXT = ("text", "message", "content", "body", "utterance", "message_text", "msg", "内容", "消息", "文本")
TIME = (
    *("time", "timestamp", "created_at", "sent_at", "datetime", "date_time", "date", "created", "createdat"),
    *("时间", "发送时间"),
)
_CUSTOMER = (
    *("customer", "user", "client", "visitor", "guest", "end-user", "end_user", "enduser", "end user", "requester"),
    *("consumer", "contact", "buyer", "caller", "incoming", "inbound", "客户", "用户", "顾客", "访客", "买家"),
)
_AGENT = (
    *("agent", "bot", "assistant", "operator", "support", "staff", "admin", "representative", "rep", "advisor"),
    *("seller", "employee", "outgoing", "outbound", "chatbot", "客服", "坐席", "卖家", "机器人"),
)
NOBODY = ("system", "activity", "event", "note", "系统")
SPEAKERS = {**dict.fromkeys(_CUSTOMER, Speaker.CUSTOMER), **dict.fromkeys(_AGENT, Speaker.AGENT)}
_FORMS = ("%Y/%m/%d %H:%M:%S", "%Y/%m/%d %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%Y %H:%M")
_NUMBER = re.compile(r"\d{9,17}(?:\.\d+)?")
_MILLISECONDS = 1e11  # a time in seconds that large lies in the year 5138


def column(header: Iterable[str], names: tuple[str, ...]) -> str | None:
    """That key of ``header`` that means one of ``names``, the first of these before the others."""
    found = {plain(key): key for key in reversed(list(header))}
    return next((found[name] for name in names if name in found), None)


def plain(key: str) -> str:
    """A column name without the differences that mean nothing: ``Conversation ID`` is ``conversation_id``."""
    return re.sub(r"[\s_-]+", "_", key.strip().casefold())


def value(item: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """What ``item`` holds under one of ``names``.

    Raises:
        KeyError: If it has none of them; names the first.
    """
    for name in names:
        if name in item:
            return item[name]
    raise KeyError(names[0])


def speaker(role: str) -> Speaker:
    """Who it is that a log calls ``role``.

    Raises:
        ValueError: If that cannot be told; says what can.
    """
    found = SPEAKERS.get(role.strip().casefold())
    if found is None:
        known = "agent, bot, customer, user"
        raise ValueError(f"role {role!r} is none of {known} and the like; name each speaker customer or agent")
    return found


def is_nobody(role: str) -> bool:
    """True for what a system noted between the turns."""
    return role.strip().casefold() in NOBODY


def said(text: Any) -> str:
    """What was said, cleaned; empty where it is no text."""
    return clean(text).strip() if isinstance(text, str) else ""


def name(value: Any) -> str:
    """An id that may be a number or a text."""
    return clean(str(value)).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def moment(value: Any) -> datetime | None:
    """A time in UTC: ISO 8601 (without a zone it counts as UTC), seconds or milliseconds since 1970, else None."""
    try:
        if isinstance(value, str):
            return _written(value.strip())
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return datetime.fromtimestamp(value / 1000 if value >= _MILLISECONDS else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None


def _written(text: str) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return moment(float(text))
    try:
        found = datetime.fromisoformat(text.removesuffix(" UTC"))
    except ValueError:
        other = (_in_form(text, form) for form in _FORMS)
        return next(filter(None, other), None)
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _in_form(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
