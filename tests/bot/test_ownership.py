"""Who may speak: a state machine with a few laws, whatever happens and in whichever order."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ownership import Event, Owner, after, bot_may_speak

EVENTS = st.lists(st.sampled_from(Event), max_size=20)
OWNERS = st.sampled_from(Owner)


def lived(events: Sequence[Event], start: Owner = Owner.BOT) -> Owner:
    return reduce(after, events, start)


def test_a_handoff_goes_its_whole_round() -> None:
    owner = Owner.BOT
    seen = []
    for event in (Event.HANDED_OFF, Event.PERSON_SPOKE, Event.CLOSED, Event.CUSTOMER_WROTE):
        owner = after(owner, event)
        seen.append(owner)
    assert seen == [Owner.WAITING, Owner.PERSON, Owner.CLOSED, Owner.BOT]


@given(EVENTS)
def test_the_bot_never_speaks_while_a_person_owns(events: list[Event]) -> None:
    owner = lived(events)
    assert bot_may_speak(owner) is (owner not in (Owner.PERSON, Owner.WAITING))


@given(EVENTS, st.lists(st.sampled_from([Event.CUSTOMER_WROTE, Event.HANDED_OFF, Event.PERSON_SPOKE]), max_size=20))
def test_once_a_person_spoke_only_an_end_lets_the_bot_speak(before: list[Event], then: list[Event]) -> None:
    assert lived([*before, Event.PERSON_SPOKE, *then]) is Owner.PERSON


@given(EVENTS, st.lists(st.just(Event.CUSTOMER_WROTE), max_size=5))
def test_a_waiting_customer_writes_on_and_still_waits(before: list[Event], then: list[Event]) -> None:
    handed = lived([*before, Event.RESTARTED, Event.HANDED_OFF, *then])
    assert handed is Owner.WAITING


@given(EVENTS)
def test_after_it_was_given_back_the_bot_speaks(events: list[Event]) -> None:
    assert bot_may_speak(lived([*events, Event.GIVEN_BACK]))


@given(EVENTS)
def test_a_customer_who_writes_after_the_end_talks_to_the_bot(events: list[Event]) -> None:
    assert lived([*events, Event.CLOSED, Event.CUSTOMER_WROTE]) is Owner.BOT


@given(OWNERS)
def test_a_new_start_belongs_to_the_bot_from_everywhere(owner: Owner) -> None:
    assert after(owner, Event.RESTARTED) is Owner.BOT


@given(OWNERS)
def test_an_end_can_come_at_any_time(owner: Owner) -> None:
    assert after(owner, Event.CLOSED) is Owner.CLOSED


@given(OWNERS, st.sampled_from(Event))
def test_the_same_event_twice_is_as_good_as_once(owner: Owner, event: Event) -> None:
    if (owner, event) != (Owner.CLOSED, Event.CUSTOMER_WROTE):
        assert after(after(owner, event), event) is after(owner, event)


@pytest.mark.parametrize("owner", [Owner.BOT, Owner.WAITING, Owner.PERSON])
def test_writing_alone_changes_nothing_before_the_end(owner: Owner) -> None:
    assert after(owner, Event.CUSTOMER_WROTE) is owner


@pytest.mark.parametrize("owner", Owner)
def test_an_owner_survives_being_stored_as_text(owner: Owner) -> None:
    assert Owner(owner.value) is owner
