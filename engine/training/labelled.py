"""Logged conversations without labels: which entry an agent answered from, where the answer says so.

In a small company the same answers are pasted again and again. A turn that is nearly an entry's answer, word for word,
is labelled with it, and the question before it becomes one more way to ask; what is like no answer stays unlabelled,
for ``attendant faq mine``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from rapidfuzz import process
from rapidfuzz.distance import Indel

from engine.dialogue import Speaker
from engine.knowledge.entries import SMALL_TALK, Entry, Knowledge
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.text.normalise import matching
from engine.understand.follow_up import is_follow_up

_ALIKE = 0.9  # of the longer of two answers; 1 for the same
_SHORTEST = 12  # characters of an answer that says which one it is
_LONGEST_QUESTION = 300  # characters; what is longer is a story, and no way to ask


@dataclass(frozen=True, slots=True)
class Labelled:
    """Conversations with their labels, the entries that got more questions, and how many turns were labelled."""

    conversations: tuple[LoggedConversation, ...]
    entries: tuple[Entry, ...]
    turns: int


def label(conversations: Sequence[LoggedConversation], knowledge: Knowledge) -> Labelled:
    """Label agents' turns by the answers that they repeat, and gather the questions before them."""
    known = {matching(entry.answer): entry for entry in knowledge if len(entry.answer) >= _SHORTEST}
    asked: dict[str, dict[str, str]] = {}
    count = 0
    found: list[LoggedConversation] = []
    for conversation in conversations:
        turns = list(conversation.turns)
        for at, (before, turn) in enumerate(pairwise(conversation.turns), 1):
            entry = _entry(turn, known, knowledge)
            if entry is None:
                continue
            if turn.entry is None:
                turns[at] = replace(turn, entry=entry.id)
                count += 1
            question = _question(before, entry)
            if question:
                asked.setdefault(entry.id, {}).setdefault(matching(question), question)
        found.append(replace(conversation, turns=tuple(turns)))
    grown = (_grown(knowledge[name], questions) for name, questions in asked.items())
    return Labelled(tuple(found), tuple(entry for entry in grown if entry != knowledge[entry.id]), count)


def _entry(turn: LoggedTurn, known: dict[str, Entry], knowledge: Knowledge) -> Entry | None:
    if turn.turn.speaker is Speaker.CUSTOMER:
        return None
    if turn.entry is not None and turn.entry in knowledge:
        return knowledge[turn.entry]
    said = matching(turn.turn.text)
    if len(said) < _SHORTEST:
        return None
    if said in known:
        return known[said]
    best = process.extractOne(said, known.keys(), scorer=Indel.normalized_similarity, score_cutoff=_ALIKE)
    return known[best[0]] if best else None


def _question(before: LoggedTurn, entry: Entry) -> str:
    """What the customer asked, where it can be understood by itself."""
    text = " ".join(before.turn.text.split())
    alone = before.turn.speaker is Speaker.CUSTOMER and SMALL_TALK not in entry.tags and not is_follow_up(text)
    return text if alone and 0 < len(text) <= _LONGEST_QUESTION else ""


def _grown(entry: Entry, questions: dict[str, str]) -> Entry:
    known = {matching(question) for question in entry.questions}
    more = tuple(question for form, question in questions.items() if form not in known)
    return replace(entry, questions=(*entry.questions, *more))
