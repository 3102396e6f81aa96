"""Buttons below replies: what is offered, within the bytes that Telegram carries, and what comes back."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from adapters.telegram.buttons import LONGEST_LABEL, Kind, Press, below, chosen, for_people, notice, pressed
from adapters.telegram.places import Place
from engine.dialogue import Reply, Source
from tests.builders import a_reply

NAME = "m1001:5"


def labels(reply: Reply, message_id: str = NAME) -> list[list[str]]:
    return [[button.label for button in row] for row in below(reply, message_id)[1]]


def test_an_answer_can_be_judged_and_a_person_be_asked_for() -> None:
    text, ((good, bad, person),) = below(a_reply("Within 14 days."), NAME)
    assert (text, good.label, bad.label, person.label) == ("Within 14 days.", "👍", "👎", "👤 Person")
    assert [pressed(button.data) for button in (good, bad)] == [Press(Kind.GOOD, NAME), Press(Kind.BAD, NAME)]
    assert labels(a_reply("十四天之内。")) == [["👍", "👎", "👤 人工客服"]]


def test_what_is_no_answer_is_not_judged() -> None:
    assert labels(a_reply("I do not know.", Source.FIXED, origin="arbiter")) == [["👤 Person"]]
    assert labels(a_reply("Which shop?", Source.CLARIFY)) == [["👤 Person"]]


def test_a_sentence_of_the_house_stands_alone() -> None:
    assert labels(a_reply("Help.", Source.FIXED, origin="bot")) == []
    assert labels(a_reply("A colleague will answer.", Source.HANDOFF, handoff=True)) == []


def test_choices_are_buttons() -> None:
    text, rows = below(a_reply("Which?", Source.CLARIFY, choices=["Delivery  time", "退款"]), NAME)
    assert (text, [[button.label for button in row] for row in rows]) == (
        "Which?",
        [["Delivery time"], ["退款"], ["👤 Person"]],
    )


def test_long_choices_stand_in_the_text_and_their_numbers_are_buttons() -> None:
    long = "How long does it take until my parcel arrives in the UK?"
    text, rows = below(a_reply("Which?", Source.CLARIFY, choices=["Refund", long]), NAME)
    assert text == f"Which?\n1. Refund\n2. {long}"
    assert [[button.label for button in row] for row in rows] == [["1", "2"], ["👤 Person"]]
    assert chosen("2", "2", text) == long


def test_a_message_with_a_long_name_is_not_judged() -> None:
    assert labels(a_reply(), "m" * 80) == [["👤 Person"]]


@given(st.lists(st.text(max_size=80), max_size=8), st.text(max_size=80))
def test_data_fits_and_whatever_is_chosen_comes_back_as_it_was(choices: list[str], name: str) -> None:
    text, rows = below(a_reply("Which?", Source.CLARIFY if choices else Source.RETRIEVED, choices=choices), name)
    offered = [button for row in rows for button in row]
    assert all(1 <= len(button.data.encode("utf-8", "surrogatepass")) <= 64 for button in offered)
    back = [(button, pressed(button.data)) for button in offered]
    taken = [chosen(press.value, button.label, text) for button, press in back if press and press.kind is Kind.CHOICE]
    wanted = [" ".join(choice.split()) for choice in choices]
    assert len(taken) == len(wanted)
    for number, (took, want) in enumerate(zip(taken, wanted, strict=True), start=1):
        assert took == want or (not want and took == str(number))


@given(st.text())
def test_a_notice_is_short(text: str) -> None:
    assert len(notice(text).encode("utf-16-le", "surrogatepass")) // 2 <= 200
    assert LONGEST_LABEL < 100


def test_people_can_answer_give_back_and_close() -> None:
    (row,) = for_people(Place(1001), "en")
    assert [(button.label, button.data) for button in row] == [
        ("Answer", "a:1001"),
        ("Back to the bot", "g:1001"),
        ("Close", "x:1001"),
    ]
    (shorter,) = for_people(Place(1001), "zh", answer=False)
    assert [button.label for button in shorter] == ["交还机器人", "结束"]
