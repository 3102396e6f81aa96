"""Teaching what a conversation leaves behind: which of many answers is the one that the agent gave next.

A dual encoder (Henderson et al. 2017, 2019): the vectors of the base stay as they are, the answers of the other
conversations of a batch are what an answer must be told from. So that one network can do without any kind of memory,
whole kinds are left out at random while it learns.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.dialogue import Speaker
from engine.errors import TrainingError
from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.steps import decay_groups, weights_of
from engine.understand.conversation import KINDS, LIKE, SHARPEST, SIDES, Context, ConversationEncoder, side_of

Floats = NDArray[np.float32]

_SHARPNESS = 12.0  # of cosines, at the beginning; it is learned
_LIKENESS, _MEMORY_GAIN = 0.5, 0.3  # how much the base's own likeness counts at the beginning, and memory's in it
_ALIKE = 0.98  # cosine from which on two answers of a batch count as the same, so that none is wrong


@dataclass(frozen=True, slots=True)
class Sizes:
    """``state`` units of the GRU H, ``hidden`` units of what is known and of answers, ``shared`` width P where both are
    compared.
    """

    state: int = 128
    hidden: int = 256
    shared: int = 256


@dataclass(frozen=True, slots=True)
class Pace:
    """How it is taught. ``deadline`` is a time of ``time.monotonic``; ``patience`` counts epochs.

    ``together`` is how many conversations make a batch, ``forgetting`` the share of the messages for which each kind of
    memory is left out with a chance of one half.
    """

    epochs: int
    deadline: float
    patience: int = 3
    together: int = 24
    forgetting: float = 0.5
    rate: float = 2e-3
    kept: float = 0.98


@dataclass(frozen=True, slots=True)
class Question:
    """A message of the customer that somebody answered: its place among the turns, whose next one is the answer, and
    topics and slots as they were known then (``of_topics``, ``of_slots``).

    ``answer`` stands for the answer where that is not the next turn as it was written, but the entry it came from.

    Shape:
        topics, slots, answer: (V,)
    """

    place: int
    topics: Floats | None = None
    slots: Floats | None = None
    answer: Floats | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation as it is taught: vectors of its turns (T, V), who spoke, and the messages that were answered.

    Raises:
        ValueError: If a question is not the customer's, nobody answers it, or the parts are of different lengths.
    """

    vectors: Floats
    speakers: tuple[Speaker, ...]
    questions: tuple[Question, ...]

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or len(self.vectors) != len(self.speakers):
            raise ValueError(f"{len(self.speakers)} turns have vectors of the shape {self.vectors.shape}")
        if not np.isfinite(self.vectors).all():
            raise ValueError("the vector of a turn has something that is no number")
        sides = [side_of(speaker) for speaker in self.speakers]
        for place in (question.place for question in self.questions):
            if sides[max(0, place) : place + 2] != [0, 1]:
                raise ValueError(f"turn {place} is no message of the customer that the next turn answers")

    def context(self, question: Question, state: Floats | None) -> Context:
        """What is known at a question; ``state`` is that before it."""
        place = question.place
        last = self.vectors[place - 1] if place and side_of(self.speakers[place - 1]) else None
        return Context(self.vectors[place], question.topics, question.slots, state if place else None, last)


