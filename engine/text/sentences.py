"""Where one sentence ends and the next begins, in English and Chinese."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|\n+")


def sentences(text: str) -> list[str]:
    """The sentences of a text in order, without those that are blank."""
    return [sentence for sentence in _END.split(text) if sentence.strip()]
