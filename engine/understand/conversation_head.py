"""The conversation so far at work: how much it speaks for each entry, and the state that is carried from turn to turn.

What memory adds is the pointwise mutual information of an entry and what was said before, given the message (Church and
Hanks 1990): how much likelier the network finds the entry with memory than without. So where nothing was said before,
nothing changes.
"""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from engine.dialogue import Speaker
from engine.errors import CheckpointError
from engine.knowledge.entries import Entry, Knowledge
from engine.memory import NeuralState, WorkingMemory
from engine.ports import Reading, TextEncoder
from engine.understand.conversation import Context, ConversationEncoder, StateError, of_slots, of_topics, unit
from engine.understand.recurrent import Floats
from engine.understand.sentence import softmax
from engine.understand.stored import shared_out

FILE = "conversation.safetensors"
ALWAYS = ("topics", "slots")
"""Kinds of memory that have a say by default: each earns more than two points beside the other. What the bot said last,
which is mostly the answer of the current topic, and the neural state do not (benchmarks/memory.py).
"""
MOST_SAID = 4.0  # by which memory speaks for or against an entry at most, in nats
_ENTRIES, _MARKS = "entries", "entries.marks"
_QUESTIONS = 8  # of an entry that its vector is made from
_LONGEST = 600  # characters of a turn that are read
_SLOTS = 8  # the latest ones
_LEAST = 1e-9
_log = logging.getLogger("attendant.conversation")


@dataclass(frozen=True, slots=True)
class EntryVectors:
    """What each entry is about: unit vectors (N, V), and marks (N,) by which an entry is known again.

    Nothing is known of an entry whose vector is zero.
    """

    vectors: Floats
    marks: NDArray[np.uint32]

    @classmethod
    def of(cls, knowledge: Knowledge, encoder: TextEncoder) -> EntryVectors:
        """The vectors of a knowledge: of an entry's questions and its answer, half and half."""
        if not len(knowledge):
            return cls(np.zeros((0, encoder.width), np.float32), np.zeros(0, np.uint32))
        asked = shared_out([entry.questions[:_QUESTIONS] or (entry.answer,) for entry in knowledge])
        questions = encoder.vectors([text for some in asked for text in some])
        starts = np.cumsum([0, *(len(some) for some in asked)])[:-1]
        found = unit(np.add.reduceat(questions, starts, axis=0))
        found = unit(found + encoder.vectors([entry.answer[:_LONGEST] for entry in knowledge]))
        return cls(found, np.asarray([mark(entry) for entry in knowledge], np.uint32))

    def now(self, knowledge: Knowledge) -> Floats:
        """The vectors of a knowledge that may have changed since; nothing is known of what is new or says other things.

        Shape: (N, V)
        """
        found = np.zeros((len(knowledge), self.vectors.shape[1]), np.float32)
        rows = {int(one): row for row, one in enumerate(self.marks)}
        for place, entry in enumerate(knowledge):
            row = rows.get(mark(entry))
            if row is not None:
                found[place] = self.vectors[row]
        return found


def mark(entry: Entry) -> int:
    """A number by which an entry is known as long as it answers the same."""
    return zlib.crc32(f"{entry.id}\0{entry.answer}".encode("utf-8", "surrogatepass"))


class MemoryReader:
    """Reads what is remembered of a conversation as vectors, in training and at work alike.

    Args:
        texts: Vectors of texts.
        knowledge: The entries.
        entries: What each of them is about. Shape: (N, V)
    """

    def __init__(self, texts: TextEncoder, knowledge: Knowledge, entries: Floats) -> None:
        self._texts = texts
        self._knowledge = knowledge
        self.entries = entries

    def read(self, texts: Iterable[str]) -> dict[str, Floats]:
        """Vectors by text; of a long one the beginning is read, and named by."""
        wanted = list(dict.fromkeys(map(cut, texts)))
        return dict(zip(wanted, self._texts.vectors(wanted), strict=True)) if wanted else {}

    def of(self, entry: str) -> Floats:
        """What an entry is about. Shape: (V,)."""
        vector: Floats = self.entries[self._knowledge.place(entry)]
        return vector

    def topics(self, memory: WorkingMemory) -> Floats | None:
        """The topics, see ``of_topics``."""
        places = [self._knowledge.place(topic.entry) for topic in memory.topics if topic.entry in self._knowledge]
        return of_topics([self.entries[place] for place in places if self.entries[place].any()])

    @staticmethod
    def slots(memory: WorkingMemory, read: Mapping[str, Floats]) -> Floats | None:
        """The latest slots, see ``of_slots``; ``read`` has the vectors of their ``slot_texts``."""
        return of_slots([read[text] for text in slot_texts(memory)])


