"""A state tracker: the tagger reads each customer's turn after the agent's, a small network says what else is taken up.

Values that the customer says are found by a tagger that reads both turns, the agent's before the customer's; the same
tagger, shown the agent's turn alone, finds what the agent has put forward. What was put forward last for a slot, and
values of other slots that this slot has been seen to share, are candidates, and so is having no value any more: a small
network says for each whether this turn takes it up (copy mechanisms of this kind: Heck et al. 2020, TripPy). All else
is carried over from turn to turn.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

from benchmarks.states import (
    Place,
    Said,
    State,
    any_of,
    places_of,
    same,
    service_of,
    steps,
)
from benchmarks.taking_up import Candidate, Judge
from engine.training.tagging import Marked
from engine.understand.tagger import Span, Tagger

Talk = tuple[Said, ...]

BETWEEN = " | "
"""Stands between the agent's turn and the customer's."""
DROPPED = "-"
"""Instead of a value: the slot is emptied."""
_LONGEST_BEFORE = 160  # characters of the agent's turn that are read with the customer's, its end
_TAKEN_UP = 0.3  # share of the changes of a slot that do not stand in the customer's turn, of slots that agents fill
_NAMED = 4  # letters from which on a value that training knows is marked wherever it stands in an agent's turn
_SHARED = 5  # times that a slot took over the value of another one, of slots that may do so


@dataclass(frozen=True, slots=True)
class Tracked:
    """What is known: ``values`` by slot, ``offers`` of the agent by slot with the number of turns since, and the
    services of the latest change.
    """

    values: Mapping[str, str] = field(default_factory=dict)
    offers: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    latest: frozenset[str] = frozenset()


class Schema:
    """What training conversations say of their slots.

    Args:
        conversations: Training conversations.
        slots: Those that are tracked.

    Attributes:
        slots: Those that are tracked.
        pairs: For a slot, other slots whose values it took over.
        dropped: Slots that a turn may empty.
        several: Slots that may have several values at once.
    """

    def __init__(self, conversations: Iterable[Talk], slots: frozenset[str]) -> None:
        self.slots = slots
        self._values: defaultdict[str, set[str]] = defaultdict(set)
        changed: Counter[str] = Counter()
        unsaid: Counter[str] = Counter()
        several: Counter[str] = Counter()
        gone: Counter[str] = Counter()
        shared: Counter[tuple[str, str]] = Counter()
        for talk in conversations:
            for step in steps(talk):
                gone.update(slot for slot in step.known if slot in slots and slot not in step.said.state)
                for slot, wordings in step.changed.items():
                    if slot in slots:
                        self._values[slot].update(wordings)
                        changed[slot] += 1
                        places = places_of(step.said.text, wordings)
                        several[slot] += len(places) > 1
                        if not places:
                            unsaid[slot] += 1
                            shared.update((slot, other) for other in _same(wordings, step.known) if other in slots)
        self._offered = frozenset(slot for slot in slots if unsaid[slot] > _TAKEN_UP * changed[slot])
        self.pairs = {
            slot: tuple(sorted(other for (own, other), count in shared.items() if own == slot and count >= _SHARED))
            for slot in slots
        }
        self.dropped = frozenset(slot for slot, count in gone.items() if count >= _SHARED)
        self.several = frozenset(slot for slot, count in several.items() if count >= _SHARED)
        self._patterns = {slot: any_of(map(str.casefold, own)) for slot, own in self._values.items()}

    def known(self, text: str, slot: str) -> tuple[int, int] | None:
        """Where a value of a slot that training knows stands last in a text."""
        found = [match.span() for match in self._patterns[slot].finditer(text)] if slot in self._patterns else []
        return found[-1] if found else None

    def named(self, text: str, services: Collection[str]) -> Iterator[Place]:
        """Names that training knows of slots that agents fill."""
        for slot in self._offered:
            if service_of(slot) in services and slot in self._patterns:
                for match in self._patterns[slot].finditer(text):
                    if len(match[0]) >= _NAMED and not match[0][0].isdecimal():
                        yield *match.span(), slot


def _same(wordings: Iterable[str], known: State) -> Iterator[str]:
    own = tuple(wordings)
    return (slot for slot, others in known.items() if any(same(other, own) for other in others))


def both(said: Said) -> tuple[str, int]:
    """The agent's turn and the customer's as the tagger reads them, and where the customer's begins."""
    before = f"{said.before[-_LONGEST_BEFORE:]}{BETWEEN}"
    return before + said.text, len(before)


