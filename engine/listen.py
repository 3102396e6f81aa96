"""What a message gives before it is thought about: values, what it puts right, and what has gone by since the last."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Protocol

from engine.knowledge.entries import Knowledge
from engine.memory import LONGEST_VALUE, WorkingMemory
from engine.plan import Heard
from engine.ports import Say
from engine.summary import in_words, summarised
from engine.understand.correction import corrected, meant, puts_right
from engine.understand.dates import Moment
from engine.understand.dates import find as find_dates
from engine.understand.dates_calendar import Doubt
from engine.understand.mood import Mood
from engine.understand.requested import WORDED, requested, wants_an_answer, wants_no_more
from engine.understand.slots import SlotFinder
from engine.understand.tagger import Span
from engine.understand.tone import Tone, tone

LIFETIMES: Mapping[str, timedelta] = {
    "order_number": timedelta(days=30),
    "product": timedelta(days=2),
    "place": timedelta(days=2),
    "person": timedelta(days=2),
    "amount": timedelta(hours=12),
    "date": timedelta(days=2),
    "time": timedelta(hours=12),
    "card": timedelta(hours=1),
    "iban": timedelta(hours=1),
    "id_number": timedelta(hours=1),
}
"""How long slots are kept; others as long as the conversation. A date lasts at least until it is over."""

_SURE = 1.0
_SURE_ENOUGH = 0.9  # of the tagger: 94 % of what it takes for a value then touches one (benchmarks/tagging.py)
_TAGGED = ("name", "person", "place", "product", "people")  # what has a shape is known by its shape, days by a calendar
_LONGEST_TAGGED = 300  # characters
_DOUBTFUL = 0.5
_FEWEST_DIGITS = 4
_LONGEST_DATED = 2000  # characters


@dataclass(frozen=True, slots=True)
class Habits:
    """How it is listened: after ``silence`` a conversation begins anew, days are those of ``zone``, and ``lifetimes``
    say how long slots are kept.
    """

    silence: timedelta = timedelta(hours=12)
    zone: tzinfo = UTC
    day_first: bool = True
    lifetimes: Mapping[str, timedelta] = field(default_factory=lambda: LIFETIMES)


class Finder(Protocol):
    """Finds values in a text, with what was asked for just before."""

    def find(self, text: str, requested: Collection[str] = ()) -> tuple[Span, ...]:
        """The values in order, without overlaps."""


class Feels(Protocol):
    """Tells how a customer sounds."""

    def mood(self, text: str) -> Mood:
        """The mood of a text."""


class Listener:
    """Listens to messages.

    Args:
        knowledge: The entries, to tell what a conversation was about.
        slots: Finds values.
        say: The fixed sentences of the house.
        habits: How.
        tagger: Finds what a form asked for where patterns do not; None where no base is there that it could read with.
        moods: Tells how the customer sounds; None likewise.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        slots: SlotFinder,
        say: Say,
        habits: Habits,
        tagger: Finder | None = None,
        moods: Feels | None = None,
    ) -> None:
        self._knowledge = knowledge
        self._slots = slots
        self._say = say
        self._habits = habits
        self._tagger = tagger
        self._moods = moods

    def listen(self, one: Heard) -> Heard:
        """The message with memory as it is by now: what is too old forgotten, and the values that it gives in it.

        A value that is too long to be one is passed over, and so is a day that no calendar has.
        """
        memory = self._before(one)
        moments = self._moments(one.text, one.heard)
        values = self._values(one, memory, moments)
        right = ""
        put_right = corrected(one.text, memory, values.values()) or self._reworded(one.text, memory, values)
        if put_right is not None and put_right[0] not in values:
            right = put_right[0]
            values[right] = put_right[1]
        given = {name: value for name, value in values.items() if 0 < len(value) <= LONGEST_VALUE}
        if not right and puts_right(one.text):
            changed = (
                name for name, value in given.items() if name in memory.slots and self._other(memory, name, value)
            )
            right = next(changed, "")
        for name, value in given.items():
            memory = self._filled(memory, name, value, one.heard, moments)
        right = right if right in given else ""
        if self._moods is not None and one.text:
            memory = memory.feel(self._moods.mood(one.text).value)
        return replace(one, memory=replace(memory, heard=one.heard), given=frozenset(given), corrected=right)

    def _before(self, one: Heard) -> WorkingMemory:
        silent = one.memory.silent_for(one.heard)
        memory = one.memory.aged(one.heard)  # before anything is summed up: what has expired is in no summary
        if silent >= self._habits.silence:
            told = in_words(summarised(memory, self._knowledge), self._say, one.locale)
            memory = memory.rested(told)
        return memory

    @staticmethod
    def _other(memory: WorkingMemory, name: str, value: str) -> bool:
        return memory.slots[name].value.casefold() != value.casefold()

    def _values(self, one: Heard, memory: WorkingMemory, moments: Sequence[Moment]) -> dict[str, str]:
        """Values by name; what was asked for is known by less."""
        values = self._slots.find(one.text)
        day = values.get("date")
        if day is None:
            values.update(("date", moment.text.strip()) for moment in moments if moment.date is not None)
        elif self._is_no_day(day, one.heard):
            del values["date"]
        form = memory.form
        number = self._number_of_the_topic(one.text, memory) if form is None and "order_number" not in values else None
        if number is not None:
            values["order_number"] = number
        if form is None or form.slot in values or wants_no_more(one.text):
            return values
        if form.slot == "time":
            values.update(("time", moment.text.strip()) for moment in moments if moment.time is not None)
        elif not wants_an_answer(one.text) and tone(one.text) in (Tone.PLAIN, Tone.UPSET):
            value = requested(form.slot, one.text, [*values.values(), *(moment.text for moment in moments)])
            value = value or self._tagged(form.slot, one.text)
            if value is not None:
                values[form.slot] = value
        return values

    def _tagged(self, slot: str, text: str) -> str | None:
        """What the tagger takes for the slot that was asked for, where it is sure; a wrong value is a made-up fact."""
        if self._tagger is None or slot not in _TAGGED or len(text) > _LONGEST_TAGGED:
            return None
        spans = [one for one in self._tagger.find(text, (slot,)) if one.name == slot and one.confidence >= _SURE_ENOUGH]
        return text[spans[-1].start : spans[-1].end] if spans else None

    def _reworded(self, text: str, memory: WorkingMemory, values: Mapping[str, str]) -> tuple[str, str] | None:
        """The worded slot that a message puts right, of those that the form or the current topic needs."""
        what = meant(text)
        about = memory.form.entry if memory.form else memory.topic.entry if memory.topic else ""
        if what is None or about not in self._knowledge:
            return None
        known = [name for name in self._knowledge[about].requires if name in WORDED and name in memory.slots]
        name = max(known, key=lambda one: memory.slots[one].heard, default="")
        value = requested(name, what, values.values())
        return None if value is None else (name, value)

    def _number_of_the_topic(self, text: str, memory: WorkingMemory) -> str | None:
        """A bare order number right after an answer that would have held one."""
        topic = memory.topic
        if topic is None or topic.turn != memory.turn or topic.entry not in self._knowledge:
            return None
        if "order_number" in memory.slots or "{order_number" not in self._knowledge[topic.entry].answer:
            return None
        value = requested("order_number", text)
        return value if value is not None and sum(map(str.isdigit, value)) >= _FEWEST_DIGITS else None

    def _moments(self, text: str, heard: datetime) -> list[Moment]:
        """Days and times in a text; none in a letter, and none where the moment itself is outside the calendar."""
        if len(text) > _LONGEST_DATED:
            return []
        try:
            return find_dates(text, said=heard, zone=self._habits.zone, day_first=self._habits.day_first)
        except ValueError:
            return []

    def _is_no_day(self, value: str, heard: datetime) -> bool:
        """True for a day that no calendar has, such as 31 February."""
        moments = self._moments(value, heard)
        return bool(moments) and all(moment.doubt is Doubt.IMPOSSIBLE for moment in moments)

    def _filled(
        self, memory: WorkingMemory, name: str, value: str, heard: datetime, moments: Sequence[Moment]
    ) -> WorkingMemory:
        """Memory with a value; ``moments`` are the days and times that are known already."""
        habits = self._habits
        lasts, meaning, sure = habits.lifetimes.get(name), "", _SURE
        if name in ("date", "time"):
            known = [moment for moment in moments if moment.text.strip() == value] or self._moments(value, heard)
            day = known[0].date if known else None
            sure = _SURE if known and known[0].certain else _DOUBTFUL
            if day is not None:
                meaning = day.isoformat()
                lasts = None if lasts is None else max(lasts, _until_over(day, habits.zone, heard))
        return memory.fill(name, value, heard=heard, confidence=sure, meaning=meaning, lasts=lasts)


def _until_over(day: date, zone: tzinfo, heard: datetime) -> timedelta:
    """How long it is until a day is over; nothing for one at the very end of the calendar."""
    try:
        return datetime.combine(day, time.max, zone).astimezone(UTC) - heard
    except OverflowError:
        return timedelta()
