"""Placeholders for personal data: stable within a conversation, and never two meanings for one."""

from __future__ import annotations

import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from engine.checks.masking import (
    Placeholders,
    mask,
    mask_conversation,
    mask_data,
    mask_entry,
    mask_knowledge,
    masked,
    public_of,
    restored,
)
from engine.checks.personal import find
from engine.dialogue import Speaker, Turn
from engine.knowledge.entries import Entry, Knowledge
from engine.knowledge.template import template
from engine.text.tokenise import SLOT_MARKS
from engine.training.data import LoggedConversation, LoggedTurn, TrainingData
from engine.training.questions import Question

HOURS = Entry("hours", "Nine to five; write to help@shop.example or call 020 7946 0018.", ("when",), "", "en")


def said(text: str, speaker: Speaker = Speaker.CUSTOMER, **slots: str) -> LoggedTurn:
    return LoggedTurn(Turn(speaker, text), None, slots)


def texts_of(conversation: LoggedConversation) -> list[str]:
    return [logged.turn.text for logged in conversation.turns]


def test_a_value_keeps_its_placeholder_however_it_is_written() -> None:
    found = masked(["07700 900123 or 07700900456", "so, 07700-900456 or 07700900123", "A@b.example", "a@B.example"])
    assert found.texts == ("⟨phone⟩ or ⟨phone_2⟩", "so, ⟨phone_2⟩ or ⟨phone⟩", "⟨email⟩", "⟨email⟩")
    assert found.values == {"phone": "07700 900123", "phone_2": "07700900456", "email": "A@b.example"}


def test_every_kind_has_its_placeholder() -> None:
    text = "a@b.example 4111111111111111 GB82WEST12345698765432 11010519491231002X +44 20 7946 0018"
    assert mask(text) == "⟨email⟩ ⟨card⟩ ⟨iban⟩ ⟨id_number⟩ ⟨phone⟩"


def test_a_placeholder_that_stands_there_already_keeps_its_own_meaning() -> None:
    found = masked(["⟨phone⟩ called", "my number is 07700 900123"])
    assert found.texts == ("⟨phone⟩ called", "my number is ⟨phone_2⟩")
    assert restored(found.texts[0], found.values) == "⟨phone⟩ called"


def test_placeholders_are_those_that_composing_knows() -> None:
    assert mask("a@b.example") in SLOT_MARKS
    assert template(HOURS.answer).text.count("⟨") == 2


def test_names_and_orders_are_masked_where_the_conversation_names_them() -> None:
    found = masked(["I'm Grace Lowe, FW-317042", "Thanks, Mrs Lowe: fw-317042?"], slots={"name": "Grace Lowe"})
    assert found.texts == ("I'm ⟨name⟩, FW-317042", "Thanks, Mrs ⟨name⟩: fw-317042?")
    order = {"order_number": re.compile("FW-[0-9]+", re.IGNORECASE)}
    assert masked(["FW-317042", "fw-317042"], patterns=order).texts == ("⟨order_number⟩", "⟨order_number⟩")


def test_a_name_is_no_part_of_a_longer_word() -> None:
    assert masked(["Al, almost all", "Alan and Al."], slots={"name": "Al"}).texts == (
        "⟨name⟩, almost all",
        "Alan and ⟨name⟩.",
    )
    assert masked(["我叫王芳，谢谢"], slots={"name": "王芳"}).texts == ("我叫⟨name⟩，谢谢",)


def test_empty_and_odd_slots_change_nothing() -> None:
    slots = {"name": " ", "order_number": "", "date": "2 March", "email": "⟨email⟩"}
    assert masked(["on 2 March"], slots=slots).texts == ("on 2 March",)


def test_a_logged_conversation_is_masked_in_turns_and_slots_but_for_what_is_public() -> None:
    log = LoggedConversation(
        "one",
        (
            said("I'm Priya, FW-1234, priya@post.example", name="Priya", order_number="FW-1234", amount="£3"),
            said("Priya, write to help@shop.example about FW-1234.", Speaker.AGENT),
            said("from priya@post.example? call me: 07700 900123"),
        ),
    )
    public = public_of(Knowledge((HOURS,)))
    found = mask_conversation(log, public)
    assert texts_of(found) == [
        "I'm ⟨name⟩, ⟨order_number⟩, ⟨email⟩",
        "⟨name⟩, write to help@shop.example about ⟨order_number⟩.",
        "from ⟨email⟩? call me: ⟨phone⟩",
    ]
    assert found.turns[0].slots == {"name": "⟨name⟩", "order_number": "⟨order_number⟩", "amount": "£3"}
    assert mask_conversation(found, public) == found


def test_answers_are_public_and_questions_are_not() -> None:
    entry = replace(HOURS, questions=("is a@b.example yours", "is c@d.example yours", "when"))
    assert mask_entry(entry).answer == HOURS.answer
    assert mask_entry(entry).questions == ("is ⟨email⟩ yours", "is ⟨email_2⟩ yours", "when")
    assert mask_entry(HOURS) is HOURS


def test_all_that_a_run_learns_from_is_masked() -> None:
    knowledge = Knowledge((HOURS,), ("call 07700 900123", "call 07700 900456"))
    logs = (LoggedConversation("one", (said("a@b.example"), said("help@shop.example", Speaker.AGENT))),)
    data = mask_data(TrainingData(knowledge, logs, (), (Question("ask a@b.example", frozenset({"hours"})),)))
    assert data.knowledge == mask_knowledge(knowledge) == Knowledge((HOURS,), ("call ⟨phone⟩",))
    assert texts_of(data.conversations[0]) == ["⟨email⟩", "help@shop.example"]
    assert data.validation[0].text == "ask ⟨email⟩"


def test_what_is_told_later_is_masked_from_then_on() -> None:
    places = Placeholders()
    places.tell("name", "Priya")
    assert places.mask("Hi Priya") == "Hi ⟨name⟩"
    assert places.values == {"name": "Priya"}


numbers = "4111 1111 1111 1111", "07700 900123", "a@b.example", "13812345678", "GB82 WEST 1234 5698 7654 32", "⟨phone⟩"
pieces = st.lists(st.sampled_from(numbers) | st.text("0123456789 ,-+@a电话", max_size=8), max_size=6).map(" ".join)


@given(st.text() | pieces)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once) == once
    assert not any(find(part) for part in re.split("⟨[^⟨⟩]+⟩", once))


@given(st.lists(pieces, max_size=4))
def test_what_a_placeholder_stands_for_can_be_put_back(texts: list[str]) -> None:
    found = masked(texts)
    again = masked([restored(text, found.values) for text in found.texts])
    assert again.texts == found.texts
