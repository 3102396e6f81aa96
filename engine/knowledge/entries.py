"""Entries: one answer each, and the questions that it answers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.text.sentences import sentences

SMALL_TALK = "smalltalk"
PERSON_ONLY = "person"
UNANSWERED = "unanswered"
_JOINTS = re.compile(r"[_\W]+|(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class Entry:
    """One answer of the FAQ. ``questions`` are ways to ask for it, the first one stands for it in choices.

    ``requires`` names the slots without which it cannot be answered; the customer is asked for them.
    """

    id: str
    answer: str
    questions: tuple[str, ...]
    intent: str = ""
    locale: str = ""
    tags: tuple[str, ...] = ()
    requires: tuple[str, ...] = ()

    @property
    def topic(self) -> str:
        """Its intent in words: ``lost_card``, ``lost-card`` and ``lostCard`` all say "lost card"."""
        return " ".join(_JOINTS.sub(" ", self.intent).split())

    def to_json(self) -> dict[str, Any]:
        """The entry as plain data."""
        return {
            "id": self.id,
            "answer": self.answer,
            "questions": list(self.questions),
            "intent": self.intent,
            "locale": self.locale,
            "tags": list(self.tags),
            "requires": list(self.requires),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Entry:
        """Read what ``to_json`` wrote.

        Raises:
            KeyError, TypeError: If a field is missing or of another type.
        """
        return cls(
            str(data["id"]),
            str(data["answer"]),
            tuple(data["questions"]),
            str(data["intent"]),
            str(data["locale"]),
            tuple(data["tags"]),
            tuple(data["requires"]),
        )


@dataclass(frozen=True)
class Knowledge:
    """Entries in a fixed order; their places number the classes of the understanding head.

    ``unanswered`` holds questions that no entry answers: examples of what is out of scope here.
    """

    entries: tuple[Entry, ...]
    unanswered: tuple[str, ...] = ()
    _places: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        places = {entry.id: place for place, entry in enumerate(self.entries)}
        if len(places) < len(self.entries):
            raise ValueError("entry ids must be unique")
        object.__setattr__(self, "_places", places)

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries)

    def __getitem__(self, id: str) -> Entry:  # noqa: A002 - the word of the format
        return self.entries[self._places[id]]

    def __contains__(self, id: object) -> bool:  # noqa: A002 - the word of the format
        return id in self._places

    def place(self, id: str) -> int:  # noqa: A002 - the word of the format
        """The number of the entry among all entries.

        Raises:
            KeyError: If there is no such entry.
        """
        return self._places[id]

    @property
    def locales(self) -> tuple[str, ...]:
        """Languages of the entries, the most frequent first."""
        counts: dict[str, int] = {}
        for entry in self.entries:
            counts[entry.locale] = counts.get(entry.locale, 0) + 1
        return tuple(sorted(counts, key=lambda locale: -counts[locale]))

    def examples(self) -> list[tuple[str, int]]:
        """Every question with the place of its entry."""
        return [(question, place) for place, entry in enumerate(self.entries) for question in entry.questions]

    def sentences(self) -> list[str]:
        """Every question and every sentence of every answer: what tells rare words of the trade from frequent ones."""
        return [text for entry in self.entries for text in (*entry.questions, *sentences(entry.answer))]

    def to_json(self) -> dict[str, Any]:
        """The knowledge as plain data."""
        return {"entries": [entry.to_json() for entry in self.entries], "unanswered": list(self.unanswered)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Knowledge:
        """Read what ``to_json`` wrote.

        Raises:
            KeyError, TypeError: If something is missing or of another type.
        """
        return cls(tuple(Entry.from_json(item) for item in data["entries"]), tuple(data["unanswered"]))

    def fingerprint(self) -> str:
        """Changes when any text of any entry changes."""
        text = json.dumps(self.to_json(), ensure_ascii=True, sort_keys=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def merged(self, others: Iterable[Entry], unanswered: Iterable[str] = ()) -> Knowledge:
        """This knowledge with ``others`` and more unanswered questions; an entry of the same id is replaced."""
        by_id = {entry.id: entry for entry in self.entries}
        by_id.update((entry.id, entry) for entry in others)
        return Knowledge(tuple(by_id.values()), tuple(dict.fromkeys((*self.unanswered, *unanswered))))
