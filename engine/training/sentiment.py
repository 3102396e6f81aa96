"""Training the mood head: how pleased a text sounds, on the states of the base.

The base stays as it is and reads every text once, before training; what is trained are small networks over its states,
with copies of its embeddings where ``Recipe.tuned`` says so. Their inputs are pushed towards the wrong answer while
they learn (Miyato et al. 2017: adversarial training), so that the few words of a small set are not learned by heart.
Several networks are laid side by side in one head, which gives the mean of their scores; words and n-grams vote beside
them.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from engine.errors import TrainingError
from engine.seq2seq.encoder import reversal, take
from engine.training.joined import joined
from engine.training.loop import Loop, Outcome
from engine.training.loop import Pace as LoopPace
from engine.training.running import Running
from engine.training.steps import buckets, weights_of
from engine.training.votes import Blend, Votes, blended, cooled, fit_votes
from engine.understand.mood import CLASSES, MoodReader, buckets_of, pieces_of
from engine.understand.network import AttentionPooling
from engine.understand.reader import QuestionReader
from engine.understand.sentence import States, Trunk
from engine.understand.words import Integers, ReadWord

Floats = NDArray[np.float32]
Halves = NDArray[np.float16]

DISPLEASED, UNMOVED, PLEASED = (1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)
_TOGETHER = 64  # texts that the base reads side by side
_EMBEDDINGS_SHARE = 0.125  # of the learning rate


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
    """How a mood head is taught. ``deadline`` is a time of ``time.monotonic``, for all networks together.

    ``networks`` is how many are taught and laid side by side, ``tuned`` whether each teaches a copy of the embeddings
    too; ``pushed`` how far a text is pushed towards the wrong answer, where a piece is about 16 long, 0 for not at all;
    ``hidden_pieces`` the share of pieces that are hidden in training. ``rows`` are those of the votes of words, 0 for
    none, and ``decays`` what may hold them down: what was kept from training decides. ``room`` is how many pieces a
    batch has, padding included.
    """

    epochs: int
    deadline: float
    patience: int = 3
    sizes: Sizes = Sizes()
    networks: int = 1
    tuned: bool = True
    pushed: float = 5.0
    dropout: float = 0.4
    hidden_pieces: float = 0.1
    smoothing: float = 0.0
    rows: int = 1 << 18
    decays: tuple[float, ...] = (1.0, 0.3, 0.1)
    room: int = 1024
    rate: float = 2e-3
    kept: float = 0.98


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
        width: Of what the base makes of a piece, D; embedding first, then both directions. What is pushed in training
            is the embedding where it is taught, else all of it.
        sizes: The sizes.
        dropout: On what is read, on states and on the pooled text.
        words: Embeddings to be taught too; none leaves the base as it is.
    """

    def __init__(
        self, width: int, sizes: Sizes | None = None, *, dropout: float = 0.4, words: Floats | None = None
    ) -> None:
        super().__init__()
        sizes = Sizes() if sizes is None else sizes
        self.embedding = width if words is None else words.shape[1]
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
        return self.scores(self.given(batch), batch.lengths)

    def given(self, batch: Batch) -> Tensor:
        """What is read of a text: embeddings, its own where they are taught, and states. Shape: (B, S, D)."""
        if self.words is None:
            return batch.states
        width = self.words.embedding_dim
        return torch.cat([self.words(batch.pieces) * width**0.5, batch.states[..., width:]], dim=-1)

    def scores(self, given: Tensor, lengths: Tensor) -> Tensor:
        """Scores of what is read. Shape: (B, S, D) to (B, 3)."""
        seen = self._dropped(self.seen(self._dropped(given)).tanh())
        turned = reversal(lengths, seen.shape[1])
        onward, _ = self.onward(seen)
        backward, _ = self.backward_(take(seen, turned))
        values = self._dropped(torch.cat([onward, take(backward, turned), seen], dim=-1))
        mask = torch.arange(seen.shape[1], device=seen.device) < lengths[:, None]
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
        self._held_out = held_out
        self._recipe = recipe

    def batches(self, chance: random.Random) -> list[list[Prepared]]:
        """All texts once, in random order, some of their pieces hidden."""
        parts = list(_buckets(self._prepared, self._recipe.room, chance))
        chance.shuffle(parts)
        noise = np.random.default_rng(chance.getrandbits(64))
        return [[_hidden(one, self._recipe.hidden_pieces, noise) for one in part] for part in parts]

    def loss(self, network: MoodNetwork, batch: Sequence[Prepared]) -> Tensor:
        """Cross entropy with what the texts sound like, as they are and pushed towards the wrong answer."""
        padded = together(batch, next(network.parameters()).device)
        given = network.given(padded)
        if not self._recipe.pushed or not network.training:
            return self._missed(network, given, padded)
        given = given if given.requires_grad else given.requires_grad_()
        loss = self._missed(network, given, padded)
        towards = torch.autograd.grad(loss, given, retain_graph=True)[0]
        towards[..., network.embedding :] = 0.0
        shift = self._recipe.pushed * F.normalize(towards.flatten(1), dim=1).view_as(given)
        return (loss + self._missed(network, given + shift, padded)) / 2

    def _missed(self, network: MoodNetwork, given: Tensor, batch: Batch) -> Tensor:
        scores = network.scores(given, batch.lengths)
        return F.cross_entropy(scores, batch.targets, label_smoothing=self._recipe.smoothing)

    def pieces(self, batch: Sequence[Prepared]) -> int:
        """Pieces, padding left out."""
        return sum(len(one.pieces) for one in batch)

    def validate(self, network: MoodNetwork) -> float:
        """Mean cross entropy on what was kept from training, at the temperature that is best there.

        Without the temperature training would end where the network begins to be too sure, long before it is at its
        best.
        """
        return cooled(scores_of(network, self._held_out, self._recipe.room), targets_of(self._held_out)).surprise

    def groups(self, network: MoodNetwork) -> list[dict[str, Any]]:
        """Weight decay for matrices, none for biases; embeddings that were trained before change more slowly."""
        own = [(name, part) for name, part in network.named_parameters() if not name.startswith("words.")]
        groups: list[dict[str, Any]] = [
            {"params": [part for _, part in own if part.dim() > 1]},
            {"params": [part for _, part in own if part.dim() <= 1], "weight_decay": 0.0},
        ]
        if network.words is not None:
            groups.append({"params": list(network.words.parameters()), "share": _EMBEDDINGS_SHARE, "weight_decay": 0.0})
        return groups


