"""Working memory of one conversation: an immutable value; a turn that fails leaves nothing to undo."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from engine.dialogue import Choice, Speaker, Turn

FORMAT = 2
READABLE = (1, 2)
RECENT_TURNS = 8
TOPIC_DEPTH = 5
TOPIC_AGE = 12  # turns of the customer after which a topic that nobody came back to is forgotten
SETTLED_QUESTIONS = 8
MOODS = 8
LONGEST_VALUE = 500
DAMAGED = "(damaged)"
"""The fingerprint of a neural state that could not be read."""


class MemoryFormatError(ValueError):
    """A stored memory is of a later format, or damaged."""


@dataclass(frozen=True, slots=True)
class Slot:
    """A value the customer gave: when it was heard (aware UTC), by whom, and how sure we are, in [0, 1].

    ``meaning`` is what it comes to where that is not the value itself, such as the day that "tomorrow" was when it was
    said; ``expires`` says when it is forgotten, None for as long as the conversation lasts.
    """

    value: str
    heard: datetime
    speaker: Speaker = Speaker.CUSTOMER
    confidence: float = 1.0
    meaning: str = ""
    expires: datetime | None = None


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
class Form:
    """An entry that needs slots before it can be answered: the slot asked for last, and how often in vain."""

    entry: str
    slot: str
    tries: int = 0


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
    that the customer has chosen entries for, the latest last. ``form`` is the entry that waits for slots. ``moods`` are
    those of the customer's last messages, oldest first, in [-1, 1]; ``heard`` is when the last one was written (aware
    UTC), and ``summary`` what is left of what was said before a long silence.
    """

    turn: int = 0
    topics: tuple[Topic, ...] = ()
    slots: Mapping[str, Slot] = field(default_factory=dict)
    recent: tuple[Turn, ...] = ()
    offered: tuple[Choice, ...] = ()
    neural: NeuralState | None = None
    about: str = ""
    settled: tuple[Settled, ...] = ()
    form: Form | None = None
    moods: tuple[float, ...] = ()
    heard: datetime | None = None
    summary: str = ""

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

    def fill(
        self,
        name: str,
        value: str,
        *,
        heard: datetime,
        speaker: Speaker = Speaker.CUSTOMER,
        confidence: float = 1.0,
        meaning: str = "",
        lasts: timedelta | None = None,
    ) -> WorkingMemory:
        """Keep a value under ``name``; a later value replaces an earlier one. It is forgotten after ``lasts``.

        Raises:
            ValueError: If the value is empty or longer than ``LONGEST_VALUE`` characters.
        """
        if not value or len(value) > LONGEST_VALUE:
            raise ValueError(f"slot {name}: a value has 1 to {LONGEST_VALUE} characters, not {len(value)}")
        slot = Slot(value, heard, speaker, confidence, meaning, None if lasts is None else heard + lasts)
        return replace(self, slots={**self.slots, name: slot})

    def drop(self, name: str) -> WorkingMemory:
        """Forget a slot; nothing happens where there is none."""
        return replace(self, slots={other: slot for other, slot in self.slots.items() if other != name})

    def aged(self, now: datetime) -> WorkingMemory:
        """The memory at a later moment: without slots that have expired and topics that nobody came back to."""
        kept = {name: slot for name, slot in self.slots.items() if slot.expires is None or slot.expires > now}
        topics = tuple(topic for topic in self.topics if self.turn - topic.turn <= TOPIC_AGE)
        if len(kept) == len(self.slots) and len(topics) == len(self.topics):
            return self
        return replace(self, slots=kept, topics=topics)

    def silent_for(self, now: datetime) -> timedelta:
        """How long nobody has written; nothing where nobody ever did."""
        return timedelta() if self.heard is None else max(timedelta(), now - self.heard)

    def rested(self, summary: str) -> WorkingMemory:
        """What is left of a conversation that has come to an end: its slots, and a summary of what was said."""
        return WorkingMemory(turn=self.turn, slots=self.slots, heard=self.heard, summary=summary)

    def feel(self, mood: float) -> WorkingMemory:
        """Add the mood of a message, in [-1, 1]; the oldest of more than ``MOODS`` is forgotten."""
        return replace(self, moods=(*self.moods, mood)[-MOODS:])

    def ask(self, entry: str, slot: str) -> WorkingMemory:
        """Ask for a slot that an entry needs; asking for the same one again counts as a try in vain."""
        again = self.form is not None and (self.form.entry, self.form.slot) == (entry, slot)
        return replace(self, form=Form(entry, slot, self.form.tries + 1 if self.form and again else 0))

    def leave_form(self) -> WorkingMemory:
        """Ask for nothing any more."""
        return replace(self, form=None)

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
                    "meaning": slot.meaning,
                    "expires": slot.expires and slot.expires.isoformat(),
                }
                for name, slot in self.slots.items()
            },
            "recent": [{"speaker": turn.speaker.value, "text": turn.text} for turn in self.recent],
            "offered": [{"entry": choice.entry, "text": choice.text} for choice in self.offered],
            "about": self.about,
            "settled": [{"question": one.question, "entries": list(one.entries)} for one in self.settled],
            "form": self.form and {"entry": self.form.entry, "slot": self.form.slot, "tries": self.form.tries},
            "moods": list(self.moods),
            "heard": self.heard and self.heard.isoformat(),
            "summary": self.summary,
            "neural": neural
            and {"fingerprint": neural.fingerprint, "payload": base64.b64encode(neural.payload).decode("ascii")},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> WorkingMemory:
        """Read what ``to_json`` wrote, now or in an earlier version.

        Raises:
            MemoryFormatError: If the data are of a later format or damaged.
        """
        if not isinstance(data, Mapping) or data.get("format") not in READABLE:
            found = data.get("format") if isinstance(data, Mapping) else type(data).__name__
            raise MemoryFormatError(f"memory of format {found!r}, expected {FORMAT}")
        try:
            data = _of_this_format(data)
            neural, form = data["neural"], data["form"]
            return cls(
                turn=int(data["turn"]),
                topics=tuple(Topic(item["entry"], int(item["turn"])) for item in data["topics"]),
                slots={
                    name: Slot(
                        item["value"],
                        datetime.fromisoformat(item["heard"]),
                        Speaker(item["speaker"]),
                        float(item["confidence"]),
                        str(item["meaning"]),
                        _moment(item["expires"]),
                    )
                    for name, item in data["slots"].items()
                },
                recent=tuple(Turn(Speaker(item["speaker"]), item["text"]) for item in data["recent"]),
                offered=tuple(Choice(item["entry"], item["text"]) for item in data["offered"]),
                neural=_neural(neural),
                about=data["about"],
                settled=tuple(Settled(item["question"], tuple(item["entries"])) for item in data["settled"]),
                form=form and Form(form["entry"], form["slot"], int(form["tries"])),
                moods=tuple(map(float, data["moods"])),
                heard=_moment(data["heard"]),
                summary=data["summary"],
            )
        except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
            raise MemoryFormatError(f"damaged memory: {error}") from error


def _neural(data: Any) -> NeuralState | None:
    """The state as it was stored; one that is damaged belongs to no model, so that whoever uses it drops it."""
    if data is None:
        return None
    try:
        return NeuralState(str(data["fingerprint"]), base64.b64decode(data["payload"], validate=True))
    except (KeyError, TypeError, ValueError):
        return NeuralState(DAMAGED, b"")


def _of_this_format(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """What an earlier version wrote, with what it did not know yet."""
    if data["format"] == FORMAT:
        return data
    slots = {name: {"meaning": "", "expires": None, **item} for name, item in data["slots"].items()}
    return {"about": "", "settled": (), "form": None, "moods": (), "heard": None, "summary": "", **data, "slots": slots}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
