"""Question to answer on banking77: a generator that reads the question alone, and composing from the chosen entry.

    python benchmarks/answers.py --data FOLDER [--minutes 15] [--rows generator,engine] [--recipe JSON] [--seed 1]
                                 [--json FILE]

Every intent has one invented answer, in ``answers/banking77.csv``. A tenth of ``train.csv`` is held out by seed and
measured, ``dev.csv`` is what may be looked at: the weight of a vote is fitted there. Two networks learn the rest. One
is a network of this file: it starts from the base, reads the question, chooses an intent and writes its answer, both in
one training (``Recipe``). The other is the product's own engine, which chooses, and its composer, which writes from the
question and the chosen entry. At last the generator votes on what the engine chose.

Answers are written as templates, so a written one is either that of the true intent (exact), that of another one
(wrong, and nothing in it shows that), or no answer that anybody wrote (mixed).
"""

from __future__ import annotations

import argparse
import json
import math
import random
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks.datasets import DataError, Folders, Pairs, Stored, hold_out, pairs, rows
from benchmarks.measures import auroc, coverage
from benchmarks.peers import Attendant, Terms, entries_of
from engine.errors import TrainingError
from engine.faithfulness import review
from engine.knowledge.entries import Knowledge
from engine.knowledge.template import template
from engine.memory import WorkingMemory
from engine.ports import Context
from engine.respond import Engine
from engine.seq2seq.decode import Hypothesis, greedy
from engine.seq2seq.encoder import Encoded, Encoder
from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise, pad
from engine.text.tokenise import PieceTokenizer
from engine.training.data import TrainingData
from engine.training.loop import Loop
from engine.training.loop import Pace as LoopPace
from engine.training.noise import Noise
from engine.training.options import TrainingOptions
from engine.training.running import Running
from engine.training.smoothed import smoothed
from engine.training.start import Start
from engine.understand.network import AttentionPooling, EncoderSizes, SentenceEncoder
from engine.understand.sentence import SHARPNESS
from engine.understand.slots import SlotFinder
from engine.understand.words import UNKNOWN

ROWS = ("generator", "engine")
BRIDGES = ("pooled", "states", "chosen")
ANSWERS = Path(__file__).parent / "answers" / "banking77.csv"
_HELD_OUT = 0.1
_PIECES = 1500
_SIDE_BY_SIDE = 64
_POOL = 10  # batches whose questions are sorted by length together
_MASKED = 0.12  # share of pieces that are hidden in training
_TEMPERATURE = 0.15  # of the contrast
_ROOM = 10  # pieces that a text may have more than the longest answer
_VOTERS = 5  # candidates of the engine that the generator votes on
_SAME = {
    "embedding": "words", "salience": "salience", "forward_lstm": "onward", "backward_lstm": "backward_",
    "pooling": "pooling", "vector": "vector",
}  # fmt: skip
"""Parts of ``Reading``, and what a sentence encoder calls them."""
_NEW = ("encoder.head", "encoder.words")
_WEIGHTS = np.arange(0.0, 1.0001, 0.02)
WIDTH, FIRST = 10, 26

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
"""Places of intents in their order."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What the generator is and how it is taught.

    ``base``: it starts from the base, else from nothing. ``tuned``: the recurrent layers of the base are trained too.
    ``bridge`` is what the decoder starts from: the last ``states`` of the encoder, the ``pooled`` question, or what is
    ``chosen``, which is the pooled question with the probabilities of the intents beside it.
    ``weight`` is that of choosing an intent beside writing, ``written`` the share of every batch that is written too,
    ``smoothing`` the share that all pieces get alike, ``chosen_smoothing`` the same of the intents, ``gentle`` the
    share of the learning rate for what the base knows, ``contrast`` the weight of drawing questions of one intent
    together.
    """

    base: bool = True
    tuned: bool = False
    bridge: str = "chosen"
    weight: float = 1.0
    contrast: float = 0.5
    written: float = 1.0
    decoder: int = 256
    embedding: int = 128
    dropout: float = 0.3
    embedding_dropout: float = 0.1
    smoothing: float = 0.0
    chosen_smoothing: float = 0.1
    batch: int = 64
    epochs: int = 6
    rate: float = 3e-3
    gentle: float = 1 / 3

    def __post_init__(self) -> None:
        if self.bridge not in BRIDGES:
            raise ValueError(f"bridge is {' or '.join(BRIDGES)}, not {self.bridge!r}")
        if not 0 < self.written <= 1:
            raise ValueError(f"written is a share above 0, not {self.written}")


