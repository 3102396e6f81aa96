"""What the terminal looks like, at every size and with every text."""

from __future__ import annotations

import unicodedata

import pytest
from terminal_desk import HOSTILE, Bot, SmallDesk, a_reply, an_app, screen, shows, turns, until, write
from textual import events

from adapters.tui.line import LONGEST, Line
from adapters.tui.transcript import Option, Saying, Transcript
from engine.dialogue import Source

GOLDEN = """\
 Fern                                                                   default


                                                           where is my parcel

 ▌ A colleague will answer here.
 ▌ → handed to a person

                                                          how much is postage

 ▌ Which of these do you mean?
 ▌ 1  How much is delivery in the UK?
 ▌ 2  Can I have it delivered to a neighbour, or to a parcel shop in the town
 ▌    where I work?
 ▌ asking back · 41 %

                                              How much is delivery in the UK?

 ▌ Delivery within the UK costs £3.90; it is free from £40.
 ▌ retrieved · delivery-cost-uk · 93 %

╭──────────────────────────────────────────────────────────────────────────────╮
│ Type your question and press Enter                                           │
╰──────────────────────────────────────────────────────────────────────────────╯
 /help   ↑↓ earlier   PgUp PgDn scroll   F3 memory   Ctrl+Q leave"""
NARROW = """\
 Fern                           default

                               Hello?

 ▌ 您好！订单会在两个工作日内发出，满三
 ▌ 百元免运费。
 ▌ retrieved · delivery-cost-uk ·
 ▌ 93 %

╭──────────────────────────────────────╮
│ Type your question and press Enter   │
╰──────────────────────────────────────╯
 /help   Ctrl+Q leave"""


async def test_a_conversation_looks_like_this():
    neighbour = "Can I have it delivered to a neighbour, or to a parcel shop in the town where I work?"
    asked = a_reply(
        "Which of these do you mean?",
        Source.CLARIFY,
        choices=["How much is delivery in the UK?", neighbour],
        confidence=0.41,
    )
    before = turns(
        "where is my parcel",
        a_reply("A colleague will answer here.", Source.HANDOFF),
        "how much is postage",
        asked,
        "How much is delivery in the UK?",
        a_reply("Delivery within the UK costs £3.90; it is free from £40."),
    )
    app = an_app(Bot(), SmallDesk(before))
    async with app.run_test(size=(80, 25)) as pilot:
        await until(lambda: shows(app, "£40."))
        await pilot.pause()
        assert "\n".join(screen(app)) == GOLDEN


async def test_a_narrow_screen_looks_like_this():
    app = an_app(Bot(), SmallDesk(turns("Hello?", a_reply("您好！订单会在两个工作日内发出，满三百元免运费。"))))
    async with app.run_test(size=(40, 13)) as pilot:
        await until(lambda: shows(app, "Hello?"))
        await pilot.pause()
        assert "\n".join(screen(app)) == NARROW


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_no_text_breaks_the_screen_or_acts(text):
    reply = a_reply(text, entry=text, choices=[text, "end"])
    bot = Bot(lambda _: reply)
    app = an_app(bot, SmallDesk(turns(text, reply), name=text, ready=text))
    async with app.run_test(size=(40, 20)) as pilot:
        await until(lambda: app.query(Saying))
        await write(app, text + "?")
        await until(lambda: bot.heard and not app.query_one(Transcript).open)
        app.deliver(reply)
        await until(lambda: len(app.query(Option)) == 6)
        for row in (0, 4, 8, 12) if "[" in text else ():
            await pilot.click(offset=(6, row))
        check_frame(screen(app))
        await pilot.resize_terminal(80, 24)
        await write(app, "end")
        await until(lambda: bot.texts[-1] == "end" and not app.query_one(Transcript).open)
        await pilot.pause()
        check_frame(screen(app))
        assert app.is_running


def check_frame(rows):
    """The line and the keys are where they belong, and nothing on the screen is a control character."""
    assert "Type your question" in rows[-3]
    assert "Ctrl+Q leave" in rows[-1]
    assert not [char for row in rows for char in row if unicodedata.category(char) in ("Cc", "Cs")]


async def test_links_and_markup_are_shown_as_they_are():
    app = an_app(Bot(lambda _: a_reply("[b]See[/b] https://example.org/a?b=[c] now")))
    async with app.run_test(size=(80, 24)):
        await write(app, "[@click=app.quit]x[/]")
        await until(lambda: shows(app, "[b]See[/b] https://example.org/a?b=[c] now"))
        assert shows(app, "[@click=app.quit]x[/]")


@pytest.mark.parametrize("size", [(1, 1), (5, 3), (12, 6), (300, 80)])
async def test_any_size_will_do(size):
    bot = Bot(lambda _: a_reply("word " * 300, choices=["one " * 30, "two"]))
    app = an_app(bot)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.resize_terminal(*size)
        await write(app, "hello")
        await until(lambda: bot.heard and not app.query_one(Transcript).open)
        await pilot.resize_terminal(80, 24)
        await until(lambda: shows(app, "retrieved"))


