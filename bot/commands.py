"""What a customer can ask of the bot itself, with the same words on every channel.

``/help /why /human /new /forget``
"""

from __future__ import annotations

import re
from enum import StrEnum

from engine.dialogue import Reply, Source
from storage.ports import Scope


class Command(StrEnum):
    """A command, by the word after the slash."""

    HELP = "help"
    WHY = "why"
    HUMAN = "human"
    NEW = "new"
    FORGET = "forget"


_COMMAND = re.compile(r"/([a-z]{1,32})(?:@\w{1,64})?$", re.IGNORECASE)
_FORGET = re.compile(r"/forget(?:@\w{1,64})?(?:\s+(?P<what>.*))?$", re.IGNORECASE | re.DOTALL)
_SCOPES = {
    **dict.fromkeys(
        ("conversation", "this", "this conversation", "chat", "会话", "对话", "这次对话", "本次会话"),
        Scope.CONVERSATION,
    ),
    **dict.fromkeys(("me", "all", "all about me", "everything", "我", "关于我", "全部", "一切"), Scope.PERSON),
}
_SOURCES = {
    Source.GENERATED: "composed by the generator from this entry",
    Source.RETRIEVED: "the entry's own words",
    Source.CLARIFY: "a question back",
    Source.FIXED: "a fixed sentence",
    Source.HANDOFF: "a handoff to a person",
}


def parse(text: str) -> Command | str | None:
    """The command that ``text`` is; its text where no such command exists; None where it is no command at all."""
    found = _COMMAND.match(text.strip())
    if not found:
        return Command.FORGET if _FORGET.match(text.strip()) else None
    try:
        return Command(found.group(1).casefold())
    except ValueError:
        return found.group()


def to_forget(text: str) -> Scope | None:
    """What ``/forget`` names: this conversation, or all of the customer's; None where it names neither."""
    found = _FORGET.match(text.strip())
    named = (found["what"] or "") if found else ""
    return _SCOPES.get(" ".join(named.casefold().split()).strip(' .!?。！？「」“”"'))


def why(reply: Reply) -> str:
    """Where a reply came from, for people: source, confidence, reason and the entries that were considered."""
    lines = [
        f"Source: {reply.provenance.source.value} ({_SOURCES[reply.provenance.source]})",
        f"Confidence: {reply.confidence:.0%}",
        f"Reason: {reply.provenance.reason}",
        f"Origin: {reply.provenance.origin}",
    ]
    if reply.candidates:
        lines.append("Considered:")
        lines += [f"  {candidate.confidence:>4.0%}  {candidate.entry}" for candidate in reply.candidates[:5]]
    return "\n".join(lines)
