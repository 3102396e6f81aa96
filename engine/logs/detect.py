"""Which format a file has, by what stands in it. Its name decides only where nothing else does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from engine.errors import KnowledgeError
from engine.logs.items import items
from engine.logs.notes import Notes
from engine.logs.raw import Raw
from engine.logs.transcript import header_of, is_transcript
from engine.logs.words import CONVERSATION, SPEAKER, TEXT, column, plain

FORMATS = {
    "faq": "a FAQ as a table (CSV, TSV)",
    "faq-jsonl": "a FAQ as JSON objects",
    "conversations": "one JSON object a conversation",
    "messages": "one JSON object a message",
    "transcript": "a transcript as a table (CSV, TSV)",
    "chatwoot": "conversations of Chatwoot",
    "zendesk": "tickets of Zendesk",
    "chatterbot": "a ChatterBot corpus (YAML)",
    "rasa": "training data of Rasa (YAML)",
}
_BY_NAME = {".csv": "faq", ".tsv": "faq", ".tab": "faq", ".jsonl": "conversations", ".ndjson": "conversations"}
_LOOKED_AT = 20  # objects; the first may be an exception
_RASA = re.compile(r"^(?:nlu|responses|rules|stories|intents)\s*:\s*(?:#.*)?\r?$", re.MULTILINE)
_CHATTERBOT = re.compile(r"^conversations\s*:\s*(?:#.*)?\r?$", re.MULTILINE)
_BY_KEY = {"comments": "zendesk", "message_type": "chatwoot", "turns": "conversations"}


def detect(path: Path, head: str) -> str | None:
    """The name of the format, one of ``FORMATS``; None where neither the text nor the name of the file tells.

    ``head`` is the beginning of the file; the rest of it may be of another mind, and reading then says so.
    """
    return _by_content(head) or _by_name(path)


def _by_content(head: str) -> str | None:
    start = head.lstrip()
    if start.startswith(("{", "[")):
        return _of_json(head)
    header = header_of(head)
    names = {name.casefold() for name in header}
    if {"question", "answer"} <= names:
        return "faq"
    if len(header) > 2 and is_transcript(header):
        return "transcript"
    if _CHATTERBOT.search(head):
        return "chatterbot"
    return "rasa" if _RASA.search(head) else None


def _by_name(path: Path) -> str | None:
    return _BY_NAME.get(Path(path.name.casefold().removesuffix(".gz")).suffix)


class _Head(Raw):
    """The beginning of a file, to be looked at like a whole one."""

    def __init__(self, head: str) -> None:
        self.head, self._ended = head, True


def _of_json(head: str) -> str | None:
    whole = head if len(head) < 1 << 19 else head[: head.rfind("\n") + 1] or head
    try:
        found = [_kind(item) for _, item in islice(items(_Head(whole), Notes("")), _LOOKED_AT)]
    except KnowledgeError:
        found = []
    known = next(filter(None, found), None)
    return known or next((kind for key, kind in _BY_KEY.items() if f'"{key}"' in head), None)


def _kind(item: Any) -> str | None:
    """The format of one JSON object."""
    if not isinstance(item, Mapping):
        return None
    if isinstance(item.get("turns"), list):
        return "conversations"
    if isinstance(item.get("messages"), list) and "message_type" not in item:
        return _kind_by_messages(item)
    if "message_type" in item:
        return "chatwoot"
    ticket = item.get("ticket") if isinstance(item.get("ticket"), Mapping) else item
    if isinstance(ticket, Mapping) and (isinstance(ticket.get("comments"), list) or "requester_id" in ticket):
        return "zendesk"
    if "question" in item or "questions" in item:
        return "faq-jsonl"
    keys = [plain(str(key)) for key in item]
    return "messages" if all(column(keys, names) for names in (CONVERSATION, SPEAKER, TEXT)) else None


def _kind_by_messages(item: Mapping[str, Any]) -> str:
    said = [message for message in item["messages"] if isinstance(message, Mapping)]
    if any("message_type" in message for message in said) or (not said and "inbox_id" in item):
        return "chatwoot"
    return "conversations"