@dataclass(frozen=True, slots=True)
class Task:
    """Intents in a fixed order with their answers, and questions with their intents.

    ``outside`` are questions that no intent covers.
    """

    intents: tuple[str, ...]
    answers: tuple[str, ...]
    learned: Pairs
    looked_at: Pairs
    measured: Pairs
    outside: tuple[str, ...]

    @property
    def forms(self) -> list[str]:
        """The answers as they are written, with placeholders."""
        return [template(answer).text for answer in self.answers]

    def places(self, asked: Pairs) -> Places:
        """The places of the intents of some questions, (Q,)."""
        at = {intent: place for place, intent in enumerate(self.intents)}
        return np.array([at[intent] for _, intent in asked])


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table; shares in [0, 1], None where there is no such figure.

    ``exact``, ``wrong`` and ``mixed`` add up to 1. ``sure`` is the AUROC of the confidence between what is exact and
    what is not, ``outside`` that between questions in scope and out of it, ``coverage`` the share that can be answered
    with 2 % wrong, ``seconds`` the CPU time of the training.
    """

    name: str
    exact: float
    wrong: float
    mixed: float | None = None
    sure: float | None = None
    outside: float | None = None
    coverage: float | None = None
    seconds: float | None = None

    def line(self) -> str:
        """The row as it is printed."""
        shares = (self.exact, self.wrong, self.mixed)
        cells = [f"{'' if one is None else format(one, '.1%'):>{WIDTH}}" for one in shares]
        cells += [f"{'' if one is None else format(one, '.3f'):>{WIDTH}}" for one in (self.sure, self.outside)]
        cells.append(f"{'' if self.coverage is None else format(self.coverage, '.1%'):>{WIDTH}}")
        cells.append(f"{'' if self.seconds is None else format(self.seconds, '.0f'):>{WIDTH}}")
        return f"{self.name:<{FIRST}}{''.join(cells)}".rstrip()


HEADS = (
    ("exact", ""), ("fluent,", "wrong"), ("mixed", ""), ("AUROC", "right"), ("AUROC", "outside"),
    ("coverage", "2% wrong"), ("training", "CPU s"),
)  # fmt: skip


def main() -> int:
    """Measure; 1 where something cannot be measured, 2 for wrong arguments."""
    parser = _parser()
    options = parser.parse_args()
    wanted = [name.strip() for name in options.rows.split(",") if name.strip()]
    if unknown := [name for name in wanted if name not in ROWS]:
        parser.error(f"{', '.join(unknown)} is none of {', '.join(ROWS)}")
    try:
        found = measure(options, wanted or ROWS)
    except (DataError, TrainingError, OSError) as error:
        print(f"answers: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds banking77/ and clinc150/")
    parser.add_argument("--minutes", type=_minutes, default=15.0, help="bound of each training, wall clock; 15")
    parser.add_argument("--rows", default="", help=f"by comma, all by default: {', '.join(ROWS)}")
    parser.add_argument("--recipe", type=_recipe, default=Recipe(), help="what differs of the generator, as JSON")
    parser.add_argument("--seed", type=int, default=1, help="of the split and of both trainings")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    return parser


def _recipe(text: str) -> Recipe:
    try:
        return Recipe(**json.loads(text))
    except (TypeError, ValueError) as error:
        names = ", ".join(part.name for part in fields(Recipe))
        raise argparse.ArgumentTypeError(f"{error}; it is a JSON object of {names}") from error


def _minutes(text: str) -> float:
    if not text.replace(".", "", 1).isdecimal() or float(text) == 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of minutes")
    return float(text)


def read(folders: Folders, seed: int) -> Task:
    """Questions and answers.

    Raises:
        DataError: If a file is missing or wrong, or an intent of the questions has no answer.
    """
    answers = dict(rows(ANSWERS, "intent", "answer"))
    learned, measured = hold_out(pairs(folders.need("banking77/train.csv"), "text", "category"), _HELD_OUT, seed)
    looked_at = pairs(folders.need("banking77/dev.csv"), "text", "category")
    lacking = sorted({intent for _, intent in (*learned, *measured, *looked_at)} - set(answers))
    if lacking:
        raise DataError(f"{ANSWERS}: no answer for {', '.join(lacking[:3])}; every intent needs one")
    intents = tuple(sorted({intent for _, intent in learned}))
    known = set(intents)
    parts = ("oos_train", "oos_val")
    outside = [text for part in parts for text, _ in pairs(folders.need(f"clinc150/{part}.csv"), "text", "intent")]
    inside = ([one for one in part if one[1] in known] for part in (looked_at, measured))
    return Task(intents, tuple(answers[intent] for intent in intents), learned, *inside, tuple(outside))


def measure(options: argparse.Namespace, wanted: Sequence[str]) -> dict[str, Any]:
    """Train and ask; each row is printed as it is found."""
    torch.set_num_threads(1)
    task = read(Folders([options.data]), options.seed)
    print(f"banking77: {len(task.intents)} answers; {len(task.learned):,} questions learned from, "
          f"{len(task.measured):,} measured, {len(task.outside)} out of scope")  # fmt: skip
    for line in (0, 1):
        print(f"{'':<{FIRST}}{''.join(f'{head[line]:>{WIDTH}}' for head in HEADS)}".rstrip(), flush=True)
    found: dict[str, Any] = {"recipe": asdict(options.recipe), "seed": options.seed, "rows": []}

    def tell(row: Row) -> None:
        print(row.line(), flush=True)
        found["rows"].append(asdict(row))

    writer = None
    if "generator" in wanted:
        writer = taught(task, options.recipe, options.minutes, options.seed)
        table, found["generator"] = alone(task, writer)
        for row in table:
            tell(row)
        print(f"{'':<4}{', '.join(f'{name} {value:.3f}' for name, value in found['generator'].items())}", flush=True)
    if "engine" in wanted:
        with tempfile.TemporaryDirectory(prefix="attendant-benchmark-") as folder:
            chosen = choose(task, Path(folder), options.minutes, options.seed)
            table, found["own words"] = composed(task, chosen)
            for row in table:
                tell(row)
            print(f"{'':<4}said in the entry's own words: {found['own words']:.1%}", flush=True)
            if writer is not None:
                row, weight = voted(task, chosen, writer)
                tell(row)
                found["vote"] = weight
                print(f"{'':<4}weight of the vote, fitted on dev.csv: {weight:.2f}", flush=True)
    return found


class Reading(Encoder):
    """The states of a question, and what is pooled from them in the place of the last states.

    Args:
        sizes: Those of the sentence encoder that it is like.
        recipe: How the decoder begins, and what is dropped.
        intents: How many there are, L.
    """

    def __init__(self, sizes: EncoderSizes, recipe: Recipe, intents: int) -> None:
        super().__init__(nn.Embedding(sizes.words, sizes.embedding), sizes.hidden, recipe.embedding_dropout)
        self.salience = nn.Embedding(sizes.words, 1)
        self.pooling = AttentionPooling(2 * sizes.hidden, sizes.heads)
        self.vector = nn.Linear(sizes.pooled, sizes.vector)
        self.words = nn.Linear(sizes.embedding, recipe.embedding)
        self.states_dropout = nn.Dropout(recipe.dropout)
        self.head = nn.Linear(sizes.vector, intents)
        self.bridge = recipe.bridge

    def forward(self, pieces: Tensor, lengths: Tensor) -> Encoded:
        """Read; pool by attention, maximum and the mean of the embeddings.

        Shape:
            pieces: (B, S)
            lengths: (B,)
            returns: ``last`` begins with the pooled vector (B, V), behind it is what else the decoder begins with;
                ``embedded`` is as wide as the pieces of answers
        """
        read = super().forward(pieces, lengths)
        values = self.states_dropout(read.values)
        salience = self.salience(pieces).masked_fill(~read.mask[..., None], float("-inf")).softmax(dim=1)
        mean = (self.dropout(self.embedding(pieces) * self.scale) * salience).sum(dim=1)
        pooled = self.vector(torch.cat([self.pooling(values, read.mask), mean], dim=-1))
        vector = F.normalize(pooled, dim=1) * float(SHARPNESS)
        beside = {"pooled": vector[:, :0], "states": read.last, "chosen": self.head(vector).softmax(dim=1)}
        words = self.words(read.embedded / self.scale)
        return Encoded(values, read.mask, torch.cat([vector, beside[self.bridge]], dim=-1), words)


class Behind(nn.Module):
    """A layer over all but the first of what it is given. Shape: (B, first + size) to (B, width)."""

    def __init__(self, first: int, size: int, width: int) -> None:
        super().__init__()
        self.first = first
        self.layer = nn.Linear(size, width)

    def forward(self, values: Tensor) -> Tensor:
        found: Tensor = self.layer(values[:, self.first :])
        return found


class Answering(Seq2Seq):
    """Reads a question in the pieces of the base, writes its answer in pieces of its own, and chooses an intent.

    Args:
        sizes: Those of the sentence encoder that it is like.
        recipe: All other sizes.
        pieces: How many pieces answers are made of.
        shortlist: Those that may be written.
        intents: How many there are, L.
    """

    def __init__(self, sizes: EncoderSizes, recipe: Recipe, pieces: int, shortlist: Tensor, intents: int) -> None:
        own = ModelSizes(pieces, recipe.embedding, sizes.hidden, recipe.decoder)
        super().__init__(own, shortlist, dropout=recipe.dropout)
        self.encoder = Reading(sizes, recipe, intents)
        width = 2 * recipe.decoder
        self.decoder.bridge = {
            "pooled": lambda: nn.Linear(sizes.vector, width),
            "states": lambda: Behind(sizes.vector, 2 * sizes.hidden, width),
            "chosen": lambda: nn.Linear(sizes.vector + intents, width),
        }[recipe.bridge]()

    def scores(self, encoded: Encoded) -> Tensor:
        """Scores of the intents. Shape: (B, L)."""
        head = self.encoder.head
        found: Tensor = head(encoded.last[:, : head.in_features])
        return found


@dataclass(frozen=True, slots=True)
class Paper:
    """What answers are written on: their pieces, and each as pieces with the end mark."""

    tokenizer: PieceTokenizer
    targets: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, forms: Sequence[str]) -> Paper:
        """Pieces of these answers alone."""
        tokenizer = PieceTokenizer.train(forms, size=_PIECES)
        return cls(tokenizer, tuple((*pieces, tokenizer.end) for pieces in tokenizer.encode_all(forms)))

    @property
    def shortlist(self) -> Tensor:
        """The pieces that occur."""
        return torch.tensor(sorted({piece for target in self.targets for piece in target}))

    def forced(
        self, network: Answering, encoded: Encoded, targets: Sequence[tuple[int, ...]]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Let the decoder read the true pieces so far.

        Shape:
            returns: what the output sees (N, E), which of the short list is true there (N,), both where a real piece
                stands: (B, T)
        """
        decoder = network.decoder
        target, lengths = pad([list(pieces) for pieces in targets], padding=self.tokenizer.pad)
        begin = torch.full((len(targets), 1), self.tokenizer.begin)
        keys = decoder.prepare(encoded)
        states, _, _ = decoder.read(torch.cat([begin, target[:, :-1]], 1), decoder.begin(encoded.last), keys)
        real = torch.arange(target.shape[1]) < lengths[:, None]
        return states[real], decoder.places[target[real]], real


