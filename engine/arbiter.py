"""Who answers: the chosen entry, a question back, or nobody; and whether the generator may put it into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from engine.calibration import Thresholds
from engine.dialogue import Candidate, Grade
from engine.knowledge.entries import PERSON_ONLY, SMALL_TALK, Entry, Knowledge
from engine.understand.tone import Tone


class Verdict(Enum):
    """What is done with a question."""

    ANSWER = "answer"
    CLARIFY = "clarify"
    DECLINE = "decline"
    PERSON = "person"
    ASK = "ask"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Decision:
    """The verdict, the entry it rests on or the entries to choose from, and the reason in words.

    ``sentence`` names the fixed sentence of a question back or of a refusal, ``grade`` says how far out of scope the
    message is; both are empty for an answer.
    """

    verdict: Verdict
    entries: tuple[Entry, ...]
    confidence: float
    reason: str
    sentence: str = ""
    grade: Grade | None = None


class ThresholdArbiter:
    """Decides by thresholds that were fitted on held-out questions.

    Args:
        knowledge: The entries.
        thresholds: The thresholds of the checkpoint.
        choices: How many entries are offered at most when asking back.
    """

    def __init__(self, knowledge: Knowledge, thresholds: Thresholds, *, choices: int) -> None:
        self._knowledge = knowledge
        self.thresholds = thresholds
        self._choices = choices
        # From ``clarify`` on the right entry is mostly among those offered; with half of that it still may be.
        self._near = thresholds.clarify / 2

    def decide(self, candidates: Sequence[Candidate], *, follow_up: bool = False, tone: Tone = Tone.PLAIN) -> Decision:
        """What to do with a question whose candidates are these, best first.

        The first rule that fits decides:

        1. Nothing but signs: nothing was asked.
        2. The best entry reaches the threshold: it is answered. Of insults alone only small talk, or an entry for
           people, may be the answer.
        3. No word of any language, or insults without a question: each has a sentence of its own.
        4. The best few, small talk aside, together reach ``clarify``: they are offered; the right one is mostly there.
        5. They reach half of that: a near miss. They are offered all the same, with less hope.
        6. Else it is about something else.
        """
        best = candidates[0].confidence if candidates else 0.0
        if tone is Tone.WORDLESS:
            return declined(Grade.MEANINGLESS, "wordless", best, "there is no word in it")
        threshold = max(self.thresholds.answer, self.thresholds.follow_up if follow_up else 0.0)
        if candidates and best >= threshold:
            entry = self._knowledge[candidates[0].entry]
            if tone is not Tone.HOSTILE or {SMALL_TALK, PERSON_ONLY} & set(entry.tags):
                return answered(entry, best, f"confidence {best:.2f} reaches the threshold {threshold:.2f}")
        if tone is Tone.MEANINGLESS:
            return declined(Grade.MEANINGLESS, "meaningless", best, "there is no word of any language in it")
        if tone in (Tone.HOSTILE, Tone.RUDE):
            return declined(Grade.HOSTILE, "hostile", best, "it insults and asks nothing")
        if not candidates:
            return declined(Grade.UNRELATED, "unsure", best, "no entry came into question")
        return self._unsure(candidates, f"confidence {best:.2f} is below the threshold {threshold:.2f}")

    def _unsure(self, candidates: Sequence[Candidate], low: str) -> Decision:
        best = candidates[0].confidence
        matters = [one for one in candidates if SMALL_TALK not in self._knowledge[one.entry].tags]
        near = matters[: self._choices]  # nobody wants to choose between greetings
        offered = sum(candidate.confidence for candidate in near)
        # A choice of one is none, so the second stays whatever it is worth.
        likely = [one for place, one in enumerate(near) if place < 2 or one.confidence >= near[0].confidence / 5]
        entries = tuple(self._knowledge[one.entry] for one in likely)
        if not entries:
            return declined(Grade.UNRELATED, "unsure", best, low)
        if offered >= self.thresholds.clarify:
            reason = f"{low}; the likeliest entries are offered"
            return Decision(Verdict.CLARIFY, entries, best, reason, "clarify")
        if offered >= self._near:
            reason = f"{low}; a near miss: the nearest entries are offered"
            return Decision(Verdict.CLARIFY, entries, best, reason, "near_miss", Grade.NEAR_MISS)
        return declined(Grade.UNRELATED, "unsure", best, low)

    def may_speak(self, confidence: float) -> bool:
        """True where the generator is sure enough of its own words."""
        return confidence >= self.thresholds.generate


def answered(entry: Entry, confidence: float, reason: str) -> Decision:
    """The decision for an entry: it answers, or it is for people alone."""
    return Decision(Verdict.PERSON if PERSON_ONLY in entry.tags else Verdict.ANSWER, (entry,), confidence, reason)


def wanting(entry: Entry, sentence: str, reason: str) -> Decision:
    """The decision to ask for a slot that an entry needs; ``sentence`` asks for it."""
    return Decision(Verdict.ASK, (entry,), 1.0, reason, sentence)


def noted(reason: str, sentence: str = "noted") -> Decision:
    """The decision only to say that something was understood."""
    return Decision(Verdict.NOTE, (), 1.0, reason, sentence)


def declined(grade: Grade, sentence: str, confidence: float, reason: str) -> Decision:
    """The decision not to answer."""
    return Decision(Verdict.DECLINE, (), confidence, reason, sentence, grade)
