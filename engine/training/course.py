"""The steps of a training run: rehearse, understand, compose, fit what decides, and judge the whole."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from engine import checkpoint
from engine.calibration import LEAST_OFFERED, Thresholds, fit_clarify
from engine.checkpoint import Arrays
from engine.errors import TrainingStopped
from engine.knowledge.entries import Knowledge
from engine.ports import Reading
from engine.promise import Promise, fit_promise
from engine.ranker import RankerWeights
from engine.retrieval.kernel import KernelModel, fit_kernel
from engine.retrieval.retriever import HybridRetriever
from engine.seq2seq.model import Seq2Seq
from engine.seq2seq.source import SourceWriter
from engine.text.language import detect
from engine.training.conversation_logs import Asked, Learned, LogsTeacher
from engine.training.data import TrainingData
from engine.training.earlier import VALIDATION, Continuing, Earlier, validation_to_json
from engine.training.fusion import for_follow_ups
from engine.training.lesson import follow_ups_of, questions_of
from engine.training.options import Progress, TrainingOptions
from engine.training.questions import Question
from engine.training.rehearsal import Evidence, fit, fit_following, outcomes, split
from engine.training.report import Report, report
from engine.training.running import Running
from engine.training.speech import sure_enough, teach
from engine.training.start import Start
from engine.training.steps import weights_of
from engine.training.understanding import Pace, UnderstandingTrainer
from engine.understand.conversation_head import FILE as CONVERSATION
from engine.understand.conversation_head import EntryVectors, arrays_of, weights_in
from engine.understand.head import HeadUnderstander
from engine.understand.network import SentenceEncoder
from engine.understand.reader import TextReader
from engine.understand.sentence import Trunk
from engine.understand.slots import SlotFinder
from engine.understand.stored import Stored

ENOUGH_VALIDATION = 150
ENOUGH = 30  # follow-ups to fit a threshold on, questions to try the composer on
_REHEARSAL_SHARE, _UNDERSTANDING_SHARE, _WHOLE_SHARE = 0.35, 0.65, 0.93  # of the time, by when a stage has to end
_MEMORY_SHARE = 0.1  # of the time that is left, for what follows on what


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was fitted on held-out questions: the ranker, the thresholds, what they promise, and how they fared."""

    ranker: dict[str, dict[str, list[float]]]
    thresholds: Thresholds
    promise: Promise
    report: Report


@dataclass(frozen=True, slots=True)
class Result:
    """What a run produced, before it is written."""

    start: Start
    encoder: SentenceEncoder
    reader: TextReader
    stored: Stored
    model: Seq2Seq
    retriever: HybridRetriever
    verdict: Verdict
    epochs: int
    notes: list[str]
    validation: tuple[Question, ...] = ()
    memory: Arrays = field(default_factory=dict)

    def files(self, knowledge: Knowledge) -> dict[str, bytes]:
        """Files of the checkpoint."""
        return {
            **self.start.files(self.reader),
            "understanding.safetensors": checkpoint.arrays_to_bytes(
                self.start.own_weights(self.encoder) | self.stored.arrays("stored")
            ),
            "composing.safetensors": checkpoint.arrays_to_bytes(self.start.composer_weights(self.model)),
            **{name: checkpoint.arrays_to_bytes(arrays) for name, arrays in self.retriever.files().items()},
            "knowledge.json": json.dumps(knowledge.to_json(), ensure_ascii=False).encode(),
            **({VALIDATION: validation_to_json(self.validation)} if self.validation else {}),
            **({CONVERSATION: checkpoint.arrays_to_bytes(self.memory)} if self.memory else {}),
        }

    def facts(self, knowledge: Knowledge, options: TrainingOptions) -> dict[str, Any]:
        """What the manifest says."""
        return {
            "encoder": self.start.fact(options.encoder),
            "sizes": self.model.sizes.to_json(),
            "ranker": self.verdict.ranker,
            "thresholds": self.verdict.thresholds.to_json(),
            "promise": self.verdict.promise.to_json(),
            "knowledge": knowledge.fingerprint(),
            "training": {
                **self.start.origin(),
                "seed": options.seed,
                "epochs": self.epochs,
                "max_wrong_rate": options.max_wrong_rate,
                "report": self.verdict.report.to_json(),
                "notes": self.notes,
            },
        }


