"""How well logs are gathered into topics, and what that costs.

    python benchmarks/mining.py --data FOLDER [--sets banking77,bitext,sgd] [--json FILE] [--conversations N]

banking77 and bitext: their training texts without the labels, and how far the groups agree with the labels
(Rosenberg, Hirschberg 2007): homogeneity, completeness and V-measure. Beside it stands k-means on TF-IDF, which is told
the true number of labels, as nobody who mines a log could be. sgd: a whole run over conversations: CPU seconds, pairs,
topics, the ten most frequent, and the peak of memory, which is that of the sets before it too. Needs scikit-learn.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks.datasets import DataError, Folders, pairs

LABELLED = {"banking77": "category", "bitext": "intent"}
SETS = (*LABELLED, "sgd")
SHOWN = 10
_LOCALES = ("en", "zh")


@dataclass(frozen=True, slots=True)
class Agreement:
    """How groups agree with labels, in [0, 1], how many groups there are and of how many texts, and CPU seconds."""

    row: str
    homogeneity: float
    completeness: float
    v_measure: float
    groups: int
    texts: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Run:
    """One run over conversations: what it found, CPU seconds by step, and the peak of memory in megabytes."""

    conversations: int
    messages: int
    pairs: int
    leaning: int
    topics: int
    reading: float
    mining: float
    megabytes: float
    frequent: list[dict[str, Any]]


def main() -> int:
    """Measure every set; 1 where one cannot be measured, 2 for a wrong name."""
    options = _parser().parse_args()
    names = [name.strip() for name in options.sets.split(",") if name.strip()]
    unknown = [name for name in names if name not in SETS]
    if unknown:
        print(f"mining: {', '.join(unknown)} is none of {', '.join(SETS)}", file=sys.stderr)
        return 2
    found: dict[str, Any] = {}
    try:
        folders = Folders([options.data])
        for name in names:
            if name in LABELLED:
                found[name] = [asdict(row) for row in labelled(name, folders)]
                continue
            run = mined(folders.need("sgd/train.jsonl.gz", "sgd/dev.jsonl"), options.conversations)
            print("\n".join(run_lines(run)), flush=True)
            found[name] = asdict(run)
    except (DataError, ModuleNotFoundError, OSError) as error:
        print(f"mining: {error}", file=sys.stderr)
        return 1
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder that holds banking77/, bitext/ and sgd/")
    parser.add_argument("--sets", default=",".join(SETS), help=f"which of them, parted by commas: {', '.join(SETS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here as well")
    parser.add_argument("--conversations", type=int, default=8000, help="how many of sgd, 8000 by default")
    return parser


def labelled(name: str, folders: Folders) -> Iterator[Agreement]:
    """The rows of a set with labels, each printed as it is measured."""
    examples = pairs(folders.need(f"{name}/train.csv"), "text", LABELLED[name])
    texts, labels = [text for text, _ in examples], [label for _, label in examples]
    count = len(set(labels))
    print(f"\n{name}: {len(texts):,} texts, {count} labels")
    print(f"{'':<34}{'homogeneity':>13}{'completeness':>14}{'V-measure':>11}{'groups':>8}{'seconds':>9}")
    rows: dict[str, Callable[[Sequence[str]], Sequence[int]]] = {
        "attendant": _own,
        "k-means on TF-IDF, true number": lambda some: _k_means(_tf_idf(some), count),
        "k-means on the base, true number": lambda some: _k_means(_base(some), count),
    }
    for row, group in rows.items():
        found = agreement(row, texts, labels, group)
        shares = f"{found.homogeneity:>13.3f}{found.completeness:>14.3f}{found.v_measure:>11.3f}"
        print(f"{row:<34}{shares}{found.groups:>8}{found.seconds:>9.1f}", flush=True)
        yield found


def agreement(
    row: str, texts: Sequence[str], labels: Sequence[str], group: Callable[[Sequence[str]], Sequence[int]]
) -> Agreement:
    """How the groups that ``group`` makes of the texts agree with their labels."""
    from sklearn.metrics import homogeneity_completeness_v_measure

    began = time.process_time()
    found = group(texts)
    seconds = time.process_time() - began
    same, whole, both = map(float, homogeneity_completeness_v_measure(labels, found))
    return Agreement(row, same, whole, both, len(set(found)), len(texts), seconds)


def _own(texts: Sequence[str]) -> Sequence[int]:
    from engine.mining.groups import grouped

    labels: list[int] = grouped(texts, _encoder()).labels.tolist()
    return labels


def _encoder() -> Any:
    from engine.base.base import BaseEncoder, shipped
    from engine.understand.slots import SlotFinder

    return BaseEncoder(shipped(), SlotFinder())


def _base(texts: Sequence[str]) -> Any:
    return _encoder().vectors(texts)


def _tf_idf(texts: Sequence[str]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2).fit_transform(texts)


def _k_means(features: Any, count: int) -> Sequence[int]:
    from sklearn.cluster import KMeans

    labels: list[int] = KMeans(count, n_init=10, random_state=1).fit_predict(features).tolist()
    return labels


def mined(path: Path, conversations: int) -> Run:
    """Read and mine conversations, at most so many."""
    from engine.logs.notes import Notes
    from engine.logs.source import stream_conversations
    from engine.mining.pairs import gather
    from engine.mining.topics import mine

    began = time.process_time()
    found = gather(islice(stream_conversations(path, Notes(str(path))), conversations), _LOCALES)
    read = time.process_time()
    topics = mine(found.pairs, _encoder(), most=100, least=2)
    done = time.process_time()
    return Run(
        found.conversations,
        found.messages,
        len(found.pairs),
        found.leaning,
        topics.found,
        read - began,
        done - read,
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
        [topic.to_json() for topic in topics.topics[:SHOWN]],
    )


def run_lines(run: Run) -> list[str]:
    """A run for people."""
    return [
        f"\nsgd: {run.conversations:,} conversations, {run.messages:,} messages of customers",
        f"{'pairs':<34}{run.pairs:>10,}   ({run.leaning:,} more lean on an earlier turn)",
        f"{'topics in two conversations or more':<34}{run.topics:>9,}",
        f"{'CPU seconds':<34}{run.reading + run.mining:>10.1f}   ({run.reading:.1f} of them reading)",
        f"{'peak memory, MB':<34}{run.megabytes:>10.0f}",
        *(
            f"{topic['conversations']:>6}  {topic['share']:>4.0%} of {topic['answers']:<5} {topic['question']}"
            for topic in run.frequent
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
