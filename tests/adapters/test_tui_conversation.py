"""A conversation in the terminal: what is asked, answered, chosen, restored and left."""

from __future__ import annotations

import functools
import threading
import uuid
from datetime import UTC

import pytest
from terminal_desk import KEY, Bot, SmallDesk, a_reply, an_app, screen, shows, turns, until, write

from adapters.tui.line import Line
from adapters.tui.transcript import Option, Saying, Transcript, Typing
from engine.dialogue import Source, Speaker, Turn


async def test_a_question_gets_its_reply_with_source_and_confidence():
    bot = Bot(lambda _: a_reply("It costs £3.90."))
    app = an_app(bot)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press(*"how much?", "enter")
        await until(lambda: shows(app, "It costs £3.90. retrieved · delivery-cost-uk · 93 %"))
    (message,) = bot.heard
    assert (message.key, message.text) == (KEY, "how much?")
    assert uuid.UUID(message.message_id).version == 4
    assert message.sent_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("reply", "note"),
    [
        (
            a_reply("x", Source.GENERATED, entry="size-guide", confidence=0.876),
            "generated · size-guide · 88 %",
        ),
        (a_reply("x", Source.GENERATED, entry=None), "generated · the origin · 93 %"),
        (a_reply("x", Source.CLARIFY, entry=None, confidence=0.41), "asking back · 41 %"),
        (a_reply("x", Source.FIXED, entry=None, confidence=0), "fixed sentence"),
        (a_reply("x", Source.HANDOFF, entry=None), "→ handed to a person"),
    ],
)
async def test_every_source_is_said_in_words(reply, note):
    app = an_app(Bot(lambda _: reply))
    async with app.run_test():
        await write(app, "hello")
        await until(lambda: [row for row in screen(app) if row == f" ▌ {note}"])


async def test_a_handoff_does_not_look_like_an_answer():
    app = an_app(Bot(lambda _: a_reply("A colleague will answer.", Source.HANDOFF)))
    async with app.run_test():
        await write(app, "/human")
        await until(lambda: app.query(".handoff"))
        bot, handoff = app.query_one(".bot", Saying), app.query_one(".handoff", Saying)
        assert bot.styles.border_left != handoff.styles.border_left


@pytest.mark.parametrize("number", ["2", " 2. ", "２", "#2"])
async def test_the_number_of_a_choice_sends_its_text(number):
    bot = Bot(lambda _: a_reply("Which?", Source.CLARIFY, choices=["Cost?", "How long?"]))
    app = an_app(bot)
    async with app.run_test():
        await write(app, "delivery")
        await until(lambda: shows(app, "1 Cost? 2 How long?"))
        await write(app, number)
        await until(lambda: len(bot.heard) == 2)
    assert bot.texts == ["delivery", "How long?"]


async def test_a_number_that_is_no_choice_is_a_message():
    bot = Bot(lambda text: a_reply("Which?", choices=["Cost?"] if text == "delivery" else ()))
    app = an_app(bot)
    async with app.run_test():
        for text in ("1", "delivery", "2", "1"):  # any message takes the choices away
            await write(app, text)
            await until(functools.partial(bot.heard_last, text))
            await until(lambda: not app.query_one(Transcript).open)
    assert bot.texts == ["1", "delivery", "2", "1"]


async def test_a_choice_can_be_clicked_once():
    bot = Bot(lambda text: a_reply("Which?", choices=["Cost?", "How long?"] if text == "delivery" else ()))
    app = an_app(bot)
    async with app.run_test() as pilot:
        await write(app, "delivery")
        await until(lambda: shows(app, "2 How long?"))
        await pilot.pause()
        for _ in range(2):
            await pilot.click(app.query(Option).last())
        await until(lambda: not app.query_one(Transcript).open)
        assert app.focused is app.query_one(Line)
    assert bot.texts == ["delivery", "How long?"]


async def test_a_choice_can_be_pressed_and_typing_goes_on_from_there():
    bot = Bot(lambda text: a_reply("Which?", choices=["Cost?", "How long?"] if text == "delivery" else ()))
    app = an_app(bot)
    async with app.run_test() as pilot:
        await write(app, "delivery")
        await until(lambda: shows(app, "2 How long?"))
        await pilot.press("tab", "down", "enter")
        await until(lambda: bot.texts == ["delivery", "How long?"])
        app.set_focus(None)
        await pilot.press("h", "i")
        assert app.query_one(Line).value == "hi"


async def test_the_conversation_goes_on_where_it_stopped():
    earlier = a_reply("Which?", Source.CLARIFY, entry=None, choices=["Old?"])
    last = a_reply("Or which?", Source.CLARIFY, entry=None, choices=["New?"])
    anna = Turn(Speaker.AGENT, "This is Anna.")
    bot = Bot()
    app = an_app(bot, SmallDesk(turns("hello", earlier, anna, "hm", last)))
    async with app.run_test(size=(80, 30)) as pilot:
        await until(lambda: shows(app, "Or which? 1 New? asking back · 93 %"))
        assert shows(app, "hello ▌ Which?")
        assert shows(app, "colleague This is Anna.")
        assert not shows(app, "welcome")
        assert [option.disabled for option in app.query(Option)] == [True, False]
        await pilot.press("up", "up", "down")
        assert app.query_one(Line).value == "hm"
        app.query_one(Line).clear()
        await write(app, "1")
        await until(lambda: bot.texts == ["New?"])


