"""What the networks are taught: every question, every answer that can be composed, and nothing made up."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from parts import GREETING, HELLO, HOLIDAYS, HOURS, KNOWLEDGE, REFUND

from engine.dialogue import Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.seq2seq.source import SourceWriter
from engine.text.tokenise import PieceTokenizer
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData
from engine.training.lesson import Example, Lesson, drawn_before, follow_ups_of, questions_of, replies_of, turns_of
from engine.understand.reader import QuestionReader
from engine.understand.slots import SlotFinder

TOKENIZER = PieceTokenizer.bytes_only()
WRITER = SourceWriter(TOKENIZER, QuestionReader(TOKENIZER, SlotFinder()))


def customer(text: str, **slots: str) -> LoggedTurn:
    return LoggedTurn(Turn(Speaker.CUSTOMER, text), slots=slots)


def agent(text: str, entry: Entry | None) -> LoggedTurn:
    return LoggedTurn(Turn(Speaker.AGENT, text), entry.id if entry else None)


def taught(*turns: LoggedTurn, knowledge: Knowledge = KNOWLEDGE) -> list[tuple[str, str]]:
    """Sources and targets that a logged conversation gives, as text."""
    data = TrainingData(knowledge, (LoggedConversation("one", turns),))
    return [as_text(example) for example in turns_of(data, WRITER, TOKENIZER)]


def as_text(example: Example) -> tuple[str, str]:
    assert example.target[-1] == TOKENIZER.end
    return TOKENIZER.decode(example.source), TOKENIZER.decode(example.target)


def test_every_question_is_taught_with_its_place_and_background_with_the_class_of_none() -> None:
    found = questions_of(KNOWLEDGE, ("what is the weather",))
    assert found[:-1] == tuple(KNOWLEDGE.examples())
    assert found[-1] == ("what is the weather", len(KNOWLEDGE))


def test_the_name_of_an_intent_is_one_more_question() -> None:
    knowledge = Knowledge((replace(REFUND, intent="money_back"), HOURS))
    assert questions_of(knowledge, ()) == (*knowledge.examples(), ("money back", 0))


@pytest.mark.parametrize(
    ("intent", "words"),
    [
        ("lost_card", "lost card"),
        ("lost-card", "lost card"),
        ("lostCard", "lost Card"),
        ("Lost  card?", "Lost card"),
        ("card.lost/abroad", "card lost abroad"),
        ("top_up_by_SEPA2", "top up by SEPA2"),
        ("退款_时间", "退款 时间"),
        ("pinQR", "pin QR"),
        ("", ""),
        ("___", ""),
    ],
)
def test_the_name_of_an_intent_reads_as_words(intent: str, words: str) -> None:
    assert replace(REFUND, intent=intent).topic == words


def test_every_question_of_an_entry_asks_for_its_answer_as_a_template() -> None:
    found = [own for _, own in replies_of(Knowledge((REFUND, GREETING)), WRITER, TOKENIZER, random.Random(1))]
    assert [len(own) for own in found] == [2, 1]
    for own, question in zip(found[0], REFUND.questions, strict=True):
        source, target = as_text(own)
        assert target == "You get your money back within ⟨1⟩ days."
        assert source == f" {question.casefold()}{target}"
        assert own.source.count(TOKENIZER.entry) == own.source.count(TOKENIZER.customer) == 1
    assert as_text(found[1][0])[1] == "Dear ⟨name⟩, here we are."


def test_every_third_question_is_asked_after_something_else_and_still_gets_the_whole_answer() -> None:
    many = replace(REFUND, questions=tuple(f"refund {word}?" for word in "abcdef"))
    knowledge = Knowledge((many, replace(HOURS, intent="opening")))
    (_, own), *_ = replies_of(knowledge, WRITER, TOKENIZER, random.Random(1))
    assert [TOKENIZER.topic in example.source for example in own] == [False, False, True] * 2
    assert len({example.target for example in own}) == 1
    source = TOKENIZER.decode(own[2].source)
    assert source.startswith(" opening")
    assert "when are you open? we are open" in source
    drawn = replies_of(knowledge, WRITER, TOKENIZER, random.Random(1))
    assert drawn == replies_of(knowledge, WRITER, TOKENIZER, random.Random(1))


def test_what_is_drawn_to_stand_before_is_of_the_same_language_and_small_talk_is_no_topic() -> None:
    chinese = Entry("zh", "三天。", ("多久？",), "time", "zh")
    drawn = [drawn_before(Knowledge((REFUND, HELLO, chinese)), REFUND, random.Random(seed)) for seed in range(30)]
    assert {one.turns[1].text for one in drawn} == {"Hello there!"}
    assert {one.topic for one in drawn} == {""}
    assert {len(one.slots) for one in drawn} == {0, 1, 2}
    assert drawn_before(Knowledge((REFUND,)), REFUND, random.Random(1)).turns == ()


def test_answers_too_long_or_with_too_many_values_are_not_composed() -> None:
    long = Entry("long", "word " * 1000, ("long",))
    crowded = Entry("crowded", " and ".join(f"{number}0 days" for number in range(1, 31)), ("many",))
    marked = Entry("marked", "a ⟨1⟩ of the author's own", ("mark",))
    assert len(replies_of(Knowledge((long, crowded, marked, HOURS)), WRITER, TOKENIZER, random.Random(1))) == 1


def test_an_agents_turn_is_taught_with_what_was_said_before_it() -> None:
    found = taught(
        customer("hello"), agent("Hi.", None), customer("refund?"), agent("Within 14 days you have it.", REFUND)
    )
    assert found == [(" hello hi. refund?You get your money back within ⟨1⟩ days.", "Within ⟨1⟩ days you have it.")]


def test_an_agents_turn_is_taught_with_the_topic_and_the_slots_that_are_known_by_then() -> None:
    knowledge = Knowledge((replace(REFUND, intent="refund"), HOURS))
    found = taught(
        customer("refund? I am Ada", name="Ada"),
        agent("Within 14 days you have it.", REFUND),
        customer("and when can I call?"),
        agent("From 9 to 17.", HOURS),
        knowledge=knowledge,
    )
    assert found[-1][0].startswith(" refund⟨name⟩ refund?")


def test_a_turn_with_a_value_of_its_own_is_left_out() -> None:
    before = (customer("hello"), agent("Hi.", None), customer("refund?"))
    assert len(taught(*before, agent("It takes 14 days.", REFUND))) == 1
    assert taught(*before, agent("It takes 21 days.", REFUND)) == []
    assert taught(*before, agent("Write to us@example.com.", REFUND)) == []


def test_the_first_answer_of_a_conversation_is_left_out() -> None:
    assert taught(customer("refund?"), agent("Within 14 days you have it.", REFUND)) == []


def test_a_value_that_the_customer_gave_becomes_a_slot() -> None:
    found = taught(
        customer("I am Ada", name="Ada"),
        agent("Hi.", None),
        customer("greet me"),
        agent("Dear Ada, here we are.", GREETING),
    )
    assert found[0][1] == "Dear ⟨name⟩, here we are."


def test_a_turn_that_answers_no_question_or_no_entry_is_left_out() -> None:
    before = (customer("hello"), agent("Hi.", None), customer("when?"))
    assert len(taught(*before, agent("From 9 to 17.", HOURS))) == 1
    assert taught(agent("We open at 9.", HOURS)) == []
    assert taught(*before, agent("One moment.", None)) == []
    assert taught(*before, agent("One moment.", None), agent("From 9 to 17.", HOURS)) == []
    assert taught(*before, agent("From 9 to 17.", HOURS), knowledge=Knowledge((REFUND, GREETING))) == []


def test_a_follow_up_is_known_with_what_it_leans_on_and_the_entry_that_answers_it() -> None:
    turns = (
        customer("when are you open?"),
        agent("From 9 to 17.", HOURS),
        customer("hello"),
        agent("Hello there!", HELLO),
        customer("and on holidays?"),
        agent("Closed.", HOLIDAYS),
        customer("How long does a refund take?"),
        agent("14 days.", REFUND),
    )
    data = TrainingData(KNOWLEDGE, (LoggedConversation("one", turns), LoggedConversation("two", turns[4:])))
    found = [(one.text, one.before, one.topic, one.entry) for one in follow_ups_of(data)]
    assert found == [("and on holidays?", "hello", "hours", "holidays")]


def test_an_epoch_draws_a_few_replies_of_every_entry_and_every_turn() -> None:
    replies = tuple(tuple(Example((entry,), (reply,)) for reply in range(entry)) for entry in range(4))
    turns = (Example((9,), (9,)),)
    lesson = Lesson(replies, turns)
    drawn = lesson.draw(random.Random(0), each=2)
    assert [sum(example.source == (entry,) for example in drawn) for entry in range(4)] == [0, 1, 2, 2]
    assert len(set(drawn)) == len(drawn)
    assert drawn[-1:] == list(turns)
    assert drawn == lesson.draw(random.Random(0), each=2)
    assert {example for seed in range(20) for example in lesson.draw(random.Random(seed), each=2)} == {
        *turns,
        *(example for own in replies for example in own),
    }
