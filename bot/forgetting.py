"""Replies to ``/forget``: what was asked, and what was said about it, are not kept in words either.

What is stored of such a reply names the sentence and its language; a redelivery of the message gets the sentence.
"""

from __future__ import annotations

import re
from dataclasses import replace

from bot.wording import Wording
from engine.dialogue import Provenance, Reply, Source

_REASON = re.compile(r"fixed sentence: (forgotten_\w+) \(([\w-]*)\)")


def confirmation(name: str, locale: str, wording: Wording) -> Reply:
    """The reply that says the sentence ``name``, and in its reason how to say it once more."""
    provenance = Provenance(Source.FIXED, "bot", f"fixed sentence: {name} ({locale})")
    return Reply(wording.say(name, locale), provenance, 1.0)


def wordless(reply: Reply) -> Reply:
    """The reply as it is stored."""
    return replace(reply, text="")


def in_words(reply: Reply, wording: Wording) -> Reply:
    """A stored reply as it was given; every other one than that to ``/forget`` is as it is."""
    found = _REASON.fullmatch(reply.provenance.reason) if not reply.text else None
    return reply if found is None else confirmation(found[1], found[2], wording)