async def test_what_was_said_before_the_last_new_is_not_restored():
    app = an_app(Bot(), SmallDesk(turns("old", a_reply("old reply"), "/new", a_reply("Afresh."), "newer")))
    async with app.run_test():
        await until(lambda: shows(app, "newer"))
        assert shows(app, "Afresh.")
        assert not shows(app, "old")


async def test_the_screen_is_up_and_takes_messages_before_the_history_is_there():
    class SlowDesk(SmallDesk):
        free = threading.Event()

        def history(self, key, *, limit):
            assert self.free.wait(5)
            return super().history(key, limit=limit)

    bot = Bot()
    desk = SlowDesk(turns("first", a_reply("second")))
    app = an_app(bot, desk)
    async with app.run_test():
        await write(app, "third")
        await until(lambda: shows(app, "third"))
        assert bot.heard == []
        desk.free.set()
        await until(lambda: shows(app, "first ▌ second ▌ retrieved · delivery-cost-uk · 93 % third"))
        await until(lambda: shows(app, "answer to third"))


async def test_a_bot_that_is_not_ready_says_so():
    app = an_app(Bot(), SmallDesk(ready="there is no model"))
    async with app.run_test():
        await until(lambda: shows(app, "welcome: I am Fern. Not ready to answer: there is no model"))


async def test_messages_keep_their_order_and_the_line_stays_usable_while_the_bot_thinks():
    bot = Bot()
    bot.open.clear()
    app = an_app(bot)
    async with app.run_test() as pilot:
        for text in ("one", "two", "three"):
            await write(app, text)
        await until(lambda: shows(app, "three") and app.query(Typing))
        await pilot.press(*"draft")
        assert bot.texts == ["one"]
        assert len(app.query(".waiting")) == 2
        bot.open.set()
        note = "retrieved · delivery-cost-uk · 93 %"
        await until(lambda: shows(app, f"two answer to two {note} three answer to three {note}"))
        assert shows(app, f"one answer to one {note} two")
        assert app.query_one(Line).value == "draft"
        assert not app.query(Typing)
    assert bot.texts == ["one", "two", "three"]


async def test_a_reply_that_nobody_asked_for_does_not_wait_for_the_bot():
    bot = Bot()
    bot.open.clear()
    app = an_app(bot)
    async with app.run_test():
        await write(app, "slow")
        await until(lambda: app.query(Typing))
        app.deliver(a_reply("Anna here.", choices=["Hello Anna"]))
        await until(lambda: shows(app, "Anna here. 1 Hello Anna"))
        await write(app, "1")
        await until(lambda: app.query(".waiting"))
        bot.open.set()
        await until(lambda: bot.texts == ["slow", "Hello Anna"])


async def test_new_clears_the_screen_when_its_reply_is_there():
    bot = Bot()
    app = an_app(bot)
    async with app.run_test():
        await write(app, "old")
        await until(lambda: shows(app, "answer to old"))
        bot.open.clear()
        await write(app, "/new")
        await write(app, "next")
        await until(lambda: len(bot.heard) == 2)
        assert shows(app, "answer to old")
        bot.open.set()
        await until(lambda: shows(app, "answer to next"))
        assert [saying.has_class("customer") for saying in app.query(Saying)] == [False, True, False]
        assert not shows(app, "old")


async def test_help_says_how_to_leave():
    app = an_app(Bot())
    async with app.run_test():
        await write(app, "/help")
        await until(lambda: shows(app, "answer to /help /quit leaves this screen."))


@pytest.mark.parametrize("text", ["/quit", " /QUIT "])
async def test_quit_leaves_and_the_bot_does_not_hear_of_it(text):
    bot = Bot()
    app = an_app(bot)
    async with app.run_test():
        await write(app, text)
        await until(lambda: not app.is_running)
    assert (bot.heard, app.return_code) == ([], 0)


@pytest.mark.parametrize("key", ["ctrl+q", "ctrl+c"])
async def test_keys_leave_even_while_the_bot_thinks(key):
    bot = Bot()
    bot.open.clear()
    app = an_app(bot)
    async with app.run_test() as pilot:
        await write(app, "slow")
        await until(lambda: bot.heard)
        await pilot.press(key)
        await until(lambda: not app.is_running)
    assert app.return_code == 0


async def test_blank_lines_are_not_sent():
    bot = Bot()
    app = an_app(bot)
    async with app.run_test() as pilot:
        await write(app, "   ")
        await pilot.press("enter")
        await write(app, "x")
        await until(lambda: bot.heard)
    assert bot.texts == ["x"]
