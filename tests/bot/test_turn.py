"""One message through the house: exactly one reply, whatever it says and however often it comes."""

from __future__ import annotations

import inspect
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.ownership import Event, Owner, after
from bot.turn import TurnTaker
from bot.wording import BUILT_IN
from engine.dialogue import ConversationKey, Reply, Source, Speaker
from engine.memory import WorkingMemory
from engine.respond import Engine
from storage.errors import StorageError, Unavailable
from storage.in_memory import InMemoryStore
from storage.ports import Store
from tests.builders import FAQ, KEY, NOON, a_house, a_message, a_reply, a_wording
from tests.fakes import BOTH, PERSON, FailingStore, RacedStore, TableEngine

ENGLISH, CHINESE = BUILT_IN["en"], BUILT_IN["zh"]
AWKWARD = {
    "nothing": "",
    "spaces": " \t\r\n　 ",
    "only controls": "\x00\x01\x1b\x7f",
    "a NUL": "re\x00fund",
    "half a character": "a\ud800b\udc00",
    "an escape": "\x1b[2Jrefund\x07",
    "20,000 characters": "x" * 20_000,
    "20,000 spaces": " " * 20_000,
    "a long command": "/" + "x" * 20_000,
    "a slash": "/",
    "emoji": "👨‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "\u202eabc مرحبا",
    "line ends": "a\r\nb\rc\u2028d",
    "braces": "{bot} {limit} {0} %s ⟨name⟩",
}


def texts(store: Store, key: ConversationKey = KEY) -> list[str]:
    return [turn.turn.text for turn in store.history(key)]


def say(house: TurnTaker, *said: str) -> list[str]:
    return [house.take(a_message(text)).text for text in said]


def set_owner(store: Store, owner: Owner) -> None:
    """As the desk of people does it."""
    with store.write() as work:
        work.save(replace(store.load(KEY), owner=owner.value))
        work.commit()


def owner(store: Store) -> Owner:
    return Owner(store.load(KEY).owner)


def test_the_fake_engine_is_asked_like_the_real_one() -> None:
    assert inspect.signature(TableEngine.respond) == inspect.signature(Engine.respond)


def test_a_question_gets_the_answer_and_both_are_kept() -> None:
    house = a_house()
    reply = house.take(a_message("refund"))
    assert (reply.text, reply.provenance.source, reply.entry) == ("Within 14 days.", Source.RETRIEVED, "refund")
    assert texts(house.store) == ["refund", "Within 14 days."]
    (asked, answered) = house.store.history(KEY)
    assert (asked.turn.speaker, asked.at) == (Speaker.CUSTOMER, NOON)
    assert answered.reply == reply


def test_memory_goes_on_from_turn_to_turn() -> None:
    house = a_house()
    say(house, "refund", "hours")
    memory = house.store.load(KEY).memory
    assert (memory.turn, [topic.entry for topic in memory.topics]) == (2, ["refund", "hours"])


def test_conversations_know_nothing_of_each_other() -> None:
    house = a_house()
    other = replace(KEY, thread="bela")
    house.take(a_message("refund"))
    house.take(a_message("hours", key=other))
    assert [topic.entry for topic in house.store.load(other).memory.topics] == ["hours"]
    assert texts(house.store) == ["refund", "Within 14 days."]


@pytest.mark.parametrize("text", ["refund", "what?", PERSON, BOTH, "", "/help", "/why", "/human", "/new", "/dance"])
def test_a_redelivery_gets_the_stored_reply_and_nothing_new(text: str) -> None:
    house = a_house()
    say(house, "hours")
    message = a_message(text)
    first = house.take(message)
    before = (house.store.load(KEY), texts(house.store))
    again = [house.take(replace(message, text=changed)) for changed in (text, "hours", "")]
    assert again == [first] * 3
    assert (house.store.load(KEY), texts(house.store)) == before


def test_a_redelivery_after_a_restart_gets_the_stored_reply() -> None:
    house = a_house()
    message = a_message("refund")
    first = house.take(message)
    assert a_house({"refund": "Something else."}, store=house.store).take(message) == first


