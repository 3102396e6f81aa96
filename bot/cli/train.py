"""``attendant train``: learning a model from the FAQ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    out: Path | None,
    epochs: int | None,
    minutes: float | None,
    seed: int | None,
    validation: tuple[Path, ...],
    formats: dict[str, str],
    keep_personal: bool,
    dry_run: bool,
    as_json: bool,
    config: Config,
) -> None:
    """Train a model and put it in place of the one before, unless the golden questions say that it is worse.

    SOURCE is a FAQ (CSV, TSV, JSON, ChatterBot, Rasa) or a log of conversations (JSON, CSV, Chatwoot,
    Zendesk). Without SOURCE: the files that the configuration names, else the imported FAQ, else the sample
    of an invented shop. Ctrl-C ends it with the best so far, or leaves the model as it was; a run that was
    stopped goes on where it was.
    """
    chosen = learning.chosen_sources(config, sources, validation)
    forms = learning.by_file(formats, chosen.files)
    if dry_run:
        learning.dry_run(config, chosen, forms, as_json=as_json)
        return
    options = learning.chosen_options(config, epochs, minutes, seed)
    if encoder:
        options = replace(options, encoder=placed(encoder, Path.cwd()))
    open_log(config)
    learned = run(config, sources, options, out=out, validation=validation, formats=forms, keep_personal=keep_personal)
    if as_json:
        show_json(learned.to_json())
    else:
        show(learning.in_words(learned))


def run(
    config: Config,
    sources: Sequence[Path],
    options: TrainingOptions,
    *,
    out: Path | None = None,
    validation: Sequence[Path] = (),
    formats: Mapping[Path, str] | None = None,
    keep_personal: bool = False,
) -> learning.Learned:
    """Train with a progress line, after saying from what and into which folder.

    Raises:
        Exit: With the code of an interrupt, after saying that nothing was changed.
        EngineError: If the sources or the folder cannot be used, or training fails.
    """
    chosen = learning.chosen_sources(config, sources, validation)
    try:
        data = learning.read(config, chosen, formats, keep_personal=keep_personal)
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