def expected(slots: Iterable[str], filled: Iterable[str], latest: frozenset[str], told: frozenset[str]) -> list[str]:
    """Slots that this turn may be about: of the services of the latest change, and of those that are still to come."""
    services = latest | (told - set(map(service_of, filled)))
    return sorted(slot for slot in slots if service_of(slot) in services)


def spoken(talk: Talk, schema: Schema, told: frozenset[str]) -> Iterator[Marked]:
    """The customers' turns as the tagger learns them: new values before those that are said again."""
    for step in steps(talk):
        text, begin = both(step.said)
        places: list[Place] = []
        for state in (step.changed, step.said.state):
            for slot, wordings in state.items():
                own = places_of(step.said.text, wordings) if slot in schema.slots else ()
                places.extend((begin + start, begin + end, slot) for start, end in own)
        hints = expected(schema.slots, step.known, step.latest, told)
        yield Marked(text, tuple(_first_apart(places)), tuple(hints))


def put_forward(talk: Talk, schema: Schema, told: frozenset[str]) -> Iterator[Marked]:
    """The agents' turns as the tagger learns them: what the state has of them by its end, and names that are known."""
    for at, step in enumerate(steps(talk)):
        text = step.said.before
        if text:
            places = list(_to_come(text, talk[at:], schema.slots))
            here = frozenset(service_of(slot) for _, _, slot in places) | step.latest
            places = _first_apart([*places, *schema.named(text, here)])
            hints = expected(schema.slots, step.known, step.latest, told)
            yield Marked(text + BETWEEN.rstrip(), tuple(places), tuple(hints))


def _to_come(text: str, talk: Sequence[Said], slots: Collection[str]) -> Iterator[Place]:
    seen: set[tuple[str, str]] = set()
    for said in talk:
        for slot, wordings in said.state.items():
            if slot in slots and (slot, wordings[0]) not in seen:
                seen.add((slot, wordings[0]))
                yield from ((*place, slot) for place in places_of(text, wordings))


def _first_apart(places: Iterable[Place]) -> list[Place]:
    """Of those that overlap, the first that is given."""
    kept: list[Place] = []
    for place in places:
        if all(place[1] <= start or place[0] >= end for start, end, _ in kept):
            kept.append(place)
    return sorted(kept)


class Finder(Protocol):
    """Finds values in a text, told what may be expected."""

    def find(self, text: str, requested: Collection[str] = ()) -> Sequence[Span]:
        """The values, in order and without overlaps."""


class RememberingFinder:
    """Finds what a tagger finds and remembers it, since several rows read the same turns."""

    def __init__(self, tagger: Tagger) -> None:
        self._find = lru_cache(maxsize=None)(tagger.find)

    def find(self, text: str, requested: Collection[str] = ()) -> Sequence[Span]:
        """The values, in order and without overlaps."""
        return self._find(text, tuple(sorted(requested)))


