"""Text from outside made harmless for a terminal; all that is shown or typed passes through here."""

from __future__ import annotations

import re

_CONTROLS = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_BREAKS = re.compile("\r\n?|[\u2028\u2029]")
_ESCAPES = re.compile(
    # Titles, links, the clipboard: a text between an opening and an end.
    rf"(?:\x1b[\]PX^_]|[\x90\x98\x9d-\x9f])[^{_CONTROLS}]*(?:\x07|\x1b\\|\x9c)"
    r"|(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"  # colours, movements, modes
    r"|\x1b[ -/]*[0-~]"  # everything shorter
)
_UNSEEN = re.compile(f"[{_CONTROLS}\u202a-\u202e\u2066-\u2069]")
_SURROGATES = re.compile("[\ud800-\udfff]")


def safe(text: str) -> str:
    """``text`` without anything that a terminal would obey; newlines and tabs stay.

    Escape sequences go whole, other control characters and the marks that turn the direction of text go one
    by one, and a lone surrogate, which no terminal can be sent, becomes U+FFFD. Doing it twice changes
    nothing.
    """
    text = _ESCAPES.sub("", _BREAKS.sub("\n", text))
    return _SURROGATES.sub("\ufffd", _UNSEEN.sub("", text))


def one_line(text: str) -> str:
    """``safe(text)`` with a space for every newline and tab."""
    return safe(text).replace("\n", " ").replace("\t", " ")
