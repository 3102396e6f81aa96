"""``attendant report``: a trained model as a page that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, FILE, config_option, json_option, open_log
from bot.cli.output import counted, say, show, show_json

if TYPE_CHECKING:
    from bot.config import Config
    from engine.checkpoint import Checkpoint
    from engine.knowledge.entries import Knowledge
    from engine.respond import Engine
    from engine.training.appraisal import Appraisal, Asked

PAGE = "report.html"
_PAGES = (".html", ".htm")
_QUESTIONS = "Questions with known answers (CSV); else those that the model was judged by."
_OUT = f"Where the page is written; else {PAGE}, with --json nowhere."
_EVENTS = "Write event files for TensorBoard into this folder too."


@click.command(context_settings=CONTEXT, short_help="Write a page about a model that a person can read.")
@click.argument("model", type=FILE, metavar="[MODEL]", required=False)
@click.option("--questions", type=FILE, metavar="FILE", help=_QUESTIONS)
@click.option("--out", type=FILE, metavar="FILE", help=_OUT)
@click.option("--tensorboard", "events", type=FILE, metavar="DIR", help=_EVENTS)
@json_option
@config_option
def command(
    model: Path | None, questions: Path | None, out: Path | None, events: Path | None, as_json: bool, config: Config
) -> None:
    """Ask a model questions whose answers are known, look inside, and write all of it as a page; nothing is changed.

    MODEL is a model folder; else the configured one is taken. FILE of --questions has the columns question and
    answer, or question and id.
    """
    place = out or (None if as_json else Path(PAGE))
    if place is not None:
        _check_page(place)
    open_log(config)
    found = appraised(model, config, questions=questions, events=events)
    if place is not None:
        _write(place, found)
    if as_json:
        show_json(found.to_json())
    else:
        show("\n".join(_lines(found, place)))


def write_report(
    model: Path,
    out: Path,
    config: Config,
    *,
    questions: Path | None = None,
    events: Path | None = None,
) -> Appraisal:
    """Write the page about a model, in one step, and say so.

    Args:
        model: The model folder.
        out: Where the page is written; an earlier one is replaced.
        config: Names what the engine is built with.
        questions: What it is asked; by default the questions that it was judged by, else those it learned from.
        events: A folder for event files for TensorBoard.

    Raises:
        NoModel: If there is no model, or it cannot be used.
        EngineError: If the questions cannot be used, or event files are wanted without TensorBoard.
        OSError: If the page cannot be written; one that was there before is then unchanged.
    """
    found = appraised(model, config, questions=questions, events=events)
    _write(out, found)
    return found


def appraised(
    model: Path | None, config: Config, *, questions: Path | None = None, events: Path | None = None
) -> Appraisal:
    """Measure a model, by default the configured one; see ``write_report``."""
    from bot.compose import load_engine
    from bot.errors import NoModel
    from engine import checkpoint
    from engine.errors import CheckpointError
    from engine.training.appraisal import appraise
    from engine.training.events import check_tensorboard, write_events

    if events is not None:
        check_tensorboard()
    engine = load_engine(config, model)
    if not len(engine.knowledge):
        raise NoModel("the model holds no entries, so there is nothing to report; fill the FAQ and `attendant train`")
    read = checkpoint.read(model or _kept(config, engine.fingerprint))
    if read.fingerprint != engine.fingerprint:
        raise CheckpointError(f"{read.folder}: the model was replaced while it was read; run the same command again")
    asked = _asked(questions, read, engine)
    say(f"asking {counted(len(asked.questions), 'question', 'questions')}")
    found = appraise(engine, read, asked, slots=config.slots)
    if events is not None:
        count = write_events(events, found.history, found.figures())
        say(f"wrote {counted(count, 'number', 'numbers')} for TensorBoard to {events}")
    return found


def _kept(config: Config, fingerprint: str) -> Path:
    """Where the model in use is kept together with the history of its training; else where it is used."""
    from bot.models import registry_of
    from engine.errors import CheckpointError
    from engine.training.history import FILE

    try:
        folder = registry_of(config).find(fingerprint).folder
    except CheckpointError:
        return config.model_path
    return folder if (folder / FILE).exists() else config.model_path


def _asked(questions: Path | None, model: Checkpoint, engine: Engine) -> Asked:
    from engine.training.appraisal import FILE as FROM_FILE
    from engine.training.appraisal import Asked, stored_questions
    from engine.training.evaluate import read_questions

    knowledge: Knowledge = engine.knowledge
    if questions is None:
        return stored_questions(model, knowledge)
    return Asked(tuple(read_questions(questions, knowledge)), FROM_FILE, questions.name)


def _write(place: Path, found: Appraisal) -> None:
    from bot.cli.files import write_whole
    from bot.cli.report_page import page

    say(f"{'replacing' if place.exists() else 'writing'} {place}")
    write_whole(place, page(found))


def _lines(found: Appraisal, place: Path | None) -> Sequence[str]:
    from bot.cli.report_page import asked_of, figures_of

    pairs = figures_of(found)
    width = max(len(name) for name, _ in pairs)
    lines = [asked_of(found), *(f"  {name:<{width}}  {value:>8}" for name, value in pairs), *found.notes]
    return [*lines, f"{place}: the whole report"] if place is not None else lines


def _check_page(place: Path) -> None:
    """Refuse to put a page in place of what is none, before anything else is done."""
    if place.is_dir():
        raise click.BadParameter(f"{place} is a folder; name a file in it", param_hint="--out")
    if place.is_file() and place.suffix.lower() not in _PAGES:
        raise click.BadParameter(f"{place} is there and no .html file; it is not replaced", param_hint="--out")
