"""What somebody wrote in an e-mail, without what they answer to and without the block below their name.

Cautious: only what is marked the way mail programs mark it is cut, and never what stands before such a mark.
"""

from __future__ import annotations

import re
from html import unescape

_QUOTED = re.compile(r"^\s*>")
_BEGINS_QUOTE = re.compile(
    r"""^\s*(?:
        on\ [^\n]{4,200}\ wrote: | am\ [^\n]{4,200}\ schrieb\b[^\n]{0,120}: | le\ [^\n]{4,200}\ a\ écrit\s?:
        | [^\n]{0,200}(?:写道|寫道)[:：]
        | -{3,}\s*(?:original\ message|ursprüngliche\ nachricht|message\ d'origine|forwarded\ message|原始邮件)\s*-{3,}
        | \#\#-\ [^\n]*\ -\#\#
    )\s*$""",
    re.IGNORECASE | re.VERBOSE,
)
_BEGINS_HEADERS = re.compile(r"^\s*\*?(?:from|von|de|发件人)\*?\s?[:：]\s?\S", re.IGNORECASE)
_HEADER = re.compile(r"^\s*\*?(?:sent|date|to|gesendet|an|envoyé|发送时间|收件人)\*?\s?[:：]", re.IGNORECASE)
_BEGINS_LONG = re.compile(r"^\s*(?:on|am|le)\s[^\n]{4,}", re.IGNORECASE)
_SIGNATURE = re.compile(r"^-- ?$")
_DEVICE = re.compile(r"^(?:sent from my \w[\w ]{1,30}|get outlook for \w+.*|发自我的.{1,20})\.?$", re.IGNORECASE)
_BREAKING = frozenset(("br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "ul", "ol", "table"))
_SILENT = frozenset(("style", "script", "head", "title", "blockquote"))
_HIDDEN = re.compile(r"<!--.*?(?:-->|\Z)|<[!?][^<>]*>", re.DOTALL)
_TAG = re.compile(r"<(?P<closing>/?)(?P<name>[a-zA-Z][a-zA-Z0-9]*)(?P<rest>[^<>]*)>")
_SPACES = re.compile(r"\s+")
_EDGES = re.compile(r" *\n *")
_MANY_BREAKS = re.compile(r"\n{3,}")


def own_words(text: str) -> str:
    """The text without quoted lines, what stands under a quote's heading, and a signature; perhaps nothing."""
    lines = text.split("\n")
    own = [place for place, line in enumerate(lines) if line.strip() and not _QUOTED.match(line)]
    last = own[-1] if own else -1
    end = next((place for place in range(len(lines)) if _ends(lines, place, last)), len(lines))
    kept = [line for line in lines[:end] if not _QUOTED.match(line) and not _BEGINS_QUOTE.match(line)]
    while kept and (not kept[-1].strip() or _DEVICE.match(kept[-1].strip())):
        kept.pop()
    return "\n".join(kept).strip()


def _ends(lines: list[str], place: int, last: int) -> bool:
    """True where the own words end before this line; ``last`` is the last line that is not quoted."""
    line = lines[place]
    following = lines[place + 1] if place + 1 < len(lines) else ""
    if _SIGNATURE.match(line):
        return any(before.strip() for before in lines[:place])
    if _BEGINS_QUOTE.match(line):
        below = next((each for each in lines[place + 1 :] if each.strip()), "")
        return not (_QUOTED.match(below) and last > place)  # answers between quoted lines stand below the heading
    if _BEGINS_HEADERS.match(line):
        return any(map(_HEADER.match, lines[place + 1 : place + 4]))
    # mail programs break the heading of a quote where it is long
    return bool(_BEGINS_LONG.match(line) and _BEGINS_QUOTE.match(f"{line.rstrip()} {following.strip()}"))


def from_html(text: str) -> str:
    """The text of HTML, a line for each block; what is quoted in a block of its own is left out.

    The parser of the standard library takes minutes for tags that never end, so that tags are found by pattern.
    """
    found: list[str] = []
    silent: list[str] = []
    end = 0
    text = _HIDDEN.sub("", text)
    for tag in _TAG.finditer(text):
        if not silent:
            found.append(_words(text[end : tag.start()]))
        end = tag.end()
        name = tag["name"].casefold()
        if tag["closing"]:
            if silent[-1:] == [name]:
                silent.pop()
        elif silent[-1:] == [name] or name in _SILENT or (name == "div" and "gmail_quote" in tag["rest"]):
            silent.append(name)  # one more of the kind has to be closed before the text goes on
        if name in _BREAKING and not silent:
            found.append("\n")
    if not silent:
        found.append(_words(text[end:]))
    return _MANY_BREAKS.sub("\n\n", _EDGES.sub("\n", "".join(found))).strip()


def _words(text: str) -> str:
    return _SPACES.sub(" ", unescape(text))
