"""Evidence of retrieval: each kind says what its name says, for a short list, and survives being stored."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import HOLIDAYS, HOURS, KNOWLEDGE, REFUND, EvenUnderstander, ThemeEncoder
from rapidfuzz import fuzz

from engine import checkpoint
from engine.errors import CheckpointError
from engine.knowledge.entries import Entry, Knowledge
from engine.ports import Evidence, Reading, TextEncoder, Understanding
from engine.retrieval.index import QuestionIndex
from engine.retrieval.kernel import fit_kernel
from engine.retrieval.retriever import SHORTLIST, HybridRetriever
from engine.retrieval.segment import Item
from engine.text.normalise import matching

WORDS = ("refund", "open", "when", "money", "closed", "holidays", "几点", "开门", "blue", "?")
sentences = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)
NOTHING = Understanding(np.zeros(0, np.float32), -1.0, np.ones(1, np.float32))


THEMES = ThemeEncoder("refund money reimburse cash", "open opening hours", "closed shut holidays vacations")


def a_retriever(knowledge: Knowledge = KNOWLEDGE, encoder: TextEncoder | None = None) -> HybridRetriever:
    texts, places = zip(*knowledge.examples(), strict=True)
    kernel = fit_kernel(texts, places, classes=len(knowledge), counted=texts, encoder=encoder)
    return HybridRetriever.build(knowledge, kernel, encoder)


def evidence(
    retriever: HybridRetriever, reading: Reading | str, understanding: Understanding | None = None
) -> Evidence:
    """The evidence, where nothing else is said with an understanding that finds all entries alike."""
    asked = Reading(reading, "en") if isinstance(reading, str) else reading
    even = EvenUnderstander(len(KNOWLEDGE)).understand([asked])[0]
    return retriever.retrieve([asked], [understanding or even])[0]


def kinds(found: Evidence) -> dict[str, object]:
    return {field.name: getattr(found, field.name) for field in fields(found)}


def best(found: Evidence, kind: str) -> str:
    """The id of the entry that a kind of evidence puts first."""
    return KNOWLEDGE.entries[int(found.places[getattr(found, kind).argmax()])].id


def without_kernel(entries: int) -> Knowledge:
    return Knowledge(tuple(Entry(f"e{n}", f"answer {n}", (f"question number {n}",)) for n in range(entries)))


RETRIEVER = a_retriever()


@settings(deadline=None)
@given(sentences)
def test_every_kind_has_one_number_an_entry_and_keeps_its_range(text: str) -> None:
    found = evidence(RETRIEVER, text)
    assert found.places.tolist() == list(range(len(KNOWLEDGE)))
    assert 0 <= found.known <= 1
    for name, values in kinds(found).items():
        if name in ("known", "places"):
            continue
        assert values.shape == found.places.shape, name
        if name.startswith(("covered", "fuzzy")):
            assert all(0 <= value <= 1 + 1e-5 for value in values), name
        elif not name.startswith(("linear", "meaning")):
            assert all(0 <= value <= 2.2 + 1e-5 for value in values), name


@settings(deadline=None)
@given(sentences)
def test_fuzzy_evidence_is_that_of_the_nearest_question(text: str) -> None:
    found = evidence(RETRIEVER, text)
    for entry, similarity in zip(KNOWLEDGE, found.fuzzy, strict=True):
        ratios = [fuzz.ratio(matching(text), matching(question)) / 100 for question in entry.questions]
        assert similarity == pytest.approx(max(ratios), abs=1e-6)


@pytest.mark.parametrize(("question", "place"), KNOWLEDGE.examples())
def test_the_very_words_of_a_question_find_its_entry(question: str, place: int) -> None:
    found = evidence(RETRIEVER, question)
    assert found.known == pytest.approx(1.0)
    for kind in ("words", "grams", "linear", "fuzzy"):
        assert best(found, kind) == KNOWLEDGE.entries[place].id


def test_words_of_an_answer_are_found_as_such() -> None:
    found = evidence(RETRIEVER, "closed")
    assert best(found, "answers") == "holidays"
    assert found.words.max() == 0


def test_typing_errors_leave_the_grams() -> None:
    found = evidence(RETRIEVER, "holidaays")
    assert found.words.max() == 0
    assert best(found, "grams") == "holidays"


@pytest.mark.parametrize("text", ["", "???", "zzzz"])
def test_a_text_of_nothing_known_is_no_lexical_evidence(text: str) -> None:
    found = evidence(RETRIEVER, text)
    assert found.known == 0
    apart = ("known", "places", "fuzzy", "fuzzy_set")
    assert all(not np.any(values) for name, values in kinds(found).items() if name not in apart)


def test_the_short_list_is_who_is_among_the_best_by_any_evidence() -> None:
    knowledge = without_kernel(60)
    heard = replace(NOTHING, log_probabilities=np.linspace(0, -30, 60).astype(np.float32))
    found = evidence(HybridRetriever.build(knowledge, None), "question number 59", heard)
    assert set(range(SHORTLIST)) < set(found.places.tolist())
    assert 59 in found.places
    assert SHORTLIST < len(found.places) <= 2 * SHORTLIST


def test_what_only_the_kernel_model_finds_comes_on_the_short_list() -> None:
    class Model:
        def scores(self, text: str, vector: np.ndarray) -> np.ndarray:
            del text, vector
            return (np.arange(60) == 41).astype(np.float32)

    retriever = HybridRetriever(
        without_kernel(60), QuestionIndex.build([Item(n, (f"number {n}",)) for n in range(60)]), Model()
    )
    found = evidence(retriever, "nothing of this", NOTHING)
    assert found.linear[found.places.tolist().index(41)] == 1.0


def test_an_understanding_may_know_fewer_entries_than_there_are() -> None:
    knowledge = without_kernel(30)
    heard = replace(NOTHING, log_probabilities=np.asarray([-5.0, -1.0], np.float32))
    found = evidence(HybridRetriever.build(knowledge, None), "question number 29", heard)
    assert {0, 1, 29} <= set(found.places.tolist())


def test_where_nothing_at_all_is_found_there_is_still_an_entry_to_decline() -> None:
    found = evidence(HybridRetriever.build(without_kernel(3), None), "退货", NOTHING)
    assert found.places.tolist() == [0]
    assert not found.words.any()


def test_entries_that_were_removed_are_in_no_short_list() -> None:
    knowledge = without_kernel(30)
    index = QuestionIndex.build(Item(n, entry.questions) for n, entry in enumerate(knowledge)).put([Item(0), Item(7)])
    heard = replace(NOTHING, log_probabilities=np.linspace(0, -30, 30).astype(np.float32))
    found = evidence(HybridRetriever(knowledge, index, None), "question number 7", heard)
    assert not {0, 7} & set(found.places.tolist())
    assert set(range(1, 7)) < set(found.places.tolist())


def test_a_knowledge_whose_every_entry_was_removed_gives_no_evidence() -> None:
    index = QuestionIndex.build([Item(0, ("hello",))]).put([Item(0)])
    found = evidence(HybridRetriever(without_kernel(1), index, None), "hello", NOTHING)
    assert found.places.tolist() == []
    assert found.known == 0


def test_an_index_of_more_entries_than_the_knowledge_is_refused() -> None:
    with pytest.raises(ValueError, match="the index has 9 entries, the knowledge 2"):
        HybridRetriever(without_kernel(2), QuestionIndex.build([Item(8, ("hello",))]), None)


def test_without_a_kernel_model_its_evidence_is_zero() -> None:
    assert not evidence(HybridRetriever.build(KNOWLEDGE, None), "refund").linear.any()


def test_a_follow_up_is_also_heard_together_with_the_question_before() -> None:
    alone = evidence(RETRIEVER, "and on holidays")
    leaning = evidence(RETRIEVER, Reading("and on holidays", "en", HOURS, before="when are you open"))
    assert not alone.together.any()
    assert not alone.before.any()
    assert best(leaning, "before") == "hours"
    assert best(leaning, "together") in ("hours", "holidays")
    changed = {name for name, values in kinds(leaning).items() if not np.array_equal(values, kinds(alone)[name])}
    assert changed == {"together", "before"}


def test_the_topic_and_what_is_near_to_it_come_on_the_short_list_of_a_follow_up() -> None:
    others = without_kernel(40).entries
    knowledge = Knowledge((*others, HOURS, HOLIDAYS, REFUND))
    retriever = HybridRetriever.build(knowledge, None)
    text = "question number 1 and 2 and 3"
    alone = evidence(retriever, Reading(text, "en"), NOTHING)
    leaning = evidence(retriever, Reading(text, "en", HOURS), NOTHING)
    untagged = evidence(retriever, Reading(text, "en", REFUND), NOTHING)
    near = {knowledge.place(entry.id) for entry in (HOURS, HOLIDAYS)}
    assert not near & set(alone.places.tolist())
    assert near <= set(leaning.places.tolist())
    assert set(untagged.places.tolist()) - set(alone.places.tolist()) == {knowledge.place("refund")}


def test_of_many_entries_near_the_topic_those_that_say_the_most_are_looked_at() -> None:
    entries = tuple(
        Entry(f"e{n}", "yes", (f"question {'about boots' if n == 33 else n}",), tags=("shop",)) for n in range(50)
    )
    knowledge = Knowledge(entries)
    found = evidence(HybridRetriever.build(knowledge, None), Reading("and boots", "en", entries[2]), NOTHING)
    assert {2, 33} <= set(found.places.tolist())
    assert len(found.places) <= SHORTLIST + 1


def test_answers_without_a_single_word_are_no_evidence_and_no_failure() -> None:
    knowledge = Knowledge((Entry("smile", "🙂", ("smile",)), Entry("wink", "😉", ("wink",))))
    found = evidence(a_retriever(knowledge), "wink", NOTHING)
    assert found.answers.tolist() == [0.0, 0.0]
    assert int(found.words.argmax()) == 1


def test_the_nearest_questions_are_told_best_first_in_their_matching_form() -> None:
    nearest = RETRIEVER.nearest("When do you OPEN on holidays", 2)
    assert [KNOWLEDGE.entries[one.place].id for one in nearest] == ["holidays", "hours"]
    assert nearest[0].question == "are you open on holidays?"
    assert nearest[0].words + nearest[0].grams > nearest[1].words + nearest[1].grams > 0
    assert RETRIEVER.nearest("zzz", 5) == []


@pytest.mark.parametrize("encoder", [None, THEMES])
@pytest.mark.parametrize("kernel", [True, False])
def test_evidence_comes_back_from_a_model_folder_as_it_was(
    tmp_path: Path, kernel: bool, encoder: TextEncoder | None
) -> None:
    retriever = a_retriever(encoder=encoder) if kernel else HybridRetriever.build(KNOWLEDGE, None, encoder)
    checkpoint.write(tmp_path, retriever.files(), {})
    back = HybridRetriever.load(KNOWLEDGE, checkpoint.read(tmp_path), encoder)
    for text in ("when are you open", "退款", "几点开门 refund", ""):
        one, other = evidence(retriever, text), evidence(back, text)
        for name, values in kinds(one).items():
            halves = name in ("linear", "meaning", "meaning_of_answer")
            np.testing.assert_allclose(values, kinds(other)[name], atol=0.02 if halves else 0, err_msg=name)


def test_a_missing_file_of_the_retriever_is_named(tmp_path: Path) -> None:
    files = a_retriever(encoder=THEMES).files()
    for missing in files:
        checkpoint.write(tmp_path, {name: arrays for name, arrays in files.items() if name != missing}, {})
        with pytest.raises(CheckpointError, match=f"lacks {missing}"):
            HybridRetriever.load(KNOWLEDGE, checkpoint.read(tmp_path), THEMES)


def test_an_entry_is_found_by_meaning_where_no_word_of_it_is_used() -> None:
    retriever = a_retriever(encoder=THEMES)
    found = evidence(retriever, "reimburse my cash")
    assert not found.words.any()
    assert (best(found, "meaning"), best(found, "linear")) == ("refund", "refund")
    assert best(evidence(retriever, "shut during vacations"), "meaning_of_answer") == "holidays"


def test_what_only_the_meaning_finds_comes_on_the_short_list() -> None:
    entries = (*without_kernel(60).entries, REFUND)
    found = evidence(HybridRetriever.build(Knowledge(entries), None, THEMES), "reimburse my cash", NOTHING)
    assert int(found.places[found.meaning.argmax()]) == 60


def test_without_a_text_encoder_nothing_is_near_by_meaning() -> None:
    found = evidence(RETRIEVER, "when are you open")
    assert not found.meaning.any()
    assert not found.meaning_of_answer.any()


def test_every_reading_has_its_own_meaning_whatever_is_asked_beside_it() -> None:
    retriever = a_retriever(encoder=THEMES)
    asked = [
        Reading("and on holidays", "en", HOURS, before="when are you open"),
        Reading("reimburse my cash", "en"),
        Reading("and then", "en", REFUND, before="money back"),
        Reading("", "en"),
        Reading("几点开门", "zh"),
    ]
    even = EvenUnderstander(len(KNOWLEDGE)).understand(asked)
    for found, reading in zip(retriever.retrieve(asked, even), asked, strict=True):
        alone = kinds(evidence(retriever, reading))
        for name, values in kinds(found).items():
            np.testing.assert_allclose(values, alone[name], atol=1e-5, err_msg=name)


def test_the_question_before_a_follow_up_is_heard_by_its_meaning_too() -> None:
    leaning = Reading("and now", "en", REFUND, before="reimburse my cash")
    found = evidence(a_retriever(encoder=THEMES), leaning)
    assert (best(found, "before"), best(found, "together")) == ("refund", "refund")
    assert float(found.before.max()) > 0.3 > 3 * float(evidence(RETRIEVER, leaning).before.max())


def test_nothing_asked_is_nothing_found() -> None:
    assert RETRIEVER.retrieve([], []) == []
