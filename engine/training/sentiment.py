"""Training the mood head: how pleased a text sounds, on the states of the base.

The base stays as it is and reads every text once, before training; what is trained is a small network over its states,
or, with ``Recipe.tuned``, a copy of the embeddings as well. Words and n-grams are weighed by a logistic regression of
their own on log-count ratios (Wang, Manning 2012), and how much they count beside the network is found on texts that
were kept from both.
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
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.seq2seq.encoder import reversal, take
from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.steps import buckets, weights_of
from engine.understand.mood import CLASSES, MoodReader, buckets_of, pieces_of
from engine.understand.network import AttentionPooling
from engine.understand.reader import QuestionReader
from engine.understand.sentence import States, Trunk
from engine.understand.words import Integers, ReadWord

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]

DISPLEASED, UNMOVED, PLEASED = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_TOGETHER = 64  # texts that the base reads side by side
_SHARES = tuple(step / 8 for step in range(17))  # of the votes of words, beside the network
_TEMPERATURES = tuple(0.4 * 1.15**step for step in range(16))
_LEAST = 1e-9


@dataclass(frozen=True, slots=True)
class Sample:
    """A text and how it sounds: probabilities of displeased, neutral and pleased."""

    text: str
    target: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Sizes:
    """Sizes of the network: ``seen`` numbers a piece, ``hidden`` units a direction, ``heads`` of attention."""

    seen: int = 128
    hidden: int = 64
    heads: int = 4


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a mood head is taught. ``deadline`` is a time of ``time.monotonic``.

    ``hidden_pieces`` is the share of pieces that are hidden in training; ``rows`` those of the votes of words, 0 for
    none; ``decay`` what holds the votes down; ``room`` how many pieces a batch has, padding included; ``tuned`` whether
    the embeddings are taught too.
    """

    epochs: int
    deadline: float
    patience: int = 3
    sizes: Sizes = Sizes()
    dropout: float = 0.4
    hidden_pieces: float = 0.1
    smoothing: float = 0.1
    rows: int = 1 << 17
    decay: float = 1.0
    room: int = 2048
    rate: float = 2e-3
    kept: float = 0.98
    tuned: bool = False


@dataclass(frozen=True, slots=True)
class Prepared:
    """A text as the network is shown it: ``states`` of the base (S, D), ``pieces`` (S,) and ``target`` (3,)."""

    states: Halves
    pieces: Integers
    target: Floats


@dataclass(frozen=True, slots=True)
class Batch:
    """Several texts, padded: ``states`` (B, S, D), ``pieces`` (B, S), ``lengths`` (B,), ``targets`` (B, 3)."""

    states: Tensor
    pieces: Tensor
    lengths: Tensor
    targets: Tensor


class MoodNetwork(nn.Module):
    """The mood head in PyTorch; ``engine.understand.mood.MoodReader`` is the same at work, without the votes.

    Args:
        width: Of what the base makes of a piece, D; embedding first, then both directions.
        sizes: The sizes.
        dropout: On what is read, on states and on the pooled text.
        words: Embeddings to be taught too; none leaves the base as it is.
    """

    def __init__(
        self, width: int, sizes: Sizes | None = None, *, dropout: float = 0.4, words: Floats | None = None
    ) -> None:
        super().__init__()
        sizes = Sizes() if sizes is None else sizes
        self.words = None if words is None else nn.Embedding(words.shape[0], words.shape[1])
        if self.words is not None:
            self.words.weight.data = torch.from_numpy(words)
        self.seen = nn.Linear(width, sizes.seen)
        self.onward = nn.LSTM(sizes.seen, sizes.hidden, batch_first=True)
        self.backward_ = nn.LSTM(sizes.seen, sizes.hidden, batch_first=True)
        values = 2 * sizes.hidden + sizes.seen
        self.pooling = AttentionPooling(values, sizes.heads)
        self.moods = nn.Linear((sizes.heads + 1) * values, CLASSES)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> Tensor:
        """Scores of displeased, neutral and pleased. Shape: (B, 3)."""
        given = batch.states
        if self.words is not None:
            width = self.words.embedding_dim
            given = torch.cat([self.words(batch.pieces) * width**0.5, given[..., width:]], dim=-1)
        seen = self._dropped(self.seen(self._dropped(given)).tanh())
        turned = reversal(batch.lengths, seen.shape[1])
        onward, _ = self.onward(seen)
        backward, _ = self.backward_(take(seen, turned))
        values = self._dropped(torch.cat([onward, take(backward, turned), seen], dim=-1))
        mask = torch.arange(seen.shape[1], device=seen.device) < batch.lengths[:, None]
        scores: Tensor = self.moods(self.dropout(self.pooling(values, mask)))
        return scores

    def _dropped(self, values: Tensor) -> Tensor:
        """Dropout of the same features over a whole text (Gal, Ghahramani 2016)."""
        kept: Tensor = self.dropout(values.new_ones(len(values), 1, values.shape[2]))
        return values * kept


