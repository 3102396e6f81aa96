"""Forms: entries that need slots before they can be answered.

The missing slots are asked for one at a time, and taken in any order or all at once. Another question in between is
answered, and the form goes on after it; whoever does not want it any more says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from engine.arbiter import Decision, Verdict, answered, noted, wanting
from engine.knowledge.entries import SMALL_TALK, Entry, Knowledge
from engine.memory import Form, WorkingMemory
from engine.plan import Asked, Heard, Plan, Step, is_answered, one_step
from engine.understand.requested import knows_none, wants_an_answer, wants_no_more, wants_nothing_else

MOST_TRIES = 2  # asked for once more than this in vain, a person takes over


class Forms:
    """Asks for what entries need.

    Args:
        knowledge: The entries.
        decide: What to do with one question by itself.
    """

    def __init__(self, knowledge: Knowledge, decide: Callable[[Asked], Decision]) -> None:
        self._knowledge = knowledge
        self._decide = decide

    def before(self, heard: Heard, whole: Asked) -> Plan | None:
        """What to do with a message that belongs to the form that waits; None where it does not, or none waits."""
        form = heard.memory.form
        if form is None or form.entry not in self._knowledge:
            return None
        entry = self._knowledge[form.entry]
        decision = self._decide(whole)
        if wants_nothing_else(heard.text) or (wants_no_more(heard.text) and not is_answered(decision)):
            return replace(one_step(whole, noted("the customer wants it no more", "form_left")), dropped=True)
        given = heard.given & set(entry.requires)
        if given and not (wants_an_answer(heard.text) and _is_another(decision, entry, SMALL_TALK)):
            return one_step(whole, answered(entry, 1.0, f"the customer gave {', '.join(sorted(given))}"))
        if _is_another(decision, entry) and not knows_none(heard.text):
            return None  # another question; the form goes on after it, if it is still wanted
        if form.tries >= MOST_TRIES:
            reason = f"{form.slot} was asked for {form.tries + 1} times in vain"
            return replace(one_step(whole, Decision(Verdict.PERSON, (entry,), 1.0, reason)), dropped=True)
        return one_step(whole, answered(entry, 1.0, "what was asked for was not found in the message"))

    def after(self, heard: Heard, plan: Plan) -> Plan:
        """The plan with answers that lack slots turned into questions for them, and a form that waits asked again.

        Of several entries that lack slots one is asked for; the questions of the others stay open.
        """
        dropped = plan.dropped or (heard.memory.form is not None and wants_no_more(heard.text))
        memory = heard.memory.leave_form() if dropped else self._moved_on(heard)
        steps, left, asked = [], list(plan.left), ""
        for step in plan.steps:
            entry = step.decision.entries[0] if is_answered(step.decision) else None
            missing = [] if entry is None or plan.dropped else missing_slots(entry, memory)
            if entry is None or not missing:
                steps.append(step)
            elif not asked:
                asked = entry.id
                memory = memory.ask(asked, missing[0])
                steps.append(replace(step, decision=_asking(step.decision, memory)))
            else:
                left.append(step.reading.text)
        if not asked and not dropped:
            steps, memory = self._resumed(steps, memory)
        return replace(plan, steps=tuple(steps), left=tuple(left), dropped=dropped, memory=memory)

    def _moved_on(self, heard: Heard) -> WorkingMemory:
        """The memory, its form as if it asked for the first time where the message gives any slot that it needs."""
        form = heard.memory.form
        if form is None or form.entry not in self._knowledge:
            return heard.memory
        given = heard.given & set(self._knowledge[form.entry].requires)
        return replace(heard.memory, form=Form(form.entry, "", 0)) if given else heard.memory

    def _resumed(self, steps: Sequence[Step], memory: WorkingMemory) -> tuple[list[Step], WorkingMemory]:
        """The form that waits, once more, unless it is answered now or a person takes over."""
        form = memory.form
        if form is None or form.entry not in self._knowledge:
            return list(steps), memory.leave_form()
        entry = self._knowledge[form.entry]
        told = {one.id for step in steps for one in step.decision.entries if is_answered(step.decision)}
        if entry.id in told or any(step.decision.verdict is Verdict.PERSON for step in steps):
            return list(steps), memory.leave_form()
        missing = missing_slots(entry, memory)
        if not missing:
            complete = answered(entry, 1.0, f"the customer gave all that {entry.id} needs")
            return [*steps, Step(steps[-1].reading, complete)], memory.leave_form()
        kept = replace(memory, form=Form(entry.id, missing[0], form.tries))
        if any(step.decision.verdict is Verdict.CLARIFY for step in steps):
            return list(steps), kept  # one question at a time
        again = wanting(entry, missing[0], f"{entry.id} still needs {missing[0]}")
        return [*steps, Step(steps[-1].reading, again)], kept


def _is_another(decision: Decision, entry: Entry, *without: str) -> bool:
    """True where a message is answered by another entry, none that has one of these tags."""
    if not is_answered(decision) or decision.entries[0].id == entry.id:
        return False
    return not set(without) & set(decision.entries[0].tags)


def _asking(decision: Decision, memory: WorkingMemory) -> Decision:
    entry, form = decision.entries[0], memory.form
    slot = form.slot if form else ""
    return wanting(entry, slot, f"{decision.reason}; {entry.id} needs {slot}")


def missing_slots(entry: Entry, memory: WorkingMemory) -> list[str]:
    """The slots that an entry needs and nobody has given yet."""
    return [name for name in entry.requires if name not in memory.slots]
