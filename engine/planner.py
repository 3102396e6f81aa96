"""What is done with a message: the choices it takes, the questions in it, what each comes to, and what stays open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from engine.arbiter import Decision, ThresholdArbiter, Verdict, declined, noted
from engine.dialogue import Candidate, Choice, Grade
from engine.forms import Forms
from engine.knowledge.entries import SMALL_TALK, Knowledge
from engine.memory import WorkingMemory
from engine.plan import Asked, Heard, Plan, Step, answers, is_answered, one_step
from engine.ports import Reading
from engine.text.features import tokens
from engine.text.normalise import matching
from engine.text.stopwords import content
from engine.understand.follow_up import (
    asks_for_a_value_in,
    beside_the_choices,
    chosen,
    goes_back_to,
    is_follow_up,
    named,
    takes_none,
)
from engine.understand.requested import gives_only
from engine.understand.tone import Tone
from engine.understand.tone import tone as tone_of

_LONGEST_REMEMBERED = 300  # characters of a question that may be asked again
_SURE = 0.9  # from here on a bare value is taken for the question that an entry has it for
_CALM = (Tone.PLAIN, Tone.UPSET)  # what may hold a question
_ASK_NOTHING = frozenset(
    {"help", "check", "look", "question", "questions", "explain", "hope", "sure", "right", "帮", "忙"}
)


class Planner:
    """Decides about whole messages.

    Args:
        knowledge: The entries.
        arbiter: Decides about single questions.
    """

    def __init__(self, knowledge: Knowledge, arbiter: ThresholdArbiter) -> None:
        self._knowledge = knowledge
        self._arbiter = arbiter
        self._forms = Forms(knowledge, self.decide)

    def plan(self, heard: Heard, tone: Tone, whole: Asked, parts: Sequence[Asked]) -> Plan:
        """What to do with a message.

        The first rule that fits decides:

        1. An entry waits for slots, and it gives one, or wants nothing of it any more.
        2. It goes back to a topic of before, or puts a value of the last answer right: that is answered again.
        3. It asks how long or how much, names nothing else, and the answer that it leans on has just that.
        4. It replies to what was offered: it takes choices or none of them, or says nothing that could be a choice.
        5. The customer has chosen for the same question before: the choice holds.
        6. It has several questions of which parts are surer than the whole.
        7. It is one question; where that is in doubt, a few words that name an offered choice take it.

        Where none of this answers it and it does nothing but give values, the last answer is given with them, if it
        holds any, or else they are noted.

        An entry that needs slots which are not known asks for them first. While it waits, other questions are answered,
        and the slot is asked for again; asked for in vain too often, a person takes over.

        Args:
            heard: The message, listened to.
            tone: How it is said.
            whole: The message as a question.
            parts: Its questions in order, where it has several.
        """
        plan = self._forms.before(heard, whole) or self._back(heard, whole) or self._put_right(heard, whole)
        plan = plan or self._of_the_topic(whole)
        if plan is None:
            plan = self._of_the_questions(heard.memory, tone, whole, parts)
            plan = self._of_the_values(heard, whole, plan) or plan
        return self._forms.after(heard, plan)

    def _of_the_questions(self, memory: WorkingMemory, tone: Tone, whole: Asked, parts: Sequence[Asked]) -> Plan:
        """What to do with a message that is neither about a form nor about what was said before."""
        offered = tuple(choice for choice in memory.offered if choice.entry in self._knowledge)
        plan = self._of_the_offered(memory, tone, whole, offered) if offered else None
        plan = plan or self._settled(memory, whole)
        if plan is None and tone in _CALM:
            plan = self._apart(whole, parts)
        return plan or self._as_one(memory, tone, whole, offered)

    def _back(self, heard: Heard, whole: Asked) -> Plan | None:
        """A topic of before that the customer goes back to by its name."""
        what = goes_back_to(heard.text)
        topics = [self._knowledge[one.entry] for one in reversed(heard.memory.topics) if one.entry in self._knowledge]
        if what is None or not topics:
            return None
        names = [Choice(entry.id, " ".join((entry.topic, *entry.questions[:1]))) for entry in topics]
        name = named(what, names, [entry.questions for entry in topics])
        if name is None:
            return None
        return answers(whole, [self._knowledge[name.entry]], "the customer goes back to it")

    def _put_right(self, heard: Heard, whole: Asked) -> Plan | None:
        """The last answer once more, with the value that was put right."""
        if not heard.corrected:
            return None
        topic = heard.memory.topic
        entry = self._knowledge[topic.entry] if topic is not None and topic.entry in self._knowledge else None
        if entry is not None and f"{{{heard.corrected}" in entry.answer:
            return answers(whole, [entry], f"{heard.corrected} was put right")
        return one_step(whole, noted(f"{heard.corrected} was put right"))

    def _of_the_values(self, heard: Heard, whole: Asked, plan: Plan) -> Plan | None:
        """For a message that does nothing but give values: the last answer with them, unless one is surely meant."""
        sure = any(is_answered(step.decision) and step.decision.confidence >= _SURE for step in plan.steps)
        if sure or not heard.given:
            return None
        if not gives_only(heard.text, [heard.memory.slots[name].value for name in heard.given]):
            return None
        topic = heard.memory.topic
        entry = self._knowledge[topic.entry] if topic is not None and topic.entry in self._knowledge else None
        given = ", ".join(sorted(heard.given))
        if entry is not None and any(f"{{{name}" in entry.answer for name in heard.given):
            return answers(whole, [entry], f"the customer gave {given}")
        return one_step(whole, noted(f"the customer gave {given}, and asked nothing"))

    def _of_the_topic(self, whole: Asked) -> Plan | None:
        """The answer that a bare "how long does that take?" leans on, where it holds such a value."""
        topic = whole.reading.topic
        if topic is None or not asks_for_a_value_in(whole.reading.text, topic.answer):
            return None
        return answers(whole, [topic], "it asks for a value of the answer that it leans on, and names nothing else")

    def decide(self, asked: Asked, tone: Tone = Tone.PLAIN) -> Decision:
        """What to do with one question by itself."""
        return self._arbiter.decide(asked.candidates, follow_up=asked.reading.topic is not None, tone=tone)

    def _of_the_offered(
        self, memory: WorkingMemory, tone: Tone, whole: Asked, offered: Sequence[Choice]
    ) -> Plan | None:
        text = whole.reading.text
        taken = chosen(text, offered)
        if taken:
            return self._taken(whole, taken, "the customer chose it from what was offered")
        if takes_none(text):
            refused = declined(Grade.UNRELATED, "unsure", 0.0, "the customer meant none of the choices")
            return one_step(whole, refused)
        if beside_the_choices(text, offered) or tone in (Tone.WORDLESS, Tone.MEANINGLESS):
            entries = tuple(self._knowledge[choice.entry] for choice in offered)
            reason = "this takes none of the choices; they are offered again"
            return one_step(whole, Decision(Verdict.CLARIFY, entries, 0.0, reason, "clarify"), about=memory.about)
        return None

    def _settled(self, memory: WorkingMemory, whole: Asked) -> Plan | None:
        question = key(whole.reading)
        entries = [self._knowledge[name] for name in memory.meant_by(question) if name in self._knowledge]
        if not question or not entries:
            return None
        return answers(whole, entries, "the customer chose it for the same question before")

    def _apart(self, whole: Asked, parts: Sequence[Asked]) -> Plan | None:
        """The questions of a message each by itself, where that is better than taking it as one.

        It is better where two parts are answered by different entries, or where one is and it is surer than the whole.
        A part is held to the same threshold as any question. Greetings and curses are none; what stays open is said.
        """
        told: dict[str, Step] = {}
        left: list[str] = []
        matters = [part for part in parts if tone_of(part.reading.text) in _CALM]
        for part in matters:
            step = self._part(part, first=part is parts[0])
            if step is not None and SMALL_TALK not in step.decision.entries[0].tags:
                told.setdefault(step.decision.entries[0].id, step)
            elif step is None and _is_missed(part, first=part is parts[0]):
                left.append(part.reading.text)
        one = self.decide(whole)
        surer = [step for step in told.values() if not is_answered(one) or step.decision.confidence > one.confidence]
        if len(told) > 1 or (surer and (left or len(matters) < len(parts))):
            return Plan(tuple(told.values()), _merged([whole, *parts]), left=tuple(left))
        return None

    def _part(self, part: Asked, *, first: bool) -> Step | None:
        """The answer to one of several questions, None where it has none of its own.

        A later question may be short of words, since it was clear what it is about ("and how long does it take?"). So
        it is only believed if it means the same by itself and after the question before it.
        """
        alone = self.decide(part)
        leaning = part.leaning
        leans = is_follow_up(part.reading.text)
        if leaning is None:
            return Step(part.reading, alone) if is_answered(alone) and (first or not leans) else None
        if _belongs(part) or not leaning.candidates:
            return None
        if is_answered(alone) and alone.entries[0].id == leaning.candidates[0].entry:
            return Step(part.reading, alone)
        after = self.decide(leaning)
        return Step(leaning.reading, after) if leans and is_answered(after) else None

    def _as_one(self, memory: WorkingMemory, tone: Tone, whole: Asked, offered: Sequence[Choice]) -> Plan:
        decision = self.decide(whole, tone)
        by_entry = {choice.entry: choice for choice in offered}
        if is_answered(decision):
            entry = decision.entries[0].id
            return one_step(whole, decision, took=(by_entry[entry],) if entry in by_entry else ())
        name = named(whole.reading.text, offered, [self._knowledge[choice.entry].questions for choice in offered])
        if name is not None:
            return self._taken(whole, (name,), "the customer named it among what was offered")
        if tone is Tone.WORDLESS and "?" in matching(whole.reading.text) and _was_answered(memory):
            decision = declined(Grade.MEANINGLESS, "puzzled", 0.0, "a mere question mark after an answer")
        return one_step(whole, decision, about=key(whole.reading))

    def _taken(self, whole: Asked, taken: Sequence[Choice], reason: str) -> Plan:
        entries = [self._knowledge[choice.entry] for choice in taken]
        return replace(answers(whole, entries, reason), took=tuple(taken))


def key(reading: Reading) -> str:
    """The form in which a question is remembered; empty for one that leans on another, or is no short question."""
    if reading.topic is not None or len(reading.text) > _LONGEST_REMEMBERED:
        return ""
    return " ".join(tokens(reading.text))


def _belongs(part: Asked) -> bool:
    """True where a question is best answered by the entry of the question before it."""
    leaning = part.leaning
    if leaning is None or leaning.reading.topic is None or not leaning.candidates:
        return False
    return leaning.candidates[0].entry == leaning.reading.topic.id


def _is_missed(part: Asked, *, first: bool) -> bool:
    """True for a part that the customer would miss the answer to; "can you check?" and "is that so?" are none."""
    words = set(content(part.reading.text)) - _ASK_NOTHING
    return not _belongs(part) and len(words) >= (1 if first else 2)


def _was_answered(memory: WorkingMemory) -> bool:
    """True where the customer's last message got the answer of an entry."""
    return memory.topic is not None and memory.topic.turn == memory.turn


def _merged(asked: Sequence[Asked]) -> tuple[Candidate, ...]:
    """The candidates of several readings, best first, each with its highest confidence."""
    best: dict[str, Candidate] = {}
    for candidate in (candidate for one in asked for candidate in one.candidates):
        known = best.get(candidate.entry)
        if known is None or known.confidence < candidate.confidence:
            best[candidate.entry] = candidate
    return tuple(sorted(best.values(), key=lambda candidate: -candidate.confidence))
