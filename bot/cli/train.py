"""``attendant train``: learning a model from the FAQ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, FILE, config_option, json_option, open_log
from bot.cli.output import counted, say, show, show_json
from engine.understand.encoders import NAMES, is_encoder, placed

if TYPE_CHECKING:
    from bot.config import Config
    from engine.errors import Problem
    from engine.training.options import TrainingOptions, TrainingSummary

INTERRUPTED = 130
_MOST_WARNINGS = 10
_FROM = f"What it starts from: {NAMES}; else the configured one."
_VALIDATION = "Real questions with id or answer (CSV); how sure the bot must be is fitted on them."


def _encoder(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and not is_encoder(name):
        raise click.BadParameter(f"{name!r} is not {NAMES}")
    return name


@click.command(context_settings=CONTEXT)
@click.argument("sources", nargs=-1, type=FILE, metavar="[SOURCE]...")
@click.option("--out", type=FILE, metavar="DIR", help="The folder of the model; else the configured one.")
@click.option("--epochs", type=click.IntRange(min=1), help="Exactly so many; else it stops when nothing improves.")
@click.option("--minutes", type=click.FloatRange(min=0.05), help="Stop after this time with the best so far.")
@click.option("--from", "encoder", metavar="ENCODER", callback=_encoder, help=_FROM)
@click.option("--seed", type=click.IntRange(0, 2**31 - 1), help="The same seed draws the same chances.")
@click.option("--validation", type=FILE, multiple=True, metavar="FILE", help=_VALIDATION)
@json_option
@config_option
def command(
    sources: tuple[Path, ...],
    out: Path | None,
    epochs: int | None,
    minutes: float | None,
    encoder: str | None,
    seed: int | None,
    validation: tuple[Path, ...],
    as_json: bool,
    config: Config,
) -> None:
    """Train a model and put it in place of the one before.

    SOURCE is a FAQ (CSV, TSV) or a log of conversations (JSONL). Without SOURCE: the files that the
    configuration names, else the imported FAQ, else the sample of an invented shop. Ctrl-C leaves the model
    as it was.
    """
    options = options_of(config)
    options = replace(
        options,
        epochs=options.epochs if epochs is None else epochs,
        minutes=options.minutes if minutes is None else minutes,
        encoder=placed(encoder, Path.cwd()) if encoder else options.encoder,
        seed=options.seed if seed is None else seed,
    )
    open_log(config)
    summary = run(config, sources, out or config.model_path, options, validation=validation)
    if as_json:
        show_json(summary.to_json())
    else:
        show(in_words(summary))


def options_of(config: Config) -> TrainingOptions:
    """The options that the configuration names."""
    from engine.training.options import TrainingOptions

    chosen = config.training
    return TrainingOptions(
        epochs=chosen.epochs,
        minutes=chosen.minutes,
        seed=chosen.seed,
        threads=chosen.threads,
        encoder=placed(config.engine.encoder, config.home),
        cell=chosen.cell,
        slots=config.slots,
        max_wrong_rate=config.answers.max_wrong_rate,
        locales=config.bot.locales,
    )


def run(
    config: Config,
    sources: Sequence[Path],
    out: Path,
    options: TrainingOptions,
    *,
    validation: Sequence[Path] = (),
) -> TrainingSummary:
    """Train with a progress line, after saying from what and into which folder.

    Raises:
        Exit: With the code of an interrupt, after saying that nothing was changed.
        EngineError: If the sources or the folder cannot be used, or training fails.
    """
    from bot.cli.knowledge import Sources, configured
    from bot.cli.progress import ProgressLine
    from engine.training.data import read_training_data

    chosen = Sources(tuple(sources), ", ".join(map(str, sources))) if sources else configured(config)
    if validation:
        chosen = replace(chosen, validation=tuple(validation))
    locales = config.bot.locales
    try:
        data = read_training_data(chosen.files, validation=chosen.validation, locales=locales)
        say(f"learning from {chosen.words}")
        say(_plan(len(data.knowledge), len(data.conversations), out))
        _warn(data.warnings)
        from engine.training import school  # torch is slow to come, so the plan is on the screen before

        earlier = school.interrupted(out)
        if earlier:
            say(earlier)
        with ProgressLine() as line:
            return school.train(data, out, options, line)
    except KeyboardInterrupt:
        say(_stopped(out))
        raise click.exceptions.Exit(INTERRUPTED) from None


def in_words(summary: TrainingSummary) -> str:
    """What came of a run, for people."""
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
    ]
    return "\n".join(lines)


def _plan(entries: int, conversations: int, out: Path) -> str:
    learned = f"{counted(entries, 'entry', 'entries')}, {counted(conversations, 'conversation', 'conversations')}"
    if (out / "manifest.json").exists():
        return f"{learned}; replacing the model in {out} when the new one is whole"
    return f"{learned}; writing the model to {out}"


def _warn(warnings: Sequence[Problem]) -> None:
    for warning in warnings[:_MOST_WARNINGS]:
        say(f"may be a mistake: {warning}")
    if len(warnings) > _MOST_WARNINGS:
        say(f"and {len(warnings) - _MOST_WARNINGS:,} more; `attendant faq check` shows all of a file")


def _stopped(out: Path) -> str:
    there = (out / "manifest.json").exists()
    return f"stopped; nothing was changed: the model in {out} is {'as it was' if there else 'still to be made'}"
