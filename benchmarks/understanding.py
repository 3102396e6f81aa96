"""Understanding and retrieval beside other ways to do the same: one table a set, same splits, same run.

    python benchmarks/understanding.py --data FOLDER [--sets banking77,clinc150,…] [--rows attendant,…] [--draws 1]
                                       [--json FILE]

benchmarks/README.md says what the sets, the rows and the columns are.
"""

from __future__ import annotations

import argparse
import difflib
import json
import platform
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # run as a script, not as a module

from benchmarks.datasets import DRAWN, TRIALS, DataError, Folders, Trial, trial
from benchmarks.isolated import Answers, Job, RowFailedError, RowSkippedError, run
from benchmarks.measures import Quality, quality
from benchmarks.peers import PACKAGES, ROWS

LIBRARIES = ("numpy", "torch", "rapidfuzz", *sorted(set(PACKAGES.values())))


@dataclass(frozen=True, slots=True)
class Figures:
    """One row: quality, and what it costs."""

    quality: Quality
    training_seconds: float
    median: float
    at_95: float
    training_megabytes: float | None
    megabytes: float | None
    asked: int

    def to_json(self) -> dict[str, Any]:
        """The figures as plain data."""
        return {
            **self.quality.to_json(),
            "training_seconds": round(self.training_seconds, 3),
            "median_milliseconds": round(self.median, 3),
            "p95_milliseconds": round(self.at_95, 3),
            "training_megabytes": None if self.training_megabytes is None else round(self.training_megabytes, 1),
            "megabytes": None if self.megabytes is None else round(self.megabytes, 1),
            "asked": self.asked,
        }


@dataclass(frozen=True, slots=True)
class Column:
    """A heading of two lines, what stands under it, which trials have it, and whether its range over draws is told."""

    head: tuple[str, str]
    cell: Callable[[Figures], float | None]
    form: str
    shown: Callable[[Trial], bool]
    ranged: bool = False


def _beyond(made: Trial) -> bool:
    return any(not one.right for one in made.asked)


def _always(_: Trial) -> bool:
    return True


def _retrieval(made: Trial) -> bool:
    return made.retrieval


COLUMNS = (
    Column(("first", "right"), lambda row: row.quality.accuracy, ".1%", _always, ranged=True),
    Column(("MRR", ""), lambda row: row.quality.reciprocal_rank, ".3f", _retrieval),
    Column(("MAP", ""), lambda row: row.quality.precision, ".3f", _retrieval),
    Column(("coverage", "2% wrong"), lambda row: row.quality.coverage_2, ".1%", _always, ranged=True),
    Column(("coverage", "5% wrong"), lambda row: row.quality.coverage_5, ".1%", _always, ranged=True),
    Column(("outside", "AUROC"), lambda row: row.quality.auroc, ".3f", _beyond),
    Column(("outside", "recall"), lambda row: row.quality.outside_recall, ".1%", _beyond),
    Column(("training", "CPU s"), lambda row: row.training_seconds, ".1f", _always),
    Column(("median", "CPU ms"), lambda row: row.median, ".2f", _always),
    Column(("p95", "CPU ms"), lambda row: row.at_95, ".2f", _always),
    Column(("training", "MB"), lambda row: row.training_megabytes, ".0f", _always),
    Column(("memory", "MB"), lambda row: row.megabytes, ".0f", _always),
)
WIDTH = 11
FIRST = 20


def main() -> int:
    """Print one table a set; 1 where a row failed or nothing could be measured."""
    parser = _parser()
    options = parser.parse_args()
    try:
        folders = Folders(options.data)
        sets = chosen(options.sets, TRIALS, "set")
        rows = chosen(options.rows, ROWS, "row")
        if options.json is not None:
            options.json.touch()
    except (DataError, ValueError, OSError) as error:
        parser.error(str(error))
    whole: dict[str, Any] = {"machine": machine(), "seed": options.seed, "minutes": options.minutes, "sets": {}}
    for name in sets:
        for line, facts in table(name, folders, rows, options):
            print(line, flush=True)
            whole["sets"][name] = facts
            if options.json is not None:
                options.json.write_text(json.dumps(whole, indent=1), "utf-8")
    found = [row for facts in whole["sets"].values() for row in facts.get("rows", {}).values()]
    return 0 if any("asked" in row for row in found) and not any("failed" in row for row in found) else 1


