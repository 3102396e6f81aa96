"""Whether customers are unhappier about a topic than they used to be, over all conversations.

One Bernoulli CUSUM a topic (Page 1954; Reynolds, Stoumbos 1999) over whether a conversation was displeased with it, and
one over all of them together. Of a sum of log-likelihood ratios that is held at 0 from below, the mean number of
conversations between two false alarms is at least ``exp(limit)`` where the usual share is known (Lorden 1971); here it
is learned, with what is uncertain about it added, and a simulation in the tests says what is left of that.

No text is looked at and nothing is read or written here: who calls hands in texts that may be kept.
"""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from engine.understand.mood import DISPLEASED

EVERYTHING = ""
"""The topic under which all conversations are counted together."""
_FORMAT = 1
_EXAMPLES = 3
_LONGEST_EXAMPLE = 200
_HOUSE, _FIRST_SHARE = 20.0, 0.1  # conversations that the house's share counts in a topic's, and what it begins with
_HOUSE_FIRST = 10.0  # conversations that the share which the house begins with counts
_LOWEST, _HIGHEST = 0.02, 0.7
_DOUBT = 1.0  # standard errors by which the usual share is taken higher than it was seen to be


@dataclass(frozen=True, slots=True)
class Alert:
    """Conversations about ``topic`` are displeased more often: ``before`` and ``now`` are shares in [0, 1].

    ``count`` is how many displeased conversations ``now`` rests on, ``examples`` up to three of their texts, the
    unhappiest first. ``topic`` is ``EVERYTHING`` where no topic stands out.
    """

    topic: str
    before: float
    now: float
    count: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Watch:
    """How the monitor watches.

    ``times`` is by how much the odds of a displeased conversation must grow to be worth an alert; ``between`` how many
    conversations of a topic at least lie between two false alarms on average; ``warm_up`` how many are counted before
    the first alert; ``least`` how many displeased ones an alert needs; ``quiet`` for how long a topic says nothing
    after one; ``memory`` how many conversations the usual share looks back; ``displeased`` from which mood down a turn
    counts; ``same`` for how long a conversation counts as the same.

    Raises:
        ValueError: If a number is out of range.
    """

    times: float = 3.0
    between: float = 20_000.0
    warm_up: int = 40
    least: int = 5
    quiet: timedelta = timedelta(hours=24)
    memory: float = 400.0
    displeased: float = DISPLEASED
    same: timedelta = timedelta(hours=24)
    topics: int = 2000
    conversations: int = 4096

    def __post_init__(self) -> None:
        checks = {
            "times": self.times > 1, "between": self.between > 1, "warm_up": self.warm_up >= 1,
            "least": self.least >= 1, "quiet": self.quiet >= timedelta(), "memory": self.memory >= self.warm_up,
            "displeased": -1 <= self.displeased < 1, "same": self.same > timedelta(), "topics": self.topics >= 1,
            "conversations": self.conversations >= 1,
        }  # fmt: skip
        for name, right in checks.items():
            if not right:
                raise ValueError(f"{name} of the mood monitor is {getattr(self, name)}, which is out of range")


@dataclass
class _Topic:
    """What is known of a topic. ``usual`` and ``bad`` are the conversations that the usual share rests on, with those
    long ago counting less; ``fresh`` and ``fresh_bad`` those since ``sum`` was last 0.
    """

    seen: int = 0
    usual: float = 0.0
    bad: float = 0.0
    fresh: int = 0
    fresh_bad: int = 0
    sum: float = 0.0
    until: str = ""
    examples: list[tuple[float, str]] = field(default_factory=list)


