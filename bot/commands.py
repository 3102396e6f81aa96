"""What a customer can ask of the bot itself, with the same words on every channel: ``/help /why /human /new``."""

from __future__ import annotations

import re
from enum import StrEnum

from engine.dialogue import Reply, Source


class Command(StrEnum):
    """A command, by the word after the slash."""

    HELP = "help"
    WHY = "why"
    HUMAN = "human"
    NEW = "new"


_COMMAND = re.compile(r"/([a-z]{1,32})(?:@\w{1,64})?$", re.IGNORECASE)
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
        return None
    try:
        return Command(found.group(1).casefold())
    except ValueError:
        return found.group()


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
