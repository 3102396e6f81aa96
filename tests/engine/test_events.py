"""A run as event files for TensorBoard, read back with TensorBoard itself where it is installed."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engine.errors import EngineError
from engine.training.events import check_tensorboard, scalars_of, write_events
from engine.training.history import History, Step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HISTORY = History(
    NOON,
    60.0,
    (
        Step("rehearse", 0, 1, 1, 3.0, None, 100.0, 5.0),
        Step("rehearse", 1, 1, 1, 2.5, None, 100.0, 9.0),
        Step("compose", 0, 1, 2, 2.0, 1.5, 100.0, 20.0),
        Step("compose", 0, 2, 2, None, 1.25, 100.0, 30.0),
    ),
)


def test_every_number_has_its_name_its_epoch_and_its_moment() -> None:
    found = {(one.name, one.step): one for one in scalars_of(HISTORY, {"recall@1": 0.9})}
    assert found["rehearse/loss", 1].value == 3.0
    assert found["rehearse 2/loss", 1].value == 2.5
    assert found["compose/validation", 2].value == 1.25
    assert ("compose/loss", 2) not in found
    assert found["compose/loss", 1].moment == NOON.timestamp() + 20
    assert (found["report/recall@1", 0].value, found["report/recall@1", 0].moment) == (0.9, NOON.timestamp() + 60)


def test_without_a_history_there_are_the_figures_alone() -> None:
    assert [one.name for one in scalars_of(None, {"bleu": 30.0})] == ["report/bleu"]


def test_without_tensorboard_it_is_said_how_to_get_it_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard.summary.writer.event_file_writer", None)
    with pytest.raises(EngineError, match=r"pip install 'attendant\[report\]'"):
        check_tensorboard()
    with pytest.raises(EngineError, match="need the package tensorboard"):
        write_events(tmp_path / "events", HISTORY, {})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of TensorBoard's own imports
def test_tensorboard_reads_back_what_was_written(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard comes with the extra report")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    count = write_events(tmp_path / "deep" / "events", HISTORY, {"recall@1": 0.5})
    read = EventAccumulator(str(tmp_path / "deep" / "events"))
    read.Reload()
    tags = read.Tags()["scalars"]
    found = {(tag, event.step): event for tag in tags for event in read.Scalars(tag)}
    assert len(found) == count == len(list(scalars_of(HISTORY, {"recall@1": 0.5})))
    for one in scalars_of(HISTORY, {"recall@1": 0.5}):
        assert found[one.name, one.step].value == pytest.approx(one.value)
        assert found[one.name, one.step].wall_time == pytest.approx(one.moment)