async def test_lines_that_are_too_wide_are_kept_readable_on_a_broad_screen():
    app = an_app(Bot(lambda _: a_reply("word " * 100)))
    async with app.run_test(size=(200, 24)):
        await write(app, "hello")
        await until(lambda: shows(app, "word word"))
        assert max(len(row) for row in screen(app) if "word" in row) < 100


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        ("one\r\ntwo\nthree", "one two three"),
        ("\n", " "),
        ("\x1b[31mred\x1b[0m\tblue", "red blue"),
        ("x" * 20_000, "x" * 20_000),
        ("word\n" * 100_000, ("word " * 100_000)[:LONGEST]),
    ],
    ids=["lines", "newline", "escapes", "long", "longer"],
)
async def test_a_paste_becomes_one_line_and_is_sent_whole(pasted, expected):
    bot = Bot()
    app = an_app(bot)
    async with app.run_test() as pilot:
        app.post_message(events.Paste(pasted))
        await pilot.pause()
        assert app.query_one(Line).value == expected
        await write(app, "!")
        await until(lambda: bot.heard or not expected.strip())
    assert [text.rstrip("!") for text in bot.texts] == [expected] or expected == " "


async def test_letters_do_not_overtake_enter():
    bot = Bot()
    app = an_app(bot)
    async with app.run_test():
        for key in [*"one", "enter", *"two", "enter", *"three"]:
            app.post_message(events.Key(key, None if key == "enter" else key))
        await until(lambda: len(bot.heard) == 2 and app.query_one(Line).value == "three")
    assert bot.texts == ["one", "two"]


async def test_a_paste_takes_the_place_of_what_is_selected():
    app = an_app(Bot())
    async with app.run_test() as pilot:
        line = app.query_one(Line)
        await write(app, "")
        line.insert_text_at_cursor("y" * LONGEST)
        await pilot.press("shift+home")
        app.post_message(events.Paste("z\nz"))
        await pilot.pause()
        assert (line.value, line.cursor_position) == ("z z", 3)


async def test_a_very_long_message_is_shown_by_its_beginning():
    app = an_app(Bot(lambda _: a_reply("too long")))
    async with app.run_test():
        await write(app, "x" * 20_000)
        await until(lambda: shows(app, "x… (20,000 characters) too long"))


async def test_the_arrows_bring_back_what_was_typed():
    app = an_app(Bot())
    async with app.run_test() as pilot:
        line = app.query_one(Line)
        for text in ("one", "two"):
            await write(app, text)
        await until(lambda: shows(app, "answer to two"))
        await pilot.press(*"draft")
        seen = []
        for key in ("up", "up", "up", "down", "down", "down"):
            await pilot.press(key)
            seen.append(line.value)
        assert seen == ["two", "one", "one", "two", "draft", "draft"]


async def test_pages_scroll_and_a_reply_does_not_pull_the_reader_down():
    bot = Bot(lambda text: a_reply(f"{text}\n" * 40))
    app = an_app(bot)
    async with app.run_test(size=(80, 24)) as pilot:
        transcript = app.query_one(Transcript)
        await write(app, "long")
        await until(lambda: transcript.max_scroll_y > 20)
        await until(lambda: transcript.scroll_y == transcript.max_scroll_y)
        bot.open.clear()
        await write(app, "second")
        await until(lambda: len(bot.heard) == 2)
        await pilot.press("pageup")
        await until(lambda: transcript.scroll_y < transcript.max_scroll_y)
        here = transcript.scroll_y
        bot.open.set()
        await until(lambda: not transcript.open)
        await pilot.pause()
        assert transcript.scroll_y == here
        await pilot.press(*["pagedown"] * 6)
        assert transcript.scroll_y == transcript.max_scroll_y


async def test_only_so_much_stays_on_the_screen(monkeypatch):
    monkeypatch.setattr("adapters.tui.transcript.LONGEST", 4)
    bot = Bot()
    bot.open.clear()
    app = an_app(bot)
    async with app.run_test():
        for number in range(8):
            await write(app, str(number))
        await until(lambda: len(app.query(".customer")) == 8)  # those that wait are kept, however many
        bot.open.set()
        await until(lambda: len(bot.heard) == 8 and not app.query_one(Transcript).open)
        await until(lambda: len(app.query(Saying)) == 4)


async def test_selected_text_is_copied_before_ctrl_c_leaves():
    app = an_app(Bot())
    async with app.run_test() as pilot:
        await pilot.press(*"abc", "shift+home", "ctrl+c")
        assert app.is_running
        assert app.clipboard == "abc"
        await pilot.press("end", "ctrl+c")
        await until(lambda: not app.is_running)