class MoodTask:
    """The task: how does a text sound?

    Args:
        prepared: What is learned.
        held_out: What is kept from it.
        recipe: How.
    """

    def __init__(self, prepared: Sequence[Prepared], held_out: Sequence[Prepared], recipe: Recipe) -> None:
        self._prepared = prepared
        self._held_out = list(_buckets(held_out, recipe.room))
        self._recipe = recipe

    def batches(self, chance: random.Random) -> list[list[Prepared]]:
        """All texts once, in random order, some of their pieces hidden."""
        parts = list(_buckets(self._prepared, self._recipe.room, chance))
        chance.shuffle(parts)
        noise = np.random.default_rng(chance.getrandbits(64))
        return [[_hidden(one, self._recipe.hidden_pieces, noise) for one in part] for part in parts]

    def loss(self, network: MoodNetwork, batch: Sequence[Prepared]) -> Tensor:
        """Cross entropy with what the texts sound like."""
        padded = together(batch, next(network.parameters()).device)
        return F.cross_entropy(network(padded), padded.targets, label_smoothing=self._recipe.smoothing)

    def pieces(self, batch: Sequence[Prepared]) -> int:
        """Pieces, padding left out."""
        return sum(len(one.pieces) for one in batch)

    @torch.inference_mode()
    def validate(self, network: MoodNetwork) -> float:
        """Mean cross entropy on what was kept from training."""
        network.eval()
        total = sum(float(self.loss(network, batch)) * len(batch) for batch in self._held_out)
        return total / max(1, sum(map(len, self._held_out)))

    def groups(self, network: MoodNetwork) -> list[dict[str, Any]]:
        """Weight decay for matrices, none for biases; embeddings that were trained before change more slowly."""
        own = [(name, part) for name, part in network.named_parameters() if not name.startswith("words.")]
        groups: list[dict[str, Any]] = [
            {"params": [part for _, part in own if part.dim() > 1]},
            {"params": [part for _, part in own if part.dim() <= 1], "weight_decay": 0.0},
        ]
        if network.words is not None:
            groups.append({"params": list(network.words.parameters()), "share": 0.25, "weight_decay": 0.0})
        return groups


@dataclass(frozen=True, slots=True)
class Taught:
    """What training made: ``weights`` of the head by name, ``words`` the embeddings where they were taught too, how the
    training ``outcome`` was, and what the votes of words count, ``share``, at a ``temperature`` of the network.
    """

    weights: Mapping[str, Floats]
    words: Floats | None
    outcome: Outcome
    share: float
    temperature: float


