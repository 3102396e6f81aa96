"""Training the tagger that finds values: frozen states of the base under a small bidirectional LSTM and a CRF.

What the base makes of a text never changes, so that every text is read by it once and the epochs run over what it made.
Values are replaced by others of their kind, so that what is learned is where values stand and how they look, not which
ones there were; and now and then a text counts as typed in lower case.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engine.errors import TrainingError
from engine.seq2seq.encoder import reversal, take
from engine.text.tokenise import PieceTokenizer
from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.steps import buckets, weights_of
from engine.understand.crf import allowed_moves, labels_of
from engine.understand.sentence import Trunk
from engine.understand.tagger import Tagger
from engine.understand.units import GRAM_ROWS, LOOKS, Read, UnitReader, unit_states, without_case
from engine.understand.words import Integers

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]

_LOWERED = 0.3  # share of texts that count as typed in lower case
_TOGETHER = 64  # texts that the base reads side by side
_LEAST = 1e-30  # instead of nothing, whose logarithm has no gradient
_REPLACED = 0.7  # share of the values of a varied text that are replaced


@dataclass(frozen=True, slots=True)
class Marked:
    """A text and its values, each from ``start`` to before ``end``, with its name; and what was just asked for.

    Names in ``requested`` without a value in any text are allowed: they say nothing.
    """

    text: str
    values: tuple[tuple[int, int, str], ...] = ()
    requested: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sizes:
    """``seen`` units of what is read of a text, ``hidden`` units a direction H."""

    seen: int = 96
    hidden: int = 96


@dataclass(frozen=True, slots=True)
class Pace:
    """How the tagger is taught. ``deadline`` is a time of ``time.monotonic``; ``patience`` counts epochs.

    ``variants`` is how many copies with other values are made of a text with values, ``room`` how many units a batch
    has, padding included, ``unasked`` the share of texts that are shown as if nothing had been asked for; where nothing
    was, it teaches to guess what a bare number is.
    """

    epochs: int
    deadline: float
    patience: int = 4
    variants: int = 2
    room: int = 1024
    rate: float = 3e-3
    kept: float = 0.98
    unasked: float = 0.05


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text as the network is shown it: ``states`` of the base (U, D), ``grams`` (U, GRAMS), ``looks`` (U, LOOKS),
    ``requested`` (kinds,) and ``labels`` (U,).
    """

    states: Halves
    grams: Integers
    looks: Floats
    requested: Floats
    labels: Integers


