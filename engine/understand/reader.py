"""How a question is written down for the encoders, the same in training and in use."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from engine.text.normalise import matching
from engine.text.tokenise import SLOT_NAMES, PieceTokenizer, without_marks
from engine.understand.slots import SlotFinder
from engine.understand.words import ReadWord

LONGEST_QUESTION = 64
_PLACEHOLDER = re.compile(rf"⟨({'|'.join(SLOT_NAMES)})(?:_\d+)?⟩")


class TextReader(Protocol):
    """Turns texts into the rows that a sentence encoder reads."""

    @property
    def size(self) -> int:
        """Rows that there are, padding and unknown included."""

    def read_all(self, texts: Sequence[str]) -> list[list[ReadWord]]:
        """Rows of every word or piece of each text, at least one a text."""

    def split(self, text: str) -> list[tuple[str, int]]:
        """The words of a text as they are shown, and how many of the rows that are read each has."""

    def knows(self, word: str) -> bool:
        """True for a word that has a row of its own."""


class QuestionReader:
    """Question to pieces: values masked, folded, cut to ``LONGEST_QUESTION`` pieces from both ends."""

    def __init__(self, tokenizer: PieceTokenizer, slots: SlotFinder) -> None:
        self._tokenizer = tokenizer
        self._slots = slots

    def form(self, text: str) -> str:
        """The text that the tokenizer sees; it begins with a space, so that a first word is a word like any other.

        Placeholders of slots stay: what was masked before training is read as what customers type.
        """
        parts = _PLACEHOLDER.split(text)  # text, name of a slot, text, …
        parts[::2] = [self._slots.masked(without_marks(part)) for part in parts[::2]]
        parts[1::2] = [f"⟨{name}⟩" for name in parts[1::2]]
        return f" {matching(''.join(parts))}"

    def pieces(self, text: str) -> list[int]:
        """Piece numbers; of a long text the beginning and the end, where the question mostly stands."""
        return cut(self._tokenizer.encode(self.form(text)), LONGEST_QUESTION)

    def all_pieces(self, texts: Sequence[str]) -> list[list[int]]:
        """Piece numbers of many texts."""
        forms = [self.form(text) for text in texts]
        return [cut(pieces, LONGEST_QUESTION) for pieces in self._tokenizer.encode_all(forms)]

    @property
    def tokenizer(self) -> PieceTokenizer:
        """The tokenizer that it reads with."""
        return self._tokenizer


class PieceReader:
    """Questions as rows of pieces, for an encoder that started from the base."""

    def __init__(self, questions: QuestionReader) -> None:
        self._questions = questions

    @property
    def size(self) -> int:
        """Rows of pieces."""
        return self._questions.tokenizer.size

    def read_all(self, texts: Sequence[str]) -> list[list[ReadWord]]:
        """Rows of every piece of each text."""
        return [[ReadWord(piece, ()) for piece in pieces] for pieces in self._questions.all_pieces(texts)]

    def split(self, text: str) -> list[tuple[str, int]]:
        """Words, each with its number of pieces; Chinese piece by piece."""
        tokenizer = self._questions.tokenizer
        found: list[tuple[str, int]] = []
        open_: list[int] = []
        for piece in self._questions.pieces(text):
            written = tokenizer.decode([*open_, piece])
            begins = not found or bool(open_) or written[:1] == " " or not (written.isascii() and written.isalnum())
            if "\ufffd" in written or not written.strip():  # a part of a character, or the blank before one
                open_.append(piece)
            elif begins:
                found.append((written.strip(), len(open_) + 1))
                open_ = []
            else:
                found[-1] = (found[-1][0] + written, found[-1][1] + 1)
        return [*found, (tokenizer.decode(open_), len(open_))] if open_ else found

    def knows(self, word: str) -> bool:
        """True for a word that is one piece, so that it was met often before the company's training."""
        encode = self._questions.tokenizer.encode
        return len(encode(f" {word}")) == 1 or len(encode(word)) == 1


def cut(pieces: list[int], limit: int) -> list[int]:
    """At most ``limit`` pieces: half from the beginning, half from the end."""
    if len(pieces) <= limit:
        return pieces
    half = limit // 2
    return pieces[:half] + pieces[half - limit :]
