"""Trainings of the generator's benchmark: our composing network and its peers, the same pairs for the same CPU time."""

from __future__ import annotations

import json
import math
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.generator_peers import LONGEST, WIDTH, Job
from benchmarks.isolated import environment

if TYPE_CHECKING:
    from engine.seq2seq.model import Seq2Seq
    from engine.text.tokenise import PieceTokenizer
    from engine.training.lesson import Example

OWN = "attendant"
_TRIED = 30  # steps by which our own speed is found, in the time of the run
_SIDE_BY_SIDE = 64
_PARTS = 10  # of a run, after each of which it could report


class PeerFailedError(Exception):
    """A peer ended with an error; holds the last of what it wrote."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What our network is and how it is taught; the peers get its sizes, and a batch of as many sentences."""

    layout: str = "after"
    embedding: int = 256
    hidden: int = 128
    decoder: int = 256
    depth: int = 1
    room: int = 700
    rate: float = 3e-3
    dropout: float = 0.15
    smoothing: float = 0.1
    kept: float = 0.98
    alpha: float = 1.0
    beta: float = 0.0
    coverage: float = 0.0
    precision: str = "float32"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pairs of texts and what is asked: sources with references. The pieces are made of what is taught alone.

    ``writable`` are the pieces that may be written; ``copying`` lets our network copy them from the source.
    """

    tokenizer: PieceTokenizer
    pairs: list[Example]
    sources: list[list[int]]
    source_texts: list[str]
    references: list[str]
    writable: list[int]
    copying: bool = False

    @property
    def asked(self) -> list[Example]:
        """What is asked with its references, as pairs; those with a piece that cannot be written are left out."""
        from engine.training.lesson import Example

        marks, writable = self.tokenizer, set(self.writable)
        wanted = [(*pieces, marks.end) for pieces in marks.encode_all(self.references)]
        both = zip(self.sources, wanted, strict=True)
        return [Example(tuple(source), target) for source, target in both if writable.issuperset(target)]


@dataclass(frozen=True, slots=True)
class Row:
    """A training: target pieces and CPU seconds, size of the network, and what it wrote where it was asked to."""

    name: str
    pieces: int
    steps: int
    seconds: float
    parameters: int
    written: list[str] = field(default_factory=list)

    @property
    def speed(self) -> float:
        """Target pieces in a CPU second."""
        return self.pieces / max(self.seconds, 1e-9)


@dataclass(frozen=True, slots=True)
class Run:
    """What every training has in common."""

    corpus: Corpus
    recipe: Recipe
    python: str
    peer_rate: float
    seed: int

    def train(self, name: str, seconds: float, *, write: bool) -> Row:
        """Train one row for so many CPU seconds."""
        if name == OWN:
            return own(self.corpus, self.recipe, seconds, self.seed, write=write)[0]
        return self._peer(name, seconds, write=write)

    def _peer(self, name: str, seconds: float, *, write: bool) -> Row:
        recipe, pairs = self.recipe, self.corpus.pairs
        longer = statistics.mean(max(len(one.source), len(one.target)) for one in pairs)
        sizes = (recipe.embedding, recipe.hidden, recipe.decoder, round(recipe.room / longer))
        job = Job(seconds, *sizes, self.peer_rate, recipe.dropout, recipe.smoothing, self.seed, write)
        with tempfile.TemporaryDirectory(prefix="attendant-benchmark-") as place:
            folder = Path(place)
            _lay_out(self.corpus, job, folder)
            _call(self.python, name, folder)
            result = json.loads((folder / "result.json").read_bytes())
            lines = (folder / "val.hyp").read_text("utf-8").splitlines() if write else []
        return Row(name, **result, written=[self.corpus.tokenizer.decode(_back(line)) for line in lines])


def _lay_out(corpus: Corpus, job: Job, folder: Path) -> None:
    """Leave the texts as words that are numbers of pieces, as a peer reads them."""
    (folder / "job.json").write_text(json.dumps(asdict(job)), "utf-8")
    wanted = corpus.tokenizer.encode_all(corpus.references)
    sides = {
        "train.src": [one.source for one in corpus.pairs],
        "train.trg": [one.target[:-1] for one in corpus.pairs],
        "val.src": corpus.sources,
        "val.trg": wanted,
    }
    for name, lines in sides.items():
        text = "".join(" ".join(f"p{piece}" for piece in line) + "\n" for line in lines)
        (folder / name).write_text(text, "utf-8")


def _back(line: str) -> list[int]:
    """The pieces of a line that a peer wrote; what is none of them is a word for what it does not know."""
    return [int(word[1:]) for word in line.split() if word[:1] == "p" and word[1:].isdecimal()]


def _call(python: str, name: str, folder: Path) -> None:
    script = Path(__file__).with_name("generator_peers.py")
    plain = {key: value for key, value in environment().items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    variables = {**plain, "CUDA_VISIBLE_DEVICES": "", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"}
    # OpenNMT-py reads its own checkpoints with pickle
    line = [python, "-W", "ignore", str(script), name, str(folder)]
    done = subprocess.run(line, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    if done.returncode:
        raise PeerFailedError(f"{name} ended with {done.returncode}: {done.stderr.strip()[-2000:]}")


def own(
    corpus: Corpus, recipe: Recipe, seconds: float, seed: int, *, write: bool, start: Seq2Seq | None = None
) -> tuple[Row, Seq2Seq]:
    """Our row, and the network; it goes on from ``start`` where there is one.

    A few steps of a network that is thrown away tell how many there will be; their time is counted too, but that of a
    first one, which loads what training needs, is not.
    """
    taught(network(corpus, recipe, seed), corpus, recipe, 1, Clock(math.inf), seed)
    began = time.process_time()
    clock = Clock(began + seconds)
    tried = taught(network(corpus, recipe, seed), corpus, recipe, _TRIED, clock, seed)
    each = (time.process_time() - began) / tried
    kept = network(corpus, recipe, seed) if start is None else start
    steps = max(1, round((clock.end - time.process_time()) / each))
    taught(kept, corpus, recipe, steps, clock, seed)
    spent = time.process_time() - began
    size = sum(part.numel() for part in kept.parameters())
    return Row(OWN, clock.pieces, clock.steps, spent, size, written(kept, corpus, recipe) if write else []), kept


@dataclass(slots=True)
class Clock:
    """When CPU time is up, and what was trained on until then."""

    end: float
    pieces: int = 0
    steps: int = 0

    def up(self) -> bool:
        """True when the time is over."""
        return time.process_time() > self.end


def network(corpus: Corpus, recipe: Recipe, seed: int) -> Seq2Seq:
    import torch

    from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise

    torch.manual_seed(seed)
    sizes = ModelSizes(
        corpus.tokenizer.size,
        recipe.embedding,
        recipe.hidden,
        recipe.decoder,
        layout=recipe.layout,
        depth=recipe.depth,
    )
    return initialise(Seq2Seq(sizes, torch.tensor(corpus.writable), dropout=recipe.dropout))


def taught(model: Seq2Seq, corpus: Corpus, recipe: Recipe, steps: int, clock: Clock, seed: int) -> int:
    """Teach a network for so many steps, or until the time is up; how many it were."""
    from engine.training.hardware import chosen
    from engine.training.loop import Loop
    from engine.training.loop import Pace as LoopPace
    from engine.training.running import Running
    from engine.training.texts import Pace, TextsTask

    class Counted(TextsTask):
        """The task, counting what it is shown."""

        def pieces(self, batch: Sequence[Example]) -> int:
            """Pieces of targets; the loop asks once a step."""
            found = super().pieces(batch)
            clock.pieces += found
            clock.steps += 1
            return found

    parts, before = min(_PARTS, steps), clock.steps
    pace = Pace(
        parts,
        math.inf,
        steps=-(-steps // parts),
        room=recipe.room,
        smoothing=recipe.smoothing,
        coverage=recipe.coverage,
        copying=corpus.copying,
    )
    how = LoopPace("texts", parts, math.inf, rate=recipe.rate, kept=recipe.kept)
    running = Running(stop=clock.up, hardware=chosen("cpu", recipe.precision))
    Loop(model, Counted(corpus.tokenizer, corpus.pairs, (), pace), how, running, seed=seed).run()
    return clock.steps - before


def written(model: Seq2Seq, corpus: Corpus, recipe: Recipe) -> list[str]:
    """What the network writes for the sources that are asked, in their order."""
    return [texts[0] for texts in hypotheses(model, corpus, recipe)]


def hypotheses(model: Seq2Seq, corpus: Corpus, recipe: Recipe, width: int = WIDTH) -> list[list[str]]:
    """All that beam search of a width finds for each of the sources that are asked, the best first."""
    import torch

    from engine.seq2seq.beams import Search, beams
    from engine.seq2seq.model import pad

    marks = corpus.tokenizer
    search = Search(marks.begin, marks.end, width, LONGEST, recipe.alpha, recipe.beta)
    order = sorted(range(len(corpus.sources)), key=lambda at: len(corpus.sources[at]))
    found: list[list[str]] = [[] for _ in order]
    for at in range(0, len(order), _SIDE_BY_SIDE):
        part = order[at : at + _SIDE_BY_SIDE]
        with torch.inference_mode():
            pieces, lengths = pad([corpus.sources[place] or [marks.begin] for place in part])
            encoded = model.encoder(pieces, lengths)
        source = pieces if corpus.copying else None
        for place, some in zip(part, beams(model, encoded, search, source), strict=True):
            found[place] = [marks.decode(one.pieces) for one in some]
    return found


def perplexity(model: Seq2Seq, corpus: Corpus) -> float:
    """Of a piece of the references."""
    from engine.training.texts import buckets, mean_surprise

    batches = list(buckets(corpus.asked, 2048))
    return math.exp(mean_surprise(model, batches, corpus.tokenizer, copying=corpus.copying))
