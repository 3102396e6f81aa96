"""A plan put into words: answers, questions back and refusals, where they come from, and what is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.arbiter import Decision, ThresholdArbiter, Verdict
from engine.dialogue import Grade, Mark, Provenance, Source, Speaker, Turn
from engine.faithfulness import review
from engine.knowledge.choices import choices, shortened
from engine.knowledge.entries import SMALL_TALK, Entry
from engine.knowledge.template import own_words, template
from engine.memory import WorkingMemory
from engine.plan import Heard, Plan, Step
from engine.ports import Generation, Response, Say
from engine.text.tokenise import SLOT_NAMES, without_marks
from engine.understand.mood import trend
from engine.understand.split import question
from engine.understand.tone import Tone

MOST_CANDIDATES = 10
_QUOTED = 60  # columns
_BRACES = str.maketrans("{}", "()")
_STRONGEST = (Source.HANDOFF, Source.GENERATED, Source.RETRIEVED, Source.CLARIFY, Source.FIXED)
_NO_MARKS: frozenset[Mark] = frozenset()


def bare(name: str, locale: str | None = None, **values: str | int) -> str:
    """Without a house around it the engine says the name of the sentence, and the values that belong into it."""
    del locale
    return " ".join([name, *map(str, values.values())])


class Teller:
    """Puts plans into words.

    Args:
        fingerprint: The checkpoint that composes.
        arbiter: Says whether the generator may speak.
        say: The fixed sentences of the house.
    """

    def __init__(self, fingerprint: str, arbiter: ThresholdArbiter, say: Say) -> None:
        self._fingerprint = fingerprint
        self._arbiter = arbiter
        self._fixed = say

    def tell(self, one: Heard, said: Tone, plan: Plan, composed: Sequence[Generation | None]) -> Response:
        """The response to a message.

        Args:
            one: The message, with its slots in memory.
            said: Its tone.
            plan: What is done with it.
            composed: What the generator made of each step of the plan, None where it has nothing to say.
        """
        memory = plan.memory.hear(Turn(Speaker.CUSTOMER, one.text)).offer(())
        if plan.took:
            memory = memory.settle(one.memory.about, (choice.entry for choice in plan.took))
        told = [self._say(one, step, generation, memory) for step, generation in zip(plan.steps, composed, strict=True)]
        decisions = [step.decision for step in plan.steps]
        offered = choices(decisions[0].entries) if decisions[0].verdict is Verdict.CLARIFY else ()
        if offered:
            memory = memory.offer(offered, about=plan.about)
        for decision in decisions:
            talked_of = decision.verdict in (Verdict.ANSWER, Verdict.ASK)
            if talked_of and SMALL_TALK not in decision.entries[0].tags:
                memory = memory.push_topic(decision.entries[0].id)
        text = "\n\n".join(self._paragraphs(one, said, plan, told))
        return Response(
            text,
            _provenance(plan, told),
            min(decision.confidence for decision in decisions),
            memory.hear(Turn(Speaker.BOT, text)),
            entry=decisions[0].entries[0].id if decisions[0].entries and not offered else None,
            choices=offered,
            candidates=plan.candidates[:MOST_CANDIDATES],
            handoff=any(decision.verdict is Verdict.PERSON for decision in decisions),
        )

    def _say(
        self, one: Heard, step: Step, generation: Generation | None, memory: WorkingMemory
    ) -> tuple[str, Provenance]:
        """The words for one step, and where they come from."""
        decision = step.decision
        if decision.verdict is Verdict.ANSWER:
            # Only a follow-up may be answered with a part of the entry; otherwise it is told whole.
            return self._answer(decision, generation, memory, whole=step.reading.topic is None)
        if decision.verdict is Verdict.PERSON:
            reason = f"{decision.reason}; this is for a person"
            return self._fixed("handoff", one.locale), Provenance(Source.HANDOFF, decision.entries[0].id, reason)
        if decision.verdict is Verdict.ASK:
            return self._asking(decision, one.locale)
        source = Source.CLARIFY if decision.verdict is Verdict.CLARIFY else Source.FIXED
        sentence = self._fixed(decision.sentence, one.locale)
        return sentence, Provenance(source, "arbiter", decision.reason, decision.grade)

    def _asking(self, decision: Decision, locale: str) -> tuple[str, Provenance]:
        """A question for a slot; one of an own kind is called by its name."""
        slot = decision.sentence
        own = {} if slot in SLOT_NAMES else {"slot": slot.replace("_", " ")}
        text = self._fixed("ask_slot" if own else f"ask_{slot}", locale, **own)
        return text, Provenance(Source.CLARIFY, decision.entries[0].id, decision.reason)

    def _paragraphs(self, one: Heard, said: Tone, plan: Plan, told: Sequence[tuple[str, Provenance]]) -> list[str]:
        """The words of all steps, with a word of regret before them and what stays open after them."""
        words = list(dict.fromkeys(text for text, _ in told))
        decision = plan.steps[0].decision
        small_talk = decision.verdict is Verdict.ANSWER and SMALL_TALK in decision.entries[0].tags
        if said in (Tone.UPSET, Tone.RUDE) and decision.grade is not Grade.HOSTILE and not small_talk:
            words.insert(0, self._fixed("upset", one.locale))
        handed = any(provenance.source is Source.HANDOFF for _, provenance in told)
        if trend(plan.memory.moods).angry_twice and not handed and not trend(plan.memory.moods[:-1]).angry_twice:
            words.append(self._fixed("offer_person", one.locale))
        if plan.left and not any(provenance.source is Source.HANDOFF for _, provenance in told):
            words.extend(self._fixed("left_open", one.locale, part=_quoted(part)) for part in plan.left)
        return words

    def _answer(
        self, decision: Decision, generation: Generation | None, memory: WorkingMemory, *, whole: bool
    ) -> tuple[str, Provenance]:
        """The generator's words where it is sure and faithful, else the entry's own."""
        entry = decision.entries[0]
        text, doubt, marks = self._composed(entry, generation, memory, whole=whole)
        if text is None:
            own = own_words(entry.answer, memory.values())
            return own, Provenance(Source.RETRIEVED, entry.id, f"{decision.reason}; {doubt}", marks=marks)
        origin = f"{entry.id} by {self._fingerprint[:12]}"
        reason = f"{decision.reason}; composed from the entry and found faithful"
        return text, Provenance(Source.GENERATED, origin, reason)

    def _composed(
        self, entry: Entry, generation: Generation | None, memory: WorkingMemory, *, whole: bool
    ) -> tuple[str | None, str, frozenset[Mark]]:
        """The composed text, or None, why not, and whether that was a slip."""
        if generation is None:
            return None, "the entry speaks for itself", _NO_MARKS
        if not generation.finished:
            return None, "the generator did not finish in time", _NO_MARKS
        if not self._arbiter.may_speak(generation.confidence):
            return None, f"the generator is not sure of its words ({generation.confidence:.2f})", _NO_MARKS
        said = [turn.text for turn in memory.recent if turn.speaker is Speaker.CUSTOMER]
        text, verdict = review(generation.text, template(entry.answer), memory.values(), said, whole=whole)
        if verdict.faithful:
            return text, "", _NO_MARKS
        return None, f"the generator slipped: {verdict.reason}", frozenset([Mark.SLIP])


def _provenance(plan: Plan, told: Sequence[tuple[str, Provenance]]) -> Provenance:
    """Where a whole reply comes from: of several answers each, in order."""
    parts = [provenance for _, provenance in told]
    marks = frozenset().union(*(part.marks for part in parts), [Mark.CHOICE] if plan.took else [])
    if len(parts) == 1 and not plan.left:
        return replace(parts[0], marks=marks)
    source = next(source for source in _STRONGEST if any(part.source is source for part in parts))
    if plan.left or plan.steps[0].reading != plan.steps[-1].reading:
        marks |= {Mark.PARTS}
    reasons = [
        f"“{_quoted(step.reading.text)}”, {part.origin if not step.decision.entries else step.decision.entries[0].id}: "
        f"{part.reason}"
        for step, part in zip(plan.steps, parts, strict=True)
    ]
    reasons += [f"“{_quoted(part)}” stays open" for part in plan.left]
    return Provenance(source, ", ".join(part.origin for part in parts), "; ".join(reasons), marks=marks)


def _quoted(part: str) -> str:
    """The question of a part, cut short; nothing in it can be mistaken for a placeholder."""
    return shortened(without_marks(question(part)).translate(_BRACES), _QUOTED)
