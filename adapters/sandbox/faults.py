"""Bad days, switched on from outside: what a service answers instead of working, and how it disturbs its events."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status in place of the proper one; ``retry_after`` (whole seconds) also stands in its header."""

    status: int
    retry_after: int | None = None

    def __str__(self) -> str:
        wait = "" if self.retry_after is None else f", to be asked again in {self.retry_after} s"
        return f"answered {self.status}{wait}"


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset without an answer."""

    def __str__(self) -> str:
        return "the connection was reset"


@dataclass(frozen=True, slots=True)
class Hang:
    """The proper answer comes ``seconds`` later."""

    seconds: float

    def __str__(self) -> str:
        return f"hung for {self.seconds:g} s"


Trouble = Answer | Reset | Hang


@dataclass(slots=True)
class Rule:
    """A trouble and when it strikes.

    ``after`` is the worst kind: the request is carried out, and yet whoever sent it is not told so. ``left`` counts
    down; None is for ever. ``only`` is a part of the paths that it strikes.
    """

    trouble: Trouble
    left: int | None
    share: float
    only: str
    after: bool

    def __str__(self) -> str:
        words = [str(self.trouble), "after carrying it out" if self.after else "before anything was done"]
        words += [] if self.left is None else [f"{self.left} more"]
        words += [] if self.share >= 1 else [f"{self.share:.0%} of the requests"]
        words += [f"only {self.only}"] if self.only else []
        return ", ".join(words)


class Faults:
    """All bad days of one stand-in; the same seed draws the same chances.

    Attributes:
        duplicates: Share of the events that are delivered twice.
        disorder: Share of the events that are overtaken by the next one.
        clock: How far the clock of the service is off.
    """

    def __init__(self, seed: int = 0) -> None:
        self._random = random.Random(seed)
        self._rules: list[Rule] = []
        self.duplicates = 0.0
        self.disorder = 0.0
        self.clock = timedelta(0)

    @property
    def rules(self) -> Sequence[Rule]:
        """Those that may still strike."""
        return tuple(self._rules)

    def in_words(self) -> Sequence[str]:
        """All that is switched on, for people; empty where all is well."""
        words = [str(rule) for rule in self._rules]
        words += [f"{self.duplicates:.0%} of the events come twice"] if self.duplicates else []
        words += [f"{self.disorder:.0%} of the events are overtaken by the next"] if self.disorder else []
        minutes = self.clock / timedelta(minutes=1)
        return words + ([f"the clock is {minutes:+g} minutes off"] if minutes else [])

    def add(
        self, trouble: Trouble, *, times: int | None = None, share: float = 1.0, only: str = "", after: bool = False
    ) -> None:
        """Let ``trouble`` strike the next ``times`` requests (None: all), or a share of them."""
        self._rules.append(Rule(trouble, times, share, only, after))

    def clear(self) -> None:
        """All is well again."""
        self._rules.clear()
        self.duplicates = self.disorder = 0.0
        self.clock = timedelta(0)

    def strike(self, path: str) -> Rule | None:
        """What happens to a request for ``path``; the first rule that strikes counts as used."""
        for rule in self._rules:
            if rule.only in path and self._happens(rule.share):
                if rule.left is not None:
                    rule.left -= 1
                    self._rules = [one for one in self._rules if one.left != 0]
                return rule
        return None

    def doubles(self) -> bool:
        """Whether the next event is delivered twice."""
        return self._happens(self.duplicates)

    def misplaces(self) -> bool:
        """Whether the next event is overtaken by the one after it."""
        return self._happens(self.disorder)

    def _happens(self, share: float) -> bool:
        return share >= 1 or (share > 0 and self._random.random() < share)
