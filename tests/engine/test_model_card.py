"""What is known of a model comes back as it was written, and anything else is refused with a reason."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.models.card import KINDS, Card, CardError, card_from_text, card_of, figures

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
moments = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)
cards = st.builds(
    Card,
    words,
    moments,
    st.sampled_from(KINDS),
    words,
    words,
    st.dictionaries(words, plain, max_size=3),
    st.none() | moments,
    st.booleans(),
    words,
)


@given(cards)
def test_a_card_comes_back_as_it_was_written(card: Card) -> None:
    assert card_from_text(card.to_text()) == card


@given(st.text() | plain.map(json.dumps))
def test_anything_else_is_refused_and_nothing_but_that(text: str) -> None:
    with pytest.raises(CardError):
        card_from_text(text)


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"created": "yesterday"},
        {"created": "2026-03-01T12:00:00"},
        {"created": 5},
        {"kind": "bought"},
        {"metrics": []},
        {"note": None},
        {"promoted_at": "x"},
    ],
    ids=str,
)
def test_a_card_with_one_wrong_field_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(CardError):
        card_from_text(json.dumps(Card("a", NOON).to_json() | change))


@pytest.mark.parametrize("name", [name for name in Card("a", NOON).to_json() if name != "format"])
def test_a_card_without_a_field_names_it(name: str) -> None:
    data = Card("a", NOON).to_json()
    del data[name]
    with pytest.raises(CardError, match=f"'{name}' is missing"):
        card_from_text(json.dumps(data))


def test_a_model_without_a_card_gets_one_from_its_manifest() -> None:
    whole = {"questions": 9, "answered": 5, "wrong": 1, "name": "all"}
    facts = {"knowledge": "abc", "training": {"report": {"whole": whole, "aurc": 0.1, "curve": []}}}
    card = card_of("f" * 32, facts, NOON)
    assert (card.data, card.created) == ("abc", NOON)
    assert card.metrics == {"held_out": {"questions": 9, "answered": 5, "wrong": 1, "aurc": 0.1}}


@pytest.mark.parametrize(
    "facts", [{}, {"training": 3}, {"training": {"report": []}}, {"training": {"report": {"whole": 1}}}]
)
def test_a_manifest_that_says_nothing_gives_no_figures(facts: dict[str, object]) -> None:
    assert figures(facts) == {}
