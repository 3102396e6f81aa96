"""The linear model against the same ridge regression, solved densely."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.retrieval.linear import MOST_WEIGHTS, LinearModel, Vectoriser, fit_linear
from engine.text.features import mixed

torch.set_num_threads(1)

WORDS = ("refund", "open", "when", "delivery", "how", "money", "早上", "几点", "shop", "cost")
sentences = st.lists(st.sampled_from(WORDS), max_size=5).map(" ".join)
lessons = st.lists(st.tuples(sentences, st.integers(-1, 2)), min_size=1, max_size=8)

TEXTS = ["how do I get a refund", "money back please", "when are you open", "opening hours today", "the weather"]
PLACES = [0, 0, 1, 1, -1]


def densely(texts: list[str], places: list[int], *, classes: int, strength: float) -> tuple[Vectoriser, np.ndarray]:
    """Weights of every feature and class, from the dual problem (K + strength I) a = y."""
    vectoriser = Vectoriser.fit(texts)
    rows = np.zeros((len(texts), len(vectoriser.buckets)))
    for row, text in enumerate(texts):
        columns, weights = vectoriser.vector(text)
        rows[row, columns] = weights
    target = np.zeros((len(texts), classes))
    for row, place in enumerate(places):
        if place >= 0:
            target[row, place] = 1
    dual = np.linalg.solve(rows @ rows.T + strength * np.eye(len(texts)), target)
    return vectoriser, rows.T @ dual


@settings(deadline=None, max_examples=40)
@given(lessons, sentences, st.sampled_from([0.1, 0.5, 2.0]))
def test_conjugate_gradients_find_what_a_dense_solver_finds(
    lesson: list[tuple[str, int]], asked: str, strength: float
) -> None:
    texts, places = [text for text, _ in lesson], [place for _, place in lesson]
    model = fit_linear(texts, places, classes=3, strength=strength)
    vectoriser, weights = densely(texts, places, classes=3, strength=strength)
    assert model is not None
    assert model.classes == 3
    for text in [*texts, asked]:
        columns, values = vectoriser.vector(text)
        np.testing.assert_allclose(model.scores(text), values @ weights[columns], atol=5e-3)


@settings(deadline=None)
@given(st.lists(sentences, min_size=1, max_size=6), sentences)
def test_a_text_becomes_a_vector_of_length_one_over_what_is_known(texts: list[str], asked: str) -> None:
    vectoriser = Vectoriser.fit(texts)
    columns, weights = vectoriser.vector(asked)
    known = {bucket for text in texts for bucket in mixed(text)}
    assert {int(vectoriser.buckets[column]) for column in columns} == known & set(mixed(asked))
    assert float((weights**2).sum()) == pytest.approx(1.0 if len(columns) else 0.0, abs=1e-5)


def test_the_entry_of_a_taught_question_scores_best_and_one_of_none_scores_low() -> None:
    model = fit_linear(TEXTS, PLACES, classes=2)
    assert model is not None
    for text, place in zip(TEXTS[:4], PLACES, strict=False):
        assert model.scores(text).argmax() == place
    assert model.scores(TEXTS[4]).max() < 0.25


def test_a_text_of_unknown_words_scores_nothing() -> None:
    model = fit_linear(TEXTS, PLACES, classes=2)
    assert model is not None
    assert model.scores("").tolist() == [0.0, 0.0]
    assert model.scores("zzzz qqqq").tolist() == [0.0, 0.0]


def test_texts_without_a_single_word_can_be_taught() -> None:
    model = fit_linear(["???", "!!", ""], [0, 1, -1], classes=2)
    assert model is not None
    assert model.scores("anything").tolist() == [0.0, 0.0]


def test_more_weights_than_a_checkpoint_should_hold_are_none() -> None:
    features = len(Vectoriser.fit(TEXTS).buckets)
    assert fit_linear(TEXTS, PLACES, classes=MOST_WEIGHTS // features + 1) is None


def test_a_model_comes_back_from_its_arrays_as_it_was() -> None:
    model = fit_linear(TEXTS, PLACES, classes=2)
    assert model is not None
    back = LinearModel.from_arrays(model.arrays("linear"), "linear")
    for text in (*TEXTS, "when is the refund", ""):
        np.testing.assert_array_equal(back.scores(text), model.scores(text))
    arrays = model.arrays("linear")
    del arrays["linear.rarity"]
    with pytest.raises(KeyError, match=r"linear\.rarity"):
        LinearModel.from_arrays(arrays, "linear")
