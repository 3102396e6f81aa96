"""Replies as plain data: there and back, and what happens to data that are not replies."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Candidate, Choice, ConversationKey, Grade, Mark, Provenance, Reply, Source
from storage.errors import Damaged
from storage.rows import dumps, idempotency_key, loads, reply_from_json, reply_to_json, safe, storable

REPLY = Reply(
    "within 14 days",
    Provenance(Source.CLARIFY, "refund", "two entries are close", Grade.NEAR_MISS, frozenset([Mark.CHOICE, Mark.SLIP])),
    0.5,
    entry="refund",
    choices=(Choice("refund", "How do I get my money back?"),),
    candidates=(Candidate("refund", "How do I get my money back?", 0.5),),
)

words = st.text(st.characters(exclude_categories=(), codec=None))
replies = st.builds(
    Reply,
    words,
    st.builds(
        Provenance,
        st.sampled_from(Source),
        words,
        words,
        st.none() | st.sampled_from(Grade),
        st.frozensets(st.sampled_from(Mark)),
    ),
    st.floats(allow_nan=False, allow_infinity=False),
    st.none() | words,
    st.lists(st.builds(Choice, words, words), max_size=3).map(tuple),
    st.lists(st.builds(Candidate, words, words, st.floats(0, 1)), max_size=3).map(tuple),
    st.booleans(),
)
plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=8,
)


@given(replies)
def test_a_reply_survives_its_text_form_up_to_unstorable_characters(reply: Reply) -> None:
    text = dumps(reply_to_json(reply))
    text.encode("utf-8")
    again = reply_from_json(loads(text))
    assert again.text == safe(reply.text)
    assert (again.provenance.source, again.confidence, again.handoff) == (
        reply.provenance.source,
        reply.confidence,
        reply.handoff,
    )
    assert (again.provenance.grade, again.provenance.marks) == (reply.provenance.grade, reply.provenance.marks)
    assert reply_from_json(reply_to_json(again)) == again


def test_a_reply_of_ordinary_text_comes_back_equal() -> None:
    assert reply_from_json(json.loads(dumps(reply_to_json(REPLY)))) == REPLY


def test_a_reply_from_before_there_were_grades_and_marks_has_none() -> None:
    data = {name: value for name, value in reply_to_json(REPLY).items() if name not in ("grade", "marks")}
    origin = reply_from_json(data).provenance
    assert (origin.source, origin.grade, origin.marks) == (Source.CLARIFY, None, frozenset())


@given(words)
def test_safe_text_keeps_its_length_and_can_be_encoded(text: str) -> None:
    kept = safe(text)
    kept.encode("utf-8")
    assert "\0" not in kept
    assert len(kept) == len(text)
    assert safe(kept) == kept


@given(plain)
def test_storable_data_can_be_written_and_read(data: Any) -> None:
    kept = storable(data)
    assert loads(dumps(kept).encode("utf-8")) == kept
    assert storable(kept) == kept


@given(plain)
def test_data_that_are_not_a_reply_raise_only_damaged(data: Any) -> None:
    with pytest.raises(Damaged, match="a stored reply"):
        reply_from_json(data)


@given(st.sampled_from(sorted(reply_to_json(REPLY))), plain)
def test_a_reply_with_one_wrong_field_is_read_or_damaged(name: str, value: Any) -> None:
    try:
        reply = reply_from_json({**reply_to_json(REPLY), name: value})
    except Damaged:
        return
    written = reply_to_json(reply)  # this is what makes text safe
    assert reply_to_json(reply_from_json(written)) == written


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "of format 2, expected 1"),
        ({"text": 5}, "5 stands where text was expected"),
        ({"source": "dreamt"}, "'dreamt' is not a valid Source"),
        ({"grade": "dreamt"}, "'dreamt' is not a valid Grade"),
        ({"marks": ["dreamt"]}, "'dreamt' is not a valid Mark"),
        ({"marks": 5}, "not iterable"),
        ({"confidence": "high"}, "'high' stands where a finite number"),
        ({"confidence": True}, "True stands where a finite number"),
        ({"handoff": "no"}, "'no' stands where true or false"),
        ({"choices": [{"entry": "a"}]}, "'text' is missing"),
        ({"candidates": 3}, "not iterable"),
    ],
)
def test_damage_is_said_in_words(change: dict[str, Any], says: str) -> None:
    with pytest.raises(Damaged, match=says):
        reply_from_json({**reply_to_json(REPLY), **change})


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "nul\0", b"\xff"])
def test_text_that_is_not_json_reads_as_nothing(text: str | bytes) -> None:
    assert loads(text) is None


@given(words, words, words, words)
def test_idempotency_keys_differ_and_fit_a_header(thread: str, message: str, thread2: str, message2: str) -> None:
    one = idempotency_key(ConversationKey("shop", thread), message)
    two = idempotency_key(ConversationKey("shop", thread2), message2)
    assert (one == two) == ((thread, message) == (thread2, message2))
    assert len(one) == 64
    assert one.isalnum()
    assert one.isascii()
