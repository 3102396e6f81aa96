"""Service conversations as pairs: what stands as a placeholder, what is known by when, and how replies are judged."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.datasets import DataError, Folders
from benchmarks.dialogues import (
    Reply,
    distinct,
    examples,
    marks,
    most_frequent,
    pieces_of,
    read,
    replies,
    tokenizer_of,
)
from engine.knowledge.template import placeholders

TURNS = [
    {"role": "customer", "text": "Find food in San Jose.", "slots": {"Restaurants_1.city": "San Jose"}},
    {"role": "agent", "text": "Bazille is in San Jose. It is open until 9:30 pm."},
    {
        "role": "customer",
        "text": "Book Bazille, please.",
        "slots": {"Restaurants_1.city": "San Jose", "Restaurants_1.restaurant_name": "Bazille"},
    },
    {"role": "agent", "text": "Bazille is booked; their number is 408-555-0100."},
]


def taught(turns: list[dict[str, object]] | None = None, seed: int = 1) -> list[Reply]:
    return list(replies(turns or TURNS, random.Random(seed)))


def test_values_stand_as_placeholders_with_their_names() -> None:
    first, second = taught()
    assert first.named(first.text) == "⟨restaurant name⟩ is in ⟨city⟩. It is open until ⟨time⟩."
    assert second.named(second.text) == "⟨restaurant name⟩ is booked; their number is ⟨phone⟩."


def test_what_was_looked_up_is_what_stands_in_the_reply_alone() -> None:
    first, second = taught()
    assert {first.names[number] for number in first.facts} == {"restaurant name", "time"}
    assert {second.names[number] for number in second.facts} == {"phone"}
    assert first.known >= first.facts
    assert "<entry>" in first.source
    assert first.source.startswith("<topic>restaurants<slots>city ⟨")
    assert second.source.count("<customer>") == 2


def test_the_same_value_has_the_same_number_in_all_that_is_read_and_said() -> None:
    for reply in taught():
        assert len(set(reply.names)) == len(reply.names)
        assert set(placeholders(reply.text)) <= reply.known
    second = taught()[1]
    city = next(number for number, name in second.names.items() if name == "city")
    assert second.source.count(f"⟨{city}⟩") == 3


def test_numbers_are_drawn_by_seed() -> None:
    assert taught(seed=1) == taught(seed=1)
    assert {reply.text for seed in range(20) for reply in taught(seed=seed)[:1]} > {taught()[0].text}


def test_the_topic_is_the_service_whose_slots_changed_last() -> None:
    more = [
        *TURNS,
        {"role": "customer", "text": "A cab too.", "slots": {"Cabs_2.seats": "2", "Restaurants_1.city": "San Jose"}},
        {"role": "agent", "text": "Where to?"},
    ]
    assert taught(more)[-1].source.startswith("<topic>cabs<slots>")


@given(st.text(max_size=60), st.dictionaries(st.text(max_size=5), st.text(max_size=8), max_size=4))
def test_strange_turns_are_read_too(text: str, slots: dict[str, str]) -> None:
    turns = [{"role": "customer", "text": text, "slots": slots}, {"role": "agent", "text": text + " 7"}]
    (reply,) = taught(turns)
    assert reply.facts <= reply.known


def test_replies_are_judged_by_what_they_had_to_say_and_what_they_could() -> None:
    reply = Reply("<entry>price ⟨1⟩", "It is ⟨1⟩ in ⟨2⟩.", {"1": "price", "2": "city"}, frozenset("1"), frozenset("12"))
    found = marks([reply] * 4, ["⟨1⟩ in ⟨2⟩", "⟨1⟩", "⟨2⟩", "⟨1⟩, ⟨3⟩"])
    assert (found.wrong, found.missing, found.either, found.different) == (0.25, 0.25, 0.5, 0.75)


def test_distinct_pairs_of_words_and_of_characters() -> None:
    assert distinct(["a b a b", "a b"]) == 0.5
    assert distinct(["你好你好"]) == pytest.approx(2 / 3)
    assert distinct([]) == 0


def test_a_file_is_split_by_conversations_and_read_in_pieces(tmp_path: Path) -> None:
    folder = tmp_path / "sgd"
    folder.mkdir()
    with gzip.open(folder / "train.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps({"turns": TURNS}) + "\n" for _ in range(20))
    found = read(Folders([tmp_path]), "sgd", asked=3, seed=1)
    assert (len(found.taught), len(found.asked)) == (36, 3)
    assert most_frequent(found.taught).startswith("⟨restaurant name⟩ is")
    tokenizer = tokenizer_of([found], 400)
    assert [pair.target[-1] for pair in examples(found.asked, tokenizer)] == [tokenizer.end] * 3
    pieces = pieces_of(found.asked[0], tokenizer)
    assert [pieces.count(mark) for mark in (tokenizer.topic, tokenizer.slots, tokenizer.entry)] == [1, 1, 1]


def test_a_line_that_is_no_conversation_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "crosswoz"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"turns": []}\n{"turn": 1}\n', "utf-8")
    with pytest.raises(DataError, match=r"train.jsonl, line 2: no conversation with turns"):
        read(Folders([tmp_path]), "crosswoz", asked=3, seed=1)
