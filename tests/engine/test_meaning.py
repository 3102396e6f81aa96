"""Finding entries by meaning: the nearest question, the nearest sentence of the answer, and words in no question."""

from __future__ import annotations

import numpy as np
import pytest
from parts import HOLIDAYS, HOURS, KNOWLEDGE, REFUND, DrawnEncoder, ThemeEncoder

from engine.base.base import BaseEncoder, shipped
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import TextEncoder
from engine.retrieval.meaning import Meaning
from engine.text.features import words
from engine.text.sentences import sentences
from engine.understand.slots import SlotFinder

THEMES = ThemeEncoder("refund money reimburse cash", "open opening hours", "closed shut holidays vacations")
SHOP = Knowledge(
    (
        Entry("money", "Yes.", ("How do I get a refund?", "I want my money back"), locale="en"),
        Entry("time", "From 9.", ("When are you open?", "What are your opening hours?"), locale="en"),
        Entry("login", "Reset it.", ("I forgot my password", "I cannot log in"), locale="en"),
        Entry("paying", "By card.", ("Can I pay by credit card?", "Which payment methods are there?"), locale="en"),
        Entry("zh-time", "九点。", ("几点开门", "你们的营业时间"), locale="zh"),
    )
)


def near(meaning: Meaning, text: str) -> tuple[np.ndarray, np.ndarray]:
    questions, answers = meaning.near(meaning.encoder.vectors([text]))
    return questions[0], answers[0]


@pytest.mark.parametrize("encoder", [THEMES, DrawnEncoder()])
def test_an_entry_is_as_near_as_its_nearest_question_and_the_nearest_sentence_of_its_answer(
    encoder: TextEncoder,
) -> None:
    meaning = Meaning.of(KNOWLEDGE, encoder)
    for text in ("reimburse my cash", "open on holidays", "退款", ""):
        (vector,) = encoder.vectors([text])
        questions, answers = near(meaning, text)
        assert questions.shape == answers.shape == (len(KNOWLEDGE),)
        for place, entry in enumerate(KNOWLEDGE):
            said = sentences(entry.answer) or [entry.answer]
            assert questions[place] == pytest.approx(max(encoder.vectors(entry.questions) @ vector), abs=1e-5)
            assert answers[place] == pytest.approx(max(encoder.vectors(said) @ vector), abs=1e-5)


def test_several_texts_are_looked_for_at_once() -> None:
    meaning = Meaning.of(KNOWLEDGE, THEMES)
    asked = ["reimburse my cash", "", "shut"]
    together = meaning.near(THEMES.vectors(asked))
    for row, text in enumerate(asked):
        for kind, alone in zip(together, near(meaning, text), strict=True):
            np.testing.assert_allclose(kind[row], alone, atol=1e-6)


def test_an_entry_without_questions_is_looked_for_by_its_answer() -> None:
    knowledge = Knowledge((HOURS, Entry("bare", "Your cash is reimbursed. Your cash, we say.", ())))
    questions, _ = near(Meaning.of(knowledge, ThemeEncoder("cash money", "open")), "money")
    assert int(questions.argmax()) == 1


def test_an_answer_without_any_sentence_is_taken_as_it_is() -> None:
    knowledge = Knowledge((Entry("smile", "🙂", ("smile",)), Entry("none", "", ("nothing",)), HOURS))
    _, answers = near(Meaning.of(knowledge, THEMES), "open")
    assert answers.shape == (3,)
    assert int(answers.argmax()) == 2


def test_of_a_long_answer_the_first_sentences_are_looked_at() -> None:
    told = "We sell boots. " * 30 + "Your cash is reimbursed."
    knowledge = Knowledge((Entry("long", told, ("boots",)), Entry("short", "Your cash is reimbursed.", ("cash",))))
    _, answers = near(Meaning.of(knowledge, ThemeEncoder("cash reimbursed", "boots")), "cash")
    assert float(answers[1]) > float(answers[0]) + 0.3


def test_of_very_many_questions_every_entry_keeps_some(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.understand.stored.MOST_STORED", 2)
    knowledge = Knowledge((REFUND, HOLIDAYS))
    arrays = Meaning.of(knowledge, THEMES).arrays()
    assert len(arrays["questions.vectors"]) == 2
    assert arrays["questions.starts"].tolist() == [0, 1]


@pytest.mark.parametrize("encoder", [THEMES, DrawnEncoder()])
def test_arrays_give_the_same_meaning_back_and_a_missing_one_is_named(encoder: TextEncoder) -> None:
    meaning = Meaning.of(KNOWLEDGE, encoder)
    arrays = meaning.arrays()
    again = Meaning.from_arrays(arrays, encoder)
    for text in ("money", "几点开门", ""):
        for one, other in zip(near(again, text), near(meaning, text), strict=True):
            np.testing.assert_allclose(one, other, atol=2e-3)  # stored as halves
    for name in arrays:
        with pytest.raises(KeyError, match=name.replace(".", r"\.")):
            Meaning.from_arrays({other: array for other, array in arrays.items() if other != name}, encoder)


PARAPHRASES = [
    ("reimburse the cost please", "money"),
    ("unable to sign into the account", "login"),
    ("does this shop close late today", "time"),
    ("do they take visa or paypal", "paying"),
]


def test_with_the_shipped_base_most_paraphrases_that_share_no_word_are_found() -> None:
    meaning = Meaning.of(SHOP, BaseEncoder(shipped(), SlotFinder()))
    found = []
    for text, entry in PARAPHRASES:
        assert not {*words(text)} & {word for question in SHOP[entry].questions for word in words(question)}
        questions, _ = near(meaning, text)
        found.append(SHOP.entries[int(questions.argmax())].id == entry)
    assert sum(found) > len(found) / 2


def test_with_the_shipped_base_a_stored_question_is_nearest_to_its_own_entry() -> None:
    meaning = Meaning.of(SHOP, BaseEncoder(shipped(), SlotFinder()))
    for question, place in SHOP.examples():
        questions, _ = near(meaning, question)
        assert int(questions.argmax()) == place
        assert float(questions[place]) == pytest.approx(1.0, abs=1e-4)