@dataclass(frozen=True, slots=True)
class Taught:
    """What training made: ``weights`` of the head by name, ``words`` the embeddings of its networks side by side where
    they were taught too, ``outcomes`` how the training of each network was, and what the votes of words count,
    ``share``, at a ``temperature`` of the networks.
    """

    weights: Mapping[str, Floats]
    words: Floats | None
    outcomes: tuple[Outcome, ...]
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
        self._width = base["words.weight"].shape[1] + 2 * base["onward.weight_hh_l0"].shape[1]
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
        running = Running() if running is None else running
        prepared, judged = self.prepare(samples), self.prepare(held_out)
        known = np.unique(np.concatenate([one.pieces for one in (*prepared, *judged)]))
        prepared, judged = _renumbered(prepared, known), _renumbered(judged, known)
        task = MoodTask(prepared, judged, recipe)
        taught = [self._teach(task, recipe, known, running, number) for number in range(recipe.networks)]
        networks = [network for network, _ in taught]
        words = self._words(networks, known) if recipe.tuned else None
        weights = joined([_head(network) for network in networks], networks[0].embedding if recipe.tuned else 0)
        deep = np.mean([scores_of(network, judged, recipe.room) for network in networks], axis=0)
        votes, blend = _weighed(deep, samples, held_out, recipe)
        weights = _cooled(weights, blend.temperature)
        if votes is not None:
            weights["moods.bias"] = weights["moods.bias"] + blend.share * votes.bias
            weights["votes"] = np.asarray(blend.share * votes.weights, np.float32)
        return Taught(weights, words, tuple(outcome for _, outcome in taught), blend.share, blend.temperature)

    def _teach(
        self, task: MoodTask, recipe: Recipe, known: Integers, running: Running, number: int
    ) -> tuple[MoodNetwork, Outcome]:
        """One of the networks, which has an equal part of the time that is left."""
        seed = self._seed + number
        torch.manual_seed(seed)
        words = np.array(self._base["words.weight"][known], np.float32) if recipe.tuned else None
        network = MoodNetwork(self._width, recipe.sizes, dropout=recipe.dropout, words=words)
        now = time.monotonic()
        deadline = now + max(0.0, recipe.deadline - now) / (recipe.networks - number)
        how = LoopPace("mood", recipe.epochs, deadline, rate=recipe.rate, kept=recipe.kept, patience=recipe.patience)
        outcome = Loop(network, task, how, replace(running, turn=running.turn + number), seed=seed).run()
        return network, outcome

    def _words(self, networks: Sequence[MoodNetwork], known: Integers) -> Floats:
        """The embeddings of all networks side by side; pieces that no text has are as they were."""
        tables = []
        for network in networks:
            table = np.array(self._base["words.weight"], np.float32)
            if network.words is not None:
                table[known] = network.words.weight.detach().numpy()
            tables.append(table)
        return np.concatenate(tables, axis=1)

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
        words: The embeddings that were taught on, of several networks side by side, (rows, networks · E).
    """

    def __init__(self, base: Mapping[str, Floats], words: Floats) -> None:
        super().__init__(base)
        self._taught = words * np.float32(base["words.weight"].shape[1] ** 0.5)

    def states(self, texts: Sequence[list[ReadWord]]) -> States:
        """Read texts."""
        states = super().states(texts)
        return States(self._taught[states.rows], states.values, states.rows, states.mask)


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
    device = next(network.parameters()).device
    found = np.zeros((len(prepared), CLASSES), np.float32)
    places = {id(one): at for at, one in enumerate(prepared)}
    for batch in _buckets(prepared, room):
        found[[places[id(one)] for one in batch]] = network(together(batch, device)).cpu().numpy()
    return found


def targets_of(texts: Sequence[Prepared]) -> Floats:
    """What texts sound like. Shape: (texts, 3)."""
    return np.stack([one.target for one in texts])


def _weighed(
    deep: Floats, samples: Sequence[Sample], held_out: Sequence[Sample], recipe: Recipe
) -> tuple[Votes | None, Blend]:
    """The votes that help the networks most on what was kept from training, taught on all there is in the end."""
    wanted = _targets(held_out)
    if not recipe.rows:
        return None, cooled(deep, wanted)
    buckets = [buckets_of(one.text, recipe.rows) for one in held_out]
    tried = []
    for decay in recipe.decays:
        votes = fit_votes([one.text for one in samples], _targets(samples), recipe.rows, decay)
        tried.append((blended(deep, votes.of(buckets), wanted), decay))
    blend, decay = min(tried, key=lambda one: one[0].surprise)
    every = [*samples, *held_out]
    return fit_votes([one.text for one in every], _targets(every), recipe.rows, decay), blend


def _targets(samples: Sequence[Sample]) -> Floats:
    return np.asarray([one.target for one in samples], np.float32)


def _head(network: MoodNetwork) -> dict[str, Floats]:
    """Weights of a network, without embeddings."""
    every = weights_of(network)
    return {name: np.asarray(values, np.float32) for name, values in every.items() if name != "words.weight"}


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


def _renumbered(texts: Sequence[Prepared], known: Integers) -> list[Prepared]:
    """Texts with their pieces as places among those that occur: only these are taught, which is much less to move."""
    return [replace(one, pieces=np.searchsorted(known, one.pieces)) for one in texts]


def _hidden(one: Prepared, share: float, noise: np.random.Generator) -> Prepared:
    """A text of which some pieces cannot be seen; one piece is always left."""
    kept = noise.random(len(one.pieces)) >= share
    if kept.all() or not kept.any():
        return one
    return Prepared(one.states[kept], one.pieces[kept], one.target)


def _buckets(texts: Sequence[Prepared], room: int, chance: random.Random | None = None) -> Iterator[list[Prepared]]:
    return buckets(texts, room, lambda text: len(text.pieces), chance)
