"""One turn of thought: normalise, understand, find, decide, compose, remember."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from engine.arbiter import Decision, ThresholdArbiter, Verdict
from engine.calibration import Thresholds
from engine.checkpoint import Checkpoint, read
from engine.dialogue import Candidate, Choice, Provenance, Source, Speaker, Turn
from engine.errors import CheckpointError, GenerationError
from engine.faithfulness import review
from engine.knowledge.entries import PERSON_ONLY, SMALL_TALK, Entry, Knowledge
from engine.knowledge.template import own_words, template
from engine.memory import WorkingMemory
from engine.ports import Context, Generation, Generator, Ranker, Reading, Response, Retriever, Understander
from engine.ranker import LearnedRanker, RankerWeights
from engine.retrieval.retriever import HybridRetriever
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.seq2seq.source import SourceWriter
from engine.text.language import detect
from engine.text.normalise import clean
from engine.text.tokenise import PieceTokenizer
from engine.understand.follow_up import beside_the_choices, chosen, is_follow_up, takes_none
from engine.understand.head import HeadUnderstander
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

MOST_CANDIDATES = 10


class Say(Protocol):
    """Gives a fixed sentence by name and language."""

    def __call__(self, name: str, locale: str | None = None) -> str: ...


def _bare(name: str, locale: str | None = None) -> str:
    """Without a house around it the engine says the name of the sentence."""
    del locale
    return name


@dataclass(frozen=True, slots=True)
class Settings:
    """What the house decides: its sentences, how many choices, whether to compose, own slot patterns."""

    say: Say = _bare
    choices: int = 3
    generate: bool = True
    slots: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Asked:
    """One message as the engine takes it: cleaned text, memory before it, moment (aware UTC) and language."""

    text: str
    memory: WorkingMemory
    heard: datetime
    locale: str


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
    ) -> None:
        self.fingerprint = fingerprint
        self.knowledge = knowledge
        self.understander = understander
        self.retriever = retriever
        self.ranker = ranker
        self.arbiter = arbiter
        self.generator = generator
        self._settings = settings
        self._slots = SlotFinder(settings.slots)
        self._locales = knowledge.locales or ("en",)

    @classmethod
    def load(cls, folder: Path, settings: Settings | None = None) -> Engine:
        """Read a trained model.

        Raises:
            CheckpointError: If the folder holds no whole model of this version.
        """
        return assemble(read(folder), settings or Settings())

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
        return self.respond_all([Asked(clean(text), memory, moment, self.locale(text, locale))], deadline=deadline)[0]

    def respond_many(self, questions: Sequence[str]) -> list[Response]:
        """Answer questions that have nothing to do with each other, composing side by side."""
        moment = datetime.now(UTC)
        return self.respond_all([Asked(clean(text), WorkingMemory(), moment, self.locale(text)) for text in questions])

    def respond_all(self, asked: Sequence[Asked], *, deadline: float | None = None) -> list[Response]:
        """Answer several messages of different conversations."""
        readings = [self.reading(one) for one in asked]
        leaning = [reading.topic is not None for reading in readings]
        ranked = self._rank(asked, readings)
        decisions = [self._decide(*parts) for parts in zip(asked, ranked, leaning, strict=True)]
        generations = self._compose(asked, decisions, deadline)
        return [self._response(*parts) for parts in zip(asked, decisions, ranked, generations, leaning, strict=True)]

    def locale(self, text: str, wanted: str | None = None) -> str:
        """The language of the knowledge that fits a text."""
        return wanted if wanted in self._locales else detect(text, self._locales)

    def reading(self, one: Asked) -> Reading:
        """How a message is read: a follow-up leans on the current topic."""
        topic = one.memory.topic
        if topic is not None and topic.entry in self.knowledge and is_follow_up(one.text):
            said = (turn.text for turn in reversed(one.memory.recent) if turn.speaker is Speaker.CUSTOMER)
            return Reading(one.text, one.locale, self.knowledge[topic.entry], before=next(said, ""))
        return Reading(one.text, one.locale)

    def _rank(self, asked: Sequence[Asked], readings: Sequence[Reading]) -> list[list[Candidate]]:
        """Candidates for each message, best first."""
        if not len(self.knowledge):
            return [[] for _ in asked]
        parts = zip(readings, self.understander.understand(readings), self.retriever.retrieve(readings), strict=True)
        ranked = [self.ranker.rank(*part)[:MOST_CANDIDATES] for part in parts]
        return [
            [replace(candidate, text=own_words(candidate.text, one.memory.values())) for candidate in some]
            for one, some in zip(asked, ranked, strict=True)
        ]

    def _decide(self, one: Asked, candidates: Sequence[Candidate], follow_up: bool) -> Decision:
        offered = tuple(choice for choice in one.memory.offered if choice.entry in self.knowledge)
        if offered and beside_the_choices(one.text, offered):
            again = tuple(self.knowledge[choice.entry] for choice in offered)
            return Decision(Verdict.CLARIFY, again, 0.0, "none of the choices has this number; they are offered again")
        if offered and takes_none(one.text):
            return Decision(Verdict.DECLINE, (), 0.0, "the customer meant none of the choices")
        choice = chosen(one.text, offered) if offered else None
        if choice is not None and choice.entry in self.knowledge:
            entry = self.knowledge[choice.entry]
            verdict = Verdict.PERSON if PERSON_ONLY in entry.tags else Verdict.ANSWER
            return Decision(verdict, (entry,), 1.0, "the customer chose it from what was offered")
        return self.arbiter.decide(candidates, follow_up=follow_up)

    def _compose(
        self, asked: Sequence[Asked], decisions: Sequence[Decision], deadline: float | None
    ) -> list[Generation | None]:
        found: list[Generation | None] = [None] * len(asked)
        if self.generator is None or not self._settings.generate:
            return found
        places = [place for place, decision in enumerate(decisions) if decision.verdict is Verdict.ANSWER]
        contexts = [Context(asked[place].text, asked[place].memory, decisions[place].entries[0]) for place in places]
        try:
            generations = self.generator.generate(contexts, deadline=deadline) if contexts else []
        except GenerationError:
            return found
        for place, generation in zip(places, generations, strict=True):
            found[place] = generation
        return found

    def _response(
        self,
        one: Asked,
        decision: Decision,
        candidates: Sequence[Candidate],
        generation: Generation | None,
        follow_up: bool,
    ) -> Response:
        memory = one.memory.hear(Turn(Speaker.CUSTOMER, one.text)).offer(())
        for name, value in self._slots.find(one.text).items():
            memory = memory.fill(name, value, heard=one.heard)
        say = self._settings.say
        choices: tuple[Choice, ...] = ()
        entry = decision.entries[0].id if decision.entries and decision.verdict is not Verdict.CLARIFY else None
        if decision.verdict is Verdict.ANSWER:
            text, provenance = self._answer(decision, generation, memory, whole=not follow_up)
            if SMALL_TALK not in decision.entries[0].tags:
                memory = memory.push_topic(decision.entries[0].id)
        elif decision.verdict is Verdict.CLARIFY:
            choices = tuple(Choice(entry.id, entry.questions[0]) for entry in decision.entries)
            text, provenance = say("clarify", one.locale), Provenance(Source.CLARIFY, "arbiter", decision.reason)
            memory = memory.offer(choices)
        elif decision.verdict is Verdict.PERSON:
            text, provenance = (
                say("handoff", one.locale),
                Provenance(Source.HANDOFF, str(entry), "this is for a person"),
            )
        else:
            text, provenance = say("unsure", one.locale), Provenance(Source.FIXED, "arbiter", decision.reason)
        return Response(
            text,
            provenance,
            decision.confidence,
            memory.hear(Turn(Speaker.BOT, text)),
            entry=entry,
            choices=choices,
            candidates=tuple(candidates),
            handoff=decision.verdict is Verdict.PERSON,
        )

    def _answer(
        self, decision: Decision, generation: Generation | None, memory: WorkingMemory, *, whole: bool
    ) -> tuple[str, Provenance]:
        """The generator's words where it is sure and faithful, else the entry's own.

        Only a follow-up may be answered with a part of the entry; otherwise it is told ``whole``.
        """
        entry = decision.entries[0]
        own = own_words(entry.answer, memory.values())
        text, doubt = self._composed(entry, generation, memory, whole=whole)
        if text is None:
            return own, Provenance(Source.RETRIEVED, entry.id, f"{decision.reason}; {doubt}")
        origin = f"{entry.id} by {self.fingerprint[:12]}"
        return text, Provenance(
            Source.GENERATED, origin, f"{decision.reason}; composed from the entry and found faithful"
        )

    def _composed(
        self, entry: Entry, generation: Generation | None, memory: WorkingMemory, *, whole: bool
    ) -> tuple[str | None, str]:
        """The composed text, or None and why not."""
        if generation is None:
            return None, "the entry speaks for itself"
        if not generation.finished:
            return None, "the generator did not finish in time"
        if not self.arbiter.may_speak(generation.confidence):
            return None, f"the generator is not sure of its words ({generation.confidence:.2f})"
        said = [turn.text for turn in memory.recent if turn.speaker is Speaker.CUSTOMER]
        text, verdict = review(generation.text, template(entry.answer), memory.values(), said, whole=whole)
        return (text, "") if verdict.faithful else (None, f"the generator slipped: {verdict.reason}")


def assemble(checkpoint: Checkpoint, settings: Settings) -> Engine:
    """Build an engine from a checkpoint.

    Raises:
        CheckpointError: If something in it is missing or of another shape.
    """
    facts = checkpoint.facts
    try:
        knowledge = Knowledge.from_json(json.loads(checkpoint.path("knowledge.json").read_bytes()))
        tokenizer = PieceTokenizer.load(checkpoint.path("tokenizer.json"))
        reader = QuestionReader(tokenizer, SlotFinder(settings.slots))
        weights = checkpoint.arrays("weights.safetensors")
        alone, follow_up = (RankerWeights.from_json(facts["ranker"][kind]) for kind in ("alone", "follow_up"))
        generator = Seq2SeqGenerator(
            checkpoint.fingerprint, facts["sizes"], weights, tokenizer, SourceWriter(tokenizer, reader)
        )
        return Engine(
            fingerprint=checkpoint.fingerprint,
            knowledge=knowledge,
            understander=HeadUnderstander(reader, weights),
            retriever=HybridRetriever.from_arrays(knowledge, checkpoint.arrays("index.safetensors")),
            ranker=LearnedRanker(knowledge, alone, follow_up),
            arbiter=ThresholdArbiter(knowledge, Thresholds.from_json(facts["thresholds"]), choices=settings.choices),
            generator=generator,
            settings=settings,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.folder}: the model cannot be used: {error!r}") from error
