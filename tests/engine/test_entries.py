"""Entries and the knowledge that they form."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.knowledge.entries import Entry, Knowledge

REFUND = Entry("refund", "Within 14 days.", ("money back?", "refund"), "refund", "en", ("money",))
SHIPPING = Entry("shipping", "It costs £3.95.", ("shipping cost",), "shipping", "en")
ZH = Entry("zh-refund", "14天内。", ("怎么退货？",), "refund", "zh")
KNOWLEDGE = Knowledge((REFUND, SHIPPING, ZH))

texts = st.text(max_size=12)
entries = st.builds(
    Entry, texts, texts, st.lists(texts, max_size=3).map(tuple), texts, texts, st.lists(texts, max_size=3).map(tuple)
)
many = st.lists(entries, max_size=6, unique_by=lambda entry: entry.id)


@given(entries)
def test_an_entry_survives_its_json_form(entry: Entry) -> None:
    assert Entry.from_json(json.loads(json.dumps(entry.to_json()))) == entry


@pytest.mark.parametrize("field", ["id", "answer", "questions", "intent", "locale", "tags"])
def test_an_entry_with_a_missing_field_is_refused(field: str) -> None:
    data = REFUND.to_json()
    del data[field]
    with pytest.raises(KeyError):
        Entry.from_json(data)


@pytest.mark.parametrize("field", ["questions", "tags"])
def test_an_entry_with_a_number_for_a_list_is_refused(field: str) -> None:
    with pytest.raises(TypeError):
        Entry.from_json({**REFUND.to_json(), field: 5})


def test_entries_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        REFUND.answer = "Never."  # type: ignore[misc]  # the point of the test


def test_ids_are_unique() -> None:
    with pytest.raises(ValueError, match="unique"):
        Knowledge((REFUND, REFUND))


@given(many)
def test_every_entry_is_found_by_its_id_and_its_place(listed: list[Entry]) -> None:
    knowledge = Knowledge(tuple(listed))
    assert len(knowledge) == len(listed)
    assert list(knowledge) == listed
    for place, entry in enumerate(listed):
        assert knowledge[entry.id] == entry
        assert knowledge.place(entry.id) == place
        assert entry.id in knowledge


def test_an_unknown_id_is_a_key_error() -> None:
    assert "unknown" not in KNOWLEDGE
    with pytest.raises(KeyError):
        KNOWLEDGE["unknown"]
    with pytest.raises(KeyError):
        KNOWLEDGE.place("unknown")


def test_examples_are_all_questions_with_the_place_of_their_entry() -> None:
    assert KNOWLEDGE.examples() == [("money back?", 0), ("refund", 0), ("shipping cost", 1), ("怎么退货？", 2)]


def test_locales_come_most_frequent_first() -> None:
    assert Knowledge((ZH, REFUND, SHIPPING)).locales == ("en", "zh")
    assert Knowledge((ZH, REFUND)).locales == ("zh", "en")
    assert Knowledge(()).locales == ()


@pytest.mark.parametrize(
    "change",
    [
        {"id": "refunds"}, {"answer": "Within 14 days!"}, {"questions": ("refund", "money back?")},
        {"intent": "x"}, {"locale": "de"}, {"tags": ()},
    ],
    ids=lambda change: next(iter(change)),
)  # fmt: skip
def test_the_fingerprint_changes_with_any_text(change: dict) -> None:
    changed = Knowledge((replace(REFUND, **change), SHIPPING, ZH))
    assert changed.fingerprint() != KNOWLEDGE.fingerprint()


@given(many)
def test_the_fingerprint_is_the_same_for_equal_knowledge(listed: list[Entry]) -> None:
    assert Knowledge(tuple(listed)).fingerprint() == Knowledge(tuple(listed)).fingerprint()


@given(many, many)
def test_merging_replaces_entries_of_the_same_id_and_keeps_the_rest(old: list[Entry], new: list[Entry]) -> None:
    merged = Knowledge(tuple(old)).merged(new)
    assert {entry.id for entry in merged} == {entry.id for entry in (*old, *new)}
    assert all(merged[entry.id] == entry for entry in new)
    replaced = {entry.id for entry in new}
    assert all(merged[entry.id] == entry for entry in old if entry.id not in replaced)
    assert [entry.id for entry in merged][: len(old)] == [entry.id for entry in old]


def test_a_knowledge_comes_back_from_plain_data_with_its_unanswered_questions() -> None:
    knowledge = Knowledge((REFUND, ZH), ("do you sell skis",))
    again = Knowledge.from_json(knowledge.to_json())
    assert again == knowledge
    assert again.fingerprint() == knowledge.fingerprint() != Knowledge((REFUND, ZH)).fingerprint()