Shown = tuple[list[int], int]
"""Pieces of a question, and the place of its intent."""


class Lesson:
    """The task of the loop: which intent does a question have, and what is its answer, piece by piece.

    Args:
        asked: Questions with the places of their intents.
        start: Reads questions.
        paper: The answers.
        recipe: How.
    """

    def __init__(self, asked: Sequence[tuple[str, int]], start: Start, paper: Paper, recipe: Recipe) -> None:
        self._asked = asked
        self._start = start
        self._paper = paper
        self._recipe = recipe

    def batches(self, chance: random.Random) -> list[list[Shown]]:
        """One epoch: fresh noise, hidden pieces, and batches of questions of like length in random order."""
        order, size = list(self._asked), self._recipe.batch
        chance.shuffle(order)
        noise = Noise(chance, ())
        read = self._start.questions.all_pieces([noise.question(text) for text, _ in order])
        shown = [
            ([UNKNOWN if chance.random() < _MASKED else piece for piece in one], place)
            for one, (_, place) in zip(read, order, strict=True)
        ]
        found: list[list[Shown]] = []
        for at in range(0, len(shown), size * _POOL):
            pool = sorted(shown[at : at + size * _POOL], key=lambda one: len(one[0]))
            found.extend(pool[first : first + size] for first in range(0, len(pool), size))
        for batch in found:
            chance.shuffle(batch)  # the first of a batch are written, whatever their length
        chance.shuffle(found)
        return found

    def loss(self, network: Answering, batch: Sequence[Shown]) -> Tensor:
        """Surprise at the pieces of the answers, and at the intents."""
        recipe, decoder = self._recipe, network.decoder
        encoded = network.encoder(*pad([read for read, _ in batch]))
        places = torch.tensor([place for _, place in batch])
        chosen = F.cross_entropy(network.scores(encoded), places, label_smoothing=recipe.chosen_smoothing)
        count = math.ceil(recipe.written * len(batch))
        some = Encoded(encoded.values[:count], encoded.mask[:count], encoded.last[:count], encoded.embedded[:count])
        states, true, _ = self._paper.forced(network, some, [self._paper.targets[place] for _, place in batch[:count]])
        table = decoder.embedding.weight
        written = smoothed(states, table, decoder.bias, decoder.shortlist, true, recipe.smoothing)
        if recipe.contrast:
            chosen = chosen + recipe.contrast * contrast(encoded.last[:, : network.encoder.head.in_features], places)
        return written + recipe.weight * chosen

    def pieces(self, batch: Sequence[Shown]) -> int:
        """Pieces of questions."""
        return sum(len(read) for read, _ in batch)

    def validate(self, network: Answering) -> float:
        """Nothing is looked at: the last average is kept."""
        del network
        return 0.0

    def groups(self, network: Answering) -> list[dict[str, Any]]:
        """What the base knows learns gently; weight decay for matrices that are no embeddings."""
        named = [(name, part) for name, part in network.named_parameters() if part.requires_grad]
        known = [part for name, part in named if self._knows(name)]
        own = [(name, part) for name, part in named if not self._knows(name)]
        decayed = [part for name, part in own if part.dim() > 1 and "embedding" not in name]
        rest = [part for name, part in own if part.dim() <= 1 or "embedding" in name]
        return [
            {"params": known, "share": self._recipe.gentle},
            {"params": decayed},
            {"params": rest, "weight_decay": 0.0},
        ]

    def _knows(self, name: str) -> bool:
        """Whether a weight comes from the base."""
        return self._recipe.base and name.startswith("encoder.") and not name.startswith(_NEW)


