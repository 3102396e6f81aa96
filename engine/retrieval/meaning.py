"""Evidence of meaning: the vectors of a text encoder, of the entries' questions and of what their answers say.

The encoder was not trained on this knowledge, so it can be asked on the first day, when an entry is a title and an
answer, and nothing has taught the rest of the engine which wordings belong together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from engine.knowledge.entries import Knowledge
from engine.ports import TextEncoder
from engine.text.sentences import sentences
from engine.understand.stored import Stored, shared_out

Floats = NDArray[np.float32]

_SENTENCES = 8  # of an answer that are looked at


class Meaning:
    """Finds entries by meaning.

    Args:
        encoder: Turns texts into vectors.
        questions: Vectors of the entries' questions.
        answers: Vectors of the sentences of their answers.
    """

    def __init__(self, encoder: TextEncoder, questions: Stored, answers: Stored) -> None:
        self.encoder = encoder
        self._questions = questions
        self._answers = answers

    @classmethod
    def of(cls, knowledge: Knowledge, encoder: TextEncoder) -> Meaning:
        """The vectors of a knowledge."""
        questions = [entry.questions or (entry.answer,) for entry in knowledge]
        answers = [sentences(entry.answer)[:_SENTENCES] or [entry.answer] for entry in knowledge]
        return cls(encoder, _stored(questions, encoder), _stored(answers, encoder))

    def near(self, vectors: Floats) -> tuple[Floats, Floats]:
        """Cosines with the nearest question, and with the nearest sentence of the answer, of each entry.

        Shape:
            vectors: (B, V)
            result: (B, E) twice
        """
        return self._questions.nearest(vectors), self._answers.nearest(vectors)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """The vectors as named arrays, for a checkpoint."""
        return self._questions.arrays("questions") | self._answers.arrays("answers")

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], encoder: TextEncoder) -> Meaning:
        """Read what ``arrays`` gave.

        Raises:
            KeyError: If an array is missing.
        """
        return cls(encoder, Stored.from_arrays(arrays, "questions"), Stored.from_arrays(arrays, "answers"))


def _stored(texts: Sequence[Sequence[str]], encoder: TextEncoder) -> Stored:
    kept = shared_out(texts)
    return Stored.of([len(some) for some in kept], encoder.vectors([text for some in kept for text in some]))
