"""A whole house on a stand-in for Telegram: questions, choices, a person, and back to the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from telegram_house import VARIABLES, a_served_house, buttons, key, until

from adapters.sandbox.faults import Answer, Reset
from adapters.sandbox.journal import Way
from adapters.sandbox.telegram import TelegramSandbox
from adapters.sandbox.telegram_payloads import Group, Person
from bot.compose import House
from bot.wording import BUILT_IN
from engine.dialogue import ChannelEvent
from tests.builders import FAQ, a_house, a_whole_house
from tests.fakes import BOTH, PERSON, FailingStore

ENGLISH = BUILT_IN["en"]
LONG = "\n\n".join(f"Paragraph {number}. " + "Words and more words. " * 60 for number in range(11))


@pytest.fixture(autouse=True)
def variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
async def sandbox() -> AsyncIterator[TelegramSandbox]:
    async with TelegramSandbox(scale=0.001) as made:
        yield made


@pytest.fixture
def house() -> House:
    return a_whole_house(a_house({**FAQ, "long": LONG}))


class Watch:
    """One customer at one Telegram."""

    def __init__(self, sandbox: TelegramSandbox, house: House, name: str = "Ann") -> None:
        self.sandbox, self.house = sandbox, house
        self.person = sandbox.person(name)

    async def asks(self, text: str, count: int = 1) -> list[dict[str, Any]]:
        """What the bot says to it."""
        return await self.gets(lambda: self.sandbox.write(self.person, text), count)

    async def taps(self, said: dict[str, Any], label: str, count: int = 1) -> list[dict[str, Any]]:
        data = buttons(said)[label]
        return await self.gets(lambda: self.sandbox.tap(self.person, said["message_id"], data), count)

    async def gets(self, doing: Any, count: int = 1) -> list[dict[str, Any]]:
        before = len(self.sandbox.sent(self.person))
        doing()
        await until(lambda: len(self.sandbox.sent(self.person)) >= before + count)
        await self.delivered()
        return list(self.sandbox.sent(self.person)[before:])

    async def delivered(self) -> None:
        await until(lambda: self.sandbox.idle and not self.house.store.pending("telegram"))

    @property
    def owner(self) -> str:
        return self.house.store.load(key(self.person)).owner


def last(sandbox: TelegramSandbox, place: Person | Group) -> dict[str, Any]:
    return sandbox.sent(place)[-1]


@pytest.mark.parametrize(
    ("language", "locale"),
    [("zh-hans", "zh"), ("ZH", "zh"), ("en_GB", "en"), ("en", "en"), ("pt-br", None), ("", None), (None, None)],
)
def test_a_greeting_is_in_the_nearest_language_that_the_bot_speaks(
    house: House, language: str | None, locale: str | None
) -> None:
    assert house.say("welcome", language) == house.wording.say("welcome", locale)
    assert house.say("welcome", "zh") != house.say("welcome")


async def test_the_language_of_the_app_is_greeted_in(sandbox: TelegramSandbox, house: House) -> None:
    li = sandbox.person("Li", language="zh-hans")
    async with a_served_house(sandbox, house):
        sandbox.write(li, "/start")
        await until(lambda: sandbox.sent(li))
    assert sandbox.texts(li) == [house.say("welcome", "zh")]


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
async def test_from_a_question_to_a_person_and_back_to_the_bot(
    sandbox: TelegramSandbox, house: House, webhook: bool
) -> None:
    office, bo = sandbox.group("Office"), sandbox.person("Bo")
    async with a_served_house(sandbox, house, webhook=webhook, admin_chat=office.id):
        ann = Watch(sandbox, house)
        # a greeting, a question, a verdict
        assert [said["text"] for said in await ann.asks("/start")] == [house.say("welcome")]
        (answer,) = await ann.asks("refund")
        assert (answer["text"], list(buttons(answer))) == (FAQ["refund"], ["👍", "👎", "👤 Person"])
        query = sandbox.tap(ann.person, answer["message_id"], buttons(answer)["👍"])
        await until(lambda: not buttons(sandbox.sent(ann.person)[1]))
        await until(lambda: house.store.verdicts(key(ann.person)))
        assert sandbox.methods.queries[query] == "Thank you!"
        assert [verdict.verdict for verdict in house.store.verdicts(key(ann.person))] == ["good"]
        # a choice
        (asked,) = await ann.asks(BOTH)
        (chosen,) = await ann.taps(asked, "hours")
        assert (asked["text"], chosen["text"]) == (ENGLISH["clarify"], FAQ["hours"])
        await until(lambda: not buttons(sandbox.sent(ann.person)[2]))
        # a person
        (handed,) = await ann.asks(PERSON)
        await until(lambda: sandbox.sent(office))
        note = last(sandbox, office)
        assert handed["text"] == ENGLISH["handoff"]
        assert note["text"].endswith(f"\n\n#{ann.person.id}")
        assert list(buttons(note)) == ["Answer", "Back to the bot", "Close"]
        (waiting,) = await ann.asks("it is order 4512")
        assert waiting["text"] == ENGLISH["waiting"]
        await until(lambda: len(sandbox.sent(office)) == 2)
        assert last(sandbox, office)["text"] == f"💬 it is order 4512\n\n#{ann.person.id}"
        # the person answers: by the button, then by a reply
        sandbox.tap(bo, note["message_id"], buttons(note)["Answer"], group=office)
        await until(lambda: len(sandbox.sent(office)) == 3)
        prompt = last(sandbox, office)
        (from_bo,) = await ann.gets(
            lambda: sandbox.write(bo, "Hello Ann, I see it.", group=office, reply_to=prompt["message_id"])
        )
        assert from_bo["text"] == "Hello Ann, I see it."
        await until(lambda: len(sandbox.sent(office)) == 4)
        assert last(sandbox, office)["text"] == f"✓ Sent to the customer.\n\n#{ann.person.id}"
        await until(lambda: ann.owner == "person")
        sandbox.write(ann.person, "thank you")
        await until(lambda: len(sandbox.sent(office)) == 5)
        assert last(sandbox, office)["text"].startswith("💬 thank you")
        # back to the bot
        done = sandbox.sent(office)[3]
        sandbox.tap(bo, done["message_id"], buttons(done)["Back to the bot"], group=office)
        await until(lambda: ann.owner == "bot")
        assert [said["text"] for said in await ann.asks("hours")] == [FAQ["hours"]]
    turns = [(turn.turn.speaker.value, turn.turn.text) for turn in house.store.history(key(ann.person))]
    assert ("agent", "Hello Ann, I see it.") in turns
    assert turns.count(("customer", "thank you")) == 1
    assert len(sandbox.sent(office)) == 5
    assert sandbox.idle


async def test_a_conversation_that_is_closed_is_the_bots_again(sandbox: TelegramSandbox, house: House) -> None:
    office, bo = sandbox.group("Office"), sandbox.person("Bo")
    async with a_served_house(sandbox, house, admin_chat=office.id):
        ann = Watch(sandbox, house)
        await ann.asks("/human")
        await until(lambda: sandbox.sent(office) and not house.store.pending("telegram"))
        note = last(sandbox, office)
        sandbox.tap(bo, note["message_id"], buttons(note)["Close"], group=office)
        await until(lambda: ann.owner == "closed" and not buttons(last(sandbox, office)))
        assert [said["text"] for said in await ann.asks("refund")] == [FAQ["refund"]]


async def test_a_group_is_answered_where_it_asked(sandbox: TelegramSandbox, house: House) -> None:
    async with a_served_house(sandbox, house):
        ann, team = sandbox.person(), sandbox.group()
        sandbox.write(ann, "lunch?", group=team)
        number = sandbox.write(ann, "@attendant_test_bot refund", group=team)
        await until(lambda: sandbox.sent(team))
    (said,) = sandbox.sent(team)
    assert (said["text"], said["reply_to_message"]["message_id"]) == (FAQ["refund"], number)


async def test_an_edit_is_answered_as_a_correction(sandbox: TelegramSandbox, house: House) -> None:
    async with a_served_house(sandbox, house):
        ann = Watch(sandbox, house)
        number = sandbox.write(ann.person, "refnd")
        await until(lambda: len(sandbox.sent(ann.person)) == 1)
        await ann.delivered()
        (said,) = await ann.gets(lambda: sandbox.edit(ann.person, number, "refund"))
    assert said["text"] == FAQ["refund"]


async def test_the_menu_speaks_two_languages_and_typing_is_shown(sandbox: TelegramSandbox, house: House) -> None:
    async with a_served_house(sandbox, house):
        ann = Watch(sandbox, house)
        await ann.asks("refund")
        await until(lambda: sandbox.methods.actions)
    menus = {language: [one["command"] for one in menu] for (_, language), menu in sandbox.methods.commands.items()}
    assert menus == {
        language: ["help", "human", "new", "why", "forget", "language", "start"] for language in ("", "zh")
    }
    assert (ann.person.id, "typing") in sandbox.methods.actions


async def test_what_came_twice_is_answered_once(sandbox: TelegramSandbox, house: House) -> None:
    sandbox.faults.duplicates = 1.0
    async with a_served_house(sandbox, house):
        people = [Watch(sandbox, house, str(number)) for number in range(5)]
        for one in people:
            sandbox.write(one.person, "/start")
            sandbox.write(one.person, "refund")
        await until(lambda: all(len(sandbox.sent(one.person)) >= 2 for one in people))
        await people[-1].delivered()
    fetched = [entry.what for entry in sandbox.journal.of(Way.TO_BOT, "update")]
    assert len(fetched) > len(set(fetched)) >= 10
    for one in people:
        assert sorted(sandbox.texts(one.person)) == sorted([house.say("welcome"), FAQ["refund"]])


async def test_a_long_answer_through_a_flood_arrives_whole_and_once(sandbox: TelegramSandbox, house: House) -> None:
    sandbox.flood.on = True
    sandbox.faults.add(Reset(), times=1, only="sendMessage")
    sandbox.faults.add(Answer(502), times=1, only="sendMessage")
    async with a_served_house(sandbox, house):
        ann = Watch(sandbox, house)
        sandbox.write(ann.person, "long")
        await until(lambda: len(sandbox.sent(ann.person)) == 4, 40)
        await ann.delivered()
    texts = sandbox.texts(ann.person)
    assert "".join("".join(texts).split()) == "".join(LONG.split())
    assert [bool(buttons(said)) for said in sandbox.sent(ann.person)] == [False, False, False, True]


async def test_who_blocked_the_bot_has_a_parked_delivery_with_the_reason(
    sandbox: TelegramSandbox, house: House
) -> None:
    async with a_served_house(sandbox, house):
        ann = sandbox.person()
        sandbox.write(ann, "refund")
        sandbox.block(ann)
        await until(lambda: any(one.parked for one in house.store.pending("telegram")))
        (parked,) = house.store.pending("telegram")
        assert "blocked by the user" in parked.error
        sandbox.unblock(ann)
        sandbox.write(ann, "hours")
        await until(lambda: sandbox.texts(ann))
    assert sandbox.texts(ann) == [FAQ["hours"]]


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
async def test_an_update_that_was_stored_and_not_acknowledged_comes_again_and_is_answered_once(
    sandbox: TelegramSandbox, house: House, monkeypatch: pytest.MonkeyPatch, webhook: bool
) -> None:
    received: list[ChannelEvent] = []
    keep = House.receive

    async def dies(self: House, event: ChannelEvent) -> bool:
        new = await keep(self, event)
        received.append(event)
        if len(received) == 1:
            raise RuntimeError("killed between storing and acknowledging")
        return new

    monkeypatch.setattr(House, "receive", dies)
    ann = sandbox.person()
    async with a_served_house(sandbox, house, webhook=webhook):
        sandbox.write(ann, "refund")
        await until(lambda: len(received) == 2 and sandbox.texts(ann))
        await until(lambda: not house.store.pending("telegram") and sandbox.idle)
    assert received[0].event_id == received[1].event_id
    assert sandbox.texts(ann) == [FAQ["refund"]]


async def test_what_cannot_be_stored_is_sent_again_by_telegram(sandbox: TelegramSandbox) -> None:
    store = FailingStore(0)
    house = a_whole_house(a_house(store=store))
    ann = sandbox.person()
    async with a_served_house(sandbox, house):
        store.failures = 1
        sandbox.write(ann, "refund")
        await until(lambda: sandbox.texts(ann))
    assert sandbox.texts(ann) == [FAQ["refund"]]
