"""What follows on what, learned from logged conversations whose answers are known to come from entries.

How much it may count is fitted on messages that the network which judges them has not seen: of two halves of the
conversations, each is judged by a network of the other one. The network that is kept has learned from both.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import torch
from numpy.typing import NDArray

from engine.dialogue import Speaker
from engine.errors import TrainingStopped
from engine.knowledge.entries import SMALL_TALK, Knowledge
from engine.logs.conversation import LoggedConversation
from engine.memory import LONGEST_VALUE, WorkingMemory
from engine.ports import Reading, TextEncoder
from engine.training.conversation import ConversationsTrainer, MemoryNetwork, Pace, Question, Told, encoder_of
from engine.training.running import Running
from engine.training.steps import weights_of
from engine.understand.conversation_head import ALWAYS, ConversationHead, EntryVectors, MemoryReader, cut, slot_texts
from engine.understand.follow_up import is_follow_up
from engine.understand.recurrent import Floats
from engine.understand.slots import SlotFinder

LEAST = 200
"""Conversations without which nothing is learned, so that each half has 100: of 25 or 50, memory misled more than it
helped on one of two sets, of 100 it did no harm there, and brought nine points on the other (benchmarks/memory.py).
"""
STAGE = "conversations"
_MOST = 5000  # conversations that are learned from
_MOST_ASKED = 1000  # messages that stand alone by which is found how much memory counts
_KINDS = (*ALWAYS, "state")
_EPOCHS = 12
_STOPPING = 10  # one conversation of so many ends training
_SHARES = 3  # of the time: two networks of one half each cost as much as the last


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a logged conversation, read with what was said before, and the place of the entry it got."""

    reading: Reading
    place: int


@dataclass(frozen=True, slots=True)
class Learned:
    """What was learned: the weights of the network, what the entries are about, from how many conversations, and
    messages that were not learned from when they were judged, those that lean on a topic and those that stand alone.
    """

    weights: Mapping[str, NDArray[np.generic]]
    entries: EntryVectors
    conversations: int
    leaning: tuple[Asked, ...]
    alone: tuple[Asked, ...]


@dataclass(frozen=True, slots=True)
class _Heard:
    """A message that an entry answered: its place, memory before it with its own slots, and what it was answered with.

    ``before`` is the message that was answered before it.
    """

    at: int
    memory: WorkingMemory
    entry: str
    before: str


