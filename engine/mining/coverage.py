"""What a FAQ answers already: by a trained model where there is one, else by meaning."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from engine.knowledge.entries import Knowledge
from engine.mining.topics import Cover, Status, Topic
from engine.ports import TextEncoder
from engine.respond import Engine
from engine.retrieval.meaning import Meaning

_ASKED = 5  # phrasings of a topic that are looked up; one alone may be an odd one
# Cosines. Of topics that no entry answers about one in ten passes the first; of the others one in ten fails the second.
_COVERED, _PARTLY = 0.65, 0.5


def covered_by_model(topics: Sequence[Topic], engine: Engine) -> tuple[Topic, ...]:
    """Topics with the entry that a model finds likeliest, by its mean probability over several phrasings.

    A topic is covered where the bot would answer with that, partly where it would ask back.
    """
    thresholds = engine.arbiter.thresholds
    asked = [_asked(topic) for topic in topics]
    ranked = iter(engine.candidates([text for some in asked for text in some]))
    found: list[Topic] = []
    for topic, some in zip(topics, asked, strict=True):
        chances: dict[str, float] = {}
        for candidate in (one for _ in some for one in next(ranked)):
            chances[candidate.entry] = chances.get(candidate.entry, 0.0) + candidate.confidence / len(some)
        best = max(chances, key=lambda entry: chances[entry], default="")
        found.append(_with_cover(topic, best, chances.get(best, 0.0), thresholds.answer, thresholds.clarify))
    return tuple(found)


def covered_by_meaning(topics: Sequence[Topic], knowledge: Knowledge, encoder: TextEncoder) -> tuple[Topic, ...]:
    """Topics with the entry whose questions are nearest, by the mean cosine over several phrasings."""
    if not len(knowledge) or not topics:
        return tuple(topics)
    meaning = Meaning.of(knowledge, encoder)
    found: list[Topic] = []
    for topic in topics:
        near = np.clip(meaning.near(encoder.vectors(_asked(topic)))[0].mean(axis=0), 0.0, 1.0)
        best = int(near.argmax())
        found.append(_with_cover(topic, knowledge.entries[best].id, float(near[best]), _COVERED, _PARTLY))
    return tuple(found)


def _asked(topic: Topic) -> list[str]:
    return [topic.question, *topic.phrasings][:_ASKED]


def _with_cover(topic: Topic, entry: str, confidence: float, covered: float, partly: float) -> Topic:
    if confidence < partly:
        return replace(topic, cover=Cover(Status.NEW, "", confidence))
    status = Status.COVERED if confidence >= covered else Status.PARTLY
    return replace(topic, cover=Cover(status, entry, confidence))
