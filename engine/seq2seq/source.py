"""What the encoder reads when a reply is composed: the topic, known slots, the last exchange, the question, and the
chosen entry as a template.

``<topic> delivery time <slots> ⟨name⟩ <customer> earlier question <bot> earlier answer <customer> question <entry>
answer with placeholders``; topic, slots and the exchange are left out where there are none.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from engine.dialogue import Speaker, Turn
from engine.knowledge.template import Template
from engine.text.tokenise import SLOT_NAMES, PieceTokenizer
from engine.understand.reader import QuestionReader, cut

LONGEST_TEMPLATE = 80
LONGEST_HISTORY = 24
LONGEST_TOPIC = 8
REMEMBERED_TURNS = 2


@dataclass(frozen=True, slots=True)
class Before:
    """What stands before a question: what was said, oldest first, of which the last ``REMEMBERED_TURNS`` are read; the
    topic in words; and the names of the slots that are known, of which those with a placeholder are read.
    """

    turns: Sequence[Turn] = ()
    topic: str = ""
    slots: Collection[str] = ()


NOTHING = Before()


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

    def write(self, question: str, template: Sequence[int], before: Before = NOTHING) -> list[int]:
        """Pieces of a whole source.

        Args:
            question: What the customer wrote.
            template: The chosen entry, as ``template`` gave it.
            before: What stands before the question.
        """
        pieces: list[int] = []
        if before.topic:
            pieces += [self._tokenizer.topic, *cut(self._reader.pieces(before.topic), LONGEST_TOPIC)]
        known = [self._tokenizer.number(f"⟨{name}⟩") for name in SLOT_NAMES if name in before.slots]
        if known:
            pieces += [self._tokenizer.slots, *known]
        for turn in before.turns[-REMEMBERED_TURNS:]:
            mark = self._tokenizer.customer if turn.speaker is Speaker.CUSTOMER else self._tokenizer.bot
            pieces += [mark, *cut(self._reader.pieces(turn.text), LONGEST_HISTORY)]
        question_pieces = self.pieces(question)
        return [*pieces, self._tokenizer.customer, *question_pieces, self._tokenizer.entry, *template]
