"""What is remembered of a conversation, in words: for the operator's command and for a channel that shows it.

It reads the plain data of a memory, so that what memory learns to hold later is shown too, by its own name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.memory import WorkingMemory

_LONGEST = 300
_SLOT = ("value", "meaning", "speaker", "heard", "confidence", "expires")
_SAID_OTHERWISE = frozenset({"format", "turn", "neural"})


@dataclass(frozen=True, slots=True)
class Section:
    """One part of what is remembered: ``name`` as the memory calls it, and a line for each thing in it."""

    name: str
    lines: tuple[str, ...]

    @property
    def title(self) -> str:
        """The name for people."""
        return self.name.replace("_", " ").capitalize()


def sections(memory: WorkingMemory, question_of: Callable[[str], str] = lambda _entry: "") -> list[Section]:
    """All that is remembered, part by part; empty parts are left out.

    Args:
        memory: What is remembered.
        question_of: The first question of an entry, empty where nobody knows it.
    """
    data = memory.to_json()
    known: dict[str, Callable[[Any], Iterator[str]]] = {
        "topics": lambda value: _topics(value, question_of),
        "slots": _slots,
        "recent": _recent,
        "offered": _offered,
        "settled": _settled,
        "form": _form,
        "moods": _moods,
        "heard": lambda value: iter((_moment(value),)),
    }
    found = []
    for name, value in data.items():
        if name not in _SAID_OTHERWISE and value not in (None, "", [], {}):
            found.append(Section(name, tuple(_safely(known.get(name, generic), value))))
    if memory.neural is not None:
        state = f"of model {memory.neural.fingerprint[:12]}, {len(memory.neural.payload):,} bytes"
        found.append(Section("neural state", (state,)))
    return found


def lines(found: Sequence[Section], *, without: frozenset[str] = frozenset()) -> list[str]:
    """Sections as lines: the title, then its lines, indented."""
    return [
        line
        for section in found
        if section.name not in without
        for line in (section.title, *(f"  {line}" for line in section.lines))
    ]


def generic(value: Any) -> Iterator[str]:
    """Any plain data, a line for each item of a table or a list."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            if item not in (None, "", [], {}):
                yield f"{name}: {_flat(item)}"
    elif isinstance(value, list) and any(isinstance(item, Mapping | list) for item in value):
        yield from map(_flat, value)
    else:
        yield _flat(value)


def _safely(describe: Callable[[Any], Iterator[str]], value: Any) -> list[str]:
    """The lines of ``describe``; what it does not know any more is shown as plain data."""
    try:
        return list(describe(value))
    except (KeyError, TypeError, ValueError, AttributeError):
        return list(generic(value))


def _topics(value: Any, question_of: Callable[[str], str]) -> Iterator[str]:
    for place, item in enumerate(reversed(value)):
        question = question_of(item["entry"])
        words = [item["entry"], f"“{question}”" if question else "", f"turn {item['turn']}", "now" if not place else ""]
        yield _with(" · ".join(filter(None, words)), item, "entry", "turn")


def _slots(value: Any) -> Iterator[str]:
    for name, slot in value.items():
        meaning = f" → {slot['meaning']}" if slot.get("meaning") else ""
        said = f"{slot['speaker']}, {_moment(slot['heard'])}, {slot['confidence']:.0%} sure"
        said += f", until {_moment(slot['expires'])}" if slot.get("expires") else ""
        yield _with(f"{name} = {slot['value']}{meaning} ({said})", slot, *_SLOT)


def _recent(value: Any) -> Iterator[str]:
    for turn in value:
        yield _with(f"{turn['speaker']}: {turn['text']}", turn, "speaker", "text")


def _offered(value: Any) -> Iterator[str]:
    for place, choice in enumerate(value, start=1):
        yield _with(f"{place}. {choice['text']} ({choice['entry']})", choice, "text", "entry")


def _settled(value: Any) -> Iterator[str]:
    for item in value:
        yield _with(f"“{item['question']}” means {', '.join(item['entries'])}", item, "question", "entries")


def _form(value: Any) -> Iterator[str]:
    vain = f", tried in vain: {value['tries']}" if value["tries"] else ""
    yield _with(f"{value['entry']} waits for {value['slot']}{vain}", value, "entry", "slot", "tries")


def _moods(value: Any) -> Iterator[str]:
    yield " ".join(f"{mood:+.1f}" for mood in value)


def _with(line: str, item: Mapping[str, Any], *said: str) -> str:
    """The line, and what else the item holds."""
    rest = generic({name: part for name, part in item.items() if name not in said})
    return "; ".join((line, *rest))


def _moment(text: str) -> str:
    return f"{text[:10]} {text[11:16]}"


def _flat(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(generic(value))
    if isinstance(value, list):
        text = ", ".join(map(_flat, value))
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text):,} characters)"