def test_the_same_id_in_another_conversation_is_another_message() -> None:
    house = a_house()
    house.take(a_message("refund", message_id="1"))
    assert house.take(a_message("hours", message_id="1", key=replace(KEY, thread="bela"))).entry == "hours"


def test_a_message_delivered_by_many_threads_at_once_is_answered_once() -> None:
    engine = TableEngine(FAQ, a_wording().say, before=lambda _text: _meet(gate))
    gate = threading.Barrier(4)
    house = a_house(engine=engine)
    message = a_message("refund")
    with ThreadPoolExecutor(4) as pool:
        replies = list(pool.map(house.take, [message] * 4))
    assert replies == [replies[0]] * 4
    assert texts(house.store) == ["refund", "Within 14 days."]
    assert house.store.load(KEY).memory.turn == 1


def _meet(gate: threading.Barrier) -> None:
    try:
        gate.wait(timeout=5)
    except threading.BrokenBarrierError:
        return


def test_no_turn_is_lost_when_threads_race_for_one_conversation() -> None:
    house = a_house()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(house.take, [a_message(f"question {number}") for number in range(40)]))
    assert house.store.load(KEY).memory.turn == 40
    assert len(texts(house.store)) == 2 * 40


def _rival(store: InMemoryStore) -> None:
    a_house(store=store).take(a_message("hours"))


def _person_takes_over(store: InMemoryStore) -> None:
    with InMemoryStore.write(store) as work:  # past the race
        work.save(replace(store.load(KEY), owner=Owner.PERSON.value))
        work.commit()


def test_a_lost_race_is_run_again_on_what_stands_there_now() -> None:
    house = a_house(store=RacedStore([_rival]))
    assert house.take(a_message("refund")).text == "Within 14 days."
    assert [topic.entry for topic in house.store.load(KEY).memory.topics] == ["hours", "refund"]


def test_a_person_who_took_over_while_the_bot_thought_is_not_talked_over() -> None:
    house = a_house(store=RacedStore([_person_takes_over]))
    assert house.take(a_message("refund")).text == ""


def test_a_race_that_is_lost_again_and_again_is_given_up_and_nothing_is_changed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.turn.PATIENCE_SECONDS", 0.2)
    house = a_house(store=RacedStore([_person_takes_over] * 1000))
    with pytest.raises(Unavailable, match="somebody else keeps writing"):
        house.take(a_message("refund"))
    assert texts(house.store) == []


def test_a_rival_who_answered_the_same_message_is_believed() -> None:
    message = a_message("refund")
    theirs = a_reply("Theirs.")

    def rival(store: InMemoryStore) -> None:
        with InMemoryStore.write(store) as work:
            work.append(message, theirs, NOON)
            work.commit()

    house = a_house(store=RacedStore([rival]))
    assert house.take(message) == theirs
    assert texts(house.store) == ["refund", "Theirs."]


def test_a_failing_store_leaves_nothing_changed_and_the_next_delivery_succeeds() -> None:
    house = a_house(store=FailingStore(1))
    message = a_message("refund")
    with pytest.raises(Unavailable):
        house.take(message)
    assert (texts(house.store), house.store.load(KEY).memory) == ([], WorkingMemory())
    assert house.take(message).text == "Within 14 days."
    assert house.store.load(KEY).memory.turn == 1


def test_a_failing_engine_leaves_nothing_changed() -> None:
    def explode(_text: str) -> None:
        raise RuntimeError("boom")

    house = a_house(engine=TableEngine(FAQ, a_wording().say, before=explode))
    with pytest.raises(RuntimeError):
        house.take(a_message("refund"))
    assert texts(house.store) == []


def test_a_message_id_that_no_store_takes_changes_nothing() -> None:
    house = a_house()
    with pytest.raises(StorageError):
        house.take(a_message(message_id="x" * 10_000))
    assert texts(house.store) == []


@pytest.mark.parametrize("text", AWKWARD.values(), ids=AWKWARD)
def test_an_awkward_text_gets_a_reply_that_is_stored_and_found_again(text: str) -> None:
    house = a_house()
    message = a_message(text)
    reply = house.take(message)
    assert 0 < len(reply.text) < 500
    assert house.take(message) == reply
    said, answered = house.store.history(KEY)
    for turn in (said.turn, answered.turn):
        assert not set(turn.text) & {"\x00", "\x1b", "\x07", "\r", "\ud800"}
    assert answered.reply == reply