def contrast(vectors: Tensor, places: Tensor) -> Tensor:
    """Supervised contrast over a batch (Khosla et al. 2020); 0 where no two questions have the same intent.

    Shape:
        vectors: (B, V), all of the length ``SHARPNESS``
        places: (B,)
    """
    itself = torch.eye(len(places), dtype=torch.bool)
    same = (places[:, None] == places[None]) & ~itself
    with_other = same.any(dim=1)
    alike = vectors @ vectors.T / (float(SHARPNESS) ** 2 * _TEMPERATURE)
    chances = alike.masked_fill(itself, float("-inf")).log_softmax(dim=1).masked_fill(~same, 0.0)
    each = chances.sum(dim=1)[with_other] / same.sum(dim=1)[with_other]
    return -each.mean() if len(each) else vectors.sum() * 0.0


@dataclass(frozen=True, slots=True)
class Writer:
    """A generator that was taught, in ``seconds`` of CPU time: reads questions, writes answers."""

    network: Answering
    start: Start
    paper: Paper
    seconds: float

    def write(self, texts: Sequence[str]) -> tuple[list[Hypothesis], Floats]:
        """What it writes greedily for each text, and its probabilities of all intents (Q, L)."""
        hypotheses: list[Hypothesis] = []
        chances: list[Floats] = []
        marks, limit = self.paper.tokenizer, max(map(len, self.paper.targets)) + _ROOM
        with torch.inference_mode():
            for encoded in self._encoded(texts):
                hypotheses += greedy(self.network, encoded, begin=marks.begin, end=marks.end, limit=limit)
                chances.append(self.network.scores(encoded).softmax(dim=1).double().numpy())
        return hypotheses, np.concatenate(chances)

    def worth(self, texts: Sequence[str], places: Places) -> Floats:
        """Log-probabilities of the answers at some places for each text. Shape: (Q, K) to (Q, K)."""
        found: list[Floats] = []
        with torch.inference_mode():
            for at, encoded in enumerate(self._encoded(texts)):
                part = places[at * _SIDE_BY_SIDE : (at + 1) * _SIDE_BY_SIDE]
                columns = [self._worth(encoded, [self.paper.targets[place] for place in column]) for column in part.T]
                found.append(torch.stack(columns, dim=1).double().numpy())
        return np.concatenate(found)

    def _encoded(self, texts: Sequence[str]) -> Iterator[Encoded]:
        read = self.start.questions.all_pieces(texts)
        for at in range(0, len(read), _SIDE_BY_SIDE):
            yield self.network.encoder(*pad(read[at : at + _SIDE_BY_SIDE]))

    def _worth(self, encoded: Encoded, targets: Sequence[tuple[int, ...]]) -> Tensor:
        states, places, real = self.paper.forced(self.network, encoded, targets)
        decoder = self.network.decoder
        scores = F.linear(states, decoder.embedding.weight[decoder.shortlist], decoder.bias).log_softmax(dim=-1)
        worth = scores.new_zeros(real.shape)
        worth[real] = scores.gather(1, places[:, None])[:, 0]
        return worth.sum(dim=1)


