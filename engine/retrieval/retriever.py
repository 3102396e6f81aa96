"""All lexical evidence: the index of questions, the kernel model, and fuzzy comparison of the short list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.checkpoint import Arrays, Checkpoint
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Evidence, Reading, Understanding
from engine.retrieval import shelf
from engine.retrieval.fuzzy import similarity
from engine.retrieval.index import QuestionIndex, Search
from engine.retrieval.kernel import KernelModel
from engine.retrieval.segment import Item
from engine.retrieval.sorting import distinct, highest
from engine.text.normalise import matching

Floats = NDArray[np.float32]
Integers = NDArray[np.integer[Any]]

SHORTLIST = 10
_KERNEL = "kernel.safetensors"


@dataclass(frozen=True, slots=True)
class Nearest:
    """A stored question, in its matching form, and the place of its entry.

    ``words`` and ``grams``: share of the query's weight that it holds, about [0, 1].
    """

    place: int
    question: str
    words: float
    grams: float


class HybridRetriever:
    """Ranks by several kinds of lexical evidence.

    Args:
        knowledge: The entries.
        index: The index of their questions.
        kernel: The kernel model, None where there are too many entries for one.

    Raises:
        ValueError: If the index has an entry that the knowledge has not.
    """

    def __init__(self, knowledge: Knowledge, index: QuestionIndex, kernel: KernelModel | None) -> None:
        if index.places > len(knowledge):
            raise ValueError(f"the index has {index.places} entries, the knowledge {len(knowledge)}")
        self._knowledge = knowledge
        self._index = index
        self._kernel = kernel
        _ = index.finders  # made now, not while a customer waits
        tagged: dict[str, list[int]] = {}
        for place, entry in enumerate(knowledge):
            for tag in entry.tags:
                tagged.setdefault(tag, []).append(place)
        self._tagged = {tag: np.asarray(places, np.int64) for tag, places in tagged.items()}

    @classmethod
    def build(cls, knowledge: Knowledge, kernel: KernelModel | None) -> HybridRetriever:
        """Index the questions and answers of a knowledge."""
        items = (Item(place, entry.questions, entry.answer) for place, entry in enumerate(knowledge))
        return cls(knowledge, QuestionIndex.build(items), kernel)

    def retrieve(self, readings: Sequence[Reading], understandings: Sequence[Understanding]) -> list[Evidence]:
        """The evidence for each reading, in order."""
        return [self._evidence(*pair) for pair in zip(readings, understandings, strict=True)]

    def _evidence(self, reading: Reading, understanding: Understanding) -> Evidence:
        search = self._index.search(reading.text)
        linear = self._scores(reading.text)
        also = [self._highest(understanding.log_probabilities), self._highest(linear)]
        together = before = linear[:0]
        if reading.topic is not None:
            together, before = self._scores(f"{reading.before} {reading.text}"), self._scores(reading.before)
            also += [self._highest(together), self._near(reading.topic, search, linear)]
        places = np.concatenate(also)
        shown = search.shown(SHORTLIST, places if len(places) else self._index.first())
        fuzzy = similarity(matching(reading.text), shown.questions)
        return Evidence(
            places=shown.places.astype(np.int64),
            words=shown.words.astype(np.float32),
            grams=shown.grams.astype(np.float32),
            answers=shown.answers.astype(np.float32),
            covered_words=shown.covered_words.astype(np.float32),
            covered_grams=shown.covered_grams.astype(np.float32),
            linear=_at(linear, shown.places),
            fuzzy=fuzzy[:, 0],
            fuzzy_set=fuzzy[:, 1],
            together=_at(together, shown.places),
            before=_at(before, shown.places),
            known=search.known,
        )

    def _scores(self, text: str) -> Floats:
        """What the kernel model makes of a text, a number for each entry that it knows."""
        return self._kernel.scores(text) if self._kernel else np.zeros(0, np.float32)

    def _highest(self, scores: Floats) -> Integers:
        """The places with the highest scores, those of removed entries left out."""
        places = highest(scores, 2 * SHORTLIST)
        return places[self._index.holds(places)][:SHORTLIST]

    def _near(self, topic: Entry, search: Search, linear: Floats) -> Integers:
        """The topic, and of the entries that share a tag with it those that say the most."""
        own = [self._knowledge.place(topic.id)] if topic.id in self._knowledge else []
        near = [self._tagged[tag] for tag in topic.tags if tag in self._tagged]
        others = distinct(np.concatenate([np.zeros(0, np.int64), *near]))
        said = _at(linear, others) + search.promises(others) / 2  # of words and n-grams together the mean
        return np.concatenate([np.asarray(own, np.int64), others[highest(said, SHORTLIST)]])

    def nearest(self, text: str, limit: int) -> list[Nearest]:
        """The stored questions that hold the most of a text, the best first; those that hold nothing are left out.

        Of one entry there are at most ``engine.retrieval.finding.COMPARED``.
        """
        search = self._index.search(text)
        shown = search.shown(limit, np.zeros(0, np.int64))
        asked = [(int(place), form) for place, some in zip(shown.places, shown.questions, strict=True) for form in some]
        shares = search.shares([form for _, form in asked])
        total = shares.sum(axis=1)
        return [Nearest(*asked[at], *shares[at].tolist()) for at in highest(total, limit) if total[at] > 0]

    def files(self) -> dict[str, Arrays]:
        """The files of the retriever, for a checkpoint."""
        return {_KERNEL: self._kernel.arrays("kernel") if self._kernel else {}, **shelf.files(self._index)}

    @classmethod
    def load(cls, knowledge: Knowledge, model: Checkpoint) -> HybridRetriever:
        """Read what ``files`` gave.

        Raises:
            CheckpointError: If a file is missing, or of another version.
            KeyError: If the kernel model lacks an array.
            ValueError: If the index has an entry that the knowledge has not.
        """
        arrays = model.arrays(_KERNEL)
        kernel = KernelModel.from_arrays(arrays, "kernel") if arrays else None
        return cls(knowledge, shelf.read(model), kernel)


def _at(scores: Floats, places: Integers) -> Floats:
    """Scores of some places; what is beyond the last one has none."""
    found = np.zeros(len(places), np.float32)
    known = places < len(scores)
    found[known] = scores[places[known]]
    return found
