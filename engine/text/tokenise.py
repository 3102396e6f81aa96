"""Byte-level BPE: every text has pieces, no piece is unknown, and decoding gives back what was encoded.

Sennrich, Haddow, Birch 2016: Neural Machine Translation of Rare Words with Subword Units.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from engine.errors import CheckpointError

PAD, BEGIN, END, CUSTOMER, BOT, ENTRY = "<pad>", "<s>", "</s>", "<customer>", "<bot>", "<entry>"
TOPIC, SLOTS = "<topic>", "<slots>"
MARKS = (PAD, BEGIN, END, CUSTOMER, BOT, ENTRY, TOPIC, SLOTS)
VALUE_MARKS = tuple(f"⟨{number}⟩" for number in range(1, 25))
SLOT_NAMES = (
    "name", "order_number", "email", "date", "amount", "phone", "card", "iban", "id_number", "product", "person",
    "place", "time",
)  # fmt: skip
SLOT_MARKS = tuple(f"⟨{name}⟩" for name in SLOT_NAMES)


class PieceTokenizer:
    """Text to piece numbers and back. Placeholders such as ``⟨1⟩`` and ``⟨name⟩`` are single pieces."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self.size: int = tokenizer.get_vocab_size()
        self.pad, self.begin, self.end, self.customer, self.bot, self.entry, self.topic, self.slots = map(
            self.number, MARKS
        )

    @classmethod
    def train(cls, texts: Iterable[str], *, size: int) -> PieceTokenizer:
        """Learn at most ``size`` pieces; the 256 bytes and the marks are always among them."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            min_frequency=2,
            special_tokens=[*MARKS, *VALUE_MARKS, *SLOT_MARKS],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, path: Path) -> PieceTokenizer:
        """Read a file with what ``to_json`` gave.

        Raises:
            CheckpointError: If the file is missing, damaged or not a tokenizer of ours.
        """
        try:
            tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
        except Exception as error:  # the tokenizers library raises plain Exception
            raise CheckpointError(f"{path}: not a tokenizer: {error}") from error
        missing = [mark for mark in (*MARKS, *VALUE_MARKS, *SLOT_MARKS) if tokenizer.token_to_id(mark) is None]
        if missing:
            raise CheckpointError(f"{path}: not a tokenizer of Attendant: it lacks {missing[0]}")
        return cls(tokenizer)

    def to_json(self) -> str:
        """The tokenizer as JSON text, for a checkpoint."""
        return str(self._tokenizer.to_str())

    @classmethod
    def bytes_only(cls) -> PieceTokenizer:
        """A tokenizer that knows bytes and marks alone."""
        return cls.train((), size=0)

    def encode(self, text: str) -> list[int]:
        """Piece numbers of ``text``; what stands in it as a placeholder becomes one piece."""
        return list(self._tokenizer.encode(text).ids)

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Piece numbers of many texts."""
        return [list(encoding.ids) for encoding in self._tokenizer.encode_batch(list(texts))]

    def decode(self, pieces: Sequence[int]) -> str:
        """The text of ``pieces``; placeholders are kept, other marks are left out."""
        parts: list[str] = []
        run: list[int] = []
        for piece in pieces:
            if piece < len(MARKS) + len(VALUE_MARKS) + len(SLOT_MARKS):
                parts.append(self._tokenizer.decode(run, skip_special_tokens=False))
                run = []
                parts.append("" if piece < len(MARKS) else self.piece(piece))
            else:
                run.append(piece)
        parts.append(self._tokenizer.decode(run, skip_special_tokens=False))
        return "".join(parts)

    def readable(self, pieces: Iterable[int]) -> list[str]:
        """Pieces as text; those that are parts of one character are shown together."""
        found: list[str] = []
        open_: list[int] = []
        for piece in pieces:
            open_.append(piece)
            text = self.decode(open_)
            if "\ufffd" not in text:
                found.append(text)
                open_ = []
        return [*found, self.decode(open_)] if open_ else found

    def piece(self, number: int) -> str:
        """The piece itself, in the byte alphabet of the tokenizer."""
        return str(self._tokenizer.id_to_token(number))

    def is_placeholder(self, number: int) -> bool:
        """True for a piece that stands for a value or a slot."""
        return len(MARKS) <= number < len(MARKS) + len(VALUE_MARKS) + len(SLOT_MARKS)

    def number(self, mark: str) -> int:
        """The piece number of a mark or placeholder.

        Raises:
            KeyError: If there is no such piece.
        """
        found = self._tokenizer.token_to_id(mark)
        if found is None:
            raise KeyError(mark)
        return int(found)


def without_marks(text: str) -> str:
    """Text in which nothing can be mistaken for a mark or placeholder, for what customers typed."""
    return text.replace("⟨", "(").replace("⟩", ")").replace("<", "‹").replace(">", "›")
