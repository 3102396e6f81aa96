"""Updates of Telegram in the words of the house."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from telegram_updates import (
    ANN,
    BOT,
    LI,
    OFFICE,
    SENT,
    TEAM,
    a_message,
    an_update,
    edited,
    of_bot,
    pressed,
    welcome,
    written,
)

from adapters.sandbox import telegram_payloads as payloads
from adapters.telegram.places import Place, signed, signed_for
from adapters.telegram.reading import NOTHING, Answer, Me, Reader, Reading, Said
from engine.dialogue import ChannelEvent, ConversationKey, EventKind

READER = Reader("telegram", Me(77, "shop_bot"), OFFICE.id, "en", welcome)
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
AT = datetime.fromtimestamp(SENT, UTC)
KEY = ConversationKey("telegram", "1001")


def read(update: Any) -> Reading:
    return READER.read(update, NOW)


def heard(update: Any) -> ChannelEvent:
    event = read(update).event
    assert event is not None
    return event


def texts(*updates: Any) -> list[str | None]:
    return [None if (event := read(update).event) is None else event.text for update in updates]


def test_a_message_of_a_customer() -> None:
    assert heard(written("  Where is my order? ")) == ChannelEvent(
        KEY, "m1001:5", EventKind.MESSAGE, AT, "Where is my order?", "1001"
    )


def test_an_edit_is_about_the_message_that_it_changes() -> None:
    event = heard(edited("order 4512"))
    assert event == ChannelEvent(
        KEY, f"e1001:5:{SENT + 60}", EventKind.EDIT, AT + timedelta(seconds=60), "order 4512", "1001", about="m1001:5"
    )
    assert event.about == heard(written("order 4511")).event_id


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (payloads.photo("f"), ("photo",)),
        (payloads.voice("f"), ("voice",)),
        (payloads.video("f"), ("video",)),
        (payloads.document("f"), ("file",)),
        (payloads.sticker("f"), ("sticker",)),
        (payloads.location(), ("location",)),
        ({"contact": {"phone_number": "1", "first_name": "B"}}, ("contact",)),
        ({"venue": {"location": payloads.location()["location"], "title": "x", "address": "y"},
          **payloads.location()}, ("location",)),
        ({"animation": payloads.video("f")["video"], "document": payloads.document("f")["document"]}, ("video",)),
    ],
)  # fmt: skip
def test_what_else_came_is_said_in_a_word(content: Any, words: tuple[str, ...]) -> None:
    event = heard(written(content))
    assert (event.text, event.attachments) == ("", words)


def test_a_caption_is_the_text() -> None:
    event = heard(written(payloads.photo("f", "is this the right one?")))
    assert (event.text, event.attachments) == ("is this the right one?", ("photo",))


def test_topics_of_a_forum_are_conversations_of_their_own() -> None:
    event = heard(written("@shop_bot hi", place=TEAM, is_topic_message=True, message_thread_id=12))
    assert event.key.thread == f"{TEAM.id}:12"
    assert Place.parse(event.key.thread) == Place(TEAM.id, 12)
    # Replies outside of topics have a thread number too, and it means nothing.
    assert heard(written("@shop_bot hi", place=TEAM, message_thread_id=12)).key.thread == str(TEAM.id)


def test_in_a_group_only_what_is_meant_for_the_bot_is_heard() -> None:
    answer = of_bot("At nine.", TEAM)
    other = a_message("Lunch?", place=TEAM, sender=LI)
    linked = {
        "text": "Fern when?",
        "entities": [{"type": "text_mention", "offset": 0, "length": 4, "user": BOT}],
    }
    assert (
        texts(
            written("Lunch?", place=TEAM),
            written("@other_bot lunch?", place=TEAM),
            written("Lunch?", place=TEAM, reply_to=other),
            written("/help", place=TEAM),
            written("/help@other_bot", place=TEAM),
            written("ann@shop_bot.example", place=TEAM),
        )
        == [None] * 6
    )
    assert texts(
        written("🎉 @SHOP_bot when do you open?", place=TEAM),
        written("@shop_bot, when?", place=TEAM),
        written(linked, place=TEAM),
        written("And on Sundays?", place=TEAM, reply_to=answer),
        written("/help@Shop_Bot", place=TEAM),
        written("/forget@shop_bot me", place=TEAM),
        written("@shop_bot", place=TEAM),
        written(payloads.photo("f", "@shop_bot what is this?"), place=TEAM),
    ) == ["🎉 when do you open?", "when?", "when?", "And on Sundays?", "/help", "/forget me", "", "what is this?"]


@pytest.mark.parametrize("text", ["/help", "/why", "/human", "/new", "/forget", "/forget me", "/nonsense"])
def test_commands_of_the_house_are_passed_on(text: str) -> None:
    assert texts(written(text), written(text.replace(" ", "@shop_bot ", 1) if " " in text else f"{text}@shop_bot")) == [
        text,
        text,
    ]


def test_commands_of_the_channel_are_answered_by_it() -> None:
    place = Place(ANN.id)
    assert read(written("/start")).said == Said(place, "Hello! (en)")
    assert read(written("/start payload")).said == Said(place, "Hello! (en)")
    assert read(written("/start", sender=LI, place=LI)).said == Said(Place(LI.id), "Hello! (zh-hans)")
    english, chinese = read(written("/language en")).said, read(written("/language", sender=LI)).said
    assert english is not None
    assert chinese is not None
    assert ("language that you write in" in english.text, "语言" in chinese.text) == (True, True)
    number = read(written("/id@shop_bot", place=OFFICE)).said
    assert number is not None
    assert (number.place.chat, str(OFFICE.id) in number.text) == (OFFICE.id, True)
    assert read(written("/starting")).event is not None


@pytest.mark.parametrize(
    "update",
    [
        {"message": a_message("hi", sender=BOT, place=ANN)},
        {"message": a_message("hi", sender={**BOT, "id": 99}, place=ANN)},
        {"message": a_message({"new_chat_title": "x"}, place=TEAM)},
        {"message": a_message({"pinned_message": a_message("x")})},
        {"edited_message": a_message(payloads.location(), edit_date=SENT)},
        {"channel_post": a_message("hi")},
        {"edited_channel_post": a_message("hi")},
        {"business_message": a_message("hi")},
        {"poll_answer": {"poll_id": "1", "option_ids": [], "option_persistent_ids": []}},
        {"something_new": {"text": "hi"}},
        {},
    ],
)
def test_what_is_not_for_the_bot_is_no_event(update: Any) -> None:
    assert read(an_update(update)) == NOTHING


def test_whoever_blocks_the_bot_is_noted() -> None:
    def noted(place: Any, before: str, after: str) -> str:
        change = payloads.bot_member(payloads.chat(place), payloads.user(ANN), BOT, SENT, before, after)
        reading = read(an_update({"my_chat_member": change}))
        assert reading.event is None
        return reading.note

    assert noted(ANN, "member", "kicked") == "customer 1001 has blocked the bot"
    assert noted(ANN, "kicked", "member") == "customer 1001 lets the bot write again"
    assert noted(TEAM, "member", "left") == f"the bot is no longer in supergroup {TEAM.id}"


# Buttons


def test_a_choice_is_a_message_with_its_text() -> None:
    said = of_bot("Which?", ANN, buttons=[[("Delivery time", "c:1")], [("退款", "c:2")]])
    reading = read(pressed(said, "c:2"))
    assert reading.event == ChannelEvent(KEY, "b1001:9:c:2", EventKind.MESSAGE, NOW, "退款", "1001")
    assert reading.tap is not None
    assert (reading.tap.notice, reading.tap.clear, reading.tap.message) == ("退款", True, 9)


def test_a_numbered_choice_is_the_line_it_stands_for() -> None:
    said = of_bot("Which?\n1. A long one\n2. Another long one", ANN, buttons=[[("1", "c:1"), ("2", "c:2")]])
    assert texts(pressed(said, "c:2"), pressed(of_bot("cut off", ANN, buttons=[[("2", "c:2")]]), "c:2")) == [
        "Another long one",
        "2",
    ]
    gone = {"chat": said["chat"], "message_id": 9, "date": 0}
    assert texts(pressed(gone, "c:2")) == ["2"]


@pytest.mark.parametrize(("data", "verdict"), [("+:m1001:5", "good"), ("-:m1001:5", "bad")])
def test_a_thumb_is_a_verdict_on_the_reply_to_that_message(data: str, verdict: str) -> None:
    event = heard(pressed(of_bot("Within 14 days.", ANN, buttons=[[("👍", data)]]), data))
    assert (event.kind, event.text, event.about) == (EventKind.VERDICT, verdict, "m1001:5")


def test_a_wish_for_a_person_is_the_command_for_it() -> None:
    reading = read(pressed(of_bot("x", ANN), "h:", LI))
    assert (reading.event and reading.event.text, reading.tap and reading.tap.notice) == (
        "/human",
        "正在为您转接人工客服。",
    )


def test_the_same_button_pressed_twice_is_one_event() -> None:
    said = of_bot("Which?", ANN, buttons=[[("A", "c:1"), ("B", "c:2")]])
    first, again, other = (heard(pressed(said, data)).event_id for data in ("c:1", "c:1", "c:2"))
    assert (first == again, first == other) == (True, False)


@pytest.mark.parametrize("data", ["", "x", "zz:1", ":", "a:1001", "g:1001", "x:1001"])
def test_a_button_that_is_not_for_customers_is_confirmed_and_nothing_else(data: str) -> None:
    reading = read(pressed(of_bot("x", ANN), data))
    assert (reading.event, reading.said, reading.tap and reading.tap.clear) == (None, None, False)


# People of the company


def test_a_reply_in_the_admin_chat_goes_to_the_conversation_that_it_is_about() -> None:
    note = of_bot(signed("Somebody waits.", Place(1001)), OFFICE)
    reading = read(written("It is on its way.", place=OFFICE, sender=LI, reply_to=note))
    assert reading.event == ChannelEvent(KEY, f"m{OFFICE.id}:5", EventKind.PERSON, AT, "It is on its way.", None)
    assert reading.answer == Answer(Place(1001), "It is on its way.", Place(OFFICE.id), 5)


def test_a_photo_of_a_person_is_copied() -> None:
    note = of_bot(signed("Somebody waits.", Place(TEAM.id, 12)), OFFICE)
    reading = read(written(payloads.photo("f", "like this"), place=OFFICE, sender=LI, reply_to=note))
    assert reading.answer == Answer(Place(TEAM.id, 12), "like this", Place(OFFICE.id), 5, copied=True)


def test_an_anonymous_admin_is_a_person_too() -> None:
    note = of_bot(signed("Somebody waits.", Place(1001)), OFFICE)
    anonymous = {"id": 1087968824, "is_bot": True, "first_name": "Group", "username": "GroupAnonymousBot"}
    more = {"sender_chat": payloads.chat(OFFICE)}
    assert read(written("Hello", place=OFFICE, sender=anonymous, reply_to=note, **more)).answer is not None
    assert read(written("Hello", place=OFFICE, sender=anonymous, reply_to=note)) == NOTHING


def test_talk_in_the_admin_chat_is_nobodys_business() -> None:
    note = of_bot(signed("Somebody waits.", Place(1001)), OFFICE)
    unrelated = of_bot("no conversation", OFFICE)
    theirs = a_message(signed("Mine", Place(1001)), place=OFFICE, sender=LI)
    for update in (
        written("@shop_bot what do you say?", place=OFFICE, sender=LI),
        written("Hello", place=OFFICE, sender=LI, reply_to=unrelated),
        written("Hello", place=OFFICE, sender=LI, reply_to=theirs),
        written("/help@shop_bot", place=OFFICE, sender=LI, reply_to=note),
        edited("Hello", place=OFFICE, sender=LI, reply_to=note),
    ):
        assert read(update) == NOTHING


def test_a_reply_to_what_a_customer_wrote_goes_nowhere_and_the_person_is_told() -> None:
    forwarded = {
        **of_bot("from a customer\n#1002", OFFICE),
        "forward_origin": {"type": "hidden_user", "sender_user_name": "x", "date": SENT},
    }
    reading = read(written("Hello", place=OFFICE, sender=LI, reply_to=forwarded))
    assert (reading.event, reading.answer) == (None, None)
    assert reading.said is not None
    assert reading.said.text.startswith("Not sent")


@pytest.mark.parametrize(("data", "kind"), [("g:1001", EventKind.GIVEN_BACK), ("x:1001", EventKind.CLOSED)])
def test_buttons_of_people(data: str, kind: EventKind) -> None:
    reading = read(pressed(of_bot("Somebody waits.", OFFICE), data, LI))
    assert reading.event == ChannelEvent(KEY, f"b{OFFICE.id}:9:{data}", kind, NOW)
    assert reading.tap is not None
    assert reading.tap.clear


def test_the_button_to_answer_opens_the_line_for_it() -> None:
    reading = read(pressed(of_bot("Somebody waits.", OFFICE), "a:1001:7", LI))
    assert reading.event is None
    assert reading.said is not None
    assert reading.said.force_reply
    assert signed_for(reading.said.text) == Place(1001, 7)


def test_an_admin_chat_that_gets_another_number_is_followed() -> None:
    reader = Reader("telegram", Me(77, "shop_bot"), OFFICE.id, "en", welcome)
    moved = reader.read(written({"migrate_to_chat_id": -1007}, place=OFFICE), NOW)
    assert (moved.event, moved.moved) == (None, -1007)