class MoodMonitor:
    """Counts displeased conversations by topic and says when they become more. Not safe for several threads at once.

    Args:
        watch: How.
    """

    def __init__(self, watch: Watch | None = None) -> None:
        self._watch = watch or Watch()
        self._limit = math.log(self._watch.between)
        self._topics: OrderedDict[str, _Topic] = OrderedDict()
        self._house = _Topic()
        self._counted: OrderedDict[str, tuple[bool, str]] = OrderedDict()

    def observe(
        self, topic: str | None, mood: float, text: str, moment: datetime, *, conversation: str
    ) -> Alert | None:
        """Take in one turn of a customer.

        A conversation counts once a topic, and once more when it turns displeased; whatever else it says about it
        within ``Watch.same`` changes nothing, so that nobody can raise an alert alone.

        Args:
            topic: The entry that the turn was about; None where there was none.
            mood: Of the turn, in [-1, 1].
            text: Of the turn, as it may be kept and shown: personal data masked.
            moment: When, with a time zone.
            conversation: Which conversation; only a digest of it is kept.

        Raises:
            ValueError: If ``mood`` is out of range or ``moment`` has no time zone.
        """
        if not -1.0 <= mood <= 1.0:
            raise ValueError(f"the mood is {mood}; moods lie between -1 and 1")
        if moment.utcoffset() is None:
            raise ValueError("the moment has no time zone; hand in aware times")
        displeased = mood <= self._watch.displeased
        found: Alert | None = None
        if topic and self._counts(topic, conversation, displeased, moment):
            found = self._take(topic, self._topic(topic), mood, text, moment)
        if self._counts(EVERYTHING, conversation, displeased, moment):
            everything = self._take(EVERYTHING, self._house, mood, text, moment)
            found = found or everything
        return found

    def shares(self) -> dict[str, tuple[float, int]]:
        """The usual share of displeased conversations of every topic, and how many of it were ever counted."""
        known = {EVERYTHING: self._house, **self._topics}
        return {name: (self._usual(topic), topic.seen) for name, topic in known.items()}

    def forget_examples(self) -> None:
        """Keep no text; the counts stay."""
        for topic in (self._house, *self._topics.values()):
            topic.examples = []

    def to_json(self) -> dict[str, Any]:
        """All that is known, as plain data, but for the texts of customers."""
        return {
            "format": _FORMAT,
            "house": {**asdict(self._house), "examples": []},
            "topics": {name: {**asdict(topic), "examples": []} for name, topic in self._topics.items()},
            "counted": {key: list(value) for key, value in self._counted.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any], watch: Watch | None = None) -> MoodMonitor:
        """Go on from what ``to_json`` gave.

        Raises:
            ValueError: If it is damaged or of another format.
        """
        monitor = cls(watch)
        try:
            if data["format"] != _FORMAT:
                raise ValueError(f"its format is {data['format']} and not {_FORMAT}")
            monitor._house = _read(data["house"])
            monitor._topics.update((str(name), _read(topic)) for name, topic in data["topics"].items())
            for key, (displeased, moment) in data["counted"].items():
                monitor._counted[str(key)] = (bool(displeased), _aware(moment).isoformat())
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise ValueError(
                f"what the mood monitor knew cannot be read: {error!r}; begin with a new one, which learns again what "
                "is usual"
            ) from error
        monitor._forget()
        return monitor

    def _topic(self, name: str) -> _Topic:
        topic = self._topics.setdefault(name, _Topic())
        self._topics.move_to_end(name)
        self._forget()
        return topic

    def _forget(self) -> None:
        """Leave out topics that nobody asks about any more, and conversations of long ago."""
        while len(self._topics) > self._watch.topics:
            self._topics.popitem(last=False)
        while len(self._counted) > self._watch.conversations:
            self._counted.popitem(last=False)

    def _counts(self, topic: str, conversation: str, displeased: bool, moment: datetime) -> bool:
        """True the first time that a conversation is about a topic, and the first time that it is displeased."""
        key = hashlib.blake2b(f"{topic}\0{conversation}".encode("utf-8", "replace"), digest_size=8).hexdigest()
        before = self._counted.get(key)
        recent = before is not None and abs(moment - datetime.fromisoformat(before[1])) < self._watch.same
        if before is not None and recent and (before[0] or not displeased):
            return False
        self._counted[key] = (displeased, moment.astimezone(UTC).isoformat())
        self._counted.move_to_end(key)
        self._forget()
        return True

    def _usual(self, topic: _Topic) -> float:
        """The usual share of a topic; the less is known of it, the nearer is it to that of the house."""
        weight, other = _HOUSE, 0.0
        if topic is self._house:
            weight, other = _HOUSE_FIRST, _FIRST_SHARE
        else:
            other = self._usual(self._house)
        return (topic.bad + weight * other) / (topic.usual + weight)

    def _take(self, name: str, topic: _Topic, mood: float, text: str, moment: datetime) -> Alert | None:
        displeased = mood <= self._watch.displeased
        topic.seen += 1
        topic.fresh += 1
        topic.fresh_bad += displeased
        if topic.seen <= self._watch.warm_up or (topic.until and moment < datetime.fromisoformat(topic.until)):
            self._settle(topic)
            return None
        before = self._usual(topic)
        doubt = math.sqrt(before * (1 - before) / (topic.usual + _HOUSE))
        low = min(max(before + _DOUBT * doubt, _LOWEST), _HIGHEST)
        odds = self._watch.times * low / (1 - low)
        high = odds / (1 + odds)
        topic.sum += math.log(high / low) if displeased else math.log((1 - high) / (1 - low))
        if displeased:
            topic.examples.append((mood, text[:_LONGEST_EXAMPLE]))
            topic.examples = sorted(topic.examples)[:_EXAMPLES]
        if topic.sum <= 0.0:
            self._settle(topic)
            return None
        if topic.sum < self._limit or topic.fresh_bad < self._watch.least:
            return None
        examples = tuple(example for _, example in topic.examples)
        alert = Alert(name, before, topic.fresh_bad / topic.fresh, topic.fresh_bad, examples)
        topic.until = (moment + self._watch.quiet).astimezone(UTC).isoformat()
        self._settle(topic)
        return alert

    def _settle(self, topic: _Topic) -> None:
        """What was fresh becomes a part of what is usual, of which the oldest fades."""
        kept = math.exp(-topic.fresh / self._watch.memory)
        topic.usual = topic.usual * kept + topic.fresh
        topic.bad = topic.bad * kept + topic.fresh_bad
        topic.fresh = topic.fresh_bad = 0
        topic.sum = 0.0
        topic.examples = []


def _read(data: Mapping[str, Any]) -> _Topic:
    topic = _Topic(
        seen=int(data["seen"]),
        usual=float(data["usual"]),
        bad=float(data["bad"]),
        fresh=int(data["fresh"]),
        fresh_bad=int(data["fresh_bad"]),
        sum=float(data["sum"]),
        until=_aware(data["until"]).isoformat() if data["until"] else "",
        examples=[(float(mood), str(text)[:_LONGEST_EXAMPLE]) for mood, text in data["examples"]][:_EXAMPLES],
    )
    numbers = (topic.seen, topic.usual, topic.bad, topic.fresh, topic.fresh_bad, topic.sum)
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise ValueError("a count is no number from 0 on")
    if topic.bad > topic.usual + 1e-6 or topic.fresh_bad > topic.fresh:
        raise ValueError("there are more displeased conversations than conversations")
    return topic


def _aware(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.utcoffset() is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment
