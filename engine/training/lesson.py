"""What the networks are taught: questions with their entries, and sources with the replies to compose from them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.dialogue import Speaker, Turn
from engine.knowledge.entries import SMALL_TALK, Entry, Knowledge
from engine.knowledge.template import against, own_words, template
from engine.seq2seq.source import NOTHING, Before, SourceWriter
from engine.text.tokenise import SLOT_NAMES, PieceTokenizer
from engine.training.data import LoggedConversation, TrainingData
from engine.understand.follow_up import is_follow_up

_OUT_OF_CONTEXT = 2  # of three questions so many are asked first, the third after something else


@dataclass(frozen=True, slots=True)
class Example:
    """A reply to compose: pieces of the source and of the target, the end mark included."""

    source: tuple[int, ...]
    target: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What the composer is taught: replies by entry and by turn; of ``old`` ones a ``share`` in every epoch."""

    replies: tuple[tuple[Example, ...], ...]
    turns: tuple[Example, ...]
    old: tuple[tuple[Example, ...], ...] = ()
    share: float = 0.0

    def draw(self, chance: random.Random, *, each: int) -> list[Example]:
        """Replies for one epoch: a few of every entry that is shown, and every turn."""
        some = chance.sample(self.old, round(self.share * len(self.old)))
        drawn = [example for own in (*self.replies, *some) for example in chance.sample(own, min(each, len(own)))]
        return drawn + list(self.turns)


def questions_of(knowledge: Knowledge, background: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Every question with the place of its entry, background with "none of them".

    The name of an intent is one more question, where it is the intent of one entry alone: mostly it says in a word or
    two what its questions are about.
    """
    counts = Counter(entry.intent for entry in knowledge)
    names = ((entry.topic, place) for place, entry in enumerate(knowledge) if counts[entry.intent] == 1)
    names = ((name, place) for name, place in names if name)
    return (*knowledge.examples(), *names, *((text, len(knowledge)) for text in background))


def replies_of(
    knowledge: Knowledge, writer: SourceWriter, tokenizer: PieceTokenizer, chance: random.Random
) -> list[tuple[Entry, tuple[Example, ...]]]:
    """For every entry its answer as a template, asked for by each of its questions; nothing where it is too long.

    Every third question is asked after something else was answered and with some slots known, as ``chance`` draws it:
    whoever asks about another thing gets the whole of it.
    """
    found: list[tuple[Entry, tuple[Example, ...]]] = []
    for entry in knowledge:
        pieces = writer.template(template(entry.answer))
        if pieces is not None:
            target = (*pieces, tokenizer.end)
            asked = [(question, drawn_before(knowledge, entry, chance)) for question in entry.questions]
            befores = [NOTHING if number % 3 < _OUT_OF_CONTEXT else one for number, (_, one) in enumerate(asked)]
            sources = (
                tuple(writer.write(question, pieces, before))
                for (question, _), before in zip(asked, befores, strict=True)
            )
            found.append((entry, tuple(Example(source, target) for source in sources)))
    return found


def drawn_before(knowledge: Knowledge, entry: Entry, chance: random.Random) -> Before:
    """An exchange about another entry of the same language, its topic, and one or two slots."""
    others = [other for other in knowledge if other.id != entry.id and other.locale == entry.locale]
    slots = chance.sample(SLOT_NAMES, chance.choice((0, 0, 1, 2)))
    if not others:
        return Before(slots=slots)
    other = chance.choice(others)
    said = (Turn(Speaker.CUSTOMER, chance.choice(other.questions)), Turn(Speaker.BOT, own_words(other.answer, {})))
    return Before(said, "" if SMALL_TALK in other.tags else other.topic, slots)


def turns_of(data: TrainingData, writer: SourceWriter, tokenizer: PieceTokenizer) -> list[Example]:
    """Agents' turns of the logged conversations, each composed from its entry.

    A turn with a value that stands neither in its entry nor in what the customer gave cannot be composed without making
    something up; it is left out. So is the first answer of a conversation: whoever asks first gets the whole entry.
    """
    found: list[Example] = []
    for conversation in data.conversations:
        found.extend(_turns(conversation, data.knowledge, writer, tokenizer))
    return found


@dataclass(frozen=True, slots=True)
class FollowUp:
    """A follow-up of a logged conversation: its text, the question before, that one's entry, and its own."""

    text: str
    before: str
    topic: str
    entry: str


def follow_ups_of(data: TrainingData) -> list[FollowUp]:
    """Follow-ups of the logged conversations."""
    found: list[FollowUp] = []
    for conversation in data.conversations:
        topic, before = None, ""
        for asked, answered in pairwise(conversation.turns):
            if asked.turn.speaker is not Speaker.CUSTOMER or answered.entry not in data.knowledge:
                continue
            entry = str(answered.entry)
            if topic is not None and is_follow_up(asked.turn.text):
                found.append(FollowUp(asked.turn.text, before, topic, entry))
            if SMALL_TALK not in data.knowledge[entry].tags:
                topic = entry
            before = asked.turn.text
    return found


def _turns(
    conversation: LoggedConversation, knowledge: Knowledge, writer: SourceWriter, tokenizer: PieceTokenizer
) -> list[Example]:
    found: list[Example] = []
    slots: dict[str, str] = {}
    said: list[Turn] = []
    topic = ""
    for logged in conversation.turns:
        slots |= logged.slots
        asked = len(said) > 1 and said[-1].speaker is Speaker.CUSTOMER
        if logged.turn.speaker is Speaker.AGENT and logged.entry in knowledge and asked:
            form = template(knowledge[str(logged.entry)].answer)
            pieces = writer.template(form)
            text = against(logged.turn.text, form, slots)
            if pieces is not None and text is not None:
                source = writer.write(said[-1].text, pieces, Before(said[:-1], topic, slots))
                found.append(Example(tuple(source), (*tokenizer.encode(text), tokenizer.end)))
        if logged.entry in knowledge and SMALL_TALK not in knowledge[str(logged.entry)].tags:
            topic = knowledge[str(logged.entry)].topic
        said.append(logged.turn)
    return found
