"""``/forget``: what a customer said is gone, here or everywhere, and each wish is answered once."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from bot.commands import Command, parse, to_forget
from bot.turn import TurnTaker
from bot.wording import BUILT_IN
from engine.dialogue import ConversationKey, Message
from engine.memory import WorkingMemory
from storage.conversations import open_store
from storage.errors import Unavailable
from storage.in_memory import InMemoryStore
from storage.ports import By, Scope, Store, Tombstone
from tests.builders import FAQ, KEY, NOON, a_house, a_message, a_wording
from tests.fakes import FailingStore, RacedStore, TableEngine

ENGLISH, CHINESE = BUILT_IN["en"], BUILT_IN["zh"]
BELA = ConversationKey("shop", "bela")


def texts(store: Store, key: ConversationKey = KEY) -> list[str]:
    return [turn.turn.text for turn in store.history(key) if turn.turn.text]


def say(house: TurnTaker, text: str, key: ConversationKey = KEY, sender: str | None = None) -> str:
    return house.take(a_message(text, key=key, sender=sender)).text


@pytest.mark.parametrize(
    ("text", "scope"),
    [
        ("/forget conversation", Scope.CONVERSATION),
        ("  /FORGET  this\nconversation. ", Scope.CONVERSATION),
        ("/forget 会话", Scope.CONVERSATION),
        ("/forget@FernBot me", Scope.PERSON),
        ("/Forget Me!", Scope.PERSON),
        ("/forget　我", Scope.PERSON),
        ("/forget", None),
        ("/forget my phone number", None),
        ("/forget " + "x" * 20_000, None),
    ],
)
def test_what_is_to_be_forgotten_can_be_named_in_both_languages(text: str, scope: Scope | None) -> None:
    assert parse(text) is Command.FORGET
    assert to_forget(text) is scope


@pytest.mark.parametrize(
    "text", ["forget me", "please /forget me", "//forget me", "/forgetme", "/help me", "忘记我", ""]
)
def test_what_only_looks_like_it_forgets_nothing(text: str) -> None:
    assert parse(text) is not Command.FORGET
    house = a_house()
    say(house, "refund")
    say(house, text)
    assert "refund" in texts(house.store)


def test_forget_alone_asks_which_and_keeps_nothing_of_what_else_it_said() -> None:
    house = a_house()
    say(house, "refund")
    assert say(house, "/forget that my number is 4111") == ENGLISH["forget_which"]
    assert texts(house.store) == ["refund", "Within 14 days.", "/forget", ENGLISH["forget_which"]]
    assert "4111" not in str(house.store.load(KEY).memory)


def test_a_conversation_is_forgotten_and_only_that() -> None:
    house = a_house()
    say(house, "refund", sender="a")
    say(house, "hours", key=BELA, sender="a")
    assert say(house, "/forget conversation", sender="a") == ENGLISH["forgotten_conversation"]
    assert texts(house.store) == []
    assert house.store.load(KEY).memory == WorkingMemory()
    assert list(house.store.tombstones(KEY)) == [Tombstone(NOON, 2, By.CUSTOMER, Scope.CONVERSATION)]
    assert texts(house.store, BELA) == ["hours", "From 9 to 17."]


def test_a_person_is_forgotten_in_every_conversation_of_the_channel() -> None:
    house = a_house()
    elsewhere = ConversationKey("mail", "anna")
    for key, sender in ((KEY, "a"), (BELA, "a"), (elsewhere, "a")):
        say(house, "refund", key=key, sender=sender)
    say(house, "hours", key=BELA, sender="b")
    assert say(house, "/forget me", sender="a") == ENGLISH["forgotten_me"]
    assert texts(house.store) == []
    assert texts(house.store, BELA) == ["hours", "From 9 to 17."]  # of somebody else in the same conversation
    assert texts(house.store, elsewhere) == ["refund", "Within 14 days."]
    assert [turn.sender for turn in house.store.history(KEY)] == [None, None]


def test_without_a_name_me_is_this_conversation() -> None:
    house = a_house()
    say(house, "refund")
    say(house, "hours", key=BELA)
    say(house, "/forget me")
    assert (texts(house.store), texts(house.store, BELA)) == ([], ["hours", "From 9 to 17."])


def test_the_confirmation_is_in_the_customers_language() -> None:
    house = a_house()
    say(house, "几点开门")
    assert say(house, "/forget") == CHINESE["forget_which"]
    assert say(house, "/forget me") == CHINESE["forgotten_me"]
    assert say(house, "/forget 会话") == CHINESE["forgotten_conversation"]
    say(house, "refund")
    assert say(house, "/forget me") == ENGLISH["forgotten_me"]


@pytest.mark.parametrize("wish", ["/forget conversation", "/forget 我"])
def test_a_redelivered_wish_gets_its_reply_and_forgets_nothing_more(wish: str) -> None:
    house = a_house()
    say(house, "refund", sender="a")
    message = a_message(wish, sender="a")
    first = house.take(message)
    say(house, "hours", sender="a")
    say(house, "/forget conversation", sender="a")  # a later wish does not undo that the first was answered
    say(house, "几点开门", sender="a")
    before = texts(house.store)
    assert [house.take(replace(message, text=text)) for text in (wish, "refund", "")] == [first] * 3
    assert texts(house.store) == before
    assert len(list(house.store.tombstones(KEY))) == 2


def test_a_wish_delivered_by_many_threads_at_once_is_answered_once(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path}/a.db") as store:
        house = a_house(store=store)
        say(house, "refund", sender="a")
        message, replies, begin = a_message("/forget me", sender="a"), [], threading.Barrier(4)

        def deliver() -> None:
            begin.wait()
            replies.append(house.take(message))

        threads = [threading.Thread(target=deliver) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(replies) == 4
        assert set(replies) == {replies[0]}
        assert [turn.turn.text for turn in store.history(KEY)] == ["", ""]
        assert [stone.turns for stone in store.tombstones(KEY)] == [2]


def test_no_word_of_it_is_left_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    with open_store(f"sqlite:///{path}") as store:
        house = a_house({"my card is 4111": "Your card 4111."}, store=store)
        say(house, "my card is 4111", sender="anna-sender")
        say(house, "/why")
        say(house, "/forget me, 4111!", sender="anna-sender")
        say(house, "/forget me", sender="anna-sender")
        kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())  # while the bot runs, its log included
        for word in (b"4111", b"anna-sender", b"/forget", b"Done: I have"):
            assert word not in kept


def test_a_turn_in_another_process_that_had_begun_brings_nothing_back() -> None:
    rival_house: list[TurnTaker] = []

    def forget(_store: InMemoryStore) -> None:
        rival_house[0].take(a_message("/forget conversation"))

    store = RacedStore([lambda _store: None, forget])
    house = a_house(store=store)
    rival_house.append(a_house(store=store))
    say(house, "refund")
    say(house, "hours")  # was being thought about when the conversation was forgotten
    assert texts(store) == ["hours", "From 9 to 17."]
    assert [topic.entry for topic in store.load(KEY).memory.topics] == ["hours"]


def test_a_person_who_has_the_conversation_keeps_it() -> None:
    house = a_house()
    say(house, "/human")
    say(house, "/forget conversation")
    assert house.store.load(KEY).owner == "waiting"
    assert say(house, "refund") == ENGLISH["waiting"]


def test_the_first_message_of_all_may_be_the_wish() -> None:
    house = a_house()
    assert say(house, "/forget me", sender="a") == ENGLISH["forgotten_me"]
    assert say(house, "refund") == "Within 14 days."


def test_why_tells_nothing_of_what_was_forgotten() -> None:
    house = a_house()
    say(house, "refund")
    say(house, "/forget conversation")
    assert say(house, "/why") == ENGLISH["nothing_to_explain"]


def test_a_wish_that_could_not_be_stored_forgot_nothing() -> None:
    store = FailingStore(failures=0)
    house = a_house(store=store)
    say(house, "refund")
    store.failures = 1
    message = a_message("/forget conversation")
    with pytest.raises(Unavailable):
        house.take(message)
    assert texts(store) == ["refund", "Within 14 days."]
    assert house.take(message).text == ENGLISH["forgotten_conversation"]
    assert texts(store) == []


def test_forgetting_needs_no_model_and_does_not_think() -> None:
    engine = TableEngine(FAQ, a_wording().say)
    house = a_house(engine=engine)
    say(house, "/forget me")
    assert engine.thought == []
    assert say(a_house(engine=None), "/forget me") == ENGLISH["forgotten_me"]


def test_an_operators_own_sentence_is_said_on_redelivery_too() -> None:
    house = a_house()
    house.wording = a_wording(overrides={"en": {"forgotten_me": "Gone, says {bot}."}})
    message: Message = a_message("/forget me")
    assert [house.take(message).text for _ in range(2)] == ["Gone, says Fern."] * 2
