"""One turn of thought: who speaks, with which words, why, and what is remembered."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest
from parts import (
    CHINESE,
    GREETING,
    HELLO,
    HOLIDAYS,
    HOURS,
    KNOWLEDGE,
    REFUND,
    THREAT,
    SilentGenerator,
    TableGenerator,
    an_engine,
)

from engine.dialogue import Choice, Source, Speaker, Turn
from engine.knowledge.entries import Knowledge
from engine.memory import Slot, WorkingMemory
from engine.ports import Generation
from engine.respond import Asked, Settings

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EMPTY = WorkingMemory()
SURE = {"refund please": {"refund": 0.8, "hours": 0.1}}
TORN = {"are you open": {"hours": 0.3, "holidays": 0.25, "refund": 0.2, "greeting": 0.15, "hello": 0.01}}
FAITHFUL = "You get your money back within ⟨1⟩ days."


def saying(text: str, confidence: float = 0.95, *, finished: bool = True) -> TableGenerator:
    """A generator that has these words for a refund."""
    return TableGenerator({"refund": Generation(text, confidence, finished)})


def test_a_sure_and_faithful_generator_speaks() -> None:
    found = an_engine(SURE, generator=saying(FAITHFUL)).respond("refund please", EMPTY)
    assert (found.text, found.provenance.source) == (
        "You get your money back within 14 days.",
        Source.GENERATED,
    )
    assert found.provenance.origin == "refund by ffffffffffff"
    assert "confidence 0.80 reaches the threshold 0.60" in found.provenance.reason
    assert (found.entry, found.confidence, found.handoff, found.choices) == ("refund", 0.8, False, ())


@pytest.mark.parametrize(
    ("generation", "reason"),
    [
        (Generation(FAITHFUL, 0.89, True), "not sure of its words (0.89)"),
        (Generation(FAITHFUL, 0.95, False), "did not finish in time"),
        (Generation("Within 30 days you get your money back.", 0.95, True), "slipped: "),
        (Generation("You never get your money back within ⟨1⟩ days.", 0.95, True), "slipped:"),
        (Generation("Dragons guard golden castles.", 0.95, True), "slipped: "),
        (Generation("Within ⟨2⟩ days.", 0.95, True), "⟨2⟩"),
        (Generation("Dear ⟨name⟩, within ⟨1⟩ days.", 0.95, True), "name"),
        (Generation("  ", 0.95, True), "slipped"),
        (Generation(FAITHFUL + "\ufffd", 0.95, True), "slipped"),
    ],
)
def test_a_generator_that_is_unsure_late_or_slips_leaves_the_word_to_the_entry(
    generation: Generation, reason: str
) -> None:
    found = an_engine(SURE, generator=TableGenerator({"refund": generation})).respond("refund please", EMPTY)
    assert (found.text, found.provenance.source) == (REFUND.answer, Source.RETRIEVED)
    assert found.provenance.origin == "refund"
    assert reason in found.provenance.reason


@pytest.mark.parametrize("generator", [None, SilentGenerator(), TableGenerator({})])
def test_without_a_generator_that_can_compose_the_entry_speaks_for_itself(
    generator: TableGenerator | SilentGenerator | None,
) -> None:
    found = an_engine(SURE, generator=generator).respond("refund please", EMPTY)
    assert (found.text, found.provenance.source) == (REFUND.answer, Source.RETRIEVED)
    assert "the entry speaks for itself" in found.provenance.reason


def test_a_house_that_does_not_want_composing_never_asks_the_generator() -> None:
    generator = saying(FAITHFUL)
    found = an_engine(SURE, generator=generator, settings=Settings(generate=False)).respond("refund please", EMPTY)
    assert (found.provenance.source, generator.seen) == (Source.RETRIEVED, [])


def test_the_generator_sees_the_question_the_memory_and_the_entry_and_the_deadline() -> None:
    generator = saying(FAITHFUL)
    deadline = time.monotonic() + 9
    before = EMPTY.hear(Turn(Speaker.CUSTOMER, "hello"))
    an_engine(SURE, generator=generator).respond("refund please", before, deadline=deadline)
    (context,) = generator.seen
    assert (context.question, context.memory, context.entry) == ("refund please", before, REFUND)
    assert generator.deadline == deadline


def test_low_confidence_asks_back_with_three_choices_at_most() -> None:
    generator = saying(FAITHFUL)
    found = an_engine(TORN, generator=generator).respond("are you open", EMPTY)
    assert (found.text, found.provenance.source, found.entry) == ("clarify", Source.CLARIFY, None)
    assert found.choices == tuple(Choice(entry.id, entry.questions[0]) for entry in (HOURS, HOLIDAYS, REFUND))
    assert found.memory.offered == found.choices
    assert found.memory.topic is None
    assert generator.seen == []


def test_the_house_decides_how_many_choices_there_are() -> None:
    found = an_engine(TORN, settings=Settings(choices=2)).respond("are you open", EMPTY)
    assert len(found.choices) == 2


def test_lower_confidence_declines_with_a_fixed_sentence() -> None:
    found = an_engine({"hm": {"hours": 0.1, "refund": 0.05}}).respond("hm", EMPTY)
    assert (found.text, found.provenance.source, found.entry) == ("unsure", Source.FIXED, None)
    assert (found.choices, found.confidence) == ((), 0.1)
    assert [candidate.entry for candidate in found.candidates] == ["hours", "refund"]


def test_a_question_without_any_candidate_is_declined() -> None:
    found = an_engine({}).respond("what is the weather", EMPTY)
    assert (found.provenance.source, found.confidence, found.candidates) == (Source.FIXED, 0.0, ())


def test_fixed_sentences_are_those_of_the_house_in_the_language_of_the_question() -> None:
    settings = Settings(say=lambda name, locale=None: f"{name} in {locale}")
    engine = an_engine({}, settings=settings)
    assert engine.respond("weather", EMPTY).text == "unsure in en"
    assert engine.respond("天气怎么样", EMPTY).text == "unsure in zh"
    assert engine.respond("天气怎么样", EMPTY, locale="en").text == "unsure in en"
    assert engine.respond("天气怎么样", EMPTY, locale="fr").text == "unsure in zh"


@pytest.mark.parametrize(
    ("said", "taken"),
    [
        ("1", HOURS),
        ("2.", HOLIDAYS),
        ("the third one", REFUND),
        ("第二个", HOLIDAYS),
        ("Are you open on holidays", HOLIDAYS),
    ],
)
def test_an_offered_choice_is_taken_by_number_or_by_words(said: str, taken) -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    found = engine.respond(said, asked_back.memory)
    assert (found.text, found.entry, found.confidence) == (taken.answer, taken.id, 1.0)
    assert "the customer chose it" in found.provenance.reason
    assert found.memory.offered == ()
    assert found.memory.topic.entry == taken.id


def test_a_number_that_was_not_offered_and_a_choice_without_an_offer_choose_nothing() -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    again = engine.respond("7", asked_back.memory)
    assert (again.provenance.source, again.choices) == (Source.CLARIFY, asked_back.choices)
    assert engine.respond("2", EMPTY).provenance.source is Source.FIXED


@pytest.mark.parametrize("text", ["none of these", "None.", "都不是", "不是。"])
def test_who_takes_none_of_the_choices_is_not_asked_again(text: str) -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    assert engine.respond(text, asked_back.memory).provenance.source is Source.FIXED


def test_an_offer_holds_for_the_next_message_alone() -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    elsewhere = engine.respond("never mind the weather", asked_back.memory)
    assert engine.respond("1", elsewhere.memory).provenance.source is Source.FIXED


def test_an_offered_entry_that_is_gone_by_now_is_not_chosen() -> None:
    memory = EMPTY.offer([Choice("gone", "What was it?")])
    assert an_engine({}).respond("1", memory).provenance.source is Source.FIXED


def test_an_entry_for_people_alone_is_handed_over_in_the_words_of_the_house() -> None:
    generator = TableGenerator({"threat": Generation(THREAT.answer, 1.0, True)})
    found = an_engine({"I will sue": {"threat": 0.9}}, generator=generator).respond("I will sue", EMPTY)
    assert (found.text, found.provenance.source, found.handoff) == ("handoff", Source.HANDOFF, True)
    assert (found.entry, found.memory.topic, generator.seen) == ("threat", None, [])


def test_an_entry_for_people_alone_is_handed_over_also_when_it_was_chosen() -> None:
    engine = an_engine({"law": {"threat": 0.4, "refund": 0.3}})
    asked_back = engine.respond("law", EMPTY)
    assert [choice.entry for choice in asked_back.choices] == ["threat", "refund"]
    found = engine.respond("1", asked_back.memory)
    assert (found.provenance.source, found.handoff) == (Source.HANDOFF, True)


FOLLOWING = {
    "and on holidays?": {"refund": 0.2},
    "and on holidays? @hours": {"holidays": 0.9},
    "what does a parcel cost @hours": {"hours": 0.9},
    "what does a parcel cost": {"refund": 0.9},
}


def test_a_follow_up_leans_on_its_topic() -> None:
    engine = an_engine(FOLLOWING)
    found = engine.respond("and on holidays?", EMPTY.push_topic("hours"))
    assert (found.entry, found.confidence) == ("holidays", 0.9)
    assert [topic.entry for topic in found.memory.topics] == ["hours", "holidays"]
    assert engine.respond("and on holidays?", EMPTY).entry is None
    assert engine.respond("and on holidays?", EMPTY.push_topic("gone")).entry is None


def test_a_follow_up_must_reach_the_threshold_of_follow_ups() -> None:
    engine = an_engine({"and on holidays?": {"holidays": 0.7}}, follow_up=0.75)
    assert engine.respond("and on holidays?", EMPTY).entry == "holidays"
    assert engine.respond("and on holidays?", EMPTY.push_topic("hours")).provenance.source is Source.CLARIFY


def test_a_question_that_stands_by_itself_does_not_lean_on_the_topic() -> None:
    found = an_engine(FOLLOWING).respond("what does a parcel cost", EMPTY.push_topic("hours"))
    assert found.entry == "refund"


def test_small_talk_does_not_change_the_topic() -> None:
    found = an_engine({"hello": {"hello": 0.9}}).respond("hello", EMPTY.push_topic("hours"))
    assert (found.text, found.memory.topic.entry) == ("Hello there!", "hours")


GREETED = {"My name is Ada": {"greeting": 0.9}, "greet me": {"greeting": 0.9}, "order 123456": {"hello": 0.9}}


def test_a_slot_is_remembered_and_filled_at_once_and_later() -> None:
    engine = an_engine(GREETED)
    first = engine.respond("My name is Ada", EMPTY, heard=NOON)
    assert first.text == "Dear Ada, here we are."
    assert first.memory.slots == {"name": Slot("Ada", NOON)}
    later = engine.respond("greet me", first.memory)
    assert later.text == "Dear Ada, here we are."
    assert later.candidates[0].text == "Dear Ada, here we are."
    assert engine.respond("greet me", EMPTY).text == "Dear customer, here we are."
    assert engine.respond("order 123456", later.memory).memory.values() == {"name": "Ada", "order_number": "123456"}


def test_the_generators_slot_is_filled_from_memory() -> None:
    generator = TableGenerator({"greeting": Generation("Dear ⟨name⟩, here we are.", 0.99, True)})
    engine = an_engine(GREETED, generator=generator)
    found = engine.respond("My name is Ada", EMPTY)
    assert (found.text, found.provenance.source) == ("Dear Ada, here we are.", Source.GENERATED)
    assert engine.respond("greet me", EMPTY).text == "Dear customer, here we are."


def test_slots_of_the_house_are_found_by_its_own_patterns() -> None:
    engine = an_engine({}, settings=Settings(slots={"table": r"table (\d+)"}))
    assert engine.respond("we sit at table 12", EMPTY).memory.values() == {"table": "12"}


def test_both_sides_of_the_turn_are_remembered_and_the_memory_before_is_left_as_it_was() -> None:
    before = EMPTY.hear(Turn(Speaker.CUSTOMER, "hello")).push_topic("hours").fill("name", "Ada", heard=NOON)
    copy = WorkingMemory.from_json(before.to_json())
    found = an_engine(SURE, generator=saying(FAITHFUL)).respond("refund please", before)
    assert before == copy
    assert found.memory.turn == 2
    assert found.memory.recent[-2:] == (Turn(Speaker.CUSTOMER, "refund please"), Turn(Speaker.BOT, found.text))
    assert WorkingMemory.from_json(found.memory.to_json()) == found.memory


def test_the_same_question_and_memory_give_the_same_answer() -> None:
    engine = an_engine(TORN, generator=saying(FAITHFUL))
    assert engine.respond("are you open", EMPTY, heard=NOON) == engine.respond("are you open", EMPTY, heard=NOON)


def test_text_is_cleaned_before_it_is_thought_about_or_remembered() -> None:
    found = an_engine(SURE).respond("refund\x00 ple\x07ase", EMPTY)
    assert found.entry == "refund"
    assert found.memory.recent[0].text == "refund please"
    assert "\ud800" not in an_engine({}).respond("a\ud800b", EMPTY).memory.recent[0].text


@pytest.mark.parametrize("text", ["", "   ", "?", "⟨1⟩", "x" * 20_000])
def test_any_text_at_all_gets_an_answer(text: str) -> None:
    found = an_engine(TORN).respond(text, EMPTY)
    assert (found.provenance.source, found.memory.turn) == (Source.FIXED, 1)


def test_empty_knowledge_declines_everything() -> None:
    engine = an_engine({"refund please": {}}, knowledge=Knowledge(()))
    found = engine.respond("refund please", EMPTY)
    assert (found.text, found.provenance.source, found.confidence) == ("unsure", Source.FIXED, 0.0)
    assert found.candidates == ()


def test_at_most_ten_candidates_are_shown() -> None:
    knowledge = Knowledge(tuple(type(REFUND)(f"e{n}", f"a{n}", (f"q{n}",), locale="en") for n in range(20)))
    found = an_engine({"q": {f"e{n}": 0.01 for n in range(20)}}, knowledge=knowledge).respond("q", EMPTY)
    assert len(found.candidates) == 10


def test_many_conversations_are_answered_side_by_side_as_each_would_be_alone() -> None:
    engine = an_engine(SURE | TORN | GREETED | FOLLOWING, generator=saying(FAITHFUL))
    asked = [
        Asked("refund please", EMPTY, NOON, "en"),
        Asked("are you open", EMPTY, NOON, "en"),
        Asked("and on holidays?", EMPTY.push_topic("hours"), NOON, "en"),
        Asked("My name is Ada", EMPTY, NOON, "en"),
        Asked("", EMPTY, NOON, "en"),
    ]
    alone = [engine.respond(one.text, one.memory, heard=NOON, locale="en") for one in asked]
    assert engine.respond_all(asked) == alone
    assert engine.respond_all([]) == []
    assert [one.entry for one in engine.respond_many(["refund please", "greet me"])] == ["refund", "greeting"]


def test_the_language_is_one_of_the_knowledge() -> None:
    engine = an_engine({})
    assert (engine.locale("几点开门"), engine.locale("when"), engine.locale("when", "zh")) == ("zh", "en", "zh")
    assert an_engine({}, knowledge=Knowledge((REFUND, HOURS))).locale("几点开门") == "en"
    assert {entry.locale for entry in (CHINESE, HELLO, GREETING)} <= {*KNOWLEDGE.locales}
