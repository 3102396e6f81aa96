"""Questions as pieces: how they are written down, and which words the pieces belong to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.base.base import shipped
from engine.text.tokenise import PieceTokenizer
from engine.understand.reader import LONGEST_QUESTION, PieceReader, QuestionReader, cut
from engine.understand.slots import SlotFinder

QUESTIONS = QuestionReader(shipped().tokenizer, SlotFinder())
READER = PieceReader(QUESTIONS)
BYTES = PieceReader(QuestionReader(PieceTokenizer.bytes_only(), SlotFinder()))
readers = pytest.mark.parametrize("reader", [READER, BYTES], ids=["shipped", "bytes"])

TEXTS = {
    "english": "When ARE you  open, please?",
    "chinese": "你们周末几点开门？",
    "mixed": "可以用PayPal付款吗 or by card?",
    "emoji": "where is it 🙂👍🏽👨‍👩‍👧",
    "accents": "naïve café, Größe",
    "cyrillic": "можно вернуть",
    "tifinagh": "ⴰⵣⵓⵍ",
    "values": "order FW-482913 for ada@example.com, £3.50",
    "marks": "<pad></s>⟨1⟩⟨name⟩",
    "nothing": "",
    "spaces": " \n\t",
    "controls": "\x00\u200b\ufffd",
    "lone surrogate": "\udcff",
    "long": "delivery to ireland " * 200,
    "long chinese": "退款" * 500,
    "long emoji": "🙂" * 500,
    "one word": "x" * 10_000,
}
some_text = (
    st.text(max_size=60)
    | st.text("abcd efgh ?!'", max_size=60)
    | st.text("几点开门退款你好，？ ", max_size=60)
    | st.text("🙂👍🏽👨‍👩‍👧❤️ ", max_size=30)
    | st.lists(st.sampled_from([*TEXTS.values()]), max_size=4).map(" ".join)
)


def covers(reader: PieceReader, text: str) -> None:
    """Every row that is read belongs to one word, and no word is without rows."""
    (rows,) = reader.read_all([text])
    found = reader.split(text)
    assert sum(count for _, count in found) == len(rows)
    assert all(count > 0 for _, count in found)


@readers
@pytest.mark.parametrize("name", TEXTS)
def test_the_words_of_a_text_cover_all_its_pieces(reader: PieceReader, name: str) -> None:
    covers(reader, TEXTS[name])


@readers
@settings(deadline=None)
@given(text=some_text)
def test_the_words_of_any_text_cover_all_its_pieces(reader: PieceReader, text: str) -> None:
    covers(reader, text)


@settings(deadline=None)
@given(some_text)
def test_words_put_together_are_the_text_that_was_read(text: str) -> None:
    read = shipped().tokenizer.decode(QUESTIONS.pieces(text))
    shown = "".join(word for word, _ in READER.split(text))
    assert "".join(shown.split()) == "".join(read.split())


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("When ARE  you open?", ["when", "are", "you", "open", "?"]),
        ("where is my parcel", ["where", "is", "my", "parcel"]),
        ("xyzzyqk", ["xyzzyqk"]),
    ],
)
def test_a_text_is_shown_as_these_words(text: str, words: list[str]) -> None:
    assert [word for word, _ in READER.split(text)] == words


@pytest.mark.parametrize("text", ["几点开门", "🙂👍🏽", "ⴰⵣⵓⵍ", "order FW-482913 costs £5"])
def test_a_blank_is_no_word_of_its_own(text: str) -> None:
    assert all(word.strip() for word, _ in READER.split(text))


def test_characters_of_several_bytes_are_never_torn() -> None:
    found = [word for word, _ in READER.split("退款 🙂 ⴰⵣ Größe")]
    assert "\ufffd" not in "".join(found)
    assert "🙂" in found


def test_a_word_of_several_pieces_has_as_many_rows() -> None:
    (_, count), *rest = BYTES.split("open now")  # each byte a piece, the space before a word as well
    assert count + sum(count for _, count in rest) == len(" open now")


def test_many_texts_are_read_as_each_alone() -> None:
    asked = list(TEXTS.values())
    assert READER.read_all(asked) == [READER.read_all([text])[0] for text in asked]
    assert READER.read_all([]) == []


@readers
@settings(deadline=None)
@given(text=some_text)
def test_every_text_has_a_row_and_every_row_exists(reader: PieceReader, text: str) -> None:
    (rows,) = reader.read_all([text])
    assert 1 <= len(rows) <= LONGEST_QUESTION
    assert all(0 <= word.row < reader.size and word.grams == () for word in rows)


def test_there_is_a_row_for_every_piece() -> None:
    assert READER.size == shipped().tokenizer.size
    assert BYTES.size == PieceTokenizer.bytes_only().size < READER.size


def test_a_word_of_one_piece_is_known_and_one_that_has_to_be_spelt_is_not() -> None:
    assert all(READER.knows(word) for word in ("when", "open", "you", "?"))
    assert not any(READER.knows(word) for word in ("xyzzyqk", "🙂🙂", "几点开门退款"))
    assert not BYTES.knows("when")


def test_other_values_of_one_kind_read_alike() -> None:
    first, second = READER.read_all(["where is order FW-482913", "where is order AB-1234"])
    assert first == second


def test_marks_that_a_customer_types_are_no_marks() -> None:
    typed = QUESTIONS.pieces("⟨weather⟩ <pad> </s> ⟨1⟩")
    assert not any(shipped().tokenizer.is_placeholder(piece) for piece in typed)
    assert not {shipped().tokenizer.pad, shipped().tokenizer.end} & set(typed)


@pytest.mark.parametrize("text", ["退款怎么办", "When ARE you open", "order FW-482913", "a" * 999])
def test_many_texts_have_the_pieces_that_each_has_alone(text: str) -> None:
    assert QUESTIONS.all_pieces(["beside", text, ""])[1] == QUESTIONS.pieces(text)


@given(st.lists(st.integers(0, 9), max_size=30), st.integers(1, 12))
def test_of_too_many_pieces_beginning_and_end_are_kept(pieces: list[int], limit: int) -> None:
    kept = cut(pieces, limit)
    assert len(kept) == min(len(pieces), limit)
    half = limit // 2 if len(pieces) > limit else len(pieces)
    assert kept[:half] == pieces[:half]
    assert kept[half:] == pieces[len(pieces) - (len(kept) - half) :]


@pytest.mark.parametrize(
    ("asked", "masked"),
    [
        ("mail jo@example.org please", "mail ⟨email⟩ please"),
        ("mail ⟨email_2⟩ please", "mail ⟨email⟩ please"),
        ("my order ⟨order_number⟩ is late", "my order ⟨order_number⟩ is late"),
        ("I am ⟨name⟩", "i am ⟨name⟩"),
    ],
)
def test_what_was_masked_is_read_as_what_customers_type(asked: str, masked: str) -> None:
    reader = QuestionReader(PieceTokenizer.bytes_only(), SlotFinder())
    assert reader.form(asked) == f" {masked}"


@pytest.mark.parametrize("typed", ["⟨1⟩", "⟨weather⟩", "⟨", "⟨⟩", "<entry>", "⟨name", "⟨1⟩⟨name"])
def test_other_marks_are_text_like_any_other(typed: str) -> None:
    reader = QuestionReader(PieceTokenizer.bytes_only(), SlotFinder())
    assert not {"⟨", "⟩", "<", ">"} & set(reader.form(typed))