class LogsTeacher:
    """Teaches a network what follows on what.

    Args:
        knowledge: The entries.
        texts: Vectors of texts.
        slots: Finds values in what customers write.
        locale: Tells the language of a text.
        seed: Of everything that is drawn.
    """

    def __init__(
        self,
        knowledge: Knowledge,
        texts: TextEncoder,
        slots: SlotFinder,
        locale: Callable[[str], str],
        *,
        seed: int,
    ) -> None:
        self._knowledge = knowledge
        self._texts = texts
        self._slots = slots
        self._locale = locale
        self._seed = seed

    def teach(
        self, conversations: Sequence[LoggedConversation], *, deadline: float, stop: Callable[[], bool] = lambda: False
    ) -> Learned | None:
        """What conversations teach; None where less than ``LEAST`` have an answer after another one.

        Args:
            conversations: The logged conversations.
            deadline: A time of ``time.monotonic`` by which it should be done.
            stop: Asked after every step whether to end.

        Raises:
            TrainingStopped: If it was stopped.
        """
        heard = [(one, self._heard(one)) for one in conversations]
        heard = [(one, messages) for one, messages in heard if any(message.memory.recent for message in messages)]
        if len(heard) < LEAST:
            return None
        chance = random.Random(self._seed)
        heard = chance.sample(heard, min(_MOST, len(heard)))
        entries = EntryVectors.of(self._knowledge, self._texts)
        reader = MemoryReader(self._texts, self._knowledge, entries.vectors)
        told = _told(heard, reader)
        asked: list[Asked] = []
        for part in range(2):
            network = self._trained(told[1 - part :: 2], _until(deadline, _SHARES - part), stop)
            head = ConversationHead(encoder_of(network), reader)
            for (one, messages), own in zip(heard[part::2], told[part::2], strict=True):
                asked.extend(self._asked(one, messages, own, head))
        network = self._trained(told, deadline, stop)
        leaning = tuple(one for one in asked if one.reading.topic is not None)
        alone = [one for one in asked if one.reading.topic is None and one.reading.goes_on is not None]
        alone = chance.sample(alone, min(_MOST_ASKED, len(alone)))
        return Learned(weights_of(network), entries, len(heard), leaning, tuple(alone))

    def _heard(self, conversation: LoggedConversation) -> list[_Heard]:
        """The messages that were answered from entries, with memory as the bot would have had it."""
        found: list[_Heard] = []
        memory, before = WorkingMemory(), ""
        turns = conversation.turns
        for at, logged in enumerate(turns):
            entry = logged.entry if logged.entry in self._knowledge else None
            if logged.turn.speaker is Speaker.CUSTOMER:
                memory = self._with_slots(memory, {**self._slots.find(logged.turn.text), **logged.slots}, at)
                answer = turns[at + 1] if at + 1 < len(turns) else None
                answered = answer is not None and answer.turn.speaker is not Speaker.CUSTOMER
                if answer is not None and answered and answer.entry in self._knowledge:
                    found.append(_Heard(at, memory, str(answer.entry), before))
                    before = logged.turn.text
            memory = memory.hear(logged.turn)
            if entry is not None and SMALL_TALK not in self._knowledge[entry].tags:
                memory = memory.push_topic(entry)
        return found

    @staticmethod
    def _with_slots(memory: WorkingMemory, values: Mapping[str, str], at: int) -> WorkingMemory:
        moment = datetime.fromtimestamp(at, UTC)  # only the order of slots is looked at
        for name, value in values.items():
            if 0 < len(value) <= LONGEST_VALUE:
                memory = memory.fill(name, value, heard=moment)
        return memory

    def _asked(
        self, conversation: LoggedConversation, messages: Sequence[_Heard], told: Told, head: ConversationHead
    ) -> Iterator[Asked]:
        """The messages of a conversation as the ranker sees them."""
        for message, question in zip(messages, told.questions, strict=True):
            text, topic = conversation.turns[message.at].turn.text, message.memory.topic
            reading = Reading(text, self._locale(text))
            if topic is not None and is_follow_up(text):
                reading = replace(reading, topic=self._knowledge[topic.entry], before=message.before)
            if message.memory.recent:
                known = told.context(question, None).only(ALWAYS)
                reading = replace(reading, goes_on=head.added(known))
            yield Asked(reading, self._knowledge.place(message.entry))

    def _trained(self, told: Sequence[Told], deadline: float, stop: Callable[[], bool]) -> MemoryNetwork:
        with torch.random.fork_rng(devices=[]):  # whatever else is trained stays as it would be without
            torch.manual_seed(self._seed)
            network = MemoryNetwork(told[0].vectors.shape[1], kinds=_KINDS)
            trainer = ConversationsTrainer(network, seed=self._seed)
            pace = Pace(_EPOCHS, deadline)
            outcome = trainer.fit(_but(told, _STOPPING), told[::_STOPPING], pace, Running(stop=stop))
        if outcome.stopped:
            raise TrainingStopped(STAGE)
        return network


def _told(heard: Sequence[tuple[LoggedConversation, Sequence[_Heard]]], reader: MemoryReader) -> list[Told]:
    """Conversations as they are taught: an answer is the entry that it came from."""
    texts = [logged.turn.text for one, _ in heard for logged in one.turns]
    read = reader.read([*texts, *(text for _, some in heard for one in some for text in slot_texts(one.memory))])
    return [_as_told(one, messages, reader, read) for one, messages in heard]


def _as_told(
    conversation: LoggedConversation, messages: Sequence[_Heard], reader: MemoryReader, read: Mapping[str, Floats]
) -> Told:
    turns = conversation.turns
    questions = (
        Question(one.at, reader.topics(one.memory), reader.slots(one.memory, read), reader.of(one.entry))
        for one in messages
    )
    vectors = np.stack([read[cut(logged.turn.text)] for logged in turns])
    return Told(vectors, tuple(logged.turn.speaker for logged in turns), tuple(questions))


def _but(told: Sequence[Told], each: int) -> list[Told]:
    return [one for at, one in enumerate(told) if at % each]


def _until(deadline: float, shares: int) -> float:
    """By when the next of so many trainings of like cost has to end."""
    now = time.monotonic()
    return now + (deadline - now) / shares
