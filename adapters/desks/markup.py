"""The HTML that some desks carry, as text for the bot; and the bot's text as HTML.

Read by hand: the parser of the standard library takes quadratic time over hostile markup, and text is all that is
wanted of it. Every step here is linear.
"""

from __future__ import annotations

import html
import re

LONGEST = 200_000
"""Characters of HTML that are looked at."""

_TOKEN = re.compile(
    r"<!--(?:(?!-->).)*+(?:-->)?"  # a comment
    r"|<[!?][^>]*+>?"  # a declaration
    r"|<(?P<end>/?)(?P<tag>[A-Za-z][A-Za-z0-9]*+)(?P<rest>[^<>]*+)>",
    re.DOTALL,
)
_TARGET = re.compile(r"""\shref\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"']++))""", re.IGNORECASE)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_BLOCKS = frozenset(
    ("p", "div", "ul", "ol", "table", "tr", "blockquote", "pre", "hr", "section", "article", *_HEADINGS)
)
_SILENT = frozenset(("script", "style", "head", "title"))
_SPACES = re.compile(r"[ \t\r\f\v\n]+")


class _Reader:
    """Collects text; ``images`` counts the pictures that stood in it."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.images = 0
        self._silent = ""
        self._kept = False
        self._link: tuple[str, int] | None = None

    def start(self, tag: str, rest: str) -> None:
        if self._silent:
            return
        if tag in _SILENT:
            self._silent = tag
        elif tag in ("br", "li"):
            self.parts.append("\n" if tag == "br" else "\n- ")
        elif tag == "img":
            self.images += 1
        elif tag == "a":
            self._link = (_target(rest), len(self.parts))
        elif tag in _BLOCKS:
            self.parts.append("\n\n")
            self._kept = self._kept or tag == "pre"

    def end(self, tag: str) -> None:
        if self._silent:
            self._silent = "" if tag == self._silent else self._silent
        elif tag == "a" and self._link is not None:
            self._end_link(*self._link)
        elif tag in _BLOCKS:
            self.parts.append("\n\n")
            self._kept = self._kept and tag != "pre"

    def say(self, data: str) -> None:
        if data and not self._silent:
            text = html.unescape(data)
            self.parts.append(text if self._kept else _SPACES.sub(" ", text))

    def _end_link(self, target: str, start: int) -> None:
        shown = "".join(self.parts[start:]).strip()
        address = target.removeprefix("mailto:").removeprefix("tel:")
        if address.strip("/") and address.strip("/") not in shown:
            self.parts.append(f" ({address})" if shown else address)
        self._link = None


def to_text(markup: str) -> tuple[str, int]:
    """HTML as text with its paragraphs, list items and the addresses of links, and the number of its pictures."""
    reader, markup, place = _Reader(), markup[:LONGEST], 0
    for token in _TOKEN.finditer(markup):
        reader.say(markup[place : token.start()])
        place = token.end()
        tag = (token["tag"] or "").lower()
        if token["end"]:
            reader.end(tag)
        elif tag:
            reader.start(tag, token["rest"])
    reader.say(markup[place:])
    lines = [line.strip() for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip(), reader.images


def to_html(text: str) -> str:
    """Text as HTML: paragraphs, line breaks, and nothing of it read as markup."""
    paragraphs = re.split(r"\n{2,}", html.escape(text.strip(), quote=False))
    return "".join(f"<p>{paragraph.replace(chr(10), '<br>')}</p>" for paragraph in paragraphs)


def _target(attributes: str) -> str:
    found = _TARGET.search(attributes)
    return html.unescape(next(filter(None, found.groups()), "")).strip() if found else ""
