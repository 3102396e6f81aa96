"""How Telegram reads a formatted text: what remains of it, and which parts are bold, a link and so on.

The wording of the errors is that of the open source of the Bot API server; not all of its cases are here: custom
emoji, dates and nested block quotes are taken as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import unescape
from typing import Any

Entity = dict[str, Any]

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
_HTML_TAGS = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler", "span": "spoiler",
    "a": "text_link", "code": "code", "pre": "pre", "blockquote": "blockquote",
}  # fmt: skip
_TAG = re.compile(r"<(/?)([A-Za-z0-9-]*)((?:\s+[\w-]+(?:\s*=\s*(?:\"[^\"]*\"|'[^']*'|[^\s>]+))?)*)\s*>")
_HREF = re.compile(r"href\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))")
_NAMED = re.compile(r"&(?:lt|gt|amp|quot|#\d+|#x[0-9a-fA-F]+);")
_RESERVED = frozenset("_*[]()~`>#+-=|{}.!")
_MARKS = (("||", "spoiler"), ("__", "underline"), ("*", "bold"), ("_", "italic"), ("~", "strikethrough"))
_OLD_MARKS = {"*": "bold", "_": "italic", "`": "code"}
_WRITTEN = (
    ("bot_command", re.compile(r"(?<![\w/@])/[A-Za-z0-9_]{1,32}(?:@\w{3,32})?")),
    ("mention", re.compile(r"(?<!\w)@\w{4,32}")),
    ("url", re.compile(r"\bhttps?://[^\s<>\"]+")),
    ("email", re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]*\w")),
)


class Unparsable(Exception):  # noqa: N818 - named after what it is
    """The markup is wrong; the message is the part behind "can't parse entities: "."""


def units(text: str) -> int:
    """Length in UTF-16 units, which Telegram counts and points with."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def parse(text: str, mode: str) -> tuple[str, Sequence[Entity]]:
    """The text without its markup, and its entities.

    Raises:
        Unparsable: If the mode is unknown or the markup is wrong.
    """
    readers: dict[str, Callable[[str], tuple[str, list[Entity]]]] = {
        "": lambda plain: (plain, []),
        "html": _html,
        "markdown": _old_markdown,
        "markdownv2": _markdown,
    }
    reader = readers.get(mode.lower())
    if reader is None:
        raise Unparsable("unsupported parse_mode")
    said, entities = reader(text)
    return said, [entity for entity in entities if entity["length"] > 0]


def written_entities(text: str) -> Sequence[Entity]:
    """What Telegram finds by itself in what people write: commands, mentions, addresses."""
    found = [
        _entity(kind, units(text[: match.start()]), units(match.group()))
        for kind, pattern in _WRITTEN
        for match in pattern.finditer(text)
    ]
    return sorted(found, key=lambda entity: int(entity["offset"]))


def _entity(kind: str, offset: int, length: int, url: str | None = None) -> Entity:
    entity: Entity = {"type": kind, "offset": offset, "length": length}
    return entity if url is None else {**entity, "url": url}


def _at(text: str, place: int) -> str:
    return f"at byte offset {len(text[:place].encode('utf-8', 'surrogatepass'))}"


def _html(text: str) -> tuple[str, list[Entity]]:
    out, entities = "", []
    open_tags: list[tuple[str, int, str | None]] = []
    place = 0
    while (start := text.find("<", place)) >= 0:
        out += _unescaped(text[place:start])
        tag = _TAG.match(text, start)
        if tag is None:
            raise Unparsable(f"Unclosed start tag {_at(text, start)}")
        place, name = tag.end(), tag[2].lower()
        if not tag[1]:
            if name not in _HTML_TAGS:
                raise Unparsable(f'Unsupported start tag "{name}" {_at(text, start)}')
            open_tags.append((name, units(out), _address(tag[3])))
            continue
        if not open_tags:
            raise Unparsable(f"Unexpected end tag {_at(text, start)}")
        expected, since, url = open_tags.pop()
        if name not in ("", expected):
            raise Unparsable(f'Unmatched end tag {_at(text, start)}, expected "</{expected}>", found "</{name}>"')
        if expected != "a" or url:
            entities.append(_entity(_HTML_TAGS[expected], since, units(out) - since, url if expected == "a" else None))
    if open_tags:
        raise Unparsable(f'Can\'t find end tag corresponding to start tag "{open_tags[-1][0]}"')
    return out + _unescaped(text[place:]), entities


def _unescaped(text: str) -> str:
    return _NAMED.sub(lambda match: unescape(match.group()), text)


def _address(attributes: str) -> str | None:
    found = _HREF.search(attributes)
    return None if found is None else unescape(next(group for group in found.groups() if group is not None))