class MoodTrainer:
    """Trains mood heads on one base.

    Args:
        questions: Writes texts down as pieces.
        base: The weights of the base by name.
        seed: Of everything random here; PyTorch's own is set from it too.
    """

    def __init__(self, questions: QuestionReader, base: Mapping[str, Floats], *, seed: int) -> None:
        self._questions = questions
        self._base = base
        self._trunk = Trunk(base)
        self._seed = seed

    def fit(
        self, samples: Sequence[Sample], held_out: Sequence[Sample], recipe: Recipe, running: Running | None = None
    ) -> Taught:
        """A head for the moods of ``samples``.

        Args:
            samples: What is learned.
            held_out: What training is stopped by, and the votes are weighed by.
            recipe: How.
            running: Who is told, who may stop it.

        Raises:
            TrainingError: If there is nothing to learn from or nothing was held out, or all texts sound the same.
        """
        _check(samples, held_out)
        prepared, judged = self.prepare(samples), self.prepare(held_out)
        torch.manual_seed(self._seed)
        words = np.array(self._base["words.weight"], np.float32) if recipe.tuned else None
        width = prepared[0].states.shape[1]
        network = MoodNetwork(width, recipe.sizes, dropout=recipe.dropout, words=words)
        how = LoopPace(
            "mood", recipe.epochs, recipe.deadline, rate=recipe.rate, kept=recipe.kept, patience=recipe.patience
        )
        task = MoodTask(prepared, judged, recipe)
        outcome = Loop(network, task, how, running or Running(), seed=self._seed).run()
        weights = {name: np.asarray(values, np.float32) for name, values in weights_of(network).items()}
        taught = weights.pop("words.weight", None)
        targets = np.asarray([one.target for one in held_out], np.float32)
        deep = scores_of(network, judged, recipe.room)
        if not recipe.rows:
            temperature = _temperature(deep, targets)
            return Taught(_cooled(weights, temperature), taught, outcome, 0.0, temperature)
        votes, bias = fit_votes(samples, recipe.rows, recipe.decay)
        wide = _all_votes([buckets_of(one.text, recipe.rows) for one in held_out], votes) + bias
        share, temperature = blended(deep, wide, targets)
        weights = _cooled(weights, temperature)
        weights["moods.bias"] = weights["moods.bias"] + share * bias
        weights["votes"] = np.asarray(share * votes, np.float32)
        return Taught(weights, taught, outcome, share, temperature)

    def reader(self, taught: Taught) -> MoodReader:
        """What was taught, at work."""
        trunk = self._trunk
        if taught.words is not None:
            trunk = Retaught(self._base, taught.words)
        return MoodReader(taught.weights, self._questions, trunk)

    def prepare(self, samples: Sequence[Sample]) -> list[Prepared]:
        """Texts as the network is shown them, in their order."""
        pieces = pieces_of([one.text for one in samples], self._questions)
        found: dict[int, Prepared] = {}
        order = sorted(range(len(samples)), key=lambda at: len(pieces[at]))
        for start in range(0, len(order), _TOGETHER):
            rows = order[start : start + _TOGETHER]
            states = self._trunk.states([[ReadWord(piece, ()) for piece in pieces[row]] for row in rows])
            given = np.concatenate([states.embedded, states.values], axis=-1).astype(np.float16)
            for place, row in enumerate(rows):
                target = np.asarray(samples[row].target, np.float32)
                own = np.asarray(pieces[row], np.int64)
                found[row] = Prepared(given[place, : len(own)].copy(), own, target)
        return [found[row] for row in range(len(samples))]


class Retaught(Trunk):
    """The layers of a base beside embeddings that were taught on.

    Args:
        base: The weights of the base; its recurrent layers go on reading its own embeddings.
        words: The embeddings that were taught on, (rows, E).
    """

    def __init__(self, base: Mapping[str, Floats], words: Floats) -> None:
        super().__init__(base)
        self._taught = words

    def states(self, texts: Sequence[list[ReadWord]]) -> States:
        """Read texts."""
        states = super().states(texts)
        embedded = self._taught[states.rows] * np.float32(self._taught.shape[1] ** 0.5)
        return States(embedded, states.values, states.rows, states.mask)


def _check(samples: Sequence[Sample], held_out: Sequence[Sample]) -> None:
    if not samples or not held_out:
        raise TrainingError("moods are learned from texts and tried on others; both are needed, and one has none")
    for number, one in enumerate([*samples, *held_out], 1):
        if min(one.target) < 0 or abs(sum(one.target) - 1) > 1e-3:
            raise TrainingError(
                f"text {number} of the moods has the target {one.target}; three probabilities are needed, of "
                "displeased, neutral and pleased, that add up to 1"
            )
    if len({one.target for one in samples}) == 1:
        raise TrainingError("all texts sound the same, so there is nothing to tell apart; add some of another mood")


@torch.inference_mode()
def scores_of(network: MoodNetwork, prepared: Sequence[Prepared], room: int) -> Floats:
    """Scores of a network in the order of the texts. Shape: (texts, 3)."""
    network.eval()
    found = np.zeros((len(prepared), CLASSES), np.float32)
    places = {id(one): at for at, one in enumerate(prepared)}
    for batch in _buckets(prepared, room):
        found[[places[id(one)] for one in batch]] = network(together(batch)).numpy()
    return found


