"""The benchmark of memory: what is known at a message, what an answer is told from, and a whole run on a few texts."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import memory
from benchmarks.datasets import DataError, Folders
from benchmarks.memory import DRAWS, OTHERS, ROWS, Spoken, Trial, interval, parts, read, spoken, trials, words
from engine.dialogue import Speaker
from engine.understand.conversation import KINDS


def turn(role: str, text: str, **slots: str) -> dict[str, Any]:
    return {"role": role, "text": text, "slots": {name.replace("__", "."): value for name, value in slots.items()}}


BOOKING = [
    turn("customer", "A table in Leeds, please", Restaurants_1__city="Leeds"),
    turn("agent", "For how many?"),
    turn("customer", "Two, and a taxi", Restaurants_1__city="Leeds", Restaurants_1__size="2", Taxi_1__to="Leeds"),
    turn("agent", "Booked."),
    turn("customer", "Thanks", Restaurants_1__city="Leeds", Restaurants_1__size="2", Taxi_1__to="Leeds"),
    turn("agent", "Goodbye."),
]


def test_topics_are_those_of_before_the_message_and_slots_those_known_with_it() -> None:
    first, second, third = spoken(BOOKING).messages
    assert (first.topics, first.slots) == ((), (("Restaurants_1.city", "Leeds"),))
    assert second.topics == (0,)
    assert dict(second.slots)["Taxi_1.to"] == "Leeds"
    assert third.topics == (0, 2)


def test_so_many_topics_are_remembered_as_in_the_product() -> None:
    many = [one for number in range(9) for one in (turn("customer", f"{number}?"), turn("agent", f"{number}!"))]
    assert spoken(many).messages[-1].topics == (6, 8, 10, 12, 14)


def test_a_service_that_comes_back_is_what_the_message_is_about_again() -> None:
    back = turn("customer", "No, three", Restaurants_1__city="Leeds", Restaurants_1__size="3", Taxi_1__to="Leeds")
    ending = [turn("agent", "Sure."), turn("customer", "Bye"), turn("agent", "Bye.")]
    assert spoken([*BOOKING[:4], back, *ending]).messages[-1].service == "Restaurants_1"


def test_a_message_nobody_answers_is_no_question() -> None:
    assert [one.place for one in spoken(BOOKING[:5]).messages] == [0, 2]
    assert spoken([turn("agent", "Hello"), turn("agent", "Anybody?")]).messages == ()


def test_before_a_service_is_known_a_message_is_about_the_first_one() -> None:
    hello = [turn("customer", "Hello"), turn("agent", "Yes?")]
    assert [one.service for one in spoken([*hello, *BOOKING]).messages][:2] == ["Restaurants_1", "Restaurants_1"]
    assert [one.service for one in spoken(hello).messages] == [""]


@pytest.mark.parametrize(
    ("name", "said"),
    [("Restaurants_1.party_size", "party size"), ("Restaurants_1", "restaurants"), ("RideSharing_2", "ride sharing"),
     ("餐馆.推荐菜", "推荐菜"), ("", "")],
)  # fmt: skip
def test_names_are_read_as_words(name: str, said: str) -> None:
    assert words(name) == said


def some(count: int, answers: Sequence[str]) -> list[Spoken]:
    """Conversations of one message about one of two services, answered by one of some answers."""
    return [
        spoken([
            turn("customer", "Hello", **{f"{'Taxi' if number % 2 else 'Hotel'}__for": str(number)}),
            turn("agent", answers[number % len(answers)]),
        ])
        for number in range(count)
    ]  # fmt: skip


def test_the_right_answer_comes_first_and_no_other_candidate_reads_the_same() -> None:
    asked, texts = trials(some(90, [f"Answer {number}" for number in range(45)] + ["ANSWER 3"]), seed=1)
    assert len(asked) == len(texts) == 90
    for number, trial in enumerate(asked):
        for draw in DRAWS:
            candidates = trial.candidates[draw]
            assert candidates[0] == number
            assert len({texts[one].casefold() for one in candidates}) == len(candidates) == OTHERS + 1


def test_the_harder_draw_is_of_the_same_service() -> None:
    asked, _ = trials(some(90, [f"Answer {number}" for number in range(90)]), seed=1)
    assert all(one % 2 == trial.candidates["same"][0] % 2 for trial in asked for one in trial.candidates["same"])
    assert any(one % 2 != trial.candidates["any"][0] % 2 for trial in asked for one in trial.candidates["any"])


def test_draws_go_by_the_seed() -> None:
    conversations = some(90, [f"Answer {number}" for number in range(90)])
    assert trials(conversations, seed=1) == trials(conversations, seed=1)
    assert trials(conversations, seed=1) != trials(conversations, seed=2)


def test_where_there_are_few_other_answers_there_are_few_candidates() -> None:
    asked, _ = trials(some(6, ["Yes", "No", "Perhaps"]), seed=1)
    assert {len(trial.candidates["any"]) for trial in asked} == {3}


def test_an_interval_holds_the_difference_and_is_nothing_where_there_is_none() -> None:
    of = [Trial(number // 4, 0, {}) for number in range(400)]
    half = np.asarray([1, 2] * 200)
    more = np.asarray([1, 1, 1, 2] * 100)
    low, high = interval(more, half, of, seed=1)
    assert low <= 25.0 <= high
    assert interval(half, half, of, seed=1) == (0.0, 0.0)


def test_every_kind_is_tried_alone_and_left_out() -> None:
    assert {row: kinds for row, kinds in ROWS.items() if len(kinds) == 1} == {kind: (kind,) for kind in KINDS}
    assert all(kind not in ROWS[f"all but {kind}"] and len(ROWS[f"all but {kind}"]) == 3 for kind in KINDS)


def folder(path: Path, conversations: Sequence[Any]) -> Path:
    (path / "crosswoz").mkdir(parents=True)
    lines = (json.dumps(one, ensure_ascii=False) for one in conversations)
    (path / "crosswoz" / "train.jsonl").write_text("\n".join(lines), "utf-8")
    return path


def test_parts_share_no_conversation(tmp_path: Path) -> None:
    data = folder(tmp_path, [{"turns": [turn("customer", f"Ask {n}"), turn("agent", f"Say {n}")]} for n in range(30)])
    found = parts(Folders([data]), "crosswoz", conversations=100, seed=1)
    texts = [one.texts for part in (found.learned, found.stopping, found.asked) for one in part]
    assert len(texts) == len(set(texts)) == 30
    assert (len(found.asked), len(found.stopping)) == (10, 2)


@pytest.mark.parametrize(
    "line", ["no json", "[]", "{}", '{"turns": 3}', '{"turns": [{"role": "ghost", "text": "Boo"}]}', '{"turns": [7]}']
)
def test_a_file_that_holds_something_else_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(f"{json.dumps({'turns': BOOKING})}\n{line}\n", "utf-8")
    with pytest.raises(DataError, match="line 2"):
        read(path)


def test_a_file_without_a_question_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "some.jsonl"
    path.write_text(json.dumps({"turns": [turn("agent", "Hello")]}), "utf-8")
    with pytest.raises(DataError, match="no message of a customer"):
        read(path)


def run(monkeypatch: pytest.MonkeyPatch, *options: str) -> int:
    monkeypatch.setattr(sys, "argv", ["memory.py", *options])
    return memory.main()


def test_a_whole_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    one = {"turns": BOOKING}
    other = {"turns": [turn("customer", "我想找一家酒店", 酒店__价格="400元"), turn("agent", "推荐您去和颐酒店。")]}
    data = folder(tmp_path / "data", [one, other] * 6)
    written = tmp_path / "figures.json"
    asked = (
        "--data",
        str(data),
        "--sets",
        "crosswoz",
        "--epochs",
        "1",
        "--curve",
        "2",
        "--rows",
        "none,topics,slots,by default,all,all but slots",
    )
    assert run(monkeypatch, *asked, "--json", str(written), "--cache", str(tmp_path / "kept")) == 0
    told = capsys.readouterr().out
    assert all(title in told for title in ("separate", "one", "by default, of 2"))
    figures = json.loads(written.read_text("utf-8"))["sets"]["crosswoz"]
    tables = {
        f"{way}, {row}"
        for way in memory.WAYS
        for row in ("none", "topics", "slots", "by default", "all", "all but slots")
    }
    assert set(figures) == {*tables, "none, of 2", "by default, of 2"}
    assert all(0 <= row["recall_any"] <= row["mrr_any"] <= 1 for row in figures.values())
    default, topics = figures["one, by default"], figures["one, topics"]
    beside = 100 * (default["recall_any"] - topics["recall_any"])
    assert default["gain_any by slots"][0] == pytest.approx(beside, abs=0.02)
    assert run(monkeypatch, *asked, "--json", str(tmp_path / "again.json"), "--cache", str(tmp_path / "kept")) == 0
    again = json.loads((tmp_path / "again.json").read_text("utf-8"))["sets"]["crosswoz"]
    assert all(again[title]["mrr_same"] == row["mrr_same"] for title, row in figures.items())


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--sets", "wozcross"], "no set 'wozcross'"),
        (["--sets", "sgd"], "sgd/train.jsonl.gz is not in"),
        (["--rows", "everything"], "no row 'everything'"),
        (["--curve", "many"], "many"),
        (["--conversations", "0"], "0"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_in_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    data = folder(tmp_path, [{"turns": BOOKING}] * 6)
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--data", str(data), *options)
    assert ended.value.code == 2
    assert told in capsys.readouterr().err


def test_roles_are_those_of_the_project() -> None:
    assert spoken(BOOKING).speakers[:2] == (Speaker.CUSTOMER, Speaker.AGENT)
