"""What ``train`` and ``finetune`` share: reading, checking, the run itself, and what becomes of the model."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.cli.options import FILE
from bot.cli.output import counted, say
from engine.logs.detect import FORMATS

if TYPE_CHECKING:
    from bot.cli.knowledge import Sources
    from bot.config import Config
    from engine.knowledge.entries import Knowledge
    from engine.training.before_after import BeforeAfter
    from engine.training.data import TrainingData
    from engine.training.gate import GateReport
    from engine.training.options import Report, TrainingOptions, TrainingSummary

INTERRUPTED = 130
BEFORE_AFTER = "before_after"
"""What the comparison with the model before is called in JSON, and among the figures that are kept with a model."""
_MOST_WARNINGS = 10
_FORMAT = f"NAME, or NAME=FILE for one of several: {', '.join(FORMATS)}; else found by content."
_VALIDATION = "Real questions with id or answer (CSV); how sure the bot must be is fitted on them."

Learn = Callable[["Report", Callable[[], bool]], "TrainingSummary"]
"""A run: told where to report and whom to ask whether to stop."""

Compare = Callable[[Path], "BeforeAfter"]
"""Asks the model that lies in a folder what was asked of the one before."""


def _formats(_context: click.Context, _option: click.Parameter, named: tuple[str, ...]) -> dict[str, str]:
    """Names of formats by file; the one for all files stands under the empty name."""
    found: dict[str, str] = {}
    for each in named:
        name, _, file = each.partition("=")
        if name not in FORMATS:
            raise click.BadParameter(f"{name!r} is none of {', '.join(FORMATS)}")
        found[file] = name
    return found


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the options of every command that trains were given; ``formats`` are names by file, see ``by_file``."""

    out: Path | None
    epochs: int | None
    minutes: float | None
    seed: int | None
    validation: tuple[Path, ...]
    formats: dict[str, str]
    keep_personal: bool
    dry_run: bool


_OPTIONS = (
    click.option("--out", type=FILE, metavar="DIR", help="Write it there, and leave the model in use alone."),
    click.option("--epochs", type=click.IntRange(min=1), help="Exactly so many; else as many as pay."),
    click.option("--minutes", type=click.FloatRange(min=0.05), help="Stop after this time, best so far."),
    click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same seed draws the same chances."),
    click.option("--validation", type=FILE, multiple=True, metavar="FILE", help=_VALIDATION),
    click.option("--format", "formats", multiple=True, metavar="NAME", callback=_formats, help=_FORMAT),
    click.option("--keep-personal", is_flag=True, help="Do not mask e-mail addresses, telephone numbers, …"),
    click.option("--dry-run", is_flag=True, help="Show what is understood of the sources; train nothing."),
)


def learning_options(command: Callable[..., None]) -> Callable[..., None]:
    """The options of every command that trains; the command gets them together, as ``chosen``."""

    @wraps(command)
    def gathering(**given: Any) -> None:
        chosen = Chosen(**{field.name: given.pop(field.name) for field in fields(Chosen)})
        command(chosen=chosen, **given)

    offered: Callable[..., None] = gathering
    for option in reversed(_OPTIONS):
        offered = option(offered)
    return offered