def taught(task: Task, recipe: Recipe, minutes: float, seed: int) -> Writer:
    """Teach a generator what the task has to learn.

    Raises:
        TrainingError: If the loss stops being a number.
    """
    began = time.process_time()
    torch.manual_seed(seed)
    paper = Paper.of(task.forms)
    texts, labels = zip(*task.learned, strict=True)
    entries = sorted(entries_of(Stored(texts, labels)), key=lambda entry: entry.id)
    knowledge = Knowledge(tuple(entries))
    start = Start.of(TrainingData(knowledge), TrainingOptions(seed=seed, threads=1, locales=("en",)))
    asked = list(zip(texts, task.places(task.learned).tolist(), strict=True))
    sentence = start.network(start.reader(texts, SlotFinder({})), knowledge, asked)
    network = initialise(Answering(sentence.sizes, recipe, paper.tokenizer.size, paper.shortlist, len(task.intents)))
    if recipe.base:
        lay_base(network, sentence, tuned=recipe.tuned)
    pace = LoopPace("answers", recipe.epochs, time.monotonic() + 60 * minutes, rate=recipe.rate)
    outcome = Loop(network, Lesson(asked, start, paper, recipe), pace, Running(), seed=seed).run()
    if outcome.epochs < recipe.epochs:
        print(f"answers: {outcome.epochs} of {recipe.epochs} epochs in {minutes:g} minutes", file=sys.stderr)
    return Writer(network.eval(), start, paper, time.process_time() - began)


