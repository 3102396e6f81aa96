"""Why a message gets the reply that it gets: what every part of the engine made of it.

The turn is run by an engine whose ranker and generator are listened to, so that what is shown is what was thought, and
nothing is worked out a second time in another way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime

from engine.dialogue import Candidate
from engine.explanation import (
    Best,
    Composed,
    Contender,
    Explanation,
    Feature,
    Match,
    Near,
    Part,
    Remembered,
    Said,
    Value,
    Word,
)
from engine.knowledge.entries import Entry
from engine.memory import WorkingMemory
from engine.ports import Context, Evidence, Generation, Generator, Ranker, Reading, Response, Understanding
from engine.ranker import CANDIDATE_FEATURES, NONE_FEATURES, LearnedRanker, probabilities
from engine.respond import Engine
from engine.retrieval.retriever import HybridRetriever
from engine.seq2seq.generator import Seq2SeqGenerator
from engine.tell import MOST_CANDIDATES
from engine.text.features import grams_of, tokens
from engine.text.normalise import clean, matching
from engine.text.stopwords import is_chinese
from engine.understand.head import HeadUnderstander
from engine.understand.split import split
from engine.understand.tone import Tone, tone

MOST_SHOWN = 5
"""Candidates and stored questions that are shown of each reading."""
_LEAST_ALIKE = 1 / 3


def explain(
    engine: Engine,
    text: str,
    memory: WorkingMemory | None = None,
    *,
    locale: str | None = None,
    deadline: float | None = None,
) -> Explanation:
    """Explain the reply to a message; nothing is remembered or stored.

    What a part cannot tell of itself is left out: attention for another understander than ours, features for another
    ranker, stored questions for another retriever. PyTorch is loaded where an answer is composed.

    Args:
        engine: The engine that answers.
        text: What the customer wrote.
        memory: Working memory before the message; empty by default.
        locale: Language to answer in; by default that of the text.
        deadline: A time of ``time.monotonic`` after which nothing more is composed.
    """
    before = WorkingMemory() if memory is None else memory
    said = clean(text).strip()
    mood = tone(said)
    listened, ranked, composed = _listened(engine)
    response = listened.respond(said, before, heard=datetime.now(UTC), locale=locale, deadline=deadline)
    explainer = _Explainer(engine, ranked.heard)
    parts = tuple(explainer.parts(len(split(said)), mood))
    return Explanation(
        text=said,
        locale=engine.locale(said, locale),
        tone=mood,
        values=_values(before, response.memory, parts),
        memory=_remembered(engine, before, said, parts),
        parts=parts,
        thresholds=engine.arbiter.thresholds,
        promise=engine.promise.sentence() if engine.promise is not None else "",
        reply=_said(response, composed.heard if composed is not None else ()),
    )


def matches(text: str, stored: str) -> tuple[Match, ...]:
    """The words of a text, in order, that stand in a stored question or look much like one of its words."""
    words = [token for token in tokens(stored) if not is_chinese(token)]
    found: list[Match] = []
    for token in dict.fromkeys(tokens(text)):
        if is_chinese(token):
            found.extend(Match(run, run, 1.0) for run in _runs(token, matching(stored)))
            continue
        alike, word = max(((_alike(token, word), word) for word in words), default=(0.0, ""))
        if alike >= _LEAST_ALIKE:
            found.append(Match(token, word, alike))
    return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class _Ranked:
    """What the ranker was given, and what it gave."""

    reading: Reading
    understanding: Understanding
    evidence: Evidence
    candidates: list[Candidate]


class _ListenedRanker:
    """A ranker that keeps what passes through it."""

    def __init__(self, ranker: Ranker) -> None:
        self._ranker = ranker
        self.heard: list[_Ranked] = []

    def rank(self, reading: Reading, understanding: Understanding, evidence: Evidence) -> list[Candidate]:
        found = self._ranker.rank(reading, understanding, evidence)
        self.heard.append(_Ranked(reading, understanding, evidence, found))
        return found


class _ListenedGenerator:
    """A generator that keeps what passes through it."""

    def __init__(self, generator: Generator) -> None:
        self._generator = generator
        self.heard: list[Composed] = []

    @property
    def fingerprint(self) -> str:
        return self._generator.fingerprint

    def generate(self, contexts: Sequence[Context], *, deadline: float | None = None) -> list[Generation | None]:
        found = self._generator.generate(contexts, deadline=deadline)
        for context, one in zip(contexts, found, strict=True):
            if one is not None:
                self.heard.append(Composed(context.entry.id, one.text, one.confidence, one.finished))
        return found


def _listened(engine: Engine) -> tuple[Engine, _ListenedRanker, _ListenedGenerator | None]:
    """The engine with a ranker and a generator that are listened to; the parts themselves are shared."""
    listened = copy(engine)
    listened.ranker = ranker = _ListenedRanker(engine.ranker)
    generator = None if engine.generator is None else _ListenedGenerator(engine.generator)
    listened.generator = generator
    return listened, ranker, generator


class _Explainer:
    """Asks the parts of an engine about what was ranked."""

    def __init__(self, engine: Engine, ranked: Sequence[_Ranked]) -> None:
        self._engine = engine
        self._ranked = ranked

    def parts(self, questions: int, mood: Tone) -> Iterator[Part]:
        """Every reading; the engine makes that of the whole first, then those of the questions, then the follow-ups."""
        for number, one in enumerate(self._ranked):
            kind = "message" if number == 0 else "question" if number <= questions else "follow-up"
            yield self._part(kind, one, mood if number == 0 else Tone.PLAIN)

    def _part(self, kind: str, one: _Ranked, mood: Tone) -> Part:
        reading = one.reading
        decision = self._engine.arbiter.decide(
            one.candidates[:MOST_CANDIDATES], follow_up=reading.topic is not None, tone=mood
        )
        return Part(
            kind=kind,
            text=reading.text,
            topic=reading.topic.id if reading.topic is not None else None,
            before=reading.before,
            words=self._words(reading.text),
            pieces=self._pieces(reading.text),
            contenders=self._contenders(one),
            nearest=self._nearest(reading.text),
            verdict=decision.verdict.value,
            reason=decision.reason,
        )

    def _words(self, text: str) -> tuple[Word, ...]:
        understander = self._engine.understander
        if not isinstance(understander, HeadUnderstander):
            return ()
        knows = understander.reader.knows
        return tuple(Word(word, share, knows(word)) for word, share in understander.attention(text))

    def _pieces(self, text: str) -> tuple[str, ...]:
        generator = self._engine.generator
        if not isinstance(generator, Seq2SeqGenerator):
            return ()
        return tuple(generator.pieces(text))

    def _contenders(self, one: _Ranked) -> tuple[Contender, ...]:
        """The best candidates with their features, and "none of them"."""
        knowledge, ranker = self._engine.knowledge, self._engine.ranker
        best = [(knowledge[candidate.entry], candidate.confidence) for candidate in one.candidates[:MOST_SHOWN]]
        if not isinstance(ranker, LearnedRanker) or not best:
            rest = max(0.0, 1 - sum(candidate.confidence for candidate in one.candidates))
            return tuple(_contender(entry, confidence, ()) for entry, confidence in [*best, (None, rest)])
        features, weights = (
            ranker.features(one.reading, one.understanding, one.evidence),
            ranker.weights_of(one.reading),
        )
        rows = dict(zip(features.places.tolist(), features.candidates.tolist(), strict=True))
        found = [
            _contender(
                entry, confidence, _features(CANDIDATE_FEATURES, rows[knowledge.place(entry.id)], weights.candidate)
            )
            for entry, confidence in best
        ]
        rest = float(probabilities(features, weights)[-1])
        return (*found, _contender(None, rest, _features(NONE_FEATURES, features.none.tolist(), weights.none)))

    def _nearest(self, text: str) -> tuple[Near, ...]:
        retriever, knowledge = self._engine.retriever, self._engine.knowledge
        if not isinstance(retriever, HybridRetriever):
            return ()
        return tuple(
            Near(
                _as_written(knowledge.entries[one.place].questions, one.question),
                knowledge.entries[one.place].id,
                one.words,
                one.grams,
                matches(text, one.question),
            )
            for one in retriever.nearest(text, MOST_SHOWN)
        )


def _contender(entry: Entry | None, confidence: float, features: tuple[Feature, ...]) -> Contender:
    name, question = (None, "") if entry is None else (entry.id, entry.questions[0])
    return Contender(name, question, confidence, sum((feature.adds for feature in features), 0.0), features)


def _features(names: Iterable[str], values: Iterable[float], weights: Iterable[float]) -> tuple[Feature, ...]:
    rows = zip(names, values, weights, strict=True)
    return tuple(Feature(name, value, value * weight) for name, value, weight in rows)


def _values(before: WorkingMemory, after: WorkingMemory, parts: Sequence[Part]) -> tuple[Value, ...]:
    """The values that the message brought."""
    read = {word.text for part in parts for word in part.words}
    return tuple(
        Value(name, slot.value, all(word in read for token in tokens(slot.value) for word in _read(token)))
        for name, slot in after.slots.items()
        if before.slots.get(name) is not slot
    )


def _remembered(engine: Engine, memory: WorkingMemory, text: str, parts: Sequence[Part]) -> Remembered | None:
    if memory == WorkingMemory():
        return None
    alone = engine.candidates([text])[0]
    best = next((one for one in parts[0].contenders if one.entry is not None), None) if parts else None
    return Remembered(
        turn=memory.turn,
        topic=memory.topic.entry if memory.topic is not None else None,
        values=memory.values(),
        offered=memory.offered,
        about=memory.about,
        settled=memory.settled,
        best=Best(str(best.entry), best.confidence) if best is not None else None,
        alone=Best(alone[0].entry, alone[0].confidence) if alone else None,
    )


def _said(response: Response, composed: Iterable[Composed]) -> Said:
    provenance = response.provenance
    return Said(
        text=response.text,
        source=provenance.source,
        origin=provenance.origin,
        reason=provenance.reason,
        grade=provenance.grade,
        entry=response.entry,
        confidence=response.confidence,
        choices=response.choices,
        composed=tuple(composed),
    )


def _read(token: str) -> Iterable[str]:
    """A token as the words that the encoder reads."""
    return token if is_chinese(token) else (token,)


def _as_written(questions: Iterable[str], form: str) -> str:
    """The question of which ``form`` is the matching form; that itself where the entry has changed since."""
    return next((question for question in questions if matching(question) == form), form)


def _runs(token: str, stored: str) -> Iterator[str]:
    """What a Chinese text and another have in common, from left to right, as long as may be."""
    at = 0
    while at < len(token):
        size = 0
        while at + size < len(token) and token[at : at + size + 1] in stored:
            size += 1
        if size:
            yield token[at : at + size]
        at += max(1, size)


def _alike(word: str, other: str) -> float:
    """Dice coefficient of the n-grams of two words, 1 for the same."""
    if word == other:
        return 1.0
    one, two = set(grams_of(word)), set(grams_of(other))
    return 2 * len(one & two) / (len(one) + len(two))
