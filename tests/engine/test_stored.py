"""Stored vectors: the nearest text of each entry, and what of too many texts is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.understand import stored
from engine.understand.stored import Stored, shared_out

counts_of_entries = st.lists(st.integers(1, 5), min_size=1, max_size=8)


def unit_vectors(count: int, seed: int, width: int = 4) -> np.ndarray:
    found = np.random.default_rng(seed).normal(size=(count, width)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@settings(deadline=None)
@given(counts_of_entries, st.integers(0, 3), st.integers(0, 99))
def test_the_cosine_of_an_entry_is_that_of_its_nearest_text(counts: list[int], asked: int, seed: int) -> None:
    vectors, questions = unit_vectors(sum(counts), seed), unit_vectors(asked, seed + 1)
    found = Stored.of(counts, vectors).nearest(questions)
    assert (found.shape, found.dtype) == ((asked, len(counts)), np.float32)
    owners = np.repeat(np.arange(len(counts)), counts)
    for row, question in zip(found, questions, strict=True):
        for entry, cosine in enumerate(row):
            assert cosine == pytest.approx(max(vectors[owners == entry] @ question), abs=1e-5)


def test_a_stored_text_is_nearest_to_its_own_entry() -> None:
    vectors = np.eye(4, dtype=np.float32)
    found = Stored.of([1, 2, 1], vectors).nearest(vectors)
    assert found.tolist() == [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]]


@settings(deadline=None)
@given(counts_of_entries, st.integers(0, 99))
def test_arrays_give_the_same_vectors_back(counts: list[int], seed: int) -> None:
    one = Stored.of(counts, unit_vectors(sum(counts), seed))
    again = Stored.from_arrays(one.arrays("questions"), "questions")
    assert again.starts.tolist() == one.starts.tolist()
    assert again.vectors.dtype == np.float32
    np.testing.assert_allclose(again.vectors, one.vectors, atol=1e-3)  # stored as halves


def test_several_lie_side_by_side_under_their_prefixes_and_a_missing_one_is_named() -> None:
    first, second = Stored.of([1], unit_vectors(1, 0)), Stored.of([2], unit_vectors(2, 1))
    arrays = first.arrays("questions") | second.arrays("answers")
    assert len(Stored.from_arrays(arrays, "answers").vectors) == 2
    with pytest.raises(KeyError, match=r"others\.vectors"):
        Stored.from_arrays(arrays, "others")


@given(st.lists(st.lists(st.just("text"), max_size=9), max_size=9), st.integers(1, 30))
def test_of_too_many_texts_every_entry_keeps_an_even_share(texts: list[list[str]], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored, "MOST_STORED", most)
        kept = shared_out(texts)
    share = max(1, most // max(1, len(texts)))
    assert [len(some) for some in kept] == [min(len(some), share) for some in texts]
    assert sum(map(len, kept)) <= max(most, len(texts))
    assert all(some == all_of_them[: len(some)] for some, all_of_them in zip(kept, texts, strict=True))