def lay_base(network: Answering, sentence: SentenceEncoder, *, tuned: bool) -> None:
    """Put the weights of a sentence encoder where they belong; embeddings stay, the layers unless they are tuned."""
    for own, other in _SAME.items():
        getattr(network.encoder, own).load_state_dict(getattr(sentence, other).state_dict())
    network.encoder.head.weight.data.copy_(sentence.head.weight[:-1])  # the last is "none of them"
    for name in ("embedding", "salience", *(() if tuned else ("forward_lstm", "backward_lstm"))):
        getattr(network.encoder, name).requires_grad_(False)


def alone(task: Task, writer: Writer) -> tuple[list[Row], dict[str, float]]:
    """The generator alone and what it chooses beside, and figures that are not in the table."""
    right, looked_at = task.places(task.measured), task.places(task.looked_at)
    written, chances = writer.write([text for text, _ in task.measured])
    beyond, beyond_chances = writer.write(task.outside)
    dev, dev_chances = writer.write([text for text, _ in task.looked_at])
    wrote, chosen = judged(written, writer.paper.tokenizer, task.forms), chances.argmax(axis=1)
    sure, sure_beyond = (np.array([one.confidence for one in part]) for part in (written, beyond))
    total, total_beyond = (np.array([sum(one.log_probabilities) for one in part]) for part in (written, beyond))
    facts = {
        "exact on dev.csv": float((judged(dev, writer.paper.tokenizer, task.forms) == looked_at).mean()),
        "chosen right on dev.csv": float((dev_chances.argmax(axis=1) == looked_at).mean()),
        "written as chosen": float((wrote == chosen).mean()),
        "AUROC outside by the sum": auroc(total, total_beyond),
    }
    if 0 < (wrote == right).sum() < len(right):
        facts["AUROC right by the sum"] = auroc(total[wrote == right], total[wrote != right])
    choice = row_of("its classification layer", chosen, right, chances.max(axis=1), beyond_chances.max(axis=1))
    return [
        row_of("generator alone", wrote, right, sure, sure_beyond, writer.seconds),
        replace(choice, mixed=None),
    ], facts


