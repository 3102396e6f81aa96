"""Inbox, outbox and small states, on every store."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import KEY, NOON, OTHER, a_message, a_reply, take

from engine.dialogue import ChannelEvent, ConversationKey, EventKind, Speaker
from storage.errors import TakenUp
from storage.ports import By, DeliveryKind, Store
from storage.rows import safe

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SOON, LATE = NOON + timedelta(minutes=5), NOON + timedelta(hours=5)


def an_event(event_id: str = "e1", text: str = "where is it?", key: ConversationKey = KEY) -> ChannelEvent:
    return ChannelEvent(key, event_id, EventKind.MESSAGE, NOON, text, "anna")


def receive(store: Store, *events: ChannelEvent) -> list[bool]:
    with store.write() as work:
        found = [work.receive(event) for event in events]
        work.commit()
    return found


def claim(store: Store, *, until: datetime = SOON, limit: int = 100) -> list[str]:
    with store.write() as work:
        found = [
            f"{one.key.thread} {one.message_id} {one.kind}" for one in work.claim("shop", until=until, limit=limit)
        ]
        work.commit()
    return found


def ids(store: Store) -> dict[str, int]:
    return {f"{one.message_id} {one.kind}": one.id for one in store.pending()}


# -- inbox


words = st.text(max_size=20)
events = st.builds(
    ChannelEvent,
    st.just(KEY),
    st.just("e1"),
    st.sampled_from(EventKind),
    st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),
    words,
    st.none() | words,
    st.lists(words, max_size=3).map(tuple),
    st.none() | words,
)


@FEW
@given(event=events)
def test_an_event_comes_back_as_it_was_received(store: Store, event: ChannelEvent) -> None:
    event = replace(event, event_id=uuid.uuid4().hex)
    receive(store, event)
    found = store.events(key=KEY, limit=10**6)[-1].event
    texts = {"text": safe(event.text), "attachments": tuple(map(safe, event.attachments))}
    sender, about = (None if one is None else safe(one) for one in (event.sender, event.about))
    assert found == replace(event, **texts, sender=sender, about=about)


def test_an_event_is_received_once_however_often_it_comes(store: Store) -> None:
    assert receive(store, an_event(), an_event("e2"), an_event(text="again")) == [True, True, False]
    assert receive(store, an_event(key=OTHER)) == [False]
    assert receive(store, an_event(key=ConversationKey("mail", "anna"))) == [True]
    assert [one.event.event_id for one in store.events(key=KEY)] == ["e1", "e2"]
    assert [one.event.key.channel for one in store.events()] == ["shop", "shop", "mail"]


def test_what_is_done_is_gone_and_guards_against_its_redelivery(store: Store) -> None:
    receive(store, an_event(), an_event("e2"))
    first, second = store.events()
    with store.write() as work:
        work.done([first.id])
        work.commit()
    assert list(store.events()) == [second]
    assert receive(store, an_event()) == [False]
    with store.write() as work, pytest.raises(TakenUp):
        work.done([second.id, first.id])
    with store.write() as work:
        work.done([])
        work.commit()
    assert list(store.events()) == [second]


def test_an_event_is_put_off_parked_tried_again_and_dropped(store: Store) -> None:
    receive(store, an_event())
    (event,) = store.events()

    def after(change: str, *values: object) -> list[tuple[int, bool, str]]:
        with store.write() as work:
            getattr(work, change)(event.id, *values)
            work.commit()
        return [(one.attempts, one.parked, one.error) for one in store.events()]

    assert after("put_off", LATE, "no engine") == [(1, False, "no engine")]
    assert store.events()[0].due == LATE
    assert after("park_event", "gave up") == [(2, True, "gave up")]
    with store.write() as work, pytest.raises(TakenUp):
        work.done([event.id])
    assert after("retry_event") == [(0, False, "gave up")]
    assert after("drop_event") == []
    assert after("drop_event") == []
    assert receive(store, an_event()) == [False]


def test_forgetting_takes_events_with_it(store: Store) -> None:
    take(store, a_message())
    receive(store, an_event("parked"), an_event("waits"), an_event("elsewhere", key=OTHER))
    parked, waits, elsewhere = store.events()
    with store.write() as work:
        work.park_event(parked.id, "poison")
        work.erase(KEY, by=By.CUSTOMER, at=NOON)
        work.commit()
    assert list(store.events()) == [waits, elsewhere]  # what came after the wish to forget is still to be answered
    with store.write() as work:
        work.forget(KEY)
        work.commit()
    assert list(store.events()) == [elsewhere]


# -- turns that nobody answers


def test_what_a_person_wrote_is_a_turn_once(store: Store) -> None:
    take(store, a_message())
    for _ in range(2):
        with store.write() as work:
            work.hear(an_event("p1", "I have looked it up."), Speaker.AGENT)
            work.commit()
    turn = store.history(KEY)[-1]
    assert [one.position for one in store.history(KEY)] == [0, 1, 2]
    assert (turn.turn.speaker, turn.turn.text, turn.message_id, turn.reply) == (
        Speaker.AGENT,
        "I have looked it up.",
        "p1",
        None,
    )


# -- outbox


def test_the_oldest_of_each_conversation_is_claimed_and_by_one_only(store: Store) -> None:
    for message in (a_message("m1"), a_message("m2"), a_message("m1", key=OTHER), a_message("m3", key=OTHER)):
        take(store, message)
    assert claim(store, limit=1) == ["anna m1 reply"]
    assert claim(store) == ["bela m1 reply"]
    assert claim(store) == []


def test_the_next_comes_when_the_one_before_is_delivered_parked_or_dropped(store: Store) -> None:
    for number in range(4):
        take(store, a_message(f"m{number}"))
    for number, way in enumerate(("delivered", "park", "drop")):
        assert claim(store, until=NOON) == [f"anna m{number} reply"]
        delivery = ids(store)[f"m{number} reply"]
        with store.write() as work:
            getattr(work, way)(delivery, *(["poison"] if way == "park" else []))
            work.commit()
    assert claim(store) == ["anna m3 reply"]
    assert [one.message_id for one in store.pending("shop", due=LATE)] == ["m3"]
    assert [(one.message_id, one.parked, one.error) for one in store.pending("shop")] == [
        ("m1", True, "poison"),
        ("m3", False, ""),
    ]


def test_a_postponed_delivery_holds_up_those_behind_it_and_nobody_else(store: Store) -> None:
    for message in (a_message("m1"), a_message("m2"), a_message("m1", key=OTHER)):
        take(store, message)
    with store.write() as work:
        work.postpone(work.claim("shop", until=SOON, limit=1)[0].id, LATE, "busy")
        work.commit()
    assert claim(store, until=NOON) == ["bela m1 reply"]
    with store.write() as work:
        assert work.retry(store.pending("shop")[0].id)
        assert not work.retry(10**9)
        work.commit()
    assert claim(store)[0] == "anna m1 reply"


def test_a_lease_that_ran_out_is_claimed_again(store: Store) -> None:
    take(store, a_message())
    assert claim(store, until=NOON) == ["anna m1 reply"]  # the clock of the store is past noon already
    assert claim(store) == ["anna m1 reply"]


def test_what_is_being_sent_is_neither_withdrawn_nor_tried_again(store: Store) -> None:
    for number in range(3):
        take(store, a_message(f"m{number}"))
    with store.write() as work:
        work.enqueue(a_message("m0"), a_reply("a note"), DeliveryKind.HANDOFF)
        work.commit()
    assert claim(store) == ["anna m0 reply"]
    with store.write() as work:
        assert not work.retry(ids(store)["m0 reply"])
        work.withdraw(KEY)
        work.withdraw(ConversationKey("shop", "nobody"))
        work.commit()
    assert list(ids(store)) == ["m0 reply", "m0 handoff"]


def test_a_number_is_never_given_out_again(store: Store) -> None:
    take(store, a_message("m1"))
    receive(store, an_event("e1"))
    before = (store.pending()[0].id, store.events()[0].id)
    with store.write() as work:
        work.forget(KEY)
        work.commit()
    take(store, a_message("m2"))
    receive(store, an_event("e2"))
    assert store.pending()[0].id > before[0]
    assert store.events()[0].id > before[1]


def test_conversations_that_wait_are_found_behind_any_number_of_parked_events(store: Store) -> None:
    receive(store, *(an_event(f"p{number}") for number in range(5)), an_event("waits"), an_event("other", key=OTHER))
    with store.write() as work:
        for event in store.events(limit=5):
            work.park_event(event.id, "poison")
        work.commit()
    assert list(store.waiting()) == [KEY, OTHER]
    assert list(store.waiting(limit=1)) == [KEY]
    assert [one.event.event_id for one in store.events(key=KEY, limit=1, parked=False)] == ["waits"]
    assert [one.kind for one in store.pending(key=KEY)] == []


def test_each_kind_of_delivery_has_a_key_of_its_own(store: Store) -> None:
    take(store, a_message())
    for _ in range(2):
        with store.write() as work:
            work.enqueue(a_message(), a_reply("Anna asks where it is"), DeliveryKind.HANDOFF)
            work.commit()
    reply, note = store.pending("shop")
    assert (reply.kind, note.kind, note.reply.text) == ("reply", "handoff", "Anna asks where it is")
    assert reply.idempotency_key != note.idempotency_key
    assert len(list(store.pending())) == 2


# -- small states


def test_a_state_is_kept_under_its_name(store: Store) -> None:
    assert store.state("moods") is None
    for state in ({"seen": 1}, {"seen": 2, "topics": {"refund": [0.5, "\0"]}}):
        with store.write() as work:
            work.keep_state("moods", state)
            work.commit()
    assert store.state("moods") == {"seen": 2, "topics": {"refund": [0.5, "\ufffd"]}}
    assert store.state("other") is None
