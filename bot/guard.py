"""The last look at a reply before it leaves: never empty, never too long, never with an open placeholder."""

from __future__ import annotations

import re

from bot.wording import Wording
from engine.dialogue import Provenance, Reply, Source
from engine.ports import Response
from engine.text.normalise import clean
from engine.text.tokenise import SLOT_NAMES

LONGEST_REPLY = 50_000
_STRAY = re.compile(rf"⟨(?:\d+|[a-z_]+)⟩|\{{(?:{'|'.join(SLOT_NAMES)})(?:\|[^{{}}]*)?\}}")


class Guard:
    """Turns what the engine thought into what the customer reads."""

    def __init__(self, wording: Wording) -> None:
        self._wording = wording

    def review(self, response: Response, locale: str) -> Reply:
        """The reply; a text that must not leave is replaced by an honest fixed sentence that says so in its reason."""
        text = clean(response.text).strip()
        if not text or _STRAY.search(text) or len(text) > LONGEST_REPLY:
            reason = (
                f"the guard held back an answer of {len(text)} characters: empty, too long or with an open placeholder"
            )
            if response.handoff:
                handed = Provenance(Source.HANDOFF, "guard", reason)
                return Reply(self._wording.say("handoff", locale), handed, response.confidence, handoff=True)
            return Reply(self._wording.say("unsure", locale), Provenance(Source.FIXED, "guard", reason), 0.0)
        return Reply(
            text,
            response.provenance,
            response.confidence,
            entry=response.entry,
            choices=response.choices,
            candidates=response.candidates,
            handoff=response.handoff,
        )
