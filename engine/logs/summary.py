"""What was understood of a file, in figures and a few examples, before anybody learns from it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from engine.dialogue import Speaker
from engine.knowledge.entries import Knowledge
from engine.knowledge.table import gather
from engine.logs.conversation import LoggedConversation
from engine.logs.source import Source
from engine.text.language import detect

_EXAMPLES = 3
_TURNS_READ = 6  # of a conversation, to tell its language


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of one source; ``languages`` counts entries and conversations, ``examples`` are questions and answers."""

    entries: int
    questions: int
    unanswered: int
    conversations: int
    turns: int
    languages: dict[str, int]
    examples: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as plain data."""
        examples = [{"question": question, "answer": answer} for question, answer in self.examples]
        return {**asdict(self), "examples": examples}


def summarise(source: Source, locales: Sequence[str]) -> Summary:
    """What ``source`` alone comes to; ``locales`` are the languages to choose from."""
    knowledge = gather(source.rows, locales).knowledge
    languages = [entry.locale for entry in knowledge]
    languages += [_language(conversation, locales) for conversation in source.conversations]
    return Summary(
        len(knowledge),
        len(knowledge.examples()),
        len(knowledge.unanswered),
        len(source.conversations),
        sum(len(conversation.turns) for conversation in source.conversations),
        {locale: languages.count(locale) for locale in dict.fromkeys(languages)},
        tuple(_examples(knowledge, source.conversations)),
    )


def _language(conversation: LoggedConversation, locales: Sequence[str]) -> str:
    return detect(" ".join(turn.turn.text for turn in islice(conversation.turns, _TURNS_READ)), locales)


def _examples(knowledge: Knowledge, conversations: Sequence[LoggedConversation]) -> list[tuple[str, str]]:
    """Entries, or else conversations, from the beginning, the middle and the end."""
    if len(knowledge):
        return [(entry.questions[0], entry.answer) for entry in _spread(knowledge.entries)]
    return [_exchange(conversation) for conversation in _spread(conversations)]


def _spread(items: Sequence[Any]) -> list[Any]:
    places = {round(number * (len(items) - 1) / (_EXAMPLES - 1)) for number in range(_EXAMPLES)} if items else ()
    return [items[place] for place in sorted(places)]


def _exchange(conversation: LoggedConversation) -> tuple[str, str]:
    """The first words of the customer, and what was answered."""
    turns = iter(conversation.turns)
    asked = next((turn.turn.text for turn in turns if turn.turn.speaker is Speaker.CUSTOMER), "")
    return asked, next((turn.turn.text for turn in turns if turn.turn.speaker is not Speaker.CUSTOMER), "")
