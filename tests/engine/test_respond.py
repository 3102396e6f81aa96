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

from engine.dialogue import Choice, Grade, Mark, Source, Speaker, Turn
from engine.knowledge.entries import Knowledge
from engine.memory import Settled, Slot, WorkingMemory
from engine.plan import Heard
from engine.ports import Generation
from engine.respond import Settings

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
    assert (Mark.SLIP in found.provenance.marks) == ("slipped" in found.provenance.reason)


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
    assert (context.question, context.memory.recent, context.entry) == ("refund please", before.recent, REFUND)
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


def test_a_near_miss_offers_the_nearest_entries_in_other_words() -> None:
    engine = an_engine({"shop": {"hours": 0.15, "refund": 0.06, "holidays": 0.01}})
    found = engine.respond("shop", EMPTY)
    assert (found.text, found.provenance.source, found.provenance.grade) == (
        "near_miss",
        Source.CLARIFY,
        Grade.NEAR_MISS,
    )
    assert [choice.entry for choice in found.choices] == ["hours", "refund"]
    assert "near miss" in found.provenance.reason
    assert engine.respond("1", found.memory).entry == "hours"


def test_lower_confidence_declines_with_a_fixed_sentence() -> None:
    found = an_engine({"hm": {"hours": 0.08, "refund": 0.04}}).respond("hm", EMPTY)
    assert (found.text, found.provenance.source, found.entry) == ("unsure", Source.FIXED, None)
    assert (found.choices, found.confidence, found.provenance.grade) == ((), 0.08, Grade.UNRELATED)
    assert [candidate.entry for candidate in found.candidates] == ["hours", "refund"]


@pytest.mark.parametrize(
    ("text", "sentence", "grade"),
    [
        ("asdfgh", "meaningless", Grade.MEANINGLESS),
        ("哈哈哈哈", "meaningless", Grade.MEANINGLESS),
        ("。。。", "wordless", Grade.MEANINGLESS),
        ("👍", "wordless", Grade.MEANINGLESS),
        ("you are useless", "hostile", Grade.HOSTILE),
        ("傻逼", "hostile", Grade.HOSTILE),
    ],
)
def test_what_asks_nothing_gets_a_sentence_of_its_own(text: str, sentence: str, grade: Grade) -> None:
    found = an_engine({text: {"refund": 0.5}}).respond(text, EMPTY)
    assert (found.text, found.provenance.source, found.provenance.grade) == (sentence, Source.FIXED, grade)
    assert found.choices == ()


def test_anger_is_answered_and_regretted_and_small_talk_is_not() -> None:
    engine = an_engine(
        {"fuck, refund now": {"refund": 0.9}, "damn, hello": {"hello": 0.9}, "damn, hours": {"hours": 0.4}}
    )
    found = engine.respond("fuck, refund now", EMPTY)
    assert (found.text, found.entry) == (f"upset\n\n{REFUND.answer}", "refund")
    assert found.provenance.source is Source.RETRIEVED
    assert engine.respond("damn, hello", EMPTY).text == "Hello there!"
    assert engine.respond("damn, hours", EMPTY).text == "upset\n\nclarify"


def test_a_mere_question_mark_after_an_answer_asks_what_was_wrong_with_it() -> None:
    engine = an_engine(SURE)
    answered = engine.respond("refund please", EMPTY)
    puzzled = engine.respond("??", answered.memory)
    assert (puzzled.text, puzzled.provenance.grade) == ("puzzled", Grade.MEANINGLESS)
    assert engine.respond("？", puzzled.memory).text == "wordless"
    assert engine.respond("!", answered.memory).text == "wordless"
    assert engine.respond("?", EMPTY).text == "wordless"


@pytest.mark.parametrize("text", ["?", "👍", "...", "asdfgh", "7", "yes"])
def test_what_takes_none_of_the_choices_and_says_nothing_gets_them_again(text: str) -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    again = engine.respond(text, asked_back.memory)
    assert (again.provenance.source, again.choices) == (Source.CLARIFY, asked_back.choices)
    assert (again.memory.offered, again.memory.about) == (asked_back.choices, "are you open")
    assert engine.respond("2", again.memory).entry == "holidays"


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
        ("the last", REFUND),
        ("Are you open on holidays", HOLIDAYS),
        ("are you opne on holidays?", HOLIDAYS),
    ],
)
def test_an_offered_choice_is_taken_by_number_or_by_words(said: str, taken) -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    found = engine.respond(said, asked_back.memory)
    assert (found.text, found.entry, found.confidence) == (taken.answer, taken.id, 1.0)
    assert "the customer chose it" in found.provenance.reason
    assert found.provenance.marks == {Mark.CHOICE}
    assert found.memory.offered == ()
    assert found.memory.topic.entry == taken.id


