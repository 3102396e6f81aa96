"""``attendant evaluate``: how well a model answers questions whose answers are known."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli.options import CONTEXT, FILE, config_option, json_option, model_option, open_log
from bot.cli.output import counted, say, show, show_json

if TYPE_CHECKING:
    from bot.config import Config


@click.command(context_settings=CONTEXT, short_help="Count right and wrong answers to a file of questions.")
@click.argument("file", type=FILE)
@model_option
@json_option
@config_option
def command(file: Path, model: Path | None, as_json: bool, config: Config) -> None:
    """Ask every question of FILE, and count what was right, wrong and declined; nothing is changed.

    FILE is a CSV with the columns question and answer, or question and id. An empty answer means that the
    question is out of scope and should be declined.
    """
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
