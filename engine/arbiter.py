"""Who answers: the chosen entry, a question back, or nobody; and whether the generator may put it into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.calibration import Thresholds
from engine.dialogue import Candidate
from engine.knowledge.entries import PERSON_ONLY, Entry, Knowledge


class Verdict(Enum):
    """What is done with a question."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    DECLINE = "decline"
    PERSON = "person"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the entry it rests on or the entries to choose from, and the reason in words."""

    verdict: Verdict
    entries: tuple[Entry, ...]
    confidence: float
    reason: str


class ThresholdArbiter:
    """Decides by thresholds that were fitted on held-out questions.

    Args:
        knowledge: The entries.
        thresholds: The thresholds of the checkpoint.
        choices: How many entries are offered at most when asking back.
    """

    def __init__(self, knowledge: Knowledge, thresholds: Thresholds, *, choices: int) -> None:
        self._knowledge = knowledge
        self._thresholds = thresholds
        self._choices = choices

    def decide(self, candidates: Sequence[Candidate], *, follow_up: bool = False) -> Decision:
        """What to do with a question whose candidates are these, best first."""
        if not candidates:
            return Decision(Verdict.DECLINE, (), 0.0, "no entry came into question")
        best = candidates[0]
        entry = self._knowledge[best.entry]
        threshold = max(self._thresholds.answer, self._thresholds.follow_up if follow_up else 0.0)
        if best.confidence >= threshold:
            reason = f"confidence {best.confidence:.2f} reaches the threshold {threshold:.2f}"
            verdict = Verdict.PERSON if PERSON_ONLY in entry.tags else Verdict.ANSWER
            return Decision(verdict, (entry,), best.confidence, reason)
        near = candidates[: self._choices]
        offered = sum(candidate.confidence for candidate in near)
        low = f"confidence {best.confidence:.2f} is below the threshold {threshold:.2f}"
        if offered >= self._thresholds.clarify:
            floor = best.confidence / 5  # a choice of one is none, so the second stays whatever it is worth
            likely = [one for place, one in enumerate(near) if place < 2 or one.confidence >= floor]
            entries = tuple(self._knowledge[one.entry] for one in likely)
            return Decision(Verdict.CLARIFY, entries, best.confidence, f"{low}; the likeliest entries are offered")
        return Decision(Verdict.DECLINE, (), best.confidence, low)

    def may_speak(self, confidence: float) -> bool:
        """True where the generator is sure enough of its own words."""
        return confidence >= self._thresholds.generate
