"""What the terminal itself says: the line under a reply, the numbers of choices, the hints."""

from __future__ import annotations

import re
from collections.abc import Sequence

from engine.dialogue import Choice, Reply, Source

PLACEHOLDER = "Type your question and press Enter"
LEAVING = "/quit leaves this screen."
COLLEAGUE = "colleague"
LONGEST_ECHO = 2_000
"""How many characters of a customer's own message are shown; more would bury the conversation."""

_SOURCES = {
    Source.GENERATED: "generated",
    Source.RETRIEVED: "retrieved",
    Source.CLARIFY: "asking back",
    Source.FIXED: "fixed sentence",
    Source.HANDOFF: "handed to a person",
}
_NUMBER = re.compile(r"\s*#?(\d{1,3})[.)．。、）]?\s*")


def note(reply: Reply) -> str:
    """Source and confidence of a reply in words, such as ``retrieved · delivery-cost-uk · 93 %``.

    Fixed sentences and handoffs are decisions and not estimates, so they have no percentage.
    """
    source = reply.provenance.source
    if reply.handoff or source is Source.HANDOFF:
        return f"→ {_SOURCES[Source.HANDOFF]}"
    words = [_SOURCES[source]]
    if source in (Source.GENERATED, Source.RETRIEVED):
        words.append(reply.provenance.origin if reply.entry is None else reply.entry)
    if source is not Source.FIXED:
        words.append(f"{reply.confidence * 100:.0f} %")
    return " · ".join(word for word in words if word)


def chosen(text: str, choices: Sequence[Choice]) -> str:
    """The text of the choice whose number was typed; ``text`` itself where it is no such number."""
    found = _NUMBER.fullmatch(text)
    position = int(found.group(1)) if found else 0
    return choices[position - 1].text if 1 <= position <= len(choices) else text


def echo(text: str) -> str:
    """A customer's message as it is shown: a very long one by its beginning and its length."""
    if len(text) <= LONGEST_ECHO:
        return text
    return f"{text[:LONGEST_ECHO]}… ({len(text):,} characters)"


def notice(missing: str) -> str:
    """What the operator is told when the bot cannot answer yet."""
    return f"Not ready to answer: {missing}"
