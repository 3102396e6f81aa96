"""The history of a run: every epoch once, by stage and turn, also after a run that was killed and went on."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import checkpoint
from engine.errors import CheckpointError
from engine.training.history import FILE, History, Recorder, Step, read_history
from engine.training.options import Progress

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NUMBERS = st.floats(0, 1e6, allow_nan=False)
STEPS = st.builds(
    Step,
    stage=st.sampled_from(["rehearse", "understand", "compose"]),
    turn=st.integers(0, 3),
    epoch=st.integers(1, 99),
    epochs=st.integers(1, 99),
    loss=st.none() | NUMBERS,
    validation=st.none() | NUMBERS,
    tokens_per_second=NUMBERS,
    seconds=NUMBERS,
)


class Clock:
    """A second goes by whenever somebody looks at it."""

    def __init__(self) -> None:
        self.seconds = 99.0

    def __call__(self) -> float:
        self.seconds += 1
        return self.seconds


def epoch(stage: str, number: int, *, of: int = 3, loss: float = 1.0, validation: float = 0.0) -> Progress:
    return Progress(stage, number, of, loss, validation, 1000.0, 9.0)


def recorded(*told: Progress, before: History | None = None) -> History:
    recorder = Recorder(lambda _: None, before=before, now=Clock(), began=NOON)
    for progress in told:
        recorder(progress)
    return recorder.history()


def places(history: History) -> list[tuple[str, int, int]]:
    return [(step.stage, step.turn, step.epoch) for step in history.steps]


def test_whatever_is_recorded_is_passed_on() -> None:
    heard: list[Progress] = []
    recorder = Recorder(heard.append, now=Clock())
    told = [epoch("prepare", 0), epoch("compose", 1)]
    for progress in told:
        recorder(progress)
    assert heard == told


def test_a_stage_without_epochs_leaves_no_step() -> None:
    assert places(recorded(epoch("prepare", 0), epoch("compose", 1), epoch("finish", 0))) == [("compose", 0, 1)]


def test_a_stage_that_counts_anew_is_in_its_next_turn() -> None:
    history = recorded(*(epoch("rehearse", number) for number in (1, 2, 1, 2)), epoch("understand", 1))
    assert [(curve.stage, curve.turn, len(curve.steps)) for curve in history.curves()] == [
        ("rehearse", 0, 2),
        ("rehearse", 1, 2),
        ("understand", 0, 1),
    ]


def test_where_nothing_was_kept_to_judge_by_there_is_no_validation_loss() -> None:
    curve = recorded(epoch("understand", 1)).curves()[0]
    assert curve.steps[0].validation is None
    assert curve.best is None


def test_the_best_epoch_is_the_one_with_the_least_validation_loss() -> None:
    told = [epoch("compose", number, validation=loss) for number, loss in ((1, 2.0), (2, 0.5), (3, 0.75))]
    best = recorded(*told).curves()[0].best
    assert best is not None
    assert best.epoch == 2


def test_a_loss_that_is_no_number_is_kept_as_none_and_can_be_written() -> None:
    history = recorded(epoch("compose", 1, loss=math.nan, validation=math.inf))
    assert (history.steps[0].loss, history.steps[0].validation) == (None, None)
    assert History.from_json(json.loads(json.dumps(history.to_json(), allow_nan=False))) == history


def test_a_run_that_went_on_goes_on_with_its_seconds() -> None:
    before = recorded(epoch("compose", 1))
    after = recorded(epoch("compose", 2), before=before)
    assert after.began == before.began
    assert after.steps[1].seconds > before.seconds
    assert after.seconds > after.steps[1].seconds


@pytest.mark.parametrize(
    ("before", "again", "kept"),
    [
        ([("compose", 1), ("compose", 2)], ("compose", 2), [("compose", 0, 1), ("compose", 0, 2)]),
        ([("compose", 1)], ("compose", 2), [("compose", 0, 1), ("compose", 0, 2)]),
        ([("rehearse", 3)], ("rehearse", 1), [("rehearse", 0, 3), ("rehearse", 1, 1)]),
        ([("rehearse", 3), ("understand", 1)], ("rehearse", 1), [("rehearse", 0, 1)]),
        ([("understand", 3)], ("compose", 1), [("understand", 0, 3), ("compose", 0, 1)]),
        ([], ("compose", 1), [("compose", 0, 1)]),
    ],
    ids=["again", "the next", "the next turn", "back to an earlier stage", "the next stage", "from nothing"],
)
def test_what_a_resumed_run_goes_through_again_is_kept_once(
    before: list[tuple[str, int]], again: tuple[str, int], kept: list[tuple[str, int, int]]
) -> None:
    earlier = recorded(*(epoch(*one) for one in before))
    assert places(recorded(epoch(*again), before=earlier)) == kept


@given(st.lists(STEPS, max_size=5), NUMBERS)
def test_a_history_comes_back_as_it_was_written(steps: list[Step], seconds: float) -> None:
    history = History(NOON, seconds, tuple(steps))
    assert History.from_json(json.loads(json.dumps(history.to_json()))) == history


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


@given(JSON, JSON, JSON)
def test_whatever_else_is_read_is_refused_and_nothing_worse(data: Any, began: Any, steps: Any) -> None:
    for one in (data, {"format": 1, "began": began, "seconds": 1, "steps": steps}):
        try:
            found = History.from_json(one)
        except ValueError:
            continue
        assert isinstance(found, History)


def a_model(folder: Path, facts: dict[str, Any], files: dict[str, bytes]) -> checkpoint.Checkpoint:
    checkpoint.write(folder, {"words.json": b"[]", **files}, facts)
    return checkpoint.read(folder)


def test_a_history_is_found_among_the_facts_among_the_files_and_beside_them(tmp_path: Path) -> None:
    history = recorded(epoch("compose", 1))
    written = json.dumps(history.to_json()).encode()
    assert read_history(a_model(tmp_path / "facts", {"history": history.to_json()}, {})) == history
    assert read_history(a_model(tmp_path / "files", {}, {FILE: written})) == history
    beside = a_model(tmp_path / "beside", {}, {})
    assert read_history(beside) is None
    (beside.folder / FILE).write_bytes(written)
    assert read_history(beside) == history


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b'{"format": 2}', b"[" * 100_000])
def test_a_damaged_history_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    model = a_model(tmp_path, {}, {})
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"history\.json: cannot be read: .*remove it"):
        read_history(model)


def test_a_history_of_a_number_that_is_none_is_refused() -> None:
    data = replace(recorded(epoch("compose", 1)), seconds=math.inf).to_json()
    with pytest.raises(ValueError, match="where a number was expected"):
        History.from_json(data)
