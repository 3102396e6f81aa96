"""The state of conversations: what is covered, what a turn changes and may take up, when a joint goal is right."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Collection
from pathlib import Path

import pytest

from benchmarks import joint_goal
from benchmarks.datasets import DataError, Folders
from benchmarks.joint_goal import Goals, measured, services, travellers
from benchmarks.states import Said, any_of, covered, places_of, same, services_of, steps, talks
from benchmarks.taking_up import Candidate, Judge, TakingUp, taught
from benchmarks.tracking import BETWEEN, Schema, Tracked, Tracker, both, candidates, judged, put_forward, spoken
from engine.understand.tagger import Span

CITY, NAME, TIME, END = "Food.city", "Food.name", "Food.time", "Ride.end"
SLOTS = frozenset({CITY, NAME, TIME, END})
TALK = (
    Said("somewhere to eat in Oslo", "", {CITY: ("Oslo",)}),
    Said("sounds good, at 7 pm", "How about Blue Barn?", {CITY: ("Oslo",), NAME: ("Blue Barn",), TIME: ("7 pm", "7")}),
    Said(
        "and a ride there",
        "It is booked.",
        {CITY: ("Oslo",), NAME: ("Blue Barn",), TIME: ("7 pm", "7"), END: ("Blue Barn",)},
    ),
)
NOBODY: frozenset[str] = frozenset()


class LiteralFinder:
    """Finds the values that it is told of wherever they stand."""

    def __init__(self, **values: str) -> None:
        self.values = {name.replace("_", "."): value for name, value in values.items()}

    def find(self, text: str, _: Collection[str] = ()) -> tuple[Span, ...]:
        return tuple(
            Span(text.index(value), text.index(value) + len(value), name, 1.0)
            for name, value in self.values.items()
            if value in text
        )


class WillingJudge(Judge):
    """Takes everything up, or nothing."""

    def __init__(self, chance: float) -> None:
        self.chance = chance

    def chances(self, candidates: Collection[Candidate]) -> list[float]:
        return [self.chance] * len(candidates)


def a_tracker(chance: float | None, **values: str) -> Tracker:
    judge = None if chance is None else WillingJudge(chance)
    return Tracker(LiteralFinder(**values), Schema([TALK] * 6, SLOTS), judge)


class TestStates:
    def test_a_turn_knows_what_the_agent_said_before_it_and_every_wording(self, tmp_path: Path) -> None:
        turns = [
            {"role": "customer", "text": "hi", "slots": {}},
            {"role": "agent", "text": "hello."},
            {"role": "agent", "text": "where?"},
            {"role": "customer", "text": "NYC", "slots": {"A.b": "New York"}, "slots_any_of": {"A.b": ["NYC"]}},
        ]
        path = tmp_path / "some.jsonl"
        path.write_text(json.dumps({"turns": turns}), "utf-8")
        assert talks(path) == [(Said("hi", "", {}), Said("NYC", "hello. where?", {"A.b": ("New York", "NYC")}))]

    @pytest.mark.parametrize("content", ["{", '{"turns": [{"role": "customer"}]}', "[1]", '{"turns": [1]}'])
    def test_a_damaged_file_is_told(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "some.jsonl"
        path.write_text(content, "utf-8")
        with pytest.raises(DataError, match=r"some\.jsonl"):
            talks(path)

    def test_a_step_has_what_changes_and_the_services_of_the_change_before(self) -> None:
        first, second, third = steps(TALK)
        assert [set(one.changed) for one in (first, second, third)] == [{CITY}, {NAME, TIME}, {END}]
        assert (first.latest, second.latest) == (frozenset(), frozenset({"Food"}))
        assert services_of(TALK) == {"Food", "Ride"}

    def test_covered_are_slots_whose_values_were_said_by_either_side(self) -> None:
        silent = (Said("with the dog", "", {"Food.pets": ("True",), CITY: ("Oslo",)}),)
        assert covered([TALK] * 9 + [silent], 0.9) == SLOTS
        assert covered([TALK] * 5 + [silent], 0.9) == SLOTS - {CITY}
        assert covered([TALK] * 4, 0.9) == frozenset()

    def test_of_several_values_the_longest_is_found(self) -> None:
        assert any_of(["york", "new york", " "]).findall("New York, not Yorkshire") == ["New York"]
        assert any_of([]).findall("anything") == []

    def test_small_numbers_count_spelt_out_where_that_is_asked_for(self, tmp_path: Path) -> None:
        path = tmp_path / "some.jsonl"
        turn = {"role": "customer", "text": "for two", "slots": {"A.seats": "2", "A.room": "12"}}
        path.write_text(json.dumps({"turns": [turn]}), "utf-8")
        assert talks(path, spelt=True)[0][0].state == {"A.seats": ("2", "two"), "A.room": ("12",)}
        assert talks(path)[0][0].state == {"A.seats": ("2",), "A.room": ("12",)}

    @pytest.mark.parametrize(
        ("text", "value", "parts"),
        [
            ("有烤鸭和面条的", "烤鸭 面条", ["烤鸭", "面条"]),
            ("有面条的", "烤鸭 面条", []),
            ("玩2小时-3小时", "2小时 - 3小时", ["2小时-3小时"]),
            ("50 - 100元的", "50-100元", ["50 - 100元"]),
            ("York is new", "New York", []),
        ],
    )
    def test_blanks_in_chinese_mean_nothing_or_stand_between_values(
        self, text: str, value: str, parts: list[str]
    ) -> None:
        assert [text[start:end] for start, end in places_of(text, [value])] == parts

    def test_values_are_the_same_whatever_their_letters_and_chinese_blanks(self) -> None:
        assert same("oslo", ["Rome", "OSLO"])
        assert same("2小时-3小时", ["2小时 - 3小时"])
        assert not same("NewYork", ["New York"])
        assert not same("Oslo", [])


class TestMarks:
    def test_only_what_the_customer_says_is_marked_in_both_turns(self) -> None:
        second = list(spoken(TALK, Schema([TALK], SLOTS), NOBODY))[1]
        assert second.text == f"How about Blue Barn?{BETWEEN}sounds good, at 7 pm"
        assert [(second.text[start:end], slot) for start, end, slot in second.values] == [("7 pm", TIME)]

    def test_an_agents_turn_is_marked_with_what_the_state_will_have_of_it(self) -> None:
        offered = next(iter(put_forward(TALK, Schema([TALK], SLOTS), NOBODY)))
        assert [(offered.text[start:end], slot) for start, end, slot in offered.values] == [("Blue Barn", NAME)]

    def test_names_that_training_knows_are_marked_though_they_were_declined(self) -> None:
        declined = (TALK[0], Said("no", "Is Blue Barn fine?", {CITY: ("Oslo",)}))
        (only,) = put_forward(declined, Schema([TALK], SLOTS), NOBODY)
        assert [(only.text[start:end], slot) for start, end, slot in only.values] == [("Blue Barn", NAME)]

    def test_services_that_are_told_are_expected_until_they_are_begun(self) -> None:
        told = frozenset({"Food", "Ride"})
        first, second, third = spoken(TALK, Schema([TALK], SLOTS), told)
        assert set(first.requested) == SLOTS
        assert set(second.requested) == SLOTS
        assert set(next(iter(spoken(TALK, Schema([TALK], SLOTS), NOBODY))).requested) == set()
        assert set(third.requested) == SLOTS

    def test_of_a_long_turn_of_the_agent_its_end_is_read(self) -> None:
        text, begin = both(Said("yes", "x" * 500 + "end", {}))
        assert text[begin:] == "yes"
        assert text[:begin].endswith(f"end{BETWEEN}")
        assert begin < 200


class TestTracking:
    def test_values_are_carried_over_until_others_are_said(self) -> None:
        tracker = a_tracker(None, Food_city="Oslo", Food_time="7 pm")
        known = tracker.take(Tracked(), TALK[0], NOBODY)
        assert known.values == {CITY: "Oslo"}
        assert tracker.take(known, TALK[1], NOBODY).values == {CITY: "Oslo", TIME: "7 pm"}

    def test_what_the_agent_put_forward_is_taken_up_where_the_judge_says_so(self) -> None:
        for chance, values in ((0.9, {NAME: "Blue Barn"}), (0.1, {})):
            known = a_tracker(chance, Food_name="Blue Barn").take(Tracked(), TALK[1], NOBODY)
            assert known.values == values
            assert known.offers == {NAME: ("Blue Barn", 0)}

    def test_it_may_be_taken_up_later(self) -> None:
        declined = a_tracker(0.1, Food_name="Blue Barn").take(Tracked(), TALK[1], NOBODY)
        later = a_tracker(0.9, Food_name="Blue Barn").take(declined, Said("book it", "Anything else?", {}), NOBODY)
        assert later.values == {NAME: "Blue Barn"}
        assert later.offers == {NAME: ("Blue Barn", 1)}

    def test_a_slot_may_take_over_the_value_of_one_that_it_was_seen_to_share(self) -> None:
        tracker = a_tracker(0.9, Food_city="Oslo")
        known = tracker.take(Tracked({NAME: "Blue Barn"}), TALK[2], NOBODY)
        assert known.values == {NAME: "Blue Barn", END: "Blue Barn"}
        assert known.latest == {"Ride"}

    def test_a_slot_is_emptied_where_the_judge_says_so(self) -> None:
        gone = (*TALK, Said("no booking then", "", {CITY: ("Oslo",)}))
        schema = Schema([gone] * 6, SLOTS)
        known = Tracked({CITY: "Oslo", TIME: "7 pm"})
        for chance, values in ((0.9, {CITY: "Oslo"}), (0.1, known.values)):
            tracker = Tracker(LiteralFinder(), schema, WillingJudge(chance))
            assert tracker.take(known, gone[-1], NOBODY).values == values

    def test_several_values_at_once_are_put_together_where_a_slot_may_have_them(self) -> None:
        dishes = (Said("有烤鸭和面条的", "", {"餐馆.菜": ("烤鸭 面条",)}),)
        schema = Schema([dishes] * 6, frozenset({"餐馆.菜"}))
        ((marked,),) = [list(spoken(dishes, schema, NOBODY))]
        assert [marked.text[start:end] for start, end, _ in marked.values] == ["烤鸭", "面条"]

        class Found(LiteralFinder):
            def find(self, text: str, _: Collection[str] = ()) -> tuple[Span, ...]:
                return tuple(Span(start, end, slot, 1.0) for start, end, slot in marked.values if text == marked.text)

        assert Tracker(Found(), schema).take(Tracked(), dishes[0], NOBODY).values == {"餐馆.菜": "烤鸭 面条"}

    def test_services_that_are_not_told_of_get_no_values(self) -> None:
        known = a_tracker(None, Food_city="Oslo").take(Tracked(), TALK[0], frozenset({"Ride"}))
        assert known.values == {}

    def test_what_is_said_or_known_already_is_no_candidate(self) -> None:
        schema = Schema([TALK], SLOTS)
        offers = {NAME: ("Blue Barn", 0), CITY: ("oslo", 2), TIME: ("8 pm", 0)}
        found = candidates(Tracked({CITY: "Oslo"}), offers, {TIME: "7 pm"}, TALK[1], schema)
        assert [(one.slot, one.value) for one in found] == [(NAME, "Blue Barn")]

    def test_training_sees_candidates_with_their_truth(self) -> None:
        tracker = a_tracker(None, Food_name="Blue Barn", Food_time="7 pm")
        told = services_of(TALK)
        found = [(one.slot, one.source, right) for one, right in judged(tracker, TALK, Schema([TALK] * 6, SLOTS), told)]
        assert found == [(NAME, "", True), (END, NAME, True)]


def a_candidate(text: str, slot: str = NAME) -> Candidate:
    return Candidate(slot, "x", "", text, "How about x?", (0.0,) * 10)


class TestTakingUp:
    def test_it_learns_which_words_take_up(self) -> None:
        chance = random.Random(1)
        yes, no = ("yes please", "that works", "book it"), ("no thanks", "something else", "what is the address?")
        pairs = [(a_candidate(text), text in yes) for text in (*yes, *no) for _ in range(60)]
        chance.shuffle(pairs)
        judge, outcome = taught(pairs, pairs[:60], deadline=time.monotonic() + 60, seed=1)
        assert outcome.kept >= 1
        for text in (*yes, *no):
            assert (judge.chances([a_candidate(text)])[0] > 0.5) == (text in yes)

    def test_no_candidates_have_no_chances(self) -> None:
        assert Judge(TakingUp()).chances([]) == []

    def test_what_stands_beside_a_candidate_changes_nothing(self) -> None:
        judge = Judge(TakingUp())
        alone = judge.chances([a_candidate("yes")]) + judge.chances([a_candidate("", CITY)])
        assert judge.chances([a_candidate("yes"), a_candidate("", CITY)]) == pytest.approx(alone, abs=1e-6)


class TestGoals:
    def test_a_joint_goal_is_right_where_nothing_is_missing_wrong_or_too_many(self) -> None:
        state = {CITY: ("Oslo",), TIME: ("7 pm", "7"), "Food.pets": ("True",)}

        def goals(**values: str) -> Goals:
            return Goals().and_(state, {name.replace("_", "."): value for name, value in values.items()}, SLOTS)

        assert goals(Food_city="oslo", Food_time="7").right == 1
        assert goals(Food_city="Oslo").right == 0
        assert goals(Food_city="Oslo", Food_time="8").right == 0
        assert goals(Food_city="Oslo", Food_time="7", Food_name="x").right == 0

    def test_the_whole_state_counts_slots_that_are_not_covered_too(self) -> None:
        some = Goals().and_({CITY: ("Oslo",), "Food.pets": ("True",)}, {CITY: "Oslo"}, SLOTS)
        every = some.and_({CITY: ("Oslo",)}, {CITY: "Oslo"}, SLOTS).and_({}, {}, SLOTS)
        assert (some.right, some.whole) == (1, 0)
        assert every.figures() == {
            "joint_goal": 1.0,
            "joint_goal_of_filled": 1.0,
            "joint_goal_whole": 0.6667,
            "slot_f1": 1.0,
            "covered": 0.6667,
            "turns": 3,
        }

    def test_the_floor_takes_the_last_value_that_training_knows(self) -> None:
        take = joint_goal._floor(Schema([TALK], SLOTS))
        known = take(Tracked(), Said("not oslo: OSLO!", "", {}), frozenset({"Food"}))
        assert known.values == {CITY: "OSLO"}
        assert take(known, Said("no", "", {}), frozenset({"Food"})).values == {CITY: "OSLO"}
        assert take(Tracked(), Said("in Oslo", "", {}), frozenset({"Ride"})).values == {}


CITIES = ("Oslo", "Paris", "Leeds", "Rome", "Bergen")


def conversations(count: int) -> str:
    written = []
    for number in range(count):
        city = CITIES[number % len(CITIES)]
        turns = [
            {"role": "customer", "text": "hello", "slots": {}},
            {"role": "agent", "text": "Which city?"},
            {"role": "customer", "text": f"In {city} please", "slots": {CITY: city}},
            {"role": "agent", "text": "How about Blue Barn?"},
            {"role": "customer", "text": "yes", "slots": {CITY: city, NAME: "Blue Barn"}},
        ]
        written.append(json.dumps({"turns": turns}))
    return "\n".join(written)


def test_parts_have_no_conversation_in_common(tmp_path: Path) -> None:
    (tmp_path / "crosswoz").mkdir()
    numbered = [json.dumps({"turns": [{"role": "customer", "text": f"{at}", "slots": {}}]}) for at in range(40)]
    (tmp_path / "crosswoz" / "train.jsonl").write_text("\n".join(numbered), "utf-8")
    parts = travellers(Folders([tmp_path]), 1)
    texts = [talk[0].text for part in (parts.learned, parts.stopping, *parts.measured.values()) for talk in part]
    assert sorted(texts, key=int) == [f"{at}" for at in range(40)]


def test_a_set_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"sgd/train\.jsonl\.gz is not in"):
        services(Folders([tmp_path]), 1, 10)


def test_the_whole_way_from_files_to_figures(tmp_path: Path) -> None:
    (tmp_path / "crosswoz").mkdir()
    (tmp_path / "crosswoz" / "train.jsonl").write_text(conversations(60), "utf-8")
    figures = measured(Folders([tmp_path]), 1.0, 1, sets=["crosswoz"])["crosswoz"]
    rows = figures["a part of train"]
    assert figures["slots"] == figures["slots_of_set"] == 2
    assert rows["tracker"]["joint_goal"] > rows["said alone"]["joint_goal"] >= 0.6
    assert rows["tracker"]["covered"] == 1.0