@pytest.mark.parametrize("name", ["nothing", "spaces", "only controls", "20,000 spaces"])
def test_a_message_without_text_is_said_to_be_empty(name: str) -> None:
    house = a_house()
    assert house.take(a_message(AWKWARD[name])).text == ENGLISH["empty"]
    assert house.engine.thought == []  # type: ignore[union-attr]  # the fake is there


def test_what_a_terminal_would_obey_is_gone_before_anybody_thinks() -> None:
    house = a_house()
    assert house.take(a_message(AWKWARD["a NUL"])).entry == "refund"


def test_a_text_is_too_long_beyond_the_limit_and_memory_keeps_its_beginning() -> None:
    house = a_house(characters=100)
    at_the_limit, beyond = say(house, "x" * 100, "y" * 101)
    assert at_the_limit == ENGLISH["unsure"]
    assert beyond == ENGLISH["too_long"].format(limit=100)
    assert [turn.text for turn in house.store.load(KEY).memory.recent][2] == "y" * 100


@settings(max_examples=40, deadline=None)
@given(st.lists(st.text(max_size=30) | st.sampled_from(["/human", "/new", "/why", "/help", *FAQ, BOTH, PERSON])))
def test_whatever_is_said_each_message_has_one_reply_in_order(said: list[str]) -> None:
    house = a_house()
    replies = say(house, *said)
    history = house.store.history(KEY)
    assert [turn.turn.text for turn in history if turn.reply] == replies
    assert len(history) == 2 * len(said)
    assert all(replies)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(Event), max_size=8))
def test_the_engine_is_never_asked_while_a_person_owns(events: list[Event]) -> None:
    house = a_house()
    held = Owner.BOT
    for event in events:
        held = after(held, event)
        set_owner(house.store, held)
        reply = house.take(a_message("refund"))
        assert (reply.entry == "refund") is (held in (Owner.BOT, Owner.CLOSED))
        held = Owner.BOT if held is Owner.CLOSED else held
        assert owner(house.store) is held


def test_asking_for_a_person_passes_on_and_then_the_bot_only_says_so() -> None:
    house = a_house()
    passed = house.take(a_message("/human"))
    assert (passed.text, passed.handoff, passed.provenance.source) == (ENGLISH["handoff"], True, Source.HANDOFF)
    assert owner(house.store) is Owner.WAITING
    assert say(house, "refund", "/human", "") == [ENGLISH["waiting"]] * 3
    assert house.engine.thought == []  # type: ignore[union-attr]  # the fake is there
    assert texts(house.store)[2:4] == ["refund", ENGLISH["waiting"]]


def test_asking_for_a_person_in_words_passes_on_too() -> None:
    house = a_house()
    assert house.take(a_message(PERSON)).handoff
    assert owner(house.store) is Owner.WAITING


def test_while_a_person_speaks_the_bot_is_silent_and_listens() -> None:
    house = a_house()
    set_owner(house.store, Owner.PERSON)
    assert say(house, "refund", "/human") == [""] * 2
    assert [turn.text for turn in house.store.load(KEY).memory.recent] == ["refund", "/human"]
    assert owner(house.store) is Owner.PERSON


@pytest.mark.parametrize("held", [Owner.WAITING, Owner.PERSON, Owner.CLOSED])
def test_a_new_start_gives_the_conversation_back_to_the_bot_with_nothing_remembered(held: Owner) -> None:
    house = a_house()
    say(house, "refund")
    set_owner(house.store, held)
    assert say(house, "/new", "hours") == [ENGLISH["new"], "From 9 to 17."]
    assert house.store.load(KEY).memory.turn == 1
    assert owner(house.store) is Owner.BOT