class MemoryNetwork(nn.Module):
    """The network in PyTorch; ``engine.understand.conversation.ConversationEncoder`` is the same at work.

    Args:
        width: Of the vectors of turns, V.
        sizes: The sizes.
        kinds: The kinds of memory that it has, of ``KINDS``.
        dropout: On hidden units.
    """

    def __init__(
        self, width: int, sizes: Sizes | None = None, kinds: Collection[str] = KINDS, *, dropout: float = 0.3
    ) -> None:
        super().__init__()
        sizes = Sizes() if sizes is None else sizes
        foreign = sorted(set(kinds) - set(KINDS))
        if foreign:
            raise ValueError(f"there is no kind of memory {foreign[0]!r}; known: {', '.join(KINDS)}")
        self.kinds = tuple(kind for kind in KINDS if kind in kinds)
        self.width = width
        self.said = nn.Linear(width, sizes.hidden)
        for kind in self.kinds:
            self.add_module(kind, nn.Linear(sizes.state if kind == "state" else width, sizes.hidden))
        if "state" in self.kinds:
            self.speakers = nn.Embedding(SIDES, width)
            self.turns = nn.GRU(width, sizes.state, batch_first=True)
            nn.init.normal_(self.speakers.weight, std=0.5)
        self.context = nn.Linear(sizes.hidden, sizes.shared)
        self.read = nn.Linear(width, sizes.hidden)
        self.answers = nn.Linear(sizes.hidden, sizes.shared)
        self.likeness = nn.Linear(width, sizes.shared, bias=False)
        self.gains = nn.Parameter(torch.full((len(LIKE),), _MEMORY_GAIN))
        nn.init.orthogonal_(self.likeness.weight, gain=_LIKENESS)
        nn.init.ones_(self.gains[:1])
        self.dropout = nn.Dropout(dropout)
        self.sharpness = nn.Parameter(torch.tensor(math.log(_SHARPNESS)))

    def forward(self, batch: Batch, kept: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Contexts and their answers as unit vectors, (Q, P) each.

        Args:
            batch: What was said.
            kept: For each kind of memory which questions have it. Shape: (Q,) each, 0 or 1.
        """
        spread = self.width**0.5
        hidden, like = self.said(batch.said * spread), batch.said * self.gains[0]
        for kind in self.kinds:
            values = self.states(batch) if kind == "state" else getattr(batch, kind) * spread
            own: Tensor = self.get_submodule(kind)(values)
            hidden = hidden + own * kept[kind][:, None]
            if kind in LIKE:
                like = like + getattr(batch, kind) * (self.gains[LIKE.index(kind)] * kept[kind][:, None])
        context = self.context(self.dropout(hidden.relu())) + self.likeness(like * spread)
        answers = self.answers(self.dropout(self.read(batch.answers * spread).relu()))
        answers = answers + self.likeness(batch.answers * spread)
        return F.normalize(context, dim=-1), F.normalize(answers, dim=-1)

    def states(self, batch: Batch) -> Tensor:
        """The states before the questions. Shape: (Q, H)."""
        states, _ = self.turns(batch.turns * self.width**0.5 + self.speakers(batch.sides))
        found: Tensor = states[batch.rows, (batch.places - 1).clamp_min(0)]
        return found * (batch.places > 0)[:, None]


@dataclass(frozen=True, slots=True)
class Batch:
    """Several conversations: ``turns`` (C, T, V) and ``sides`` (C, T), padded, and of their Q questions the row and the
    place there, ``rows`` and ``places`` (Q,), what was said and answered, ``said`` and ``answers`` (Q, V), what is
    remembered, ``topics``, ``slots`` and ``last`` (Q, V), and by kind which questions have it, ``there`` (Q,).
    """

    turns: Tensor
    sides: Tensor
    rows: Tensor
    places: Tensor
    said: Tensor
    answers: Tensor
    topics: Tensor
    slots: Tensor
    last: Tensor
    there: Mapping[str, Tensor]


def as_batch(of: Sequence[Told], device: torch.device | None = None) -> Batch:
    """Conversations as tensors, by default on the processor. At least one has a question."""
    width = of[0].vectors.shape[1]
    longest = max(len(one.vectors) for one in of)
    turns, sides = np.zeros((len(of), longest, width), np.float32), np.zeros((len(of), longest), np.int64)
    for row, one in enumerate(of):
        turns[row, : len(one.vectors)] = one.vectors
        sides[row, : len(one.speakers)] = [side_of(speaker) for speaker in one.speakers]
    asked = [(row, question) for row, one in enumerate(of) for question in one.questions]
    given = [of[row].vectors[one.place + 1] if one.answer is None else one.answer for row, one in asked]
    rows, places = np.asarray([(row, question.place) for row, question in asked], np.int64).T
    contexts = [of[row].context(question, None) for row, question in asked]
    nothing = np.zeros(width, np.float32)
    parts, there = {}, {"state": places > 0}
    for kind in ("topics", "slots", "last"):
        found: list[Floats | None] = [getattr(context, kind) for context in contexts]
        there[kind] = np.asarray([values is not None for values in found])
        parts[kind] = np.stack([nothing if values is None else values for values in found])

    def tensor(values: NDArray[Any]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    return Batch(
        tensor(turns),
        tensor(sides),
        tensor(rows),
        tensor(places),
        tensor(turns[rows, places]),
        tensor(np.stack(given)),
        **{kind: tensor(values) for kind, values in parts.items()},
        there={kind: tensor(values.astype(np.float32)) for kind, values in there.items()},
    )


class ConversationsTrainer:
    """Trains a network in place.

    Args:
        network: The network.
        seed: Of the order of conversations; PyTorch's own, of dropout and forgetting, is set by the caller.
    """

    def __init__(self, network: MemoryNetwork, *, seed: int) -> None:
        self._network = network
        self._seed = seed

    def fit(self, taught: Sequence[Told], held_out: Sequence[Told], pace: Pace, running: Running) -> Outcome:
        """Train until the epochs, the time or the patience run out, or until it is stopped.

        Raises:
            TrainingError: If there are less than two answers to tell apart, vectors have another width than the
                network, or the loss stops being a number.
        """
        if sum(len(one.questions) for one in taught) < 2:
            raise TrainingError("conversations: there are less than two answered messages; collect more conversations")
        foreign = next((one for one in (*taught, *held_out) if one.vectors.shape[1] != self._network.width), None)
        if foreign is not None:
            raise TrainingError(
                f"conversations: vectors are {foreign.vectors.shape[1]} wide, the network wants {self._network.width}"
            )
        task = ConversationsTask(taught, held_out, pace)
        patience = pace.patience if task.judged else 0
        how = LoopPace("conversations", pace.epochs, pace.deadline, rate=pace.rate, kept=pace.kept, patience=patience)
        return Loop(self._network, task, how, running, seed=self._seed).run()


class ConversationsTask:
    """The task: which of the answers of a batch is the one that was given next.

    Attributes:
        judged: Whether anything was kept from training.
    """

    def __init__(self, taught: Sequence[Told], held_out: Sequence[Told], pace: Pace) -> None:
        self._taught = [one for one in taught if one.questions]
        kept = [one for one in held_out if one.questions]
        self._held_out = [as_batch(kept[at : at + pace.together]) for at in range(0, len(kept), pace.together)]
        self._pace = pace
        self.judged = bool(kept)

    def batches(self, chance: random.Random) -> list[list[Told]]:
        """All conversations, in random order."""
        order = list(self._taught)
        chance.shuffle(order)
        return [order[at : at + self._pace.together] for at in range(0, len(order), self._pace.together)]

    def loss(self, network: MemoryNetwork, batch: list[Told]) -> Tensor:
        """Mean surprise at the answers that were given, with kinds of memory left out here and there."""
        made = as_batch(batch, network.sharpness.device)
        forgetful = torch.rand(len(made.rows), device=made.rows.device) < self._pace.forgetting
        kept = {}
        for kind in network.kinds:
            drawn = torch.rand(len(made.rows), device=made.rows.device) < 0.5
            kept[kind] = made.there[kind] * ~(forgetful & drawn)
        return surprise(network, made, kept)

    def pieces(self, batch: list[Told]) -> int:
        """Answers of a batch."""
        return sum(len(one.questions) for one in batch)

    @torch.inference_mode()
    def validate(self, network: MemoryNetwork) -> float:
        """Mean surprise with all that there is to be remembered."""
        counts = [len(batch.rows) for batch in self._held_out]
        losses = [float(surprise(network, _moved(batch, network), batch.there)) for batch in self._held_out]
        return sum(loss * count for loss, count in zip(losses, counts, strict=True)) / max(1, sum(counts))

    def groups(self, network: MemoryNetwork) -> list[dict[str, Any]]:
        """Weight decay for matrices, none for biases."""
        return decay_groups(network)


def surprise(network: MemoryNetwork, batch: Batch, kept: Mapping[str, Tensor]) -> Tensor:
    """Mean surprise at the answers that were given among all of the batch, in nats.

    Answers that say the same as the right one are not held against it.
    """
    contexts, answers = network(batch, kept)
    scores = contexts @ answers.T * network.sharpness.exp().clamp_max(SHARPEST)
    said = F.normalize(batch.answers, dim=-1)
    itself = torch.eye(len(said), dtype=torch.bool, device=said.device)
    same = (said @ said.T > _ALIKE) & ~itself
    return F.cross_entropy(scores.masked_fill(same, float("-inf")), torch.arange(len(said), device=said.device))


def _moved(batch: Batch, network: MemoryNetwork) -> Batch:
    device = network.sharpness.device
    parts = {name: getattr(batch, name) for name in Batch.__dataclass_fields__ if name != "there"}
    return Batch(
        **{name: values.to(device) for name, values in parts.items()},
        there={kind: values.to(device) for kind, values in batch.there.items()},
    )


def encoder_of(network: MemoryNetwork) -> ConversationEncoder:
    """The network at work."""
    return ConversationEncoder(weights_of(network))
