"""Personal data in questions, in logged conversations and in answers. What was found is told without repeating it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from engine.checks.finding import Finding, Kind, Material, Severity, at, named
from engine.checks.personal import CARD, EMAIL, IBAN, ID_NUMBER, PHONE, Personal, find
from engine.knowledge.entries import Entry

_SECRET = (CARD, ID_NUMBER)
_WORDS = {
    EMAIL: ("an e-mail address", "e-mail addresses"),
    PHONE: ("a telephone number", "telephone numbers"),
    CARD: ("a card number", "card numbers"),
    IBAN: ("an account number", "account numbers"),
    ID_NUMBER: ("an ID number", "ID numbers"),
}


def in_questions(material: Material) -> Iterator[Finding]:
    """Questions that hold personal data: it is masked before training."""
    todo = "it is masked before training; better put another in its place"
    for entry in material.knowledge:
        for question in entry.questions:
            found = find(question, material.patterns)
            if found:
                message = f"of entry {entry.id} holds {_listed(found)}: {todo}"
                yield material.of_question(Kind.PERSONAL, Severity.WARNING, entry, question, message)
    for question in material.knowledge.unanswered:
        found = find(question, material.patterns)
        if found:
            row = material.origins.unanswered.get(question)
            yield at(row, Kind.PERSONAL, Severity.WARNING, "question", f"holds {_listed(found)}: {todo}")


def in_conversations(material: Material) -> Iterator[Finding]:
    """How much personal data stands in the logged conversations, in one finding."""
    counts: Counter[str] = Counter()
    holding = 0
    for conversation in material.conversations:
        kinds = [one.kind for logged in conversation.turns for one in find(logged.turn.text, material.patterns)]
        counts.update(kinds)
        holding += bool(kinds)
    if holding:
        listed = ", ".join(_counted(kind, count) for kind, count in counts.items())
        message = f"{holding:,} of {len(material.conversations):,} logged conversations hold personal data ({listed})"
        yield Finding(Kind.PERSONAL, Severity.NOTE, "", 0, "", f"{message}: it is masked before training")


def in_answers(material: Material) -> Iterator[Finding]:
    """What answers tell everybody: a card or an ID number is a warning, the company's own addresses are noted."""
    public: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in material.knowledge:
        found = find(entry.answer)
        secret = [one for one in found if one.kind in _SECRET]
        if secret:
            message = f"of entry {entry.id} holds {_listed(secret)} and is told to everybody: take it out"
            yield material.of_answer(Kind.PERSONAL, Severity.WARNING, entry, message)
        for kind, text in dict.fromkeys((one.kind, one.text) for one in found if one.kind not in _SECRET):
            public[kind, text].append(entry)
    for (_, text), entries in public.items():
        message = f"{text} is told to everybody, in {named([entry.id for entry in entries])}"
        yield material.of_answer(Kind.CONTACT, Severity.NOTE, entries[0], message)


def _counted(kind: str, count: int) -> str:
    one, many = _WORDS.get(kind, (f"a value of {kind}", f"values of {kind}"))
    return one if count == 1 else f"{count:,} {many}"


def _listed(found: Iterable[Personal]) -> str:
    kinds = dict.fromkeys(one.kind for one in found)
    return " and ".join(_WORDS[kind][0] if kind in _WORDS else f"a value of {kind}" for kind in kinds)