class TaggerNetwork(nn.Module):
    """The tagger in PyTorch; ``engine.understand.tagger.Tagger`` is the same at work.

    Args:
        kinds: How many kinds of values there are.
        width: Of what the base makes of a unit, D.
        sizes: The sizes.
        dropout: On what is read and on states.
    """

    def __init__(self, kinds: int, width: int, sizes: Sizes | None = None, *, dropout: float = 0.3) -> None:
        super().__init__()
        sizes = Sizes() if sizes is None else sizes
        labels = 2 * kinds + 1
        self.states = nn.Linear(width, sizes.seen)
        self.grams = nn.Embedding(GRAM_ROWS, sizes.seen)
        self.looks = nn.Linear(LOOKS, sizes.seen, bias=False)
        self.requested = nn.Linear(kinds, sizes.seen, bias=False)
        self.onward = nn.LSTM(sizes.seen, sizes.hidden, batch_first=True)
        self.backward_ = nn.LSTM(sizes.seen, sizes.hidden, batch_first=True)
        self.labels = nn.Linear(2 * sizes.hidden + sizes.seen, labels)
        self.asked = nn.Linear(kinds, labels, bias=False)
        self.crf = CrfLayer(kinds)
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.grams.weight, std=0.05)
        nn.init.normal_(self.requested.weight, std=0.1)
        nn.init.zeros_(self.asked.weight)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of the labels. Shape: (B, U, labels)."""
        seen = self.states(self._dropped(batch.states)) + self._dropped(self.grams(batch.grams).sum(dim=2))
        seen = seen + self.looks(batch.looks) + self.requested(batch.requested)[:, None]
        seen = self._dropped(seen.tanh())
        turned = reversal(batch.lengths, seen.shape[1])
        onward, _ = self.onward(seen)
        backward, _ = self.backward_(take(seen, turned))
        values = torch.cat([onward, take(backward, turned), seen], dim=-1)
        scores: Tensor = self.labels(self._dropped(values)) + self.asked(batch.requested)[:, None]
        return scores

    def _dropped(self, values: Tensor) -> Tensor:
        """Dropout of the same features over a whole text (Gal, Ghahramani 2016)."""
        kept: Tensor = self.dropout(values.new_ones(len(values), 1, values.shape[2]))
        return values * kept


class CrfLayer(nn.Module):
    """A linear-chain CRF over the labels of ``kinds`` kinds (Lafferty, McCallum, Pereira 2001)."""

    allowed: Tensor
    first: Tensor

    def __init__(self, kinds: int) -> None:
        super().__init__()
        moves, starts = allowed_moves(kinds)
        self.register_buffer("allowed", torch.tensor(moves, dtype=torch.float32), persistent=False)
        self.register_buffer("first", torch.tensor(starts, dtype=torch.float32), persistent=False)
        self.moves = nn.Parameter(torch.zeros(len(starts), len(starts)))
        self.starts = nn.Parameter(torch.zeros(len(starts)))
        self.ends = nn.Parameter(torch.zeros(len(starts)))

    def surprise(self, scores: Tensor, labels: Tensor, lengths: Tensor) -> Tensor:
        """How unlikely the true labels of each text are, in nats.

        Shape:
            scores: (B, U, labels)
            labels: (B, U)
            lengths: (B,)
            result: (B,)
        """
        moves, starts = self.moves + self.allowed, self.starts + self.first
        mask = torch.arange(scores.shape[1], device=scores.device) < lengths[:, None]
        own = scores.gather(2, labels[..., None])[..., 0].masked_fill(~mask, 0.0).sum(dim=1)
        own = own + starts[labels[:, 0]] + self.ends[labels.gather(1, lengths[:, None] - 1)[:, 0]]
        own = own + moves[labels[:, :-1], labels[:, 1:]].masked_fill(~mask[:, 1:], 0.0).sum(dim=1)
        reached, powers = starts + scores[:, 0], moves.exp()
        for at in range(1, scores.shape[1]):
            most = reached.detach().amax(dim=1, keepdim=True)
            on = ((reached - most).exp() @ powers).clamp_min(_LEAST).log() + most + scores[:, at]
            reached = torch.where(mask[:, at, None], on, reached)
        return torch.logsumexp(reached + self.ends, dim=1) - own


@dataclass(frozen=True, slots=True)
class Batch:
    """Several texts, padded: ``states`` (B, U, D), ``grams`` (B, U, GRAMS), ``looks`` (B, U, LOOKS), ``requested``
    (B, kinds), ``labels`` (B, U), ``lengths`` (B,).
    """

    states: Tensor
    grams: Tensor
    looks: Tensor
    requested: Tensor
    labels: Tensor
    lengths: Tensor


class TaggingTask:
    """The task: the labels of all units of a text.

    Args:
        prepared: What is learned.
        held_out: What is kept from it.
        room: Units of a batch, padding included.
        unasked: Share of the texts that are shown as if nothing had been asked for.
    """

    def __init__(
        self, prepared: Sequence[Prepared], held_out: Sequence[Prepared], room: int, *, unasked: float = 0.0
    ) -> None:
        self._prepared = prepared
        self._held_out = list(_buckets(held_out, room))
        self._room = room
        self._unasked = unasked

    def batches(self, chance: random.Random) -> list[list[Prepared]]:
        """All texts once, in random order."""
        parts = list(_buckets(self._prepared, self._room, chance))
        chance.shuffle(parts)
        return [[_noisy(one, chance, self._unasked) for one in part] for part in parts]

    def loss(self, network: TaggerNetwork, batch: Sequence[Prepared]) -> Tensor:
        """Mean surprise at the labels of a text."""
        padded = together(batch, network.crf.moves.device)
        return network.crf.surprise(network(padded), padded.labels, padded.lengths).mean()

    def pieces(self, batch: Sequence[Prepared]) -> int:
        """Units, padding left out."""
        return sum(len(one.labels) for one in batch)

    @torch.inference_mode()
    def validate(self, network: TaggerNetwork) -> float:
        """Mean surprise at the labels of a text that was kept from training."""
        network.eval()
        total = sum(float(self.loss(network, batch)) * len(batch) for batch in self._held_out)
        return total / max(1, sum(map(len, self._held_out)))

    def groups(self, network: TaggerNetwork) -> list[dict[str, Any]]:
        """Weight decay for matrices, none for biases, embeddings and the CRF."""
        named = list(network.named_parameters())
        decayed = [part for name, part in named if part.dim() > 1 and not name.startswith(("grams", "crf"))]
        rest = [part for name, part in named if part.dim() <= 1 or name.startswith(("grams", "crf"))]
        return [{"params": decayed}, {"params": rest, "weight_decay": 0.0}]


class TaggerTrainer:
    """Trains taggers on one base.

    Args:
        tokenizer: Of the base.
        trunk: The layers of the base; they stay as they are.
        seed: Of everything random here; PyTorch's own is set from it too.
    """

    def __init__(self, tokenizer: PieceTokenizer, trunk: Trunk, *, seed: int) -> None:
        self._tokenizer = tokenizer
        self._trunk = trunk
        self._reader = UnitReader(tokenizer)
        self._seed = seed

    def fit(
        self,
        texts: Sequence[Marked],
        held_out: Sequence[Marked],
        pace: Pace,
        running: Running,
        *,
        more: Mapping[str, Sequence[str]] | None = None,
        sizes: Sizes | None = None,
    ) -> tuple[Tagger, dict[str, Floats], Outcome]:
        """A tagger for the kinds of values that ``texts`` have, its weights, and how training ended.

        Args:
            texts: What is learned.
            held_out: What training is stopped by; kinds that ``texts`` lack count as no value.
            pace: How.
            running: Who is told, who may stop it.
            more: Further values by kind, that texts may be varied with.
            sizes: Of the network.

        Raises:
            TrainingError: If no text has a value, or a value lies outside of its text or over another one.
        """
        names = names_of(texts)
        chance = random.Random(self._seed)
        every = [*texts, *varied(texts, pace.variants, chance, more)]
        prepared, judged = self.prepare(every, names), self.prepare(held_out, names)
        if not prepared:
            raise TrainingError("no text has a word, so there is nothing that a tagger could learn")
        torch.manual_seed(self._seed)
        network = TaggerNetwork(len(names), prepared[0].states.shape[1], sizes)
        task = TaggingTask(prepared, judged, pace.room, unasked=pace.unasked)
        patience = pace.patience if judged else 0
        how = LoopPace("values", pace.epochs, pace.deadline, rate=pace.rate, kept=pace.kept, patience=patience)
        outcome = Loop(network, task, how, running, seed=self._seed).run()
        weights = {name: np.asarray(values, np.float32) for name, values in weights_of(network).items()}
        return Tagger(names, weights, self._tokenizer, self._trunk), weights, outcome

    def prepare(self, texts: Sequence[Marked], names: Sequence[str]) -> list[Prepared]:
        """Texts as the network is shown them; those without a unit are left out."""
        numbers = {name: number for number, name in enumerate(names)}
        found: list[Prepared] = []
        reads = [(self._reader.read(one.text), one) for one in texts]
        reads = sorted((pair for pair in reads if pair[0].units), key=lambda pair: len(pair[0].pieces))
        for at in range(0, len(reads), _TOGETHER):
            part = reads[at : at + _TOGETHER]
            every = unit_states(self._trunk, [read for read, _ in part])
            found.extend(_prepared(*pair, states, numbers) for pair, states in zip(part, every, strict=True))
        return found


def _prepared(read: Read, one: Marked, states: Floats, numbers: Mapping[str, int]) -> Prepared:
    requested = np.zeros(len(numbers), np.float32)
    requested[[numbers[name] for name in set(one.requested) if name in numbers]] = 1.0
    values = [(start, end, numbers[name]) for start, end, name in one.values if name in numbers]
    labels = np.asarray(labels_of(read.units, values), np.int64)
    return Prepared(states.astype(np.float16), read.grams, read.looks, requested, labels)


def names_of(texts: Sequence[Marked]) -> tuple[str, ...]:
    """The kinds of values in texts, in the order of the alphabet.

    Raises:
        TrainingError: If there are none, or a value lies outside of its text or over another one.
    """
    for number, one in enumerate(texts, 1):
        reached = 0
        for start, end, name in sorted(one.values):
            if not reached <= start < end <= len(one.text):
                raise TrainingError(
                    f"text {number}: the value {name} from {start} to {end} lies outside of its {len(one.text)} "
                    "characters, is empty, or lies over another one; values are given by the places of their characters"
                )
            reached = end
    names = tuple(sorted({name for one in texts for _, _, name in one.values}))
    if not names:
        raise TrainingError("no text has a value, so there is nothing that a tagger could find; mark some")
    return names


def varied(
    texts: Sequence[Marked], count: int, chance: random.Random, more: Mapping[str, Sequence[str]] | None = None
) -> Iterator[Marked]:
    """Copies of the texts that have values, ``count`` of each, most of the values replaced by others of their kind.

    Args:
        texts: Texts with values.
        count: Copies of each.
        chance: Source of randomness.
        more: Further values by kind, beside those of the texts.
    """
    known: dict[str, list[str]] = {name: list(values) for name, values in (more or {}).items()}
    for one in texts:
        for start, end, name in one.values:
            known.setdefault(name, []).append(one.text[start:end])
    listed = {name: sorted(set(values)) for name, values in known.items()}
    for _ in range(count):
        for one in texts:
            if one.values:
                yield _with_others(one, listed, chance)


def _with_others(one: Marked, known: Mapping[str, Sequence[str]], chance: random.Random) -> Marked:
    text, at = "", 0
    values: list[tuple[int, int, str]] = []
    for start, end, name in sorted(one.values):
        text += one.text[at:start]
        own = one.text[start:end]
        if chance.random() < _REPLACED:
            own = chance.choice(known[name])
            if start == 0 or one.text[start - 1].isspace():
                own = _cased_like(own, one.text[start:end])
        values.append((len(text), len(text) + len(own), name))
        text += own
        at = end
    return Marked(text + one.text[at:], tuple(values), one.requested)


def _cased_like(value: str, other: str) -> str:
    """A value in lower case where the one that it replaces was."""
    return value.lower() if other.islower() else value


def _noisy(one: Prepared, chance: random.Random, unasked: float) -> Prepared:
    looks = without_case(one.looks) if chance.random() < _LOWERED else one.looks
    asked = np.zeros_like(one.requested) if chance.random() < unasked else one.requested
    return Prepared(one.states, one.grams, looks, asked, one.labels)


def together(texts: Sequence[Prepared], device: torch.device | str = "cpu") -> Batch:
    """Texts as padded tensors."""
    return Batch(
        _padded([one.states for one in texts]).to(device).float(),
        _padded([one.grams for one in texts]).to(device),
        _padded([one.looks for one in texts]).to(device),
        torch.from_numpy(np.stack([one.requested for one in texts])).to(device),
        _padded([one.labels for one in texts]).to(device),
        torch.tensor([len(one.labels) for one in texts], device=device),
    )


def _padded(rows: Iterable[NDArray[Any]]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)


def _buckets(texts: Sequence[Prepared], room: int, chance: random.Random | None = None) -> Iterator[list[Prepared]]:
    return buckets(texts, room, lambda text: len(text.labels), chance)
