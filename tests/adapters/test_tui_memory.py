"""The pane that shows what the bot remembers, and what the screen does when a customer wants to be forgotten."""

from __future__ import annotations

import pytest
from terminal_desk import HOSTILE, KEY, Bot, SmallDesk, a_reply, an_app, screen, shows, turns, until, write

from adapters.tui.line import Line
from adapters.tui.remembered import NOTHING, Remembered
from adapters.tui.transcript import Saying
from bot.commands import to_forget
from engine.dialogue import Source
from engine.memory import WorkingMemory
from storage.in_memory import InMemoryStore
from tests.builders import NOON, a_house, a_whole_house

MEMORY = ["Topics", "  refund · turn 1 · now", "Slots", "  city = 杭州 (customer, 2026-03-01 12:00, 100% sure)"]
GOLDEN = """\
 Fern                                                                   default
                                                ▏
                                                ▏ Memory
                                                ▏
                                                ▏ Topics
                                                ▏   refund · turn 1 · now
                                                ▏ Slots
                                       Hello?   ▏   city = 杭州 (customer,
                                                ▏ 2026-03-01 12:00, 100% sure)
 ▌ Good day.                                    ▏
 ▌ retrieved · delivery-cost-uk · 93 %          ▏
                                                ▏
╭──────────────────────────────────────────────────────────────────────────────╮
│ Type your question and press Enter                                           │
╰──────────────────────────────────────────────────────────────────────────────╯
 /help   ↑↓ earlier   PgUp PgDn scroll   F3 memory   Ctrl+Q leave"""


async def test_f3_shows_what_is_remembered_and_hides_it_again():
    app = an_app(Bot(), SmallDesk(turns("Hello?", a_reply("Good day.")), remembered=MEMORY))
    async with app.run_test(size=(80, 16)) as pilot:
        await until(lambda: shows(app, "Good day."))
        assert not shows(app, "city = 杭州")
        await pilot.press("f3")
        await until(lambda: shows(app, "100% sure)"))
        await pilot.pause()
        assert "\n".join(screen(app)) == GOLDEN
        await pilot.press(*"still typing", "f3")
        await pilot.pause()
        assert not shows(app, "Memory")
        assert app.query_one(Line).value == "still typing"


async def test_the_pane_follows_the_conversation():
    desk = SmallDesk()

    def answer(text):
        desk.memory = [f"heard {text}"]
        return a_reply("yes")

    app = an_app(Bot(answer), desk)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        await until(lambda: shows(app, NOTHING))
        await write(app, "one")
        await until(lambda: shows(app, "heard one"))
        await write(app, "two")
        await until(lambda: shows(app, "heard two"))
        assert not shows(app, "heard one")


async def test_a_hidden_pane_asks_the_desk_nothing():
    class Silent(SmallDesk):
        def remembered(self, key):
            raise AssertionError(f"{key} was asked for")

    bot = Bot()
    app = an_app(bot, Silent())
    async with app.run_test(size=(80, 24)):
        await write(app, "one")
        await until(lambda: shows(app, "answer to one"))


async def test_a_narrow_screen_gives_the_pane_all_its_room():
    app = an_app(Bot(), SmallDesk(turns("Hello?", a_reply("Good day.")), remembered=MEMORY))
    async with app.run_test(size=(40, 16)) as pilot:
        await until(lambda: shows(app, "Good day."))
        await pilot.press("f3")
        await until(lambda: shows(app, "city = 杭州"))
        assert not shows(app, "Good day.")
        await pilot.press("f3")
        await until(lambda: shows(app, "Good day."))


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
async def test_no_value_breaks_the_pane_or_acts(text):
    app = an_app(Bot(), SmallDesk(remembered=[f"  name = {text}"] * 3))
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("f3")
        await until(lambda: shows(app, "name ="))
        rows = screen(app)
        assert "Ctrl+Q leave" in rows[-1]
        assert "Type your question" in rows[-3]
        assert app.is_running


@pytest.mark.parametrize("wish", ["/forget me", "/forget 会话"])
async def test_a_wish_to_be_forgotten_clears_the_screen_and_the_arrow_keys(wish):
    assert to_forget(wish) is not None
    app = an_app(Bot(lambda _: a_reply("Done.", Source.FIXED)), SmallDesk(turns("my card is 4111", a_reply("Thanks."))))
    async with app.run_test(size=(80, 24)) as pilot:
        await until(lambda: shows(app, "my card is 4111"))
        await write(app, wish)
        await until(lambda: shows(app, "Done."))
        await pilot.pause()
        assert not shows(app, "4111")
        assert len(app.query(Saying)) == 1
        await pilot.press("up")
        assert app.query_one(Line).value == ""


async def test_forget_alone_leaves_the_screen_as_it_is():
    app = an_app(Bot(lambda _: a_reply("Which?", Source.FIXED)), SmallDesk(turns("my card", a_reply("Thanks."))))
    async with app.run_test(size=(80, 24)):
        await until(lambda: shows(app, "my card"))
        await write(app, "/forget")
        await until(lambda: shows(app, "Which?"))
        assert shows(app, "my card")


async def test_a_forgotten_conversation_opens_with_the_welcome():
    wordless = turns("", a_reply("", Source.FIXED))
    app = an_app(Bot(), SmallDesk(wordless))
    async with app.run_test(size=(80, 24)):
        await until(lambda: shows(app, "welcome: I am Fern."))
        assert len(app.query(Saying)) == 1


async def test_the_house_tells_what_it_remembers_whatever_the_engine_is():
    store = InMemoryStore()
    house = a_whole_house(a_house(store=store, engine=None))
    assert house.remembered(KEY) == []
    memory = WorkingMemory().push_topic("refund").fill("city", "杭州", heard=NOON)
    with store.write() as work:
        work.save(store.load(KEY).with_memory(memory))
        work.commit()
    assert house.remembered(KEY) == [
        "Topics",
        "  refund · turn 0 · now",
        "Slots",
        "  city = 杭州 (customer, 2026-03-01 12:00, 100% sure)",
    ]
    app = an_app(Bot(), house)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("f3")
        await until(lambda: shows(app, "city = 杭州"))
        assert app.query_one(Remembered).display
