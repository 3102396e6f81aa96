"""The loop that all networks share: it goes on where it was, it ends in time, and it mends what it can."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.training.loop import Loop, Outcome, Pace
from engine.training.options import Progress
from engine.training.processes import Processes
from engine.training.running import Running
from engine.training.savepoint import RunFolder

torch.set_num_threads(1)
PACE = Pace("toy", epochs=4, deadline=float("inf"), rate=1e-2)
STEPS = 7  # of an epoch


class Killed(BaseException):
    """Stands for a process that ends at once."""


class Toy:
    """To find a hidden direction; ``spoilt`` says which losses are no number, ``judged`` what validation says."""

    def __init__(self, spoilt: Callable[[int], bool] = lambda _: False, judged: Sequence[float] = ()) -> None:
        self._spoilt = spoilt
        self._judged = list(judged)
        self.shown = 0

    def batches(self, chance: random.Random) -> list[Tensor]:
        return [torch.tensor([[chance.gauss(0, 1) for _ in range(4)] for _ in range(8)]) for _ in range(STEPS)]

    def loss(self, network: nn.Module, batch: Tensor) -> Tensor:
        self.shown += 1
        found = network(batch)[:, 0]
        loss = F.mse_loss(found, batch @ torch.tensor([1.0, -2.0, 0.5, 3.0]))
        return loss * math.nan if self._spoilt(self.shown) else loss

    def pieces(self, batch: Tensor) -> int:
        return len(batch)

    def validate(self, network: nn.Module) -> float:
        return (
            self._judged.pop(0)
            if self._judged
            else sum(float(part.detach().abs().sum()) for part in network.parameters())
        )

    def groups(self, network: nn.Module) -> list[dict[str, Any]]:
        return [{"params": list(network.parameters())}]


def a_network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Tanh(), nn.Linear(8, 1))


def run(network: nn.Module, task: Toy, pace: Pace = PACE, running: Running | None = None) -> Outcome:
    return Loop(network, task, pace, Running() if running is None else running, seed=3).run()


def weights(network: nn.Module) -> list[Tensor]:
    return [part.detach().clone() for part in network.parameters()]


def same(first: nn.Module, second: nn.Module) -> bool:
    return all(torch.equal(one, other) for one, other in zip(weights(first), weights(second), strict=True))


def saving(folder: Path, **around: Any) -> Running:
    return Running(folder=RunFolder(folder, "run", every=0.0), **around)


@settings(max_examples=15, deadline=None)
@given(kills=st.lists(st.integers(1, 4 * STEPS), min_size=1, max_size=3), patience=st.sampled_from([0, 9]))
def test_killed_at_any_steps_it_goes_on_to_the_same_weights(
    tmp_path_factory: pytest.TempPathFactory, kills: list[int], patience: int
) -> None:
    pace, folder = replace(PACE, patience=patience), tmp_path_factory.mktemp("run")
    whole = a_network()
    expected = run(whole, Toy(), pace)
    steps = 0

    def killing() -> bool:
        nonlocal steps
        steps += 1
        if kills and steps >= kills[0]:
            kills.pop(0)
            raise Killed
        return False

    network = a_network()
    while True:
        steps_before = len(kills)
        try:
            outcome = run(network, Toy(), pace, saving(folder, stop=killing))
            break
        except Killed:
            assert len(kills) == steps_before - 1
            network, steps = a_network(), 0  # another process knows nothing but what was saved
    assert same(network, whole)
    assert (outcome.epochs, outcome.kept) == (expected.epochs, expected.kept)


def test_a_part_that_is_done_is_not_done_again(tmp_path: Path) -> None:
    first, second, task = a_network(), a_network(), Toy()
    run(first, Toy(), running=saving(tmp_path))
    outcome = run(second, task, running=saving(tmp_path))
    assert task.shown == 0
    assert outcome.epochs == 4
    assert same(first, second)


def test_what_another_run_saved_is_not_taken_up(tmp_path: Path) -> None:
    run(a_network(), Toy(), running=saving(tmp_path))
    task = Toy()
    run(a_network(), task, running=Running(folder=RunFolder(tmp_path, "another run", every=0.0)))
    assert task.shown == 4 * STEPS


def test_parts_of_several_turns_are_saved_apart(tmp_path: Path) -> None:
    around = saving(tmp_path)
    run(a_network(), Toy(), running=replace(around, turn=0))
    task = Toy()
    run(a_network(), task, running=replace(around, turn=1))
    assert task.shown == 4 * STEPS


def test_it_stops_after_the_step_in_which_it_is_told_to() -> None:
    task = Toy()
    outcome = run(a_network(), task, running=Running(stop=lambda: task.shown == STEPS + 2))
    assert task.shown == STEPS + 2
    assert (outcome.epochs, outcome.stopped) == (1, True)


def test_the_deadline_ends_it_after_the_step() -> None:
    task = Toy()
    assert run(a_network(), task, replace(PACE, deadline=time.monotonic() - 1)).epochs == 1
    assert task.shown == 1


@pytest.mark.parametrize(("judged", "kept", "epochs"), [((5, 4, 3, 9, 9, 1), 3, 5), ((1, 2, 3, 4, 5, 6), 2, 4)])
def test_the_best_average_is_kept_and_it_ends_when_nothing_improves(
    judged: Sequence[float], kept: int, epochs: int
) -> None:
    outcome = run(a_network(), Toy(judged=judged), replace(PACE, epochs=6, patience=2, least=2))
    assert (outcome.kept, outcome.epochs, outcome.validation) == (kept, epochs, judged[kept - 1])


def test_a_step_whose_loss_is_no_number_is_left_out_and_said() -> None:
    network = a_network()
    outcome = run(network, Toy(spoilt=lambda shown: shown % 5 == 0))
    assert all(bool(part.isfinite().all()) for part in weights(network))
    assert outcome.notes == ("toy: 5 of 28 steps were left out, since the loss was no number or its gradient exploded",)


def test_a_bad_step_at_the_end_of_every_epoch_is_no_reason_to_go_back() -> None:
    outcome = run(a_network(), Toy(spoilt=lambda shown: shown % STEPS == 0), replace(PACE, epochs=9))
    assert outcome.notes == ("toy: 9 of 63 steps were left out, since the loss was no number or its gradient exploded",)


def test_weights_that_were_lost_are_taken_back_and_training_goes_on_more_slowly() -> None:
    network = a_network()
    outcome = run(network, Toy(spoilt=lambda shown: 10 <= shown < 18), replace(PACE, epochs=8))
    assert outcome.notes[0].endswith("1 times it began again at the last good weights")
    assert all(bool(part.isfinite().all()) for part in weights(network))


def test_an_exploding_gradient_is_left_out() -> None:
    class Exploding(Toy):
        def loss(self, network: nn.Module, batch: Tensor) -> Tensor:
            return super().loss(network, batch) * (1e9 if self.shown == 60 else 1.0)

    outcome = run(a_network(), Exploding(), replace(PACE, epochs=12))
    assert outcome.notes[0].startswith("toy: 1 of 84 steps were left out")


def test_what_cannot_be_mended_is_an_error_that_says_what_to_do() -> None:
    with pytest.raises(TrainingError, match=r"toy: the loss is no number.*`attendant faq check`.*another seed"):
        run(a_network(), Toy(spoilt=lambda shown: shown > 10), replace(PACE, epochs=30))


def test_every_epoch_is_told_by_the_first_process_alone() -> None:
    told: list[Progress] = []
    run(a_network(), Toy(), running=Running(told.append))
    assert [(one.epoch, one.epochs) for one in told] == [(1, 4), (2, 4), (3, 4), (4, 4)]


@given(st.integers(0, 40), st.integers(2, 5))
def test_processes_share_an_epoch_in_equal_parts_without_overlap(batches: int, count: int) -> None:
    every = list(range(batches))
    parts = [Processes(count, number).share(every) for number in range(count)]
    assert len({len(part) for part in parts}) == 1
    if batches >= count:
        shown = [batch for part in parts for batch in part]
        assert len(shown) == len(set(shown)) == batches - batches % count