class Course:
    """The steps of a run, and what they share.

    Args:
        data: What to learn from.
        options: Choices for the run.
        running: What goes on around it.
        deadline: A time of ``time.monotonic`` by which everything should be done.
        start: What it begins with; what the options ask for by default.
    """

    def __init__(
        self,
        data: TrainingData,
        options: TrainingOptions,
        running: Running,
        deadline: float,
        start: Start | None = None,
    ) -> None:
        self._data = data
        self._options = options
        self._running = running
        self._deadline = deadline
        self._began = time.monotonic()
        self._locales = data.knowledge.locales
        self._slots = SlotFinder(options.slots)
        self._start = Start.of(data, options) if start is None else start
        self.writer = SourceWriter(self._start.tokenizer, self._start.questions)
        self.notes: list[str] = []

    def run(self) -> Result:
        """All steps: rehearse where nothing else is held out, train, fit the ranker and the thresholds.

        Raises:
            TrainingStopped: If it was stopped before there was something to compose with.
        """
        knowledge, background = self._data.knowledge, self._data.background
        self._tell("prepare")
        asked = self._validation()
        evidence = Evidence() if self._earlier or len(asked) >= ENOUGH_VALIDATION else self._rehearse()
        encoder, reader, epochs = self._understanding("understand", knowledge, background)
        kernel = self._kernel(knowledge, background)
        tokenizer = self._start.tokenizer
        learned = self._conversations()
        model = self._composer()
        self._tell("finish")
        understander = understander_of(encoder, reader, self._start.trunk)
        stored = understander.store(knowledge)
        retriever = HybridRetriever.build(knowledge, kernel, self._start.encoder)
        evidence += Evidence.gather(knowledge, understander, retriever, asked)
        followed = _asked(learned.leaning) if learned else self._follow_ups()
        leaning = Evidence.gather(knowledge, understander, retriever, followed)
        told = Evidence.gather(knowledge, understander, retriever, _asked(learned.alone) if learned else [])
        speech = sure_enough(model, tokenizer, self.writer, self._data, self._speeches(asked), seed=self._options.seed)
        verdict = self._judge(evidence, leaning, told, speech)
        held = tuple(one for one in self._data.validation if one.entries or not one.answer)
        memory = self._memory(learned, verdict)
        return Result(self._start, encoder, reader, stored, model, retriever, verdict, epochs, self.notes, held, memory)

    def _tell(self, stage: str) -> None:
        if self._running.processes.first:
            self._running.report(Progress(stage, 0, 0, 0.0, 0.0, 0.0, 0.0))

    def _composer(self) -> Seq2Seq:
        """A taught composer; whoever stops it gets the best so far."""
        until = self._until(_WHOLE_SHARE)
        model, outcome = teach(self._data, self._start, self.writer, self._options, until, self._running)
        self.notes.extend(outcome.notes)
        if outcome.stopped and not outcome.epochs:
            raise TrainingStopped("compose")
        if outcome.stopped:
            self.notes.append(f"it was stopped in epoch {outcome.epochs + 1} of composing; the best so far is kept")
        return model

    def _conversations(self) -> Learned | None:
        """What follows on what; None where too few logged conversations say so."""
        if self._start.encoder is None:
            return None
        now = time.monotonic()
        teacher = LogsTeacher(
            self._data.knowledge, self._start.encoder, self._slots, self._locale, seed=self._options.seed
        )
        until = now + _MEMORY_SHARE * max(0.0, self._deadline - now)
        # each of several processes learns it by itself, so that none of them may stop where others go on
        stop = self._running.stop if self._running.processes.count == 1 else lambda: False
        return teacher.teach(self._data.conversations, deadline=until, stop=stop)

    def _memory(self, learned: Learned | None, verdict: Verdict) -> Arrays:
        """What the model keeps of what follows on what: nothing where that does not count."""
        if not any(weights["candidate"][-1] for weights in verdict.ranker.values()):
            if learned is not None:
                self.notes.append(
                    f"of {learned.conversations} logged conversations nothing was learned about what follows on what "
                    "that makes right answers likelier; memory has no say in the ranking"
                )
            return {}
        if learned is not None:
            return arrays_of(learned.weights, learned.entries)
        if self._earlier is None or self._start.encoder is None:
            return {}
        return arrays_of(
            weights_in(self._earlier.conversation), EntryVectors.of(self._data.knowledge, self._start.encoder)
        )

    def _judge(self, evidence: Evidence, follow_ups: Evidence, told: Evidence, speech: float) -> Verdict:
        """Fit the ranker, then the thresholds to what can be promised with it.

        Args:
            evidence: Of questions that stand alone.
            follow_ups: Of logged follow-ups.
            told: Of logged messages that stand alone, with what was said before them.
            speech: From which confidence on the composer may speak.
        """
        rate = self._options.max_wrong_rate
        if self._earlier and len(evidence.cases) < ENOUGH_VALIDATION:
            return self._as_before(self._earlier, evidence, follow_ups, told)
        weights, alone = fit(evidence.cases)
        towards = self._earlier.ranker()[1] if self._earlier else for_follow_ups(weights)
        leaning, leaning_outcomes = fit(follow_ups.cases, towards=towards)
        weights = self._earlier.following(weights) if self._earlier and not told.cases else weights
        weights = fit_following(told.cases, weights)
        if told.cases:
            self._say_what_memory_brings([(told, weights), (follow_ups, leaning)])
        promise = fit_promise(alone, max_wrong_rate=rate)
        follow_up = fit_promise(leaning_outcomes, max_wrong_rate=rate) if len(leaning_outcomes) >= ENOUGH else None
        if follow_up is not None and not follow_up.kept:
            self.notes.append(f"of follow-ups: {follow_up.sentence()}")
        answer, clarify = promise.threshold, fit_clarify([*alone, *leaning_outcomes], answer=promise.threshold)
        if not alone:
            answer, clarify = 1 - rate, LEAST_OFFERED
            self.notes.append(
                f"until then it answers where it gives itself a chance of {1 - rate:.0%}; nothing proves that"
            )
        thresholds = Thresholds(answer, clarify, speech, follow_up.threshold if follow_up else answer)
        ranker = {"alone": weights.to_json(), "follow_up": leaning.to_json()}
        return Verdict(ranker, thresholds, promise, report(evidence.held_out(alone, answer), promise))

    def _say_what_memory_brings(self, judged: Sequence[tuple[Evidence, RankerWeights]]) -> None:
        """How many logged messages got the right entry without what was said before, and with it."""
        count = sum(len(some.cases) for some, _ in judged)
        without, right = (
            sum(one.right for some, weights in judged for one in outcomes(some.cases, each(weights)))
            for each in (RankerWeights.forgetful, lambda weights: weights)
        )
        self.notes.append(
            f"what was said before: of {count} logged messages {without / count:.1%} got the right entry without it, "
            f"{right / count:.1%} with it"
        )

    def _as_before(self, earlier: Earlier, evidence: Evidence, follow_ups: Evidence, told: Evidence) -> Verdict:
        """The ranker and the thresholds of the earlier model, where too little is held out to fit new ones."""
        alone, follow_up = map(fit_following, (told.cases, follow_ups.cases), earlier.ranker())
        before, promise = earlier.thresholds(), fit_promise([], max_wrong_rate=self._options.max_wrong_rate)
        self.notes.append(
            f"only {len(evidence.cases)} questions to judge by, {ENOUGH_VALIDATION} are needed: thresholds stay those "
            "of the earlier model, and nothing proves them for this one; name real questions with --validation"
        )
        ranker = {"alone": alone.to_json(), "follow_up": follow_up.to_json()}
        judged = evidence.held_out(outcomes(evidence.cases, alone), before.answer)
        return Verdict(ranker, before, promise, report(judged, promise))

    @property
    def _earlier(self) -> Earlier | None:
        return self._start.earlier if isinstance(self._start, Continuing) else None

    def _validation(self) -> list[tuple[Reading, frozenset[int]]]:
        place = self._data.knowledge.place
        known = [question for question in self._data.validation if question.entries or not question.answer]
        return [(self._reading(one.text), frozenset(place(name) for name in one.entries)) for one in known]

    def _follow_ups(self) -> list[tuple[Reading, frozenset[int]]]:
        """Follow-ups of the logged conversations: understanding never saw them, so they are held out by nature."""
        knowledge = self._data.knowledge
        found: list[tuple[Reading, frozenset[int]]] = []
        for one in follow_ups_of(self._data):
            reading = replace(self._reading(one.text), topic=knowledge[one.topic], before=one.before)
            found.append((reading, frozenset([knowledge.place(one.entry)])))
        return found

    def _reading(self, text: str) -> Reading:
        return Reading(text, self._locale(text))

    def _locale(self, text: str) -> str:
        return detect(text, self._locales)

    def _rehearse(self) -> Evidence:
        """Evidence from models of a part of the questions; where there are few, in several turns with other parts."""
        gathered = Evidence()
        for turn in range(_turns(len(self._data.knowledge.examples()))):
            if turn and time.monotonic() > self._until(_REHEARSAL_SHARE / 2):
                break
            part = split(self._data.knowledge, self._data.background, seed=self._options.seed, turn=turn)
            if not any(place >= 0 for _, place in part.asked):
                continue
            encoder, reader, _ = self._understanding("rehearse", part.knowledge, part.background, turn=turn)
            kernel = self._kernel(part.knowledge, part.background)
            retriever = HybridRetriever.build(part.knowledge, kernel, self._start.encoder)
            asked = [(self._reading(text), frozenset([place] if place >= 0 else [])) for text, place in part.asked]
            understander = understander_of(encoder, reader, self._start.trunk)
            understander.store(part.knowledge)
            gathered += Evidence.gather(part.knowledge, understander, retriever, asked)
        if not gathered.cases:
            self.notes.append("no entry has two questions, so confidence could not be fitted on held-out questions")
        return gathered

    def _understanding(
        self, stage: str, knowledge: Knowledge, background: Sequence[str], *, turn: int = 0
    ) -> tuple[SentenceEncoder, TextReader, int]:
        """A trained sentence encoder, how it reads, and for how many epochs it was trained."""
        questions = questions_of(knowledge, background)
        reader = self._start.reader([text for text, _ in questions], self._slots)
        network = self._start.network(reader, knowledge, questions)
        new, old = self._fresh(questions, knowledge)
        share = _REHEARSAL_SHARE if stage == "rehearse" else _UNDERSTANDING_SHARE
        replayed = self._start.replayed_share
        epochs = self._options.epochs or self._start.epochs(len(new) + round(replayed * len(old)))
        pace = Pace(stage, epochs, self._until(share), share=self._start.rate_share, replayed=replayed)
        trainer = UnderstandingTrainer(network, reader, seed=self._options.seed)
        running = replace(self._running, turn=turn)
        outcome = trainer.fit(new, pace, running, chatter=self._data.background, old=old)
        self.notes.extend(outcome.notes)
        if outcome.stopped:
            raise TrainingStopped(stage)
        return network, reader, outcome.epochs

    def _fresh(
        self, questions: Sequence[tuple[str, int]], knowledge: Knowledge
    ) -> tuple[list[tuple[str, int]], list[tuple[str, int]]]:
        """Questions that are shown in every epoch, and those of which a share is: old ones, and background."""
        fresh = {place for place, entry in enumerate(knowledge) if self._start.is_fresh(entry)}
        if len(fresh) == len(knowledge):
            return list(questions), []
        new = [one for one in questions if one[1] in fresh]
        return new, [one for one in questions if one[1] not in fresh]

    def _kernel(self, knowledge: Knowledge, background: Sequence[str]) -> KernelModel | None:
        size = len(knowledge)
        texts, places = zip(*questions_of(knowledge, background), strict=True)
        inside = [place if place < size else -1 for place in places]
        encoder = self._start.encoder
        return fit_kernel(texts, inside, classes=size, counted=knowledge.sentences(), encoder=encoder)

    def _speeches(self, asked: Sequence[tuple[Reading, frozenset[int]]]) -> list[tuple[str, int]]:
        """Questions to try the composer on, with the places of their entries."""
        found = [(reading.text, min(right)) for reading, right in asked if right]
        return found if len(found) >= ENOUGH else self._data.knowledge.examples()

    def _until(self, share: float) -> float:
        return self._began + share * (self._deadline - self._began)


def _asked(messages: Sequence[Asked]) -> list[tuple[Reading, frozenset[int]]]:
    return [(one.reading, frozenset([one.place])) for one in messages]


def _turns(questions: int) -> int:
    """How often is rehearsed: one turn holds out a fifth of the questions, which of few is too little to judge by."""
    return 3 if questions <= 1500 else 2 if questions <= 4000 else 1


def understander_of(encoder: SentenceEncoder, reader: TextReader, trunk: Trunk | None = None) -> HeadUnderstander:
    """The encoder as it is used: without PyTorch, on a trunk that others may stand on as well."""
    return HeadUnderstander(reader, weights_of(encoder), trunk=trunk)
