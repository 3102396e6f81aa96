"""Pieces: every text has them, and they give back what was encoded."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from engine.errors import CheckpointError
from engine.text.tokenise import (
    BEGIN,
    CUSTOMER,
    END,
    MARKS,
    PAD,
    SLOT_MARKS,
    VALUE_MARKS,
    PieceTokenizer,
    without_marks,
)

TAUGHT = (
    "Where is my order?", "My order has not arrived.", "Delivery costs ⟨1⟩ and takes ⟨2⟩ days, ⟨name⟩.",
    "How do I return an order?", "怎么退货？", "退货运费是多少？", "You can return an order within ⟨1⟩ days.",
) * 3  # fmt: skip
TRAINED = PieceTokenizer.train(TAUGHT, size=500)
BYTES = PieceTokenizer.bytes_only()
both = pytest.mark.parametrize("tokenizer", [TRAINED, BYTES], ids=["trained", "bytes"])

mixed = st.lists(
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"))
    | st.text("的退货订单运费，。？！一二三", min_size=1)
    | st.sampled_from(
        ["👍", "👩🏽‍🚒", "🇬🇧", "e\u0301", "q\u0323\u0307", "नमस्ते", "  ", "\n\n", "\u3000", "£3.95", *TAUGHT]
    )
    | st.sampled_from([*VALUE_MARKS, *SLOT_MARKS]),
    max_size=6,
).map("".join)
placeholders = st.sampled_from([*VALUE_MARKS, *SLOT_MARKS])


@both
@given(text=mixed)
@example(text="⟨1⟩⟨1⟩ ⟨name⟩⟨25⟩⟨⟩⟨")
@example(text="⟨ 1⟩ ⟨1 ⟩ <s ></ s>")
def test_decoding_gives_back_what_was_encoded(tokenizer: PieceTokenizer, text: str) -> None:
    assume(not any(mark in text for mark in MARKS))
    assert tokenizer.decode(tokenizer.encode(text)) == text


@both
@given(text=st.text("0123456789 .,-£/:年月日①٣３x", max_size=40))
def test_no_digit_is_lost_or_added(tokenizer: PieceTokenizer, text: str) -> None:
    digits = [sign for sign in tokenizer.decode(tokenizer.encode(text)) if sign.isdigit()]
    assert digits == [sign for sign in text if sign.isdigit()]


@both
@given(before=mixed, placeholder=placeholders, after=mixed)
def test_a_placeholder_is_one_piece_wherever_it_stands(
    tokenizer: PieceTokenizer, before: str, placeholder: str, after: str
) -> None:
    pieces = tokenizer.encode(before + placeholder + after)
    text = before + placeholder + after
    expected = sum(text.count(mark) for mark in (*VALUE_MARKS, *SLOT_MARKS))
    assert sum(tokenizer.is_placeholder(piece) for piece in pieces) == expected
    assert tokenizer.number(placeholder) in pieces


@both
@given(texts=st.lists(mixed, max_size=4))
def test_many_texts_have_the_pieces_of_each(tokenizer: PieceTokenizer, texts: list[str]) -> None:
    assert tokenizer.encode_all(texts) == [tokenizer.encode(text) for text in texts]


@both
@given(text=mixed)
def test_every_piece_has_a_number_below_the_size(tokenizer: PieceTokenizer, text: str) -> None:
    assert all(0 <= piece < tokenizer.size for piece in tokenizer.encode(text))


@pytest.fixture(scope="module")
def read_back(tmp_path_factory: pytest.TempPathFactory) -> PieceTokenizer:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    path.write_text(TRAINED.to_json(), "utf-8")
    return PieceTokenizer.load(path)


@given(text=mixed)
def test_a_tokenizer_read_back_from_its_file_encodes_the_same(read_back: PieceTokenizer, text: str) -> None:
    assert read_back.encode(text) == TRAINED.encode(text)


@both
def test_marks_stand_at_the_beginning_in_their_order(tokenizer: PieceTokenizer) -> None:
    marks = [*MARKS, *VALUE_MARKS, *SLOT_MARKS]
    assert [tokenizer.number(mark) for mark in marks] == list(range(len(marks)))
    assert [tokenizer.piece(number) for number in range(len(marks))] == marks


def test_marks_are_left_out_when_decoding_and_placeholders_kept() -> None:
    pieces = TRAINED.encode(f"{BEGIN}{CUSTOMER}Hello, ⟨name⟩: ⟨2⟩{END}{PAD}")
    assert pieces[0] == TRAINED.begin
    assert TRAINED.decode(pieces) == "Hello, ⟨name⟩: ⟨2⟩"


@given(st.lists(st.integers(0, TRAINED.size - 1), max_size=30))
def test_any_pieces_can_be_decoded(pieces: list[int]) -> None:
    TRAINED.decode(pieces).encode("utf-8")


def test_training_finds_words_and_the_bytes_are_always_known() -> None:
    assert len(TRAINED.encode(" order")) == 1
    assert len(BYTES.encode(" order")) == len(" order")
    assert len(TRAINED.encode("☃")) == len("☃".encode())
    assert BYTES.size == 256 + len(MARKS) + len(VALUE_MARKS) + len(SLOT_MARKS)


def test_training_keeps_to_the_size() -> None:
    assert PieceTokenizer.train(TAUGHT, size=310).size <= 310


def test_a_mark_that_does_not_exist_has_no_number() -> None:
    with pytest.raises(KeyError):
        TRAINED.number("⟨25⟩")


@given(st.text())
def test_what_customers_type_can_not_be_a_mark(text: str) -> None:
    typed = without_marks(f"{text}<s>⟨1⟩{text}")
    pieces = TRAINED.encode(typed)
    assert len(typed) == len(f"{text}<s>⟨1⟩{text}")
    assert not any(piece < len(MARKS) or TRAINED.is_placeholder(piece) for piece in pieces)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b"[1, 2", b'{"model": 5}'])
def test_a_damaged_file_is_not_a_tokenizer(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="not a tokenizer"):
        PieceTokenizer.load(path)


def test_a_missing_file_is_not_a_tokenizer(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a tokenizer"):
        PieceTokenizer.load(tmp_path / "nothing.json")


def test_a_tokenizer_without_our_marks_is_foreign(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(BYTES.to_json().replace("⟨amount⟩", "⟨weight⟩"), "utf-8")
    with pytest.raises(CheckpointError, match="it lacks ⟨amount⟩"):
        PieceTokenizer.load(path)
