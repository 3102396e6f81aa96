"""One turn of thought: normalise, understand, find, decide, compose, remember."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from engine.arbiter import ThresholdArbiter, Verdict
from engine.base.base import TOKENIZER, BaseEncoder
from engine.base.base import read as read_base
from engine.base.moods import shipped_moods
from engine.base.values import shipped_tagger
from engine.calibration import Thresholds
from engine.checkpoint import Checkpoint, read
from engine.dialogue import Candidate, Speaker
from engine.errors import CheckpointError, GenerationError
from engine.knowledge.entries import SMALL_TALK, Knowledge
from engine.knowledge.template import own_words
from engine.listen import Feels, Finder, Habits, Listener
from engine.memory import WorkingMemory
from engine.plan import Asked, Heard, Plan
from engine.planner import Planner
from engine.ports import (
    Context,
    Generation,
    Generator,
    Ranker,
    Reading,
    Response,
    Retriever,
    Say,
    TextEncoder,
    Understander,
)
from engine.promise import Promise
from engine.ranker import LearnedRanker, RankerWeights
from engine.retrieval.retriever import HybridRetriever
from engine.seq2seq.batching import Rounds
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.source import SourceWriter
from engine.tell import MOST_CANDIDATES, Teller, bare
from engine.text.language import detect
from engine.text.normalise import clean
from engine.text.tokenise import PieceTokenizer
from engine.understand.conversation_head import FILE as CONVERSATION
from engine.understand.conversation_head import ConversationHead
from engine.understand.encoders import NONE, check_known, encoder_named
from engine.understand.follow_up import is_follow_up
from engine.understand.head import HeadUnderstander
from engine.understand.reader import PieceReader, QuestionReader, TextReader
from engine.understand.slots import SlotFinder
from engine.understand.split import split
from engine.understand.stored import Stored
from engine.understand.tone import tone
from engine.understand.words import WordReader


@dataclass(frozen=True, slots=True)
class Settings:
    """What the house decides: its sentences, how many choices, whether to compose, own slot patterns, how it is
    listened, and whether the state of the network of conversations is carried from turn to turn.
    """

    say: Say = bare
    choices: int = 3
    generate: bool = True
    slots: Mapping[str, str] = field(default_factory=dict)
    habits: Habits = field(default_factory=Habits)
    neural_state: bool = False


class Engine:
    """Text and memory in, answer and new memory out. Holds no state of any conversation."""

    def __init__(
        self,
        *,
        fingerprint: str,
        knowledge: Knowledge,
        understander: Understander,
        retriever: Retriever,
        ranker: Ranker,
        arbiter: ThresholdArbiter,
        generator: Generator | None,
        settings: Settings,
        promise: Promise | None = None,
        tagger: Finder | None = None,
        moods: Feels | None = None,
        conversation: ConversationHead | None = None,
    ) -> None:
        self.fingerprint = fingerprint
        self.knowledge = knowledge
        self.understander = understander
        self.retriever = retriever
        self.ranker = ranker
        self.arbiter = arbiter
        self.generator = generator
        self.promise = promise
        self._conversation = conversation
        self._settings = settings
        self._planner = Planner(knowledge, arbiter)
        self._listener = Listener(knowledge, SlotFinder(settings.slots), settings.say, settings.habits, tagger, moods)
        self._teller = Teller(fingerprint, arbiter, settings.say)
        self._locales = knowledge.locales or ("en",)

    @classmethod
    def load(cls, folder: Path, settings: Settings | None = None) -> Engine:
        """Read a trained model.

        Raises:
            CheckpointError: If the folder holds no whole model of this version.
        """
        return assemble(read(folder), settings or Settings())

    @property
    def generator(self) -> Generator | None:
        """Composes replies, for several conversations in one go; None where entries speak in their own words alone."""
        return self._generator

    @generator.setter
    def generator(self, generator: Generator | None) -> None:
        self._generator = generator
        self._rounds = None if generator is None else Rounds(generator)

    def warm_up(self) -> None:
        """Load what is otherwise loaded when the generator first speaks."""
        if isinstance(self.generator, Seq2SeqGenerator):
            self.generator.load()

    def respond(
        self,
        text: str,
        memory: WorkingMemory,
        *,
        heard: datetime | None = None,
        locale: str | None = None,
        deadline: float | None = None,
    ) -> Response:
        """Answer one message.

        Args:
            text: What the customer wrote.
            memory: Working memory before this message.
            heard: When it was written, aware; now by default.
            locale: Language to answer in; by default that of the text.
            deadline: A time of ``time.monotonic`` after which nothing more is composed.
        """
        moment = heard or datetime.now(UTC)
        return self.respond_all([Heard(clean(text), memory, moment, self.locale(text, locale))], deadline=deadline)[0]

    def respond_many(self, questions: Sequence[str]) -> list[Response]:
        """Answer questions that have nothing to do with each other, composing side by side."""
        moment = datetime.now(UTC)
        return self.respond_all([Heard(clean(text), WorkingMemory(), moment, self.locale(text)) for text in questions])

    def respond_all(self, heard: Sequence[Heard], *, deadline: float | None = None) -> list[Response]:
        """Answer several messages of different conversations."""
        heard = [self._accepted(self._listener.listen(one)) for one in heard]
        tones = [tone(one.text) for one in heard]
        plans = [
            self._planner.plan(one, said, *asked)
            for one, said, asked in zip(heard, tones, self._asked(heard), strict=True)
        ]
        composed = self._compose(heard, plans, deadline)
        told = [self._teller.tell(*parts) for parts in zip(heard, tones, plans, composed, strict=True)]
        return [self._carried(one, response) for one, response in zip(heard, told, strict=True)]

    def candidates(self, texts: Sequence[str]) -> list[list[Candidate]]:
        """What comes into question for each text that stands by itself, best first; nothing is composed.

        Confidences are calibrated; what they lack to 1 is the probability that no entry is meant. There may be more
        than ``MOST_CANDIDATES``.
        """
        cleaned = [clean(text) for text in texts]
        return self._rank([Reading(text, self.locale(text)) for text in cleaned], [WorkingMemory()] * len(cleaned))

    def locale(self, text: str, wanted: str | None = None) -> str:
        """The language of the knowledge that fits a text."""
        return wanted if wanted in self._locales else detect(text, self._locales)

    def reading(self, one: Heard) -> Reading:
        """How a message is read: a follow-up leans on the current topic."""
        topic = one.memory.topic
        if topic is not None and topic.entry in self.knowledge and is_follow_up(one.text):
            said = (turn.text for turn in reversed(one.memory.recent) if turn.speaker is Speaker.CUSTOMER)
            return Reading(one.text, one.locale, self.knowledge[topic.entry], before=next(said, ""))
        return Reading(one.text, one.locale)

    def _asked(self, heard: Sequence[Heard]) -> list[tuple[Asked, list[Asked]]]:
        """Each message and its questions, with all their candidates.

        All of them are ranked in one batch. A second one, only where a message has several questions, reads the later
        ones once more as leaning on those before them.
        """
        asked = self._ranked(heard, [[self.reading(one), *self._parts(one)] for one in heard])
        leaning = [self._leaning(some[1:]) for some in asked]
        again = self._ranked(heard, [list(some.values()) for some in leaning])
        for some, places, found in zip(asked, leaning, again, strict=True):
            for place, after in zip(places, found, strict=True):
                some[1 + place] = replace(some[1 + place], leaning=after)
        return [(some[0], some[1:]) for some in asked]

    def _parts(self, one: Heard) -> list[Reading]:
        """The questions of a message that has several; only the first may lean on what was said before."""
        texts = split(one.text)
        return [self.reading(replace(one, text=text)) for text in texts[:1]] + [
            Reading(text, one.locale) for text in texts[1:]
        ]

    def _leaning(self, parts: Sequence[Asked]) -> dict[int, Reading]:
        """By their places the later questions, read as leaning on the last one before that was answered by itself."""
        found: dict[int, Reading] = {}
        before: Reading | None = None
        for place, part in enumerate(parts):
            if before is not None:
                found[place] = replace(part.reading, topic=before.topic, before=before.text)
            decision = self._planner.decide(part)
            if decision.verdict is not Verdict.ANSWER or SMALL_TALK in decision.entries[0].tags:
                continue
            if place == 0 or not is_follow_up(part.reading.text):
                before = replace(part.reading, topic=decision.entries[0])
        return found

    def _ranked(self, heard: Sequence[Heard], readings: Sequence[Sequence[Reading]]) -> list[list[Asked]]:
        """The readings of each message with their candidates, ranked in one batch."""
        flat = [(reading, one.memory) for one, some in zip(heard, readings, strict=True) for reading in some]
        ranked = iter(self._rank([reading for reading, _ in flat], [memory for _, memory in flat]) if flat else [])
        return [[Asked(reading, tuple(next(ranked)[:MOST_CANDIDATES])) for reading in some] for some in readings]

    def _rank(self, readings: Sequence[Reading], memories: Sequence[WorkingMemory]) -> list[list[Candidate]]:
        """Candidates for each reading, best first, with the slots of its conversation filled in."""
        if not len(self.knowledge):
            return [[] for _ in readings]
        readings = self._following(readings, memories)
        heard = self.understander.understand(readings)
        parts = zip(readings, heard, self.retriever.retrieve(readings, heard), strict=True)
        ranked = [self.ranker.rank(*part) for part in parts]
        return [
            [replace(candidate, text=own_words(candidate.text, memory.values())) for candidate in some]
            for memory, some in zip(memories, ranked, strict=True)
        ]

    def _following(self, readings: Sequence[Reading], memories: Sequence[WorkingMemory]) -> Sequence[Reading]:
        """The readings with what the conversation so far speaks for, where the model knows what follows on what."""
        if self._conversation is None:
            return readings
        more = self._conversation.goes_on(readings, memories)
        return [replace(reading, goes_on=one) for reading, one in zip(readings, more, strict=True)]

    def _accepted(self, one: Heard) -> Heard:
        if self._conversation is None:
            return one
        return replace(one, memory=self._conversation.accepted(one.memory))

    def _carried(self, one: Heard, response: Response) -> Response:
        if self._conversation is None:
            return response
        return replace(response, memory=self._conversation.carried(one.memory, one.text, response.memory))

    def _topic(self, one: Heard) -> str:
        """The topic of a conversation in words; nothing where there is none, or it is of another knowledge."""
        topic = one.memory.topic
        return self.knowledge[topic.entry].topic if topic is not None and topic.entry in self.knowledge else ""

    def _compose(
        self, heard: Sequence[Heard], plans: Sequence[Plan], deadline: float | None
    ) -> list[list[Generation | None]]:
        """What the generator makes of each step of each plan; None where it is not asked, or has nothing to say."""
        found: list[list[Generation | None]] = [[None] * len(plan.steps) for plan in plans]
        if self._rounds is None or not self._settings.generate:
            return found
        places = [
            (message, place)
            for message, plan in enumerate(plans)
            for place, step in enumerate(plan.steps)
            if step.decision.verdict is Verdict.ANSWER
        ]
        contexts = [
            Context(step.reading.text, heard[message].memory, step.decision.entries[0], self._topic(heard[message]))
            for message, step in ((message, plans[message].steps[place]) for message, place in places)
        ]
        try:
            generations = self._rounds.generate(contexts, deadline=deadline) if contexts else []
        except GenerationError:
            return found
        for (message, place), generation in zip(places, generations, strict=True):
            found[message][place] = generation
        return found


def assemble(checkpoint: Checkpoint, settings: Settings) -> Engine:
    """Build an engine from a checkpoint.

    Raises:
        CheckpointError: If something in it is missing or of another shape.
    """
    facts = checkpoint.facts
    try:
        knowledge = Knowledge.from_json(json.loads(checkpoint.path("knowledge.json").read_bytes()))
        slots = SlotFinder(settings.slots)
        name = str(facts["encoder"]["name"])
        base = None if name == NONE else read_base(checkpoint.files)
        tokenizer = base.tokenizer if base else PieceTokenizer.load(checkpoint.path(TOKENIZER))
        questions = QuestionReader(tokenizer, slots)
        reader: TextReader = PieceReader(questions)
        if base is None:
            reader = WordReader(json.loads(checkpoint.path("words.json").read_bytes()), slots)
        encoder = encoder_named(name, base, slots)
        check_known(encoder, facts["encoder"]["known_by"], name)
        trunk = encoder.trunk if isinstance(encoder, BaseEncoder) else None
        alone, follow_up = (RankerWeights.from_json(facts["ranker"][kind]) for kind in ("alone", "follow_up"))
        arrays = {**(base.weights if base else {}), **checkpoint.arrays("understanding.safetensors")}
        composing = checkpoint.arrays("composing.safetensors")
        if base is not None:
            composing["embedding.weight"] = base.weights["words.weight"]
        generator = Seq2SeqGenerator(
            checkpoint.fingerprint, facts["sizes"], composing, tokenizer, SourceWriter(tokenizer, questions)
        )
        return Engine(
            fingerprint=checkpoint.fingerprint,
            knowledge=knowledge,
            understander=HeadUnderstander(reader, arrays, Stored.from_arrays(arrays, "stored"), trunk),
            retriever=HybridRetriever.load(knowledge, checkpoint, encoder),
            ranker=LearnedRanker(knowledge, alone, follow_up),
            arbiter=ThresholdArbiter(knowledge, Thresholds.from_json(facts["thresholds"]), choices=settings.choices),
            generator=generator,
            settings=settings,
            promise=Promise.from_json(facts["promise"]),
            tagger=shipped_tagger(base, trunk) if base is not None and trunk is not None else None,
            moods=shipped_moods(base, trunk, slots) if base is not None and trunk is not None else None,
            conversation=_conversation(checkpoint, encoder, knowledge, settings),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.folder}: the model cannot be used: {error!r}") from error


def _conversation(
    checkpoint: Checkpoint, encoder: TextEncoder | None, knowledge: Knowledge, settings: Settings
) -> ConversationHead | None:
    """What follows on what; None where the model never learned it."""
    if CONVERSATION not in checkpoint.files or encoder is None:
        return None
    arrays, fingerprint = checkpoint.arrays(CONVERSATION), checkpoint.fingerprint
    return ConversationHead.load(arrays, encoder, knowledge, fingerprint=fingerprint, neural=settings.neural_state)