def table(
    name: str, folders: Folders, rows: Sequence[str], options: argparse.Namespace
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The lines of one table, each with all that is known of the set by then."""
    seeds = range(options.seed, options.seed + (options.draws if name in DRAWN else 1))
    try:
        made = [trial(name, folders, seed) for seed in seeds]
    except DataError as error:
        yield f"\n{name}: skipped: {error}", {"skipped": str(error)}
        return
    facts: dict[str, Any] = {"note": made[0].note, "seeds": list(seeds), **_sizes(made[0]), "rows": {}}
    yield "\n".join(heading(made[0], seeds)), facts
    data = tuple(str(folder.resolve()) for folder in options.data)
    for row in rows:
        jobs = [Job(data, name, row, seed, options.minutes) for seed in seeds]
        line, facts["rows"][row] = _row(jobs, made)
        yield line, facts


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, help="folders that hold banking77/, clinc150/ …")
    parser.add_argument("--sets", default="", help=f"by comma, all by default: {', '.join(TRIALS)}")
    parser.add_argument("--rows", default="", help=f"by comma, all by default: {', '.join(ROWS)}")
    parser.add_argument("--json", type=Path, help="write all figures to this file")
    parser.add_argument("--seed", type=int, default=1, help="of splits, samples and training")
    parser.add_argument(
        "--draws", type=_count, default=1, help=f"seeds from --seed on that {', '.join(DRAWN)} are drawn by"
    )
    parser.add_argument("--minutes", type=float, default=20.0, help="bound of attendant's training, wall clock")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 1 on")
    return int(text)


def chosen(wanted: str, known: Iterable[str], what: str) -> list[str]:
    """The names in a list by comma, all for none; ``hint3`` stands for all names that begin with ``hint3/``.

    Raises:
        ValueError: If a name is not known; says which are near.
    """
    names = list(known)
    found: list[str] = []
    for word in (part.strip() for part in wanted.split(",") if part.strip()):
        matching = [word] if word in names else [name for name in names if name.startswith(f"{word}/")]
        if not matching:
            near = difflib.get_close_matches(word, names)
            raise ValueError(f"there is no {what} {word!r}; {'near' if near else 'known'}: {', '.join(near or names)}")
        found += matching
    return list(dict.fromkeys(found)) or names


def heading(made: Trial, seeds: Sequence[int]) -> list[str]:
    """Name, sizes and head of a table."""
    sizes = _sizes(made)
    outside = f" and {sizes['stored_outside']:,} out of scope" if sizes["stored_outside"] else ""
    beyond = f", {sizes['asked_outside']:,} out of scope" if sizes["asked_outside"] else ", none out of scope"
    drawn = f"; {len(seeds)} draws, seeds {seeds[0]} to {seeds[-1]}" if len(seeds) > 1 else ""
    columns = [column for column in COLUMNS if column.shown(made)]
    heads = ("".join(f"{column.head[line]:>{WIDTH}}" for column in columns) for line in (0, 1))
    return [
        f"\n{made.name}: {sizes['stored']:,} texts of {sizes['labels']:,} labels{outside}; "
        f"asked {sizes['asked_inside']:,} in scope{beyond}{drawn}",
        *textwrap.wrap(made.note, 110, initial_indent="  ", subsequent_indent="  "),
        *(f"{'':<{FIRST}}{head}" for head in heads),
    ]


def _sizes(made: Trial) -> dict[str, int]:
    inside = sum(bool(one.right) for one in made.asked)
    return {
        "stored": len(made.stored.texts),
        "labels": len(set(made.stored.labels)),
        "stored_outside": len(made.stored.outside),
        "asked_inside": inside,
        "asked_outside": len(made.asked) - inside,
    }


def _row(jobs: Sequence[Job], made: Sequence[Trial]) -> tuple[str, dict[str, Any]]:
    """A line of the table, for several draws with their range below it, and the same as plain data."""
    name = jobs[0].row
    try:
        draws = [figures(one, run(job)) for one, job in zip(made, jobs, strict=True)]
    except RowSkippedError as error:
        return f"{name:<{FIRST}}  skipped: {error}", {"skipped": str(error)}
    except RowFailedError as error:
        print(error, file=sys.stderr)
        last = str(error).splitlines()[-1]
        return f"{name:<{FIRST}}  failed: {last}", {"failed": last}
    row = mean(draws)
    line = table_line(name, made[0], row)
    if len(draws) == 1:
        return line, row.to_json()
    return f"{line}\n{range_line(made[0], draws)}", {**row.to_json(), "draws": [draw.to_json() for draw in draws]}


def figures(made: Trial, answers: Answers) -> Figures:
    """What a row's answers come to."""
    times = np.array(answers.milliseconds)
    return Figures(
        quality(answers.of(made.asked), answers.rankings),
        answers.training_seconds,
        float(np.median(times)),
        float(np.quantile(times, 0.95)),
        answers.training_megabytes,
        answers.megabytes,
        len(answers.places),
    )


def mean(draws: Sequence[Figures]) -> Figures:
    """The mean of every figure; of one that a draw does not have there is none."""

    def of(found: Sequence[Any], names: Iterable[str]) -> dict[str, Any]:
        columns = {name: [getattr(one, name) for one in found] for name in names}
        return {name: None if None in values else float(np.mean(values)) for name, values in columns.items()}

    costs = [field.name for field in fields(Figures) if field.name not in ("quality", "asked")]
    together = Quality(**of([draw.quality for draw in draws], [field.name for field in fields(Quality)]))
    return replace(draws[0], quality=together, **of(draws, costs))


def range_line(made: Trial, draws: Sequence[Figures]) -> str:
    """The lowest and the highest share of the draws, in per cent, under the shares that are told so."""
    cells: list[str] = []
    for column in (column for column in COLUMNS if column.shown(made)):
        found = [share for share in map(column.cell, draws) if share is not None] if column.ranged else []
        cells.append(f"{min(found):.1%}–{max(found):.1%}".replace("%", "") if found else "")
    return f"{'  lowest–highest':<{FIRST}}{''.join(f'{cell:>{WIDTH}}' for cell in cells)}".rstrip()


def table_line(name: str, made: Trial, row: Figures) -> str:
    """One row; where it was asked a sample only, it ends with how large."""
    cells = ((column.cell(row), column.form) for column in COLUMNS if column.shown(made))
    line = "".join(f"{'-' if value is None else format(value, form):>{WIDTH}}" for value, form in cells)
    sample = f"  ({row.asked} of {len(made.asked):,} asked)" if row.asked < len(made.asked) else ""
    return f"{name:<{FIRST}}{line}{sample}"


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    return {"python": platform.python_version(), "system": platform.platform(), "libraries": _versions(LIBRARIES)}


def _versions(names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "not installed"
    return found


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an exception ends the row's process too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
