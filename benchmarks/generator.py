"""The composing network as the field measures such networks: translation, beside JoeyNMT and OpenNMT-py.

    python benchmarks/generator.py --data FOLDER [--minutes 3,10,30] [--peers joeynmt,opennmt] [--python PYTHON]
                                   [--speed 60] [--rounds 1] [--seed 1] [--json FILE]

multi30k, German to English: all rows read the same pieces (one BPE for both languages) and have the same CPU time, one
thread, in turns. First the target pieces that each trains on in a CPU second, then BLEU on the validation part after so
many CPU minutes of training, by beam search of width 5, and some of what was written, drawn by seed. Needs sacrebleu;
``--python`` names a Python that has the peers.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks.datasets import DataError, Folders
from benchmarks.generator_peers import LONGEST, PEERS, WIDTH, Job
from benchmarks.isolated import environment

if TYPE_CHECKING:
    from engine.seq2seq.model import Seq2Seq
    from engine.text.tokenise import PieceTokenizer
    from engine.training.lesson import Example

SETS = {"multi30k": ("de", "en")}
OWN = "attendant"
PIECES = 4000
SHOWN = 5
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


@dataclass(frozen=True, slots=True)
class Corpus:
    """Pairs of texts and what is asked: sources with references. Pieces and the short list are of the pairs alone."""

    tokenizer: PieceTokenizer
    pairs: list[Example]
    sources: list[list[int]]
    source_texts: list[str]
    references: list[str]


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


def main() -> int:
    """Measure; 1 where something cannot be measured, 2 for a wrong name."""
    options = _parser().parse_args()
    names = [name.strip() for name in options.peers.split(",") if name.strip()]
    unknown = [name for name in names if name not in PEERS]
    if unknown:
        print(f"generator: {', '.join(unknown)} is none of {', '.join(PEERS)}", file=sys.stderr)
        return 2
    try:
        found = measure(options, names)
    except (DataError, ModuleNotFoundError, OSError, PeerFailedError) as error:
        print(f"generator: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds multi30k/")
    parser.add_argument("--set", choices=sorted(SETS), default="multi30k", help="what is translated")
    parser.add_argument("--minutes", type=_numbers, default=[3.0], help="CPU minutes of training, parted by commas: 3")
    parser.add_argument("--peers", default="", help=f"who is measured beside it, parted by commas: {', '.join(PEERS)}")
    parser.add_argument("--python", default=sys.executable, help="a Python that has the peers installed")
    parser.add_argument("--peer-rate", type=float, default=3e-3, help="learning rate of the peers, 0.003")
    parser.add_argument("--speed", type=float, default=60.0, help="CPU seconds to measure speed with, 0 for none; 60")
    parser.add_argument("--rounds", type=int, default=1, help="how often speed is measured, in turns; 1")
    parser.add_argument("--recipe", type=_recipe, default=Recipe(), help="sizes and rates that differ, as JSON")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    return parser


def _recipe(text: str) -> Recipe:
    try:
        return Recipe(**json.loads(text))
    except (TypeError, ValueError) as error:
        names = ", ".join(part.name for part in fields(Recipe))
        raise argparse.ArgumentTypeError(f"{error}; it is a JSON object of {names}") from error


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",") if part.strip()]


def measure(options: argparse.Namespace, peers: Sequence[str]) -> dict[str, Any]:
    """Speed in turns, then BLEU at every time; each figure is printed as it is found."""
    import sacrebleu
    import torch

    torch.set_num_threads(1)
    judge = {name: sacrebleu.BLEU(tokenize=name, force=True) for name in ("none", "13a")}
    recipe: Recipe = options.recipe
    corpus = read(Folders([options.data]), options.set)
    run = _Run(corpus, recipe, options.python, options.peer_rate, options.seed)
    found: dict[str, Any] = {"recipe": asdict(recipe), "speed": {}, "quality": []}
    if options.speed:
        found["speed"] = speeds(run, peers, options.speed, options.rounds)
    for minutes in options.minutes:
        rows = [run.train(name, 60 * minutes, write=True) for name in (OWN, *peers)]
        for row in rows:
            scores = {name: bleu.corpus_score(row.written, [corpus.references]) for name, bleu in judge.items()}
            figures = {name: round(score.score, 2) for name, score in scores.items()}
            shown = ", ".join(f"{score} (tok:{name})" for name, score in figures.items())
            print(f"{minutes:>5g} CPU minutes  {row.name:<12} BLEU {shown}, {row.speed:,.0f} pieces/s, "
                  f"{row.steps:,} steps, {row.parameters:,} parameters", flush=True)  # fmt: skip
            found["quality"].append({"minutes": minutes, "bleu": figures, **asdict(row)})
        print("\n".join(samples(corpus, rows, options.seed)), flush=True)
    signatures = [str(bleu.get_signature()) for bleu in judge.values()] if options.minutes else []
    print("\n".join(signatures))
    return {**found, "signatures": signatures}


def speeds(run: _Run, peers: Sequence[str], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Target pieces in a CPU second, measured in turns."""
    found: dict[str, list[float]] = {name: [] for name in (OWN, *peers)}
    size: dict[str, int] = {}
    for _ in range(rounds):
        for name, own in found.items():
            row = run.train(name, seconds, write=False)
            own.append(round(row.speed, 1))
            size[name] = row.parameters
    base = statistics.median(found[peers[0]] if peers else found[OWN])
    for name, own in found.items():
        middle = statistics.median(own)
        print(f"{name:<12}{middle:>9,.0f} target pieces a CPU second ({', '.join(f'{one:,.0f}' for one in own)}), "
              f"{middle / base:.2f} times {(peers or [OWN])[0]}, {size[name]:,} parameters", flush=True)  # fmt: skip
    return found