@dataclass(frozen=True, slots=True)
class Learned:
    """What came of a run, what the gate said of the model, and whether it is in use; no report where none was asked.

    ``compared`` is how it fares beside the model it was made from; None where it was made from none.
    """

    summary: TrainingSummary
    gate: GateReport | None
    in_use: bool
    compared: BeforeAfter | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain data."""
        gate = {"gate": self.gate.to_json()} if self.gate else {}
        compared = {BEFORE_AFTER: self.compared.to_json()} if self.compared else {}
        return {**self.summary.to_json(), **compared, **gate, "in_use": self.in_use}


def options_of(config: Config) -> TrainingOptions:
    """The options that the configuration names."""
    from engine.training.options import TrainingOptions
    from engine.understand.encoders import placed

    chosen = config.training
    return TrainingOptions(
        epochs=chosen.epochs,
        minutes=chosen.minutes,
        seed=chosen.seed,
        threads=chosen.threads,
        encoder=placed(config.engine.encoder, config.home),
        cell=chosen.cell,
        device=chosen.device,
        precision=chosen.precision,
        slots=config.slots,
        max_wrong_rate=config.answers.max_wrong_rate,
        locales=config.bot.locales,
    )


def chosen_options(config: Config, chosen: Chosen) -> TrainingOptions:
    """The configured options, but for what the command line says."""
    options = options_of(config)
    return replace(
        options,
        epochs=options.epochs if chosen.epochs is None else chosen.epochs,
        minutes=options.minutes if chosen.minutes is None else chosen.minutes,
        seed=options.seed if chosen.seed is None else chosen.seed,
    )


def chosen_sources(config: Config, sources: Sequence[Path], validation: Sequence[Path]) -> Sources:
    """The named sources, else those that the configuration has."""
    from bot.cli.knowledge import Sources, configured

    chosen = Sources(tuple(sources), ", ".join(map(str, sources))) if sources else configured(config)
    return replace(chosen, validation=tuple(validation)) if validation else chosen


def by_file(formats: Mapping[str, str], files: Sequence[Path]) -> dict[Path, str]:
    """The named format of every file that has one.

    Raises:
        BadParameter: If a format is named for a file that is no source.
    """
    named = {Path(file): name for file, name in formats.items() if file}
    unknown = [file for file in named if file not in files]
    if unknown:
        raise click.BadParameter(f"{str(unknown[0])!r} is none of the sources", param_hint="'--format'")
    return {**dict.fromkeys(files if "" in formats else (), formats.get("", "")), **named}


def dry_run(config: Config, chosen: Sources, forms: Mapping[Path, str], *, as_json: bool) -> None:
    """Show what of the sources would be learned.

    Raises:
        Exit: With 1 where no training could begin with them.
    """
    from bot.cli import dry_run as rehearsal

    locales = config.bot.locales
    if not rehearsal.dry_run(
        chosen.files, validation=chosen.validation, locales=locales, formats=forms, as_json=as_json
    ):
        raise click.exceptions.Exit(1)


def read(
    config: Config,
    chosen: Sources,
    formats: Mapping[Path, str] | None = None,
    *,
    keep_personal: bool = False,
    known: Knowledge | None = None,
) -> TrainingData:
    """Read and check what is learned from; what may be a mistake is said, personal data is masked.

    ``known`` is what a model that is trained further knows.

    Raises:
        KnowledgeError: If a file cannot be read or anything in it is wrong; holds every problem.
    """
    from engine.checks.findings import warnings_for
    from engine.checks.masking import mask_data
    from engine.training.data import read_training_data

    locales = config.bot.locales
    data = read_training_data(chosen.files, validation=chosen.validation, locales=locales, formats=formats, known=known)
    warnings = warnings_for(data, origins=data.origins, locales=locales, slots=tuple(config.slots))
    found = [str(finding) for finding in warnings]
    told = {*found}
    found.extend(str(warning) for warning in data.warnings if str(warning) not in told)
    tell(f"learning from {chosen.words}")
    for warning in found[:_MOST_WARNINGS]:
        tell(f"may be a mistake: {warning}")
    if len(found) > _MOST_WARNINGS:
        tell(f"and {len(found) - _MOST_WARNINGS:,} more; `attendant faq check` shows all of a file")
    return data if keep_personal else mask_data(data)


def run(
    config: Config,
    out: Path | None,
    learn: Callable[[Path], Learn],
    *,
    kind: str,
    parent: str = "",
    compare: Compare | None = None,
) -> Learned:
    """Train with a progress line; a model that is to be used is judged by the golden questions first.

    Args:
        config: Names the registry and the golden questions.
        out: Where the model is to be written and left; None for the one in use.
        learn: A run into a folder.
        kind: ``train`` or ``finetune``.
        parent: The fingerprint of the model it was made from.
        compare: Asks it and the model it was made from the same questions; None where it was made from none.

    Raises:
        Exit: With the code of an interrupt, after saying that nothing was changed.
        EngineError: If the folder cannot be used, or training fails.
    """
    from bot.cli.files import write_whole
    from bot.cli.progress import ProgressLine
    from bot.cli.stopping import Stopping
    from engine.errors import TrainingStopped
    from engine.training.history import FILE as HISTORY
    from engine.training.history import Recorder

    folder = out or training_folder(config)
    try:
        with ProgressLine() as line, Stopping() as stopping:
            recorder = Recorder(line)
            summary = learn(folder)(recorder, stopping.asked)
    except TrainingStopped as error:
        tell(str(error))
        tell(stopped(out or config.model_path))
        raise click.exceptions.Exit(INTERRUPTED) from None
    except KeyboardInterrupt:
        tell(stopped(out or config.model_path))
        raise click.exceptions.Exit(INTERRUPTED) from None
    if not summary.fingerprint:
        raise click.exceptions.Exit(0)  # another process of this run speaks
    write_whole(folder / HISTORY, json.dumps(recorder.to_json()))
    if out:
        return Learned(summary, None, in_use=False, compared=compare(out) if compare else None)
    name, kept = _keep(config, folder, kind, parent)  # first, so that no interrupt costs the training
    return _put_in_use(config, name, Learned(summary, None, in_use=False, compared=compare(kept) if compare else None))


def tell(text: str) -> None:
    """Say something, unless another process of the same run does (``torchrun`` numbers them)."""
    if os.environ.get("RANK", "0") == "0":
        say(text)


def training_folder(config: Config) -> Path:
    """Where a model lies until it is whole and judged."""
    return config.data / "training"


def _keep(config: Config, folder: Path, kind: str, parent: str) -> tuple[str, Path]:
    """Keep the model that lies in a folder, with the history of its training; its name, and where it lies now."""
    import shutil

    from bot import models
    from engine.training.history import FILE as HISTORY

    name = models.register(config, folder, kind=kind, parent=parent)
    kept = models.registry_of(config).find(name).folder
    shutil.copyfile(folder / HISTORY, kept / HISTORY)
    shutil.rmtree(folder, ignore_errors=True)
    return name, kept


def _put_in_use(config: Config, name: str, learned: Learned) -> Learned:
    """Put a model that is kept in use unless the golden questions say that it is worse."""
    from bot import models
    from bot.cli.models import update_list

    registry = models.registry_of(config)
    if learned.compared:
        metrics = {**registry.find(name).card.metrics, BEFORE_AFTER: learned.compared.to_json()}
        registry.note(name, metrics=metrics)
    report = models.promote_if_no_worse(config, name)
    in_use = report.promotes
    if report.verdict == "untested":
        registry.promote(name, at=models.now(), note="nothing to judge it by")
        in_use = True
    update_list(config)
    place = config.model_path if in_use else registry.find(name).folder
    return replace(learned, summary=replace(learned.summary, folder=str(place)), gate=report, in_use=in_use)


def in_words(learned: Learned) -> str:
    """What came of a run, for people."""
    summary = learned.summary
    entries = counted(summary.entries, "entry", "entries")
    questions = counted(summary.questions, "question", "questions")
    epochs = counted(summary.epochs, "epoch", "epochs")
    lines = [
        f"learned {entries} from {questions} in {summary.seconds:.0f} s ({epochs})",
        "on questions held out from training:",
        *(f"  {line}".rstrip() for line in summary.report.lines()),
        f"model {summary.fingerprint[:12]}: {summary.parameters:,} weights, {summary.megabytes:.1f} MB",
        f"in {summary.folder}",
        *summary.notes,
        *(learned.compared.lines() if learned.compared else ()),
        *_judged(learned),
    ]
    return "\n".join(lines)


def _judged(learned: Learned) -> list[str]:
    """What the gate said, and what became of the model."""
    if learned.gate is None or learned.gate.verdict == "first":
        return []
    if learned.gate.verdict == "untested":
        return ["it is in use now; no golden questions are named ([models] golden), so nothing was compared",
                "`attendant models rollback` brings the one before back"]  # fmt: skip
    kept = "the one before stays in use; `attendant models promote --force` insists"
    ending = "it is in use now" if learned.in_use else kept
    return [*learned.gate.lines(), ending]


def plan(data: TrainingData, out: Path) -> str:
    """What is about to be done."""
    conversations = counted(len(data.conversations), "conversation", "conversations")
    learned = f"{counted(len(data.knowledge), 'entry', 'entries')}, {conversations}"
    if (out / "manifest.json").exists():
        return f"{learned}; replacing the model in {out} when the new one is whole"
    return f"{learned}; writing the model to {out}"


def stopped(out: Path) -> str:
    """That nothing was changed."""
    there = (out / "manifest.json").exists()
    return f"stopped; nothing was changed: the model in {out} is {'as it was' if there else 'still to be made'}"