@pytest.mark.parametrize("said", ["holidays", "the holiday one", "holidyas please"])
def test_an_offered_choice_is_taken_by_some_of_its_words(said: str) -> None:
    engine = an_engine(TORN | {said: {"hours": 0.4, "holidays": 0.3}})
    found = engine.respond(said, engine.respond("are you open", EMPTY).memory)
    assert (found.entry, found.confidence, found.provenance.marks) == ("holidays", 1.0, {Mark.CHOICE})
    assert engine.respond(said, EMPTY).provenance.source is Source.CLARIFY


def test_a_new_question_goes_before_words_that_name_a_choice_and_the_offer_lapses() -> None:
    engine = an_engine(TORN | {"holidays": {"greeting": 0.9}, "weather": {"hours": 0.01}})
    asked_back = engine.respond("are you open", EMPTY)
    found = engine.respond("holidays", asked_back.memory)
    assert (found.entry, found.provenance.marks, found.memory.offered) == ("greeting", frozenset(), ())
    assert engine.respond("weather", asked_back.memory).memory.offered == ()


def test_a_sure_answer_that_was_offered_is_a_choice_as_well() -> None:
    engine = an_engine(TORN | {"on holidays I mean": {"holidays": 0.9}})
    found = engine.respond("on holidays I mean", engine.respond("are you open", EMPTY).memory)
    assert (found.entry, found.confidence, found.provenance.marks) == ("holidays", 0.9, {Mark.CHOICE})
    assert found.memory.settled == (Settled("are you open", ("holidays",)),)


def test_what_was_chosen_once_is_not_asked_again() -> None:
    engine = an_engine(TORN | SURE)
    memory = engine.respond("2", engine.respond("are you open", EMPTY).memory).memory
    memory = engine.respond("refund please", memory).memory
    found = engine.respond("Are you  OPEN?", memory)
    assert (found.entry, found.confidence, found.choices) == ("holidays", 1.0, ())
    assert "for the same question before" in found.provenance.reason
    assert found.provenance.marks == frozenset()
    assert engine.respond("are you open", EMPTY).provenance.source is Source.CLARIFY


def test_what_was_chosen_for_a_follow_up_or_is_gone_settles_nothing() -> None:
    engine = an_engine({"and then": {"hours": 0.3, "holidays": 0.25}} | TORN)
    asked_back = engine.respond("and then", EMPTY.push_topic("refund"))
    assert (len(asked_back.choices), asked_back.memory.about) == (2, "")
    assert engine.respond("1", asked_back.memory).memory.settled == ()
    gone = EMPTY.settle("are you open", ["gone"])
    assert engine.respond("are you open", gone).provenance.source is Source.CLARIFY


def test_both_of_two_choices_are_answered_one_after_the_other_and_settled_together() -> None:
    engine = an_engine(TORN, settings=Settings(choices=2))
    found = engine.respond("both please", engine.respond("are you open", EMPTY).memory)
    assert found.text == f"{HOURS.answer}\n\n{HOLIDAYS.answer}"
    assert (found.entry, found.confidence, found.provenance.origin) == ("hours", 1.0, "hours, holidays")
    assert found.provenance.marks == {Mark.CHOICE}
    assert [topic.entry for topic in found.memory.topics] == ["hours", "holidays"]
    again = engine.respond("are you open?", found.memory)
    assert again.text == found.text


def test_a_number_that_was_not_offered_and_a_choice_without_an_offer_choose_nothing() -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    again = engine.respond("7", asked_back.memory)
    assert (again.provenance.source, again.choices) == (Source.CLARIFY, asked_back.choices)
    assert engine.respond("2", EMPTY).provenance.source is Source.FIXED