def read(folders: Folders, name: str) -> Corpus:
    """A set in pieces.

    Raises:
        DataError: If a file is missing, or the two sides differ in lines.
    """
    from engine.text.tokenise import PieceTokenizer
    from engine.training.lesson import Example

    source, target = SETS[name]
    texts, wanted = _sides(folders, name, "train", source, target)
    asked, references = _sides(folders, name, "val", source, target)
    tokenizer = PieceTokenizer.train([*texts, *wanted], size=PIECES)
    both = zip(tokenizer.encode_all(texts), tokenizer.encode_all(wanted), strict=True)
    pairs = [Example(tuple(one), (*other, tokenizer.end)) for one, other in both if one and other]
    return Corpus(tokenizer, pairs, tokenizer.encode_all(asked), asked, references)


def _sides(folders: Folders, name: str, part: str, source: str, target: str) -> tuple[list[str], list[str]]:
    paths = folders.need(f"{name}/{part}.{source}"), folders.need(f"{name}/{part}.{target}")
    one, other = (path.read_text("utf-8").splitlines() for path in paths)
    if len(one) != len(other):
        raise DataError(f"{paths[0]} has {len(one)} lines and {paths[1]} has {len(other)}; they must be translations")
    return one, other


@dataclass(frozen=True, slots=True)
class _Run:
    """What every training has in common."""

    corpus: Corpus
    recipe: Recipe
    python: str
    peer_rate: float
    seed: int

    def train(self, name: str, seconds: float, *, write: bool) -> Row:
        """Train one row for so many CPU seconds."""
        if name == OWN:
            return own(self.corpus, self.recipe, seconds, self.seed, write=write)
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


def own(corpus: Corpus, recipe: Recipe, seconds: float, seed: int, *, write: bool) -> Row:
    """Our row. A few steps of a network that is thrown away tell how many there will be; their time is counted too, but
    that of a first one, which loads what training needs, is not.
    """
    _taught(_network(corpus, recipe, seed), corpus, recipe, 1, _Clock(math.inf), seed)
    began = time.process_time()
    clock = _Clock(began + seconds)
    tried = _taught(_network(corpus, recipe, seed), corpus, recipe, _TRIED, clock, seed)
    each = (time.process_time() - began) / tried
    network = _network(corpus, recipe, seed)
    steps = max(1, round((clock.end - time.process_time()) / each))
    _taught(network, corpus, recipe, steps, clock, seed)
    spent = time.process_time() - began
    size = sum(part.numel() for part in network.parameters())
    return Row(OWN, clock.pieces, clock.steps, spent, size, translated(network, corpus, recipe) if write else [])


@dataclass(slots=True)
class _Clock:
    """When CPU time is up, and what was trained on until then."""

    end: float
    pieces: int = 0
    steps: int = 0

    def up(self) -> bool:
        """True when the time is over."""
        return time.process_time() > self.end


def _network(corpus: Corpus, recipe: Recipe, seed: int) -> Seq2Seq:
    import torch

    from engine.seq2seq.model import ModelSizes, Seq2Seq, initialise

    torch.manual_seed(seed)
    listed = sorted({piece for pair in corpus.pairs for piece in pair.target})
    sizes = ModelSizes(
        corpus.tokenizer.size,
        recipe.embedding,
        recipe.hidden,
        recipe.decoder,
        layout=recipe.layout,
        depth=recipe.depth,
    )
    return initialise(Seq2Seq(sizes, torch.tensor(listed), dropout=recipe.dropout))


def _taught(network: Seq2Seq, corpus: Corpus, recipe: Recipe, steps: int, clock: _Clock, seed: int) -> int:
    """Teach a network for so many steps, or until the time is up; how many it were."""
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
    pace = Pace(parts, math.inf, steps=-(-steps // parts), room=recipe.room, smoothing=recipe.smoothing)
    how = LoopPace("texts", parts, math.inf, rate=recipe.rate, kept=recipe.kept)
    Loop(network, Counted(corpus.tokenizer, corpus.pairs, (), pace), how, Running(stop=clock.up), seed=seed).run()
    return clock.steps - before


def translated(network: Seq2Seq, corpus: Corpus, recipe: Recipe) -> list[str]:
    """What the network writes for the sources that are asked, in their order."""
    import torch

    from engine.seq2seq.beams import Search, beams
    from engine.seq2seq.model import pad

    marks = corpus.tokenizer
    search = Search(marks.begin, marks.end, WIDTH, LONGEST, recipe.alpha, recipe.beta)
    order = sorted(range(len(corpus.sources)), key=lambda at: len(corpus.sources[at]))
    found = [""] * len(order)
    for at in range(0, len(order), _SIDE_BY_SIDE):
        part = order[at : at + _SIDE_BY_SIDE]
        with torch.inference_mode():
            pieces, lengths = pad([corpus.sources[place] or [marks.begin] for place in part])
            encoded = network.encoder(pieces, lengths)
        for place, written in zip(part, beams(network, encoded, search), strict=True):
            found[place] = marks.decode(written[0].pieces)
    return found


def samples(corpus: Corpus, rows: Sequence[Row], seed: int) -> list[str]:
    """Some sources with what every row wrote, drawn by seed."""
    lines: list[str] = []
    for place in random.Random(seed).sample(range(len(corpus.references)), SHOWN):
        lines += ["", f"{'source':<12} {corpus.source_texts[place]}", f"{'reference':<12} {corpus.references[place]}"]
        lines += [f"{row.name:<12} {row.written[place]}" for row in rows if row.written]
    return [*lines, ""]


if __name__ == "__main__":
    sys.exit(main())
