"""What a person who takes over reads: what it is about, what is known, what was tried, how the customer feels, what is
open. Made from memory alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.dialogue import Speaker
from engine.knowledge.entries import Knowledge
from engine.memory import WorkingMemory
from engine.ports import Say
from engine.text.tokenise import SLOT_NAMES
from engine.understand.mood import DISPLEASED, trend

_SHOWN = 160  # characters of a question
_MOST_TRIED = 5
_MOST_KEPT = 2000  # characters


@dataclass(frozen=True, slots=True)
class Summary:
    """A conversation in short: ``about`` in the customer's words, ``tried`` the questions that were answered, slots by
    name, ``mood`` ``calm``, ``upset`` or ``angry``, the last question that is ``open``, and what was ``before`` it all.
    """

    about: str
    tried: tuple[str, ...]
    slots: Mapping[str, str]
    mood: str
    open: str
    before: str

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        return {
            "about": self.about,
            "tried": list(self.tried),
            "slots": dict(self.slots),
            "mood": self.mood,
            "open": self.open,
            "before": self.before,
        }


def summarised(memory: WorkingMemory, knowledge: Knowledge) -> Summary:
    """A conversation in short."""
    said = [turn.text for turn in memory.recent if turn.speaker is Speaker.CUSTOMER and not turn.text.startswith("/")]
    tried = [knowledge[topic.entry].questions[0] for topic in memory.topics if topic.entry in knowledge]
    waiting = memory.form
    unanswered = not memory.topics or memory.topics[-1].turn < memory.turn or waiting is not None
    open_ = knowledge[waiting.entry].questions[0] if waiting and waiting.entry in knowledge else ""
    return Summary(
        _cut(said[0] if said else ""),
        tuple(tried[-_MOST_TRIED:]),
        memory.values(),
        mood_of(memory),
        open_ or (_cut(said[-1]) if said and unanswered else ""),
        memory.summary,
    )


def mood_of(memory: WorkingMemory) -> str:
    """How the customer feels by the last messages: ``calm``, ``upset`` or ``angry``."""
    if not memory.moods:
        return "calm"
    found = trend(memory.moods)
    return "angry" if found.angry_twice else "upset" if min(found.level, memory.moods[-1]) <= DISPLEASED else "calm"


def in_words(summary: Summary, say: Say, locale: str) -> str:
    """A summary in a language, a line for each thing that is known; empty where nothing is."""
    lines = [summary.before] if summary.before else []
    if summary.about:
        lines.append(say("summary_about", locale, text=_plain(summary.about)))
    if summary.tried:
        lines.append(say("summary_tried", locale, text="; ".join(map(_plain, summary.tried))))
    if summary.slots:
        values = ", ".join(f"{_called(name, say, locale)} {value}" for name, value in summary.slots.items())
        lines.append(say("summary_slots", locale, text=_plain(values)))
    if lines and summary.mood != "calm":
        lines.append(say(f"summary_{summary.mood}", locale))
    if summary.open:
        lines.append(say("summary_open", locale, text=_plain(summary.open)))
    return "\n".join(lines)[-_MOST_KEPT:]


def _called(slot: str, say: Say, locale: str) -> str:
    """What a slot is called in a language; one of an own kind has its name alone."""
    return say(f"slot_{slot}", locale) if slot in SLOT_NAMES else slot.replace("_", " ")


def _cut(text: str) -> str:
    one = " ".join(text.split())
    return one if len(one) <= _SHOWN else f"{one[: _SHOWN - 1]}…"


def _plain(text: str) -> str:
    """Nothing in a text can be mistaken for a placeholder of a sentence."""
    return text.translate(str.maketrans("{}", "()"))