@pytest.mark.parametrize("text", ["none of these", "None.", "no", "都不是", "不是。"])
def test_who_takes_none_of_the_choices_is_not_asked_again(text: str) -> None:
    engine = an_engine(TORN)
    asked_back = engine.respond("are you open", EMPTY)
    found = engine.respond(text, asked_back.memory)
    assert (found.provenance.source, found.provenance.grade) == (Source.FIXED, Grade.UNRELATED)
    assert "none of the choices" in found.provenance.reason


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
    for said in ("1", "I will sue you", "sue"):
        found = engine.respond(said, asked_back.memory)
        assert (found.text, found.entry) == ("handoff", "threat")
        assert (found.provenance.source, found.handoff) == (Source.HANDOFF, True)
        assert "for a person" in found.provenance.reason


def test_a_near_miss_that_leads_to_an_entry_for_people_hands_over_as_well() -> None:
    engine = an_engine({"law": {"threat": 0.2, "refund": 0.05}})
    near = engine.respond("law", EMPTY)
    assert (near.provenance.grade, near.handoff) == (Grade.NEAR_MISS, False)
    assert engine.respond("1", near.memory).handoff


TWO = "how do I get a full refund, and when does the shop open?"
BOTH = {
    TWO: {"refund": 0.5, "hours": 0.3},
    "how do I get a full refund": {"refund": 0.9},
    "when does the shop open?": {"hours": 0.8, "holidays": 0.1},
    "when does the shop open? @refund": {"hours": 0.7, "refund": 0.1},
}


def test_two_questions_in_one_message_are_both_answered_in_the_order_asked() -> None:
    found = an_engine(BOTH).respond(TWO, EMPTY)
    assert found.text == f"{REFUND.answer}\n\n{HOURS.answer}"
    assert (found.entry, found.confidence, found.provenance.source) == ("refund", 0.8, Source.RETRIEVED)
    assert (found.provenance.origin, found.provenance.marks) == ("refund, hours", {Mark.PARTS})
    assert "“how do I get a full refund”, refund: confidence 0.90 reaches" in found.provenance.reason
    assert "“when does the shop open?”, hours: confidence 0.80 reaches" in found.provenance.reason
    assert [topic.entry for topic in found.memory.topics] == ["refund", "hours"]
    assert [(one.entry, one.confidence) for one in found.candidates] == [
        ("refund", 0.9),
        ("hours", 0.8),
        ("holidays", 0.1),
    ]


def test_of_two_answers_the_generator_may_compose_one() -> None:
    generator = saying(FAITHFUL)
    found = an_engine(BOTH, generator=generator).respond(TWO, EMPTY)
    assert [context.question for context in generator.seen] == [
        "how do I get a full refund",
        "when does the shop open?",
    ]
    assert found.text == f"You get your money back within 14 days.\n\n{HOURS.answer}"
    assert (found.provenance.source, found.provenance.origin) == (Source.GENERATED, "refund by ffffffffffff, hours")


def test_a_part_that_cannot_be_answered_is_said_to_be_left_open() -> None:
    unsure = BOTH | {"when does the shop open?": {"hours": 0.59}, "when does the shop open? @refund": {"hours": 0.59}}
    found = an_engine(unsure).respond(TWO, EMPTY)
    assert found.text == f"{REFUND.answer}\n\nleft_open when does the shop open?"
    assert (found.entry, found.confidence) == ("refund", 0.9)
    assert "“when does the shop open?” stays open" in found.provenance.reason
    assert found.provenance.marks == {Mark.PARTS}


def test_what_stays_open_is_quoted_by_its_question_and_shortly() -> None:
    story = "My son is in the shop." + " It rains." * 20 + f" When does {'the' * 40} shop close?"
    engine = an_engine({"how do I get a full refund?": {"refund": 0.9}})
    text = engine.respond(f"how do I get a full refund? {story}", EMPTY).text
    assert text.startswith(f"{REFUND.answer}\n\nleft_open When does thethe")
    assert text.endswith("…")
    assert len(text) < 120
    marks = engine.respond("how do I get a full refund? Where is {name|} ⟨1⟩ <b>gone?", EMPTY).text
    assert marks.endswith("left_open Where is (name|) (1) ‹b›gone?")


def test_a_message_that_is_surer_as_a_whole_is_not_taken_apart() -> None:
    whole = BOTH | {
        TWO: {"refund": 0.95},
        "when does the shop open?": {"hours": 0.5},
        "when does the shop open? @refund": {"hours": 0.5},
    }
    found = an_engine(whole).respond(TWO, EMPTY)
    assert (found.text, found.confidence, found.provenance.marks) == (REFUND.answer, 0.95, frozenset())