class ConversationHead:
    """What memory says about messages, and what a turn leaves in it; holds no state of any conversation.

    Args:
        encoder: The network.
        reader: Reads memories with the vectors that it was trained with.
        fingerprint: Of the model.
        neural: Whether the state of the network is carried from turn to turn, and looked at.

    Raises:
        CheckpointError: If the vectors are of another width than the network wants.
    """

    def __init__(
        self, encoder: ConversationEncoder, reader: MemoryReader, *, fingerprint: str = "", neural: bool = False
    ) -> None:
        width = reader.entries.shape[1]
        if encoder.width != width:
            raise CheckpointError(
                f"the memory of conversations wants vectors of the width {encoder.width}, not {width}; train again"
            )
        self._encoder = encoder
        self._reader = reader
        self._known = np.flatnonzero(reader.entries.any(axis=1))
        self._answers = encoder.answers(reader.entries[self._known])
        self._fingerprint = fingerprint
        self._neural = neural and bool(encoder.units)

    @classmethod
    def load(
        cls,
        arrays: Mapping[str, NDArray[np.generic]],
        texts: TextEncoder,
        knowledge: Knowledge,
        *,
        fingerprint: str,
        neural: bool,
    ) -> ConversationHead:
        """Read what ``arrays_of`` gave.

        Raises:
            CheckpointError, KeyError: If something is missing or of another size.
        """
        vectors = EntryVectors(arrays[_ENTRIES].astype(np.float32), arrays[_MARKS].astype(np.uint32))
        reader = MemoryReader(texts, knowledge, vectors.now(knowledge))
        return cls(ConversationEncoder(weights_in(arrays)), reader, fingerprint=fingerprint, neural=neural)

    def goes_on(self, readings: Sequence[Reading], memories: Sequence[WorkingMemory]) -> list[Floats | None]:
        """How much memory speaks for every entry as what a message is about, in nats; None where nothing was said.

        Shape: (N,) each
        """
        asked = [at for at, memory in enumerate(memories) if memory.recent and len(self._known)]
        found: list[Floats | None] = [None] * len(readings)
        read = self._reader.read(text for at in asked for text in (readings[at].text, *slot_texts(memories[at])))
        for at in asked:
            found[at] = self.added(self._context(read[cut(readings[at].text)], memories[at], read))
        return found

    def added(self, context: Context) -> Floats:
        """How much the kinds of memory in a context add, see ``goes_on``. Shape: (N,)."""
        found = np.zeros(len(self._reader.entries), np.float32)
        if len(self._known):
            both = np.stack([self._encoder.context(one) for one in (context, context.only(()))])
            chances = softmax(np.asarray(both @ self._answers.T * self._encoder.sharpness, np.float32), axis=1)
            more, without = np.log(np.maximum(chances, _LEAST))
            found[self._known] = np.clip(more - without, -MOST_SAID, MOST_SAID)
        return found

    def accepted(self, memory: WorkingMemory) -> WorkingMemory:
        """The memory without a state that cannot be used: damaged, or of another model. A line in the log says so."""
        if memory.neural is None or not self._neural:
            return memory
        try:
            if memory.neural.fingerprint != self._fingerprint:
                raise StateError(f"a stored state is of the model {memory.neural.fingerprint}")
            self._encoder.read(memory.neural.payload)
        except StateError as error:
            _log.warning("the state of a conversation was dropped: %s", error)
            return replace(memory, neural=None)
        return memory

    def carried(self, before: WorkingMemory, said: str, after: WorkingMemory) -> WorkingMemory:
        """The memory after a turn with the state after it; without one where none is carried.

        Args:
            before: Memory before the turn.
            said: What the customer wrote.
            after: Memory after the turn, with the reply as the last that was said.
        """
        if not self._neural:
            return after if after.neural is None else replace(after, neural=None)
        replies = [turn.text for turn in after.recent[-1:] if turn.speaker is not Speaker.CUSTOMER]
        read = self._reader.read([said, *replies])
        state = self._encoder.step(self._state(before), read[cut(said)], Speaker.CUSTOMER)
        for reply in replies:
            state = self._encoder.step(state, read[cut(reply)], Speaker.BOT)
        return replace(after, neural=NeuralState(self._fingerprint, self._encoder.payload(state)))

    def _context(self, said: Floats, memory: WorkingMemory, read: Mapping[str, Floats]) -> Context:
        state = self._state(memory) if self._neural else None
        return Context(said, self._reader.topics(memory), self._reader.slots(memory, read), state)

    def _state(self, memory: WorkingMemory) -> Floats:
        """The state that memory holds; without one that can be used, that after the turns that it still knows."""
        neural = self.accepted(memory).neural
        if neural is not None:
            return self._encoder.read(neural.payload)
        state, read = self._encoder.begin(), self._reader.read(turn.text for turn in memory.recent)
        for turn in memory.recent:
            state = self._encoder.step(state, read[cut(turn.text)], turn.speaker)
        return state


def arrays_of(weights: Mapping[str, NDArray[np.generic]], entries: EntryVectors) -> dict[str, NDArray[np.generic]]:
    """The weights of a network and what the entries are about as named arrays, for a checkpoint."""
    halved = {name: np.asarray(values, np.float16) for name, values in weights.items()}
    return halved | {_ENTRIES: entries.vectors.astype(np.float16), _MARKS: entries.marks}


def weights_in(arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.generic]]:
    """The weights among the arrays of a checkpoint."""
    return {name: values for name, values in arrays.items() if name not in (_ENTRIES, _MARKS)}


def slot_texts(memory: WorkingMemory) -> list[str]:
    """The latest slots of a memory as they are read."""
    slots = sorted(memory.slots.items(), key=lambda item: item[1].heard)[-_SLOTS:]
    return [cut(f"{name.replace('_', ' ')} {slot.value}") for name, slot in slots]


def cut(text: str) -> str:
    """What of a text is read."""
    return text[:_LONGEST]