def judged(written: Sequence[Hypothesis], tokenizer: PieceTokenizer, forms: Sequence[str]) -> Places:
    """Whose answer each text is: the place of a form, -1 where it is none or was cut off. Shape: (Q,)."""
    at = {form: place for place, form in enumerate(forms)}
    return np.array([at.get(tokenizer.decode(one.pieces), -1) if one.finished else -1 for one in written])


def row_of(
    name: str,
    given: Places,
    right: Places,
    sure: Floats,
    beyond: Floats | None = None,
    seconds: float | None = None,
) -> Row:
    """A row from the places that were given, -1 for no answer at all, and the confidence in each."""
    exact = given == right
    return Row(
        name,
        float(exact.mean()),
        float(((given >= 0) & ~exact).mean()),
        float((given < 0).mean()),
        auroc(sure[exact], sure[~exact]) if 0 < exact.sum() < len(exact) else None,
        auroc(sure, beyond) if beyond is not None and len(beyond) else None,
        coverage(sure, exact, 0.02),
        seconds,
    )


@dataclass(frozen=True, slots=True)
class Chosen:
    """An engine and what it made of questions: candidates of ``measured``, ``looked_at`` and ``outside``, best first,
    as pairs of intent and probability.
    """

    engine: Engine
    measured: list[list[tuple[str, float]]]
    looked_at: list[list[tuple[str, float]]]
    outside: list[list[tuple[str, float]]]
    seconds: float


def choose(task: Task, folder: Path, minutes: float, seed: int) -> Chosen:
    """Train the engine as ``understanding.py`` does, with these answers, and ask it everything."""
    texts, labels = zip(*task.learned, strict=True)
    answers = dict(zip(task.intents, task.answers, strict=True))
    attendant = Attendant(Terms(folder, seed, minutes))
    began = time.process_time()
    attendant.fit(Stored(texts, labels, answers=answers))
    seconds = time.process_time() - began
    asked = ([text for text, _ in task.measured], [text for text, _ in task.looked_at], list(task.outside))
    return Chosen(Engine.load(folder / "model"), *(attendant.rank(part) for part in asked), seconds)


def composed(task: Task, chosen: Chosen) -> tuple[list[Row], float]:
    """The choice, what is written from the chosen entry, and what a customer would read: what was written only where
    the composer is sure enough and it is faithful to the entry, else the entry itself. Beside the rows the share of the
    latter.
    """
    engine, right = chosen.engine, task.places(task.measured)
    given, sure = _firsts(task, chosen.measured)
    _, beyond = _firsts(task, chosen.outside)
    asked = [at for at, place in enumerate(given) if place >= 0]
    contexts = [
        Context(task.measured[at][0], WorkingMemory(), engine.knowledge[task.intents[given[at]]]) for at in asked
    ]
    places = {answer: place for place, answer in enumerate(task.answers)}
    wrote, said, own_words = np.full(len(given), -1), given.copy(), len(given)
    for at, context, generation in zip(asked, contexts, engine.generator.generate(contexts), strict=True):
        if generation is None or not generation.finished:
            continue
        form = template(context.entry.answer)
        text, verdict = review(generation.text, form, {}, [context.question], whole=True)
        wrote[at] = places.get(text, -1)
        if verdict.faithful and engine.arbiter.may_speak(generation.confidence):
            said[at] = wrote[at]
            own_words -= 1
    return [
        replace(row_of("engine's choice", given, right, sure, beyond, chosen.seconds), mixed=None),
        row_of("composed from it", wrote, right, sure),
        row_of("composed, as it is said", said, right, sure),
    ], own_words / len(given)


