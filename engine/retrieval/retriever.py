"""All that retrieval finds: index of questions, kernel model, meaning, and fuzzy comparison of the short list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.checkpoint import Arrays, Checkpoint
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Evidence, Reading, TextEncoder, Understanding
from engine.retrieval import shelf
from engine.retrieval.fuzzy import similarity
from engine.retrieval.index import QuestionIndex, Search
from engine.retrieval.kernel import KernelModel
from engine.retrieval.meaning import Meaning
from engine.retrieval.segment import Item
from engine.retrieval.sorting import distinct, highest
from engine.text.normalise import matching

Floats = NDArray[np.float32]
Integers = NDArray[np.integer[Any]]

SHORTLIST = 10
_KERNEL = "kernel.safetensors"
_MEANING = "meaning.safetensors"


@dataclass(frozen=True, slots=True)
class Nearest:
    """A stored question, in its matching form, and the place of its entry.

    ``words`` and ``grams``: share of the query's weight that it holds, about [0, 1].
    """

    place: int
    question: str
    words: float
    grams: float


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a reading means: vectors of its texts (T, V), and how near the entries are, (E,) each; empty: not known."""

    vectors: Floats
    questions: Floats
    answers: Floats

    def vector(self, at: int) -> Floats:
        """The vector of one of its texts."""
        return np.asarray(self.vectors[at] if len(self.vectors) else self.vectors.reshape(-1), np.float32)


_NOTHING = _Meant(np.zeros((0, 0), np.float32), np.zeros(0, np.float32), np.zeros(0, np.float32))


class HybridRetriever:
    """Ranks by several kinds of lexical evidence.

    Args:
        knowledge: The entries.
        index: The index of their questions.
        kernel: The kernel model, None where there are too many entries for one.
        meaning: Finds entries by meaning, None where there is no text encoder.

    Raises:
        ValueError: If the index has an entry that the knowledge has not.
    """

    def __init__(
        self, knowledge: Knowledge, index: QuestionIndex, kernel: KernelModel | None, meaning: Meaning | None = None
    ) -> None:
        if index.places > len(knowledge):
            raise ValueError(f"the index has {index.places} entries, the knowledge {len(knowledge)}")
        self._knowledge = knowledge
        self._index = index
        self._kernel = kernel
        self._meaning = meaning
        _ = index.finders  # made now, not while a customer waits
        tagged: dict[str, list[int]] = {}
        for place, entry in enumerate(knowledge):
            for tag in entry.tags:
                tagged.setdefault(tag, []).append(place)
        self._tagged = {tag: np.asarray(places, np.int64) for tag, places in tagged.items()}

    @classmethod
    def build(
        cls, knowledge: Knowledge, kernel: KernelModel | None, encoder: TextEncoder | None = None
    ) -> HybridRetriever:
        """Index the questions and answers of a knowledge."""
        items = (Item(place, entry.questions, entry.answer) for place, entry in enumerate(knowledge))
        meaning = Meaning.of(knowledge, encoder) if encoder is not None and len(knowledge) else None
        return cls(knowledge, QuestionIndex.build(items), kernel, meaning)

    def retrieve(self, readings: Sequence[Reading], understandings: Sequence[Understanding]) -> list[Evidence]:
        """The evidence for each reading, in order."""
        meant = self._meant(readings)
        return [self._evidence(*both) for both in zip(readings, understandings, meant, strict=True)]

    def _meant(self, readings: Sequence[Reading]) -> list[_Meant]:
        """What every reading means; all texts are encoded at once."""
        if self._meaning is None:
            return [_NOTHING] * len(readings)
        encode = self._meaning.encoder.vectors
        alone = encode([reading.text for reading in readings])  # by themselves: understanding has just read them
        more = [_texts(reading)[1:] for reading in readings]
        others = encode([text for some in more for text in some])
        near, answers = self._meaning.near(alone)
        ends = np.cumsum([0, *map(len, more)])
        return [
            _Meant(np.concatenate([alone[at : at + 1], others[ends[at] : ends[at + 1]]]), near[at], answers[at])
            for at in range(len(readings))
        ]

    def _evidence(self, reading: Reading, understanding: Understanding, meant: _Meant) -> Evidence:
        search = self._index.search(reading.text)
        scores = self._scores(reading, meant)
        linear = scores[0]
        also = [self._highest(one) for one in (understanding.log_probabilities, linear, meant.questions)]
        together = before = linear[:0]
        if reading.topic is not None:
            together, before = scores[1], scores[2]
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
            meaning=_at(meant.questions, shown.places),
            meaning_of_answer=_at(meant.answers, shown.places),
            fuzzy=fuzzy[:, 0],
            fuzzy_set=fuzzy[:, 1],
            together=_at(together, shown.places),
            before=_at(before, shown.places),
            known=search.known,
        )

    def _scores(self, reading: Reading, meant: _Meant) -> list[Floats]:
        """What the kernel model makes of each text of a reading, a number for each entry that it knows."""
        kernel = self._kernel
        if kernel is None:
            return [np.zeros(0, np.float32) for _ in _texts(reading)]
        return [kernel.scores(text, meant.vector(at)) for at, text in enumerate(_texts(reading))]

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
        return {
            _KERNEL: self._kernel.arrays("kernel") if self._kernel else {},
            _MEANING: self._meaning.arrays() if self._meaning else {},
            **shelf.files(self._index),
        }

    @classmethod
    def load(cls, knowledge: Knowledge, model: Checkpoint, encoder: TextEncoder | None = None) -> HybridRetriever:
        """Read what ``files`` gave; the encoder is the one that it was built with.

        Raises:
            CheckpointError: If a file is missing, or of another version.
            KeyError: If the kernel model lacks an array.
            ValueError: If the index has an entry that the knowledge has not.
        """
        arrays = model.arrays(_KERNEL)
        kernel = KernelModel.from_arrays(arrays, "kernel") if arrays else None
        meaning = Meaning.from_arrays(model.arrays(_MEANING), encoder) if encoder is not None else None
        return cls(knowledge, shelf.read(model), kernel, meaning)


def _texts(reading: Reading) -> list[str]:
    """The texts that a reading is looked at by: itself; of a follow-up also with the question before it, and that."""
    if reading.topic is None:
        return [reading.text]
    return [reading.text, f"{reading.before} {reading.text}", reading.before]


def _at(scores: Floats, places: Integers) -> Floats:
    """Scores of some places; what is beyond the last one has none."""
    found = np.zeros(len(places), np.float32)
    known = places < len(scores)
    found[known] = scores[places[known]]
    return found
