"""``attendant evaluate``: how well a model answers questions whose answers are known."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, FILE, config_option, json_option, model_option, open_log
from bot.cli.output import counted, say, show, show_json
from engine.understand.encoders import NAMES, NONE, is_encoder, placed

if TYPE_CHECKING:
    from bot.config import Config


_CELLS = ("lstm", "gru")
_COMPARE = (
    "Set models side by side, parted by commas. lstm and gru, trained from nothing, and what a model can be trained "
    f"from ({NAMES}) are trained for it on the configured knowledge and thrown away; anything else is a model folder."
)


@click.command(context_settings=CONTEXT, short_help="Count right and wrong answers to a file of questions.")
@click.argument("file", type=FILE)
@model_option
@click.option("--compare", "compared", metavar="MODELS", help=_COMPARE)
@json_option
@config_option
def command(file: Path, model: Path | None, compared: str | None, as_json: bool, config: Config) -> None:
    """Ask every question of FILE, and count what was right, wrong and declined; nothing is changed.

    FILE is a CSV with the columns question and answer, or question and id. An empty answer means that the
    question is out of scope and should be declined.
    """
    if compared is not None:
        _compare(file, model, compared, as_json, config)
        return
    from bot.compose import load_engine
    from engine.training.evaluate import evaluate, read_questions

    open_log(config)
    engine = load_engine(config, model)
    asked = read_questions(file, engine.knowledge)
    say(f"asking {counted(len(asked), 'question', 'questions')} of {file}")
    result = evaluate(engine, asked)
    if as_json:
        show_json(result.to_json())
    else:
        show("\n".join(result.lines()))


def _compare(file: Path, model: Path | None, compared: str, as_json: bool, config: Config) -> None:
    names = [name.strip() for name in compared.split(",") if name.strip()]
    if model is not None:
        names.insert(0, str(model))
    if not names:
        raise click.BadParameter("name at least one model", param_hint="--compare")
    missing = [name for name in names if not _is_trained(name) and not Path(name).is_dir()]
    if missing:
        raise click.BadParameter(
            f"{missing[0]!r} is neither lstm, gru, {NAMES} nor a model folder", param_hint="--compare"
        )
    from bot.compose import load_engine
    from engine.knowledge.entries import Knowledge
    from engine.training.compare import compare, lines
    from engine.training.evaluate import read_questions

    open_log(config)
    read_questions(file, Knowledge(()))  # what is wrong with the file is said before anything is trained
    found = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="attendant-compare-") as folder:
            place, seconds = _trained(name, Path(folder), config) if _is_trained(name) else (Path(name), None)
            say(f"asking {name}")
            engine = load_engine(config, place)
            found.append(compare(name, engine, place, read_questions(file, engine.knowledge), seconds))
    if as_json:
        show_json({"models": [one.to_json() for one in found]})
    else:
        show("\n".join(lines(found)))


def _is_trained(name: str) -> bool:
    return name in _CELLS or is_encoder(name)


def _trained(name: str, folder: Path, config: Config) -> tuple[Path, float]:
    """A model with this cell or from this encoder, and the CPU seconds that it took."""
    from bot.cli.learning import options_of
    from bot.cli.train import run

    options = options_of(config)
    options = (
        replace(options, cell=name, encoder=NONE)
        if name in _CELLS
        else replace(options, encoder=placed(name, Path.cwd()))
    )
    learned = run(config, options, out=folder / "model")
    return folder / "model", learned.summary.cpu_seconds