def fit_votes(samples: Sequence[Sample], rows: int, decay: float, *, steps: int = 60) -> tuple[Floats, Floats]:
    """What words and n-grams say: a logistic regression on their log-count ratios (Wang, Manning 2012).

    Args:
        samples: What is learned.
        rows: Rows that the hashed words share.
        decay: How strongly the weights are held at 0.
        steps: Of L-BFGS (Liu, Nocedal 1989).

    Returns:
        The votes (3, rows) and what is added to them (3,).
    """
    targets = np.asarray([one.target for one in samples], np.float32)
    buckets = [buckets_of(one.text, rows) for one in samples]
    counts = np.asarray([len(one) for one in buckets])
    columns = np.concatenate(buckets)
    ratios = np.zeros((CLASSES, rows), np.float32)
    for mood in range(CLASSES):
        own = targets[:, mood]
        with_, without = (1 + np.bincount(columns, np.repeat(share, counts), rows) for share in (own, 1 - own))
        ratios[mood] = np.log(with_ / with_.sum()) - np.log(without / without.sum())
    ratios[targets.sum(axis=0) == 0] = 0.0  # of a mood that no text has
    given = torch.from_numpy(columns)
    lengths = torch.from_numpy(np.repeat(1 / np.sqrt(np.maximum(counts, 1)), counts).astype(np.float32))
    starts = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)[:-1]]))
    scale = torch.from_numpy(ratios.T.copy())
    weights = torch.zeros(rows, CLASSES, requires_grad=True)
    bias = torch.zeros(CLASSES, requires_grad=True)
    wanted = torch.from_numpy(targets)
    solver = torch.optim.LBFGS([weights, bias], max_iter=steps, history_size=8, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        solver.zero_grad()
        scores = F.embedding_bag(given, scale * weights, starts, mode="sum", per_sample_weights=lengths) + bias
        loss = F.cross_entropy(scores, wanted, reduction="sum") + 0.5 * decay * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]
    votes = (scale * weights).detach().numpy().T
    return np.asarray(votes, np.float32), np.asarray(bias.detach().numpy(), np.float32)


def _all_votes(buckets: Sequence[Integers], votes: Floats) -> Floats:
    return np.stack([votes[:, rows].sum(axis=1) / max(1, len(rows)) ** 0.5 for rows in buckets])


def blended(deep: Floats, wide: Floats, targets: Floats) -> tuple[float, float]:
    """How much the votes count beside the network, and by what the network's scores are divided, (share, temperature).

    Both are those with the least cross entropy on texts that neither was taught. Shapes: (texts, 3).
    """
    _, share, temperature = min(
        (_surprise(deep / temperature + share * wide, targets), share, temperature)
        for share in _SHARES
        for temperature in _TEMPERATURES
    )
    return share, temperature


def _temperature(deep: Floats, targets: Floats) -> float:
    return min(_TEMPERATURES, key=lambda temperature: _surprise(deep / temperature, targets))


def _surprise(scores: Floats, targets: Floats) -> float:
    """Mean cross entropy in nats."""
    shifted = scores - scores.max(axis=1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True) + _LEAST)
    return float(-(targets * logs).sum(axis=1).mean())


def _cooled(weights: Mapping[str, Floats], temperature: float) -> dict[str, Floats]:
    """The same head with its scores divided by a temperature (Guo et al. 2017)."""
    last = {name: np.asarray(weights[name] / temperature, np.float32) for name in ("moods.weight", "moods.bias")}
    return {**weights, **last}


def together(texts: Sequence[Prepared], device: torch.device | str = "cpu") -> Batch:
    """Texts as padded tensors."""
    return Batch(
        _padded([one.states for one in texts]).to(device).float(),
        _padded([one.pieces for one in texts]).to(device),
        torch.tensor([len(one.pieces) for one in texts], device=device),
        torch.from_numpy(np.stack([one.target for one in texts])).to(device),
    )


def _padded(rows: Iterable[NDArray[Any]]) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.from_numpy(row) for row in rows], batch_first=True)


def _hidden(one: Prepared, share: float, noise: np.random.Generator) -> Prepared:
    """A text of which some pieces cannot be seen; one piece is always left."""
    kept = noise.random(len(one.pieces)) >= share
    if kept.all() or not kept.any():
        return one
    return Prepared(one.states[kept], one.pieces[kept], one.target)


def _buckets(texts: Sequence[Prepared], room: int, chance: random.Random | None = None) -> Iterator[list[Prepared]]:
    return buckets(texts, room, lambda text: len(text.pieces), chance)
