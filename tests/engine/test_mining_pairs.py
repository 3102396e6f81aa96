"""Questions and answers out of conversations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.dialogue import Speaker, Turn
from engine.logs.conversation import LoggedConversation, LoggedTurn
from engine.mining.pairs import gather, questions

CUSTOMER, AGENT = Speaker.CUSTOMER, Speaker.AGENT


def a_log(*turns: tuple[Speaker, str], name: str = "c") -> LoggedConversation:
    return LoggedConversation(name, tuple(LoggedTurn(Turn(speaker, text)) for speaker, text in turns))


def pairs_of(*turns: tuple[Speaker, str]) -> list[tuple[str, str]]:
    return [(pair.question, pair.answer) for pair in gather([a_log(*turns)], ("en", "zh")).pairs]


def test_a_question_gets_all_that_the_agent_then_says() -> None:
    found = pairs_of(
        (CUSTOMER, "Hi, how long does a refund take?"),
        (AGENT, "Hello Anna! Thank you for contacting us."),
        (AGENT, "A refund takes 5 days."),
        (AGENT, "With a card it may take 7. Anything else I can help with?"),
        (CUSTOMER, "No, thanks."),
        (AGENT, "Have a nice day!"),
    )
    assert found == [("how long does a refund take?", "A refund takes 5 days.\nWith a card it may take 7.")]


def test_what_a_customer_wrote_in_pieces_is_one_question() -> None:
    assert pairs_of((CUSTOMER, "hi"), (CUSTOMER, "my card was stolen"), (AGENT, "We block it.")) == [
        ("my card was stolen", "We block it.")
    ]


def test_an_answer_that_took_a_moment_is_still_the_answer() -> None:
    found = pairs_of(
        (CUSTOMER, "Do you repair bicycles?"),
        (AGENT, "Let me check that for you."),
        (CUSTOMER, "ok"),
        (AGENT, "Yes, in our workshop on Mondays."),
    )
    assert found == [("Do you repair bicycles?", "Yes, in our workshop on Mondays.")]


def test_a_value_that_the_agent_asked_for_is_no_question() -> None:
    found = pairs_of(
        (CUSTOMER, "I want to book a table."),
        (AGENT, "In which city?"),
        (CUSTOMER, "I would like it in San Jose please."),
        (AGENT, "For how many people?"),
        (CUSTOMER, "Do you have vegan dishes?"),
        (AGENT, "We have six of them."),
    )
    assert found == [("I want to book a table.", ""), ("Do you have vegan dishes?", "We have six of them.")]


def test_after_an_offer_to_help_a_request_counts() -> None:
    found = pairs_of(
        (CUSTOMER, "hello"),
        (AGENT, "How can I help you?"),
        (CUSTOMER, "I need an invoice."),
        (AGENT, "It is attached."),
    )
    assert found == [("I need an invoice.", "It is attached.")]


def test_what_leans_on_an_earlier_turn_is_left_out_and_counted() -> None:
    found = gather(
        [
            a_log(
                (CUSTOMER, "Do you deliver to Ireland?"), (AGENT, "Yes, we do."),
                (CUSTOMER, "And does it take long in winter?"), (AGENT, "5 euros."),
            )
        ],
        ("en",),
    )  # fmt: skip
    assert [pair.question for pair in found.pairs] == ["Do you deliver to Ireland?"]
    assert (found.conversations, found.messages, found.leaning) == (1, 2, 1)


def test_several_questions_of_one_message_are_parted() -> None:
    found = pairs_of((CUSTOMER, "Where is my order? Do you sell gift cards?"), (AGENT, "On its way, and yes we do."))
    assert [question for question, _ in found] == ["Where is my order?", "Do you sell gift cards?"]


def test_languages_are_told_apart() -> None:
    found = gather([a_log((CUSTOMER, "怎么申请退款？"), (AGENT, "请打开订单页面。"))], ("en", "zh")).pairs
    assert [(pair.question, pair.locale) for pair in found] == [("怎么申请退款？", "zh")]


def test_conversations_without_names_are_still_different_ones() -> None:
    logs = [a_log((CUSTOMER, "Where is my order?"), (AGENT, "On its way."), name="") for _ in range(3)]
    assert [pair.conversation for pair in gather(logs, ("en",)).pairs] == [0, 1, 2]


@pytest.mark.parametrize(
    "said", ["", "hi", "5 pm", "12345", "yes", "好的", "asdfghjkl", "you stupid bot", "?!?", "thanks!!!", "a" * 5000]
)
def test_what_asks_nothing_is_no_question(said: str) -> None:
    assert questions(said) == []


def test_of_a_letter_the_sentence_that_asks_is_taken() -> None:
    letter = "I bought a tent in May and it rained for a week. " * 12 + "How do I return the tent?"
    assert questions(letter) == ["How do I return the tent?"]


def test_agents_alone_and_nobody_at_all_give_nothing() -> None:
    found = gather([a_log((AGENT, "Hello?")), a_log()], ("en",))
    assert (found.pairs, found.conversations) == ((), 2)


@given(st.lists(st.tuples(st.sampled_from(list(Speaker)), st.text(max_size=60)), max_size=12))
def test_any_conversation_can_be_read_and_gives_no_empty_question(turns: list[tuple[Speaker, str]]) -> None:
    found = gather([a_log(*turns)], ("en", "zh"))
    assert all(pair.question.strip() for pair in found.pairs)
    assert found.messages == sum(speaker is CUSTOMER for speaker, _ in turns)