class Tracker:
    """Keeps the state of conversations, turn by turn.

    Args:
        finder: Reads customers' turns after agents', and agents' turns alone; its kinds are slots.
        schema: Of the training conversations.
        judge: Says what is taken up; without one nothing is but what the customer says.
    """

    def __init__(self, finder: Finder, schema: Schema, judge: Judge | None = None) -> None:
        self._finder = finder
        self._schema = schema
        self._judge = judge

    def take(self, known: Tracked, said: Said, told: frozenset[str]) -> Tracked:
        """What is known after a customer's turn.

        Args:
            known: What was known before it.
            said: The turn; its state is not looked at.
            told: The services of the conversation; empty where they are not told.
        """
        offers, values = self.observed(known, said, told)
        taken: dict[str, tuple[float, str]] = {}
        if self._judge is not None:
            own = candidates(known, offers, values, said, self._schema)
            for one, chance in zip(own, self._judge.chances(own), strict=True):
                if chance > max(0.5, taken.get(one.slot, (0.0, ""))[0]):
                    taken[one.slot] = chance, one.value
        new = {slot: value for slot, (_, value) in taken.items()} | dict(values)
        changed = {slot for slot, value in new.items() if not same(value, [known.values.get(slot, "")])}
        kept = {slot: value for slot, value in {**known.values, **new}.items() if value != DROPPED}
        return Tracked(kept, offers, frozenset(map(service_of, changed)) or known.latest)

    def observed(
        self, known: Tracked, said: Said, told: frozenset[str]
    ) -> tuple[dict[str, tuple[str, int]], dict[str, str]]:
        """What the agent has put forward by then, and what the customer says now; by slot."""
        hints = expected(self._schema.slots, known.values, known.latest, told)
        offers = {slot: (value, age + 1) for slot, (value, age) in known.offers.items()}
        if said.before:
            found = self._found(said.before + BETWEEN.rstrip(), 0, hints, told)
            offers.update((slot, (value, 0)) for slot, value in found.items())
        text, begin = both(said)
        return offers, self._found(text, begin, hints, told)

    def _found(self, text: str, begin: int, hints: Collection[str], told: frozenset[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for span in self._finder.find(text, hints):
            if span.start >= begin and (not told or service_of(span.name) in told):
                value = text[span.start : span.end]
                several = span.name in found and span.name in self._schema.several
                found[span.name] = f"{found[span.name]} {value}" if several else value
        return found


def candidates(
    known: Tracked, offers: Mapping[str, tuple[str, int]], values: Mapping[str, str], said: Said, schema: Schema
) -> list[Candidate]:
    """Values that a turn may take up beside those that the customer says in it."""
    active = Counter(map(service_of, values))
    filled = Counter(map(service_of, known.values))
    found: list[Candidate] = []

    def add(slot: str, value: str, source: str, age: int) -> None:
        old = known.values.get(slot)
        if slot in values or (old is not None and same(value, [old])):
            return
        service = service_of(slot)
        facts = (
            old is not None,
            age == 0,
            age == 1,
            age > 1,
            value.casefold() in said.before.casefold(),
            service in known.latest,
            filled[service] > 0,
            active[service] > 0,
            active.total() > active[service],
            slot in offers,
        )
        found.append(Candidate(slot, value, source, said.text, said.before, tuple(map(float, facts))))

    for slot, (value, age) in offers.items():
        add(slot, value, "", age)
    for slot, sources in schema.pairs.items():
        for source in sources:
            if source in known.values:
                add(slot, known.values[source], source, -1)
    for slot in known.values:
        if slot in schema.dropped:
            add(slot, DROPPED, DROPPED, -1)
    return found


def judged(tracker: Tracker, talk: Talk, schema: Schema, told: frozenset[str]) -> Iterator[tuple[Candidate, bool]]:
    """Candidates of a conversation as training shows them, the state before each turn being right, and the truth."""
    offers: dict[str, tuple[str, int]] = {}
    for step in steps(talk):
        values = {slot: wordings[0] for slot, wordings in step.known.items() if slot in schema.slots}
        known = Tracked(values, offers, step.latest)
        offers, heard = tracker.observed(known, step.said, told)
        for one in candidates(known, offers, heard, step.said, schema):
            gone = one.slot in step.known and one.slot not in step.said.state
            yield one, gone if one.value == DROPPED else same(one.value, step.changed.get(one.slot, ()))