def _markdown(text: str) -> tuple[str, list[Entity]]:
    return _Marked(text).read()


class _Marked:
    """One reading of MarkdownV2: ``out`` grows, ``opened`` holds (mark, kind, place in the text, offset in ``out``)."""

    def __init__(self, text: str) -> None:
        self.text, self.place, self.out = text, 0, ""
        self.entities: list[Entity] = []
        self.opened: list[tuple[str, str, int, int]] = []

    def read(self) -> tuple[str, list[Entity]]:
        while self.place < len(self.text):
            self._step()
        if self.opened:
            _, kind, place, _ = self.opened[-1]
            name = {"text_link": "TextUrl"}.get(kind, kind.capitalize())
            raise Unparsable(f"Can't find end of {name} entity {_at(self.text, place)}")
        return self.out, self.entities

    def _step(self) -> None:
        text, place = self.text, self.place
        char = text[place]
        if char == "\\" and place + 1 < len(text) and 0 < ord(text[place + 1]) < 127:
            self._keep(text[place + 1], 2)
        elif char == "`":
            self._code("```" if text.startswith("```", place) else "`")
        elif char == "[" or text.startswith("![", place):
            self._open("]", "text_link", 1 if char == "[" else 2)
        elif char == "]" and self.opened and self.opened[-1][0] == "]":
            self._link()
        elif char == ">" and (place == 0 or text[place - 1] == "\n"):
            self._keep("", 1)
        elif (mark := next(((mark, kind) for mark, kind in _MARKS if text.startswith(mark, place)), None)) is not None:
            self._mark(*mark)
        elif char in _RESERVED:
            raise Unparsable(f"Character '{char}' is reserved and must be escaped with the preceding '\\'")
        else:
            self._keep(char, 1)

    def _keep(self, said: str, step: int) -> None:
        self.out += said
        self.place += step

    def _open(self, mark: str, kind: str, step: int) -> None:
        self.opened.append((mark, kind, self.place, units(self.out)))
        self.place += step

    def _mark(self, mark: str, kind: str) -> None:
        if not self.opened or self.opened[-1][0] != mark:
            self._open(mark, kind, len(mark))
            return
        _, _, _, since = self.opened.pop()
        self.entities.append(_entity(kind, since, units(self.out) - since))
        self.place += len(mark)

    def _code(self, mark: str) -> None:
        end, kind = self.place + len(mark), "pre" if len(mark) == 3 else "code"
        said = ""
        while not self.text.startswith(mark, end):
            if end >= len(self.text):
                raise Unparsable(f"Can't find end of {kind.capitalize()} entity {_at(self.text, self.place)}")
            escaped = self.text[end] == "\\" and self.text[end + 1 : end + 2] in ("`", "\\")
            said += self.text[end + 1] if escaped else self.text[end]
            end += 2 if escaped else 1
        self.entities.append(_entity(kind, units(self.out), units(said)))
        self.out += said
        self.place = end + len(mark)

    def _link(self) -> None:
        _, kind, opened_at, since = self.opened.pop()
        end = self.place + 1
        url = ""
        if self.text.startswith("(", end):
            close = re.compile(r"(?:\\.|[^)\\])*\)", re.DOTALL).match(self.text, end + 1)
            if close is None:
                raise Unparsable(f"Can't find end of a URL {_at(self.text, opened_at)}")
            url = re.sub(r"\\(.)", r"\1", close.group()[:-1])
            end = close.end()
        if url:
            self.entities.append(_entity(kind, since, units(self.out) - since, url))
        self.place = end


def _old_markdown(text: str) -> tuple[str, list[Entity]]:
    out, place = "", 0
    entities: list[Entity] = []
    while place < len(text):
        char = text[place]
        if char == "\\" and text[place + 1 : place + 2] in ("_", "*", "`", "["):
            out, place = out + text[place + 1], place + 2
        elif char in _OLD_MARKS:
            mark, kind = ("```", "pre") if text.startswith("```", place) else (char, _OLD_MARKS[char])
            end = text.find(mark, place + len(mark))
            if end < 0:
                raise Unparsable(f"Can't find end of the entity starting {_at(text, place)}")
            said = text[place + len(mark) : end]
            entities.append(_entity(kind, units(out), units(said)))
            out, place = out + said, end + len(mark)
        elif char == "[" and (link := re.compile(r"\[([^\]]*)\]\(([^)]*)\)").match(text, place)) is not None:
            entities.append(_entity("text_link", units(out), units(link[1]), link[2]))
            out, place = out + link[1], link.end()
        else:
            out, place = out + char, place + 1
    return out, entities
