"""Personal data out of texts, placeholders in: ``⟨email⟩``, ``⟨phone⟩``, ``⟨phone_2⟩``, …

Within one conversation the same value always gets the same placeholder, however it is written, so that what the agent
repeats can be copied from what the customer said. Masking what is masked changes nothing. The answers of a FAQ are
public and stay as they are: the addresses in them are the company's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.checks.personal import EMAIL, KINDS, find
from engine.knowledge.entries import Entry, Knowledge
from engine.text.normalise import matching

if TYPE_CHECKING:
    from engine.training.data import LoggedConversation, LoggedTurn, TrainingData

Patterns = Mapping[str, re.Pattern[str]]

NAME = "name"
PERSONAL_SLOTS = (NAME, "order_number", *KINDS)
"""Slots of a logged conversation whose values are masked; a date or an amount tells nobody who it was."""
_PLACEHOLDER = re.compile(r"⟨([^⟨⟩]+)⟩")
_JOINTS = re.compile(r"[\W_]+")
_SHORTEST_NAME = 2


@dataclass(frozen=True, slots=True)
class Masked:
    """Texts with placeholders, and by name, such as ``phone_2``, what each stands for, as it was written first."""

    texts: tuple[str, ...]
    values: Mapping[str, str]


class Placeholders:
    """The placeholders of one conversation or entry; it grows with what is masked.

    Args:
        slots: Values by slot that the conversation names; those of ``PERSONAL_SLOTS`` and of ``patterns`` are masked
            wherever they occur.
        patterns: What else is personal in this company, see ``personal.find``.
        taken: Names that stand as placeholders in the texts already and must not come to mean two things.
        public: Values that are nobody's secret, as ``public_of`` gives them; they stay.

    Attributes:
        values: By name, what each placeholder stands for, as it was written first.
    """

    def __init__(
        self,
        slots: Mapping[str, str] | None = None,
        patterns: Patterns | None = None,
        taken: Iterable[str] = (),
        public: Set[tuple[str, str]] = frozenset(),
    ) -> None:
        self._patterns = dict(patterns or {})
        self._taken = set(taken)
        self._public = public
        self._names: dict[tuple[str, str], str] = {}
        self._slots: dict[str, str] = {}
        self.values: dict[str, str] = {}
        for kind, value in (slots or {}).items():
            self.tell(kind, value)

    def tell(self, kind: str, value: str) -> None:
        """Have a value masked from now on wherever it occurs, where slots of this kind are personal."""
        personal = kind in PERSONAL_SLOTS or kind in self._patterns
        if not personal or not value.strip() or _PLACEHOLDER.search(value) or _key(kind, value) in self._public:
            return
        mark = self._mark(kind, value)
        parts = re.split(r"[\s·]+", value) if kind == NAME else ()
        for part in (value, *(part for part in parts if len(part) >= _SHORTEST_NAME)):
            self._slots.setdefault(part, mark)  # a part of a name is that name: "Thank you, Mrs Lowe"

    def mask(self, text: str) -> str:
        """A text with placeholders."""
        before = None
        while before != text:  # what was part of a longer number may stand by itself once that is gone
            before = text
            text = self._outside(self._outside(text, self._without_slots), self._without_found)
        return text

    def _without_slots(self, text: str) -> str:
        if not self._slots:
            return text
        values = (_whole(value) for value in sorted(self._slots, key=len, reverse=True))
        return re.sub("|".join(values), lambda match: self._slots[match.group()], text)

    def _without_found(self, text: str) -> str:
        parts: list[str] = []
        end = 0
        for one in find(text, self._patterns):
            if _key(one.kind, one.text) in self._public:
                continue
            parts += [text[end : one.start], self._mark(one.kind, one.text)]
            end = one.end
        return "".join([*parts, text[end:]])

    def _outside(self, text: str, change: Callable[[str], str]) -> str:
        """A text changed everywhere but in its placeholders."""
        parts = _PLACEHOLDER.split(text)
        return "".join(f"⟨{part}⟩" if number % 2 else change(part) for number, part in enumerate(parts))

    def _mark(self, kind: str, value: str) -> str:
        key = _key(kind, value)
        if key not in self._names:
            numbers = (f"{kind}_{number}" if number > 1 else kind for number in range(1, len(self._taken) + 2))
            name = next(name for name in numbers if name not in self._taken)
            self._taken.add(name)
            self._names[key], self.values[name] = name, value
        return f"⟨{self._names[key]}⟩"


def mask(text: str, patterns: Patterns | None = None) -> str:
    """A single text with placeholders."""
    return masked([text], patterns=patterns).texts[0]


def masked(texts: Sequence[str], *, slots: Mapping[str, str] | None = None, patterns: Patterns | None = None) -> Masked:
    """The texts of one conversation, in order, with placeholders, and what these stand for."""
    places = Placeholders(slots, patterns, names_in(texts))
    return Masked(tuple(places.mask(text) for text in texts), places.values)


def restored(text: str, values: Mapping[str, str]) -> str:
    """A text with values in place of their placeholders; a placeholder without a value stays."""
    return _PLACEHOLDER.sub(lambda match: values.get(match.group(1), match.group()), text)


def names_in(texts: Iterable[str]) -> set[str]:
    """Names of the placeholders that stand in texts."""
    return {name for text in texts for name in _PLACEHOLDER.findall(text)}


def mask_entry(entry: Entry, patterns: Patterns | None = None) -> Entry:
    """An entry whose questions hold placeholders; its answer is public and stays."""
    texts = masked(entry.questions, patterns=patterns).texts
    return entry if texts == entry.questions else replace(entry, questions=tuple(dict.fromkeys(texts)))


def mask_knowledge(knowledge: Knowledge, patterns: Patterns | None = None) -> Knowledge:
    """Knowledge whose questions hold placeholders."""
    unanswered = tuple(dict.fromkeys(mask(text, patterns) for text in knowledge.unanswered))
    return Knowledge(tuple(mask_entry(entry, patterns) for entry in knowledge), unanswered)


def mask_conversation(
    conversation: LoggedConversation, public: Set[tuple[str, str]] = frozenset(), patterns: Patterns | None = None
) -> LoggedConversation:
    """A logged conversation with placeholders in all its turns and personal slots; what is ``public`` stays."""
    turns = conversation.turns
    places = Placeholders(None, patterns, names_in(logged.turn.text for logged in turns), public)
    for logged in turns:
        for kind, value in logged.slots.items():
            places.tell(kind, value)
    return replace(conversation, turns=tuple(_masked_turn(logged, places) for logged in turns))


def mask_data(data: TrainingData, patterns: Patterns | None = None) -> TrainingData:
    """All that a run learns from, with placeholders in questions and logged turns.

    The company's own addresses, those that stand in answers, stay in what its agents said as well: else a reply would
    give the customer his own address for the company's.
    """
    public = public_of(data.knowledge, patterns)
    return replace(
        data,
        knowledge=mask_knowledge(data.knowledge, patterns),
        conversations=tuple(mask_conversation(one, public, patterns) for one in data.conversations),
        validation=tuple(replace(question, text=mask(question.text, patterns)) for question in data.validation),
    )


def public_of(knowledge: Knowledge, patterns: Patterns | None = None) -> frozenset[tuple[str, str]]:
    """Kind and value of everything in the answers that would be personal in a question, in a form to compare."""
    return frozenset(_key(one.kind, one.text) for entry in knowledge for one in find(entry.answer, patterns))


def _masked_turn(logged: LoggedTurn, places: Placeholders) -> LoggedTurn:
    slots = {kind: places.mask(value) for kind, value in logged.slots.items()}
    return replace(logged, turn=replace(logged.turn, text=places.mask(logged.turn.text)), slots=slots)


def _key(kind: str, value: str) -> tuple[str, str]:
    """A value however it is written: without blanks and dashes, an e-mail address and a name without capitals."""
    folded = matching(value)
    return kind, folded if kind in (EMAIL, NAME) else _JOINTS.sub("", folded)


def _whole(value: str) -> str:
    """A pattern for a value that is no part of a longer word; Chinese stands among words without blanks."""
    before = r"(?<![A-Za-z0-9_])" if value[0].isascii() and value[0].isalnum() else ""
    after = r"(?![A-Za-z0-9_])" if value[-1].isascii() and value[-1].isalnum() else ""
    return f"{before}{re.escape(value)}{after}"