def test_parts_that_mean_the_same_entry_or_nothing_are_not_taken_apart() -> None:
    same = {
        TWO: {"refund": 0.7},
        "how do I get a full refund": {"refund": 0.9},
        "when does the shop open?": {"refund": 0.9},
    }
    assert an_engine(same).respond(TWO, EMPTY).text == REFUND.answer
    torn = an_engine({TWO: {"refund": 0.4, "hours": 0.3}}).respond(TWO, EMPTY)
    assert (torn.text, torn.provenance.marks) == ("clarify", frozenset())


def test_a_part_must_reach_the_threshold_by_itself() -> None:
    below = BOTH | {"how do I get a full refund": {"refund": 0.59}}
    found = an_engine(below).respond(TWO, EMPTY)
    assert found.text == f"{HOURS.answer}\n\nleft_open how do I get a full refund"


def test_a_later_part_is_believed_only_if_it_means_the_same_after_the_one_before() -> None:
    belongs = BOTH | {"when does the shop open? @refund": {"refund": 0.4, "hours": 0.3}}
    assert an_engine(belongs).respond(TWO, EMPTY).text == "clarify"
    other = BOTH | {"when does the shop open? @refund": {"holidays": 0.9}}
    assert an_engine(other).respond(TWO, EMPTY).text == f"{REFUND.answer}\n\nleft_open when does the shop open?"


def test_a_later_part_may_lean_on_the_one_before() -> None:
    two = "when are you open and is that so on bank holidays?"
    table = {
        "when are you open": {"hours": 0.9},
        "is that so on bank holidays?": {"holidays": 0.2},
        "is that so on bank holidays? @hours": {"holidays": 0.7},
    }
    assert an_engine(table).respond(two, EMPTY).text == f"{HOURS.answer}\n\n{HOLIDAYS.answer}"
    strict = an_engine(table, follow_up=0.75).respond(two, EMPTY)
    assert strict.text == f"{HOURS.answer}\n\nleft_open is that so on bank holidays?"
    without = {two: {"hours": 0.9}, "is that so on bank holidays?": {"holidays": 0.99}}
    assert an_engine(without).respond(two, EMPTY).text == HOURS.answer


def test_only_the_first_part_may_lean_on_what_was_said_before() -> None:
    table = {
        "and on holidays? @refund": {"holidays": 0.9},
        "is that free of charge? @refund": {"refund": 0.9},
        "is that free of charge? @holidays": {"greeting": 0.1},
    }
    found = an_engine(table).respond("and on holidays? is that free of charge?", EMPTY.push_topic("refund"))
    assert found.entry == "holidays"


def test_a_greeting_before_a_question_is_not_answered() -> None:
    two = "Hello, can you help? When are you open?"
    table = {"Hello, can you help?": {"hello": 0.99}, "When are you open?": {"hours": 0.9}, two: {"hours": 0.7}}
    assert an_engine(table).respond(two, EMPTY).text == HOURS.answer


def test_a_greeting_is_no_topic_for_the_question_after_it() -> None:
    table = {
        "How are you all doing?": {"hello": 0.9},
        "When does the shop open?": {"hours": 0.9},
        "When does the shop open? @hello": {"hello": 0.9},
        "and how do I get a refund?": {"refund": 0.9},
    }
    found = an_engine(table).respond(
        "How are you all doing? When does the shop open? and how do I get a refund?", EMPTY
    )
    assert found.text == f"{HOURS.answer}\n\n{REFUND.answer}"


def test_a_curse_beside_a_question_is_no_question_that_stays_open() -> None:
    table = {"what is this shit?": {}, "when does the shop open?": {"hours": 0.9}}
    found = an_engine(table).respond("what is this shit? when does the shop open?", EMPTY)
    assert found.text == f"upset\n\n{HOURS.answer}"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("how do I pay? when does the shop open?", "\n\nleft_open how do I pay?"),
        ("can you help me? when does the shop open?", ""),
        ("when does the shop open? can you check?", ""),
        ("when does the shop open? could I pay?", ""),
        ("when does the shop open? could I pay cash?", "\n\nleft_open could I pay cash?"),
    ],
)
def test_only_what_the_customer_would_miss_is_said_to_be_left_open(text: str, left: str) -> None:
    table = {"when does the shop open?": {"hours": 0.9}, text: {"hours": 0.7}}
    assert an_engine(table).respond(text, EMPTY).text == f"{HOURS.answer}{left}"


