"""How a question is written down for the encoder, the same in training and in use."""

from __future__ import annotations

from engine.text.normalise import matching
from engine.text.tokenise import PieceTokenizer, without_marks
from engine.understand.slots import SlotFinder

LONGEST_QUESTION = 64


class QuestionReader:
    """Question to pieces: values masked, folded, cut to ``LONGEST_QUESTION`` pieces from both ends."""

    def __init__(self, tokenizer: PieceTokenizer, slots: SlotFinder) -> None:
        self._tokenizer = tokenizer
        self._slots = slots

    def form(self, text: str) -> str:
        """The text that the tokenizer sees; it begins with a space, so that a first word is a word like any other."""
        return f" {matching(self._slots.masked(without_marks(text)))}"

    def pieces(self, text: str) -> list[int]:
        """Piece numbers; of a long text the beginning and the end, where the question mostly stands."""
        return cut(self._tokenizer.encode(self.form(text)), LONGEST_QUESTION)

    def all_pieces(self, texts: list[str]) -> list[list[int]]:
        """Piece numbers of many texts."""
        return [
            cut(pieces, LONGEST_QUESTION) for pieces in self._tokenizer.encode_all([self.form(text) for text in texts])
        ]


def cut(pieces: list[int], limit: int) -> list[int]:
    """At most ``limit`` pieces: half from the beginning, half from the end."""
    if len(pieces) <= limit:
        return pieces
    half = limit // 2
    return pieces[:half] + pieces[half - limit :]
