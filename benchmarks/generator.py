"""The composing network by itself, beside JoeyNMT and OpenNMT-py: translation, and what an agent says next.

    python benchmarks/generator.py --data FOLDER [--sets multi30k,sgd,crosswoz] [--minutes 3,10,30]
                                   [--peers joeynmt,opennmt] [--python PYTHON] [--speed 60] [--rounds 1] [--seed 1]
                                   [--json FILE]

All rows of a set read the same pieces and have the same CPU time, one thread, in turns; ours is of the same size or
smaller. All write by beam search of width 5; some of it is printed, drawn by seed.

- ``multi30k``, German to English: the target pieces that each trains on in a CPU second, then BLEU on the validation
  part after so many CPU minutes of training.
- ``sgd`` and ``crosswoz``, service conversations in English and Chinese with placeholders for values (see
  ``dialogues.py``): a tenth of the conversations is asked. Perplexity, BLEU, distinct pairs of words, replies whose
  placeholders are wrong or missing; beside them what agents say most often. Chinese, of which there is little, from
  nothing and going on from the network of ``sgd``, where that is trained too.

Needs sacrebleu; ``--python`` names a Python that has the peers. ``answers.py`` measures answers to single questions.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks import dialogues
from benchmarks.datasets import DataError, Folders
from benchmarks.generator_peers import PEERS
from benchmarks.generator_runs import OWN, Corpus, PeerFailedError, Recipe, Row, Run, hypotheses, own, perplexity

if TYPE_CHECKING:
    from engine.seq2seq.model import Seq2Seq
    from engine.text.tokenise import PieceTokenizer

TRANSLATED = {"multi30k": ("de", "en")}
SETS = (*TRANSLATED, *dialogues.SETS)
PIECES = 4000
TALKED_PIECES = 6000
ASKED = 1000
SHOWN = 5
SHOWN_REPLIES = 20
CHECKED_WIDTH = 16  # of the beam search whose hypotheses are looked at one by one
TALKING = Recipe(room=1200, dropout=0.1, coverage=0.2)
_TUNED = 0.5  # of the learning rate, where a network goes on from another set


def main() -> int:
    """Measure; 1 where something cannot be measured, 2 for a wrong name."""
    options = _parser().parse_args()
    peers, sets = (_names(text) for text in (options.peers, options.sets))
    for asked, there in ((peers, PEERS), (sets, SETS)):
        unknown = [name for name in asked if name not in there]
        if unknown:
            print(f"generator: {', '.join(unknown)} is none of {', '.join(there)}", file=sys.stderr)
            return 2
    try:
        found = measure(options, sets, peers)
    except (DataError, ModuleNotFoundError, OSError, PeerFailedError) as error:
        print(f"generator: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds the sets")
    parser.add_argument("--sets", default="multi30k", help=f"what is measured, of {', '.join(SETS)}; multi30k")
    parser.add_argument("--minutes", type=_numbers, default=[3.0], help="CPU minutes of training, parted by commas: 3")
    parser.add_argument("--peers", default="", help=f"who is measured beside it, parted by commas: {', '.join(PEERS)}")
    parser.add_argument("--python", default=sys.executable, help="a Python that has the peers installed")
    parser.add_argument("--peer-rate", type=float, default=3e-3, help="learning rate of the peers, 0.003")
    parser.add_argument("--speed", type=float, default=60.0, help="CPU seconds to measure speed with, 0 for none; 60")
    parser.add_argument("--rounds", type=int, default=1, help="how often speed is measured, in turns; 1")
    parser.add_argument("--recipe", type=_json, default={}, help="sizes and rates that differ, as JSON")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    return parser


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _json(text: str) -> dict[str, Any]:
    try:
        read = dict(json.loads(text))
        Recipe(**read)
    except (TypeError, ValueError) as error:
        names = ", ".join(part.name for part in fields(Recipe))
        raise argparse.ArgumentTypeError(f"{error}; it is a JSON object of {names}") from error
    return read


def _numbers(text: str) -> list[float]:
    return [float(part) for part in text.split(",") if part.strip()]


def measure(options: argparse.Namespace, sets: Sequence[str], peers: Sequence[str]) -> dict[str, Any]:
    """Every set; each figure is printed as it is found."""
    import torch

    torch.set_num_threads(1)
    folders = Folders([options.data])
    found = {name: translate(folders, name, options, peers) for name in sets if name in TRANSLATED}
    talked = [name for name in sets if name in dialogues.SETS]
    return found | (talk(folders, talked, options, peers) if talked else {})


def translate(folders: Folders, name: str, options: argparse.Namespace, peers: Sequence[str]) -> dict[str, Any]:
    """Speed in turns, then BLEU at every time."""
    import sacrebleu

    judge = {name: sacrebleu.BLEU(tokenize=name, force=True) for name in ("none", "13a")}
    recipe = Recipe(**options.recipe)
    corpus = read(folders, name)
    run = Run(corpus, recipe, options.python, options.peer_rate, options.seed)
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


def speeds(run: Run, peers: Sequence[str], seconds: float, rounds: int) -> dict[str, list[float]]:
    """Target pieces in a CPU second, measured in turns."""
    found: dict[str, list[float]] = {name: [] for name in (OWN, *peers)}
    size: dict[str, int] = {}
    for _ in range(rounds):
        for name, own_figures in found.items():
            row = run.train(name, seconds, write=False)
            own_figures.append(round(row.speed, 1))
            size[name] = row.parameters
    base = statistics.median(found[peers[0]] if peers else found[OWN])
    for name, own_figures in found.items():
        middle = statistics.median(own_figures)
        shown = ", ".join(f"{one:,.0f}" for one in own_figures)
        print(f"{name:<12}{middle:>9,.0f} target pieces a CPU second ({shown}), "
              f"{middle / base:.2f} times {(peers or [OWN])[0]}, {size[name]:,} parameters", flush=True)  # fmt: skip
    return found


def read(folders: Folders, name: str) -> Corpus:
    """A set of translations in pieces.

    Raises:
        DataError: If a file is missing, or the two sides differ in lines.
    """
    from engine.text.tokenise import PieceTokenizer
    from engine.training.lesson import Example

    source, target = TRANSLATED[name]
    texts, wanted = _sides(folders, name, "train", source, target)
    asked, references = _sides(folders, name, "val", source, target)
    tokenizer = PieceTokenizer.train([*texts, *wanted], size=PIECES)
    both = zip(tokenizer.encode_all(texts), tokenizer.encode_all(wanted), strict=True)
    pairs = [Example(tuple(one), (*other, tokenizer.end)) for one, other in both if one and other]
    writable = sorted({piece for pair in pairs for piece in pair.target})
    return Corpus(tokenizer, pairs, tokenizer.encode_all(asked), asked, references, writable)


def _sides(folders: Folders, name: str, part: str, source: str, target: str) -> tuple[list[str], list[str]]:
    paths = folders.need(f"{name}/{part}.{source}"), folders.need(f"{name}/{part}.{target}")
    one, other = (path.read_text("utf-8").splitlines() for path in paths)
    if len(one) != len(other):
        raise DataError(f"{paths[0]} has {len(one)} lines and {paths[1]} has {len(other)}; they must be translations")
    return one, other


def samples(corpus: Corpus, rows: Sequence[Row], seed: int, count: int = SHOWN) -> list[str]:
    """Some sources with what every row wrote, drawn by seed."""
    lines: list[str] = []
    for place in random.Random(seed).sample(range(len(corpus.references)), min(count, len(corpus.references))):
        lines += ["", f"{'source':<12} {corpus.source_texts[place]}", f"{'reference':<12} {corpus.references[place]}"]
        lines += [f"{row.name:<12} {row.written[place]}" for row in rows if row.written]
    return [*lines, ""]


def talk(
    folders: Folders, sets: Sequence[str], options: argparse.Namespace, peers: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Conversations: one network a set, for the longest of the times that were asked for."""
    recipe = replace(TALKING, **options.recipe)
    every = [dialogues.read(folders, name, asked=ASKED, seed=options.seed) for name in sets]
    tokenizer = dialogues.tokenizer_of(every, TALKED_PIECES)
    corpora = _corpora(every, tokenizer)
    seconds = 60 * max(options.minutes)
    found: dict[str, dict[str, Any]] = {}
    before: Seq2Seq | None = None
    for name, heard, corpus in zip(sets, every, corpora, strict=True):
        frequent = dialogues.most_frequent(heard.taught)
        spoken = [_Spoken(Row("most frequent", 0, 0, 0.0, 0, [frequent] * len(heard.asked)), None)]
        row, network = own(corpus, recipe, seconds, options.seed, write=False)
        spoken += _twice(row, network, corpus, recipe, heard)
        if before is not None:
            slower = replace(recipe, rate=recipe.rate * _TUNED)
            row, before = own(corpus, slower, seconds, options.seed, write=False, start=before)
            spoken += _twice(replace(row, name="tuned"), before, corpus, recipe, heard)
        run = Run(corpus, recipe, options.python, options.peer_rate, options.seed)
        spoken += [_Spoken(run.train(peer, seconds, write=True), None) for peer in peers]
        found[name] = _judged(name, heard, corpus, spoken, options.seed)
        before = network
    return found


