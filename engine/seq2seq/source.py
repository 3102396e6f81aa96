"""What the encoder reads when a reply is composed: the last exchange, the question, and the chosen entry as a template.

``<customer> earlier question <bot> earlier answer <customer> question <entry> answer with placeholders``
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.dialogue import Speaker, Turn
from engine.knowledge.template import Template
from engine.text.tokenise import PieceTokenizer
from engine.understand.reader import QuestionReader, cut

LONGEST_TEMPLATE = 80
LONGEST_HISTORY = 24
REMEMBERED_TURNS = 2


class SourceWriter:
    """Writes sources; the same in training and in use."""

    def __init__(self, tokenizer: PieceTokenizer, reader: QuestionReader) -> None:
        self._tokenizer = tokenizer
        self._reader = reader

    def template(self, template: Template) -> list[int] | None:
        """Pieces of an answer, None for one that cannot be composed: too long, or with too many values."""
        if not template.whole:
            return None
        pieces = self._tokenizer.encode(template.text)
        return pieces if 0 < len(pieces) <= LONGEST_TEMPLATE else None

    def pieces(self, question: str) -> list[int]:
        """Pieces of a question by itself."""
        return self._reader.pieces(question)

    def write(self, turns: Sequence[Turn], question: str, template: Sequence[int]) -> list[int]:
        """Pieces of a whole source.

        Args:
            turns: What was said before, oldest first; the last ``REMEMBERED_TURNS`` are read.
            question: What the customer wrote.
            template: The chosen entry, as ``template`` gave it.
        """
        pieces: list[int] = []
        for turn in turns[-REMEMBERED_TURNS:]:
            mark = self._tokenizer.customer if turn.speaker is Speaker.CUSTOMER else self._tokenizer.bot
            pieces += [mark, *cut(self._reader.pieces(turn.text), LONGEST_HISTORY)]
        question_pieces = self.pieces(question)
        return [*pieces, self._tokenizer.customer, *question_pieces, self._tokenizer.entry, *template]
