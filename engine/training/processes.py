"""Several processes that train one network together, started by PyTorch's own launcher (``torchrun``).

Each takes its share of the batches of an epoch, and gradients are averaged (``DistributedDataParallel``), so that the
weights of all stay the same. What depends on the time of one machine is decided by the first for all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import nn

B = TypeVar("B")


@dataclass(frozen=True, slots=True)
class Processes:
    """How many there are, and which of them this is, from 0."""

    count: int = 1
    number: int = 0

    @property
    def first(self) -> bool:
        """True for the one that speaks and writes."""
        return self.number == 0

    def share(self, batches: Sequence[B]) -> Sequence[B]:
        """The batches of this process; all get equally many, what is left over is shown to none."""
        if self.count == 1:
            return batches
        whole = len(batches) - len(batches) % self.count if len(batches) >= self.count else 0
        return batches[self.number : whole : self.count] if whole else batches

    def wrapped(self, lossy: nn.Module) -> nn.Module:
        """The module, with gradients averaged over all processes."""
        return lossy if self.count == 1 else nn.parallel.DistributedDataParallel(lossy)

    def agreed(self, opinion: bool) -> bool:
        """What the first process thinks."""
        if self.count == 1:
            return opinion
        said = torch.tensor([opinion], dtype=torch.uint8)
        torch.distributed.broadcast(said, src=0)
        return bool(said.item())


@contextmanager
def joined() -> Iterator[Processes]:
    """The processes that the launcher started, or this one alone; on graphics cards they speak through NCCL."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    if count == 1:
        yield Processes()
        return
    torch.distributed.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    try:
        yield Processes(count, torch.distributed.get_rank())
    finally:
        torch.distributed.destroy_process_group()
