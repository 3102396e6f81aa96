"""Whether a turn takes up a value that was put forward: a network over the words of both turns, and its training."""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.steps import decay_groups

_ROWS = 8192  # of hashed words and pairs of them
_NAMES = 512  # of hashed names of slots
_FACTS = 10
_TOGETHER = 128
_WORD = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W\u3040-\u30ff\u3400-\u9fff]+|[?!]")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that a slot may take over: its ``source`` is another slot, or empty where the agent put it forward;
    ``customer`` and ``agent`` are the turns, ``facts`` numbers about the state.
    """

    slot: str
    value: str
    source: str
    customer: str
    agent: str
    facts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A candidate as the network is shown it."""

    customer: tuple[int, ...]
    agent: tuple[int, ...]
    names: tuple[int, ...]
    facts: tuple[float, ...]
    right: float


class TakingUp(nn.Module):
    """Words of both turns in bags, names of slots, and facts, under one hidden layer."""

    def __init__(self, width: int = 64, hidden: int = 96) -> None:
        super().__init__()
        self.customer_embedding = nn.EmbeddingBag(_ROWS, width)
        self.agent_embedding = nn.EmbeddingBag(_ROWS, width)
        self.names_embedding = nn.EmbeddingBag(_NAMES, width, mode="sum")
        self.hidden = nn.Linear(3 * width + _FACTS, hidden)
        self.score = nn.Linear(hidden, 1)
        self.dropout = nn.Dropout(0.3)
        for bag in (self.customer_embedding, self.agent_embedding, self.names_embedding):
            nn.init.normal_(bag.weight, std=0.1)

    def forward(self, shown: Sequence[Shown]) -> Tensor:
        """Score of each candidate; above 0 it is taken up. Shape: (candidates,)."""
        bags = [
            _bags(bag, [getattr(one, name) for one in shown])
            for name, bag in (
                ("customer", self.customer_embedding),
                ("agent", self.agent_embedding),
                ("names", self.names_embedding),
            )
        ]
        facts = torch.tensor([one.facts for one in shown])
        seen = self.hidden(self.dropout(torch.cat([*bags, facts], dim=-1))).relu()
        scores: Tensor = self.score(self.dropout(seen))[:, 0]
        return scores


def _bags(bag: nn.EmbeddingBag, rows: Sequence[Sequence[int]]) -> Tensor:
    offsets = torch.tensor([0, *map(len, rows)][:-1]).cumsum(0)
    found: Tensor = bag(torch.tensor([row for own in rows for row in own], dtype=torch.long), offsets)
    return found


class TakingUpTask:
    """The task: which candidates are taken up."""

    def __init__(self, learned: Sequence[Shown], held_out: Sequence[Shown]) -> None:
        self._learned = list(learned)
        self._held_out = list(held_out)

    def batches(self, chance: random.Random) -> list[Sequence[Shown]]:
        """All candidates once, in random order."""
        return list(_cut(chance.sample(self._learned, len(self._learned))))

    def loss(self, network: TakingUp, batch: Sequence[Shown]) -> Tensor:
        """Mean surprise at the truth."""
        return F.binary_cross_entropy_with_logits(network(batch), torch.tensor([one.right for one in batch]))

    def pieces(self, batch: Sequence[Shown]) -> int:
        """Candidates."""
        return len(batch)

    @torch.inference_mode()
    def validate(self, network: TakingUp) -> float:
        """Mean surprise at the truth of what was kept from training."""
        total = sum(float(self.loss(network, batch)) * len(batch) for batch in _cut(self._held_out))
        return total / max(1, len(self._held_out))

    def groups(self, network: TakingUp) -> list[dict[str, Any]]:
        """Weight decay for matrices alone."""
        return decay_groups(network)


def _cut(shown: Sequence[Shown]) -> Iterator[Sequence[Shown]]:
    return (shown[at : at + _TOGETHER] for at in range(0, len(shown), _TOGETHER))


class Judge:
    """Says how likely candidates are taken up.

    Args:
        network: A trained network.
    """

    def __init__(self, network: TakingUp) -> None:
        self._network = network.eval()

    @torch.inference_mode()
    def chances(self, candidates: Sequence[Candidate]) -> list[float]:
        """Probability of each candidate."""
        if not candidates:
            return []
        found: list[float] = self._network([_shown(one, right=False) for one in candidates]).sigmoid().tolist()
        return found


def taught(
    learned: Sequence[tuple[Candidate, bool]],
    held_out: Sequence[tuple[Candidate, bool]],
    *,
    deadline: float,
    seed: int,
    epochs: int = 6,
) -> tuple[Judge, Outcome]:
    """A judge of candidates whose truth is known.

    Args:
        learned: What is learned; not empty.
        held_out: What training is stopped by.
        deadline: A time of ``time.monotonic``.
        seed: Of everything random.
        epochs: At most.
    """
    torch.manual_seed(seed)
    network = TakingUp()
    task = TakingUpTask([_shown(*one) for one in learned], [_shown(*one) for one in held_out])
    pace = LoopPace("taking up", epochs, deadline, patience=3 if held_out else 0)
    outcome = Loop(network, task, pace, Running(), seed=seed).run()
    return Judge(network), outcome


def _shown(one: Candidate, right: bool) -> Shown:
    service, _, name = one.slot.partition(".")
    names = (one.slot, name, service, f"from {one.source}", f"{name} from {one.source.partition('.')[2]}")
    return Shown(
        _words(one.customer), _words(one.agent), tuple(_row(name, _NAMES) for name in names), one.facts, float(right)
    )


@lru_cache(maxsize=4096)
def _words(text: str) -> tuple[int, ...]:
    words = _WORD.findall(text.casefold())
    pairs = [f"{first} {second}" for first, second in zip(["", *words], [*words, ""], strict=True)]
    return tuple(_row(part, _ROWS) for part in (*words, *pairs))


def _row(text: str, rows: int) -> int:
    return zlib.crc32(text.encode("utf-8")) % rows
