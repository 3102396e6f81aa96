"""Working memory of one conversation: an immutable value; a turn that fails leaves nothing to undo."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from engine.dialogue import Choice, Speaker, Turn

FORMAT = 1
RECENT_TURNS = 8
TOPIC_DEPTH = 5
SETTLED_QUESTIONS = 8


class MemoryFormatError(ValueError):
    """A stored memory is of a later format, or damaged."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A value the customer gave: when it was heard (aware UTC), by whom, and how sure we are, in [0, 1]."""

    value: str
    heard: datetime
    speaker: Speaker = Speaker.CUSTOMER
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Topic:
    """What a part of the conversation is about: the entry last answered, and the turn it was answered in."""

    entry: str
    turn: int


@dataclass(frozen=True, slots=True)
class Settled:
    """A question that the bot had to ask back about, and the entries that the customer then chose."""

    question: str
    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeuralState:
    """Encoder state carried across turns; worth nothing to a model of another fingerprint."""

    fingerprint: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class WorkingMemory:
    """All that the bot remembers of a conversation while it lasts.

    ``turn`` counts what the customer said, ``topics`` is a stack with the current topic last, ``recent`` holds the
    last turns, oldest first, and ``offered`` the choices of the last reply, when it asked back. ``about`` is the
    question that they were offered for, empty where it leaned on what was said before; ``settled`` holds the questions
    that the customer has chosen entries for, the latest last.
    """

    turn: int = 0
    topics: tuple[Topic, ...] = ()
    slots: Mapping[str, Slot] = field(default_factory=dict)
    recent: tuple[Turn, ...] = ()
    offered: tuple[Choice, ...] = ()
    neural: NeuralState | None = None
    about: str = ""
    settled: tuple[Settled, ...] = ()

    @property
    def topic(self) -> Topic | None:
        """The current topic, None before the first answer."""
        return self.topics[-1] if self.topics else None

    def hear(self, turn: Turn) -> WorkingMemory:
        """Add what was said; the oldest of more than ``RECENT_TURNS`` turns is forgotten."""
        count = self.turn + (turn.speaker is Speaker.CUSTOMER)
        return replace(self, turn=count, recent=(*self.recent, turn)[-RECENT_TURNS:])

    def push_topic(self, entry: str) -> WorkingMemory:
        """Make ``entry`` the current topic; a topic that comes back moves to the top."""
        others = tuple(topic for topic in self.topics if topic.entry != entry)
        return replace(self, topics=(*others, Topic(entry, self.turn))[-TOPIC_DEPTH:])

    def pop_topic(self) -> WorkingMemory:
        """Leave the current topic; nothing happens where there is none."""
        return replace(self, topics=self.topics[:-1])

    def fill(self, name: str, value: str, *, heard: datetime, speaker: Speaker = Speaker.CUSTOMER) -> WorkingMemory:
        """Keep a value under ``name``; a later value replaces an earlier one."""
        return replace(self, slots={**self.slots, name: Slot(value, heard, speaker)})

    def offer(self, choices: Iterable[Choice], *, about: str = "") -> WorkingMemory:
        """Remember the choices that were just offered, and for which question; none clears the last ones."""
        return replace(self, offered=tuple(choices), about=about)

    def settle(self, question: str, entries: Iterable[str]) -> WorkingMemory:
        """Remember which entries the customer meant by ``question``; an empty question is forgotten at once."""
        if not question:
            return self
        others = tuple(one for one in self.settled if one.question != question)
        return replace(self, settled=(*others, Settled(question, tuple(entries)))[-SETTLED_QUESTIONS:])

    def meant_by(self, question: str) -> tuple[str, ...]:
        """The entries that the customer chose for ``question``; none where it was never asked back."""
        return next((one.entries for one in self.settled if one.question == question), ())

    def values(self) -> dict[str, str]:
        """Slot values by name."""
        return {name: slot.value for name, slot in self.slots.items()}

    def to_json(self) -> dict[str, Any]:
        """The memory as plain data that ``from_json`` reads back to an equal value."""
        neural = self.neural
        return {
            "format": FORMAT,
            "turn": self.turn,
            "topics": [{"entry": topic.entry, "turn": topic.turn} for topic in self.topics],
            "slots": {
                name: {
                    "value": slot.value,
                    "heard": slot.heard.isoformat(),
                    "speaker": slot.speaker.value,
                    "confidence": slot.confidence,
                }
                for name, slot in self.slots.items()
            },
            "recent": [{"speaker": turn.speaker.value, "text": turn.text} for turn in self.recent],
            "offered": [{"entry": choice.entry, "text": choice.text} for choice in self.offered],
            "about": self.about,
            "settled": [{"question": one.question, "entries": list(one.entries)} for one in self.settled],
            "neural": neural
            and {"fingerprint": neural.fingerprint, "payload": base64.b64encode(neural.payload).decode("ascii")},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WorkingMemory:
        """Read what ``to_json`` wrote.

        Raises:
            MemoryFormatError: If the data are of a later format or damaged.
        """
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            found = data.get("format") if isinstance(data, Mapping) else type(data).__name__
            raise MemoryFormatError(f"memory of format {found!r}, expected {FORMAT}")
        try:
            neural = data["neural"]
            return cls(
                turn=int(data["turn"]),
                topics=tuple(Topic(item["entry"], int(item["turn"])) for item in data["topics"]),
                slots={
                    name: Slot(
                        item["value"],
                        datetime.fromisoformat(item["heard"]),
                        Speaker(item["speaker"]),
                        float(item["confidence"]),
                    )
                    for name, item in data["slots"].items()
                },
                recent=tuple(Turn(Speaker(item["speaker"]), item["text"]) for item in data["recent"]),
                offered=tuple(Choice(item["entry"], item["text"]) for item in data["offered"]),
                neural=neural and NeuralState(neural["fingerprint"], base64.b64decode(neural["payload"])),
                about=data.get("about", ""),
                settled=tuple(Settled(item["question"], tuple(item["entries"])) for item in data.get("settled", ())),
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise MemoryFormatError(f"damaged memory: {error}") from error
