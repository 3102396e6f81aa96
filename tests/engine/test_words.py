"""Questions as words and n-grams: languages, values, typing errors, and texts that nobody would write."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.understand import words as reading
from engine.understand.slots import SlotFinder
from engine.understand.words import LONGEST_QUESTION, NGRAM_ROWS, PADDING, UNKNOWN, ReadWord, WordReader, together

SLOTS = SlotFinder()
TAUGHT = (
    "When are you open?",
    "when do you close",
    "Where is my delivery?",
    "delivery to Ireland",
    "几点开门",
    "几点关门",
)
READER = WordReader.train(TAUGHT, SLOTS)


def shown(text: str, reader: WordReader = READER) -> list[str]:
    """The words of a text, each of which has a row."""
    found = reader.split(text)
    assert {rows for _, rows in found} == {1}
    return [word for word, _ in found]


any_text = st.text(max_size=80) | st.text("abc 你好,.@-1 🙂", max_size=200)
read_words = st.builds(ReadWord, st.integers(1, 9), st.lists(st.integers(1, 99), max_size=4).map(tuple))
read_texts = st.lists(st.lists(read_words, min_size=1, max_size=6), min_size=1, max_size=5)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("When ARE  you open?", ["when", "are", "you", "open"]),
        ("几点开门？", ["几", "点", "开", "门"]),
        ("可以用PayPal付款吗", ["可", "以", "用", "paypal", "付", "款", "吗"]),
        ("ＦＵＬＬ width, naïve café", ["full", "width", "naïve", "café"]),
        ("3.50 a piece", ["3", "50", "a", "piece"]),
        ("my order FW-482913", ["my", "order", "order", "number"]),
        ("write to ada@example.com", ["write", "to", "email"]),
        ("", [""]),
        (" \n\t", [""]),
        ("?!… 🙂👍", [""]),
        ("\udcff\x00", [""]),
    ],
)
def test_a_text_is_read_as_these_words(text: str, words: list[str]) -> None:
    assert shown(text) == words
    assert len(READER.read(text)) == len(words)


def test_words_that_occur_twice_are_known_the_most_frequent_first() -> None:
    reader = WordReader.train(["b a c", "a b", "a d"], SLOTS)
    assert reader.known == ("a", "b")
    assert [word.row for word in reader.read("a b c a")] == [2, 3, UNKNOWN, 2]
    assert [reader.knows(word) for word in "abc"] == [True, True, False]
    assert reader.size == 4  # padding and unknown have rows as well


def test_characters_of_chinese_are_words_too() -> None:
    assert {"几", "点", "门"} <= set(READER.known)
    assert not {"开", "关"} & set(READER.known)


def test_no_more_words_than_the_bound_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_MOST_WORDS", 3)
    assert WordReader.train(["a b c d e", "e d c b a", "a b", "a"], SLOTS).known == ("a", "b", "c")


def test_nothing_to_train_on_leaves_every_word_unknown() -> None:
    reader = WordReader.train([], SLOTS)
    assert (reader.known, reader.size) == ((), 2)
    assert [word.row for word in reader.read("when")] == [UNKNOWN]


def test_the_known_words_alone_make_the_same_reader_again() -> None:
    again = WordReader(READER.known, SLOTS)
    for text in (*TAUGHT, "something else 你好"):
        assert again.read(text) == READER.read(text)


def shared(first: str, second: str) -> float:
    """The share of n-grams that two words have in common."""
    (one,), (other,) = READER.read(first), READER.read(second)
    return len({*one.grams} & {*other.grams}) / len({*one.grams} | {*other.grams})


@pytest.mark.parametrize(
    ("wrong", "right"), [("delivrey", "delivery"), ("delivey", "delivery"), ("openn", "open"), ("pasword", "password")]
)
def test_a_word_with_a_typing_error_shares_ngrams_with_the_word_that_was_meant(wrong: str, right: str) -> None:
    others = {"delivery", "open", "password", "ireland"} - {right}
    assert shared(wrong, right) > 0.1
    assert shared(wrong, right) > 3 * max(shared(wrong, other) for other in others)


def test_a_chinese_character_shares_ngrams_where_its_neighbours_are_the_same() -> None:
    first, second = READER.read("几点开门"), READER.read("几点关门")
    overlap = [len({*one.grams} & {*other.grams}) for one, other in zip(first, second, strict=True)]
    assert overlap[0] == len(set(first[0].grams))  # both stand at the beginning, before the same character
    assert overlap[2] < overlap[1] < overlap[0]


def test_other_values_of_one_kind_read_alike() -> None:
    assert READER.read("where is order FW-482913") == READER.read("where is order AB-1234")
    assert READER.read("I am ada@example.com") == READER.read("I am bob@shop.example")
    assert READER.read("it cost £5") != READER.read("it cost £9")  # an amount may be what the question is about


def test_values_of_the_shops_own_pattern_are_masked_as_well() -> None:
    reader = WordReader((), SlotFinder({"order_number": r"BOX\d+"}))
    assert shown("where is BOX77", reader) == ["where", "is", "order", "number"]


@pytest.mark.parametrize(
    "text",
    ["a" * 100_000, "word " * 20_000, "退款" * 50_000, "a@" * 50_000, "1-" * 50_000, "🙂" * 100_000, "\n" * 99_999],
)
def test_a_hundred_thousand_characters_are_read_within_bounds(text: str) -> None:
    found = READER.read(text)
    assert 1 <= len(found) <= LONGEST_QUESTION
    assert sum(len(word.grams) for word in found) < 20_000


def test_of_a_long_text_the_beginning_and_the_end_are_read() -> None:
    words = shown(" ".join(f"w{number}" for number in range(500)))
    assert len(words) == LONGEST_QUESTION
    assert (words[:2], words[-2:]) == (["w0", "w1"], ["w498", "w499"])
    just = " ".join(f"w{number}" for number in range(LONGEST_QUESTION))
    assert shown(just) == just.split()


@settings(deadline=None)
@given(any_text)
def test_every_text_has_a_word_and_every_row_exists(text: str) -> None:
    found = READER.read(text)
    assert 1 <= len(found) <= LONGEST_QUESTION
    assert all(UNKNOWN <= word.row < READER.size for word in found)
    assert all(PADDING < row < NGRAM_ROWS for word in found for row in word.grams)
    assert found == READER.read(text)


@settings(deadline=None)
@given(read_texts)
def test_texts_put_together_can_be_told_apart_again(texts: list[list[ReadWord]]) -> None:
    batch = together(texts)
    size = max(map(len, texts))
    assert batch.words.shape == (len(texts), size)
    assert batch.lengths.tolist() == [len(text) for text in texts]
    bags = np.split(batch.grams, batch.starts[1:])
    assert len(bags) == len(texts) * size
    for row, text in enumerate(texts):
        for place in range(size):
            bag = tuple(bags[row * size + place].tolist())
            if place < len(text):
                assert batch.words[row, place] == text[place].row
                assert bag == (text[place].grams or (PADDING,))
            else:
                assert (batch.words[row, place], bag) == (PADDING, (PADDING,))