def test_insults_are_not_taken_apart() -> None:
    text = "what the fuck is this? are you stupid?"
    table = {"what the fuck is this?": {"hours": 0.9}, "are you stupid?": {"refund": 0.9}}
    assert an_engine(table).respond(text, EMPTY).text == "hostile"


def test_a_part_for_people_alone_hands_the_whole_over() -> None:
    two = "how do I get a refund? and how can I sue you?"
    table = {
        "how do I get a refund?": {"refund": 0.9},
        "and how can I sue you?": {"threat": 0.9},
        "and how can I sue you? @refund": {"threat": 0.9},
    }
    found = an_engine(table).respond(two, EMPTY)
    assert found.text == f"{REFUND.answer}\n\nhandoff"
    assert (found.provenance.source, found.handoff, found.entry) == (Source.HANDOFF, True, "refund")


def test_two_questions_in_chinese() -> None:
    table = {"几点开门？": {"zh-hours": 0.9}, "怎么退款？": {"refund": 0.9}, "怎么退款？ @zh-hours": {"refund": 0.8}}
    found = an_engine(table).respond("几点开门？怎么退款？", EMPTY)
    assert found.text == f"{CHINESE.answer}\n\n{REFUND.answer}"


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
    engine = an_engine(SURE | TORN | GREETED | FOLLOWING | BOTH, generator=saying(FAITHFUL))
    asked = [
        Heard("refund please", EMPTY, NOON, "en"),
        Heard("are you open", EMPTY, NOON, "en"),
        Heard("and on holidays?", EMPTY.push_topic("hours"), NOON, "en"),
        Heard("My name is Ada", EMPTY, NOON, "en"),
        Heard("", EMPTY, NOON, "en"),
        Heard(TWO, EMPTY, NOON, "en"),
    ]
    alone = [engine.respond(one.text, one.memory, heard=NOON, locale="en") for one in asked]
    assert engine.respond_all(asked) == alone
    assert engine.respond_all([]) == []
    assert [one.entry for one in engine.respond_many(["refund please", "greet me"])] == ["refund", "greeting"]


def test_all_questions_of_all_messages_are_ranked_in_one_batch_and_later_parts_in_a_second() -> None:
    engine = an_engine(BOTH | SURE)
    batches: list[list[str]] = []
    retrieve = engine.retriever.retrieve
    engine.retriever.retrieve = lambda readings, heard: (
        batches.append([r.text for r in readings]) or retrieve(readings, heard)
    )
    engine.respond_many(["refund please", TWO])
    parts = ["how do I get a full refund", "when does the shop open?"]
    assert batches == [["refund please", TWO, *parts], parts[1:]]
    engine.respond_many(["refund please", "hello"])
    assert len(batches) == 3


def test_candidates_are_those_of_questions_that_stand_by_themselves() -> None:
    engine = an_engine(TORN | GREETED | {"and on holidays? @hours": {"holidays": 0.9}})
    found = engine.candidates(["are you\x00 open", "greet me", "and on holidays?"])
    assert [[one.entry for one in some] for some in found] == [list(TORN["are you open"]), ["greeting"], []]
    assert [one.confidence for one in found[0]] == [0.3, 0.25, 0.2, 0.15, 0.01]
    assert found[1][0].text == "Dear customer, here we are."
    assert engine.candidates([]) == []
    assert an_engine({}, knowledge=Knowledge(())).candidates(["refund"]) == [[]]


def test_all_candidates_are_given_where_a_reply_shows_ten() -> None:
    knowledge = Knowledge(tuple(type(REFUND)(f"e{n}", f"a{n}", (f"q{n}",), locale="en") for n in range(20)))
    engine = an_engine({"q": {f"e{n}": 0.01 for n in range(20)}}, knowledge=knowledge)
    assert len(engine.candidates(["q"])[0]) == 20


def test_the_language_is_one_of_the_knowledge() -> None:
    engine = an_engine({})
    assert (engine.locale("几点开门"), engine.locale("when"), engine.locale("when", "zh")) == ("zh", "en", "zh")
    assert an_engine({}, knowledge=Knowledge((REFUND, HOURS))).locale("几点开门") == "en"
    assert {entry.locale for entry in (CHINESE, HELLO, GREETING)} <= {*KNOWLEDGE.locales}
