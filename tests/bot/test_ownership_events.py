"""Who speaks, over events in any order: the laws that hold whatever happens."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ownership import Owner
from bot.turn import TurnTaker
from engine.dialogue import EventKind, Message
from storage.ports import Delivery, DeliveryKind
from tests.builders import KEY, NOON, a_house, an_event

TEXTS = (
    "refund",
    "hours",
    "/human",
    "/why",
    "/help",
    "a person please",
    "get me a human",
    "转人工",
    "",
    "blah",
    "/new",
)
steps = st.lists(
    st.sampled_from(TEXTS) | st.sampled_from([EventKind.PERSON, EventKind.GIVEN_BACK, EventKind.CLOSED]), max_size=14
)


def deliver(house: TurnTaker) -> list[Delivery]:
    """All that waits to be sent, in order."""
    found = list(house.store.pending("shop"))
    with house.store.write() as work:
        for delivery in found:
            work.delivered(delivery.id)
        work.commit()
    return found


def happen(house: TurnTaker, step: str | EventKind) -> list[Delivery]:
    event = an_event("a word", step) if isinstance(step, EventKind) else an_event(step)
    with house.store.write() as work:
        work.receive(event)
        work.commit()
    (stored,) = house.store.events()
    if isinstance(step, EventKind):
        house.note(event, stored.id)
    else:
        house.take(Message(KEY, event.event_id, step, NOON), events=[stored.id])
    return deliver(house)


@settings(max_examples=150, deadline=None)
@given(steps=steps)
def test_whatever_happens_nobody_is_talked_over_left_alone_or_handed_over_in_silence(
    steps: list[str | EventKind],
) -> None:
    house = a_house()
    for step in steps:
        before = Owner(house.store.load(KEY).owner)
        sent = happen(house, step)
        after = Owner(house.store.load(KEY).owner)
        if isinstance(step, EventKind):
            assert sent == [], "the bot speaks only when a customer wrote"
        elif before is Owner.PERSON and step != "/new":
            assert sent == [], "the bot speaks while a person has the conversation"
        else:
            assert sent[0].reply.text, "a customer is left alone"
            assert sent[0].kind is DeliveryKind.REPLY
        if before in (Owner.BOT, Owner.CLOSED) and after is Owner.WAITING:
            assert [one.kind for one in sent] == [DeliveryKind.REPLY, DeliveryKind.HANDOFF]
            assert all(one.reply.text for one in sent)
        if step is EventKind.GIVEN_BACK and before is not Owner.CLOSED:
            assert after is Owner.BOT
    if happen(house, EventKind.GIVEN_BACK) == [] and Owner(house.store.load(KEY).owner) is Owner.BOT:
        assert happen(house, "refund")[0].reply.text == "Within 14 days."
