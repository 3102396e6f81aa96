"""The training loop that all networks share.

AdamW with warm-up and cosine decay, clipped gradients, a running average of the weights, early stopping, and what makes
a run robust: a step whose loss or gradient is no number is left out, weights that were lost are taken back, what was
reached is saved, and a run that was killed goes on from there to the same weights, bit by bit.
"""

from __future__ import annotations

import copy
import math
import random
import statistics
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from engine.errors import TrainingError
from engine.training.options import Progress
from engine.training.running import Running
from engine.training.savepoint import Saved
from engine.training.steps import blend, rate_share

_CLIPPED = 1.0  # norm of a gradient
_EXPLODED = 50.0  # times the median norm of the last steps from which on a step is left out
_WATCHED = 50  # steps whose norms are remembered
_LOST_AFTER = 8  # steps left out in a row after which the weights are taken back to the running average
_MOST_RETURNS = 3
_BRAKE = 0.5  # of the learning rate, at every return

N = TypeVar("N", bound=nn.Module)
Shown = TypeVar("Shown", bound=nn.Module, contravariant=True)
B = TypeVar("B")


class Task(Protocol[Shown, B]):
    """What a network is taught."""

    def batches(self, chance: random.Random) -> Sequence[B]:
        """The batches of one epoch, in the order in which they are shown; ``chance`` is the only source of chance."""

    def loss(self, network: Shown, batch: B) -> Tensor:
        """The loss on one batch, a number."""

    def pieces(self, batch: B) -> int:
        """How many pieces of text a batch has, for the speed that is shown."""

    def validate(self, network: Shown) -> float:
        """The mean loss on what was kept from training; 0 where nothing was."""

    def groups(self, network: Shown) -> list[dict[str, Any]]:
        """Parameter groups of the optimizer; ``share`` of the learning rate where it is not all of it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a network is trained.

    ``deadline`` is a time of ``time.monotonic``, ``rate`` the highest learning rate, ``kept`` the share of the running
    average that stays at every step. With ``patience`` the average of the epoch with the least validation loss is kept,
    and training ends after so many epochs without a lesser one, but for the first ``least``; with 0 the last is kept.
    """

    stage: str
    epochs: int
    deadline: float
    rate: float = 3e-3
    kept: float = 0.98
    patience: int = 0
    least: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a stage ended: epochs done, the epoch that was kept, its validation loss, whether somebody stopped it, and
    ``notes`` about what went wrong and was mended.
    """

    epochs: int
    kept: int
    validation: float
    stopped: bool = False
    notes: tuple[str, ...] = ()


@dataclass
class _Stand:
    """Where a stage stands, in plain values; what it holds beside them are weights."""

    epoch: int = 0  # epochs that are done
    within: int = 0  # steps done of the one that is under way
    step: int = 0
    steps: int = 0  # of an epoch
    kept: int = 0
    least: float = math.inf
    last: float = 0.0
    losses: float = 0.0
    seconds: float = 0.0
    brake: float = 1.0
    returns: int = 0
    left_out: int = 0
    row: int = 0  # steps left out in a row
    norms: list[float] = field(default_factory=list)
    finished: bool = False


class Loop(Generic[N, B]):
    """Trains one network in place.

    Args:
        network: The network; parameters that need no gradient stay as they are.
        task: What it is taught.
        pace: How.
        running: Who is told, who may stop it, where it is saved, who trains along.
        seed: Of the order of examples and everything else that the task draws.
    """

    def __init__(self, network: N, task: Task[N, B], pace: Pace, running: Running, *, seed: int) -> None:
        self._network = network
        self._task = task
        self._pace = pace
        self._running = running
        self._hardware = running.hardware
        network.to(self._hardware.device)
        self._savepoint = running.part(pace.stage)
        self._together = running.processes
        self._chance = random.Random(seed)
        self._average = copy.deepcopy(network).eval()
        self._best: dict[str, Tensor] = {}
        self._optimizer = _optimizer(task.groups(network), pace.rate)
        self._lossy = self._together.wrapped(_Lossy(network, task))
        self._stand = _Stand()
        self._norms: deque[float] = deque(maxlen=_WATCHED)
        self._speed = 0.0
        self._began = time.monotonic()
        self._saved_at = self._began

    def run(self) -> Outcome:
        """Train until the epochs, the time or the patience run out, or until it is stopped.

        Raises:
            TrainingError: If the loss is no number again and again.
        """
        self._resume()
        stand, pace = self._stand, self._pace
        while stand.epoch < pace.epochs and not stand.finished:
            if self._epoch(self._chance.getstate()):
                return self._ended(stopped=True)
            self._judge()
            if self._enough():
                break
        stand.finished = True
        if time.monotonic() - self._began >= self._savepoint.every:
            self._save(self._chance.getstate(), now=True)
        return self._ended(stopped=False)

    def _epoch(self, before: tuple[Any, ...]) -> bool:
        """Train an epoch, or what is left of one; True if it was stopped."""
        stand, start, pieces = self._stand, time.monotonic(), 0
        batches = self._together.share(self._task.batches(self._chance))
        stand.steps = stand.steps or max(1, len(batches))
        self._network.train()
        for batch in batches[stand.within :]:
            stand.losses += self._step(batch)
            stand.within += 1
            pieces += self._task.pieces(batch)
            if self._together.agreed(self._running.stop()):
                self._save(before, now=True)
                return True
            self._save(before)
            if self._late():
                break
        if stand.row and not _whole(self._network):
            self._go_back()
        stand.epoch += 1
        stand.last = stand.losses / max(1, stand.within)
        stand.within, stand.losses = 0, 0.0
        self._speed = pieces / max(time.monotonic() - start, 1e-9)
        return False

    def _step(self, batch: B) -> float:
        """One step; 0 where it was left out."""
        stand = self._stand
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate() * group["share"]
        self._optimizer.zero_grad(set_to_none=True)
        with self._hardware.products():
            loss = self._lossy(batch)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(_trained(self._network), _CLIPPED))
        value = float(loss.detach())
        stand.step += 1
        if not math.isfinite(value) or not math.isfinite(norm) or self._exploded(norm):
            self._leave_out()
            return 0.0
        stand.row = 0
        self._norms.append(norm)
        self._optimizer.step()
        blend(self._average, self._network, min(self._pace.kept, stand.step / (stand.step + 1)))
        return value

    def _rate(self) -> float:
        stand = self._stand
        return self._pace.rate * stand.brake * rate_share(stand.step, stand.steps * self._pace.epochs)

    def _exploded(self, norm: float) -> bool:
        return len(self._norms) == _WATCHED and norm > _EXPLODED * max(statistics.median(self._norms), 1e-3)

    def _leave_out(self) -> None:
        """Pass over a step; after many in a row begin again at the running average, more slowly."""
        self._stand.left_out += 1
        self._stand.row += 1
        if self._stand.row >= _LOST_AFTER:
            self._go_back()

    def _go_back(self) -> None:
        """Begin again at the running average, with half the learning rate.

        Raises:
            TrainingError: If that did not help, or the average was lost too.
        """
        stand = self._stand
        stand.returns += 1
        if stand.returns > _MOST_RETURNS or not _whole(self._average):
            raise TrainingError(
                f"{self._pace.stage}: the loss is no number any more or its gradient explodes, in epoch "
                f"{stand.epoch + 1}, step {stand.within + 1}, also after {stand.returns - 1} returns to good weights "
                "with half the learning rate; look for odd texts with `attendant faq check`, or train again with "
                "another seed"
            )
        self._network.load_state_dict(self._average.state_dict())
        self._optimizer.state.clear()
        self._norms.clear()
        stand.row = 0
        stand.brake *= _BRAKE

    def _judge(self) -> None:
        """Validate the average, and keep it where it is the best so far."""
        stand, pace, now = self._stand, self._pace, time.monotonic()
        validation = self._task.validate(self._average) if pace.patience else 0.0
        if pace.patience and (validation < stand.least or stand.epoch <= pace.least):
            self._best = copy.deepcopy(_own(self._average))
            stand.kept, stand.least = stand.epoch, validation
        each = (stand.seconds + now - self._began) / stand.epoch
        left = min(each * (pace.epochs - stand.epoch), max(0.0, pace.deadline - now))
        if self._together.first:
            self._running.report(
                Progress(pace.stage, stand.epoch, pace.epochs, stand.last, validation, self._speed, left)
            )
        self._save(self._chance.getstate())

    def _enough(self) -> bool:
        stand, pace = self._stand, self._pace
        impatient = pace.patience > 0 and stand.epoch - stand.kept >= pace.patience
        return impatient or self._late()

    def _late(self) -> bool:
        return self._together.agreed(time.monotonic() > self._pace.deadline)

    def _ended(self, *, stopped: bool) -> Outcome:
        stand = self._stand
        self._network.load_state_dict(self._best or _own(self._average), strict=False)
        self._network.to("cpu").eval()
        least = stand.least if math.isfinite(stand.least) else 0.0
        return Outcome(stand.epoch, stand.kept or stand.epoch, least, stopped, self._notes())

    def _notes(self) -> tuple[str, ...]:
        stand = self._stand
        if not stand.left_out:
            return ()
        again = f"; {stand.returns} times it began again at the last good weights" if stand.returns else ""
        return (
            f"{self._pace.stage}: {stand.left_out} of {stand.step} steps were left out, since the loss was no number "
            f"or its gradient exploded{again}",
        )

    def _save(self, before: tuple[Any, ...], *, now: bool = False) -> None:
        """Write where it stands, now and then; ``before`` is the chance that the epoch under way began with."""
        moment = time.monotonic()
        if not self._together.first or not (now or moment - self._saved_at >= self._savepoint.every):
            return
        self._saved_at = moment
        weights = {
            **_named("network", _own(self._network)),
            **_named("average", _own(self._average)),
            **_named("best", self._best),
            **_named("optimizer", _optimizer_state(self._optimizer)),
            "chance": torch.get_rng_state(),
            **self._hardware.chance(),
        }
        stand = copy.copy(self._stand)
        stand.seconds += moment - self._began
        stand.norms = list(self._norms)
        self._savepoint.save(Saved(weights, {**vars(stand), "before": before}))

    def _resume(self) -> None:
        saved = self._savepoint.load()
        if saved is None:
            return
        values = dict(saved.values)
        version, inner, gauss = values.pop("before")
        self._chance.setstate((version, tuple(inner), gauss))
        self._stand = _Stand(**values)
        self._norms.extend(self._stand.norms)
        parts = saved.parts()
        self._network.load_state_dict(parts["network"], strict=False)
        self._average.load_state_dict(parts["average"], strict=False)
        self._best = parts.get("best", {})
        _restore(self._optimizer, parts.get("optimizer", {}))
        torch.set_rng_state(saved.weights["chance"])
        self._hardware.set_chance(saved.weights)


class _Lossy(nn.Module, Generic[N, B]):
    """The loss as a module, as PyTorch's wrapper for several processes wants it."""

    def __init__(self, network: N, task: Task[N, B]) -> None:
        super().__init__()
        self.network = network
        self._task = task

    def forward(self, batch: B) -> Tensor:
        return self._task.loss(self.network, batch)


def _optimizer(groups: Sequence[dict[str, Any]], rate: float) -> torch.optim.Optimizer:
    shared = [{"share": 1.0, **group} for group in groups]
    return torch.optim.AdamW(shared, lr=rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True)


def _trained(network: nn.Module) -> list[nn.Parameter]:
    return [parameter for parameter in network.parameters() if parameter.requires_grad]


def _own(network: nn.Module) -> dict[str, Tensor]:
    """The weights that training changes."""
    return {name: parameter.data for name, parameter in network.named_parameters() if parameter.requires_grad}


def _whole(network: nn.Module) -> bool:
    return all(bool(torch.isfinite(weights).all()) for weights in _own(network).values())


def _named(part: str, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {f"{part}/{name}": values for name, values in weights.items()}


def _optimizer_state(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The optimizer's memory of each parameter, by the parameter's number."""
    state = optimizer.state_dict()["state"]
    return {f"{number}/{name}": values for number, own in state.items() for name, values in own.items()}


def _restore(optimizer: torch.optim.Optimizer, saved: dict[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for name, values in saved.items():
        number, _, what = name.partition("/")
        state.setdefault(int(number), {})[what] = values
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
