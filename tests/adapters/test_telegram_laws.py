"""What holds for every update of Telegram, however odd, and for the names of its messages and conversations."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from telegram_updates import ANN, BOT, LI, OFFICE, SENT, TEAM, a_message, an_update, of_bot, welcome

from adapters.sandbox import telegram_payloads as payloads
from adapters.telegram.places import Place, message_name, number_of, signed, signed_for, unsigned
from adapters.telegram.reading import NOTHING, Me, Reader, Reading
from engine.dialogue import ConversationKey, EventKind

READER = Reader("telegram", Me(77, "shop_bot"), OFFICE.id, "en", welcome)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = datetime.fromtimestamp(SENT, UTC)
KEY = ConversationKey("telegram", "1001")


def read(update: Any) -> Reading:
    return READER.read(update, NOW)


@given(st.integers(-(10**15), 10**15).filter(bool), st.none() | st.integers(1, 10**9), st.text(max_size=50))
def test_a_signed_text_tells_what_it_is_about(chat: int, topic: int | None, text: str) -> None:
    place = Place(chat, topic)
    assert Place.parse(place.thread) == place
    assert signed_for(signed(text, place)) == place
    assert signed_for(unsigned(signed(text, place))) is None
    assert len(f"a:{place.thread}".encode()) <= 64


@given(st.integers(-(10**15), 10**15), st.integers(1, 10**9))
def test_the_name_of_a_message_gives_its_number_back(chat: int, number: int) -> None:
    name = message_name(chat, number)
    assert (number_of(name, chat), number_of(name, chat + 1), number_of(f"b{name}", chat)) == (number, None, None)


@given(st.text(max_size=60))
def test_whatever_text_is_a_conversation_or_is_not(text: str) -> None:
    signed_for(text)
    with suppress(ValueError):
        assert Place.parse(text).thread


TEXTS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(["/start", "/help@shop_bot", "@shop_bot hi", "/", "//", "/@", "#1001", "\ud83d", "a\n#1001"]),
)
CONTENTS = st.one_of(
    TEXTS.map(payloads.text),
    TEXTS.map(lambda text: payloads.photo("f", text)),
    st.builds(
        lambda text, offset, length, kind: {
            "text": text,
            "entities": [{"type": kind, "offset": offset, "length": length}],
        },
        TEXTS,
        st.integers(-3, 30),
        st.integers(-3, 30),
        st.sampled_from(["mention", "bot_command", "text_mention", "a_new_kind"]),
    ),
    st.sampled_from(
        [{}, payloads.voice("f"), payloads.location(), {"new_chat_members": []}, {"dice": {"value": 3, "emoji": "x"}}]
    ),
)
MESSAGES = st.builds(
    lambda content, sender, place, number, reply, more: a_message(
        content, sender=sender, place=place, number=number, reply_to=reply, **more
    ),
    CONTENTS,
    st.sampled_from([ANN, LI, BOT]),
    st.sampled_from([None, TEAM, OFFICE]),
    st.integers(0, 2**53),
    st.one_of(
        st.none(),
        st.builds(lambda text: of_bot(text, OFFICE), st.one_of(TEXTS, st.just("x\n#1001"))),
        st.just(a_message("x")),
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "message_thread_id": st.integers(0, 9),
            "is_topic_message": st.booleans(),
            "edit_date": st.just(SENT),
            "sender_chat": st.just(payloads.chat(OFFICE)),
            "is_automatic_forward": st.booleans(),
        },
    ),
)
UPDATES = st.one_of(
    st.builds(
        lambda kind, message: {kind: message},
        st.sampled_from(["message", "edited_message", "channel_post", "guest_message", "what_comes_next"]),
        MESSAGES,
    ),
    st.builds(
        lambda message, data, sender: {
            "callback_query": payloads.callback_query("q", payloads.user(sender), message, data)
        },
        MESSAGES,
        st.one_of(st.text(max_size=20), st.sampled_from(["c:1", "+:m1:2", "h:", "a:1", "g:-100:7", "x:", "g:x"])),
        st.sampled_from([ANN, LI]),
    ),
)  # fmt: skip


@given(UPDATES)
def test_no_update_makes_it_fail_and_every_event_can_be_kept(data: Any) -> None:
    event = read(an_update(data)).event
    if event is not None:
        assert event.key.channel == "telegram"
        assert Place.parse(event.key.thread)
        assert event.at.tzinfo is not None
        assert 0 < len(event.event_id) <= 512
        assert (event.about is None) == (event.kind not in (EventKind.EDIT, EventKind.VERDICT))


@given(MESSAGES, st.sampled_from(["channel_post", "edited_channel_post", "business_message", "what_comes_next"]))
def test_kinds_of_updates_that_mean_nothing_here_give_no_event(message: Any, kind: str) -> None:
    assert read(an_update({kind: message})) == NOTHING