@pytest.mark.parametrize("held", Owner)
@pytest.mark.parametrize("trained", [True, False])
@pytest.mark.parametrize(("command", "name"), [("/help", "help"), ("/why", "nothing_to_explain"), ("/new", "new")])
def test_commands_work_without_a_model_and_while_no_person_speaks(
    held: Owner, trained: bool, command: str, name: str
) -> None:
    house = a_house() if trained else a_house(engine=None)
    set_owner(house.store, held)
    assert say(house, command) == ["" if held is Owner.PERSON and command != "/new" else ENGLISH[name]]


def test_an_unknown_command_is_named_and_never_reaches_the_engine() -> None:
    house = a_house()
    assert say(house, "/dance") == ["I do not know the command /dance. /help shows those that I know."]
    assert house.engine.thought == []  # type: ignore[union-attr]  # the fake is there


def test_why_explains_the_last_answer_even_after_a_restart() -> None:
    house = a_house()
    say(house, "refund", "hours", "/help", "")
    later = a_house({}, store=house.store)
    text = later.take(a_message("/why")).text
    assert text.splitlines()[0] == "Source: retrieved (the entry's own words)"
    assert "Origin: hours" in text
    assert say(later, "/why") == [text]


def test_why_explains_that_the_bot_was_unsure() -> None:
    house = a_house()
    say(house, "what?")
    assert "Reason: nothing fits" in say(house, "/why")[0]


def test_a_command_between_does_not_disturb_what_was_offered_or_talked_about() -> None:
    house = a_house()
    say(house, "refund", BOTH)
    before = house.store.load(KEY).memory
    say(house, "/why")
    assert house.store.load(KEY).memory == before
    say(house, "/help")
    assert house.store.load(KEY).memory.offered == before.offered
    assert house.store.load(KEY).memory.topic == before.topic


def test_without_a_model_the_bot_says_so_and_a_person_can_be_had() -> None:
    house = a_house(engine=None)
    assert say(house, "refund", "几点开门", "/why", "/human", "hello") == [
        ENGLISH["no_model"],
        CHINESE["no_model"],
        CHINESE["nothing_to_explain"],
        CHINESE["handoff"],
        ENGLISH["waiting"],
    ]


@pytest.mark.parametrize(("command", "name"), [("/help", "help"), ("/human", "handoff"), ("/new", "new")])
def test_a_command_after_chinese_is_answered_in_chinese(command: str, name: str) -> None:
    house = a_house()
    say(house, "几点开门")
    assert say(house, command) == [CHINESE[name]]


def test_many_commands_and_numbers_after_chinese_are_still_answered_in_chinese() -> None:
    house = a_house()
    assert say(house, "几点开门", "/help", "/help", "42", "43", "/why", "/dance", "/human", "12", "") == [
        "早上九点开门。",
        CHINESE["help"],
        CHINESE["help"],
        CHINESE["unsure"],
        CHINESE["unsure"],
        house.store.history(KEY)[11].turn.text,
        CHINESE["unknown_command"].format(command="/dance"),
        CHINESE["handoff"],
        CHINESE["waiting"],
        CHINESE["waiting"],
    ]


def test_the_language_follows_the_customer_back_and_forth() -> None:
    house = a_house()
    assert say(house, "这是什么", "what is it", "/help", "那么呢", "/help") == [
        CHINESE["unsure"],
        ENGLISH["unsure"],
        ENGLISH["help"],
        CHINESE["unsure"],
        CHINESE["help"],
    ]


def test_before_anything_was_said_the_main_language_speaks() -> None:
    assert say(a_house(locales=("zh", "en")), "/help", "") == [CHINESE["help"], CHINESE["empty"]]


def test_a_held_back_answer_is_replaced_and_stored_as_what_was_said() -> None:
    house = a_house({"refund": "Dear {name|}, within 14 days."})
    reply: Reply = house.take(a_message("refund"))
    assert (reply.text, reply.provenance.origin) == (ENGLISH["unsure"], "guard")
    assert texts(house.store) == ["refund", ENGLISH["unsure"]]


def test_memory_remembers_what_was_said_and_not_what_the_guard_held_back() -> None:
    house = a_house({"refund": "Dear {name|}, within 14 days."})
    house.take(a_message("refund"))
    assert [turn.text for turn in house.store.load(KEY).memory.recent] == ["refund", ENGLISH["unsure"]]