def _twice(row: Row, network: Seq2Seq, corpus: Corpus, recipe: Recipe, heard: dialogues.Dialogues) -> list[_Spoken]:
    """What a network writes, and what of it passes the check."""
    surprise, wider = perplexity(network, corpus), hypotheses(network, corpus, recipe, CHECKED_WIDTH)
    best = replace(row, written=[texts[0] for texts in hypotheses(network, corpus, recipe)])
    passed = replace(row, name=f"{row.name}, checked", written=dialogues.checked(heard.asked, wider))
    return [_Spoken(best, surprise), _Spoken(passed, surprise)]


def _corpora(every: Sequence[dialogues.Dialogues], tokenizer: PieceTokenizer) -> list[Corpus]:
    """The sets as pairs of pieces; what any of them writes, all can."""
    pairs = [dialogues.examples(one.taught, tokenizer) for one in every]
    writable = sorted({piece for some in pairs for pair in some for piece in pair.target})
    return [
        Corpus(
            tokenizer,
            some,
            [dialogues.pieces_of(reply, tokenizer) for reply in one.asked],
            [reply.source for reply in one.asked],
            [reply.text for reply in one.asked],
            writable,
            copying=True,
        )
        for one, some in zip(every, pairs, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class _Spoken:
    """What a row said, and its perplexity where that is known."""

    row: Row
    perplexity: float | None


def _judged(
    name: str, heard: dialogues.Dialogues, corpus: Corpus, spoken: Sequence[_Spoken], seed: int
) -> dict[str, Any]:
    """The figures of a set, printed with samples."""
    import sacrebleu

    judge = sacrebleu.BLEU(tokenize="zh" if name == "crosswoz" else "13a", force=True)
    references = [reply.named(reply.text) for reply in heard.asked]
    print(f"\n{name}: {len(heard.taught):,} replies taught, {len(heard.asked):,} asked\n"
          f"{'':<20}{'perplexity':>11}{'BLEU':>7}{'distinct-2':>12}{'wrong':>7}{'missing':>9}{'either':>8}{'other':>7}"
          f"{'steps':>8}{'parameters':>12}")  # fmt: skip
    rows: dict[str, Any] = {}
    for one in spoken:
        written = one.row.written
        said = [reply.named(text) for reply, text in zip(heard.asked, written, strict=True)]
        marks = dialogues.marks(heard.asked, written)
        bleu = judge.corpus_score(said, [references]).score
        rows[one.row.name] = {
            "perplexity": one.perplexity,
            "bleu": round(bleu, 2),
            "distinct-2": round(dialogues.distinct(said), 4),
            **asdict(marks),
            **asdict(replace(one.row, written=[])),
        }
        shown = f"{one.perplexity:.2f}" if one.perplexity else "-"
        print(f"{one.row.name:<20}{shown:>11}{bleu:>7.1f}{dialogues.distinct(said):>12.3f}{marks.wrong:>7.1%}"
              f"{marks.missing:>9.1%}{marks.either:>8.1%}{marks.different:>7.1%}{one.row.steps:>8,}"
              f"{one.row.parameters:>12,}", flush=True)  # fmt: skip
    print(f"{'agents':<20}{'':>18}{dialogues.distinct(references):>12.3f}\n{judge.get_signature()}")
    named = replace(corpus, references=references)
    shown_rows = [
        replace(one.row, written=[reply.named(text) for reply, text in zip(heard.asked, one.row.written, strict=True)])
        for one in spoken[1:]
    ]
    print("\n".join(samples(named, shown_rows, seed, SHOWN_REPLIES)), flush=True)
    return rows


if __name__ == "__main__":
    sys.exit(main())
