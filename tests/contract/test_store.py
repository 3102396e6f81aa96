"""One suite over every store: in memory, SQLite, and PostgreSQL where a server is named."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stored import KEY, NOON, OTHER, a_message, a_reply, take

from engine.dialogue import (
    Candidate,
    Choice,
    ConversationKey,
    Message,
    Provenance,
    Reply,
    Source,
    Speaker,
    Turn,
)
from engine.memory import NeuralState, Slot, Topic, WorkingMemory
from storage.conversations import open_store
from storage.errors import AlreadyAnswered, Conflict, StorageError
from storage.ports import By, Scope, Store, StoredModel, Summary, Tombstone
from storage.rows import safe

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def traces(store: Store, key: ConversationKey = KEY) -> tuple[object, ...]:
    return (
        store.load(key),
        list(store.history(key)),
        [delivery for delivery in store.pending(key.channel) if delivery.key == key],
        list(store.verdicts(key)),
    )


words = st.text(max_size=20)
chances = st.floats(0, 1)
moments = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
candidates = st.builds(Candidate, words, words, chances)
choices = st.builds(Choice, words, words)
replies = st.builds(
    Reply,
    words,
    st.builds(Provenance, st.sampled_from(Source), words, words),
    chances,
    st.none() | words,
    st.lists(choices, max_size=3).map(tuple),
    st.lists(candidates, max_size=3).map(tuple),
    st.booleans(),
)
turns = st.builds(Turn, st.sampled_from(Speaker), words)
memories = st.builds(
    WorkingMemory,
    st.integers(0, 10**6),
    st.lists(st.builds(Topic, words, st.integers(0, 99)), max_size=3).map(tuple),
    st.dictionaries(words, st.builds(Slot, words, moments, st.sampled_from(Speaker), chances), max_size=3),
    st.lists(turns, max_size=3).map(tuple),
    st.lists(choices, max_size=3).map(tuple),
    st.none() | st.builds(NeuralState, words, st.binary(max_size=40)),
)


def cleaned(value: object) -> object:
    """The value with each of its texts as a store keeps it."""
    if isinstance(value, str):
        return safe(value) if type(value) is str else value
    if isinstance(value, tuple | list):
        return type(value)(cleaned(item) for item in value)
    if isinstance(value, dict):
        return {cleaned(name): cleaned(item) for name, item in value.items()}
    names = getattr(type(value), "__dataclass_fields__", None)
    if names is None:
        return value
    return replace(value, **{name: cleaned(getattr(value, name)) for name in names})  # type: ignore[type-var]


# -- reading what was written


def test_a_conversation_nobody_wrote_is_new(store: Store) -> None:
    conversation = store.load(KEY)
    assert (conversation.version, conversation.owner, conversation.memory) == (0, "bot", WorkingMemory())
    assert store.find_reply(KEY, "m1") is None
    assert list(store.history(KEY)) == []
    assert list(store.conversations()) == []


@FEW
@given(reply=replies, said=words)
def test_a_reply_comes_back_as_it_was_given(store: Store, reply: Reply, said: str) -> None:
    message = a_message(uuid.uuid4().hex, said)
    with store.write() as work:
        work.append(message, reply, NOON)
        work.enqueue(message, reply)
        work.commit()
    assert store.find_reply(KEY, message.message_id) == cleaned(reply)
    customer, bot = store.history(KEY, limit=2)
    assert (customer.turn.text, bot.turn.text, bot.reply) == (safe(said), safe(reply.text), cleaned(reply))
    assert store.pending("shop", limit=10**6)[-1].reply == cleaned(reply)


@FEW
@given(memory=memories, owner=words)
def test_a_memory_comes_back_as_it_was_kept(store: Store, memory: WorkingMemory, owner: str) -> None:
    before = store.load(KEY)
    with store.write() as work:
        work.save(replace(before, memory=memory, owner=owner))
        work.commit()
    after = store.load(KEY)
    assert after.memory == cleaned(memory)
    assert (after.owner, after.version) == (safe(owner), before.version + 1)


def test_what_a_database_refuses_in_text_is_replaced(store: Store) -> None:
    key = ConversationKey("shop", "a\0b")
    take(store, a_message("m\ud800", "nul \0 and half a pair \udfff", key), a_reply("so \0"))
    reply = store.find_reply(key, "m\ud800")
    assert reply is not None
    assert reply.text == "so \ufffd"
    assert store.history(key)[0].turn.text == "nul \ufffd and half a pair \ufffd"
    assert store.conversations()[0].key == ConversationKey("shop", "a\ufffdb")


def test_times_come_back_in_utc(store: Store) -> None:
    local = datetime(2026, 3, 1, 14, 0, 0, 123456, tzinfo=timezone(timedelta(hours=2)))
    with store.write() as work:
        work.append(replace(a_message(), sent_at=local), a_reply(), local)
        work.commit()
    for turn in store.history(KEY):
        assert turn.at == local
        assert turn.at.tzinfo is UTC


def test_a_time_without_a_zone_is_refused(store: Store) -> None:
    with store.write() as work, pytest.raises(ValueError, match="no time zone"):
        work.append(a_message(), a_reply(), datetime(2026, 3, 1))


def test_a_number_that_json_cannot_say_is_refused(store: Store) -> None:
    with store.write() as work, pytest.raises(ValueError, match="finite"):
        work.append(a_message(), replace(a_reply(), confidence=float("nan")), NOON)
    assert store.find_reply(KEY, "m1") is None


def test_a_name_too_long_to_be_indexed_is_refused(store: Store) -> None:
    with pytest.raises(StorageError, match="256 characters, expected at most 255"):
        store.load(ConversationKey("shop", "x" * 256))
    key = ConversationKey("c" * 255, "\N{CJK UNIFIED IDEOGRAPH-4E2D}" * 255)
    take(store, a_message("i" * 512, key=key))
    assert store.find_reply(key, "i" * 512) == a_reply()


def test_history_is_oldest_first_and_a_limit_keeps_the_last(store: Store) -> None:
    for number in range(4):
        take(store, a_message(f"m{number}", f"question {number}"), a_reply(f"answer {number}"))
    everything = [turn.turn.text for turn in store.history(KEY)]
    assert everything == [f"{kind} {number}" for number in range(4) for kind in ("question", "answer")]
    assert [turn.position for turn in store.history(KEY)] == list(range(8))
    assert [turn.turn.text for turn in store.history(KEY, limit=3)] == everything[-3:]
    assert list(store.history(KEY, limit=0)) == []
    with pytest.raises(ValueError, match="limit"):
        store.history(KEY, limit=-1)


def test_conversations_stand_in_the_order_of_their_last_write(store: Store) -> None:
    take(store, a_message(key=KEY))
    take(store, a_message(key=OTHER))
    take(store, a_message("m2", key=KEY))
    first, second = store.conversations()
    assert isinstance(first, Summary)
    assert [(first.key, first.turns), (second.key, second.turns)] == [(KEY, 4), (OTHER, 2)]
    assert first.updated_at > second.updated_at
    assert [summary.key for summary in store.conversations(limit=1)] == [KEY]


# -- one answer for each message


def test_a_redelivered_message_is_refused_and_has_its_first_reply(store: Store) -> None:
    take(store, a_message(), a_reply("first"))
    with store.write() as work, pytest.raises(AlreadyAnswered):
        work.append(a_message(), a_reply("second"), NOON)
    reply = store.find_reply(KEY, "m1")
    assert reply is not None
    assert reply.text == "first"
    assert len(store.history(KEY)) == 2


def test_threads_may_use_the_same_message_ids(store: Store) -> None:
    take(store, a_message(key=KEY), a_reply("for anna"))
    assert store.find_reply(OTHER, "m1") is None
    take(store, a_message(key=OTHER), a_reply("for bela"))
    assert [delivery.reply.text for delivery in store.pending("shop")] == ["for anna", "for bela"]


def test_one_message_taken_by_many_threads_is_answered_once(store: Store) -> None:
    outcomes: list[str] = []

    def answer(number: int) -> None:
        try:
            with store.write() as work:
                work.append(a_message(), a_reply(f"answer {number}"), NOON)
                work.enqueue(a_message(), a_reply(f"answer {number}"))
                work.commit()
            outcomes.append("answered")
        except (AlreadyAnswered, Conflict) as error:
            outcomes.append(type(error).__name__)

    together(answer, 4)
    assert sorted(outcomes) == ["AlreadyAnswered"] * 3 + ["answered"]
    assert len(store.history(KEY)) == 2
    assert len(store.pending("shop")) == 1


# -- writing


def test_leaving_without_commit_undoes_everything(store: Store) -> None:
    take(store, a_message())
    before = traces(store)
    with store.write() as work:
        work.append(a_message("m2"), a_reply(), NOON)
        work.save(store.load(KEY))
        work.enqueue(a_message("m2"), a_reply())
        work.delivered(store.pending("shop")[0].id)
        work.feedback(KEY, "m1", "good", NOON)
        work.append(a_message(key=OTHER), a_reply(), NOON)
    with store.write() as work:
        work.forget(KEY)
    assert traces(store) == before
    assert [summary.key for summary in store.conversations()] == [KEY]


def test_an_error_in_the_block_undoes_everything(store: Store) -> None:
    def fail() -> None:
        with store.write() as work:
            work.append(a_message(), a_reply(), NOON)
            raise LookupError("the engine stumbled")

    with pytest.raises(LookupError):
        fail()
    assert list(store.history(KEY)) == []
    take(store, a_message())


def test_nothing_is_seen_before_commit(store: Store) -> None:
    with store.write() as work:
        work.append(a_message(), a_reply(), NOON)
        assert store.find_reply(KEY, "m1") is None
        work.commit()
        assert store.find_reply(KEY, "m1") == a_reply()


def test_a_committed_unit_of_work_is_closed(store: Store) -> None:
    with store.write() as work:
        work.commit()
        with pytest.raises(StorageError, match="committed"):
            work.append(a_message(), a_reply(), NOON)


def test_saving_an_outdated_conversation_is_a_conflict(store: Store) -> None:
    take(store, a_message())
    stale = store.load(KEY)
    take(store, a_message("m2"))
    for outdated in (stale, replace(stale, version=0), replace(stale, version=9)):
        with store.write() as work, pytest.raises(Conflict):
            work.save(outdated)
    assert store.load(KEY).version == 2


def test_saving_a_forgotten_conversation_is_a_conflict(store: Store) -> None:
    take(store, a_message())
    stale = store.load(KEY)
    with store.write() as work:
        assert work.forget(KEY)
        work.commit()
    with store.write() as work:
        work.append(a_message("m2"), a_reply(), NOON)
        with pytest.raises(Conflict):
            work.save(stale)
    assert list(store.conversations()) == []


def test_two_threads_in_one_conversation_lose_nothing(store: Store) -> None:
    each = 10

    def count(worker: int) -> None:
        for number in range(each):
            while True:
                try:
                    take(store, a_message(f"{worker}-{number}"))
                    break
                except Conflict:
                    continue

    together(count, 2)
    conversation = store.load(KEY)
    assert (conversation.memory.turn, conversation.version) == (2 * each, 2 * each)
    assert len(store.history(KEY)) == 4 * each
    assert len(store.pending("shop")) == 2 * each


def together(work: Callable[[int], None], count: int) -> None:
    """Run ``work`` in threads that begin at the same moment; what one of them raises is raised here."""
    begin, failures = threading.Barrier(count), []

    def run(number: int) -> None:
        begin.wait()
        try:
            work(number)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


# -- outbox and feedback


def test_a_reply_waits_in_the_outbox_until_it_is_delivered(store: Store) -> None:
    take(store, a_message("m1"))
    take(store, a_message("m2"))
    take(store, a_message("m1", key=ConversationKey("mail", "anna")))
    first, second = store.pending("shop")
    assert (first.key, first.message_id, first.attempts) == (KEY, "m1", 0)
    assert first.id < second.id
    assert first.idempotency_key != second.idempotency_key
    with store.write() as work:
        work.delivered(first.id)
        work.delivered(10**9)
        work.commit()
    assert [delivery.message_id for delivery in store.pending("shop")] == ["m2"]
    assert [delivery.message_id for delivery in store.pending("shop", limit=0)] == []


def test_a_reply_is_put_in_the_outbox_once(store: Store) -> None:
    take(store, a_message(), a_reply("first"))
    (before,) = store.pending("shop")
    with store.write() as work:
        work.enqueue(a_message(), a_reply("second"))
        work.commit()
    assert list(store.pending("shop")) == [before]
    with store.write() as work:
        work.delivered(before.id)
        work.enqueue(a_message(), a_reply("third"))
        work.commit()
    assert list(store.pending("shop")) == []


def test_a_postponed_reply_is_not_due_before_its_time(store: Store) -> None:
    take(store, a_message())
    (before,) = store.pending("shop")
    later = NOON + timedelta(hours=1)
    with store.write() as work:
        work.postpone(before.id, later, "the line is busy")
        work.commit()
    assert list(store.pending("shop", due=later - timedelta(seconds=1))) == []
    (after,) = store.pending("shop", due=later)
    assert after == replace(before, attempts=1, due=later, error="the line is busy")
    assert list(store.pending("shop")) == [after]


def test_verdicts_are_kept_in_order_and_only_on_replies(store: Store) -> None:
    take(store, a_message())
    with store.write() as work:
        work.feedback(KEY, "m1", "bad", NOON)
        work.feedback(KEY, "m1", "good", NOON + timedelta(minutes=1))
        work.feedback(KEY, "unknown", "good", NOON)
        work.feedback(OTHER, "m1", "good", NOON)
        work.commit()
    kept = [(item.message_id, item.verdict, item.at) for item in store.verdicts(KEY)]
    assert kept == [("m1", "bad", NOON), ("m1", "good", NOON + timedelta(minutes=1))]
    assert [summary.key for summary in store.conversations()] == [KEY]


def test_forgetting_leaves_no_trace_and_touches_nobody_else(store: Store) -> None:
    never = traces(store)
    take(store, a_message())
    take(store, a_message(key=OTHER))
    with store.write() as work:
        work.feedback(KEY, "m1", "good", NOON)
        work.commit()
    other = traces(store, OTHER)
    with store.write() as work:
        assert work.forget(KEY)
        assert not work.forget(KEY)
        work.commit()
    assert traces(store) == never
    assert store.find_reply(KEY, "m1") is None
    assert traces(store, OTHER) == other
    take(store, a_message())
    assert store.load(KEY).version == 1


def test_a_conversation_forgotten_and_begun_again_in_one_unit_is_new(store: Store) -> None:
    take(store, a_message())
    with store.write() as work:
        work.forget(KEY)
        work.append(a_message(), a_reply("again"), NOON)
        work.commit()
    assert [turn.turn.text for turn in store.history(KEY)] == ["where is it?", "again"]


# -- forgetting a person


def said_by(
    sender: str | None, message_id: str, key: ConversationKey = KEY, said: str = "my number is 4111"
) -> Message:
    """A message of this sender."""
    return Message(key, message_id, said, NOON, sender)


def erase(store: Store, key: ConversationKey = KEY) -> int:
    with store.write() as work:
        count = work.erase(key, by=By.CUSTOMER, at=NOON)
        work.commit()
    return count


def erase_person(store: Store, sender: str, also: ConversationKey | None = None) -> dict[ConversationKey, int]:
    with store.write() as work:
        counts = work.erase_person("shop", sender, by=By.OPERATOR, at=NOON, also=also)
        work.commit()
    return dict(counts)


def test_erasing_leaves_a_tombstone_and_no_word(store: Store) -> None:
    take(store, said_by("a", "m1"))
    take(store, a_message(key=OTHER))
    with store.write() as work:
        work.feedback(KEY, "m1", "good", NOON)
        work.commit()
    before, other = store.load(KEY), traces(store, OTHER)
    assert erase(store) == 2
    after = store.load(KEY)
    assert (after.memory, after.owner, after.version) == (WorkingMemory(), before.owner, before.version + 1)
    assert traces(store)[1:] == ([], [], [])
    assert list(store.tombstones(KEY)) == [Tombstone(NOON, 2, By.CUSTOMER, Scope.CONVERSATION)]
    assert (traces(store, OTHER), list(store.tombstones(OTHER))) == (other, [])
    assert list(store.of_person("shop", "a")) == []


def test_a_turn_thought_about_while_its_conversation_was_erased_brings_nothing_back(store: Store) -> None:
    take(store, a_message())
    loaded = store.load(KEY)
    erase(store)
    with store.write() as work:
        work.append(a_message("m2"), a_reply(), NOON)
        with pytest.raises(Conflict):
            work.save(loaded)
    assert store.load(KEY).memory == WorkingMemory()
    take(store, a_message("m3"))
    assert [turn.message_id for turn in store.history(KEY)] == ["m3", "m3"]


def test_a_message_answered_by_forgetting_keeps_its_reply_through_every_later_one(store: Store) -> None:
    wordless = replace(a_reply(""), entry=None)
    for message_id in ("f1", "f2"):
        take(store, a_message(f"said before {message_id}"))
        with store.write() as work:
            work.erase(KEY, by=By.CUSTOMER, at=NOON)
            work.append(a_message(message_id, ""), wordless, NOON)
            work.commit()
    assert [store.find_reply(KEY, message_id) for message_id in ("f1", "f2")] == [wordless, wordless]
    assert store.find_reply(KEY, "said before f1") is None
    with pytest.raises(AlreadyAnswered), store.write() as work:
        work.append(a_message("f1", ""), wordless, NOON)
    assert [stone.turns for stone in store.tombstones(KEY)] == [2, 2]
    assert {turn.turn.text for turn in store.history(KEY)} == {""}


def test_an_empty_message_with_an_answer_is_erased_like_any_other(store: Store) -> None:
    take(store, a_message("m1", ""), a_reply("I did not get any text."))
    assert erase(store) == 2
    assert store.find_reply(KEY, "m1") is None
    take(store, a_message("m1", "again"))
    assert [turn.turn.text for turn in store.history(KEY)] == ["again", "on its way"]


def test_erasing_a_conversation_that_never_was_begins_it(store: Store) -> None:
    assert erase(store) == 0
    assert store.load(KEY).version == 1
    assert [stone.turns for stone in store.tombstones(KEY)] == [0]


def test_a_person_is_forgotten_wherever_they_wrote_and_nowhere_else(store: Store) -> None:
    elsewhere = ConversationKey("mail", "anna")
    for number, key in enumerate((KEY, OTHER, elsewhere)):
        take(store, said_by("a", f"m{number}", key))
    stranger = ConversationKey("shop", "cara")
    take(store, said_by("c", "m4", stranger))
    before = [traces(store, key) for key in (elsewhere, stranger)]
    assert list(store.of_person("shop", "a")) == [KEY, OTHER]
    assert erase_person(store, "a") == {KEY: 2, OTHER: 2}
    assert [traces(store, key) for key in (elsewhere, stranger)] == before
    assert [list(store.history(key)) for key in (KEY, OTHER)] == [[], []]
    assert [stone.scope for stone in store.tombstones(OTHER)] == [Scope.PERSON]
    assert list(store.of_person("shop", "a")) == []
    assert erase_person(store, "a") == {}


def test_in_a_conversation_of_several_only_the_words_of_others_stay(store: Store) -> None:
    take(store, said_by("a", "m1"))
    take(store, said_by("b", "m2", said="and mine?"))
    take(store, said_by(None, "m3"))  # nobody knows whose: it goes
    with store.write() as work:
        for message_id in ("m1", "m2"):
            work.feedback(KEY, message_id, "good", NOON)
        work.commit()
    assert erase_person(store, "a") == {KEY: 4}
    assert [(turn.message_id, turn.sender) for turn in store.history(KEY)] == [("m2", "b"), ("m2", "b")]
    assert [verdict.message_id for verdict in store.verdicts(KEY)] == ["m2"]
    assert [delivery.message_id for delivery in store.pending("shop")] == ["m2"]
    assert store.load(KEY).memory == WorkingMemory()
    take(store, said_by("b", "m4"))  # the places of turns go on where they were
    assert [turn.turn.text for turn in store.history(KEY)][-2:] == ["my number is 4111", "on its way"]


def test_a_conversation_may_be_included_though_nothing_in_it_names_the_person(store: Store) -> None:
    take(store, said_by(None, "m1"))
    take(store, said_by("a", "m2", OTHER))
    assert erase_person(store, "a", also=KEY) == {KEY: 2, OTHER: 2}
    assert erase_person(store, "a", also=KEY) == {KEY: 0}


@pytest.mark.parametrize("sender", ["", "nobody", "%", "'; DROP TABLE turns; --"])
def test_a_name_that_nobody_has_forgets_nobody(store: Store, sender: str) -> None:
    take(store, said_by(None, "m1"))
    take(store, said_by("a", "m2"))
    before = traces(store)
    assert (erase_person(store, sender), list(store.of_person("shop", sender))) == ({}, [])
    assert traces(store) == before


@pytest.mark.parametrize("sender", ["李\x00雷", "half \ud800", "x" * 100_000], ids=["NUL", "half", "long"])
def test_a_person_of_any_name_is_found_again(store: Store, sender: str) -> None:
    take(store, said_by(sender, "m1"))
    assert list(store.of_person("shop", sender)) == [KEY]
    assert erase_person(store, sender) == {KEY: 2}


def test_erasing_that_is_not_committed_erases_nothing(store: Store) -> None:
    take(store, said_by("a", "m1"))
    before = traces(store)
    with store.write() as work:
        work.erase(KEY, by=By.CUSTOMER, at=NOON)
        work.erase_person("shop", "a", by=By.CUSTOMER, at=NOON)
    assert traces(store) == before
    assert list(store.tombstones(KEY)) == []


def test_persons_who_are_forgotten_at_once_do_not_wait_for_each_other(store: Store) -> None:
    for number, key in enumerate((KEY, OTHER)):
        for sender in ("a", "b"):
            take(store, said_by(sender, f"m{number}{sender}", key))
    together(lambda number: erase_person(store, "ab"[number % 2], also=(KEY, OTHER)[number % 2]) and None, 4)
    assert [list(store.history(key)) for key in (KEY, OTHER)] == [[], []]


def test_old_conversations_are_forgotten_without_a_trace(store: Store) -> None:
    take(store, a_message())
    erase(store)
    moment = store.conversations()[0].updated_at + timedelta(microseconds=1)
    take(store, a_message(key=OTHER))
    assert store.forget_older_than(moment) == 1
    assert (store.load(KEY).version, list(store.tombstones(KEY))) == (0, [])
    assert [summary.key for summary in store.conversations()] == [OTHER]
    assert store.forget_older_than(moment) == 0


# -- the list of models


figures = st.dictionaries(words, st.none() | st.booleans() | st.integers(-(2**53), 2**53) | words | chances, max_size=4)
listed = st.builds(
    StoredModel,
    words,
    moments,
    st.sampled_from(["train", "finetune"]),
    words,
    words,
    figures | st.dictionaries(words, figures, max_size=2),
    st.sampled_from(["candidate", "current", "retired", "rejected"]),
    st.none() | moments,
    words,
)


def keep(store: Store, *models: StoredModel) -> None:
    with store.write() as work:
        for model in models:
            work.keep_model(model)
        work.commit()


@FEW
@given(model=listed)
def test_a_model_comes_back_as_it_was_listed(store: Store, model: StoredModel) -> None:
    keep(store, model)
    assert cleaned(model) in list(store.models())


def test_models_are_listed_newest_first_and_once_each(store: Store) -> None:
    assert list(store.models()) == []
    old, new = StoredModel("b", NOON), StoredModel("a", NOON + timedelta(days=1), parent="b")
    keep(store, old, new, StoredModel("c", NOON))
    keep(store, replace(old, status="retired", note="too slow"))
    assert [(model.fingerprint, model.status) for model in store.models()] == [
        ("a", "candidate"),
        ("b", "retired"),
        ("c", "candidate"),
    ]


def test_a_dropped_model_is_listed_no_more_and_conversations_stay(store: Store) -> None:
    take(store, a_message())
    keep(store, StoredModel("a", NOON))
    with store.write() as work:
        assert work.drop_model("a")
        assert not work.drop_model("a")
        work.commit()
    assert list(store.models()) == []
    assert len(store.history(KEY)) == 2


def test_a_list_that_is_not_committed_is_as_it_was(store: Store) -> None:
    keep(store, StoredModel("a", NOON))
    with store.write() as work:
        work.keep_model(StoredModel("b", NOON))
        work.drop_model("a")
    with store.write() as work, pytest.raises(ValueError, match="no time zone"):
        work.keep_model(StoredModel("b", datetime(2026, 3, 1)))
    with store.write() as work, pytest.raises(ValueError, match="finite"):
        work.keep_model(StoredModel("b", NOON, metrics={"loss": float("inf")}))
    assert [model.fingerprint for model in store.models()] == ["a"]


def test_a_committed_unit_of_work_lists_nothing_more(store: Store) -> None:
    with store.write() as work:
        work.commit()
        with pytest.raises(StorageError, match="committed"):
            work.keep_model(StoredModel("a", NOON))
        with pytest.raises(StorageError, match="committed"):
            work.drop_model("a")


# -- only on disk


def test_what_was_written_is_there_after_a_restart(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/a.db"
    with open_store(url) as store:
        take(store, a_message())
        before = traces(store)
    with open_store(url) as store:
        assert traces(store) == before
        assert store.find_reply(KEY, "m1") == a_reply()
