"""Answers as templates: values stand as placeholders, so that no digit is ever generated.

``Delivery costs £3.95`` becomes ``Delivery costs ⟨1⟩`` with the value ``£3.95``: the generator composes around
placeholders, and the values are put back from the entry. An author's ``{name|there}`` becomes ``⟨name⟩`` and is filled
from working memory, or with the default after the bar. A slot of the company's own, ``{size|your size}``, is a value
like any other while it is composed around, since the pieces of a generator are the same everywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.text.tokenise import SLOT_NAMES, VALUE_MARKS

_LINK = r"(?:https?://|www\.)[^\s<>（）()，。、；！？“”\"']+"
_MAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
_CODE = r"[A-Za-z]{1,4}-?\d+"
_NUMBER = (
    r"[£€$¥￥+-]?\s?\d+(?:[.,:/×–-]\d+)*"
    r"(?:\s\d{2,}(?:[.,:/×–-]\d+)*)*"
    r"(?:\s?(?:%|°C|kg|km|mm|cm|lm|ml|g|l|m)\b|%|\s?°C)?"
)
VALUE = re.compile(f"{_LINK}|{_MAIL}|{_CODE}|{_NUMBER}", re.ASCII | re.IGNORECASE)
"""What a template never holds as a plain word: links, e-mail addresses, codes and numbers."""
SLOT = re.compile(r"\{([a-z][a-z0-9_]{0,40})(?:\|([^{}]*))?\}")
"""A slot in an answer: its name, and after a bar what is said while nothing is known."""
_PLACEHOLDER = re.compile(r"⟨([^⟨⟩]+)⟩")
_ANY_DIGIT = re.compile(r"\d")
_LINK_END = ".,;:!?，。；：！？"


@dataclass(frozen=True, slots=True)
class Template:
    """An answer with placeholders. ``values`` stand for ``⟨1⟩``, ``⟨2⟩``, …, slots of the company's own among them as
    ``{size|your size}``; ``defaults`` for the other slots while they are not known.

    ``whole`` is False where an answer has more values than there are placeholders, or two defaults for one slot:
    such an answer is never composed.
    """

    text: str
    values: tuple[str, ...]
    defaults: Mapping[str, str]
    whole: bool = True

    def fill(self, slots: Mapping[str, str], text: str | None = None) -> str:
        """Put values and slots into ``text``, by default the template's own.

        Raises:
            KeyError: If ``text`` has a placeholder for which there is no value; nothing is made up.
        """

        def value(found: re.Match[str]) -> str:
            name = found.group(1)
            if name.isdecimal():
                place = int(name) - 1
                if not 0 <= place < len(self.values):
                    raise KeyError(found.group())
                return own_words(self.values[place], slots)
            if name in slots:
                return slots[name]
            return self.defaults[name]

        return _PLACEHOLDER.sub(value, self.text if text is None else text)


@lru_cache(maxsize=4096)  # every reply composed from an entry needs it twice
def template(answer: str) -> Template:
    """Turn an answer into a template; equal values share one placeholder."""
    values: list[str] = []
    defaults: dict[str, str] = {}
    parts: list[str] = []
    whole = "⟨" not in answer and "⟩" not in answer
    end = 0
    for found in SLOT.finditer(answer):
        name, default = found.group(1), found.group(2) or ""
        parts.append(_mark(answer[end : found.start()], values))
        parts.append(f"⟨{name}⟩" if name in SLOT_NAMES else _numbered(found.group(), values))
        whole = whole and (name not in SLOT_NAMES or defaults.setdefault(name, default) == default)
        end = found.end()
    parts.append(_mark(answer[end:], values))
    text = "".join(parts)
    whole = whole and len(values) <= len(VALUE_MARKS) and not _ANY_DIGIT.search(_PLACEHOLDER.sub("", text))
    return Template(text, tuple(values), defaults, whole)


def own_words(answer: str, slots: Mapping[str, str]) -> str:
    """The answer as its author wrote it, with slots filled and nothing else touched."""

    def value(found: re.Match[str]) -> str:
        return slots.get(found.group(1)) or found.group(2) or ""

    return SLOT.sub(value, answer)


def against(text: str, of: Template, slots: Mapping[str, str]) -> str | None:
    """Another wording of an answer with the same placeholders; None where it has a value that is in neither source."""
    known = {value: f"⟨{place}⟩" for place, value in enumerate(of.values, 1)}
    known.update((value, f"⟨{name}⟩") for name, value in slots.items() if value)
    if known:
        values = (
            rf"(?<!\w){re.escape(value)}(?!\w)" if value[0].isascii() else re.escape(value)
            for value in sorted(known, key=len, reverse=True)
        )
        text = re.sub("|".join(values), lambda found: known[found.group()], text, flags=re.ASCII)
    return None if _ANY_DIGIT.search(_PLACEHOLDER.sub("", text)) or VALUE.search(_PLACEHOLDER.sub("", text)) else text


def values_in(text: str) -> list[str]:
    """Numbers, links, e-mail addresses and codes in a text, in order."""
    return [_trim(found.group()) for found in VALUE.finditer(text)]


def placeholders(text: str) -> Sequence[str]:
    """Names of the placeholders in a text, in order."""
    return _PLACEHOLDER.findall(text)


def _mark(text: str, values: list[str]) -> str:
    def placeholder(found: re.Match[str]) -> str:
        whole = found.group()
        value = _trim(whole)
        lead = whole[: len(whole) - len(whole.lstrip())]
        return f"{lead}{_numbered(value, values)}{whole[len(lead) + len(value) :]}"

    return VALUE.sub(placeholder, text)


def _numbered(value: str, values: list[str]) -> str:
    """The placeholder of a value; a new one is added to ``values``."""
    if value not in values:
        values.append(value)
    return f"⟨{values.index(value) + 1}⟩"


def _trim(value: str) -> str:
    value = value.strip()
    return value.rstrip(_LINK_END) if "://" in value or "@" in value or value[:4].casefold() == "www." else value
