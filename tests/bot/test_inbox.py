"""Events of channels: stored first, taken up in order, joined where they are a burst, never lost and never twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.clock import now
from bot.handover import joined
from bot.inbox import Habit, Inbox
from bot.service import Service
from bot.turn import TurnTaker
from bot.wording import BUILT_IN
from engine.dialogue import ChannelEvent, ConversationKey, EventKind, Speaker
from storage.errors import TakenUp
from storage.ports import DeliveryKind, Store
from tests.builders import FAQ, KEY, NOON, a_house, a_wording, an_event
from tests.fakes import FailingStore, TableEngine

ENGLISH = BUILT_IN["en"]
QUICK = Habit(burst=timedelta(seconds=0.05), longest=timedelta(seconds=0.5), attempts=3)
AT_ONCE = Habit(burst=timedelta())
OTHER = ConversationKey("shop", "bela")


@asynccontextmanager
async def open_inbox(
    taker: TurnTaker, habit: Habit = AT_ONCE, typing: Callable[[ConversationKey], object] = lambda _key: None
) -> AsyncIterator[Inbox]:
    async def typed(key: ConversationKey) -> None:
        typing(key)

    service = Service(taker, workers=2, waiting=100)
    inbox = Inbox(taker.store, taker, service, now, habit, typing=typed)
    try:
        yield inbox
    finally:
        await asyncio.to_thread(service.close)


async def received(taker: TurnTaker, *events: ChannelEvent, habit: Habit = AT_ONCE) -> list[bool]:
    async with open_inbox(taker, habit) as inbox:
        found = [await inbox.receive(event) for event in events]
        assert await inbox.drain(20)
    return found


async def until(true: Callable[[], bool]) -> None:
    while not true():  # noqa: ASYNC110 - a store in memory rings no bell
        await asyncio.sleep(0.01)


def said(store: Store, key: ConversationKey = KEY) -> list[str]:
    return [turn.turn.text for turn in store.history(key) if turn.turn.text]


def sent(store: Store) -> list[str]:
    return [delivery.reply.text for delivery in store.pending("shop")]


async def test_an_event_becomes_a_turn_and_a_delivery_and_is_done() -> None:
    house = a_house()
    assert await received(house, an_event("refund", event_id="e1")) == [True]
    (delivery,) = house.store.pending("shop")
    assert (delivery.message_id, delivery.reply.text, delivery.kind) == ("e1", "Within 14 days.", DeliveryKind.REPLY)
    assert list(house.store.events()) == []


async def test_a_redelivered_event_changes_nothing() -> None:
    house = a_house()
    assert await received(house, an_event("refund", event_id="e1"), an_event("hours", event_id="e1")) == [True, False]
    assert await received(house, an_event("refund", event_id="e1")) == [False]
    assert sent(house.store) == ["Within 14 days."]


async def test_a_burst_is_one_turn_in_the_order_in_which_it_was_written() -> None:
    house = a_house({"hi\nmy order\nis late": "I am sorry."})
    events = [
        an_event(text, at=NOON + timedelta(seconds=number)) for number, text in enumerate(["hi", "my order", "is late"])
    ]
    await received(house, events[0], events[2], events[1], habit=QUICK)
    assert said(house.store) == ["hi\nmy order\nis late", "I am sorry."]
    assert house.store.history(KEY)[0].message_id == events[2].event_id


async def test_a_command_ends_a_burst_and_stands_alone() -> None:
    house = a_house()
    await received(house, an_event("refund"), an_event("/help"), an_event("hours"), habit=QUICK)
    assert said(house.store) == ["refund", FAQ["refund"], "/help", ENGLISH["help"], "hours", FAQ["hours"]]


async def test_whoever_never_stops_writing_is_answered_all_the_same() -> None:
    house = a_house()
    async with open_inbox(house, Habit(burst=timedelta(seconds=0.2), longest=timedelta(seconds=0.4))) as inbox:
        for number in range(12):
            await inbox.receive(an_event(f"{number}"))
            await asyncio.sleep(0.1)
        assert sent(house.store)
        assert await inbox.drain(20)


async def test_conversations_do_not_wait_for_each_other() -> None:
    house = a_house()
    async with open_inbox(house, QUICK) as inbox:
        await inbox.receive(an_event("refund"))
        await inbox.receive(an_event("hours", key=OTHER))
        assert await inbox.drain(20)
    assert (said(house.store)[-1], said(house.store, OTHER)[-1]) == (FAQ["refund"], FAQ["hours"])


async def test_the_channel_is_told_that_somebody_types() -> None:
    house, typed = a_house(), []
    async with open_inbox(house, typing=typed.append) as inbox:
        await inbox.receive(an_event("refund"))
        assert await inbox.drain(20)
    assert typed == [KEY]


async def test_what_an_earlier_run_left_behind_is_taken_up() -> None:
    house = a_house()
    with house.store.write() as work:
        work.receive(an_event("refund"))
        work.commit()
    async with open_inbox(house) as inbox:
        running = asyncio.ensure_future(inbox.run())
        async with asyncio.timeout(20):
            await until(lambda: bool(sent(house.store)))
        running.cancel()
    assert sent(house.store) == [FAQ["refund"]]


async def test_a_turn_that_cannot_be_stored_is_tried_again() -> None:
    house = a_house(store=FailingStore(0))
    async with open_inbox(house, QUICK) as inbox:
        await inbox.receive(an_event("refund"))
        house.store.failures = 1  # type: ignore[attr-defined]  # the fake has it
        assert await inbox.drain(30)
    assert sent(house.store) == [FAQ["refund"]]
    assert house.store.history(KEY)[-1].turn.text == FAQ["refund"]


async def test_poison_is_parked_the_customer_told_and_the_next_message_answered() -> None:
    def choke(text: str) -> None:
        if text == "poison":
            raise LookupError("cannot digest this")

    house = a_house(engine=TableEngine(FAQ, a_wording().say, before=choke))
    async with open_inbox(house, Habit(burst=timedelta(), attempts=2)) as inbox:
        await inbox.receive(an_event("poison"))
        assert await inbox.drain(30)
        await inbox.receive(an_event("refund"))
        assert await inbox.drain(30)
    (parked,) = house.store.events()
    assert (parked.parked, parked.event.text, parked.error, parked.attempts) == (
        True,
        "poison",
        "cannot digest this",
        2,
    )
    assert sent(house.store) == [ENGLISH["trouble"], FAQ["refund"]]
    with house.store.write() as work:  # the operator has found an antidote
        work.retry_event(parked.id)
        work.commit()
    house.engine = TableEngine({"poison": "Drink milk."}, a_wording().say)  # type: ignore[assignment]  # the fake
    async with open_inbox(house) as inbox:
        running = asyncio.ensure_future(inbox.run())
        async with asyncio.timeout(20):
            await until(lambda: "Drink milk." in sent(house.store))
        running.cancel()


async def test_an_edit_of_the_last_message_is_answered_and_one_of_an_earlier_message_is_not() -> None:
    house = a_house()
    first, second = an_event("refnd"), an_event("hours")
    edit = an_event("refund", EventKind.EDIT, about=first.event_id)
    await received(house, first, edit)
    assert said(house.store)[-2:] == ["refund", FAQ["refund"]]
    await received(house, second, an_event("refund!", EventKind.EDIT, about=edit.event_id))
    assert said(house.store)[-2:] == ["hours", FAQ["hours"]]
    assert list(house.store.events()) == []


async def test_a_person_is_not_talked_over_and_the_bot_comes_back_when_asked() -> None:
    house = a_house()
    steps: Sequence[ChannelEvent] = (
        an_event("/human"),
        an_event("Anna here, I have a look.", EventKind.PERSON),
        an_event("refund"),
        an_event("", EventKind.GIVEN_BACK),
        an_event("refund"),
    )
    said = []
    for step in steps:
        await received(house, step)
        said += [one.reply.text for one in house.store.pending("shop") if one.kind is DeliveryKind.REPLY]
        with house.store.write() as work:  # each is delivered before the next thing happens
            for delivery in house.store.pending("shop"):
                work.delivered(delivery.id)
            work.commit()
    assert said == [ENGLISH["handoff"], FAQ["refund"]]
    assert [turn.turn.text for turn in house.store.history(KEY) if turn.turn.speaker is Speaker.AGENT] == [
        "Anna here, I have a look."
    ]


async def test_what_a_person_wrote_meanwhile_comes_before_the_answer() -> None:
    house = a_house()
    await received(house, an_event("refund"), an_event("Anna here.", EventKind.PERSON), habit=QUICK)
    assert sent(house.store) == []
    assert [turn.turn.text for turn in house.store.history(KEY) if turn.turn.text] == ["Anna here.", "refund"]


async def test_what_the_bot_had_still_to_say_is_withdrawn_when_a_person_speaks() -> None:
    house = a_house()
    await received(house, an_event("refund"))
    await received(house, an_event("Anna here.", EventKind.PERSON))
    assert sent(house.store) == []


async def test_what_another_process_took_up_is_left_to_it() -> None:
    house = a_house()
    with house.store.write() as work:
        work.receive(an_event("refund", event_id="e1"))
        work.commit()
    (stored,) = house.store.events()
    house.take(joined([stored.event]), events=[stored.id])
    with pytest.raises(TakenUp):
        house.take(replace(joined([stored.event]), message_id="other"), events=[stored.id])
    assert sent(house.store) == [FAQ["refund"]]


async def test_a_refused_note_does_not_keep_the_customer_waiting_for_ever() -> None:
    house = a_house()
    await received(house, an_event("/human"))
    with house.store.write() as work:
        for delivery in house.store.pending("shop"):
            work.park(delivery.id, "refused")
        work.commit()
    await received(house, an_event("", EventKind.GIVEN_BACK))
    assert house.store.load(KEY).owner == "bot"


async def test_a_clock_that_is_set_back_holds_nobody_up() -> None:
    house = a_house()
    with house.store.write() as work:
        work.receive(an_event("refund"))
        work.commit()
    (stored,) = house.store.events()
    async with open_inbox(house, QUICK) as inbox:
        late = replace(stored, received_at=stored.received_at + timedelta(hours=1))
        assert inbox._pause([late]) <= QUICK.longest.total_seconds()
        assert inbox._pause([replace(late, attempts=1, due=late.received_at)]) < 100


async def test_what_was_given_back_before_the_desk_was_told_stays_with_the_person() -> None:
    house = a_house()
    await received(house, an_event("/human"), an_event("", EventKind.GIVEN_BACK), an_event("refund"))
    assert sent(house.store)[-1] == ENGLISH["waiting"]


async def test_what_was_given_back_before_a_person_spoke_stays_with_the_person() -> None:
    house = a_house()
    late = NOON + timedelta(minutes=1)
    await received(house, an_event("refund"), an_event("Anna here.", EventKind.PERSON, at=late))
    await received(house, an_event("", EventKind.GIVEN_BACK, at=NOON))  # it was overtaken on its way
    assert house.store.load(KEY).owner == "person"
    await received(house, an_event("", EventKind.GIVEN_BACK, at=late + timedelta(minutes=1)))
    assert house.store.load(KEY).owner == "bot"


async def test_a_verdict_is_kept() -> None:
    house = a_house()
    question = an_event("refund")
    await received(house, question, an_event("good", EventKind.VERDICT, about=question.event_id))
    assert [(one.message_id, one.verdict) for one in house.store.verdicts(KEY)] == [(question.event_id, "good")]


async def test_of_a_closed_conversation_a_summary_is_left_and_the_next_message_begins_anew() -> None:
    house = a_house()
    await received(house, an_event("refund"), an_event("", EventKind.CLOSED))
    found = house.store.load(KEY)
    assert (found.owner, found.memory.topics, found.memory.recent) == ("closed", (), ())
    assert "refund" in found.memory.summary
    await received(house, an_event("hours"))
    assert (house.store.load(KEY).owner, sent(house.store)[-1]) == ("bot", FAQ["hours"])


async def test_forgetting_is_confirmed_and_leaves_no_word() -> None:
    house = a_house()
    await received(house, an_event("refund"), an_event("/forget conversation"))
    assert sent(house.store) == [ENGLISH["forgotten_conversation"]]
    assert said(house.store) == []


async def test_without_bursts_each_message_is_answered_by_itself_however_many_wait() -> None:
    house = a_house()
    async with open_inbox(house) as inbox:
        with house.store.write() as work:
            for text in ("refund", "hours", "refund"):
                work.receive(an_event(text))
            work.commit()
        await inbox.receive(an_event("hours"))
        assert await inbox.drain(20)
    assert sent(house.store) == [FAQ["refund"], FAQ["hours"]] * 2
