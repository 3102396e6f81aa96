"""Texts of which a part will not be read, or that will never be composed anew."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from engine.checks.finding import Finding, Kind, Material, Severity
from engine.knowledge.template import template
from engine.seq2seq.source import LONGEST_TEMPLATE
from engine.text.tokenise import VALUE_MARKS, PieceTokenizer
from engine.understand.reader import LONGEST_QUESTION, QuestionReader
from engine.understand.slots import SlotFinder

_PIECES = Path(__file__).parents[1] / "base" / "tokenizer.json"
_LONG_ANSWER = 1500  # characters: more than a screen of a telephone


def cut_questions(material: Material) -> Iterator[Finding]:
    """Questions of more pieces than are read: of these the middle is left out."""
    long = [
        (entry, text)
        for entry in material.knowledge
        for text in entry.questions
        if len(text.encode("utf-8", "replace")) >= LONGEST_QUESTION  # a piece is at least a byte
    ]
    for (entry, text), count in zip(long, _counts([text for _, text in long]), strict=True):
        if count > LONGEST_QUESTION:
            what = f"in entry {entry.id} is about {count} pieces long, and {LONGEST_QUESTION} are read"
            message = f"{what}: its middle is lost; say it shorter"
            yield material.of_question(Kind.LENGTH, Severity.WARNING, entry, text, message)


def uncomposed(material: Material) -> Iterator[Finding]:
    """Answers that are always given in their own words, and why; and answers that nobody will read to the end."""
    forms = [template(entry.answer) for entry in material.knowledge]
    tokenizer = _tokenizer()
    counts = [len(pieces) for pieces in tokenizer.encode_all([form.text for form in forms])]
    for entry, form, count in zip(material.knowledge, forms, counts, strict=True):
        why = ""
        if "⟨" in entry.answer or "⟩" in entry.answer:
            why = "holds ⟨ or ⟩, which mark placeholders"
        elif len(form.values) > len(VALUE_MARKS):
            why = f"has {len(form.values)} different values, and at most {len(VALUE_MARKS)} can be kept apart"
        elif count > LONGEST_TEMPLATE:
            why = f"is about {count} pieces long, and at most {LONGEST_TEMPLATE} are composed"
        if why:
            message = f"of entry {entry.id} {why}: it is always given in its own words"
            yield material.of_answer(Kind.LENGTH, Severity.NOTE, entry, message)
        if len(entry.answer) > _LONG_ANSWER:
            message = f"of entry {entry.id} has {len(entry.answer):,} characters: say it shorter, or link to the rest"
            yield material.of_answer(Kind.LENGTH, Severity.WARNING, entry, message)


def _counts(texts: Sequence[str]) -> list[int]:
    """Pieces of questions as they are read, before they are cut."""
    tokenizer = _tokenizer()
    reader = QuestionReader(tokenizer, SlotFinder())
    return [len(pieces) for pieces in tokenizer.encode_all([reader.form(text) for text in texts])]


@lru_cache(maxsize=1)
def _tokenizer() -> PieceTokenizer:
    """The pieces of the base; a training from nothing makes pieces of its own, of about the same length."""
    return PieceTokenizer.load(_PIECES)