def _firsts(task: Task, found: Sequence[Sequence[tuple[str, float]]]) -> tuple[Places, Floats]:
    """The likeliest of each question and its probability; -1 and 0 where nothing comes into question."""
    at = {intent: place for place, intent in enumerate(task.intents)}
    firsts = [ranking[0] if ranking else ("", 0.0) for ranking in found]
    return np.array([at.get(intent, -1) for intent, _ in firsts]), np.array([chance for _, chance in firsts])


def voted(task: Task, chosen: Chosen, writer: Writer) -> tuple[Row, float]:
    """The choice with the generator's vote, and the weight of it: the best of the likelihood on ``dev.csv``."""
    looked_at = _ballot(task, chosen.looked_at, [text for text, _ in task.looked_at], writer)
    right = task.places(task.looked_at)
    losses = [_loss(_shares(looked_at, float(weight)), looked_at[0], right) for weight in _WEIGHTS]
    weight = float(_WEIGHTS[int(np.argmin(losses))])
    measured = _ballot(task, chosen.measured, [text for text, _ in task.measured], writer)
    beyond = _ballot(task, chosen.outside, task.outside, writer)
    shares, outside = _shares(measured, weight), _shares(beyond, weight)
    given = measured[0][np.arange(len(shares)), shares.argmax(axis=1)]
    sure, others = shares.max(axis=1), outside.max(axis=1)
    return replace(
        row_of("with the generator's vote", given, task.places(task.measured), sure, others), mixed=None
    ), weight


Ballot = tuple[Places, Floats, Floats]
"""Candidates of each question (Q, K), what the engine gives them, and the log-probability of writing their answers."""


def _ballot(task: Task, found: Sequence[Sequence[tuple[str, float]]], texts: Sequence[str], writer: Writer) -> Ballot:
    at = {intent: place for place, intent in enumerate(task.intents)}
    places = np.array([_padded([at[intent] for intent, _ in ranking[:_VOTERS]], len(at)) for ranking in found])
    given = np.zeros(places.shape)
    for row, ranking in enumerate(found):
        given[row, : len(ranking[:_VOTERS])] = [chance for _, chance in ranking[:_VOTERS]]
    return places, given, writer.worth(texts, places)


def _padded(places: list[int], count: int) -> list[int]:
    """As many places as there are voters; those that the engine did not name have no chance and change nothing."""
    others = [place for place in range(count) if place not in places]
    return [*places, *others][:_VOTERS]


def _shares(ballot: Ballot, weight: float) -> Floats:
    """Probabilities of the candidates after the vote (Q, K); what the engine gives to none of them stays with that,
    as if the generator found writing nothing as likely as the mean of the candidates, each by its chance.
    """
    _, given, worth = ballot
    none = np.clip(1 - given.sum(axis=1), 1e-6, 1.0)
    mean = (given * worth).sum(axis=1) / np.maximum(given.sum(axis=1), 1e-9)
    scores = np.log(np.maximum(given, 1e-12)) + weight * (worth - mean[:, None])
    powers = np.exp(np.column_stack([scores, np.log(none)]) - scores.max(axis=1, keepdims=True))
    shares: Floats = powers[:, :-1] / powers.sum(axis=1, keepdims=True)
    return shares


def _loss(shares: Floats, places: Places, right: Places) -> float:
    """Mean surprise at the right candidate in nats, over the questions that have it among theirs."""
    at = (places == right[:, None]) & (shares > 0)
    return float(-np.log(np.maximum((shares * at).sum(axis=1)[at.any(axis=1)], 1e-12)).mean())


if __name__ == "__main__":
    sys.exit(main())
