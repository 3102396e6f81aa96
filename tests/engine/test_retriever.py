"""Lexical evidence: each kind says what its name says, and survives being stored."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import HOURS, KNOWLEDGE

from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Evidence, Reading
from engine.retrieval.lexical import LexicalIndex
from engine.retrieval.linear import fit_linear
from engine.retrieval.retriever import HybridRetriever
from engine.text.features import grams, words

WORDS = ("refund", "open", "when", "money", "closed", "holidays", "几点", "开门", "blue", "?")
sentences = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


def a_retriever(knowledge: Knowledge = KNOWLEDGE) -> HybridRetriever:
    texts, places = zip(*knowledge.examples(), strict=True)
    return HybridRetriever.build(knowledge, fit_linear(texts, places, classes=len(knowledge)))


def evidence(retriever: HybridRetriever, text: str) -> Evidence:
    return retriever.retrieve([Reading(text, "en")])[0]


def kinds(found: Evidence) -> dict[str, object]:
    return {field.name: getattr(found, field.name) for field in fields(found)}


RETRIEVER = a_retriever()


@settings(deadline=None)
@given(sentences)
def test_the_best_question_speaks_for_its_entry(text: str) -> None:
    found = evidence(RETRIEVER, text)
    questions = [question for entry in KNOWLEDGE for question in entry.questions]
    of_words = LexicalIndex.build(words(question) for question in questions).scores(words(text))
    of_grams = LexicalIndex.build(grams(question) for question in questions).scores(grams(text))
    np.testing.assert_allclose(found.questions, of_words + of_grams, atol=1e-6)
    for place in range(len(KNOWLEDGE)):
        own = [at for at, (_, whose) in enumerate(KNOWLEDGE.examples()) if whose == place]
        assert found.words[place] == pytest.approx(max(of_words[at] for at in own))
        assert found.grams[place] == pytest.approx(max(of_grams[at] for at in own))


@settings(deadline=None)
@given(sentences)
def test_every_kind_has_one_number_an_entry_and_keeps_its_range(text: str) -> None:
    found = evidence(RETRIEVER, text)
    assert 0 <= found.known <= 1
    assert found.questions.shape == (len(KNOWLEDGE.examples()),)
    for name, values in kinds(found).items():
        if name in ("known", "questions"):
            continue
        assert values.shape == (len(KNOWLEDGE),), name
        if name.startswith("covered"):
            assert all(0 <= value <= 1 + 1e-5 for value in values), name
        elif name != "linear":
            assert all(0 <= value <= 2.2 + 1e-5 for value in values), name


@settings(deadline=None)
@given(st.lists(sentences, max_size=4))
def test_evidence_comes_back_from_arrays_as_it_was(texts: list[str]) -> None:
    readings = [Reading(text, "en") for text in texts]
    back = HybridRetriever.from_arrays(KNOWLEDGE, RETRIEVER.arrays())
    for one, other in zip(RETRIEVER.retrieve(readings), back.retrieve(readings), strict=True):
        for name, values in kinds(one).items():
            np.testing.assert_array_equal(values, kinds(other)[name])


@pytest.mark.parametrize(("question", "place"), KNOWLEDGE.examples())
def test_the_very_words_of_a_question_find_its_entry(question: str, place: int) -> None:
    found = evidence(RETRIEVER, question)
    assert found.known == pytest.approx(1.0)
    assert int(found.words.argmax()) == int(found.grams.argmax()) == int(found.linear.argmax()) == place


def test_words_of_an_answer_are_found_as_such() -> None:
    found = evidence(RETRIEVER, "closed")
    assert KNOWLEDGE.entries[int(found.answers.argmax())].id == "holidays"
    assert found.words.max() == 0


def test_typing_errors_leave_the_grams() -> None:
    found = evidence(RETRIEVER, "holidaays")
    assert found.words.max() == 0
    assert KNOWLEDGE.entries[int(found.grams.argmax())].id == "holidays"


@pytest.mark.parametrize("text", ["", "???", "zzzz"])
def test_a_text_of_nothing_known_is_no_evidence(text: str) -> None:
    found = evidence(RETRIEVER, text)
    assert found.known == 0
    assert all(not np.any(values) for name, values in kinds(found).items() if name != "known")


def test_without_a_linear_model_its_evidence_is_zero() -> None:
    retriever = HybridRetriever.build(KNOWLEDGE, None)
    assert evidence(retriever, "refund").linear.tolist() == [0.0] * len(KNOWLEDGE)
    back = HybridRetriever.from_arrays(KNOWLEDGE, retriever.arrays())
    assert evidence(back, "refund").linear.tolist() == [0.0] * len(KNOWLEDGE)


def test_a_follow_up_is_also_heard_together_with_the_question_before() -> None:
    alone = evidence(RETRIEVER, "and on holidays")
    (leaning,) = RETRIEVER.retrieve([Reading("and on holidays", "en", HOURS, before="when are you open")])
    assert not alone.together.any()
    assert not alone.before.any()
    assert KNOWLEDGE.entries[int(leaning.before.argmax())].id == "hours"
    assert KNOWLEDGE.entries[int(leaning.together.argmax())].id in ("hours", "holidays")
    changed = {name for name, values in kinds(leaning).items() if not np.array_equal(values, kinds(alone)[name])}
    assert changed == {"together", "before"}


def test_answers_without_a_single_word_are_no_evidence_and_no_failure() -> None:
    knowledge = Knowledge((Entry("smile", "🙂", ("smile",)), Entry("wink", "😉", ("wink",))))
    found = evidence(a_retriever(knowledge), "wink")
    assert found.answers.tolist() == [0.0, 0.0]
    assert int(found.words.argmax()) == 1


def test_a_missing_index_is_named() -> None:
    arrays = RETRIEVER.arrays()
    del arrays["grams.weights"]
    with pytest.raises(KeyError, match=r"grams\.weights"):
        HybridRetriever.from_arrays(KNOWLEDGE, arrays)


def test_nothing_asked_is_nothing_found() -> None:
    assert RETRIEVER.retrieve([]) == []
