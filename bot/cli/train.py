"""``attendant train``: learning a model from the FAQ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bot.cli import learning
from bot.cli.learning import learning_options, tell
from bot.cli.options import CONTEXT, FILE, config_option, json_option, open_log
from bot.cli.output import show, show_json
from engine.understand.encoders import NAMES, is_encoder, placed

if TYPE_CHECKING:
    from bot.cli.knowledge import Sources
    from bot.config import Config
    from engine.training.options import TrainingOptions

_FROM = f"What it starts from: {NAMES}; else the configured one."


def _encoder(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and not is_encoder(name):
        raise click.BadParameter(f"{name!r} is not {NAMES}")
    return name


@click.command(context_settings=CONTEXT)
@click.argument("sources", nargs=-1, type=FILE, metavar="[SOURCE]...")
@click.option("--from", "encoder", metavar="ENCODER", callback=_encoder, help=_FROM)
@learning_options
@json_option
@config_option
def command(
    sources: tuple[Path, ...],
    encoder: str | None,
    chosen: learning.Chosen,
    as_json: bool,
    config: Config,
) -> None:
    """Train a model and put it in place of the one before, unless the golden questions say that it is worse.

    SOURCE is a FAQ (CSV, TSV, JSON, ChatterBot, Rasa) or a log of conversations (JSON, CSV, Chatwoot,
    Zendesk). Without SOURCE: the files that the configuration names, else the imported FAQ, else the sample
    of an invented shop. Ctrl-C ends it with the best so far, or leaves the model as it was; a run that was
    stopped goes on where it was.
    """
    read = learning.chosen_sources(config, sources, chosen.validation)
    forms = learning.by_file(chosen.formats, read.files)
    if chosen.dry_run:
        learning.dry_run(config, read, forms, as_json=as_json)
        return
    options = learning.chosen_options(config, chosen)
    if encoder:
        options = replace(options, encoder=placed(encoder, Path.cwd()))
    open_log(config)
    learned = run(config, options, read, out=chosen.out, formats=forms, keep_personal=chosen.keep_personal)
    if as_json:
        show_json(learned.to_json())
    else:
        show(learning.in_words(learned))


def run(
    config: Config,
    options: TrainingOptions,
    sources: Sources | None = None,
    *,
    out: Path | None = None,
    formats: Mapping[Path, str] | None = None,
    keep_personal: bool = False,
) -> learning.Learned:
    """Train with a progress line, after saying from what and into which folder; without sources from the configured.

    Raises:
        Exit: With the code of an interrupt, after saying that nothing was changed.
        EngineError: If the sources or the folder cannot be used, or training fails.
    """
    sources = sources or learning.chosen_sources(config, (), ())
    try:
        data = learning.read(config, sources, formats, keep_personal=keep_personal)
        tell(learning.plan(data, out or config.model_path))
        from engine.training import school  # torch is slow to come, so the plan is on the screen before
    except KeyboardInterrupt:
        tell(learning.stopped(out or config.model_path))
        raise click.exceptions.Exit(learning.INTERRUPTED) from None

    def learn(folder: Path) -> learning.Learn:
        earlier = school.interrupted(folder, school.identity(data, options))
        if earlier:
            tell(earlier)
        return lambda report, stop: school.train(data, folder, options, report, stop=stop)

    return learning.run(config, out, learn, kind="train")
