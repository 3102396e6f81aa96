"""Short questions that stand for entries: they tell them apart, fit on a button, and never read the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.choices import SHORT, choices, shortened, width
from engine.knowledge.entries import Entry
from engine.text.normalise import matching
from engine.training.data import read_training_data, sample_sources

LONG = "I bought a tent from you last spring and would now like to know in which way I could send it back to you"


def an_entry(name: str, *questions: str, answer: str = "So it is.") -> Entry:
    return Entry(name, answer, questions, locale="en")


def texts(*entries: Entry) -> list[str]:
    return [choice.text for choice in choices(entries)]


def test_the_first_question_stands_for_an_entry_where_it_is_short_and_tells_it_apart() -> None:
    refund = an_entry("refund", "How do I get a refund?", "refund", "refund please", "where is my refund")
    hours = an_entry("hours", "When are you open?", "open", "are you open today")
    assert texts(refund, hours) == ["How do I get a refund?", "When are you open?"]
    assert [choice.entry for choice in choices([refund, hours])] == ["refund", "hours"]


def test_a_long_first_question_gives_way_to_a_short_one() -> None:
    assert texts(an_entry("return", LONG, "How do I return a tent?", "return a tent")) == ["return a tent"]


def test_a_first_question_that_hardly_says_what_the_entry_is_about_gives_way_to_one_that_does() -> None:
    stolen = an_entry("stolen", "Any activity on my card today?", "My card was stolen", "card stolen!", "stolen card")
    arrival = an_entry("arrival", "When does my card arrive?", "card has not arrived", "card arrival")
    assert texts(stolen, arrival)[0] in {"My card was stolen", "card stolen!", "stolen card"}


def test_a_first_question_that_another_first_question_holds_gives_way_as_well() -> None:
    cost = an_entry("cost", "How much is delivery?", "delivery price", "price of delivery?")
    time = an_entry("time", "How long does delivery take?", "how long for delivery", "take long?")
    assert texts(cost, time) == ["delivery price", "How long does delivery take?"]
    assert texts(cost) == ["How much is delivery?"]


def test_words_that_both_entries_have_tell_nothing_apart() -> None:
    cost = an_entry("cost", "delivery", "How much is delivery?", "delivery price", "price of delivery")
    time = an_entry(
        "time", "delivery", "How long does delivery take?", "how long will delivery take", "delivery, long?"
    )
    found = texts(cost, time)
    assert all("price" in text or "much" in text for text in found[:1])
    assert "long" in found[1]


def test_a_typing_error_or_a_place_is_not_what_an_entry_is_about() -> None:
    entry = an_entry("cost", "delivery prise", "delivery price Leeds", "delivery price", "price of delivery?")
    assert texts(entry, an_entry("hours", "When are you open?"))[0] == "delivery price"


def test_two_entries_with_the_same_question_are_told_apart_by_their_answers() -> None:
    one = an_entry("one", "Where is the shop?", answer="In Leeds.")
    two = an_entry("two", "where is the shop?", answer="In York, which is a long way from here, by the river.")
    three = an_entry("three", "Where is the shop?", answer="In York, which is a long way from here, by the sea.")
    assert texts(one, two, three) == [
        "Where is the shop?",
        "where is the shop? (In York, which is a long way…)",
        "Where is the shop? (three)",
    ]


def test_slots_of_an_answer_that_tells_two_apart_are_filled_with_their_defaults() -> None:
    entries = an_entry("one", "Hello"), an_entry("two", "Hello", answer="Dear {name|friend}!")
    assert texts(*entries)[1] == "Hello (Dear friend!)"


def test_chinese_is_as_wide_as_it_looks() -> None:
    assert (width("退货？"), width("abc"), width("退a")) == (6, 3, 3)
    long = "我上周在你们网站给男朋友买了一个四十五升的背包，想问下最晚什么时候可以退货"
    assert texts(an_entry("zh", long, "最晚什么时候可以退货")) == ["最晚什么时候可以退货"]


def test_any_entries_of_the_sample_read_differently_and_nearly_always_shortly() -> None:
    entries = read_training_data(sample_sources()).knowledge.entries
    found = [choice.text for at in range(0, len(entries), 4) for choice in choices(entries[at : at + 4])]
    assert all(width(text) <= SHORT for text in found)
    assert texts(*entries) == texts(*entries)
    assert len({matching(text) for text in texts(*entries)}) == len(entries)


questions = st.lists(st.sampled_from(["Where?", "where?", "退货", "refund", "", LONG]), min_size=1, max_size=3)


@given(st.lists(st.tuples(questions, st.sampled_from(["", "x", "y" * 90])), max_size=5))
def test_no_two_choices_read_the_same(made: list[tuple[list[str], str]]) -> None:
    entries = [an_entry(f"e{number}", *own, answer=answer) for number, (own, answer) in enumerate(made)]
    found = [matching(text) for text in texts(*entries)]
    assert len(set(found)) == len(entries)


@given(st.text(), st.integers(1, 40))
def test_what_is_shortened_fits_and_begins_as_it_did(text: str, columns: int) -> None:
    short = shortened(text, columns)
    line = " ".join(text.split())
    assert width(short) <= columns or short == "…"
    assert short == line or (short.endswith("…") and line.startswith(short[:-1]))


@pytest.mark.parametrize(("text", "short"), [("a  b\nc", "a b c"), ("0123456789", "0123456…"), ("退货退货", "退货退…")])
def test_a_text_is_cut_to_its_columns(text: str, short: str) -> None:
    assert shortened(text, 8 if "0" in text else 7) == short
