"""Nothing leaves the house empty, endless or half filled in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.guard import LONGEST_REPLY, Guard
from bot.wording import BUILT_IN
from engine.dialogue import Source
from engine.text.normalise import clean
from tests.builders import a_reply, a_response, a_wording


def guard() -> Guard:
    return Guard(a_wording())


def test_a_sound_answer_leaves_as_it_is() -> None:
    reply = a_reply(choices=["one", "two"], candidates=[("refund", 0.9)], handoff=True)
    assert guard().review(a_response(reply), "en") == reply


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t ",
        "\x00\x07",
        "Hello ⟨name⟩!",
        "Hello {name}!",
        "Order {order_number|unknown} is on its way.",
        "x" * (LONGEST_REPLY + 1),
    ],
)
def test_what_must_not_leave_becomes_an_honest_sentence(text: str) -> None:
    reply = guard().review(a_response(a_reply(text)), "zh")
    assert reply.text == BUILT_IN["zh"]["unsure"]
    assert (reply.provenance.source, reply.provenance.origin, reply.confidence) == (Source.FIXED, "guard", 0.0)
    assert "held back" in reply.provenance.reason
    assert (reply.entry, reply.choices, reply.handoff) == (None, (), False)


@pytest.mark.parametrize("text", ["x" * LONGEST_REPLY, "{unknown} stays", "a < b > c", "{}", "Use {names}."])
def test_what_is_no_placeholder_of_ours_may_leave(text: str) -> None:
    assert guard().review(a_response(a_reply(text)), "en").text == text


@given(st.text(st.characters(), max_size=200))
def test_no_reply_is_empty_or_holds_what_a_screen_or_database_refuses(text: str) -> None:
    said = guard().review(a_response(a_reply(text)), "en").text
    assert said.strip()
    assert said == clean(said).strip()
